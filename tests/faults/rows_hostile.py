"""E: what agents, servers, files and clipboards say never acts: not on the terminal, not on us, not on the network."""

from __future__ import annotations

import asyncio
from pathlib import Path

from app.sandbox.server import Ready
from app.text import SafeStream, safe, safe_line
from app.ui import links
from tests.faults.hostile import ALL, ENVIRONMENT, MARKUP, PAYLOADS, seed
from tests.faults.program import environment, parlour
from tests.faults.rows import Case, row
from tests.faults.ttys import COPY, Watched, foreign
from tests.servers import ledger, running_sandbox

OVERVIEWS = {"f3": "history", "f4": "waits for you", "f6": "batches", "shift+f7": "review", "f10": "settings", "f2": "agents"}
TYPEABLE = ALL.replace("\x00", "").replace("\ud800", "")


def talked(home: Path, ready: Ready, agent: str = "Parrot", **more: object) -> Watched:
    """The application in a conversation with an agent of a running sandbox."""
    extra = {"CODEER_API_KEY": ready.codeer_key, "CODEER_API_BASE": ready.codeer_base}
    terminal = Watched(home=home, extra=extra, **more)  # type: ignore[arg-type]
    terminal.talk_to(agent)
    return terminal


def clean(terminal: Watched, *, copies: int = 0) -> None:
    """Nothing but text and our own sequences was written; the clipboard was written to as often as a person asked."""
    raw = bytes(terminal.raw)
    assert len(COPY.findall(raw)) == copies
    found = foreign(COPY.sub(b"", raw))
    assert not found, [hex(ord(char)) for char in found[:10]]


def look_around(home: Path, size: tuple[int, int], talks: int = 2) -> bytes:
    """Everything that a person can look at, one after the other."""
    with Watched(home=home, extra=ENVIRONMENT, columns=size[0], lines=size[1]) as terminal:
        terminal.until("not reached")
        terminal.settle()
        terminal.press("down", "f1", "esc", "f3")
        terminal.until("history")
        terminal.until("Today")
        for number in range(talks):
            terminal.press("f3")
            terminal.settle()
            terminal.press("down", *["down"] * number, "enter")
            terminal.until("f5 events")
            terminal.settle()
            terminal.press("tab", "home", *["down"] * 4, "enter", "]", "enter", "end", *["up"] * 6, "enter", "y", "c", "esc")
            terminal.settle()
            terminal.press("f1", "esc", "f5")
            terminal.until("Type a type or a text")
            terminal.settle()
            terminal.press("enter", "y", "down", "esc")
            terminal.settle()
            terminal.press("esc", "esc", "esc")
            terminal.settle()
        for key, title in OVERVIEWS.items():
            terminal.press(key)
            terminal.until(f"Parlour  {title}")
            terminal.settle()
            terminal.press("down", "down", "enter")
            terminal.settle()
            terminal.press("esc", "esc")
            terminal.settle()
        terminal.press("f12")
        terminal.until("Parlour  search")
        terminal.type("pwned")
        terminal.settle()
        terminal.press("down", "down", "esc", "esc", "esc")
        terminal.settle()
        terminal.press("ctrl+p")
        terminal.settle()
        terminal.press("esc", "ctrl+q")
        assert terminal.wait(20) == 0, terminal.text
        terminal.restored()
        assert not foreign(COPY.sub(b"", bytes(terminal.raw)))
        return bytes(terminal.raw)


@row(
    "E-01",
    "the 19 payloads in every field of a home: lists, transcript, inspector, inbox, errors, titles, exports",
    short=True,
    once=True,
)
async def payloads(case: Case) -> str:
    assert len(PAYLOADS) == 19
    home = case.folder / "home"
    home.mkdir(mode=0o700)
    await seed(home, (MARKUP, ALL))
    seen = 0
    for size in ((120, 40), (80, 24)) if case.full else ((100, 30),):
        seen += len(await asyncio.to_thread(look_around, home, size, case.size(2, 1)))
    variables = environment(home, None, **ENVIRONMENT)
    for words in (
        ["conversations"],
        ["show", "700"],
        ["events", "700"],
        ["search", "pwned"],
        ["export", "700", "--format", "html"],
    ):
        for form in ([], ["--json"]) if words[0] in ("conversations", "show", "search") else ([],):
            ran = await parlour(*words, *form, variables=variables)
            assert not foreign((ran.out + ran.err).encode("utf-8", "replace")), (words, foreign(ran.out.encode())[:5])
            seen += len(ran.out)
    return f"0/{len(PAYLOADS)} in {seen:,} bytes of terminal and command line"


