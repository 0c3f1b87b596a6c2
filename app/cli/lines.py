"""Lines from the terminal or a pipe, one question at a time, without stopping anything else."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading

from app.text import safe


class Lines:
    """Reads standard input in a daemon thread, so that a read that nobody waits for any more keeps nothing alive."""

    def __init__(self) -> None:
        self._reading: asyncio.Future[str | None] | None = None
        self._rest = b""

    async def ask(self, question: str, *, on: str = "stderr") -> str | None:
        """One line without its end; None when there are no more. A question that was left is taken up by the next one."""
        stream = sys.stdout if on == "stdout" else sys.stderr
        stream.write(safe(question))
        stream.flush()
        if self._reading is None:
            self._reading = self._read()
        line = await asyncio.shield(self._reading)
        self._reading = None
        return line

    def _line(self) -> bytes:
        """One line from the descriptor itself: a thread that waits inside ``sys.stdin`` would abort the interpreter's end."""
        while b"\n" not in self._rest:
            try:
                some = os.read(0, 65536)
            except OSError:
                some = b""
            if not some:
                line, self._rest = self._rest, b""
                return line
            self._rest += some
        line, _, self._rest = self._rest.partition(b"\n")
        return line + b"\n"

    def _read(self) -> asyncio.Future[str | None]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str | None] = loop.create_future()

        def deliver(raw: bytes) -> None:
            answer.set_result(raw.decode("utf-8", "replace").rstrip("\r\n") if raw else None)

        def read() -> None:
            raw = self._line()
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(deliver, raw)

        threading.Thread(target=read, name="stdin", daemon=True).start()
        return answer
