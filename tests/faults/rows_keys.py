"""A: the keyring is missing, locked, silent, forgetful; keys are odd, rotated, revoked, echoed; and nowhere else but there."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import UsageError
from app.keys import Keyring, KeyringTrouble, Trouble
from app.models import Profile, PromptState, Stop
from app.settings import origin
from app.vendors import normal_base
from tests.faults.invariants import forms, leaks
from tests.faults.kit.sockets import RawServer, reply, request, send
from tests.faults.program import PARLOUR, environment, parlour
from tests.faults.rows import Case, not_here, row
from tests.faults.stage import SIDES, STREAM, failure, stage, until
from tests.faults.ttys import Watched, broken
from tests.keyring.test_real import OPEN, SHUT
from tests.servers import ledger, running_sandbox
from tests.test_keys import Forgetful, Memory, keyring_of, raising

CANARY = "sk-canary/of+somebody=%41-9f3b2c7d1e"
PLAIN = "sk-canary-of-somebody-9f3b2c7d1e"
KEYRING = shutil.which("gnome-keyring-daemon") and shutil.which("dbus-run-session")
LIMIT = 3.0


def nowhere(home: Path, *said: str, key: str = PLAIN) -> None:
    """No file of the home and nothing that was said holds the key in any spelling."""
    places = {str(path): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    places |= {f"said {number}": text.encode("utf-8", "replace") for number, text in enumerate(said)}
    found = leaks([key], places)
    assert not found, found


async def add(home: Path, key: str, **more: str) -> tuple[int, str, float]:
    """``profile add --key-stdin``: exit code, stderr, seconds."""
    variables = {**environment(home, None), **more}
    command = [*PARLOUR, "profile", "add", "mine", "--vendor", "codeer", "--key-stdin"]
    begun = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *command, env=variables, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(key.encode() + b"\n"), 60)
    assert b"Traceback" not in err, err
    nowhere(home, out.decode(), err.decode(), key=key.strip() or PLAIN)
    return process.returncode or 0, err.decode(), time.monotonic() - begun


@row("A-01", "there is no keyring", short=True, once=True)
async def no_keyring(case: Case) -> str:
    home = case.folder / "home"
    home.mkdir()
    code, said, _ = await add(home, PLAIN)
    assert code == 3 and "no keyring" in said and "environment variable" in said, said
    assert not (home / "config.toml").exists() or PLAIN not in (home / "config.toml").read_text()
    return "said, with what to do instead; nothing written"


async def _under_a_bus(case: Case, before: str) -> tuple[str, float]:
    """What the keyring says in a session of its own, and how long it took by its own clock."""
    code = (
        "import asyncio, time\nfrom app.keys import Keyring, KeyringTrouble\nasync def main():\n    begun = time.monotonic()\n"
        "    try:\n        await Keyring().put('work', 'https://a.test', 'key')\n        said = 'stored'\n"
        "    except KeyringTrouble as trouble:\n        said = trouble.reason\n    print(said, time.monotonic() - begun)\n"
        "asyncio.run(main())\n"
    )
    with tempfile.TemporaryDirectory() as home:
        variables = {**environment(Path(home), None), "HOME": home, "XDG_RUNTIME_DIR": home, "PYTHON_KEYRING_BACKEND": ""}
        command = ["dbus-run-session", "--", "sh", "-c", before + 'exec "$0" -c "$1"', sys.executable, code]
        process = await asyncio.create_subprocess_exec(*command, env=variables, stdout=asyncio.subprocess.PIPE)
        out, _ = await asyncio.wait_for(process.communicate(), 60)
    said, seconds = out.decode().split()
    return said, float(seconds)


async def locked(case: Case) -> str:
    said, seconds = await _under_a_bus(case, SHUT)
    assert said in ("locked", "hung") and seconds <= LIMIT + 0.5, (said, seconds)
    there, quick = await _under_a_bus(case, OPEN)
    assert there == "stored" and quick <= LIMIT
    return f"{said} after {seconds:.2f} s; an open one stores in {quick:.2f} s"


if KEYRING:
    row("A-02", "a locked keyring, its prompt dismissed", short=True, once=True)(locked)
else:
    not_here("A-02", "a locked keyring", "gnome-keyring and dbus are not installed")


@contextmanager
def silent_bus() -> Iterator[str]:
    """A session bus that accepts and never answers."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as bus:
        path = f"{folder}/bus"
        bus.bind(path)
        bus.listen(50)
        yield f"unix:path={path}"