@row("E-02", "a payload split over deltas, live", short=True)
async def split(case: Case) -> str:
    chance, times = case.random, case.size(20_000, 500)
    for _ in range(times):
        text = "".join(chance.choice(list(PAYLOADS.values())) + chance.choice(("", " ", "**", "|")) for _ in range(3))
        stream, out, at = SafeStream(), [], 0
        while at < len(text):
            step = chance.choice((1, 1, 2, 5))
            out.append(stream.feed(text[at : at + step]))
            at += step
        joined = "".join((*out, stream.close()))
        assert not foreign(joined.encode("utf-8", "surrogatepass"))
    async with running_sandbox() as ready:
        variables = environment(case.folder / "cli", ready, "codeer")
        ran = await parlour("ask", "--agent", "Parrot", TYPEABLE, variables=variables)
        assert ran.code == 0 and "pwned" in ran.out and not foreign(ran.out.encode()), ran.err

        def live() -> None:
            with Watched(home=case.folder / "cli", extra=variables) as terminal:
                terminal.until("Parrot")
                terminal.press("f3")
                terminal.until("Today")
                terminal.press("down", "enter")
                terminal.until("pwned")
                terminal.press("ctrl+q")
                assert terminal.wait() == 0
                clean(terminal)

        await asyncio.to_thread(live)
    return f"{times} random cuts, and one answer live"


@row("E-03", "markup of the toolkit in text", once=True)
async def markup(case: Case) -> str:
    home = case.folder / "home"
    home.mkdir(mode=0o700)
    await seed(home, (MARKUP, "[/]"))

    def look() -> None:
        with Watched(home=home, extra=ENVIRONMENT) as terminal:
            terminal.until("not reached")
            terminal.press("f3")
            terminal.until("Parlour  history")  # the names of agents are markup as well
            terminal.until("[@click=app.quit]press[/]")
            terminal.settle()
            terminal.press("down", "enter")
            terminal.until("f5 events")
            terminal.until("[/] wants to run")
            terminal.press("f5")
            terminal.settle()
            assert "[/" in terminal.text
            terminal.press("ctrl+q")
            assert terminal.wait() == 0

    await asyncio.to_thread(look)
    return "literal in lists, transcript and inspector; no action ran, nothing crashed"


@row("E-04", "bidi, zero width, tags, look-alike hosts", short=True, once=True)
async def invisible(case: Case) -> str:
    for name, payload in PAYLOADS.items():
        shown = safe(payload)
        assert safe(shown) == shown and not foreign(shown.encode()), name
        assert "\n" not in safe_line(payload) and not foreign(safe_line(payload).encode()), name
    assert "really xn--" in links.described("https://gооgle.example/")  # two letters of another alphabet
    flags = "👨‍👩‍👧 می‌خواهم ❤️"
    assert safe(flags) == flags, "what scripts and emoji need stays"
    return f"{len(PAYLOADS)} payloads stay harmless when cleaned twice; a look-alike host is shown as what it is"


FAKE = (
    "You: yes, delete everything\n\n┃ Bash wants to run: rm -rf ~\n┃ a allow   d deny\n\n"
    " ❯ Paste your API key here\n enter send   esc back\n\n## You · sent\n\n"
    "▎you  12:00   sent\n\n▎▸ bash  rm -rf ~   ✓\n\n```\n ┃ You\n```"
)


@row("E-07", "an answer that imitates our questions, our status, the person", once=True)
async def imitation(case: Case) -> str:
    async with running_sandbox() as ready:
        ran = await parlour("ask", "--agent", "Parrot", FAKE, variables=environment(case.folder, ready, "codeer"))
        assert ran.code == 0

        def look() -> int:
            extra = {"CODEER_API_KEY": ready.codeer_key, "CODEER_API_BASE": ready.codeer_base}
            with Watched(home=case.folder, extra=extra, lines=60) as terminal:
                terminal.until("Metronome")
                terminal.press("f3")
                terminal.until("Today")
                terminal.press("down", "enter")
                terminal.until("Paste your API key here")
                terminal.settle()
                lines = [line.rstrip() for line in terminal.screen.display]
                first = next(at for at, line in enumerate(lines) if at and "yes, delete everything" in line)
                last = next(at for at in range(len(lines) - 1, 0, -1) if "sent" in lines[at] and "You" in lines[at])
                foot = len(lines) - 3
                assert first > 0 and last < foot - 1, "it left its frame"
                assert not any(lines[last + 7 : foot]), lines
                ours = [line for line in lines[1:foot] if line[:1].strip()]
                assert [line.split()[0] for line in ours] == ["▎you", "▎Parrot"], "only our own lines bear a mark in the rim"
                assert lines[-2].startswith(" ❯ Write a message") and "f5 events" in lines[-1], lines[-3:]
                terminal.type("a")  # no question is there that this would answer
                terminal.until(lambda text: text.splitlines()[-2].startswith(" ❯ a"))
                terminal.press("backspace", "ctrl+q")
                assert terminal.wait() == 0
                return last - first + 1

        lines = await asyncio.to_thread(look)
        assert not ledger(ready, "approval")
    return f"{lines} lines of it stay above the foot, none with our mark; a key answers nothing that is not there"


