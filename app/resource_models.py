"""What an account holds besides conversations, as data: one description a resource drives calls, commands, browser and forms.

A ``Resource`` says which fields, columns and verbs it has; a ``Verb`` says what is asked for and where it goes; a ``Call`` is one
request without its key. Nothing here knows a vendor.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from app.profiles import Json

Place = tuple[str, ...]
"""Where a value stands in an object: names from the outside in; ``*`` is each element of a list."""
Object = Mapping[str, Json]
"""A thing of the wire, as it came."""


class Kind(StrEnum):
    """What may stand in a field."""

    TEXT = "text"
    LONG = "long"
    """Text of several lines."""
    NUMBER = "number"
    FLAG = "flag"
    CHOICE = "choice"
    LIST = "list"
    """Several words."""
    PAIRS = "pairs"
    """Names with a text each."""
    JSON = "json"
    SECRET = "secret"  # noqa: S105
    """Typed hidden or piped in; never shown, logged or kept."""
    FILE = "file"
    """A path on this machine."""


class Does(StrEnum):
    """What a verb is: how it is asked for and what its reply means."""

    LIST = "list"
    SHOW = "show"
    CREATE = "create"
    UPDATE = "update"
    ACT = "act"
    """A verb of the thing itself, without a body: archive, cancel."""
    DELETE = "delete"
    UPLOAD = "upload"
    DOWNLOAD = "download"


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a body or a query."""

    name: str
    says: str = ""
    kind: Kind = Kind.TEXT
    at: Place = ()
    """Where it stands; ``(name,)`` if left out."""
    required: bool = False
    options: tuple[str, ...] = ()
    default: str = ""
    """As it would be typed; it is sent even if nobody said it."""
    of: str = ""
    """The resource whose id it is: a unique name is taken for it too."""
    makes: str = ""
    """The name under which the first one is made, where it is needed and there is none."""
    when: tuple[str, ...] = ()
    """(another field, its values…): asked for only then."""
    most: int = 0
    """Characters; 0 is no limit of ours."""
    pattern: str = ""

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.at or (self.name,)


def _as_it_is(body: Mapping[str, Json]) -> dict[str, Json]:
    return dict(body)


@dataclass(frozen=True, slots=True)
class Verb:
    """Something that can be asked of a resource."""

    name: str
    does: Does
    method: str
    path: str
    """Below the base; ``{agent}`` is the id of an agent."""
    says: str = ""
    fields: tuple[Field, ...] = ()
    query: tuple[Field, ...] = ()
    fixed: Mapping[str, str] = field(default_factory=dict)
    """Parts of the query that are always there; ``{session}`` is filled in as in the path."""
    carries: tuple[str, ...] = ()
    """An update copies these from the object as it was read: a guard, or what the server wants whole."""
    copies: tuple[Place, ...] = ()
    """An update with these sends only what was said, and these as they are: for things whose rest cannot change."""
    merges: tuple[str, ...] = ("metadata",)
    """An update sends of these only what changed, a removed name as null; everything else goes whole."""
    shape: Callable[[Mapping[str, Json]], dict[str, Json]] = _as_it_is
    """The last step to the wire. Raises ``UsageError`` for what it can see is wrong."""
    asks: bool = False
    """It cannot be taken back: the name is asked for first."""
    warns: str = ""
    """What goes with it: said before it is done."""
    once: bool = False
    """Never repeated by itself, not even under its key."""
    patience: float = 30.0
    """Seconds until the answer must have begun."""
    within: str = ""
    """A verb without a route of its own: the object is taken from this verb's reply."""

    @property
    def names(self) -> tuple[str, ...]:
        """The ids it needs, the outermost first."""
        return tuple(dict.fromkeys(re.findall(r"{(\w+)}", " ".join((self.path, *self.fixed.values())))))

    @property
    def writes(self) -> bool:
        """Whether anything changes at the server."""
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a list. ``form``: "", ``when``, ``size``, ``count``, ``flag``."""

    title: str
    at: tuple[Place, ...]
    """The first of these places that holds something is shown."""
    width: int = 0
    """Cells; 0 takes a share of what is left."""
    form: str = ""
    from_width: int = 0
    right: bool = False


@dataclass(frozen=True, slots=True)
class Use:
    """Where an id of this resource is used: in lists of ``resource``, at ``at``."""

    resource: str
    at: Place
    query: str = ""
    """The filter of that list that narrows it, where there is one."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of thing an account holds."""

    name: str
    one: str
    """The word for one of them, also its place in a path."""
    says: str
    columns: tuple[Column, ...]
    verbs: tuple[Verb, ...]
    label: tuple[Place, ...] = (("name",),)
    """What people call one: the first place that holds something."""
    key: str = "id"
    """The name of its id."""
    prefix: str = ""
    """How its ids begin; a hint, never a rule."""
    parent: str = ""
    children: tuple[str, ...] = ()
    used_by: tuple[Use, ...] = ()
    tree: bool = False
    """Its labels are paths: shown as folders."""
    compares: bool = False
    """Two of them can be held against each other."""
    text: str = ""
    """The field that is a text of its own, edited as such and not as JSON."""

    def verb(self, name: str) -> Verb | None:
        """The verb of that name."""
        return next((verb for verb in self.verbs if verb.name == name), None)

    def first(self, does: Does) -> Verb | None:
        """The verb that does this."""
        return next((verb for verb in self.verbs if verb.does is does), None)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, without its key and its origin."""

    resource: str
    verb: str
    method: str
    segments: tuple[str, ...]
    names: tuple[str, ...] = ()
    """The ids it is about, as in ``Verb.names``."""
    query: Mapping[str, Json] = field(default_factory=dict)
    body: Json = None
    file: str = ""
    """A path that goes along or a folder that is packed."""

    @property
    def writes(self) -> bool:
        """Whether anything changes at the server."""
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class Saved:
    """A file that was downloaded."""

    path: str
    size: int
