"""What the account holds, as ``app.protocols.Resources`` asks for it: the descriptions carried out over the wire."""

from __future__ import annotations

import asyncio
import json
import mimetypes
import tempfile
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from app.clock import Clock
from app.errors import Conflict, Forbidden, NotFound, Protocol, Refused, TooLarge, VendorError
from app.models import Json, Page, Profile
from app.resource_models import Call, Does, Object, Resource, Saved, Verb
from app.vendors import downloads
from app.vendors.failures import Redirected
from app.vendors.http import Http, Upload
from app.vendors.qoder import packing, pages
from app.vendors.qoder.bodies import LIMIT, NEAR
from app.vendors.qoder.calls import Calls, Look, path
from app.vendors.qoder.content import mapping, text
from app.vendors.qoder.resources import RESOURCES

Progress = Callable[[int, int], None]

FILE_LIMIT = 50 * 1024 * 1024
"""Bytes of one uploaded file (resources contract 2.2)."""
CAUTION = 3_900_000
"""Bytes from which an upload may fail where the gateway has one limit of 4 MiB for all bodies (resources contract 14.1)."""
CN_HOST = "qoder.com.cn"
_NOT_READY = (1.0, 2.0, 4.0)
"""Seconds before a file that is still processed is asked for again."""
_BY_NAME = {resource.name: resource for resource in RESOURCES}


class Shelf:
    """The part of the vendor that keeps things."""

    resources: Sequence[Resource] = RESOURCES
    key_variable = "QODER_ACCESS_TOKEN"

    _calls: Calls
    _http: Http
    _profile: Profile
    _clock: Clock
    _transport: httpx.AsyncBaseTransport | None

    @property
    def read_only(self) -> bool:
        """Whether the profile says so."""
        return self._calls.read_only

    @property
    def base(self) -> str:
        """The profile's."""
        return self._profile.base

    async def resource_page(self, call: Call, after: str = "", *, limit: int = pages.MOST) -> Page[Object]:
        """One page, in the server's order."""
        query = {**_query(call), **pages.asking(after)}
        if call.resource != "models":
            query["limit"] = max(1, min(limit, pages.MOST))
        reply = await self._calls.get(path(*call.segments), query)
        onward = pages.following(reply)
        if onward and onward == after:
            raise Protocol("The server's list repeats itself; what was read of it is not complete.")
        return Page(tuple(pages.items(reply)), onward)

    async def perform(self, call: Call, *, progress: Progress | None = None) -> Json:
        """One call: a read, a write under its own key, or an upload."""
        verb = _verb(call)
        if verb.within:
            return await self._within(call, verb)
        if verb.does is Does.UPLOAD:
            return await self._upload(call, progress)
        where = path(*call.segments)
        if not call.writes:
            return await self._calls.get(where, _query(call))
        look = self._gone(where) if verb.does is Does.DELETE else None
        try:
            return await self._calls.write(
                call.method, where, call.body, look=look, first_byte=verb.patience, again=not verb.once
            )
        except Refused as error:
            if error.status == 405 and verb.does is Does.DELETE:
                words = f"This server cannot delete here; archive it instead: {error}"
                raise Refused(words, status=405, request_id=error.request_id) from error
            body = _as_map(call.body, error)
            if body is None:
                raise
        return await self._calls.write(call.method, where, body, first_byte=verb.patience)

    def caution(self, call: Call) -> str:
        """A large upload to the gateway that has one limit for all bodies."""
        if _verb(call).does is not Does.UPLOAD or not (urlsplit(self.base).hostname or "").endswith(CN_HOST):
            return ""
        try:
            size = Path(call.file).stat().st_size
        except OSError:
            return ""
        if size <= CAUTION:
            return ""
        return f"This file has {size / 1_000_000:.1f} MB; this region's gateway may cut off what is larger than 4 MiB."

    async def download(self, call: Call, target: Path, *, progress: Progress | None = None) -> Saved:
        """Save a file by its link, or a skill's version as the zip that it is."""
        if call.resource in ("skills", "skill-versions"):
            return await self._save_skill(call, target, progress)
        about = mapping(await self._calls.get(path(*call.segments[:-1])))
        name, size = text(about.get("filename")), about.get("size_bytes")
        total = size if isinstance(size, int) else 0
        for again in (True, False):
            link = downloads.check_link(await self._link(call), self.base)
            try:
                pieces = downloads.fetch(link, self._transport)
                return await downloads.save(pieces, target, name or call.names[-1], total=total, progress=progress)
            except downloads.LinkExpired:
                if not again:
                    raise
        raise AssertionError

    # --- inside --------------------------------------------------------------------------------------------------------------

    async def _within(self, call: Call, verb: Verb) -> Json:
        """One item of a list, where it has no route of its own."""
        resource = _BY_NAME[call.resource]
        inner = resource.verb(verb.within)
        where = path(*(inner.path if inner else "").strip("/").split("/"))
        async with aclosing(self._calls.every(where)) as items:
            async for item in items:
                if text(item.get(resource.key)) == call.names[-1]:
                    return item
        raise NotFound(f"There is no {resource.one} {call.names[-1][:80]!r}.")

    def _gone(self, where: str) -> Look:
        """Whether a deletion whose answer was lost has been done."""

        async def look() -> Object | None:
            try:
                await self._calls.get(where)
            except NotFound:
                return {"type": "deleted"}
            return None

        return look

    async def _upload(self, call: Call, progress: Progress | None) -> Json:
        self._calls.refuse_writes()
        where, fields = path(*call.segments), _parts(mapping(call.body))
        if call.resource == "files":
            source = Path(call.file)
            kind = await asyncio.to_thread(_kind, source)
            return await self._sent(where, source, fields, "file", kind, progress)
        package = await asyncio.to_thread(packing.packed, Path(call.file))
        with tempfile.TemporaryDirectory(prefix="parlour-") as folder:
            source = Path(folder, f"{package.name}.zip")
            await asyncio.to_thread(source.write_bytes, package.content)
            try:
                return await self._sent(where, source, fields, "files", "application/zip", progress)
            except Refused as error:
                if error.status != 400 or "file" not in error.fields:
                    raise
            return await self._sent(where, source, fields, "file", "application/zip", progress)

    async def _sent(
        self, where: str, source: Path, fields: Mapping[str, str], part: str, kind: str, progress: Progress | None
    ) -> Json:
        upload = await Upload.of(source, media_type=kind, field=part, fields=fields, limit=FILE_LIMIT, progress=progress)
        try:
            return (await self._http.upload(where, upload, key=str(uuid.uuid4()))).data
        except Refused as error:
            words = str(error).lower()
            if (
                error.status in (400, 413)
                and upload.size >= NEAR
                and ("json" in words or "multipart" in words or "large" in words)
            ):
                raise TooLarge(
                    f"The server did not take {source.name}: with {upload.size / 1_048_576:.1f} MiB it is near or over the "
                    f"{LIMIT // 1_048_576} MiB that some gateways let through. Nothing was kept; split it.",
                    status=error.status, request_id=error.request_id, sent=False,
                ) from error  # fmt: skip
            raise

    async def _link(self, call: Call) -> str:
        """The first hop: a link that needs no key, or the old answer that redirects to it."""
        for pause in (*_NOT_READY, None):
            try:
                found = text(mapping(await self._calls.get(path(*call.segments))).get("url"))
                if not found:
                    raise Protocol("The server's answer has no link to the file. Nothing was saved.")
                return found
            except Redirected as error:
                return error.location
            except Forbidden as error:
                words = f"This file cannot be downloaded: the server keeps what was uploaded to itself ({error})."
                raise Forbidden(words, status=error.status, request_id=error.request_id) from error
            except Conflict:
                if pause is None:
                    raise
                await self._clock.sleep(pause)
        raise AssertionError

    async def _save_skill(self, call: Call, target: Path, progress: Progress | None) -> Saved:
        segments = list(call.segments)
        about = mapping(await self._calls.get(path(*segments[:2])))
        if segments[3] == "latest":
            segments[3] = text(about.get("latest_version"))
            if not segments[3]:
                raise NotFound("This skill has no version to download.")
        title = text(about.get("display_title") or about.get("name")) or segments[1]
        where = path(*segments)

        async def pieces() -> AsyncGenerator[bytes, None]:
            async with self._http.stream("GET", where, headers={"accept": "application/zip"}, idle=60.0) as stream:
                async for piece in stream.pieces():
                    yield piece

        return await downloads.save(pieces(), target, f"{title}-{segments[3]}.zip", progress=progress)


