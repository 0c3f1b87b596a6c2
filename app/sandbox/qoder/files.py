"""Files: upload, list, look, download in two hops, delete (resources contract 2)."""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Mapping
from pathlib import PurePosixPath
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from app.models import Json
from app.sandbox.qoder import artifacts, checks, shelf
from app.sandbox.qoder.cloud import Cloud
from app.sandbox.qoder.gate import route
from app.sandbox.qoder.pages import many
from app.sandbox.qoder.wire import Call, RefusedError, Reply, conflict, invalid

MAX_FILE = 50 * 1024 * 1024
MAX_METADATA = 8 * 1024
LINK_LASTS = 3600
"""Seconds a download link is good for."""

TEXT_TYPES = ("json", "xml", "javascript", "yaml", "x-yaml", "toml", "x-toml")
TEXT_SUFFIXES = (".txt", ".md", ".csv", ".json", ".xml", ".yaml", ".yml", ".toml", ".ini", ".conf", ".cfg", ".env", ".log", ".py")

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+")


def routes(cloud: Cloud) -> list[BaseRoute]:
    """Every route of the resource; the storage behind the links takes no token."""

    async def blob(request: Request) -> Response:
        return _blob(cloud, request)

    return [
        route(cloud, "POST", "/files", _upload),
        route(cloud, "GET", "/files", _list),
        route(cloud, "GET", "/files/{file}", _get),
        route(cloud, "GET", "/files/{file}/content", _link),
        route(cloud, "DELETE", "/files/{file}", _delete),
        Route("/storage/{token}", blob, methods=["GET"]),
    ]


def _found(cloud: Cloud, call: Call) -> dict[str, Json]:
    ident = call.names["file"]
    if ident in cloud.table("gone"):
        raise RefusedError(410, f"File '{ident}' was deleted.")
    return cloud.row("files", "File", ident)


def _upload(cloud: Cloud, call: Call) -> Reply:
    fields = {part.name: part.text for part in call.form if not part.filename}
    part = next((part for part in call.form if part.name == "file" and part.filename), None)
    if part is None:
        raise invalid("Field 'file' is required.", "file")
    name = PurePosixPath((fields.get("name") or part.filename).replace("\\", "/")).name
    name = "".join(char for char in name if char.isprintable()).strip()
    if name in ("", ".", "..") or len(name.encode(errors="replace")) > 255:
        raise invalid("Field 'name' must have 1 to 255 bytes.", "name")
    media_type = part.media_type.partition(";")[0].strip()
    media_type = media_type if _MEDIA_TYPE.fullmatch(media_type) else "application/octet-stream"
    major, _, minor = media_type.partition("/")
    if major != "text" and minor not in TEXT_TYPES and not name.lower().endswith(TEXT_SUFFIXES):
        raise invalid(f"Files of type '{media_type}' are not supported.", "file")
    if len(part.content) > MAX_FILE:
        raise invalid("A file must have at most 50 MB.", "file")
    told = artifacts.kept(cloud.world, name, media_type, part.content, metadata=metadata(fields.get("metadata", "")))
    cloud.tell("upload", id=told["id"], name=name, size=told["size_bytes"], idempotency_key=call.key or None)
    return Reply(told)


def metadata(text: str) -> dict[str, str]:
    """The ``metadata`` part of a form: JSON text of at most 8 KB."""
    if not text:
        return {}
    if len(text.encode(errors="replace")) > MAX_METADATA:
        raise invalid("Field 'metadata' must have at most 8 KB.", "metadata")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise invalid("Field 'metadata' must be a JSON object.", "metadata") from None
    return checks.metadata({"metadata": checks.mapping(value, "metadata")})


def _list(cloud: Cloud, call: Call) -> Reply:
    ids, scope = set(many(call, "ids")), call.query.get("scope_id")

    def keep(item: Mapping[str, Json]) -> bool:
        return (not ids or item["id"] in ids) and scope in (None, (item["scope"] or {}).get("id"))

    return shelf.listed(cloud, call, [row["object"] for row in cloud.table("files").values()], name="filename", keep=keep)


def _get(cloud: Cloud, call: Call) -> Reply:
    return Reply(_found(cloud, call)["object"])


def _link(cloud: Cloud, call: Call) -> Reply:
    """The first hop: a link that is its own secret, for an hour (2.5)."""
    told = _found(cloud, call)["object"]
    if not told["downloadable"]:
        raise RefusedError(403, f"File '{told['id']}' is not downloadable.")
    token, expires = secrets.token_urlsafe(24), cloud.world.clock.wall() + LINK_LASTS
    cloud.table("links")[token] = {"file": told["id"], "expires": expires}
    base = call.path.partition("/files/")[0]
    url = f"http://{call.headers['host']}{base}/storage/{token}"
    return Reply({"url": url, "expires_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires))})


def _blob(cloud: Cloud, request: Request) -> Response:
    """The second hop; like object storage it takes either the link or a header, never both."""
    link = cloud.table("links").get(request.path_params["token"])
    row = cloud.table("files").get(link["file"]) if link else None
    if "authorization" in request.headers:
        return Response("<Error><Code>InvalidArgument</Code></Error>", status_code=400, media_type="application/xml")
    if link is None or row is None or link["expires"] < cloud.world.clock.wall():
        return Response("<Error><Code>AccessDenied</Code></Error>", status_code=403, media_type="application/xml")
    told = row["object"]
    disposition = f"attachment; filename*=UTF-8''{quote(told['filename'], safe='')}"
    return Response(base64.b64decode(row["data"]), media_type=told["mime_type"], headers={"content-disposition": disposition})


def _delete(cloud: Cloud, call: Call) -> Reply:
    told = _found(cloud, call)["object"]
    for record in cloud.table("sessions").values():
        session = record["object"]
        if not session["archived_at"] and any(item.get("file_id") == told["id"] for item in session["resources"]):
            raise conflict(f"File '{told['id']}' is referenced by session '{session['id']}'.")
    del cloud.table("files")[told["id"]]
    cloud.table("gone")[told["id"]] = True
    return shelf.deleted(cloud, call, told)
