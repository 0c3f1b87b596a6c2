"""The ten chat routes (contract 5), and the three of Chat V2 (contract 14)."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from app.models import Json
from app.sandbox.codeer.account import Chat, agent_object, chat_object
from app.sandbox.codeer.answers import Answers, Wanted, first, form_faults, key_of
from app.sandbox.codeer.parts import parts_of
from app.sandbox.codeer.turns import Order
from app.sandbox.codeer.wire import ApiError, Fields, Invalid, body_of, number, page, reply, wrong
from app.sandbox.forms import form_of

_NAME = 256
_KEPT = 1024 * 1024
"""Bytes of a file that are kept, so that it can be fetched again."""
_BIGGEST = 64 * 1024 * 1024
_NEWEST = ("-created_at", "desc", "descending")
_OLDEST = ("created_at", "asc", "ascending")
_TYPES = (
    "application/pdf", "application/msword", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation", "application/vnd.google-apps.document",
    "application/vnd.google-apps.presentation", "application/json", "image/jpeg", "image/png", "image/gif", "image/webp",
)  # fmt: skip


class Chats:
    """The handlers: a request in, a response out, ``ApiError`` or ``Invalid`` for a refusal."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._account = answers.account
        self._world = answers.account.world

    async def agents(self, request: Request) -> Response:
        """GET /chats/published-agents."""
        del request
        return reply([agent_object(agent) for agent in self._account.agents()])

    async def create(self, request: Request) -> Response:
        """POST /chats."""
        fields = Fields(await body_of(request))
        name, agent_id = fields.text("name", needed=True, longest=_NAME), fields.text("agent_id", needed=True)
        user = fields.text("external_user_id")
        fields.check()
        self._account.allow(user)
        return reply(chat_object(self._account.create(name, self._account.agent(agent_id), user)))

    async def index(self, request: Request) -> Response:
        """GET /chats."""
        query = request.query_params
        order = query.get("order_by", "-created_at")
        if order not in _NEWEST + _OLDEST:
            raise Invalid(wrong("query.order_by", "Unknown order", "enum", order))
        agent, user = query.get("agent_id"), query.get("external_user_id")
        self._account.allow(user)
        found = [
            chat
            for chat in self._account.chats()
            if agent in (None, chat["agent_id"]) and (user is None or user == chat["external_user_id"])
        ]
        rows, pagination = page(request, found if order in _OLDEST else found[::-1])
        return reply([chat_object(chat) for chat in rows], pagination)

    async def rename(self, request: Request) -> Response:
        """PUT /chats/{chat_id}."""
        chat = self._chat(request)
        fields = Fields(await body_of(request))
        name, user = fields.text("name", needed=True, longest=_NAME), fields.text("external_user_id")
        fields.check()
        self._account.allow(user)
        chat.update(name=name or "Untitled", named=True, updated_at=self._world.clock.stamp())
        self._world.ledger.add("rename", "codeer", chat_id=chat["id"], name=name)
        return reply(chat_object(chat))

    async def messages(self, request: Request) -> Response:
        """GET /chats/{chat_id}/messages."""
        chat = self._chat(request)
        self._account.allow(request.query_params.get("external_user_id"))
        return reply(*page(request, chat["rows"]))

    async def send(self, request: Request) -> Response:
        """POST /chats/{chat_id}/messages."""
        return await self._send(request, 1)

    async def _send(self, request: Request, version: int) -> Response:
        chat = self._chat(request)
        fields = Fields(await body_of(request))
        message, uuids = fields.text("message", needed=True), fields.texts("attached_file_uuids")
        wanted = Wanted.read(fields, agent_needed=True)
        fields.check()
        self._account.allow(wanted.external_user_id)
        agent = self._account.published(wanted.agent_id)
        title = self._account.title(message) if first(chat) and not chat["named"] else ""
        row = self._answers.accept(
            chat, agent, message, uuids=uuids, external_user_id=wanted.external_user_id, key=key_of(request), via=f"v{version}"
        )
        voice = self._answers.voice(version, chat, row["group_id"])
        order = Order(chat, agent, message, row["group_id"], row["id"], voice, tags=wanted.tags, title=title)
        return await self._answers.reply(order, wanted.stream)

    async def regenerate(self, request: Request) -> Response:
        """POST /chats/{chat_id}/regenerate: the last answer is replaced by a new one in the same group."""
        chat = self._chat(request)
        fields = Fields(await body_of(request))
        wanted = Wanted.read(fields, agent_needed=False)
        fields.check()
        self._account.allow(wanted.external_user_id)
        asked = next((row for row in reversed(chat["rows"]) if row["role"] == "user"), None)
        if asked is None:
            raise ApiError(400, "There is nothing to regenerate")
        agent = self._account.published(wanted.agent_id or chat["agent_id"])
        group = asked["group_id"]
        chat["rows"] = [row for row in chat["rows"] if row["group_id"] != group or row["role"] == "user"]
        self._world.ledger.add(
            "regenerate", "codeer", chat_id=chat["id"], message_id=asked["id"], idempotency_key=key_of(request)
        )
        order = Order(chat, agent, asked["content"], group, asked["id"], self._answers.voice(1, chat, group), tags=wanted.tags)
        return await self._answers.reply(order, wanted.stream)

    async def submit(self, request: Request) -> Response:
        """POST /chats/{chat_id}/form-requests/{form_request_id}/submit: the turn goes on, in the group that asked."""
        chat, name = self._chat(request), request.path_params["form_request_id"]
        form = chat["forms"].get(name)
        if form is None:
            raise ApiError(404, "Form request not found")
        body = await body_of(request)
        fields = Fields(body)
        wanted = Wanted.read(fields, agent_needed=False)
        values: dict[str, Json] = {}
        if isinstance(body.get("data"), dict):
            values = body["data"]
        else:
            fields.fault("data", "An object keyed by field name is required", "missing", body.get("data"))
        fields.check()
        self._account.allow(wanted.external_user_id)
        inner = Fields(values, "body.data")
        form_faults(form["schema"], values, inner)
        inner.check()
        if form["submitted"]:
            raise ApiError(400, "This form was already submitted")
        form["submitted"] = True
        for row in chat["rows"]:
            asked = row["meta"].get("form_request")
            if asked and asked["form_request_id"] == name:
                asked.update(status="submitted", values=values)
        self._world.ledger.add(
            "answer", "codeer", chat_id=chat["id"], form_request_id=name, data=values, idempotency_key=key_of(request)
        )
        voice = self._answers.voice(1, chat, form["group"])
        agent = self._account.published(form["agent_id"])
        order = Order(chat, agent, form["prompt"], form["group"], form["user_row"], voice, wanted.tags, form=name, values=values)
        return await self._answers.reply(order, wanted.stream)

    async def upload(self, request: Request) -> Response:
        """POST /chats/upload-file."""
        async with form_of(request) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise Invalid(wrong("file.file", "Field required", "missing"))
            kind = (file.content_type or "").partition(";")[0].strip().lower()
            if not kind.startswith("text/") and kind not in _TYPES:
                raise ApiError(400, f"Unsupported file type: {kind or 'none given'}")
            scope = _scope(form.get("data"), form.get("scope"))
            size, digest = await _weigh(file)
            if size > _BIGGEST:
                raise ApiError(400, "The file is too large")
            uuid, name = self._world.ids.uuid(), file.filename or "file"
            if size <= _KEPT:
                await file.seek(0)
                self._account.contents()[uuid] = b64encode(await file.read()).decode()
        stored = {
            "uuid": uuid,
            "original_name": name,
            "content_type": kind,
            "size": size,
            "file_url": f"{request.url.scheme}://{request.url.netloc}/files/{uuid}",
            "scope": scope,
        }
        self._account.files()[uuid] = stored
        self._world.ledger.add("upload", "codeer", uuid=uuid, name=name, content_type=kind, size=size, sha256=digest, scope=scope)
        return reply(stored)

    async def file(self, request: Request) -> Response:
        """GET /files/{uuid}: what an upload's ``file_url`` leads to; the address is the secret, no key is asked for."""
        stored = self._account.files().get(request.path_params["uuid"])
        content = self._account.contents().get(request.path_params["uuid"])
        if stored is None or content is None:
            raise ApiError(404, "File not found")
        if "x-api-key" in request.headers:
            raise ApiError(400, "A key has no business here")
        return Response(b64decode(content), media_type=str(stored["content_type"]))

    async def feedback(self, request: Request) -> Response:
        """POST /chats/{chat_id}/messages/{message_id}/feedbacks: one rating a person, the newest counts."""
        chat = self._chat(request)
        wanted = number(request.path_params["message_id"], "Message")
        row = next((row for row in chat["rows"] if row["id"] == wanted and row["role"] == "assistant"), None)
        if row is None:
            raise ApiError(404, "Message not found")
        fields = Fields(await body_of(request))
        kind, content, user = fields.text("type", needed=True), fields.text("content"), fields.text("external_user_id")
        fields.check()
        self._account.allow(user)
        identity = {"external_user_id": user or None, "user_email": None}
        given: dict[str, Json] = {
            "id": self._world.ids.number(),
            "type": kind,
            "tag": "system",
            "content": content or None,
            "identity": identity,
            "created_at": self._world.clock.stamp(),
        }
        row["feedbacks"] = [one for one in row["feedbacks"] if one["identity"] != identity] + [given]
        self._world.ledger.add(
            "rating",
            "codeer",
            chat_id=chat["id"],
            message_id=wanted,
            type=kind,
            content=content or None,
            external_user_id=user or None,
        )
        return reply(given)

    async def send_two(self, request: Request) -> Response:
        """POST /api/v2/chats/{chat_id}/messages."""
        return await self._send(request, 2)

    async def messages_two(self, request: Request) -> Response:
        """GET /api/v2/chats/{chat_id}/messages: an object with parts instead of rows."""
        chat = self._chat(request)
        self._account.allow(request.query_params.get("external_user_id"))
        parts = parts_of(chat)
        shown, pagination = page(request, parts)
        last = parts[-1] if parts else {"id": None, "sequence": 0}
        anchor = {"part_id": last["id"], "sequence": last["sequence"]}
        return reply({"chat_id": chat["id"], "messages": shown, "reply_context_anchor": anchor}, pagination)

    def _chat(self, request: Request) -> Chat:
        return self._account.chat(number(request.path_params["chat_id"], "Chat"))


def _scope(data: Json, flat: Json) -> str:
    given = flat
    if isinstance(data, str) and data:
        try:
            found = json.loads(data)
        except ValueError as error:
            raise Invalid(wrong("form.data", "Input should be a JSON object", "json_invalid", data)) from error
        given = found.get("scope") if isinstance(found, dict) else None
    if given in (None, ""):
        return "persistent"
    if given not in ("persistent", "ephemeral"):
        raise Invalid(wrong("form.data.scope", "Input should be 'persistent' or 'ephemeral'", "enum", given))
    return str(given)


async def _weigh(file: UploadFile) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    while chunk := await file.read(256 * 1024):
        size += len(chunk)
        digest.update(chunk)
    return size, digest.hexdigest()
