"""The terminal as we take it and give it back: only keys and pastes come in, only our own sequences go out.

It is given back on every way out: a quit, a crash, a signal, a signal while something hangs. A terminal that is gone ends the
application; it never waits for one.
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import sys
import termios
import time
from codecs import getincrementaldecoder
from typing import Any, TextIO, cast

from textual import events
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

from app.ui.keystrokes import Bursts, KeyParser, Replied
from app.ui.replies import Answered, Pasted, Sorter, Token

GIVE_BACK = (
    "\x1b[?2026l\x1b[?2004l\x1b[?7h\x1b[?2048l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"
    "\x1b[?2031l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l\x1b[0m"
)
"""Every mode that is ever set, reset."""
STUCK, SLOW = 1.5, 6.0
"""Seconds after a signal: a loop that does not even hear of it, and an end that takes too long."""
IDLE, BUSY = 1.0, 0.05
"""Seconds between two looks at the terminal that find nothing: when nothing is awaited, and when the rest of something is."""
ENDINGS = tuple(
    number for name in ("SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT") if (number := getattr(signal, name, None)) is not None
)

_OURS = (
    r"\[[0-9;:]*[mHJKABCDGfdrX]|\[\?[0-9;]+[hl]|\[\?[0-9;]+\$p|\[[<>]?[0-9]*u|\[2[23];2t|\[[0-9] q"
    r"|\[\?u|\]11;\?\x1b\\"
    r"|\]2;Parlour(?: \([0-9]+ waiting\))?\x1b\\|\]52;c;[A-Za-z0-9+/=]*\x07|\]22;[a-z-]*(?:\x1b\\|\x07)|\\"
    r"|\](?:9;|777;notify;|99;i=parlour:(?:d=0|p=body);)(?:Parlour)?(?:[:;] ?)?(?:An? [a-z ]+)?\x1b{1,2}\\|Ptmux;|\x1b[\]\\]"
)
_ALIEN = re.compile(f"[\x00-\x06\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]|\x1b(?!{_OURS})")


class Out:
    """Where the driver's writer writes: no sequence but ours passes, no error of a terminal that is gone stops anybody."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._descriptor = file.fileno()
        self._encoding = file.encoding or "utf-8"
        self._waiting: list[str] = []
        self.dropped = 0
        """Sequences that were not ours: each is a mistake elsewhere."""

    def write(self, text: str) -> None:
        """Keep a piece until ``flush``."""
        self._waiting.append(text)

    def flush(self) -> None:
        """Write what was kept."""
        text, self._waiting = "".join(self._waiting), []
        if _ALIEN.search(text) is not None:
            text, count = _ALIEN.subn("?", text)
            self.dropped += count
        self.put(text)

    def put(self, text: str) -> None:
        """Write at once; a terminal that is gone swallows it."""
        data = memoryview(text.encode(self._encoding, "replace"))
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            return

    def fileno(self) -> int:
        """The terminal's descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._descriptor)


class TerminalDriver(LinuxDriver):
    """Textual's driver for POSIX terminals, made safe."""

    def __init__(self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self.out = Out(cast("TextIO", sys.__stdout__))
        self._file = cast("Any", self.out)
        self._taken = self._began = False
        self._ending = 0
        self._until = 0.0
        self._bursts = Bursts()
        self._wake, self._waker = os.pipe()
        for number in ENDINGS:
            signal.signal(number, self._ended)

    # --- taking and giving back ----------------------------------------------------------------------------------------------

    def start_application_mode(self) -> None:
        """Take the terminal."""
        again, self._taken = self._began, True
        self._began = True
        super().start_application_mode()  # type: ignore[no-untyped-call]
        ask = getattr(self._app, "ask_terminal", None)
        if again and ask is not None:
            self._app.call_later(ask)

    def stop_application_mode(self) -> None:
        """Give it back."""
        try:
            if self._mouse_pixels:
                self.write("\x1b[?1016l")
            self.write("\x1b[?2031l")
            super().stop_application_mode()
        finally:
            self._taken = False

    def give_back(self) -> None:
        """Give it back from anywhere, whatever state everything else is in. Does nothing the second time."""
        if not self._taken:
            return
        self._taken = False
        self.out.put(GIVE_BACK)
        if self.attrs_before is not None:
            try:
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
            except termios.error:
                return

    # --- signals -------------------------------------------------------------------------------------------------------------

    def _ended(self, number: int, _frame: object) -> None:
        """A signal ends the application in order; one that is in the way of itself is ended all the same."""
        if not self._taken and number in (signal.SIGINT, signal.SIGQUIT):
            return  # it was meant for the editor that has the terminal
        if not self._ending:
            self._ending, self._until = number, time.monotonic() + STUCK
            # An alarm and no thread: it is heard even where nothing lets go of the interpreter.
            signal.signal(signal.SIGALRM, self._late)
            signal.setitimer(signal.ITIMER_REAL, STUCK, 0.5)
            self._loop.call_soon_threadsafe(self._leave, number)

    def _leave(self, number: int) -> None:
        self._until = time.monotonic() + SLOW
        self._app.exit(return_code=128 + number)

    def _late(self, _number: int, _frame: object) -> None:
        if time.monotonic() >= self._until:
            self.give_back()
            os._exit(128 + self._ending)

    def _gone(self) -> None:
        """There is no terminal any more."""
        os.kill(os.getpid(), signal.SIGHUP)  # to be heard by the thread that hears signals

    def _sigtstp_application(self, *_: object) -> None:
        # Not in the handler itself: it may stand in the middle of the very queue that this writes to.
        self._loop.call_soon_threadsafe(super()._sigtstp_application)

    def _sigcont_application(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._continued)

    def _continued(self) -> None:
        if not self._auto_restart or self._ending:
            return
        if self._taken:  # it was stopped without being asked; others may have used the terminal meanwhile
            self.suspend_application_mode()
        self.resume_application_mode()
        self._app.refresh(layout=True)

    # --- input ---------------------------------------------------------------------------------------------------------------

    def disable_input(self) -> None:
        """Wake the reader, which would look up late, then end it."""
        if self._key_thread is not None and self._key_thread.is_alive():
            os.write(self._waker, b"\0")
        super().disable_input()

    def run_input_thread(self) -> None:
        """Read until told otherwise; end the application when there is nothing to read from."""
        decode = getincrementaldecoder("utf-8")("replace").decode
        sorter, parser = Sorter(), KeyParser(self._debug)
        heard = time.monotonic()
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                patience = sorter.patience
                awaited = IDLE if parser._timeout_time is None else BUSY
                ready = {key.fd for key, _ in selector.select(awaited if patience is None else min(awaited, patience))}
                if self._wake in ready:
                    self.exit_event.wait(BUSY)
                    os.read(self._wake, 64)
                    continue
                if ready:
                    data = self._read()
                    if data is None:
                        continue
                    if not data:
                        self._gone()
                        return
                    heard = time.monotonic()
                    parser = self._take(sorter.feed(decode(data)), parser)
                elif patience is not None and time.monotonic() - heard >= patience:
                    heard = time.monotonic()
                    parser = self._take(sorter.quiet(), parser)
                for event in parser.tick():
                    self.process_message(event)

    def _read(self) -> bytes | None:
        try:
            return os.read(self.fileno, 65536)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def _take(self, tokens: list[Token], parser: KeyParser) -> KeyParser:
        for token in tokens:
            if isinstance(token, Answered):
                self.process_message(Replied(token.text))
                continue
            if isinstance(token, Pasted) or self._bursts.pasted(token.text):
                self.process_message(events.Paste(token.text))
                continue
            try:
                for event in parser.feed(token.text):
                    self.process_message(event)
                if token.alone:
                    parser._timeout_time = 0.0
                    for event in parser.tick():
                        self.process_message(event)
            except (ValueError, OverflowError, LookupError, StopIteration, RuntimeError):
                parser = KeyParser(self._debug)  # a number too large to be a key: this one is lost, the next ones are not
        return parser
