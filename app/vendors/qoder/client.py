"""Qoder as a vendor: what ``app.protocols`` asks for, and the vendor's own lists."""

from __future__ import annotations

import mimetypes
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path

import httpx

from app.clock import Clock
from app.errors import Conflict, NotFound, OutcomeUnknown, Refused, VendorError
from app.models import (
    Agent,
    Answer,
    Answered,
    Attachment,
    Conversation,
    Environment,
    Event,
    Json,
    Link,
    LinkState,
    Page,
    Profile,
    Prompt,
    RequestKind,
    TurnEnded,
)
from app.protocols import tell_link
from app.vendors.http import Http, Policy, Upload
from app.vendors.qoder import beginning, bodies, objects, pages, refusals, sessions
from app.vendors.qoder.calls import Calls, path, receipt
from app.vendors.qoder.content import busy, kind, mapping, text
from app.vendors.qoder.course import Course, gathered
from app.vendors.qoder.decode import Raw
from app.vendors.qoder.shelf import FILE_LIMIT, Shelf
from app.vendors.qoder.turn import Gate, echo_of_answers, prompted, record_of

POLICY = Policy(limited=(1.0, 2.0, 4.0), writes_repeat=True, decode_error=refusals.refusal)
"""Contract 4: every write here carries an idempotency key, which makes the same bytes safe to repeat."""

_LOOKS = (0.0, 1.0, 2.0, 3.0, 4.0)
"""Seconds before each reading of a session for a prompt whose fate is not known: ten in all."""


