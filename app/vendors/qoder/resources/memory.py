"""Memory stores, the memories in them, and the versions of those (resources contract 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.errors import UsageError
from app.profiles import Json
from app.resource_models import Column, Does, Field, Kind, Resource, Use, Verb
from app.vendors.qoder.resources.common import (
    ARCHIVED,
    CHANGED,
    ID,
    MADE,
    METADATA,
    NAMED,
    PUT_AWAY,
    SINCE,
    UNTIL,
    archiving,
    checked,
    deleting,
    listing,
    showing,
)

MAX_CONTENT = 102_400
MAX_PATH = 1_024


def _shape(body: Mapping[str, Json]) -> dict[str, Json]:
    """A relative path and a text that is one, within the vendor's limits (resources contract 5.2)."""
    made: dict[str, Any] = checked(body)
    path = made.get("path")
    if isinstance(path, str):
        path = path.removeprefix("/")
        if not path or ".." in path.split("/") or len(path) > MAX_PATH:
            raise UsageError(f"A path is relative, has no '..' and at most {MAX_PATH} characters.")
        made["path"] = path
    content = made.get("content")
    if isinstance(content, str):
        if not content.strip():
            raise UsageError("A memory cannot be blank; delete it instead. Nothing was sent.")
        size = len(content.encode("utf-8", "replace"))
        if size > MAX_CONTENT:
            raise UsageError(f"A memory has at most {MAX_CONTENT:,} bytes; this one has {size:,}. Nothing was sent.")
    return made


_STORE = (
    Field("name", "1 to 255 characters", required=True, most=255),
    Field("description", "goes into the prompt of sessions that have it", most=1_024),
    METADATA,
)

MEMORY = Resource(
    name="memory",
    one="store",
    says="stores of what agents remember",
    prefix="memstore_",
    columns=(
        Column("name", (("name",),)),
        Column("memories", (("entry_count",),), width=14, form="number:memory"),
        Column("size", (("total_size",),), width=11, form="size", right=True),
        CHANGED,
        ID,
        PUT_AWAY,
    ),
    verbs=(
        listing("/memory_stores", NAMED, ARCHIVED, SINCE, UNTIL),
        showing("/memory_stores/{store}"),
        Verb("create", Does.CREATE, "POST", "/memory_stores", "make a new one", fields=_STORE, shape=checked),
        Verb("update", Does.UPDATE, "POST", "/memory_stores/{store}", "change one", fields=_STORE, shape=checked),
        archiving("/memory_stores/{store}", "It stays readable; nothing can be written any more."),
        deleting("/memory_stores/{store}", "All its memories and their versions go with it."),
    ),
    children=("memories", "memory-versions"),
    used_by=(Use("sessions", ("resources", "*", "memory_store_id"), "memory_store_id"),),
)

MEMORIES = Resource(
    name="memories",
    one="memory",
    says="the texts of a store, as a tree",
    prefix="mem_",
    parent="memory",
    label=(("path",),),
    tree=True,
    text="content",
    columns=(
        Column("path", (("path",),)),
        Column("size", (("content_size_bytes",), ("size",)), width=11, form="size", right=True),
        Column("version", (("version",),), width=8, form="version"),
        CHANGED,
        ID,
    ),
    verbs=(
        listing(
            "/memory_stores/{store}/memories", Field("prefix", "whose path begins so; end a folder with /", at=("path_prefix",))
        ),
        showing("/memory_stores/{store}/memories/{memory}"),
        Verb(
            "create", Does.CREATE, "POST", "/memory_stores/{store}/memories", "write a new one",
            fields=(
                Field("path", "like notes/billing.md", required=True, most=MAX_PATH),
                Field("content", "its text", Kind.LONG, required=True),
                METADATA,
            ),
            shape=_shape,
        ),
        Verb(
            "update", Does.UPDATE, "POST", "/memory_stores/{store}/memories/{memory}",
            "write one anew, unless it changed meanwhile: then a conflict shows the difference",
            fields=(Field("content", "its text", Kind.LONG, required=True), METADATA),
            carries=("content_sha256", "content"), merges=(), shape=_shape,
        ),
        deleting("/memory_stores/{store}/memories/{memory}"),
    ),
    used_by=(),
)  # fmt: skip

MEMORY_VERSIONS = Resource(
    name="memory-versions",
    one="version",
    says="what was written into a store, change by change",
    prefix="memver_",
    parent="memory",
    label=(("id",),),
    compares=True,
    text="content",
    columns=(
        Column("path", (("path",),)),
        Column("did", (("operation",),), width=10),
        Column("size", (("content_size_bytes",),), width=11, form="size", right=True),
        MADE,
        ID,
        Column("", (("redacted_at",),), width=10, form="redacted"),
    ),
    verbs=(
        listing(
            "/memory_stores/{store}/memory_versions",
            Field("memory", "of one memory", at=("memory_id",), of="memories"),
            Field("operation", "what was done", Kind.CHOICE, options=("created", "updated", "deleted")),
        ),
        showing("/memory_stores/{store}/memory_versions/{version}"),
        Verb(
            "redact", Does.ACT, "POST", "/memory_stores/{store}/memory_versions/{version}/redact",
            "take its text out, for good", asks=True, warns="The text of this version cannot be brought back.",
        ),
    ),
)  # fmt: skip
