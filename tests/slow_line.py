"""A slow line: ``python -m tests.slow_line SECONDS COMMAND…`` runs a command in a terminal that is so far away each way."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import termios
import time
import tty
from collections import deque


def main() -> int:
    away, words = float(sys.argv[1]), sys.argv[2:]
    child, master = pty.fork()
    if child == 0:
        os.execvp(words[0], words)

    def resized(*_: object) -> None:
        termios.tcsetwinsize(master, termios.tcgetwinsize(0))  # type: ignore[attr-defined, unused-ignore]
        os.kill(child, signal.SIGWINCH)

    signal.signal(signal.SIGWINCH, resized)
    resized()
    before = termios.tcgetattr(0)
    tty.setraw(0)
    under_way: dict[int, deque[tuple[float, bytes]]] = {master: deque(), 1: deque()}
    try:
        while True:
            due = min((line[0][0] for line in under_way.values() if line), default=time.monotonic() + 1)
            ready, _, _ = select.select([0, master], [], [], max(0.0, due - time.monotonic()))
            for source, target in ((0, master), (master, 1)):
                if source in ready:
                    try:
                        data = os.read(source, 65536)
                    except OSError:
                        data = b""
                    if not data and source == master:
                        for _, rest in under_way[1]:
                            os.write(1, rest)
                        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                    under_way[target].append((time.monotonic() + away, data))
            for target, line in under_way.items():
                while line and line[0][0] <= time.monotonic():
                    os.write(target, line.popleft()[1])
    finally:
        termios.tcsetattr(0, termios.TCSANOW, before)


if __name__ == "__main__":
    sys.exit(main())
