"""F: files and history: modes, owners, and that deleted means gone."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

from app.errors import SettingsError
from app.paths import private_folder
from tests.faults.program import environment, parlour
from tests.faults.rows import Case, not_here, row
from tests.servers import running_sandbox

WORD = "xylographic-canary-plumbago"


def open_to_others(home: Path) -> list[str]:
    """Files and folders that anybody but their owner may touch."""
    found = [home, *home.rglob("*")]
    return [f"{path.name} {stat.S_IMODE(path.lstat().st_mode):o}" for path in found if path.lstat().st_mode & 0o077]


@row("F-01", "umask 000", once=True)
async def umask(case: Case) -> str:
    home = case.folder / "home"

    def before() -> None:
        os.umask(0)

    async with running_sandbox() as ready:
        variables = environment(home, ready)
        for words in (["ask", "--agent", "Parrot", "--profile", "codeer", "hello"], ["agents"], ["conversations"], ["doctor"]):
            ran = await parlour(*words, variables=variables, before=before)
            assert ran.code in (0, 1), ran
        talk = str(json.loads((await parlour("conversations", "--json", variables=variables)).out)[0]["id"])
        target = home / "out.md"
        ran = await parlour("export", talk, "--output", str(target), variables=variables, before=before)
        assert ran.code == 0, ran
    ran = await parlour("agents", "--profile", "demo", variables=environment(home, None), before=before)
    assert ran.code == 0, ran
    assert not open_to_others(home), open_to_others(home)
    return f"{len(list(home.rglob('*')))} files and folders, all for their owner only"


async def foreign_owner(case: Case) -> str:
    home = case.folder / "home"
    home.mkdir(mode=0o700)
    os.chown(home, 65534, 65534)
    ran = await parlour("conversations", "--profile", "demo", variables=environment(home, None))
    assert ran.code == 2 and "another user" in ran.err, ran
    open_one = case.folder / "open"
    open_one.mkdir(mode=0o777)
    open_one.chmod(0o777)
    private_folder(open_one)
    assert stat.S_IMODE(open_one.stat().st_mode) == 0o700
    try:
        private_folder(home)
        raise AssertionError("it was taken")
    except SettingsError as error:
        assert "PARLOUR_HOME" in str(error)
    return "a folder of somebody else's is refused; an open one of ours is closed"


if os.geteuid() == 0:
    row("F-02", "a data folder of another user, and one that is open to all", short=True, once=True)(foreign_owner)
else:
    not_here("F-02", "a data folder of another user", "only root can make one")


@row("F-03", "a conversation is deleted: its words are in no file any more", once=True)
async def deleted(case: Case) -> str:
    home = case.folder / "home"
    async with running_sandbox() as ready:
        variables = environment(home, ready, "qoder")
        for number in range(case.size(20, 4)):
            ran = await parlour("ask", "--agent", "Parrot", f"keep this {number}", variables=variables)
            assert ran.code == 0
        ran = await parlour("ask", "--agent", "Parrot", f"{WORD} " * 200, "--json", variables=variables)
        assert ran.code == 0, ran
        assert _holding(home), "the test would not notice"
        talks = json.loads((await parlour("search", WORD, "--json", variables=variables)).out)
        text = json.dumps(talks)
        listed = json.loads((await parlour("conversations", "--json", variables=variables)).out)
        gone = [str(one["id"]) for one in listed if str(one["id"]) in text]
        assert gone, talks
        for ident in gone:
            ran = await parlour("delete", ident, "--yes", variables=variables)
            assert ran.code == 0, ran
        assert not _holding(home), _holding(home)
        assert WORD not in (await parlour("search", WORD, "--json", variables=variables)).out
        assert "keep this 1" in (await parlour("search", "keep", "--json", variables=variables)).out
    return "raw bytes of database, journal and index: 0; what was not deleted is found"


def _holding(home: Path) -> list[str]:
    raw = WORD.encode()
    return [path.name for path in home.rglob("*") if path.is_file() and (raw in (data := path.read_bytes()) or raw[:11] in data)]


@row("F-04", "no core dumps, and children do not see our variables", short=True, once=True)
async def cores(case: Case) -> str:
    code = (
        "import resource, sys\nfrom app.cli import main\nmain(['profile', 'list'])\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE)[0], file=sys.stderr)"
    )
    variables = environment(case.folder, None)
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, timeout=60)
    assert done.stderr.split()[-1] == "0", done
    return "RLIMIT_CORE is 0"
