"""V: the sandbox is taken away, crashes, outlives nobody, and never sees a real key."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from pathlib import Path

from tests.cli.conftest import Served, end, serve
from tests.faults.invariants import leaks
from tests.faults.program import environment, parlour
from tests.faults.rows import Case, row
from tests.faults.ttys import Watched

REAL = "sk-real-key-of-somebody-77aa55cc33"


def sandbox_of(home: Path) -> dict[str, object]:
    """What the demo's sandbox wrote of itself."""
    found: dict[str, object] = json.loads((home / "demo" / "ready.json").read_text())
    return found


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


@row("V-01", "the port is taken", once=True)
async def taken(case: Case) -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        served = await asyncio.to_thread(serve, case.folder / "sandbox", "--port", str(port))
        try:
            base = served.ready["codeer"]["base"]
            assert f":{port}/" not in base and base.startswith("http://127.0.0.1:"), base
        finally:
            await asyncio.to_thread(end, served)
    ran = await parlour("agents", "--profile", "demo", variables=environment(case.folder / "home", None))
    assert ran.code == 0 and "Parrot" in ran.out
    return f"{port} is taken: it serves on another one and says which"


@row("V-02", "the sandbox is killed in the middle of an answer", once=True)
async def crashed(case: Case) -> str:
    served: Served = await asyncio.to_thread(serve, case.folder / "sandbox")

    def look() -> str:
        keys = {name: value for name, value in served.environment("codeer").items() if name.startswith("CODEER_")}
        with Watched(home=case.folder / "home", extra=keys) as terminal:
            terminal.talk_to("Metronome")
            terminal.type("stream 400 at 40")
            terminal.press("enter")
            terminal.until("live")
            terminal.settle(0.05)
            os.kill(served.process.pid, signal.SIGKILL)
            terminal.until(lambda text: "live" not in text.splitlines()[0], 60)
            title = terminal.text.splitlines()[0]
            assert "done" not in title, title
            assert "1 2" in terminal.text or len(terminal.text.split()) > 20
            terminal.press("ctrl+q")
            assert terminal.wait() == 0
            terminal.restored()
            return title.strip()

    try:
        said = await asyncio.to_thread(look)
    finally:
        if served.process.poll() is None:
            end(served)
    return f"what had come is shown and kept, the title says {' '.join(said.split())[-40:]!r}, never done"


@row("V-03", "the application is killed: the demo's sandbox does not survive", once=True)
async def orphaned(case: Case) -> str:
    home = case.folder / "home"

    def look() -> int:
        with Watched(["demo"], home=home) as terminal:
            terminal.until("Metronome")
            pid = int(str(sandbox_of(home)["pid"]))
            assert alive(pid)
            terminal.signal(signal.SIGKILL)
            terminal.wait()
            return pid

    pid = await asyncio.to_thread(look)
    begun = time.monotonic()
    while alive(pid):
        assert time.monotonic() - begun < 10, "it lives on"
        await asyncio.sleep(0.02)
    took = time.monotonic() - begun
    assert took <= 2.0, took
    return f"gone after {took:.2f} s"


@row("V-04", "a real key is configured while the demo is used", once=True)
async def dummy(case: Case) -> str:
    home = case.folder / "home"
    variables = environment(home, None, CODEER_API_KEY=REAL, QODER_PAT=REAL)

    def look() -> dict[str, bytes]:
        with Watched(["demo"], home=home, extra={"CODEER_API_KEY": REAL, "QODER_PAT": REAL}) as terminal:
            terminal.until("Metronome")
            pid = int(str(sandbox_of(home)["pid"]))
            seen = {name: Path(f"/proc/{pid}/{name}").read_bytes() for name in ("environ", "cmdline")}
            terminal.press("ctrl+q")
            terminal.wait()
            return {**seen, "terminal": bytes(terminal.raw)}

    seen = await asyncio.to_thread(look)
    ran = await parlour("ask", "--profile", "demo-codeer", "--agent", "Parrot", "hello", variables=variables)
    assert ran.code == 0
    seen |= {str(path): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert not leaks([REAL], seen), leaks([REAL], seen)
    return f"0 in its environment, arguments, files and answers ({len(seen)} places)"