@row("A-03", "a keyring that hangs for ever", short=True, once=True)
async def hangs(case: Case) -> str:
    released = threading.Event()

    class Hanging(Memory):
        def get_password(self, service: str, username: str) -> str | None:
            released.wait(60)
            return None

    begun = time.monotonic()
    try:
        await keyring_of(Hanging()).get("work", "https://a.test")
        raise AssertionError("it answered")
    except KeyringTrouble as trouble:
        assert trouble.reason is Trouble.HUNG
    took = time.monotonic() - begun
    released.set()
    assert took <= LIMIT + 0.5
    with silent_bus() as address:
        home = case.folder / "home"
        home.mkdir()
        bus = {"DBUS_SESSION_BUS_ADDRESS": address, "PYTHON_KEYRING_BACKEND": "keyring.backends.SecretService.Keyring"}
        code, said, whole = await add(home, PLAIN, **bus)
        assert code == 3 and ("did not answer" in said or "no keyring" in said), said
    return f"left behind after {took:.1f} s; a bus that is silent: exit 3 within {whole:.1f} s, start included"


@row("A-04", "a keyring that takes the key and does not keep it; the null one; one of files; a chain", short=True, once=True)
async def forgetful(case: Case) -> str:
    try:
        await keyring_of(Forgetful()).put("work", "https://a.test", PLAIN)
        raise AssertionError("it believed it")
    except KeyringTrouble as trouble:
        assert trouble.reason is Trouble.DENIED and PLAIN not in str(trouble)
    home = case.folder / "home"
    home.mkdir()
    names = ("null.Keyring", "fail.Keyring", "chainer.ChainerBackend")
    for name in names:
        code, said, _ = await add(
            home, PLAIN, PYTHON_KEYRING_BACKEND=f"keyring.backends.{name}", DBUS_SESSION_BUS_ADDRESS="unix:path=/no"
        )
        assert code == 3 and "keyring" in said, (name, said)
    return f"noticed by reading back; {len(names)} that keep no secrets count as none"


@row("A-05", "storing the key fails", short=True, once=True)
async def denied(case: Case) -> str:
    from keyring.errors import KeyringLocked, PasswordSetError

    for error in (PasswordSetError(PLAIN), KeyringLocked(PLAIN), OSError(28, PLAIN), RuntimeError(PLAIN), ValueError(PLAIN)):
        try:
            await keyring_of(raising(error)).put("work", "https://a.test", PLAIN)
            raise AssertionError("it believed it")
        except KeyringTrouble as trouble:
            assert PLAIN not in str(trouble) and PLAIN not in repr(trouble) and "this run" in str(trouble)
    async with running_sandbox() as ready:

        def look() -> None:
            with Watched(home=case.folder / "home", extra={"CODEER_API_BASE": ready.codeer_base}) as terminal:
                terminal.until("Paste a key")
                terminal.paste(ready.codeer_key)
                terminal.until("goes to")
                terminal.press("enter")
                terminal.until("this run only", 20)
                terminal.press("enter")
                terminal.until("Metronome")
                terminal.press("ctrl+q")
                assert terminal.wait() == 0
                nowhere(case.folder / "home", terminal.text, bytes(terminal.raw).decode("utf-8", "replace"), key=ready.codeer_key)

        await asyncio.to_thread(look)
    return "5 errors told without the key; in the application it is used for this run only"


ODD = (f"{PLAIN} x", f"{PLAIN}\tx", f'{PLAIN}"', f"{PLAIN}é", f"{PLAIN}\x7f", f"{PLAIN}\u202e", "", PLAIN * 400)


@row("A-06", "keys with spaces, quotes, other alphabets, ten kilobytes", short=True, once=True)
async def odd_keys(case: Case) -> str:
    home = case.folder / "home"
    home.mkdir()
    for key in ODD if case.full else ODD[::3]:
        code, said, _ = await add(home, key)
        assert code in (2, 3), (code, said)
    code, said, _ = await add(home, f"  {PLAIN}  ")
    assert code == 3 and "no keyring" in said  # trimmed, and refused only because nothing here could keep it
    return f"{len(ODD)} refused or trimmed; the place is named, never the value"


