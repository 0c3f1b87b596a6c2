"""A file on its way out: ``multipart/form-data`` read from the disk piece by piece."""

from __future__ import annotations

import asyncio
import secrets
import stat
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

from app.errors import Refused

_PIECE = 64 * 1024


class Upload:
    """One file and its form fields, ready to be sent any number of times. Make it with ``Upload.of``."""

    def __init__(
        self, path: Path, size: int, before: bytes, after: bytes, boundary: str, progress: Callable[[int, int], None] | None
    ) -> None:
        self.path = path
        self.size = size
        self._before = before
        self._after = after
        self._boundary = boundary
        self._progress = progress

    @classmethod
    async def of(
        cls,
        path: Path,
        *,
        media_type: str,
        name: str = "",
        field: str = "file",
        fields: Mapping[str, str] | None = None,
        limit: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Upload:
        """The file at ``path`` under ``name`` in the form field ``field``, ``fields`` before it; ``limit`` in bytes.

        Raises ``Refused`` (nothing was sent) if it is not a readable ordinary file or larger than ``limit``.
        """
        size = await asyncio.to_thread(_size, path)
        if limit is not None and size > limit:
            raise Refused(
                f"{path.name} has {size / 1048576:.1f} MiB; at most {limit / 1048576:.0f} MiB are taken. Nothing was sent."
            )
        boundary = f"parlour-{secrets.token_hex(16)}"
        before = b"".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(label)}"\r\n\r\n{value}\r\n'.encode()
            for label, value in (fields or {}).items()
        )
        shown = _quoted(name or path.name)
        before += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(field)}"; filename="{shown}"\r\n'
            f"Content-Type: {_one_line(media_type)}\r\n\r\n"
        ).encode("utf-8", "replace")
        return cls(path, size, before, f"\r\n--{boundary}--\r\n".encode(), boundary, progress)

    def headers(self) -> dict[str, str]:
        """The headers that go with the body."""
        length = len(self._before) + self.size + len(self._after)
        return {"content-type": f"multipart/form-data; boundary={self._boundary}", "content-length": str(length)}

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body from its beginning. Raises ``Refused``, and so breaks the request off, if the file goes."""
        yield self._before
        sent = 0
        try:
            file = await asyncio.to_thread(self.path.open, "rb")
        except OSError as error:
            raise _gone(self.path, error.strerror) from None
        try:
            while sent < self.size:
                try:
                    piece = await asyncio.to_thread(file.read, min(_PIECE, self.size - sent))
                except OSError as error:
                    raise _gone(self.path, error.strerror) from None
                if not piece:
                    raise _gone(self.path, "it became shorter")
                yield piece
                sent += len(piece)
                if self._progress is not None:
                    self._progress(sent, self.size)
        finally:
            file.close()
        yield self._after


def _gone(path: Path, reason: str | None) -> Refused:
    return Refused(f"{path.name} could not be read to its end ({reason or 'no reason given'}); the upload was broken off.")


def _size(path: Path) -> int:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            reason = "it is not an ordinary file"
        else:
            with path.open("rb"):
                return found.st_size
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is not usable"
    raise Refused(f"{path.name or path} cannot be uploaded: {reason}. Nothing was sent.")


def _quoted(text: str) -> str:
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A").replace("\0", "%00")


def _one_line(text: str) -> str:
    return "".join(char for char in text if char.isascii() and char.isprintable())
