"""Files on their way in: links that carry no key, names that cannot climb, and nothing on the disk is overwritten."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import httpx

from app.errors import Protocol, Refused, Unavailable, VendorError
from app.resource_models import Saved
from app.text import SafeText
from app.vendors.connection import is_loopback, make_client, timeouts, wire_bytes
from app.vendors.failures import broken, redirected

Progress = Callable[[int, int], None]

IDLE = 60.0
"""Seconds without a byte."""
LONGEST_NAME = 200
"""Bytes of a file's name; file systems take 255."""
_RESERVED = frozenset({"CON", "PRN", "AUX", "NUL", *(f"{name}{number}" for name in ("COM", "LPT") for number in range(1, 10))})


class LinkExpired(Unavailable):
    """The storage refuses the link: it has to be asked for again."""


def check_link(url: str, base: str) -> str:
    """``url`` if a file may be fetched from it: https, or http at the profile's own loopback origin. Raises ``Protocol``."""
    try:
        parts, own = urlsplit(url), urlsplit(base)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
        own = urlsplit(base)
    reason = ""
    if not host or parts.scheme not in ("http", "https"):
        reason = "it is not an address on the web"
    elif "@" in parts.netloc:
        reason = "it holds a user name"
    elif parts.scheme == "http" and not (is_loopback(host) and own.scheme == "http" and (host, port) == (own.hostname, own.port)):
        reason = "it is not protected (http)"
    if reason:
        raise Protocol(f"The server gave a link that is not followed: {reason}. Nothing was saved.")
    return url


async def check_address(url: str, base: str) -> str:
    """``url`` if its host is out in the world, or the profile's own origin. Raises ``Protocol`` for one inside a network."""
    parts, own = urlsplit(url), urlsplit(base)
    host = parts.hostname or ""
    if (parts.scheme, host, parts.port) == (own.scheme, own.hostname, own.port):
        return url
    try:
        found = [ip_address(host)]
    except ValueError:
        try:
            known = await asyncio.get_running_loop().getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)
        except OSError:
            raise Unavailable("The file's storage has no address that is known here. Nothing was saved.") from None
        found = [ip_address(str(one[4][0]).partition("%")[0]) for one in known]
    if not all(one.is_global for one in found):
        raise Protocol("The server gave a link into a private network, which is not followed. Nothing was saved.")
    return url


async def fetch(url: str, transport: httpx.AsyncBaseTransport | None) -> AsyncGenerator[bytes, None]:
    """The bytes behind a link: asked for once, by a client of its own without a key, a cookie or a header of ours.

    The address is told to nobody whole, it is a secret of its own. Raises ``LinkExpired`` for 401 and 403, ``Unavailable``,
    ``Protocol``, ``Refused``.
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    try:
        async with make_client(f"{parts.scheme}://{host}", transport, _without_secret) as client:
            request = client.build_request("GET", url, headers={"accept-encoding": "identity"}, timeout=timeouts(IDLE))
            response = await client.send(request, stream=True)
            try:
                refused = _judged(response, host)
                if refused is not None:
                    raise refused
                async for piece in wire_bytes(response):
                    yield piece
            finally:
                await response.aclose()
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        failed = broken(error, host, sent=True).error
        failed.args = (f"The file's storage did not give it: {failed}",)
        failure = failed
    else:
        return
    raise failure


def _without_secret(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[0] + "/…"


def _judged(response: httpx.Response, host: str) -> VendorError | None:
    status = response.status_code
    if response.is_success:
        return None
    if status in (401, 403):
        return LinkExpired(f"The storage at {host} refuses the link (status {status}).", status=status)
    if 300 <= status < 400:
        return redirected(status, "", host)
    if status in (404, 410):
        return Refused(f"The storage at {host} does not have the file (status {status}).", status=status)
    return Unavailable(f"The storage at {host} failed (status {status}).", status=status)


def safe_name(name: str, otherwise: str = "file") -> str:
    """A file's name for this disk: its last part only, printable, not hidden, not a device, not too long."""
    last = SafeText(name.replace("\\", "/").rpartition("/")[2])
    kept = "".join(
        char for char in last if char.isprintable() and char not in '<>:"|?*\ufffd' and not "\u2400" <= char <= "\u2421"
    )
    kept = kept.strip().lstrip(".").rstrip(". ")
    stem, dot, suffix = kept.rpartition(".")
    if (stem or suffix).partition(".")[0].upper() in _RESERVED:
        kept = f"_{kept}"
    while len(kept.encode()) > LONGEST_NAME:
        stem, dot, suffix = kept.rpartition(".")
        kept = f"{stem[:-1]}{dot}{suffix}" if stem and len(suffix) < 20 else kept[:-1]
    return kept or otherwise


async def save(
    pieces: AsyncGenerator[bytes, None], target: Path, name: str, *, total: int = 0, progress: Progress | None = None
) -> Saved:
    """Write what comes into a file that appears whole or not at all, under a name that nothing has yet.

    ``target`` is a folder, then the name is made safe and counted up where it is taken; or a file that must not exist.
    Raises ``Refused``; a file begun is taken away again.
    """
    into_folder = await asyncio.to_thread(target.is_dir)
    folder, wanted = (target, safe_name(name)) if into_folder else (target.parent, target.name)
    if not into_folder and await asyncio.to_thread(os.path.lexists, target):
        raise Refused(f"{target} is there already; nothing was overwritten. Name another file.", sent=False)
    part = folder / f".{secrets.token_hex(8)}.part"
    size = 0
    try:
        with await asyncio.to_thread(_begun, part) as file:
            async with aclosing(pieces) as coming:
                async for piece in coming:
                    await asyncio.to_thread(file.write, piece)
                    size += len(piece)
                    if progress is not None:
                        progress(size, max(total, size))
        if total and size != total:
            raise Unavailable(f"The file was cut: {size:,} of {total:,} bytes came. Nothing was saved.", sent=True)
        path = await asyncio.to_thread(_settled, part, folder, wanted, into_folder)
    except OSError as error:
        raise Refused(f"{folder / wanted} could not be written ({error.strerror}). Nothing was saved.", sent=False) from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return Saved(str(path), size)


def _begun(part: Path) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(part, flags, 0o600), "wb")


def _settled(part: Path, folder: Path, wanted: str, count: bool) -> Path:
    """Give the file its name; one that is taken meanwhile is left alone."""
    stem, dot, suffix = wanted.rpartition(".") if "." in wanted else (wanted, "", "")
    for number in range(1, 1_000):
        path = folder / (wanted if number == 1 else f"{stem}-{number}{dot}{suffix}")
        try:
            os.link(part, path)
        except FileExistsError:
            if not count:
                break
            continue
        except OSError:
            if os.path.lexists(path):
                continue
            part.rename(path)
        return path
    raise Refused(f"{folder / wanted} is there already; nothing was overwritten.", sent=False)
