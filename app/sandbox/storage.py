"""One folder for one running sandbox: a lock, and a snapshot that is either whole or the one before."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from app.errors import SettingsError
from app.models import Json
from app.paths import private_folder

_SNAPSHOT = "sandbox.json"
_LOCK = "sandbox.lock"


class Folder:
    """Where a sandbox keeps its state. Only one process has it at a time; raises ``SettingsError`` if another does."""

    def __init__(self, path: Path) -> None:
        self.path = private_folder(path)
        self._lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(self._lock)
        except OSError as error:
            os.close(self._lock)
            raise SettingsError(f"Another sandbox is using {self.path}. End it, or choose another folder with --data.") from error

    def load(self) -> dict[str, Json]:
        """The last snapshot, or an empty one. An unreadable file is put aside, never overwritten."""
        file = self.path / _SNAPSHOT
        try:
            found = json.loads(file.read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError:
            found = None
        if isinstance(found, dict):
            return found
        file.replace(file.with_suffix(".unreadable"))
        return {}

    def save(self, text: bytes) -> None:
        """Replace the snapshot in one step, readable by this user only."""
        handle, name = tempfile.mkstemp(dir=self.path, prefix=".sandbox-")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(text)
                out.flush()
                os.fsync(out.fileno())
            Path(name).replace(self.path / _SNAPSHOT)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise

    def close(self) -> None:
        """Let go of the lock."""
        os.close(self._lock)


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
