"""``parlour --plain``: the linear mode. Lines in, lines out, nothing is ever redrawn; the same turns as everywhere else.

For screen readers, for the terminal's own scrollback, for slow lines and for pipes.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Awaitable, Callable

from app.cli import find, out
from app.cli.compose import Program
from app.cli.lines import Lines
from app.cli.plain_words import COMMANDS, HELP, Room
from app.cli.prompts import ask_all, run_commands
from app.cli.turn import Watch, watch
from app.errors import ParlourError, UsageError
from app.models import Agent, Answer, Profile, Stop
from app.text import safe_line
from app.transcript import Turn
from app.turns import Talk

INTERRUPTED = 130


def run(args: argparse.Namespace) -> int:
    """Talk until ``/quit``, the end of the input, or Ctrl+C twice."""
    args.approve = args.timeout = None
    return asyncio.run(_talk(args))


async def _talk(args: argparse.Namespace) -> int:
    async with Program() as program:
        profiles = await program.profiles(args.profile)
        return await Linear(program, profiles, args).run()


class Linear:
    """One person in one line of talk at a time; ``room`` is where they are."""

    def __init__(self, program: Program, profiles: list[Profile], args: argparse.Namespace) -> None:
        self._program = program
        self._args = args
        self._lines = Lines()
        self._pressed = False
        self.room = Room(program, profiles)

    async def run(self) -> int:
        """The loop of questions."""
        out.say("Parlour, linear mode. /help lists the commands, /quit leaves.")
        code = await self._attempt(self._choose)
        if code is None and self._args.agent:
            code = await self._attempt(lambda: self._take(self._args.agent))
        if code is not None:
            return code
        while True:
            line = await self._ask("agent, by number or name: " if self.room.nobody else "you: ")
            if line is None:
                return INTERRUPTED if self._pressed else 0
            if not line.strip():
                continue
            while line.endswith("\\"):
                more = await self._ask("   : ")
                line = line[:-1] + "\n" + (more or "")
            if line.strip() in ("/quit", "/q", "/exit"):
                return 0
            code = await self._attempt(lambda line=line: self._take(line))  # type: ignore[misc]
            if code is not None:
                return code

    async def _attempt(self, work: Callable[[], Awaitable[None]]) -> int | None:
        """Do it; a failure is a sentence and the talk goes on. The exit code where there is nothing to go on with."""
        try:
            await work()
        except ParlourError as error:
            if self.room.choices is None and self.room.talk is None:
                raise
            out.complain(f"parlour: {error}")
        return None

    async def _ask(self, question: str) -> str | None:
        """One line; None at the end of the input or at the second Ctrl+C."""
        loop = asyncio.get_running_loop()
        asking = asyncio.ensure_future(self._lines.ask(question, on="stdout"))
        loop.add_signal_handler(signal.SIGINT, asking.cancel)
        try:
            await asyncio.wait([asking])
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            asking.cancel()
        if not asking.cancelled():
            self._pressed = False
            return asking.result()
        if self._pressed:
            return None
        self._pressed = True
        out.complain("\nPress Ctrl+C again, or type /quit, to leave.")
        return ""

    async def _choose(self) -> None:
        out.say(await self.room.list_agents())

    async def _take(self, line: str) -> None:
        word, _, rest = line.strip().partition(" ")
        if word.startswith("/") and word != "/":
            await self._command(word, rest.strip())
        elif self.room.nobody:
            self._chosen(*self.room.pick(line.strip()))
        else:
            await self._say(line)

    def _chosen(self, profile: Profile, agent: Agent) -> None:
        self.room.profile, self.room.agent, self.room.talk = profile, agent, None
        out.say(f"Talking with {safe_line(agent.name, 80)} ({profile.name}). Write a message.")
        for question in agent.questions[:3]:
            out.say(f"  you could ask: {safe_line(question, 120)}")

    async def _command(self, word: str, rest: str) -> None:
        name = COMMANDS.get(word)
        if name is None:
            raise UsageError(f"There is no command {word}. /help lists them.")
        if name == "help":
            out.say(HELP)
        elif name == "agents":
            self.room.leave()
            await self._choose()
        elif name == "agent":
            await self.room.known_agents()
            self._chosen(*self.room.pick(rest))
        elif name == "open":
            await self._open(rest)
        elif name == "regenerate":
            await self._turn(self.room.regenerating())
        elif name == "answer":
            await self._answer()
        else:
            said = await getattr(self.room, name)(rest)
            if said:
                out.say(said)

    async def _open(self, wanted: str) -> None:
        profile, talk = await self.room.open(wanted)
        out.say(f"{safe_line(talk.conversation.title or 'Untitled', 120)}, with {safe_line(talk.conversation.agent_name, 80)}")
        out.write(self.room.last_turns(2))
        self.room.profile = profile
        if talk.turn is not None and talk.turn.waiting:
            await self._answer()

    async def _say(self, text: str) -> None:
        room = self.room
        if room.talk is None:
            assert room.agent is not None and room.profile is not None
            room.talk = await find.new_talk(self._program, room.profile, room.agent, "")
        self._program.refuse_key_in(text)
        talk, attachments = room.talk, room.attached
        room.attached = ()
        await self._turn(lambda: self._program.turns.submit(talk, text, attachments))

    async def _answer(self) -> None:
        """Ask about what waits, and go on with the turn."""
        talk = self.room.there()
        turn = talk.turn
        answers = await self._asked(talk, turn) if turn is not None and turn.waiting else ()
        if not answers:
            out.say("Nothing is answered." if turn is not None and turn.waiting else "Nothing waits for you here.")
            return

        async def start() -> Turn | None:
            self._program.turns.answer(talk, answers)
            return turn

        await self._turn(start)

    async def _turn(self, start: Callable[[], Awaitable[Turn | None]]) -> None:
        """One turn, printed as it comes; the questions in it are asked where they come up."""
        room = self.room
        talk = room.there()
        assert room.profile is not None
        out.write(f"{safe_line(talk.conversation.agent_name or 'agent', 80)}:\n")
        printer = Watch(json=False, events=False, by_sentence=True)
        await watch(self._program, room.profile, talk, printer, self._args, start, self._asked)
        out.write("(the answer is complete)\n\n" if talk.turn is not None and talk.turn.stop is Stop.DONE else "\n")

    async def _asked(self, talk: Talk, turn: Turn) -> tuple[Answer, ...]:
        done = await run_commands(talk, turn.waiting, self._lines, self._program.tools, person=True)
        known = {answer.request_id for answer in done}
        left = [request for request in turn.waiting if request.event_id not in known]
        return (*done, *await ask_all(talk, left, self._lines))
