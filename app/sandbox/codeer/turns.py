"""A turn at the server: it runs to its end and is stored, whether or not anybody still listens."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from app.models import Json
from app.sandbox.agents import play
from app.sandbox.codeer.account import Account, Chat
from app.sandbox.codeer.voices import Voice
from app.sandbox.frames import Frame
from app.sandbox.steps import AgentSpec, Error, Form, Say, Script, Step, Think, Tool, Usage, Values, tokens

_BATCH = 128
"""Tokens written at once where nobody asked for a pace."""
_AHEAD = 4096
"""Frames that may wait for a slow reader."""


class Pipe:
    """Frames from a turn to its one reader. Once the reader is gone, what is put in is dropped and the turn goes on."""

    def __init__(self) -> None:
        self._frames: list[Frame] = []
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._over = False
        self._left = False

    async def put(self, frames: list[Frame]) -> None:
        """Hand on ``frames``; waits while the reader is far behind."""
        if self._left:
            return
        self._frames += frames
        self._news.set()
        while len(self._frames) > _AHEAD and not self._left:
            self._room.clear()
            await self._room.wait()

    def end(self) -> None:
        """Nothing more will come."""
        self._over = True
        self._news.set()

    def __aiter__(self) -> Pipe:
        return self

    async def __anext__(self) -> list[Frame]:
        """All frames that are there, as soon as there are any."""
        while not self._frames:
            if self._over:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        frames, self._frames = self._frames, []
        self._room.set()
        return frames

    async def aclose(self) -> None:
        """The reader is gone."""
        self._left = True
        self._frames = []
        self._room.set()


@dataclass(slots=True)
class Order:
    """One turn to run. ``hurry`` divides the script's pace; ``title`` is the name the chat gets on the way."""

    chat: Chat
    agent: AgentSpec
    prompt: str
    group: str
    user_row: int
    voice: Voice
    tags: bool = False
    title: str = ""
    hurry: float = 1.0
    form: str = ""
    """The form request this turn goes on from, with ``values``."""
    values: dict[str, Json] = field(default_factory=dict)


