"""A real terminal for tests: a pty, a screen that is read, keys that are typed; everything waits for conditions."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import pyte

LIMIT = 30.0
KEYS = {
    "enter": "\r", "esc": "\x1b", "tab": "\t",
    "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D",
    "pageup": "\x1b[5~", "pagedown": "\x1b[6~", "home": "\x1b[H", "end": "\x1b[F",
    "ctrl+c": "\x03", "ctrl+d": "\x04", "ctrl+g": "\x07", "ctrl+j": "\n", "ctrl+o": "\x0f", "ctrl+p": "\x10", "ctrl+r": "\x12",
    "ctrl+w": "\x17", "ctrl+z": "\x1a", "alt+enter": "\x1b\r", "alt+backspace": "\x1b\x7f", "f8": "\x1b[19~", "f10": "\x1b[21~",
    "ctrl+q": "\x11", "ctrl+s": "\x13", "ctrl+t": "\x14", "ctrl+n": "\x0e", "ctrl+f": "\x06",
    "f1": "\x1bOP", "f2": "\x1bOQ", "f3": "\x1bOR",
    "f4": "\x1bOS", "f5": "\x1b[15~", "f6": "\x1b[17~", "f7": "\x1b[18~", "f9": "\x1b[20~", "backspace": "\x7f",
    "shift+f7": "\x1b[18;2~", "f12": "\x1b[24~",
}  # fmt: skip


class Terminal:
    """A program in a terminal of its own."""

    def __init__(
        self,
        words: Sequence[str] = (),
        *,
        home: Path,
        columns: int = 120,
        lines: int = 40,
        extra: Mapping[str, str] | None = None,
        command: Sequence[str] = (),
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = bytearray()
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CODEER_", "QODER_", "PARLOUR_", "COLORTERM")) and name not in ("COLUMNS", "LINES")
        }
        environment |= {"PARLOUR_HOME": str(home), "TERM": "xterm-256color", "COLORTERM": "truecolor", **(extra or {})}
        environment.setdefault("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            for number in (signal.SIGINT, signal.SIGQUIT):
                signal.signal(number, signal.SIG_DFL)  # as from a shell, even where the tests themselves were told to ignore it
            argv = [*command] or [sys.executable, "-m", "app", *words]
            os.execvpe(argv[0], argv, environment)
        self.resize(columns, lines)
        self.returncode: int | None = None

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)

    # --- reading ---------------------------------------------------------------------------------------------------------------

    def read(self, seconds: float = 0.05) -> bool:
        """Take in what has come within ``seconds``; False at the end."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        if not data:
            return False
        self.raw += data
        self._stream.feed(data)
        return True

    @property
    def text(self) -> str:
        """The screen as it stands."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def until(self, condition: Callable[[str], bool] | str, seconds: float = LIMIT) -> str:
        """Wait for a text on the screen, or for a condition of it."""
        met = (lambda text: condition in text) if isinstance(condition, str) else condition
        deadline = time.monotonic() + seconds
        while not met(self.text):
            alive = self.read()
            assert time.monotonic() < deadline and (alive or met(self.text)), f"not seen: {condition}\n{self.text}"
        return self.text

    def settle(self, quiet: float = 0.3) -> str:
        """Wait until nothing moves any more."""
        while True:
            before = len(self.raw)
            deadline = time.monotonic() + quiet
            while time.monotonic() < deadline:
                if not self.read(max(0.0, deadline - time.monotonic())):
                    return self.text
            if len(self.raw) == before:
                return self.text

    # --- typing ----------------------------------------------------------------------------------------------------------------

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def press(self, *keys: str) -> None:
        for key in keys:
            self.type(KEYS.get(key, key))
            self.read(0.02)

    def paste(self, text: str) -> None:
        self.type(f"\x1b[200~{text}\x1b[201~")

    # --- ending ----------------------------------------------------------------------------------------------------------------

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = 10.0) -> int:
        """The exit code (128 + n for a signal)."""
        deadline = time.monotonic() + seconds
        while self.returncode is None:
            self.read(0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
                if self.returncode < 0:
                    self.returncode = 128 - self.returncode
            assert time.monotonic() < deadline, f"it does not end\n{self.text}"
        while self.read(0.05) and select.select([self.master], [], [], 0)[0]:
            continue
        return self.returncode

    def close(self) -> None:
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.returncode = 137
        os.close(self.master)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
