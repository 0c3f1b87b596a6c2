"""The commands of the linear mode: where the person is, and what each word does there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from app.cli import find
from app.cli.compose import Program
from app.errors import NotFound, UsageError
from app.exports import markdown
from app.models import Agent, Attachment, Profile, Verdict
from app.protocols import Attaches, Rates, Renames
from app.ratings import rate, rated_turn
from app.store import Stored
from app.text import safe_line
from app.transcript import Turn
from app.turns import Talk

COMMANDS = {
    "/help": "help",
    "/agents": "agents",
    "/agent": "agent",
    "/new": "new",
    "/history": "history",
    "/open": "open",
    "/show": "show",
    "/answer": "answer",
    "/attach": "attach",
    "/rate": "rate",
    "/rename": "rename",
    "/regenerate": "regenerate",
    "/search": "search",
}
"""Word → method of ``Room`` or a case of the loop."""

HELP = """\
/agents               list the agents and choose one
/agent NUMBER|NAME    talk with this agent, in a new conversation
/new                  a new conversation with the same agent
/history [WORDS]      list conversations (whose title has these words)
/open NUMBER|ID       go on in one of them
/show                 the whole conversation
/answer               answer what the agent waits for
/attach FILE          send a file with the next message
/rate up|down [WHY]   rate the last answer
/rename TITLE         another title
/regenerate           have the last message answered again
/search WORDS         search everything seen so far
/quit                 leave; a running agent goes on
A line that ends with \\ goes on in the next one. Ctrl+C stops an answer; pressed again it only stops listening."""


class Room:
    """Where the person is: a profile, an agent, perhaps a conversation; and the lists they were shown last."""

    def __init__(self, program: Program, profiles: Sequence[Profile]) -> None:
        self._program = program
        self._profiles = list(profiles)
        self.profile: Profile | None = None
        self.agent: Agent | None = None
        self.talk: Talk | None = None
        self.attached: tuple[Attachment, ...] = ()
        self.choices: list[tuple[Profile, Agent]] | None = None
        self._listed: list[tuple[Profile, Stored]] = []

    @property
    def nobody(self) -> bool:
        """Whether nobody was chosen yet."""
        return self.talk is None and self.agent is None

    def leave(self) -> None:
        """To the agents."""
        self.agent, self.talk = None, None

    def there(self) -> Talk:
        """The conversation, or a sentence that there is none."""
        if self.talk is None:
            raise UsageError("There is no conversation yet. Write a message, or see: /history")
        return self.talk

    async def known_agents(self) -> list[tuple[Profile, Agent]]:
        """Everybody who can be talked with, asked for anew."""
        found: list[tuple[Profile, Agent]] = []
        for profile in self._profiles:
            vendor = await self._program.vendor(profile)
            agents = list(await vendor.agents())
            await self._program.store.save_agents(await self._program.account(profile), agents)
            found += [(profile, agent) for agent in agents if not agent.archived]
        self.choices = found
        return found

    async def list_agents(self) -> str:
        """The numbered list."""
        rows = [
            f"{number} {safe_line(agent.name, 60)} ({profile.name}). {safe_line(agent.description, 120)}".rstrip()
            for number, (profile, agent) in enumerate(await self.known_agents(), 1)
        ]
        return "\n".join(rows) or "There are no agents here yet. Make one in the vendor's console, then type /agents."

    def pick(self, wanted: str) -> tuple[Profile, Agent]:
        """By number, name or id. Raises ``UsageError``."""
        choices = self.choices or []
        if wanted.isdecimal() and 1 <= int(wanted) <= len(choices):
            return choices[int(wanted) - 1]
        found = [pair for pair in choices if wanted in (pair[1].id,) or pair[1].name.casefold() == wanted.casefold()]
        if len(found) == 1:
            return found[0]
        if found:
            numbers = ", ".join(str(choices.index(pair) + 1) for pair in found)
            raise UsageError(f"Several agents are called {wanted}: numbers {numbers}. Type a number.")
        raise UsageError(f"There is no agent {safe_line(wanted, 60)!r}. Type a number from the list, or /agents to see it again.")

    async def new(self, rest: str) -> str:
        """Begin again with the same agent."""
        del rest
        if self.agent is None and self.talk is not None:
            where = self.talk.conversation.agent_id
            self.agent = next((agent for _, agent in await self.known_agents() if agent.id == where), None)
        if self.agent is None:
            raise UsageError("Choose an agent first: /agents")
        self.talk = None
        return f"A new conversation with {safe_line(self.agent.name, 80)}. Write a message."

    async def history(self, rest: str) -> str:
        """The newest conversations, here and at the server."""
        found: list[tuple[Profile, Stored]] = []
        for profile in self._profiles:
            vendor, account = await self._program.vendor(profile), await self._program.account(profile)
            await self._program.store.save_conversations(account, (await vendor.conversations(limit=50)).items)
            found += [(profile, stored) for stored in await self._program.store.conversations([account], text=rest, limit=20)]
        self._listed = sorted(found, key=lambda pair: pair[1].place, reverse=True)[:20]
        rows = []
        for number, (profile, stored) in enumerate(self._listed, 1):
            state = "waits for you" if stored.waiting else "running" if stored.running else ""
            facts = ", ".join(filter(None, (stored.conversation.agent_name, profile.name, state)))
            rows.append(f"{number} {safe_line(stored.conversation.title or 'Untitled', 80)} ({safe_line(facts, 120)})")
        return "\n".join(rows) or "There are no conversations yet."

    async def open(self, wanted: str) -> tuple[Profile, Talk]:
        """By number of the last list, or by id; read again from the server."""
        if wanted.isdecimal() and 1 <= int(wanted) <= len(self._listed):
            profile, stored = self._listed[int(wanted) - 1]
            wanted, profiles = stored.conversation.id, [profile]
        else:
            profiles = self._profiles
        if not wanted:
            raise UsageError("Say which: /open NUMBER (from /history) or /open ID")
        profile, talk = await find.talk(self._program, profiles, wanted, fresh=True)
        self.profile, self.talk, self.agent = profile, talk, None
        return profile, talk

    def last_turns(self, count: int) -> str:
        """The end of the conversation as text."""
        talk = self.there()
        text = markdown(talk.conversation, talk.transcript.turns[-count:])
        return text.split("\n\n", 2)[-1] if talk.transcript.turns else "Nothing was said here yet.\n"

    async def show(self, rest: str) -> str:
        """All of it."""
        del rest
        talk = self.there()
        return markdown(talk.conversation, talk.transcript.turns).rstrip("\n")

    async def attach(self, rest: str) -> str:
        """Upload a file for the next message."""
        if self.profile is None:
            raise UsageError("Choose an agent first: /agents")
        vendor = await self._program.vendor(self.profile)
        if not isinstance(vendor, Attaches):
            raise UsageError(f"{vendor.label} takes no files with a prompt here.")
        path = _file(rest)
        self.attached = (*self.attached, await vendor.upload(path))
        return f"{path.name} goes with the next message."

    async def rate(self, rest: str) -> str:
        """The last answer."""
        talk = self.there()
        verdict, _, comment = rest.partition(" ")
        if verdict not in ("up", "down"):
            raise UsageError("Say /rate up or /rate down, and perhaps why.")
        if not isinstance(talk.vendor, Rates):
            raise UsageError(f"{talk.vendor.label} takes no ratings.")
        await rate(self._program.turns, self._program.store, talk, rated_turn(talk, "last"), Verdict(verdict), comment.strip())
        return f"Rated {verdict}."

    async def rename(self, rest: str) -> str:
        """Another title."""
        talk = self.there()
        if not isinstance(talk.vendor, Renames):
            raise UsageError(f"{talk.vendor.label} cannot rename a conversation.")
        if not rest:
            raise UsageError("Say which title: /rename TITLE")
        await talk.vendor.rename(talk.conversation, rest)
        return "Renamed."

    def regenerating(self) -> Callable[[], Awaitable[Turn | None]]:
        """Have the last message answered again."""
        talk = self.there()

        async def start() -> Turn | None:
            self._program.turns.regenerate(talk)
            return talk.turn

        return start

    async def search(self, rest: str) -> str:
        """What was found, numbered for ``/open``."""
        if not rest:
            raise UsageError("Say what to look for: /search WORDS")
        accounts = await self._program.accounts(self._profiles)
        hits = await self._program.store.search(rest, accounts=list(accounts), limit=20)
        self._listed = [(accounts[hit.stored.account], hit.stored) for hit in hits]
        rows = [
            f"{number} {safe_line(hit.stored.conversation.title or 'Untitled', 60)}: {safe_line(hit.snippet, 160)}"
            for number, hit in enumerate(hits, 1)
        ]
        if not rows:
            raise NotFound("Nothing found in what has been seen here so far.")
        return "\n".join(rows)


def _file(name: str) -> Path:
    path = Path(name).expanduser()
    if not name or not path.is_file():
        raise UsageError(f"There is no file {name!r} to attach.")
    return path
