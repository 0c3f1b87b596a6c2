"""A program in a pseudo-terminal, on a processor of its own, with a stamp on everything it writes."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.screen import Screen

COLUMNS, LINES = 120, 40
ROOT = Path(__file__).resolve().parents[2]
QUERY = re.compile(rb"\x1b\[(\?|>|)([0-9;]*)(\$?)([cnpq])")
LETTERS = [
    chr(point)
    for point in range(0x100, 0x17F)
    if chr(point).isalpha() and point not in (0x130, 0x131, 0x132, 0x133, 0x138, 0x149)
]
"""Letters that no program writes by itself: an echo cannot be mistaken."""


class Session:
    """One run of one program."""

    def __init__(self, command: Sequence[str], environment: dict[str, str] | None = None) -> None:
        self.chunks: list[tuple[float, bytes]] = []
        self.size = 0
        self.latest = 0.0
        self.screen = Screen(COLUMNS, LINES)
        self._fed = 0
        self._commands = 0
        self.log_path = Path(tempfile.mkstemp(prefix="bench-", suffix=".log")[1])
        self._home = tempfile.TemporaryDirectory(prefix="bench-home-")
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        core = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
        variables = {
            **{name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ},
            "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
            "HOME": self._home.name, "PARLOUR_HOME": self._home.name, "PYTHONPATH": str(ROOT), **(environment or {}),
        }  # fmt: skip

        def prepare() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            if hasattr(os, "sched_setaffinity"):
                os.sched_setaffinity(0, {core})

        threading.Thread(target=self._read, daemon=True).start()
        self.began = time.monotonic()
        filled = [str(self.log_path) if part == "LOG" else part for part in command]
        self.process = subprocess.Popen(
            filled, stdin=slave, stdout=slave, stderr=slave, env=variables, cwd=ROOT, preexec_fn=prepare
        )
        self._slave = slave

    @classmethod
    def of(cls, kind: str) -> Session:
        """One of the programs of ``apps``."""
        from app.ui import FRAMES

        as_in_the_application = {"TEXTUAL_FPS": FRAMES} if kind == "ours" else {}
        return cls([sys.executable, "-m", "tests.benchmarks.apps", kind, "LOG"], as_in_the_application)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:
                return
            if not data:
                return
            self.latest = time.monotonic()
            self.chunks.append((self.latest, data))
            self.size += len(data)
            for found in QUERY.finditer(data):
                self._answer(*found.groups())

    def _answer(self, private: bytes, numbers: bytes, dollar: bytes, final: bytes) -> None:
        reply = b""
        if final == b"c" and not private:
            reply = b"\x1b[?62;22c"
        elif final == b"p" and dollar:
            reply = b"\x1b[?" + numbers + (b";2$y" if numbers in (b"2026", b"2004") else b";0$y")
        elif final == b"n" and numbers == b"6":
            reply = b"\x1b[1;1R"
        if reply:
            os.write(self._master, reply)

    # --- driving it -------------------------------------------------------------------------------------------------------------

    def send(self, text: str) -> float:
        """Press keys; the time just before."""
        now = time.monotonic()
        os.write(self._master, text.encode())
        return now

    def command(self, line: str) -> float:
        """Type a line and press Enter; the time of Enter."""
        self.wait(lambda: len(self.noted("asked")) >= self._commands, 20, 0.01)
        self.quiet(0.1)
        self._commands += 1
        self.send(line)
        if not self.wait(lambda: line in "".join("".join(row) for row in self.now().rows[-3:]), 10, 0.01):
            raise RuntimeError(f"{line!r} was not echoed:\n{self.now().text}")
        self.quiet(0.2)
        return self.send("\r")

    def wait(self, condition: Callable[[], Any], seconds: float = 30.0, step: float = 0.003) -> bool:
        """Wait for something; whether it came."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return True
            if self.process.poll() is not None:
                return bool(condition())
            time.sleep(step)
        return False

    def wait_for(self, text: str, seconds: float = 60.0) -> bool:
        """Wait until the screen shows a text."""
        return self.wait(lambda: text in self.now().text, seconds, 0.02)

    def quiet(self, seconds: float = 0.4, most: float = 10.0) -> None:
        """Wait until nothing was written for a while."""
        self.wait(lambda: self.latest and time.monotonic() - self.latest > seconds, most, 0.01)

    def now(self) -> Screen:
        """The screen with everything written so far."""
        while self._fed < len(self.chunks):
            self.screen.feed(self.chunks[self._fed][1])
            self._fed += 1
        return self.screen

    def ready(self) -> float:
        """Seconds from the start until a typed letter was echoed; letters typed from the beginning are deleted again."""
        probes: list[str] = []

        def typed() -> bool:
            if not termios.tcgetattr(self._master)[3] & termios.ECHO and self.chunks:
                probes.append(LETTERS[len(probes) % 40])
                self.send(probes[-1])
            return any(letter.encode() in data for _, data in self.chunks for letter in probes)

        self.wait(typed, 30, 0.02)
        at = next((at for at, data in self.chunks if any(letter.encode() in data for letter in probes)), time.monotonic())
        time.sleep(0.3)
        self.quiet(0.2)
        self.send("\x05\x15")
        self.wait(lambda: not any(letter in self.now().text for letter in probes), 5, 0.02)
        return at - self.began

    def close(self) -> None:
        """End it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is None:
                self.process.send_signal(number)
                try:
                    self.process.wait(2)
                except subprocess.TimeoutExpired:
                    continue
        os.close(self._slave)
        os.close(self._master)
        self.log_path.unlink(missing_ok=True)
        self._home.cleanup()

    # --- what came of it --------------------------------------------------------------------------------------------------------

    def log(self) -> list[list[Any]]:
        """What the program wrote down."""
        return [json.loads(line) for line in self.log_path.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def noted(self, name: str) -> list[list[Any]]:
        """Its notes of one kind, without the kind."""
        return [line[1:] for line in self.log() if line[0] == name]

    def cpu(self) -> float:
        """Seconds of processor time so far, of all threads."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def waited(self) -> float:
        """Seconds it was ready to run but something else ran: noise of the machine."""
        return int(Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[1]) / 1e9

    def memory(self) -> float:
        """Resident megabytes."""
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())
        return int(found[1]) / 1024 if found else 0.0

    def first_seen(self, texts: Sequence[str], since: float = 0.0) -> dict[str, float]:
        """When each text first stood on the screen."""
        screen, seen, wanted = Screen(COLUMNS, LINES), {}, set(texts)
        for at, data in self.chunks:
            screen.touched.clear()
            screen.feed(data)
            if at < since:
                continue
            for y in screen.touched:
                row = "".join(screen.rows[y])
                for text in [text for text in wanted if text in row]:
                    seen[text] = at
                    wanted.discard(text)
            if not wanted:
                break
        return seen

    def marks_seen(self, since: float = 0.0) -> dict[str, float]:
        """When each mark of the stream first stood on the screen."""
        seen: dict[str, float] = {}
        screen, mark = Screen(COLUMNS, LINES), re.compile(r"m0\d{5}")
        for at, data in self.chunks:
            screen.touched.clear()
            screen.feed(data)
            if at >= since:
                for y in screen.touched:
                    for found in mark.findall("".join(screen.rows[y])):
                        seen.setdefault(found, at)
        return seen
