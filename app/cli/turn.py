"""A turn on the command line: printed as it comes, asked about where it waits, ended with an exit code."""

from __future__ import annotations

import argparse
import asyncio
import re
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from app.cli import out
from app.cli.compose import Program
from app.cli.final import exit_code, final_object
from app.cli.lines import Lines
from app.cli.prompts import decide
from app.errors import VendorError
from app.exports import event_object
from app.models import Answer, Event, Json, LinkState, PartKind, Profile, Stop, Wire
from app.text import SafeStream, json_text, safe, safe_line
from app.transcript import Change, Part, Turn, What
from app.turns import Talk

INTERRUPT_PATIENCE = 30.0
"""Seconds an interrupted turn has to end by the server's word."""
INTERRUPTED = 130
Answering = Callable[[Talk, Turn], Awaitable[tuple[Answer, ...]]]
"""Answers for what a turn waits for; () leaves it open."""


_SENTENCE = re.compile(r"[.!?:;](?=\s)|[。！？；]|\n")


class Watch:
    """Prints one turn: text as it streams (or a sentence at a time), or its events, or nothing until the final object."""

    def __init__(self, *, json: bool, events: bool, by_sentence: bool = False) -> None:
        self.json = json
        self.events = events
        self._by_sentence = by_sentence
        self._held: dict[str, str] = {}
        """Beginnings of sentences."""
        self._shown: dict[str, str] = {}
        self._streams: dict[str, SafeStream] = {}
        self._last: Part | None = None
        self._wire: Wire | None = None
        self._fresh = True
        self._tools: set[str] = set()
        self.gone = asyncio.Event()
        """Whoever read the output has closed it. Who streams is not told: it has a turn to keep."""

    def overheard(self, talk: Talk, event: Event) -> None:
        """With ``--events``: the wire's own, each once, in order."""
        if self.events and event.wire.type and event.wire is not self._wire and not self.gone.is_set():
            self._wire = event.wire
            try:
                out.line(event_object(event.wire))
            except out.ReaderGone:
                self.gone.set()

    def changed(self, talk: Talk, change: Change) -> None:
        """A listener of ``Turns``."""
        if self.gone.is_set():
            return
        try:
            if change.what is What.NOTHING:
                self._linked(talk)
            elif change.part is not None and not self.json and not self.events:
                self._part(change.part, change.text, delta=change.what is What.DELTA)
        except out.ReaderGone:
            self.gone.set()

    def _part(self, part: Part, text: str, *, delta: bool) -> None:
        if part.kind is PartKind.TEXT and not part.lane:
            self._text(part, text, delta=delta)
        elif part.kind is PartKind.TOOL and part.id not in self._tools and part.name:
            self._tools.add(part.id)
            out.note(f"· {safe_line(part.name, 60)}  {safe_line(part.summary or _shown(part.input), 120)}")
        elif part.kind in (PartKind.NOTICE, PartKind.ARTIFACT) and part.text:
            out.note(f"· {safe_line(part.text, 300)}")

    def _text(self, part: Part, text: str, *, delta: bool) -> None:
        shown = self._shown.get(part.id, "")
        if not delta:
            whole = part.text
            if not whole.startswith(shown):
                out.note("The server corrected the answer; here it is in full.")
                shown, self._fresh = "", False
            text = whole[len(shown) :]
            self._held.pop(part.id, None)
        elif self._by_sentence:
            text = self._held.get(part.id, "") + text
            cut = max((found.end() for found in _SENTENCE.finditer(text)), default=0)
            text, self._held[part.id] = text[:cut], text[cut:]
        if not text:
            return
        if self._last is not part:
            if not self._fresh:
                out.write("\n\n")
            self._last, self._streams[part.id] = part, SafeStream()
        out.write(self._streams[part.id].feed(text))
        self._shown[part.id] = shown + text
        self._fresh = False

    def _linked(self, talk: Talk) -> None:
        link = talk.link
        if link is None:
            return
        if link.state is LinkState.RETRYING and link.seconds >= 1:
            out.note(f"· waiting {link.seconds:.0f} s before try {link.attempt}: {safe_line(link.reason, 120)}")
        elif link.state is LinkState.CHECKING and link.attempt == 0:
            out.note("· checking what became of it")

    def end(self, profile: Profile, talk: Talk, turn: Turn) -> None:
        """What comes last."""
        if not self.json and not self.events:
            for stream in self._streams.values():
                out.write(stream.close())
            for rest in self._held.values():
                out.write(safe(rest))
            if self._shown and not turn.answer.endswith("\n"):
                out.write("\n")
            _say_why(profile, talk, turn)
        elif self.json and not self.events:
            out.value(final_object(profile, talk, turn))
        else:
            out.line(final_object(profile, talk, turn))


