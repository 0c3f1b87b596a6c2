"""Who works on what, between processes: a claim holds while its process lives."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from pathlib import Path

from app.text import storable

FOREIGN = 300.0
"""Seconds that the claim of another machine is believed: nothing here can tell whether it lives."""


def claim(connection: sqlite3.Connection, name: str, owner: str, store: str, now: float) -> bool:
    """Take ``name`` unless a living owner has it. Taking one's own again is fine and renews it."""
    name, owner = storable(name), storable(owner)
    found = connection.execute("SELECT owner, store, pid, born, host, taken FROM claims WHERE name = ?", (name,)).fetchone()
    if found is not None and found[:2] != (owner, store) and _holds(found[2], found[3], found[4], found[5], now):
        return False
    connection.execute(
        "INSERT OR REPLACE INTO claims (name, owner, store, pid, born, host, taken) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (name, owner, store, os.getpid(), born(os.getpid()), _host(), now),
    )
    return True


def release(connection: sqlite3.Connection, name: str, owner: str, store: str) -> None:
    """Let go of one's own claim."""
    connection.execute("DELETE FROM claims WHERE name = ? AND owner = ? AND store = ?", (storable(name), storable(owner), store))


def release_all(connection: sqlite3.Connection, store: str) -> None:
    """Let go of everything that was claimed through one store."""
    connection.execute("DELETE FROM claims WHERE store = ?", (store,))


def _holds(pid: int, start: str, host: str, taken: float, now: float) -> bool:
    if host != _host():
        return abs(now - taken) < FOREIGN
    return bool(start) and born(pid) == start


def _host() -> str:
    """This machine, as far as process ids are concerned."""
    try:
        return f"{platform.node()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return platform.node()


if sys.platform == "win32":

    def born(pid: int) -> str:
        """When a process began, in the system's own words; "" if there is none."""
        import ctypes

        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(0x1000, False, pid)
        if not handle:
            return ""
        times = [ctypes.c_ulonglong() for _ in range(4)]
        known = kernel.GetProcessTimes(handle, *(ctypes.byref(time) for time in times))
        kernel.CloseHandle(handle)
        return str(times[0].value) if known and not times[1].value else ""

else:

    def born(pid: int) -> str:
        """When a process began, in the system's own words; "" if there is none."""
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except FileNotFoundError:
            return _signalled(pid)
        except OSError:
            return ""
        return "" if fields[0] in ("Z", "X") else fields[19]

    def _signalled(pid: int) -> str:
        if Path("/proc/self/stat").exists():
            return ""
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return ""
        except PermissionError:
            return "?"
        return "?"
