"""Locks between processes: one writer at a time, and who has the file open.

Both are locks of the operating system on small files beside the database, so a process that dies lets go of them. SQLite's own
locks stay what keeps the file whole; these keep writers from meeting at all.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from app.errors import StoreError

WAIT = 30.0
"""Seconds to wait for another writer."""
_STEP = 0.001
_SLOTS = 64


def private_open(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> int:
    """Open a file of our own, 0600 if it is made now, never through a symbolic link."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0), 0o600)


if sys.platform == "win32":
    import msvcrt

    def _try(descriptor: int, shared: bool, slot: int = 0) -> bool:
        del shared
        os.lseek(descriptor, 1024 + slot, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _free(descriptor: int, slot: int = 0) -> None:
        os.lseek(descriptor, 1024 + slot, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try(descriptor: int, shared: bool, slot: int = 0) -> bool:
        del slot
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _free(descriptor: int, slot: int = 0) -> None:
        del slot
        fcntl.flock(descriptor, fcntl.LOCK_UN)


class WriteLock:
    """Held around every transaction that writes. Not reentrant; used from one thread."""

    def __init__(self, path: Path, wait: float = WAIT) -> None:
        self._descriptor = private_open(path)
        self._wait = wait

    def __enter__(self) -> None:
        end = time.monotonic() + self._wait
        while not _try(self._descriptor, shared=False):
            if time.monotonic() > end:
                raise StoreError(
                    f"Another Parlour has been writing for {self._wait:.0f} seconds; nothing was changed. Try again."
                )
            time.sleep(_STEP)

    def __exit__(self, *_: object) -> None:
        _free(self._descriptor)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


class Presence:
    """Who has the database open. Ask and enter only while holding the ``WriteLock``.

    The file is not empty while somebody works or after somebody died: whoever comes alone and finds it so knows of a dirty exit.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = private_open(path)
        self._slot = -1
        self.alone = self._claim_all()
        self.dirty = self.alone and os.fstat(self._descriptor).st_size > 0

    def enter(self) -> None:
        """Be seen by those who come later."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, b"1")
        self._share()

    def leave(self, clean: bool) -> None:
        """Go; the last one that ended well leaves the file empty."""
        if clean and self._claim_all():
            os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)

    if sys.platform == "win32":

        def _claim_all(self) -> bool:
            taken = [slot for slot in range(_SLOTS) if slot == self._slot or _try(self._descriptor, shared=False, slot=slot)]
            for slot in taken:
                if slot != self._slot:
                    _free(self._descriptor, slot)
            return len(taken) == _SLOTS

        def _share(self) -> None:
            self._slot = next((slot for slot in range(_SLOTS) if _try(self._descriptor, shared=False, slot=slot)), -1)

    else:

        def _claim_all(self) -> bool:
            return _try(self._descriptor, shared=False)

        def _share(self) -> None:
            # A conversion drops the old lock first, so nobody may be let in between: the write lock is held here.
            if not _try(self._descriptor, shared=True):
                raise StoreError("Another Parlour is opening the database right now. Try again.")