class Run:
    """Plays the script, tells the pipe, stores the answer. ``outcome`` is the final text, or an ``Error``."""

    def __init__(self, account: Account, order: Order) -> None:
        self.pipe = Pipe()
        self.outcome: str | Error = ""
        self._account = account
        self._world = account.world
        self._order = order
        self._shown: list[str] = []
        self._stored: list[str] = []
        self._steps: list[dict[str, Json]] = []
        self._usage = {"total_tokens": 0, "total_prompt_tokens": 0, "total_completion_tokens": 0, "total_calls": 1}
        self._form: dict[str, Json] | None = None

    async def run(self) -> None:
        """The whole turn."""
        order, began = self._order, self._world.clock.monotonic()
        try:
            await self.pipe.put(order.voice.begin(order.agent.id, order.agent.model, order.user_row))
            if order.title:
                order.chat["name"] = order.title
                await self.pipe.put(order.voice.title(order.title))
            failed = await self._play(self._script())
            if failed is not None:
                self.outcome = failed
                await self.pipe.put([order.voice.error(failed.message, failed.code)])
                return
            text = "".join(self._shown)
            self.outcome = text
            self._store(int((self._world.clock.monotonic() - began) * 1000))
            await self.pipe.put(order.voice.end(text, self._usage))
        finally:
            self.pipe.end()

    def _script(self) -> Script:
        return play(self._order.agent, self._order.prompt, self._account.past(self._order.chat, self._order.group))

    async def _play(self, script: Script) -> Error | None:
        step: Step | None = next(script, None)
        if self._order.form:
            while step is not None and not isinstance(step, Form):
                step = next(script, None)
            step = _send(script, Values(self._order.values))
        while step is not None:
            match step:
                case Error():
                    return step
                case Form():
                    await self._ask(step)
                    return None
                case Say():
                    await self._say(step)
                case Tool() | Think():
                    await self._use(step)
                case Usage():
                    spent = {"total_prompt_tokens": step.input, "total_completion_tokens": step.output}
                    self._usage.update(spent, total_tokens=step.input + step.output)
            step = next(script, None)
        return None

    async def _say(self, step: Say) -> None:
        clock, delta = self._world.clock, self._order.voice.delta
        pieces, at, rate = tokens(step.text), 0, step.rate * self._order.hurry
        began = clock.monotonic()
        while at < len(pieces):
            due = int((clock.monotonic() - began) * rate) + 1 if rate else at + _BATCH
            upto = min(len(pieces), max(at + 1, due))
            await self.pipe.put([delta(piece) for piece in pieces[at:upto]])
            at = upto
            wait = began + at / rate - clock.monotonic() if rate and at < len(pieces) else 0.0
            await clock.sleep(max(0.0, wait))
        self._shown.append(step.text)
        self._stored.append(step.text)

    async def _use(self, step: Tool | Think) -> None:
        name = step.name if isinstance(step, Tool) else "reasoning"
        content = (step.summary or f"Using {name}") if isinstance(step, Tool) else step.text
        entry = self._begin(name, content, step.input if isinstance(step, Tool) else None)
        await self.pipe.put(self._order.voice.step_start(entry))
        seconds = step.seconds if isinstance(step, Tool) else 0.06
        await self._world.clock.sleep(seconds / self._order.hurry)
        await self._finish(entry, step.output if isinstance(step, Tool) else None)
        if isinstance(step, Tool):
            await self._tag(entry)

    def _begin(self, name: str, content: str, args: Json) -> dict[str, Json]:
        now = self._world.clock.stamp()
        entry: dict[str, Json] = {
            "id": self._world.ids.name("call_"),
            "type": f"consultant_{name}",
            "tool_name": name,
            "content": content,
            "args": args,
            "timestamp": now,
            "start_at": now,
        }
        self._steps.append(entry)
        return entry

    async def _finish(self, entry: dict[str, Json], result: Json) -> None:
        self._usage["total_calls"] += 1
        entry.update(result=result, token_usage={"total_tokens": 31}, end_at=self._world.clock.stamp())
        await self.pipe.put(self._order.voice.step_end(entry))

    async def _tag(self, entry: dict[str, Json]) -> None:
        """Stored text keeps the marker of a tool; the stream only on demand (contract 6.6)."""
        tag = f"<tool id={entry['id']}>{entry['tool_name']}</tool>"
        self._stored.append(tag)
        if self._order.tags:
            self._shown.append(tag)
            await self.pipe.put([self._order.voice.delta(tag)])

    async def _ask(self, step: Form) -> None:
        request = self._world.ids.name("form_")
        self._form = {"form_request_id": request, "form": step.schema, "status": "pending"}
        entry = self._begin(
            "request_form", str(step.schema.get("title", "A form")), {"form_request_id": request, "form": step.schema}
        )
        await self.pipe.put(self._order.voice.step_start(entry))
        await self._finish(entry, {"form_request_id": request, "status": "pending"})
        await self._tag(entry)
        order = self._order
        order.chat["forms"][request] = {
            "schema": step.schema,
            "agent_id": order.agent.id,
            "prompt": order.prompt,
            "group": order.group,
            "user_row": order.user_row,
            "submitted": False,
        }

    def _store(self, milliseconds: int) -> None:
        order = self._order
        calls = [
            {"prompt_tokens": 21, "completion_tokens": 10, "total_tokens": 31, "model": order.agent.model}
            for step in self._steps
            if step["tool_name"] != "reasoning"
        ]
        more: dict[str, Json] = {"form_request": self._form} if self._form else {}
        self._account.add_row(
            order.chat,
            "assistant",
            "".join(self._stored),
            order.group,
            agent_profile={"id": order.agent.id, "name": order.agent.name},
            reasoning_steps=self._steps or None,
            token_usage={**self._usage, "tool_calls": calls},
            related_questions=list(order.agent.questions),
            response_time_ms=milliseconds,
            **more,
        )


def _send(script: Script, values: Values) -> Step | None:
    try:
        return script.send(values)
    except StopIteration:
        return None