@row("E-08", "a stored key in what is about to be sent", short=True, once=True)
async def key_in_text(case: Case) -> str:
    async with running_sandbox() as ready:
        key = ready.codeer_key

        def look() -> None:
            with talked(case.folder, ready) as terminal:
                terminal.paste(f"here it is: {key}")
                terminal.press("enter")
                terminal.until("contains the key")
                terminal.press("enter")
                terminal.settle()
                assert not ledger(ready, "prompt")
                assert key in terminal.text.replace("\n", "") or "here it is" in terminal.text
                terminal.press("enter")
                terminal.until("contains the key")
                terminal.press("esc", "ctrl+c", "ctrl+q")
                terminal.wait()

        await asyncio.to_thread(look)
        assert not ledger(ready, "prompt")
        ran = await parlour("ask", "--agent", "Parrot", f"x {key}", variables=environment(case.folder, ready, "codeer"))
        assert ran.code == 2 and key not in ran.err and "key" in ran.err, ran
        assert not ledger(ready, "prompt")
    return "asked in the application, enter means no; refused on the command line; 0 sent"


REPLIES = {
    "title": "\x1b]lrm -rf ~\r\x1b\\", "DECRQSS": "\x1bP1$r0;31m\r\x1b\\",
    "DA1": "\x1b[?64;1;2c", "XTVERSION": "\x1bP>|xterm(354)\x1b\\",
    "OSC 4": "\x1b]4;1;rgb:cd/00/00\x1b\\", "OSC 11": "\x1b]11;rgb:0/0/0\x07", "OSC 52": "\x1b]52;c;cm0gLXJmIH4K\r\x07",
    "cursor": "\x1b[24;80R", "size": "\x1b[8;24;80t", "graphics": "\x1b_Gi=31;OK\r\x1b\\", "C1": "\x90>|x\r\x9c\x9b?1;2c",
    "too large": "\x1b[99999999999999u",
}  # fmt: skip


@row("E-09", "a terminal that answers what nobody asked", short=True, once=True)
async def answers(case: Case) -> str:
    async with running_sandbox() as ready:

        def look() -> None:
            with talked(case.folder, ready) as terminal:
                for probe in REPLIES.values():
                    terminal.type(probe)
                    terminal.read(0.05)
                    for char in probe if case.full else probe[:3]:
                        terminal.type(char)
                        terminal.read(0.01)
                    if not case.full:
                        terminal.type(probe[3:])
                terminal.settle(0.8)
                line = next(line for line in terminal.screen.display if line.startswith(" ❯"))
                assert line.strip().startswith("❯ Write a message"), line
                terminal.type("still here")
                terminal.until("❯ still here")
                terminal.press("ctrl+q")
                assert terminal.wait() == 0

        await asyncio.to_thread(look)
        assert not ledger(ready, "prompt")
    return f"0/{len(REPLIES)} typed, 0 submitted, whole and in single bytes"


@row("E-10", "pastes with escapes, an end mark inside, line breaks", short=True, once=True)
async def pastes(case: Case) -> str:
    async with running_sandbox() as ready:

        def look() -> None:
            with talked(case.folder, ready) as terminal:
                for text in (
                    "one\r\ntwo\r",
                    "\x1b[31mred\x1b]0;x\x07",
                    "end\x1b[201~\rmark\r",
                    TYPEABLE,
                ):
                    terminal.paste(text)
                    terminal.settle()
                terminal.until("two")
                assert "red" in terminal.text or "mark" in terminal.text
                clean(terminal)
                terminal.press("ctrl+q")
                assert terminal.wait() == 0

        await asyncio.to_thread(look)
        assert not ledger(ready, "prompt")
    return "4 pastes literal, 0 sent"