@row("A-07", "the environment and the keyring differ", once=True)
async def environment_first(case: Case) -> str:
    async with running_sandbox() as ready:
        variables = environment(case.folder, ready, "codeer")
        listed = json.loads((await parlour("profile", "list", "--json", variables=variables)).out)
        assert [(one["name"], one["key"]) for one in listed] == [("codeer", "environment")]
        ran = await parlour("profile", "check", "codeer", variables=variables)
        assert ran.code == 0 and ready.codeer_key not in ran.out + ran.err
        wrong = await parlour("profile", "check", "codeer", variables={**variables, "CODEER_API_KEY": PLAIN})
        assert wrong.code == 3
        nowhere(case.folder, wrong.out, wrong.err)
    return "the environment's is used and named as the source"


async def _revoked_while_it_streams(case: Case, side: str) -> float:
    """The stream is cut, and from then on the key is refused: the turn says what is known, and is whole with a key again."""
    async with stage(side, case.folder / side) as on:
        assert on.ready is not None
        talk = await on.talk("Metronome" if side == "codeer" else "Scribe")
        await on.ask(talk, "stream 3")
        on.through.order(STREAM[side], "reply", n=3000, how="rst")
        turn = await on.submit(talk, "stream 120 at 40")
        await until(lambda: turn.state is PromptState.SENT and turn.parts, 20)
        on.ready.world.faults.add({"vendor": side, "fault": "status", "status": 401, "times": 0})
        began = time.monotonic()
        await until(lambda: turn.stop is not None, 20)
        took = time.monotonic() - began
        assert turn.stop is Stop.UNKNOWN and "key" in failure(turn) and 0 < len(turn.answer) < 480, turn.failure
        on.ready.world.faults.clear()
        async with asyncio.timeout(30):
            while turn.stop is not Stop.DONE:
                on.turns.refresh(talk)
                await on.turns.idle(talk)
                await asyncio.sleep(0.2)
        assert len(turn.answer) == 480 and on.arrived("stream 120 at 40") == 1
    return took


@row("A-08", "the key is revoked in the middle of a turn, and between two", once=True)
async def revoked(case: Case) -> str:
    took = [await _revoked_while_it_streams(case, side) for side in SIDES]
    async with running_sandbox() as ready:
        variables = environment(case.folder, ready, "codeer")
        assert (await parlour("ask", "--agent", "Parrot", "first", variables=variables)).code == 0
        ran = await parlour("ask", "--agent", "Parrot", "second", variables={**variables, "CODEER_API_KEY": PLAIN})
        assert ran.code == 3 and "key" in ran.err.lower() and PLAIN not in ran.err, ran
        assert [entry["text"] for entry in ledger(ready, "prompt")] == ["first"]
        nowhere(case.folder, ran.out, ran.err)
    told = f"the turn says so after {max(took):.1f} s, keeps what came, and is whole once a key is taken"
    return f"{told}; between turns exit 3 and a sentence, nothing was sent"


@row("A-09", "two accounts: no key at the other's origin", once=True)
async def own_origin(case: Case) -> str:
    other = "pt-canary-of-the-other-0123456789abcdef"
    answer = [request(), send(reply("{}", 200, close=True))]
    async with RawServer(last=answer).running() as codeer, RawServer(last=answer, path="").running() as qoder:
        variables = environment(case.folder, None) | {
            "CODEER_API_KEY": PLAIN,
            "CODEER_API_BASE": codeer.base,
            "QODER_PAT": other,
            "QODER_MANAGED_BASE_URL": f"{qoder.base}/api/v1/cloud",
        }
        for words in (["agents"], ["conversations"], ["profile", "check", "codeer"], ["profile", "check", "qoder"]):
            ran = await parlour(*words, variables=variables)
            nowhere(case.folder, ran.out, ran.err)
        assert codeer.got and qoder.got
        assert not leaks([other], {"codeer": codeer.got}) and not leaks([PLAIN], {"qoder": qoder.got})
        assert leaks([PLAIN], {"codeer": codeer.got}) and leaks([other], {"qoder": qoder.got}), "the test would not notice"
    return f"{len(codeer.requests)} + {len(qoder.requests)} requests, 0 with the other's key"


