"""Codeer as a vendor: what ``app.protocols`` asks for, over version 1 of the API."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import httpx

from app.clock import Clock
from app.errors import Forbidden, NotFound, Refused
from app.models import (
    Agent,
    Answer,
    Answered,
    Attachment,
    Conversation,
    Event,
    Json,
    Page,
    Profile,
    Prompt,
    Prompted,
    RequestKind,
    Verdict,
)
from app.resource_models import Saved
from app.vendors.codeer import bodies, envelope, files, objects, pages, rows, saving
from app.vendors.codeer.answers import Answers, Sending
from app.vendors.codeer.batch_routes import BatchRoutes
from app.vendors.codeer.decode import Answering
from app.vendors.codeer.settling import Settling
from app.vendors.http import Http, Params, Policy, Reply, Upload, segment

POLICY = Policy(limited=(1.0, 2.0, 4.0, 8.0, 16.0), writes_repeat=False, decode_error=envelope.decode_error)
"""Contract 12 for 429; no idempotency key is known here, so no write is ever repeated in doubt (contract 13)."""

IDLE = 240.0
"""Seconds without a byte in the middle of an answer (contract 7); ``profile.options["idle"]`` sets another."""


class Codeer(BatchRoutes):
    """One account of Codeer."""

    label = "Codeer"

    def __init__(
        self, profile: Profile, key: str, *, clock: Clock | None = None, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """``transport`` replaces the network, for tests."""
        self._profile = profile
        self._clock = clock or Clock()
        self._transport = transport
        self._idle = _seconds(profile.options.get("idle"), IDLE)
        self._streams = profile.options.get("stream") is not False
        self._names: dict[str, str] = {}
        self._totals: dict[str, int] = {}
        self._http = Http(
            profile.base, lambda: {"x-api-key": key}, POLICY, clock=self._clock, transport=transport, secrets=(key,)
        )

    async def check(self) -> str:
        """A sentence about what the key may do; costs one read."""
        count = len(await self.agents())
        return f"The key works: {count} published agent{'' if count == 1 else 's'}."

    async def agents(self) -> Sequence[Agent]:
        """Every published agent of the workspace (contract 5.1)."""
        found = objects.agents(await self._data("GET", "/chats/published-agents"))
        self._names.update((agent.id, agent.name) for agent in found)
        return found

    async def conversations(self, after: str = "", *, agent_id: str = "", limit: int = 50) -> Page[Conversation]:
        """One page of chats, newest first (contract 5.3)."""
        return await self.conversations_of("", after, agent_id=agent_id, limit=limit)

    async def conversations_of(
        self, user: str, after: str = "", *, agent_id: str = "", limit: int = 50, oldest: bool = False
    ) -> Page[Conversation]:
        """One page of a user's chats ("" is the profile's), in either order (contract 5.3)."""
        offset, before = pages.cursor(after)
        more = {"agent_id": agent_id} if agent_id else {}
        more |= _for(user) | ({"order_by": "created_at"} if oldest else {})
        found = await self._chats(offset, min(1000, max(1, limit)), more)
        items = tuple(objects.conversation(row, self._names) for row in found.rows if rows.id_of(row))
        return Page(items, pages.following(found, before), found.total)

    async def conversation(self, conversation_id: str) -> Conversation:
        """One chat, looked up in the list: there is no route for a single one."""
        async for some in pages.walk(lambda offset, limit: self._chats(offset, limit, {})):
            for row in some:
                if rows.id_of(row) == conversation_id:
                    return objects.conversation(row, self._names)
        raise NotFound(f"There is no conversation {conversation_id[:40]} in this Codeer account.")

    async def start(
        self,
        agent_id: str,
        *,
        title: str = "",
        environment: str = "",
        external_user_id: str = "",
        key: str = "",
        extra: Mapping[str, Json] | None = None,
    ) -> Conversation:
        """Begin a chat (contract 5.2). Codeer knows neither environments nor idempotency keys; it is created once or unknown."""
        del environment, key
        user = external_user_id or self._profile.external_user_id
        name = " ".join(title.split())[:256] or "New conversation"
        body = bodies.with_user({"name": name, "agent_id": agent_id, **(extra or {})}, user)
        made = objects.started(await self._data("POST", "/chats", body=body, user=user), self._names)
        return _belonging(made, agent_id, self._names.get(agent_id, ""), user)

    async def history(self, conversation: Conversation) -> AsyncGenerator[Event, None]:
        """Every stored message of the chat, oldest first (contract 5.5)."""
        found: list[rows.Row] = []
        async for some in pages.walk(lambda offset, limit: self._messages(conversation, offset, limit)):
            found += some
        for events in rows.turns(found):
            for event in events:
                yield event

    async def send(self, conversation: Conversation, prompt: Prompt) -> AsyncGenerator[Event, None]:
        """One turn, streamed unless the profile's option ``stream`` is false (contract 5.6). Never sent twice."""
        if not prompt.text.strip() and not prompt.attachments:
            raise Refused("An empty prompt was not sent.")
        missing = next((file.name for file in prompt.attachments if not file.id), None)
        if missing is not None:
            raise Refused(f"{missing} was not uploaded yet, so the prompt was not sent.")
        body: dict[str, Json] = {
            "message": prompt.text,
            "stream": self._streams,
            "agent_id": await self._agent_of(conversation),
        }
        if prompt.attachments:
            body["attached_file_uuids"] = [file.id for file in prompt.attachments]
        sending = Sending(
            _path(conversation, "messages"), bodies.with_user(body, self.user_of(conversation)), self.user_of(conversation)
        )
        async with aclosing(self._answers.take(conversation, sending, prompt, Answering(key=prompt.key))) as events:
            async for event in events:
                yield event

    async def regenerate(self, conversation: Conversation) -> AsyncGenerator[Event, None]:
        """The last prompt answered again (contract 5.7, a guess that ``bodies`` may overrule)."""
        tail = await self._tail(conversation)
        last = next((row for row in reversed(tail) if rows.is_user(row)), None)
        if last is None:
            raise Refused("There is no prompt in this conversation that could be answered again.")
        values = {"agent_id": await self._agent_of(conversation), "stream": self._streams}
        body = bodies.with_user(bodies.body("regenerate", self._profile.options, **values), self.user_of(conversation))
        asked = rows.prompted(last)
        sending = Sending(_path(conversation, "regenerate"), body, self.user_of(conversation))
        state = Answering(prompt_id=asked.prompt_id, group=asked.group)
        async with aclosing(self._answers.take(conversation, sending, Prompt(key="", text=asked.text or ""), state)) as events:
            async for event in events:
                yield event

    async def answer(
        self, conversation: Conversation, answers: Sequence[Answer], key: str, after: str = ""
    ) -> AsyncGenerator[Event, None]:
        """Hand in a form and go on with the turn (contract 10.2, a guess that ``bodies`` may overrule). Never sent twice."""
        del key, after
        for answer in answers:
            if answer.kind is not RequestKind.FORM:
                raise Refused("Codeer asks for forms only; nothing was sent.")
            values = {"data": answer.data, "agent_id": await self._agent_of(conversation), "stream": self._streams}
            body = bodies.with_user(bodies.body("form", self._profile.options, **values), self.user_of(conversation))
            path = f"{_path(conversation, 'form-requests')}/{segment(answer.request_id)}/submit"
            sending = Sending(path, body, self.user_of(conversation))
            taking = self._answers.take(conversation, sending, Prompt(key="", text=""), Answering())
            answered = False
            async with aclosing(taking) as events:
                async for event in events:
                    if not answered:
                        answered = True
                        yield Answered(request_id=answer.request_id, allow=True)
                    if not isinstance(event, Prompted) or event.prompt_id:
                        yield event

    async def settle(self, conversation: Conversation, prompt: Prompt, prompt_id: str = "") -> AsyncGenerator[Event, None]:
        """What became of a prompt, by reading only (contract 13)."""
        settling = Settling(self._clock, lambda: self._tail(conversation), self._idle)
        async with aclosing(settling.look(prompt, prompt_id)) as events:
            async for event in events:
                yield event

    async def rate(self, conversation: Conversation, message_id: str, verdict: Verdict, comment: str = "") -> None:
        """Feedback on one answer (contract 9, a guess that ``bodies`` may overrule)."""
        values = {"type": bodies.SENTIMENTS[verdict], "content": comment, "rating": verdict.value}
        body = bodies.with_user(bodies.body("feedback", self._profile.options, **values), self.user_of(conversation))
        path = f"{_path(conversation, 'messages')}/{segment(message_id)}/feedbacks"
        await self._data("POST", path, body=body, user=self.user_of(conversation))

    async def rename(self, conversation: Conversation, title: str) -> None:
        """Set the title, at most 256 characters of it (contract 5.4, a guess)."""
        name = " ".join(title.split())[:256]
        if not name:
            raise Refused("A conversation needs a title; nothing was changed.")
        body = bodies.with_user(bodies.body("rename", self._profile.options, name=name, title=name), self.user_of(conversation))
        await self._data("PUT", _path(conversation), body=body, user=self.user_of(conversation))

    async def upload(self, path: Path, *, media_type: str = "", progress: Callable[[int, int], None] | None = None) -> Attachment:
        """One file (contract 5.9): its part, then ``data``, a JSON text with the scope."""
        kind = files.media_type(path, media_type)
        scope = self._profile.options.get("upload_scope", "persistent")
        fields = {"data": json.dumps(bodies.body("upload", self._profile.options, scope=scope))}
        upload = await Upload.of(path, media_type=kind, fields=fields, progress=progress)
        data = envelope.opened(await self._http.upload("/chats/upload-file", upload), write=True)
        return objects.attachment(data, path, upload.size, kind)

    async def save_file(
        self, conversation: Conversation, file: Attachment, folder: Path, *, progress: Callable[[int, int], None] | None = None
    ) -> Saved:
        """A file of a message (contract 5.5), by its link and without a key; a link that expired is read anew once."""
        base = self._profile.base

        async def newer() -> str:
            async for event in self.history(conversation):
                for one in event.attachments if isinstance(event, Prompted) else ():
                    if one.id == file.id and one.url:
                        return one.url
            return ""

        return await saving.save(file, folder, base, newer, self._transport, progress)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    # --- what the others stand on --------------------------------------------------------------------------------------------

    @property
    def _answers(self) -> Answers:
        return Answers(self._http, self._idle, self._tail)

    def user_of(self, conversation: Conversation) -> str:
        """The conversation's own ``external_user_id``, else the profile's (contract 4)."""
        return conversation.external_user_id or self._profile.external_user_id

    async def _agent_of(self, conversation: Conversation) -> str:
        """The chat's own agent (contract 5.6: every message names it)."""
        found = conversation.agent_id or (await self.conversation(conversation.id)).agent_id
        if not found:
            raise Refused("Which agent this conversation belongs to is not known, so nothing was sent.")
        return found

    async def _data(
        self, method: str, path: str, *, params: Params | None = None, body: Json = None, user: str | None = None
    ) -> Json:
        return envelope.opened(await self._reply(method, path, params, body, user), write=method != "GET")

    async def _reply(self, method: str, path: str, params: Params | None, body: Json, user: str | None) -> Reply:
        failure: Forbidden | None = None
        try:
            reply = await self._http.call(method, path, params=params, body=body)
            if method == "GET":
                envelope.opened(reply, write=False)
            return reply
        except Forbidden as error:
            failure = error
        if failure.code != envelope.NOT_ALLOWED:
            raise failure
        raise envelope.explain_user(failure, self._profile.external_user_id if user is None else user)

    async def _chats(self, offset: int, limit: int, more: Mapping[str, str]) -> pages.Rows:
        user = more.get("external_user_id") or self._profile.external_user_id
        params: Params = {"limit": limit, "offset": offset, "order_by": "-created_at", **_for(user), **more}
        return pages.page((await self._reply("GET", "/chats", params, None, user)).data, offset, limit)

    async def _messages(self, conversation: Conversation, offset: int, limit: int) -> pages.Rows:
        user = self.user_of(conversation)
        params: Params = {"limit": limit, "offset": offset, **_for(user)}
        found = pages.page((await self._reply("GET", _path(conversation, "messages"), params, None, user)).data, offset, limit)
        if found.total is not None:
            self._totals[conversation.id] = found.total
        return found

    async def _tail(self, conversation: Conversation) -> list[rows.Row]:
        """The newest rows, oldest first; one request where the number of rows is known about right."""
        keep = 40
        offset = max(0, self._totals.get(conversation.id, 0) - keep)
        found = await self._messages(conversation, offset, pages.PAGE)
        if found.total is None and found.next is not None:
            everything: list[rows.Row] = []
            async for some in pages.walk(lambda start, limit: self._messages(conversation, start, limit)):
                everything = (everything + some)[-pages.PAGE :]
            return everything
        wanted = max(0, (found.total or 0) - keep)
        if found.next is not None or (offset and not found.rows):
            found = await self._messages(conversation, wanted, pages.PAGE)
        return list(found.rows)


def _for(user: str) -> dict[str, str]:
    return {"external_user_id": user} if user else {}


def _path(conversation: Conversation, *more: str) -> str:
    if not conversation.made:
        raise Refused("Codeer does not have this conversation yet.")
    return "/".join(("/chats", segment(conversation.id), *more))


def _belonging(made: Conversation, agent_id: str, agent_name: str, user: str) -> Conversation:
    """A new chat with what we know of it, where the reply left it out."""
    return replace(
        made,
        agent_id=made.agent_id or agent_id,
        agent_name=made.agent_name or agent_name,
        external_user_id=made.external_user_id or user,
    )


def _seconds(value: Json, default: float) -> float:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 86400
    return float(value) if good else default
