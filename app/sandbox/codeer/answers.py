"""Sending: from an accepted prompt to the reply that carries its answer (contract 5.6 to 5.8)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from app.models import Json
from app.sandbox.codeer.account import Account, Chat, Row
from app.sandbox.codeer.turns import Order, Run
from app.sandbox.codeer.voices import Voice, VoiceOne, VoiceTwo
from app.sandbox.codeer.wire import Fields, refusal, reply
from app.sandbox.sse import EventStream
from app.sandbox.steps import AgentSpec, Error


@dataclass(frozen=True, slots=True)
class Wanted:
    """What every sending body may say besides its message."""

    agent_id: str
    stream: bool
    tags: bool
    external_user_id: str

    @classmethod
    def read(cls, fields: Fields, *, agent_needed: bool) -> Wanted:
        """From a body; faults are noted in ``fields``."""
        return cls(
            fields.text("agent_id", needed=agent_needed),
            fields.flag("stream", True),
            fields.flag("include_tool_tags", False),
            fields.text("external_user_id"),
        )


class Answers:
    """Runs the turns. Those of one chat run one after the other."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._turns: dict[int, asyncio.Lock] = {}
        account.world.on_reset(self._turns.clear)

    def accept(
        self, chat: Chat, agent: AgentSpec, message: str, *, uuids: list[str], external_user_id: str, key: str | None, via: str
    ) -> Row:
        """Store a prompt: from here on it has arrived."""
        account = self.account
        files = account.attached(uuids)
        row = account.add_row(chat, "user", message, f"cvg-{account.world.ids.uuid()}", attached_files=files)
        account.world.ledger.add(
            "prompt", "codeer", text=message, chat_id=chat["id"], message_id=row["id"], agent_id=agent.id, via=via,
            external_user_id=external_user_id or None, attached_file_uuids=uuids, idempotency_key=key,
        )  # fmt: skip
        return row

    def voice(self, version: int, chat: Chat, group: str) -> Voice:
        """A voice for one turn."""
        return (VoiceTwo if version == 2 else VoiceOne)(self.account.world.ids.name("r-"), chat["id"], group)

    def start(self, order: Order) -> tuple[Run, asyncio.Task[None]]:
        """Run a turn on its own, after those of the chat that came before it."""
        run = Run(self.account, order)
        lock = self._turns.setdefault(order.chat["id"], asyncio.Lock())

        async def in_turn() -> None:
            async with lock:
                await run.run()

        return run, self.account.world.spawn(in_turn())

    async def reply(self, order: Order, stream: bool) -> Response:
        """Run a turn and answer with it: as events, or with its text once it is whole."""
        run, task = self.start(order)
        if stream:
            error = order.voice.error("The model did not answer in time.", 10005)
            return EventStream(run.pipe, error=error, closing=self.account.world.closing)
        await run.pipe.aclose()
        await asyncio.wait([task])
        if task.cancelled():
            return refusal(503, None, "The server is going away.")
        if isinstance(run.outcome, Error):
            return refusal(500, run.outcome.code, run.outcome.message)
        return reply(run.outcome)


def first(chat: Chat) -> bool:
    """Whether the chat has no prompt yet."""
    return not any(row["role"] == "user" for row in chat["rows"])


def key_of(request: Request) -> str | None:
    """The idempotency key, which this vendor does not know but the ledger tells about."""
    return request.headers.get("idempotency-key")


def form_faults(schema: dict[str, Json], values: dict[str, Json], fields: Fields) -> None:
    """Note what is wrong with a filled-in form (contract 10)."""
    for one in schema.get("fields", []):
        name, kind, value = one["name"], one["type"], values.get(one["name"])
        if value is None or value in ("", []):
            if one.get("required"):
                fields.fault(name, "Field required", "missing", value)
            continue
        choices = [option["value"] for option in one.get("options", [])]
        if kind == "number":
            good = isinstance(value, int | float) and not isinstance(value, bool)
        elif kind == "checkbox":
            good = isinstance(value, list) and all(item in choices for item in value)
        elif kind in ("dropdown", "radio"):
            good = value in choices
        elif kind == "date":
            good = isinstance(value, str) and _is_date(value)
        else:
            good = isinstance(value, str)
        if not good:
            fields.fault(name, f"Not a valid value for a field of type {kind}", "value_error", value)


def _is_date(text: str) -> bool:
    parts = text.split("-")
    return [len(part) for part in parts] == [4, 2, 2] and all(part.isdecimal() for part in parts) and 1 <= int(parts[1]) <= 12
