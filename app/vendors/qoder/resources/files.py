"""Files: text of any kind, uploaded or made by agents (resources contract 2)."""

from __future__ import annotations

from app.resource_models import Column, Does, Field, Kind, Resource, Use, Verb
from app.vendors.qoder.resources.common import ID, MADE, METADATA, checked, deleting, showing

COLUMNS = (
    Column("name", (("filename",),)),
    Column("size", (("size_bytes",), ("size",)), width=11, form="size", right=True),
    Column("type", (("mime_type",),), width=18, from_width=80),
    Column("", (("downloadable",),), width=13, form="flag:downloadable"),
    MADE,
    ID,
)
LABEL = (("filename",),)
DOWNLOAD = Verb("download", Does.DOWNLOAD, "GET", "/files/{file}/content", "save one here; nothing is overwritten")

FILES = Resource(
    name="files",
    one="file",
    says="what was uploaded, and what agents made",
    prefix="file_",
    label=LABEL,
    columns=COLUMNS,
    verbs=(
        Verb(
            "list", Does.LIST, "GET", "/files", "list them",
            query=(
                Field("name", "whose name begins so"),
                Field("session", "what that session made or holds", at=("scope_id",), of="sessions"),
                Field("ids", "exactly these", Kind.LIST, at=("ids[]",)),
            ),
        ),
        showing("/files/{file}"),
        Verb(
            "upload", Does.UPLOAD, "POST", "/files", "upload a file: text of any kind",
            fields=(
                Field("file", "a path on this machine", Kind.FILE, required=True),
                Field("name", "what it is called there", most=255),
                METADATA,
            ),
            shape=checked,
        ),
        DOWNLOAD,
        deleting("/files/{file}", "Sessions that hold it may lose it."),
    ),
    used_by=(Use("sessions", ("resources", "*", "file_id")),),
)  # fmt: skip
