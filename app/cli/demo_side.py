"""The demo's sandbox: a process of its own, shared by every program of this home, gone when the last of them is.

The first program starts it and holds its stdin; each program holds a lease, an open connection. The sandbox ends when its parent
is gone and no lease is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.errors import Unavailable
from app.paths import demo_folder, private_folder
from app.profiles import Profile

ACCOUNT = "demo"
"""What the demo's conversations belong to: its port changes from run to run, its past stays."""
START_LIMIT = 15.0
GONE_LIMIT = 5.0
SIDES = {"demo-codeer": "codeer", "demo-qoder": "qoder"}


def is_demo(name: str) -> bool:
    """Whether a profile's name means the demo."""
    return name == "demo" or name in SIDES


class Demo:
    """The running sandbox as this program sees it."""

    def __init__(self, ready: Mapping[str, Any], process: subprocess.Popen[bytes] | None, lease: asyncio.StreamWriter) -> None:
        self._ready = ready
        self._process = process
        self._lease = lease

    @classmethod
    async def start(cls) -> Demo:
        """Use the one that runs, or start it. Raises ``Unavailable`` with a sentence."""
        folder = private_folder(demo_folder())
        with os.fdopen(os.open(folder / "start.lock", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as lock:
            await _locked(lock.fileno())
            ready = _read(folder / "ready.json")
            lease = await _lease(ready) if ready else None
            if ready and lease:
                return cls(ready, None, lease)
            if ready:
                await _gone(int(ready.get("pid", 0)))
            process, ready = await _spawn(folder)
            lease = await _lease(ready)
            if lease is None:
                raise Unavailable("The demo started but does not answer. Try again, or run: parlour sandbox")
            return cls(ready, process, lease)

    def profiles(self, name: str = "demo") -> list[Profile]:
        """Its two sides, or the one that was named."""
        return [
            Profile(side, vendor, str(self._ready[vendor]["base"]), account=ACCOUNT)
            for side, vendor in SIDES.items()
            if name in ("demo", side)
        ]

    def key(self, profile: Profile) -> str:
        """The key of this run; it opens nothing but the sandbox."""
        return str(self._ready[profile.vendor]["key"])

    async def aclose(self) -> None:
        """Give the lease back; the sandbox saves and ends if it was the last one."""
        self._lease.close()
        with contextlib.suppress(OSError):
            await self._lease.wait_closed()
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self._process.wait, 1.0)
            if self._process.stdout is not None:
                self._process.stdout.close()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


async def _locked(descriptor: int) -> None:
    """Wait for the lock, but not for ever: a program that hangs while starting must not hang this one."""
    for _ in range(int(START_LIMIT * 20)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            await asyncio.sleep(0.05)
        else:
            return
    raise Unavailable("Another program is starting the demo and does not finish. Close it and try again.")


async def _lease(ready: Mapping[str, Any]) -> asyncio.StreamWriter | None:
    """An open request that keeps the sandbox alive; None if it is not there."""
    control = urlsplit(str(ready.get("control", "")))
    try:
        reader, writer = await asyncio.open_connection(control.hostname, control.port)
    except (OSError, ValueError):
        return None
    head = f"GET {control.path}/lease HTTP/1.1\r\nHost: {control.netloc}\r\nx-sandbox-token: {ready.get('token', '')}\r\n\r\n"
    try:
        writer.write(head.encode("ascii"))
        status = await asyncio.wait_for(reader.readline(), 5)
    except (OSError, TimeoutError):
        status = b""
    if b" 200 " in status:
        return writer
    writer.close()
    return None


async def _gone(pid: int) -> None:
    """Wait until the sandbox of an earlier run has saved and ended."""
    for _ in range(int(GONE_LIMIT * 20)):
        try:
            os.kill(pid, 0)
        except (OSError, OverflowError):
            return
        await asyncio.sleep(0.05)


async def _spawn(folder: Path) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    command = [sys.executable, "-m", "app", "sandbox", "--json", "--until-eof", "--data", str(folder)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CODEER_", "QODER_"))}
    process = await asyncio.to_thread(
        subprocess.Popen,
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), START_LIMIT)
        ready: dict[str, Any] = json.loads(line)
    except (TimeoutError, ValueError) as error:
        process.kill()
        raise Unavailable("The demo's sandbox did not start. Run this to see why: parlour sandbox") from error
    ready["pid"] = process.pid
    path = folder / "ready.json"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(ready, file)
    return process, ready
