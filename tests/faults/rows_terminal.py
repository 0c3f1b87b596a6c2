"""P: signals, crashes, terminals that are lost, small, dumb or poor, and what they answer."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tests.faults.broken import CANARY, KINDS
from tests.faults.rows import Case, row
from tests.faults.ttys import Watched, broken

PARLOUR = [sys.executable, "-m", "app"]
FIRST = "Paste a key"
ENDINGS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)


def opened(home: Path, *words: str, **options: object) -> Watched:
    terminal = Watched(words, home=home, **options)  # type: ignore[arg-type]
    terminal.until(FIRST if not words else "Guide")
    terminal.settle()
    return terminal


def quiet_environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CODEER_", "QODER_", "PARLOUR_"))}
    return {**kept, "PARLOUR_HOME": str(home), "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring", **more}


def ran(
    home: Path, *words: str, before: Callable[[], None] | None = None, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """One command, its output piped."""
    return subprocess.run(
        [*PARLOUR, *words], env=quiet_environment(home, **(more or {})), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60, preexec_fn=before, errors="replace",
    )  # fmt: skip


def one_sentence(said: str) -> None:
    lines = [line for line in said.splitlines() if line.strip()]
    assert lines and "Traceback" not in said and 'File "' not in said and CANARY not in said, said
    assert "parlour: " in said or "Parlour" in said, said


@row(
    "P-01",
    "killed with SIGKILL at random while a draft is written",
)
async def killed(case: Case) -> str:
    times, kept = case.size(40, 1), 0  # the store's own row kills it hundreds of times
    home = case.folder / "home"
    chance = case.random
    for number in range(times):
        with Watched(["demo"], home=home) as terminal:
            terminal.talk_to("Parrot")
            text = f"draft {case.seed}-{number} "
            terminal.type(text)
            terminal.until(text.strip())
            terminal.settle(1.2)
            if chance.random() < 0.5:
                terminal.type("more")
                terminal.read(chance.random() * 0.3)
            terminal.signal(signal.SIGKILL)
            assert terminal.wait() == 137
        begun = time.monotonic()
        with Watched(["demo"], home=home) as terminal:
            terminal.until("Metronome")
            started = time.monotonic() - begun
            terminal.press("f3")
            terminal.until("Untitled")
            terminal.press("down", "enter")
            terminal.until(text.strip())
            kept += 1
            terminal.press("ctrl+c")  # on the shelf
            terminal.settle()
            terminal.press("ctrl+q")
            assert terminal.wait() == 0
    return f"{times} kills, {kept} drafts found again, last start {started:.1f} s"


@row("P-02", "SIGTERM, SIGHUP, SIGINT, SIGQUIT", short=True, once=True)
async def signalled(case: Case) -> str:
    slowest = 0.0
    for number in ENDINGS:
        with opened(case.folder / "home") as terminal:
            terminal.signal(number)
            code, took = terminal.ends(2.0)
            assert code == 128 + number
            terminal.restored()
            slowest = max(slowest, took)
    return f"{len(ENDINGS)}/{len(ENDINGS)} restored, slowest {slowest:.2f} s"


@row("P-03", "SIGTERM while the loop hangs, in a call and in a computation", once=True)
async def hung(case: Case) -> str:
    took = {}
    for where in ("hang", "spin"):
        with Watched(home=case.folder / where, command=broken(where)) as terminal:
            terminal.until(FIRST)
            terminal.settle()
            terminal.press("f1")
            terminal.read(0.2)
            terminal.signal(signal.SIGTERM)
            code, took[where] = terminal.ends(3.0)
            assert code == 128 + signal.SIGTERM
            terminal.restored()
    return ", ".join(f"{where} {seconds:.1f} s" for where, seconds in took.items())


@row("P-04", "SIGTSTP and SIGCONT; SIGSTOP and SIGCONT", short=True, once=True)
async def stopped(case: Case) -> str:
    with opened(case.folder / "home") as terminal:
        for number in (signal.SIGTSTP, signal.SIGTSTP, signal.SIGSTOP):
            terminal.signal(number)
            terminal.stopped()
            terminal.settle(0.1)
            if number == signal.SIGTSTP:
                terminal.restored()
            seen = len(terminal.raw)
            terminal.signal(signal.SIGCONT)
            terminal.until(lambda text, seen=seen: b"\x1b[?1049h" in terminal.raw[seen:] and FIRST in text)  # type: ignore[misc]
            terminal.settle()
        terminal.type("typed after all of it")  # exactly one reader is left
        terminal.press("f1")
        terminal.until("Keys here")
        terminal.press("esc", "ctrl+q")
        assert terminal.wait() == 0
        terminal.restored()
    return "2 × stopped by itself, 1 × from outside; restored each time"


@row("P-05", "the terminal is gone, with and without SIGHUP", short=True, once=True)
async def lost(case: Case) -> str:
    slowest = 0.0
    for ignored in (False, True):
        script = "trap '' HUP; exec " if ignored else "exec "
        command = ["sh", "-c", script + '"$0" -m app', sys.executable]
        terminal = Watched(home=case.folder / f"home-{ignored}", command=command)
        terminal.until(FIRST)
        terminal.settle()
        os.close(terminal.master)
        begun = time.monotonic()
        while True:
            pid, _ = os.waitpid(terminal.pid, os.WNOHANG)
            took = time.monotonic() - begun
            if pid:
                break
            assert took < 20, "it lives on"
            time.sleep(0.02)
        slowest = max(slowest, took)
        assert took <= 2.0, f"{took:.1f} s"
    return f"2/2 ended, slowest {slowest:.2f} s"


@row("P-06", "the reader of the output is gone", once=True)
async def pipe_closed(case: Case) -> str:
    codes = set()
    for words in (["agents", "--profile", "demo"], ["ask", "--profile", "demo-codeer", "--agent", "Guide", "hello"]):
        process = subprocess.Popen(
            [*PARLOUR, *words], env=quiet_environment(case.folder / "home"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read().decode()
        process.stderr.close()
        codes.add(process.wait(60))
        assert "Traceback" not in errors and "Broken" not in errors and "Exception" not in errors, errors
    assert codes <= {0, 141}, codes
    return f"exit codes {sorted(codes)}"


@row("P-07", "no terminal, TERM=dumb, no TERM", once=True)
async def no_terminal(case: Case) -> str:
    done = ran(case.folder, "--profile", "demo")
    assert done.returncode == 2
    one_sentence(done.stderr)
    for term in ("dumb", ""):
        with Watched(home=case.folder, extra={"TERM": term}) as terminal:
            assert terminal.wait() == 2
            one_sentence(terminal.text)
            assert b"\x1b" not in terminal.raw
    with Watched(["--plain", "--profile", "demo"], home=case.folder, extra={"TERM": "dumb"}) as terminal:
        terminal.until("agent, by number or name")
        terminal.type("/quit\n")
        assert terminal.wait(20) == 0
        assert b"\x1b" not in terminal.raw
    return "3 refused in a sentence, --plain works on TERM=dumb"


@row("P-08", "LANG=C and terminals that cannot spell", once=True)
async def ascii_only(case: Case) -> str:
    for extra in (
        {"LC_ALL": "C", "LANG": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
    ):
        with Watched(home=case.folder, extra=extra) as terminal:
            terminal.until(FIRST)
            terminal.press("f1")
            terminal.until("Keys here")
            terminal.press("esc", "ctrl+q")
            assert terminal.wait() == 0
            terminal.restored()
        done = ran(case.folder, "ask", "--profile", "demo-codeer", "--agent", "Parrot", "grüße 窯 \U0001f600", more=extra)
        assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    return "3 environments, application and command line"


@row("P-09", "1×1 to 500×200, and a thousand resizes", once=True)
async def sizes(case: Case) -> str:
    with Watched(["demo"], home=case.folder / "home") as terminal:
        terminal.talk_to("Parrot")
        for columns, lines in ((1, 1), (2, 1), (20, 5), (500, 200), (1, 200), (500, 1), (80, 24)):
            terminal.resize(columns, lines)
            terminal.settle(0.2)
        chance = case.random
        times = case.size(1000, 60)
        for _ in range(times):
            terminal.resize(chance.randint(1, 200), chance.randint(1, 60))
            terminal.read(0.0)
        terminal.resize(20, 5)
        terminal.settle(0.5)
        terminal.type("here")
        terminal.until("here")
        terminal.resize(80, 24)
        terminal.until("here")
        terminal.press("ctrl+q")
        assert (code := terminal.wait()) == 0, (code, terminal.text, [path.read_text() for path in case.folder.rglob("crash-*")])
        terminal.restored()
    return f"{times} resizes; the composer is reached at 20×5"


@row(
    "P-10",
    "an exception in a handler, the drawing, a timer, a worker, a task; a start that fails; a stylesheet; the driver",
    short=True,
    once=True,
)
async def crashes(case: Case) -> str:
    cases = [("handler", kind) for kind in KINDS] if case.full else [("handler", "drawn"), ("handler", "encode")]
    cases += [(where, "runtime") for where in ("redraw", "timer", "start", "compose", "style", "driver")]
    cases += [(where, "runtime") for where in ("worker", "task")]
    for where, kind in cases:
        home = case.folder / f"{where}-{kind}"
        with Watched(home=home, command=broken(f"{where}:{kind}")) as terminal:
            if where in ("worker", "task"):
                terminal.until(FIRST)
                terminal.press("f1")
                terminal.until("the rest goes on")
                terminal.press("ctrl+q")
                assert terminal.wait() == 0
            else:
                if where not in ("start", "compose", "style", "driver"):
                    terminal.until(FIRST)
                    terminal.settle()
                    terminal.press("f1")
                assert terminal.wait() == 1, terminal.text
                told = terminal.text.replace("\n", "")
                assert "fault of its own" in told or "no memory left" in told
                assert "Traceback" not in told
            terminal.restored()
            assert CANARY.encode() not in terminal.raw and b"\x1b[1049h" not in terminal.raw
            reports = list(home.glob("crash-*.txt"))
            assert len(reports) == 1 and reports[0].stat().st_mode & 0o777 == 0o600
            written = reports[0].read_text()
            assert (CANARY not in written and "broken.py" in written) or where == "style"
    return f"{len(cases)} crashes: restored, one sentence, exit 1, report without values; canary 0/{len(cases)}"


@row("P-11", "an exception while a crash is handled, and while everything is closed", once=True)
async def crashes_twice(case: Case) -> str:
    for where in ("twice", "shutdown", "import"):
        with Watched(home=case.folder / where, command=broken(where)) as terminal:
            if where != "import":
                terminal.until(FIRST)
                terminal.settle()
                terminal.press("f1" if where == "twice" else "ctrl+q")
            assert terminal.wait(15) == 1
            terminal.restored()
            assert CANARY.encode() not in terminal.raw and b"Traceback" not in terminal.raw
            assert b"Parlour stopped" in terminal.raw
    return "3/3 restored and told in a sentence"


@row("P-12", "no memory", once=True)
async def no_memory(case: Case) -> str:
    ends = []
    for mebibytes in case.size(8, 3) * [0] and (40, 60, 90, 130, 180, 240, 320, 420)[:: 1 if case.full else 3]:
        limit = partial(resource.setrlimit, resource.RLIMIT_AS, (mebibytes << 20, mebibytes << 20))
        done = ran(case.folder, "conversations", "--profile", "demo-codeer", before=limit)
        ends.append(done.returncode)
        assert done.returncode in (0, 1, 2, 5, 127), (mebibytes, done.returncode, done.stderr[-500:])
        if mebibytes > 60:  # below that the interpreter itself does not get far enough to speak
            assert "Traceback" not in done.stderr, done.stderr[-1500:]
    after = ran(case.folder, "conversations", "--profile", "demo-codeer")
    assert after.returncode == 0, after.stderr
    return f"exit codes {ends}, and whole again afterwards"


@row("P-13", "sixteen descriptors", once=True)
async def few_descriptors(case: Case) -> str:
    limit = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (16, 16))
    done = ran(case.folder, "agents", "--profile", "demo", before=limit)
    assert "Traceback" not in done.stderr, done.stderr[-1500:]
    if done.returncode:
        one_sentence(done.stderr)
    after = ran(case.folder, "agents", "--profile", "demo")
    assert after.returncode == 0, after.stderr
    return f"exit code {done.returncode}, and whole again afterwards"


@row("P-14", "the machine sleeps in the middle of an answer", once=True)
async def slept(case: Case) -> str:
    asleep = case.size(40, 6)
    with Watched(["demo"], home=case.folder / "home") as terminal:
        terminal.talk_to("Metronome")
        terminal.type("stream 60 at 30")
        terminal.press("enter")
        terminal.until("live")
        terminal.signal(signal.SIGSTOP)
        terminal.stopped()
        time.sleep(asleep)
        terminal.signal(signal.SIGCONT)
        begun = time.monotonic()
        terminal.until("done", 20)
        took = time.monotonic() - begun
        terminal.press("ctrl+q")
        assert terminal.wait() == 0
        terminal.restored()
    assert took <= 5.0, took
    return f"the answer is whole {took:.1f} s after waking (a sleep of {asleep} s, not of 10 min)"


@row("P-15", "no opener for links", once=True)
async def no_opener(case: Case) -> str:
    code = "from app.ui.links import browse; print(browse('https://example.org/'), browse('-x'), browse('file:///etc/passwd'))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PATH": str(case.folder)}, capture_output=True, text=True, timeout=30
    )
    assert done.stdout.split() == ["False", "False", "False"], done
    return "says that there is none"


@row("P-16", "ctrl+c at every prompt, and three at once", once=True)
async def interrupted(case: Case) -> str:
    home = case.folder / "home"
    with Watched(["profile", "add", "mine", "--vendor", "codeer"], home=home) as terminal:
        terminal.until(lambda text: "key" in text.lower())
        terminal.press("ctrl+c")
        assert terminal.wait() in (1, 130)
        assert "Traceback" not in terminal.text
        terminal.restored()
    assert ran(home, "profile", "list", "--json").stdout.strip() == "[]"
    with Watched(["--plain", "--profile", "demo"], home=home) as terminal:
        terminal.until("agent, by number or name")
        terminal.press("ctrl+c", "ctrl+c", "ctrl+c")
        assert terminal.wait(20) == 130
        assert "Traceback" not in terminal.text
        terminal.restored()
    with opened(home) as terminal:
        terminal.press("ctrl+c", "ctrl+c", "ctrl+c")
        terminal.settle()
        terminal.press("ctrl+q")
        assert terminal.wait() == 0
        terminal.restored()
    return "key prompt, linear mode, application"
