"""L: what the program is made of: pinned, complete, known, and nothing in it that nobody asked for."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
import venv
import zipfile

from tests.faults.rows import Case, row
from tests.supply import LOCK, ROOT, bill, closure, components, locked

SECRET = re.compile(
    rb"sk-[A-Za-z0-9_-]{20,}|pt-[A-Za-z0-9_-]{24,}|ghp_[A-Za-z0-9]{30,}|AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY"
)
ASKED = "https://api.osv.dev/v1/querybatch"


def run(*words: str, **more: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=900, env={**os.environ, **more}, cwd=ROOT)
    assert done.returncode == 0, (words, done.stdout[-1500:], done.stderr[-1500:])
    return done.stdout


@row("L-01", "everything that runs is pinned by version and hash", short=True, once=True)
async def pinned(case: Case) -> str:
    lines = locked()
    assert all(one.version and one.hashes for one in lines)
    here = {one.name: one.version for one in lines if one.here}
    needed = closure(["parlour"])
    needed.pop("parlour")
    wrong = {name: version for name, version in needed.items() if here.get(name) != version}
    assert not wrong, wrong
    superfluous = set(here) - set(needed) - set(closure(["hatchling", "editables"]))
    assert not superfluous, superfluous
    hashes = sum(len(one.hashes) for one in lines)
    return f"{len(needed)}/{len(needed)} pinned; {hashes} hashes in {len(lines)} lines for all platforms"


@row("L-02", "the bill of materials is what is installed", short=True, once=True)
async def equal(case: Case) -> str:
    listed = {str(one["name"]): str(one["version"]) for one in components()}
    installed = closure(["parlour"])
    installed.pop("parlour")
    assert listed == installed, set(listed.items()) ^ set(installed.items())
    made = bill()
    assert made["bomFormat"] == "CycloneDX" and made == bill(), "the same lock gives the same list"
    return f"{len(listed)} = {len(installed)}"


@row("L-03", "installed offline, by hash only, into an empty environment", once=True)
async def offline(case: Case) -> str:
    def install() -> int:
        wheels, target = case.folder / "wheels", case.folder / "venv"
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
        run(*pip, "download", "--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", str(LOCK), "-d", str(wheels))
        run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(case.folder), str(ROOT))
        venv.create(target, with_pip=True)
        inside = str(target / "bin" / "python")
        nowhere = {
            "PIP_INDEX_URL": "http://127.0.0.1:9/",
            "PIP_EXTRA_INDEX_URL": "",
            "PIP_NO_INDEX": "1",
            "PIP_CONFIG_FILE": os.devnull,
        }
        offline_ = [inside, "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-index", "--no-deps"]
        run(*offline_, "--require-hashes", "--find-links", str(wheels), "-r", str(LOCK), **nowhere)
        run(*offline_, str(next(case.folder.glob("*.whl"))), **nowhere)
        found = json.loads(run(inside, "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"))
        tools = set(closure(["hatchling", "editables"])) | {"pip", "setuptools", "wheel", "parlour"}
        runs = {str(one["name"]) for one in components()}
        there = {re.sub(r"[-_.]+", "-", one["name"]).lower(): one["version"] for one in found}
        listed = {str(one["name"]): str(one["version"]) for one in components()}
        assert {name: version for name, version in there.items() if name in runs or name not in tools} == listed
        startup = [path.name for path in (target / "lib").rglob("*.pth") if path.name != "distutils-precedence.pth"]
        assert not startup, startup
        assert run(inside, "-I", "-m", "app", "--version").startswith("parlour ")
        return len(listed)

    return f"{await asyncio.to_thread(install)} distributions from a folder, no index, no .pth, the bill equals what is there"


@row("L-04", "what is in the wheel", once=True)
async def contents(case: Case) -> str:
    def look() -> int:
        run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(case.folder), str(ROOT))
        with zipfile.ZipFile(next(case.folder.glob("*.whl"))) as wheel:
            names = wheel.namelist()
            assert not [
                name for name in names if name.endswith(".pth") or "tests/" in name or not name.startswith(("app/", "parlour-"))
            ]
            for name in names:
                data = wheel.read(name)
                assert not SECRET.search(data), name
                assert b"failpoint" not in data.lower() and b"canary" not in data.lower(), name
            scripts = next(name for name in names if name.endswith("entry_points.txt"))
            assert wheel.read(scripts).decode().split() == ["[console_scripts]", "parlour", "=", "app.cli:main"]
            return len(names)

    return f"{await asyncio.to_thread(look)} files: no tests, no failpoints, no .pth, nothing shaped like a key, one command"


@row("L-05", "known vulnerabilities of the closure", once=True)
async def known(case: Case) -> str:
    asked = [{"package": {"name": one["name"], "ecosystem": "PyP" + "I"}, "version": one["version"]} for one in components()]
    request = urllib.request.Request(ASKED, json.dumps({"queries": asked}).encode(), {"content-type": "application/json"})

    def ask() -> list[dict[str, object]] | None:
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                found: list[dict[str, object]] = json.loads(reply.read())["results"]
                return found
        except (OSError, ValueError, KeyError, urllib.error.URLError):
            return None

    results = await asyncio.to_thread(ask)
    if results is None:
        return f"NOT CHECKED: {ASKED.split('/')[2]} cannot be reached from here"
    bad = [f"{one['package']['name']}" for one, result in zip(asked, results, strict=True) if result.get("vulns")]  # type: ignore[index]
    assert not bad, bad
    return f"{len(asked)} asked, 0 known"
