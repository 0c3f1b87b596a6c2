"""Server-sent events: bytes in any pieces to whole frames, by the WHATWG algorithm.

``httpx_sse`` opens the connections (``app.vendors.streams``); its decoder is not used. It dispatches phantom events after an id,
loses the first event behind a byte order mark, follows a charset header and knows no limit.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.errors import TooLarge

LINE_LIMIT = 8 * 1024 * 1024
"""Bytes of one line, and of the data of one event."""
RETRY_SECONDS = (0.25, 30.0)
"""What a server may set the reconnection time to."""

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Frame:
    """One event. ``event`` is "message" where the server named none; ``id`` is None where the frame had no (valid) id line."""

    event: str
    data: str
    id: str | None = None


class Decoder:
    """Feeds on bytes in any pieces; the frames are the same for all of them.

    The text is always UTF-8, whatever a header says; broken bytes become U+FFFD. ``retry`` is the reconnection time in seconds
    that the server asked for, ``last_id`` the last event id seen. A line or an event over ``limit`` bytes raises ``TooLarge``: at
    once, or with the next call if this one still had frames to give.
    """

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self.retry: float | None = None
        self.last_id = ""
        self._limit = limit
        self._begun = False
        self._after_cr = False
        self._line = bytearray()
        self._data = bytearray()
        self._event = ""
        self._id: str | None = None
        self._broken: TooLarge | None = None

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that are complete with these bytes."""
        self._check()
        if not self._begun:
            chunk = self._begin(chunk)
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk[0] == 0x0A:
                chunk = chunk[1:]
        frames: list[Frame] = []
        if not chunk:
            return frames
        try:
            self._split(chunk, frames)
        except TooLarge as error:
            self._broken = error
            if not frames:
                raise
        return frames

    def close(self) -> list[Frame]:
        """The stream is over: what an unfinished last frame held.

        The algorithm drops such a frame; a caller that knows a server which ends without the empty line may use it.
        """
        self._check()
        if self._line:
            line = bytes(self._line)
            self._line.clear()
            self._field(line)
        frames: list[Frame] = []
        self._dispatch(frames)
        return frames

    def _check(self) -> None:
        if self._broken is not None:
            raise self._broken

    def _begin(self, chunk: bytes) -> bytes:
        """Take one byte order mark off the front, however it was cut."""
        head = bytes(self._line) + chunk
        self._line.clear()
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self._line += head
            return b""
        self._begun = True
        return head[len(_BOM) :] if head.startswith(_BOM) else head

    def _split(self, chunk: bytes, frames: list[Frame]) -> None:
        lines = chunk.splitlines(keepends=True)
        rest = lines.pop() if lines[-1][-1] not in b"\r\n" else b""
        for line in lines:
            bare = line.rstrip(b"\r\n")
            if self._line:
                self._hold(bare)
                bare = bytes(self._line)
                self._line.clear()
            elif len(bare) > self._limit:
                raise self._too_large("line")
            if bare:
                self._field(bare)
            else:
                self._dispatch(frames)
        if rest:
            self._hold(rest)
        self._after_cr = chunk[-1] == 0x0D

    def _hold(self, piece: bytes) -> None:
        if len(self._line) + len(piece) > self._limit:
            raise self._too_large("line")
        self._line += piece

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if value[:1] == b" ":
            value = value[1:]
        match name:
            case b"data":
                if len(self._data) + len(value) + 1 > self._limit:
                    raise self._too_large("event")
                self._data += value
                self._data += b"\n"
            case b"event":
                self._event = value.decode("utf-8", "replace")
            case b"id" if b"\0" not in value:
                self._id = self.last_id = value.decode("utf-8", "replace")
            case b"retry" if value.isdigit():
                low, high = RETRY_SECONDS
                self.retry = min(high, max(low, int(value.lstrip(b"0")[:12] or b"0") / 1000))
            case _:
                return

    def _dispatch(self, frames: list[Frame]) -> None:
        if self._data:
            frames.append(Frame(self._event or "message", self._data[:-1].decode("utf-8", "replace"), self._id))
            self._data.clear()
        self._event = ""
        self._id = None

    def _too_large(self, what: str) -> TooLarge:
        self._line.clear()
        self._data.clear()
        return TooLarge(
            f"The server sent a {what} of more than {self._limit // 1048576 or 1} MiB in its stream; the stream was closed."
        )
