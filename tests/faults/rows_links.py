"""E, links, pictures and files: nothing is opened, fetched or written because somebody else said so."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.hostile import ALL, ENVIRONMENT, PROFILE, seed
from tests.faults.kit.sockets import RawServer, reply, request, send
from tests.faults.program import environment, parlour
from tests.faults.rows import Case, row
from tests.faults.rows_hostile import look_around
from tests.faults.ttys import foreign
from tests.servers import running_sandbox

KEY = "canary-key-of-somebody-9f3b2c7d1e"
LINKS = (
    "file:///etc/passwd", "javascript:alert(1)", "data:text/html,x", "smb://h/x", "x-man-page://ls", "-flag", "--help",
    "/etc/passwd",
    "http://user@evil.example/", "http://user:pw@evil.example/", "https://", "http://-evil/",
    "https://a b/",
    "https://e\x1b]0;x\x07/",
    "https://e\u202egnp/", "vscode://x", "ssh://-oProxyCommand=x",
    "mailto:a@b", "tel:1", "HTTPS:evil", "//evil.example", "%action",
)  # fmt: skip


@row("E-05", "links to elsewhere than they say, other schemes, flags", short=True, once=True)
async def links_refused(case: Case) -> str:
    opened = case.folder / "opened"
    folder = case.folder / "bin"
    folder.mkdir()
    opener = folder / "xdg-open"
    opener.write_text(f'#!/bin/sh\nprintf "%s\\n" "$#" "$@" >> {opened}\nenv >> {opened}.env\n')
    opener.chmod(0o755)
    code = "import sys; from app.ui.links import browse; print(*[browse(url) for url in sys.argv[1:]])"
    variables = {**os.environ, "PATH": f"{folder}:/bin:/usr/bin", "CODEER_API_KEY": KEY, "PARLOUR_HOME": str(case.folder)}
    good = "https://example.org/a?b=$(id)&c=;x#-y"

    def run(*urls: str) -> list[str]:
        command = [sys.executable, "-c", code, *urls]
        return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=True).stdout.split()

    assert set(run(*LINKS)) == {"False"} and not opened.exists()
    assert run(good) == ["True"]
    for _ in range(100):
        if opened.exists() and opened.read_text().count("\n") >= 2:
            break
        await asyncio.sleep(0.05)
    assert opened.read_text() == f"1\n{good}\n"
    assert KEY not in Path(f"{opened}.env").read_text()
    return f"0/{len(LINKS)} opened; a good one goes as one argument, without our variables"


@contextmanager
def nobody_connects() -> Iterator[tuple[str, list[object]]]:
    """A server that counts who comes."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        over = threading.Event()

        def accept() -> None:
            while not over.is_set():
                try:
                    connection, address = server.accept()
                except TimeoutError:
                    continue
                came.append(address)
                connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}", came
        finally:
            over.set()
            thread.join()


@row("E-06", "images, HTML and addresses in an answer", once=True)
async def nothing_fetched(case: Case) -> str:
    home = case.folder / "home"
    home.mkdir(mode=0o700)
    with nobody_connects() as (origin, came):
        said = (
            f"![x]({origin}/a.png) <img src='{origin}/b.png'> <iframe src={origin}/c> {origin}/d [e]({origin}/e) {origin}/f.ico"
        )
        await seed(home, (said, f"plain\n\n{said}"))
        await asyncio.to_thread(look_around, home, (100, 30))
        ran = await parlour("show", "700", variables=environment(home, None, **ENVIRONMENT))
        assert origin in ran.out
        assert not came, came
    return "0 connections"


NAMES = (
    "new\nline",
    "es\x1b]0;x\x07c",
    "-rf",
    "trail. ",
    "rtl\u202egnp.exe",
    "CON",
    "x" * 240 + ".txt",
    "[red].md",
    "a\x1b]0;x\x07b\nc.txt",
    "$(id)",
    "spa ce;x",
)


@row("E-11", "hostile names of files", once=True)
async def names(case: Case) -> str:
    folder = case.folder / "files"
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_text("content")
    async with running_sandbox() as ready:
        variables = environment(case.folder / "home", ready, "codeer")
        for name in NAMES:
            ran = await parlour("ask", "--agent", "Parrot", "--attach", str(folder / name), "look", variables=variables)
            assert ran.code in (0, 1, 2) and not foreign((ran.out + ran.err).encode("utf-8", "replace")), (name, ran)
        ran = await parlour("conversations", "--json", variables=variables)
        talk = ran.out.split('"id": "')[1].split('"')[0] if '"id": "' in ran.out else ran.out.split('"id": ')[1].split(",")[0]
        target = folder / "out.md"
        target.symlink_to(case.folder / "elsewhere")
        ran = await parlour("export", talk, "--output", str(target), variables=variables)
        assert ran.code == 2 and not (case.folder / "elsewhere").exists(), ran
        ran = await parlour("export", talk, "--output", str(target), "--force", variables=variables)
        assert not (case.folder / "elsewhere").exists(), "written through a link"
    assert len(list(folder.iterdir())) == len(NAMES) + 1
    return f"{len(NAMES)} names shown safely, nothing overwritten, no link followed"


@row("E-12", "exports of hostile conversations, and refusals in a server's words", once=True)
async def exports(case: Case) -> str:
    home = case.folder / "home"
    home.mkdir(mode=0o700)
    await seed(home)
    variables = environment(home, None, **ENVIRONMENT)
    for form in ("md", "json", "jsonl", "html"):
        for number in ("700", "701"):
            path = case.folder / f"{number}.{form}"
            ran = await parlour("export", number, "--format", form, "--output", str(path), variables=variables)
            assert ran.code == 0, ran
            data = path.read_bytes()
            assert not foreign(data), (form, foreign(data)[:5])
            assert path.stat().st_mode & 0o777 == 0o600
            if form == "html":
                assert b"<b onclick" not in data and b"<script" not in data and b"default-src 'none'" in data
    body = '{"error_code": 7, "message": ' + json.dumps(ALL) + "}"
    async with RawServer(last=[request(), send(reply(body, 400, close=True))]).running() as server:
        ran = await parlour("agents", variables={**variables, "CODEER_API_BASE": server.base})
        assert ran.code and not foreign((ran.out + ran.err).encode()), ran
    assert PROFILE.base.startswith("http://127.0.0.1")
    return "8 exports and a refusal without one acting character"