def _verb(call: Call) -> Verb:
    verb = _BY_NAME[call.resource].verb(call.verb)
    if verb is None:
        raise Refused(f"There is no verb {call.verb!r} of {call.resource}.", sent=False)
    return verb


def _query(call: Call) -> dict[str, str | int | Sequence[str]]:
    return {name: ("true" if value else "false") if isinstance(value, bool) else value for name, value in call.query.items()}


def _parts(body: Mapping[str, Json]) -> dict[str, str]:
    """Form fields: texts as they are, everything else as compact JSON, what is unset not at all (resources contract 2.2)."""
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        for name, value in body.items()
        if value not in (None, "", {})
    }


def _kind(path: Path) -> str:
    """The media type by the name; what has none and reads as text is text."""
    guessed = mimetypes.guess_type(path.name)[0]
    if guessed:
        return guessed
    try:
        with path.open("rb") as file:
            head = file.read(4_096)
        head[: head.rfind(b"\n") + 1 or None].decode()
    except (OSError, ValueError):
        return "application/octet-stream"
    return "application/octet-stream" if b"\0" in head else "text/plain"


def _as_map(body: Json, error: VendorError) -> Json:
    """The body with its variables as a map, where the server wants them so (contract 17.2); None if that is not it."""
    said = mapping(body).get("environment_variables")
    if error.status != 400 or "environment_variables" not in error.fields or not isinstance(said, str):
        return None
    pairs = [line.partition("=") for line in said.splitlines()]
    return {**mapping(body), "environment_variables": {name: value for name, _, value in pairs}}