@row("A-10", "a base that is not https, with a user name, of another kind", once=True)
async def bases(case: Case) -> str:
    bad = ("http://evil.example/api/v1", "https://user:pw@evil.example/api/v1", "ftp://evil.example", "evil.example", "https://")
    for base in bad:
        try:
            normal_base("codeer", base)
            raise AssertionError(f"{base} was taken")
        except UsageError as error:
            assert ":pw" not in str(error)
    ran = await parlour(
        "profile", "add", "x", "--vendor", "codeer", "--base", bad[0], "--key-stdin", variables=environment(case.folder, None)
    )
    assert ran.code == 2 and "https" in ran.err, ran
    assert normal_base("codeer", "http://127.0.0.1:8080/api/v1")
    return f"{len(bad)} refused, loopback is allowed"


@row("A-11", "a server that echoes the key in an error, in every spelling", once=True)
async def echoed(case: Case) -> str:
    said = " ".join(form.decode() for form in sorted(forms(CANARY)))
    body = json.dumps({"error_code": 4, "message": said, "detail": {"key": CANARY, "list": [said]}})
    async with RawServer(last=[request(), send(reply(body, 400, close=True, **{"x-request-id": CANARY}))]).running() as server:
        variables = environment(case.folder, None) | {"CODEER_API_KEY": CANARY, "CODEER_API_BASE": server.base}
        for words in (["agents"], ["-v", "agents"], ["ask", "--agent", "x", "hello"], ["profile", "check", "codeer"]):
            ran = await parlour(*words, variables=variables)
            assert ran.code
            reversed_ = {form for form in forms(CANARY) if form == CANARY.encode()[::-1]}
            for form in forms(CANARY) - reversed_:
                assert form not in (ran.out + ran.err).encode(), (words, form)
    return f"{len(forms(CANARY)) - 1} spellings masked"


@row("A-12", "two profiles, one key changed", short=True, once=True)
async def rotated(case: Case) -> str:
    memory = Memory()
    keyring: Keyring = keyring_of(memory)
    one, two = (Profile(name, "codeer", "https://a.test/api/v1") for name in ("one", "two"))
    await keyring.put(one.name, origin(one.base), "first-key-of-one")
    await keyring.put(two.name, origin(two.base), "key-of-two")
    await keyring.put(one.name, origin(one.base), "second-key-of-one")
    found = [await keyring.get(profile.name, origin(profile.base)) for profile in (one, two)]
    assert [secret.reveal() for secret in found if secret] == ["second-key-of-one", "key-of-two"]
    assert await keyring.get("one", "https://b.test") is None
    return "only the one; neither at another origin"


@row("A-13", "a whole session with a pasted key: editor, opener, crash, export", once=True)
async def whole_session(case: Case) -> str:
    home, bin_ = case.folder / "home", case.folder / "bin"
    bin_.mkdir()
    seen = case.folder / "children"
    editor = bin_ / "editor"
    editor.write_text(f'#!/bin/sh\n{{ env; echo "$@"; tr "\\0" " " < /proc/$PPID/cmdline; }} >> {seen}\n')
    editor.chmod(0o755)
    async with running_sandbox() as ready:
        key = ready.codeer_key

        def session() -> bytes:
            variables = {"CODEER_API_BASE": ready.codeer_base, "EDITOR": str(editor), "CODEER_ACCOUNT_NOTE": key}
            with Watched(home=home, command=broken("handler"), extra=variables) as terminal:
                terminal.until("Paste a key")
                terminal.paste(key)
                terminal.until("goes to")
                terminal.press("enter")
                terminal.until("this run only", 20)
                terminal.press("enter")
                terminal.until("Metronome")
                terminal.talk_to("Parrot")
                terminal.type("hello")
                terminal.press("enter")
                terminal.until("done")
                terminal.press("\x07")
                terminal.settle(1.0)
                terminal.press("f5")
                terminal.settle()
                terminal.press("x")
                terminal.settle()
                terminal.type(str(case.folder / "x.jsonl"))
                terminal.press("esc", "esc", "f1")
                terminal.settle()
                if terminal.returncode is None:
                    terminal.press("f1")
                assert terminal.wait() == 1
                return bytes(terminal.raw)

        raw = await asyncio.to_thread(session)
        assert seen.read_text().count("PARLOUR_HOME") == 0 and "PATH=" in seen.read_text()
        assert list(home.glob("crash-*.txt"))
        where = {"terminal": raw, "children": seen.read_bytes(), "ledger": json.dumps(ledger(ready)).encode()}
        where |= {str(path): path.read_bytes() for path in case.folder.rglob("*") if path.is_file()}
        assert not leaks([key], where), leaks([key], where)
    return f"{len(where)} places, {sum(map(len, where.values())):,} bytes: 0"