def _shown(value: Json) -> str:
    return "" if value is None else json_text(value)


def _say_why(profile: Profile, talk: Talk, turn: Turn) -> None:
    if turn.stop is Stop.INTERRUPTED:
        out.note("Stopped." if talk.conversation.made else "Stopped before it was sent.")
    elif turn.failure is not None:
        out.complain(f"parlour: {safe(turn.failure.message)}")
    if talk.trouble is not None:
        out.complain(f"parlour: {safe(talk.trouble.message)}")
        for name, words in talk.fields.items():
            out.complain(f"  {safe_line(name, 80)}: {safe_line(words, 200)}")
    for request in turn.waiting:
        shown = safe_line(_shown(request.input), 200)
        out.note(f"{request.name or 'The agent'} waits: {request.kind.value} {request.event_id} {shown}")
        if request.kind.value == "approval":
            out.note(f"  parlour approve --profile {profile.name} {talk.conversation.id} {request.event_id} allow --wait")
        else:
            out.note(f"  parlour answer --profile {profile.name} {talk.conversation.id} {request.event_id} --data JSON --wait")


async def watch(
    program: Program,
    profile: Profile,
    talk: Talk,
    printer: Watch,
    args: argparse.Namespace,
    start: Callable[[], Awaitable[Turn | None]],
    answers: Answering | None = None,
) -> int:
    """Run a turn to its end. ``start`` begins it; Ctrl+C or the time limit interrupts it, a second Ctrl+C leaves it running.

    ``answers`` says what to answer where the agent waits (default: ``decide`` with the policy of ``args``).
    """
    answers = answers or partial(decide, policy=args.approve, lines=Lines(), tools=program.tools)
    unlisten = program.turns.listen(printer.changed)
    stop = asyncio.Event()
    leave = asyncio.Event()

    def pressed() -> None:
        (leave if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, pressed)
    try:
        turn = await start() or talk.turn
        if turn is None:
            return 0
        limit = loop.call_later(args.timeout, stop.set) if args.timeout else None
        settled = asyncio.ensure_future(_until_settled(program, talk, turn, answers, stop, leave))
        if not await _before(printer.gone, settled):
            settled.cancel()
            raise out.ReaderGone
        interrupted = settled.result()
        if limit is not None:
            limit.cancel()
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        unlisten()
    printer.end(profile, talk, turn)
    if leave.is_set():
        out.note("Left; the agent may still be working. See it with: parlour show " + talk.conversation.id)
    return INTERRUPTED if interrupted else exit_code(turn)


async def _until_settled(
    program: Program, talk: Talk, turn: Turn, answers: Answering, stop: asyncio.Event, leave: asyncio.Event
) -> bool:
    """Wait for the end, answering on the way; True if it was interrupted."""
    while True:
        done = asyncio.ensure_future(program.turns.idle(talk))
        if not await _before(stop, done):
            await _interrupt(program, talk, done, leave)
            done.cancel()
            return True
        if not turn.waiting:
            return False
        said = asyncio.ensure_future(answers(talk, turn))
        if not await _before(stop, said):
            said.cancel()
            await _interrupt(program, talk, asyncio.ensure_future(program.turns.idle(talk)), leave)
            return True
        if not said.result():
            return False
        program.turns.answer(talk, said.result())


async def _before(stop: asyncio.Event, work: asyncio.Future[Any]) -> bool:
    """Wait for ``work``; False if somebody asked to stop before it was done."""
    asked = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([work, asked], return_when=asyncio.FIRST_COMPLETED)
        return work.done()
    finally:
        asked.cancel()


async def _interrupt(program: Program, talk: Talk, done: asyncio.Future[None], leave: asyncio.Event) -> None:
    out.note("Interrupting; press Ctrl+C again to leave it running.")
    try:
        asked = await program.turns.interrupt(talk)
    except VendorError as error:
        out.complain(f"parlour: {error}")
        return
    if not asked:
        await program.turns.until(talk, lambda: not talk.stopping)
        return
    away = asyncio.ensure_future(leave.wait())
    waiting: list[asyncio.Future[Any]] = [done, away]
    await asyncio.wait(waiting, timeout=INTERRUPT_PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    away.cancel()