class Qoder(Shelf):
    """One account of Qoder Cloud Agents."""

    label = "Qoder"

    def __init__(
        self, profile: Profile, key: str, *, clock: Clock | None = None, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """``transport`` replaces the network, for tests."""
        self._profile, self._clock = profile, clock or Clock()
        self._http = Http(
            profile.base,
            lambda: {"authorization": f"Bearer {key}"},
            POLICY,
            clock=self._clock,
            transport=transport,
            secrets=(key,),
        )
        self._transport = transport
        self._calls = Calls(self._http, read_only=profile.options.get("read_only") is True)
        self.sessions = sessions.Sessions(self._calls, self._clock)
        """The routes of sessions as the wire has them."""
        self._empty: set[str] = set()
        """Sessions begun here that nothing was sent to yet: whatever is listed there is new."""

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    # --- the account ---------------------------------------------------------------------------------------------------------

    async def check(self) -> str:
        """One cheap read, the documented probe (contract 1.1)."""
        found = pages.items(await self._calls.get("/agents", {"limit": 1}))
        return "The key works." if found else "The key works; this account has no agent yet."

    async def models(self) -> Sequence[Raw]:
        """The models that agents of this account may have, as the server describes them (contract 6)."""
        return await gathered(self._calls.every("/models"))

    async def agents(self) -> Sequence[Agent]:
        """Every agent that was not archived."""
        found = [objects.agent(raw) for raw in await gathered(self._calls.every("/agents"))]
        return [agent for agent in found if not agent.archived]

    async def environments(self) -> Sequence[Environment]:
        """Every environment that was not archived."""
        return [
            objects.environment(raw) for raw in await gathered(self._calls.every("/environments")) if not objects.archived(raw)
        ]

    async def create_environment(self, name: str) -> Environment:
        """A cloud environment with unrestricted networking and nothing else."""
        return objects.environment(mapping(await self._calls.write("POST", "/environments", bodies.environment(name))))

    async def upload(self, path: Path, *, media_type: str = "", progress: Callable[[int, int], None] | None = None) -> Attachment:
        """Upload one file (resources contract 2.2): text of any kind; what else the server takes is for it to say."""
        self._calls.refuse_writes()
        kind = media_type or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        file = await Upload.of(path, media_type=kind, limit=FILE_LIMIT, progress=progress)
        made = mapping((await self._http.upload("/files", file, key=str(uuid.uuid4()))).data)
        name, size = text(made.get("filename")) or path.name, file.size
        if not made.get("id"):
            raise OutcomeUnknown(f"The server took {path.name} but did not name it.")
        return Attachment(
            name=name, path=str(path), media_type=text(made.get("mime_type")) or kind, size=size, id=text(made.get("id"))
        )

    # --- sessions ------------------------------------------------------------------------------------------------------------

    async def conversations(self, after: str = "", *, agent_id: str = "", limit: int = 50) -> Page[Conversation]:
        """One page, newest first. A gateway may ignore the filter, so it is applied here again (contract 9.5)."""
        query: dict[str, str | int] = {"limit": max(1, min(limit, pages.MOST)), "order": "desc", **pages.asking(after)}
        if agent_id:
            query["agent_id"] = agent_id
        reply = await self._calls.get("/sessions", query)
        found = [objects.conversation(raw) for raw in pages.items(reply)]
        onward = pages.following(reply)
        return Page(tuple(one for one in found if not agent_id or one.agent_id == agent_id), "" if onward == after else onward)

    async def conversation(self, conversation_id: str) -> Conversation:
        """One session as it is now."""
        return objects.conversation(mapping(await self._calls.get(path("sessions", conversation_id))))

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
        """A new session in ``environment``, else the profile's. ``external_user_id`` has no meaning here and is not sent."""
        where = environment or self._profile.environment or text((extra or {}).get("environment_id"))
        if not where:
            raise Refused("A session needs an environment: choose one, or make one first. Nothing was sent.", sent=False)
        body = bodies.session(agent_id, where, title, extra)
        made = objects.conversation(await self.sessions.create(body, key=key))
        if not made.id:
            raise OutcomeUnknown("The server made a session but did not name it; look at the list of conversations.")
        if not body.get("initial_events"):
            self._empty.add(made.id)
        return made

    @property
    def beginnings(self) -> Mapping[str, str]:
        """What a session may begin with."""
        return beginning.BEGINNINGS

    def begun_with(self, agent_id: str, more: Mapping[str, str]) -> Mapping[str, Json]:
        """The fields of a new session, from what a person typed."""
        return beginning.begun_with(agent_id, more)

    async def waits(self, conversation: Conversation) -> bool:
        """Whether its last turn ended with a request; asked of an idle session (contract 18.3)."""
        async with aclosing(self.sessions.events(conversation.id, types=("session.status_idle",), newest_first=True)) as idles:
            async for raw in idles:
                return kind(raw.get("stop_reason")) == "requires_action"
        return False

    async def rename(self, conversation: Conversation, title: str) -> None:
        """Set the title; an empty one clears it."""
        await self._calls.write("POST", path("sessions", conversation.id), {"title": title or None})

    async def archive(self, conversation: Conversation) -> None:
        """Make it read-only. A session that is running refuses (``Conflict``)."""
        await self._calls.write("POST", path("sessions", conversation.id, "archive"))

    async def delete(self, conversation: Conversation) -> None:
        """Delete it for good. A session that is running refuses (``Conflict``)."""
        where = path("sessions", conversation.id)

        async def gone() -> Raw | None:
            try:
                await self._calls.get(where)
            except NotFound:
                return {"id": conversation.id, "type": "session_deleted"}
            return None

        await self._calls.write("DELETE", where, look=gone)

    async def cancel(self, conversation: Conversation) -> None:
        """Stop the running turn by the session's own verb; without one it does nothing (contract 9.7)."""
        await self._calls.write("POST", path("sessions", conversation.id, "cancel"))

    async def interrupt(self, conversation: Conversation) -> None:
        """Stop the running turn with an event, which also ends a wait for an answer; a server without it is told to cancel."""

        async def over() -> Raw | None:
            now = mapping(await self._calls.get(path("sessions", conversation.id)))
            return None if busy(now) else {"type": "user.interrupt"}

        try:
            await self._calls.write("POST", self._events(conversation), bodies.events({"type": "user.interrupt"}), look=over)
        except (Refused, Conflict):
            await self.cancel(conversation)

    # --- events --------------------------------------------------------------------------------------------------------------

    async def history(self, conversation: Conversation) -> AsyncGenerator[Event, None]:
        """Every listed event, oldest first."""
        course = self._course(conversation, open_turn=False)
        async with aclosing(course.plain(self._calls.listed(conversation.id))) as events:
            async for event in events:
                yield event

    async def follow(self, conversation: Conversation, after: str = "") -> AsyncGenerator[Event, None]:
        """Everything after the cursor, for as long as somebody listens; without one, after the newest event there is."""
        cursor = after or await self._calls.newest(conversation.id)
        course = self._course(conversation)
        tail = course.tail(cursor, patience=None)
        tail.from_nothing = not cursor
        async with aclosing(course.plain(tail.events())) as events:
            async for event in events:
                yield event

    async def send(self, conversation: Conversation, prompt: Prompt) -> AsyncGenerator[Event, None]:
        """Post the prompt under its key, then read from its receipt on (contract 14.3 b)."""
        body = bodies.events(bodies.message(prompt))
        after = prompt.after
        if not after and conversation.id not in self._empty:
            after = await self._calls.newest(conversation.id)
        self._empty.discard(conversation.id)

        async def arrived() -> Raw | None:
            return await self._calls.find(conversation.id, lambda raw: record_of(raw, "", prompt.text), after)

        try:
            reply = await self._calls.write("POST", self._events(conversation), body, key=prompt.key, look=arrived)
        except Conflict as error:
            raise _busy(error) from error
        accepted = receipt(reply)
        if not accepted.get("id"):
            accepted = (await self._sought(conversation, prompt, after, ""))[0]
        yield prompted(prompt.key, accepted)
        course, prompt_id = self._course(conversation), text(accepted.get("id"))
        async with aclosing(course.live(course.tail(prompt_id), Gate(prompt_id, prompt.text), prompt.key)) as events:
            async for event in events:
                yield event

    async def settle(self, conversation: Conversation, prompt: Prompt, prompt_id: str = "") -> AsyncGenerator[Event, None]:
        """Find the prompt among the events after ``prompt.after``; without that mark, the newest one with its words is taken."""
        listed = await self._sought(conversation, prompt, prompt.after, prompt_id)
        found = text(listed[0].get("id"))
        course, gate = self._course(conversation), Gate(found, prompt.text)
        tail = course.tail(found)
        for at, raw in enumerate(listed):
            tail.note(text(raw.get("id")))
            async with aclosing(course.belonging(raw, gate, prompt.key)) as known:
                async for event in known:
                    if isinstance(event, TurnEnded) and event.stop.waits and _goes_on(listed[at + 1 :]):
                        continue
                    yield event
                    if isinstance(event, TurnEnded):
                        return
        async with aclosing(course.live(tail, gate, prompt.key)) as events:
            async for event in events:
                yield event

    async def answer(
        self, conversation: Conversation, answers: Sequence[Answer], key: str, after: str = ""
    ) -> AsyncGenerator[Event, None]:
        """All answers in one request; then on from the event that asked, so that nothing quick is missed (contract 12.5)."""
        if not answers:
            raise Refused("There is no answer to send.", sent=False)
        ids = bodies.answer_ids(answers)
        body = bodies.events(*map(bodies.answered, answers))

        async def arrived() -> Raw | None:
            return await self._calls.find(conversation.id, lambda raw: echo_of_answers(raw, ids), after)

        reply = await self._calls.write("POST", self._events(conversation), body, key=key or str(uuid.uuid4()), look=arrived)
        first = text(receipt(reply).get("id"))
        for one in answers:
            allow = one.allow if one.kind is RequestKind.APPROVAL else None
            yield Answered(request_id=one.request_id, allow=allow, reason=one.reason)
        course = self._course(conversation)
        tail = course.tail(after or first or await self._calls.newest(conversation.id))
        async with aclosing(course.live(tail, Gate(first, "", answered=ids))) as events:
            async for event in events:
                yield event

    # --- inside --------------------------------------------------------------------------------------------------------------

    def _course(self, conversation: Conversation, *, open_turn: bool = True) -> Course:
        return Course(self._calls, conversation.id, clock=self._clock, open_turn=open_turn)

    @staticmethod
    def _events(conversation: Conversation) -> str:
        return path("sessions", conversation.id, "events")

    async def _sought(self, conversation: Conversation, prompt: Prompt, after: str, prompt_id: str) -> list[Raw]:
        """The prompt's record and everything listed after it; ``NotFound`` after ten seconds of looking.

        A list that cannot be read raises its own error with ``sent=None``: it may be asked for again.
        """
        tell_link.get()(Link(LinkState.CHECKING))
        for pause in _LOOKS:
            await self._clock.sleep(pause)
            try:
                listed = await gathered(self._calls.listed(conversation.id, after))
            except VendorError as error:
                error.sent = None
                raise
            places = [at for at, raw in enumerate(listed) if record_of(raw, prompt_id, prompt.text)]
            if places:
                return listed[places[0] if after or prompt_id else places[-1] :]
        raise NotFound("The session does not have this message; it did not arrive, or was not stored.", sent=None)


def _goes_on(later: Sequence[Raw]) -> bool:
    """Whether a turn that waited was answered, by what is listed after it."""
    return any(text(raw.get("type")) in _RESUMES for raw in later)


_RESUMES = frozenset(
    {"user.tool_confirmation", "user.custom_tool_result", "user.interrupt", "session.status_running", "session.status_idle"}
)


def _busy(error: Conflict) -> Conflict:
    """The clear sentence for a prompt that a session would not take (contract 17.23)."""
    words = f"The session did not take this message ({error})."
    hint = "If a turn is running, wait for its end or interrupt it; nothing was sent twice."
    return Conflict(f"{words} {hint}", status=error.status, code=error.code, request_id=error.request_id, sent=False)
