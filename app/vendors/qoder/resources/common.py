"""What many resources of this vendor have in common: filters, columns, names (resources contract 1)."""

from __future__ import annotations

from collections.abc import Mapping

from app.errors import UsageError
from app.profiles import Json
from app.resource_models import Column, Does, Field, Kind, Verb

MAX_PAIRS, MAX_NAME, MAX_VALUE = 16, 64, 512

ARCHIVED = Field("archived", "with those that were archived", Kind.FLAG, at=("include_archived",))
SINCE = Field("since", "made at or after this time, like 2026-09-01T00:00:00Z", at=("created_at[gte]",))
UNTIL = Field("until", "made at or before this time", at=("created_at[lte]",))
NAMED = Field("name", "whose name begins so")
METADATA = Field("metadata", "NAME=VALUE, at most 16", Kind.PAIRS)

ID = Column("id", (("id",),), width=22, from_width=80)
MADE = Column("made", (("created_at",),), width=18, form="when", from_width=70)
CHANGED = Column("changed", (("updated_at",), ("created_at",)), width=18, form="when", from_width=60)
PUT_AWAY = Column("", (("archived_at",),), width=9, form="archived")


def listing(path: str, *query: Field, says: str = "list them") -> Verb:
    """A list of all, page after page."""
    return Verb("list", Does.LIST, "GET", path, says, query=query)


def showing(path: str, *query: Field) -> Verb:
    """One of them."""
    return Verb("show", Does.SHOW, "GET", path, "show one, as the server has it", query=query)


def archiving(path: str, warns: str = "") -> Verb:
    """For good: nothing here is taken out of an archive again."""
    return Verb("archive", Does.ACT, "POST", f"{path}/archive", "put one away, for good", asks=True, warns=warns)


def deleting(path: str, warns: str = "") -> Verb:
    """For good."""
    return Verb("delete", Does.DELETE, "DELETE", path, "delete one, for good", asks=True, warns=warns)


def checked(body: Mapping[str, Json]) -> dict[str, Json]:
    """A body whose metadata keeps the vendor's limits (contract 2). Raises ``UsageError``."""
    pairs = body.get("metadata")
    if isinstance(pairs, Mapping):
        if len(pairs) > MAX_PAIRS:
            raise UsageError(f"metadata has {len(pairs)} pairs; at most {MAX_PAIRS} are taken.")
        for name, value in pairs.items():
            if not 0 < len(name) <= MAX_NAME:
                raise UsageError(f"A name in metadata has 1 to {MAX_NAME} characters.")
            if value is not None and (not isinstance(value, str) or len(value) > MAX_VALUE):
                raise UsageError(f"metadata.{name} has to be a text of at most {MAX_VALUE} characters.")
    return dict(body)
