"""What both front ends do with an account's resources: find by name, edit without losing anybody's change, see what uses what."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from app import resource_values as values
from app.errors import Conflict, UsageError, VendorError
from app.profiles import Json
from app.protocols import Resources
from app.resource_models import Call, Does, Object, Resource, Verb

READ_ONLY = "This profile is read-only (read_only = true in config.toml); nothing was sent."
MOST_LOOKED_AT = 1_000
"""Items of a list that are looked through for a name or a use."""


def keeps(vendor: object, label: str) -> Resources:
    """The vendor as one whose resources can be managed. Raises ``UsageError``."""
    if not isinstance(vendor, Resources):
        raise UsageError(f"{label} has no resources to manage here.")
    return vendor


def by_name(vendor: Resources, name: str) -> Resource:
    """The description of that name. Raises ``UsageError``."""
    found = next((resource for resource in vendor.resources if resource.name == name), None)
    if found is None:
        raise UsageError(f"There is no resource {name!r}; there are {', '.join(one.name for one in vendor.resources)}.")
    return found


def refuse_if_read_only(vendor: Resources, verb: Verb) -> None:
    """Raise ``UsageError`` for a write with a profile that was told to change nothing."""
    if verb.writes and vendor.read_only:
        raise UsageError(READ_ONLY)


async def every(vendor: Resources, call: Call, most: int = 0) -> AsyncIterator[Object]:
    """The items of a list, page after page; at most ``most`` of them (0: all)."""
    after, count = "", 0
    while True:
        page = await vendor.resource_page(call, after, limit=min(100, most) if most else 100)
        for item in page.items:
            yield item
            count += 1
            if most and count >= most:
                return
        after = page.next
        if not after:
            return


async def thing(vendor: Resources, resource: Resource, ids: Sequence[str]) -> Object:
    """One object as the server has it now. Raises ``UsageError`` where there is no way to read one."""
    verb = resource.verb("show")
    if verb is None:
        raise UsageError(f"One of the {resource.name} cannot be read by itself.")
    found = await vendor.perform(values.call(resource, verb, ids))
    return found if isinstance(found, Mapping) else {}


async def ids(vendor: Resources, resource: Resource, verb: Verb, wanted: Sequence[str]) -> list[str]:
    """Ids for what a person wrote, the outermost first: each an id or a unique name. Raises ``UsageError`` with the list."""
    found: list[str] = []
    for name, word in zip(verb.names, wanted, strict=True):
        owner = resource if name == resource.one or not resource.parent else by_name(vendor, resource.parent)
        found.append(await an_id(vendor, owner, word, found))
    return found


async def an_id(vendor: Resources, resource: Resource, word: str, parents: Sequence[str] = ()) -> str:
    """The id of what is called ``word``; the word itself where it is an id or nothing is called so."""
    listing = resource.first(Does.LIST)
    if not word or resource.key != "id" or (resource.prefix and word.startswith(resource.prefix)):
        return word
    if listing is None or len(listing.names) > len(parents):
        return word
    fitting: dict[str, str] = {}
    archived = next((one.place[0] for one in listing.query if one.name == "archived"), "")
    for query in ({}, {archived: True}) if archived else ({},):
        async for one in every(
            vendor, values.call(resource, listing, parents[: len(listing.names)], query=query), MOST_LOOKED_AT
        ):
            if values.ident(resource, one) == word:
                return word
            if values.label(resource, one).casefold() == word.casefold():
                fitting[values.ident(resource, one)] = values.label(resource, one)
        if fitting:
            break
    if len(fitting) > 1:
        listed = "; ".join(f"{name} ({known})" for known, name in fitting.items())
        raise UsageError(f"Several {resource.name} are called {word!r}. Say which by its id: {listed}")
    return next(iter(fitting), word)


async def with_ids(vendor: Resources, verb: Verb, said: Mapping[str, Json], parents: Sequence[str] = ()) -> dict[str, Json]:
    """Values with unique names in the place of ids turned into those, where a field is another resource's id.

    ``parents`` are the ids of what the verb is about: a name may be one below the same parent.
    """
    made = dict(said)
    for one in (*verb.fields, *verb.query):
        value = made.get(one.name)
        if not one.of or not value:
            continue
        owner = by_name(vendor, one.of)
        if isinstance(value, list):
            made[one.name] = [await _ref(vendor, owner, word) if isinstance(word, str) else word for word in value]
        elif isinstance(value, str):
            made[one.name] = await an_id(vendor, owner, value, parents)
    return made


async def _ref(vendor: Resources, owner: Resource, word: str) -> str:
    """An id with what may hang on it: ``NAME@VERSION``."""
    name, mark, rest = word.partition("@")
    return await an_id(vendor, owner, name) + mark + rest


@dataclass(frozen=True, slots=True)
class Used:
    """Something that uses an object."""

    resource: str
    id: str
    label: str


@dataclass(slots=True)
class Uses:
    """What uses an object, as far as was looked."""

    found: list[Used] = field(default_factory=list)
    whole: bool = True
    """Whether every list was read to its end."""

    @property
    def sentence(self) -> str:
        """Who uses it, in few words."""
        if not self.found:
            return "Nothing uses it." if self.whole else f"Nothing of the newest {MOST_LOOKED_AT:,} uses it."
        counts: dict[str, list[str]] = {}
        for one in self.found:
            counts.setdefault(one.resource, []).append(one.label or one.id)
        told = [
            f"{len(names)} {name} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})" for name, names in counts.items()
        ]
        return f"Used by {' and '.join(told)}."


async def uses(vendor: Resources, resource: Resource, known: str, most: int = MOST_LOOKED_AT) -> Uses:
    """What uses the object with this id."""
    found = Uses()
    for use in resource.used_by:
        other = by_name(vendor, use.resource)
        listing = other.first(Does.LIST)
        if listing is None:
            continue
        count = 0
        async for one in every(vendor, values.call(other, listing, (), query={use.query: known} if use.query else {}), most):
            count += 1
            if known in list(values.each(one, use.at)):
                found.found.append(Used(other.name, values.ident(other, one), values.label(other, one)))
        found.whole = found.whole and count < most
    return found


@dataclass(frozen=True, slots=True)
class Clash:
    """A change that met another one: what both began with, what is there now, and what was wanted."""

    before: Json
    theirs: Json
    ours: Json
    words: str

    @property
    def sides(self) -> str:
        """Both differences, one below the other."""
        theirs = values.difference(self.before, self.theirs, "as you read it", "as it is now") or "(the same as you read it)"
        ours = values.difference(self.before, self.ours, "as you read it", "yours")
        return f"Changed meanwhile:\n{theirs}\n\nYour change:\n{ours}"


class Edit:
    """One change of one object, from reading it to its being written."""

    def __init__(self, vendor: Resources, resource: Resource, verb: Verb, known: Sequence[str]) -> None:
        self.vendor, self.resource, self.verb, self.ids = vendor, resource, verb, tuple(known)
        self.thing: Object = {}
        self.clash: Clash | None = None

    async def begin(self) -> dict[str, Json]:
        """Read it; what can be edited of it."""
        self.thing = await thing(self.vendor, self.resource, self.ids)
        return self.draft

    @property
    def draft(self) -> dict[str, Json]:
        """What can be edited, as it was read."""
        return values.draft(self.verb, self.thing)

    def call(self, after: Mapping[str, Json]) -> Call:
        """The request for a change to ``after``. Raises ``UsageError`` if nothing changes or it cannot be."""
        body = values.changed(self.verb, self.thing, after)
        if not body:
            raise UsageError("Nothing changes; nothing was sent.")
        return values.call(self.resource, self.verb, self.ids, body=body)

    def difference(self, after: Mapping[str, Json]) -> str:
        """What changes, to be read before it is written; secrets are not in it."""
        if self.verb.copies:
            return ""
        text = self.resource.text
        if text and self._only(text, after):
            return values.difference(self.draft.get(text) or "", after.get(text) or "")
        return values.difference(self.verb.shape(self.draft), self.verb.shape(_without(after, self.verb)))

    def _only(self, text: str, after: Mapping[str, Json]) -> bool:
        rest = [{name: value for name, value in one.items() if name != text} for one in (_without(after, self.verb), self.draft)]
        return rest[0] == rest[1]

    async def write(self, after: Mapping[str, Json]) -> Json:
        """Write it. On a ``Conflict`` the object is read anew and ``clash`` holds both sides; then it is raised."""
        call = self.call(after)
        said = {name: value for name, value in after.items() if value != self.draft.get(name)}
        self.clash = None
        try:
            return await self.vendor.perform(call)
        except Conflict as error:
            now = await thing(self.vendor, self.resource, self.ids)
            await self._as_it_was(after)
            self.clash = self._clash(now, {**self.draft, **said}, str(error))
            self.thing = now
            raise

    async def _as_it_was(self, after: Mapping[str, Json]) -> None:
        """A version that was named by hand is what the change began with."""
        show = self.resource.verb("show")
        named = after.get("version")
        if show is None or named is None or named == self.thing.get("version") or "version" not in self.verb.carries:
            return
        with suppress(VendorError):
            then = await self.vendor.perform(values.call(self.resource, show, self.ids, query={"version": named}))
            self.thing = then if isinstance(then, Mapping) else self.thing

    def _clash(self, now: Object, after: Mapping[str, Json], words: str) -> Clash:
        text, before = self.resource.text, self.draft
        theirs = values.draft(self.verb, now)
        if text:
            return Clash(before.get(text) or "", theirs.get(text) or "", after.get(text) or "", words)
        return Clash(self.verb.shape(before), self.verb.shape(theirs), self.verb.shape(_without(after, self.verb)), words)


def _without(after: Mapping[str, Json], verb: Verb) -> dict[str, Json]:
    """What is compared: guards and secrets stay out."""
    return {name: value for name, value in after.items() if name in values.roots(verb)}
