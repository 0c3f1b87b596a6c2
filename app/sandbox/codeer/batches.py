"""The five batch routes (contract 8), with the results in the order they were finished."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.models import Json
from app.sandbox.codeer.answers import Answers, key_of
from app.sandbox.codeer.turns import Order
from app.sandbox.codeer.wire import ApiError, Fields, Invalid, body_of, page, reply, wrong
from app.sandbox.steps import Error

_MOST = 1000
_AT_ONCE = 8
_HURRY = 20.0
"""A batch is answered this many times faster than a chat."""
_PAUSE = 0.002
"""Seconds between two items of a lane, so that progress can be seen."""
_EVENTS = ("completed", "failed", "cancelled")

Items = list[dict[str, Json]]
Batch = dict[str, Any]
"""A stored batch: the fields of the reply, and ``agent_id``, ``requests``, ``results``."""


class Batches:
    """Takes batches, works on them in the background, tells how far they are."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._account = answers.account
        self._world = answers.account.world

    def _batches(self) -> dict[str, Batch]:
        found: dict[str, Batch] = self._world.section("codeer").setdefault("batches", {})
        return found

    def resume(self) -> None:
        """Go on with what an earlier run left unfinished."""
        for batch in self._batches().values():
            if batch["status"] == "processing":
                self._world.spawn(self._work(batch))

    async def create(self, request: Request) -> Response:
        """POST /batches."""
        body = await body_of(request)
        fields = Fields(body)
        agent_id, items = fields.text("agent_id", needed=True), body.get("requests")
        if not isinstance(items, list) or not 1 <= len(items) <= _MOST or not all(isinstance(item, dict) for item in items):
            fields.fault("requests", f"List should have 1 to {_MOST} items", "list_length", None)
            items = []
        _check_items(items, fields)
        _check_webhook(body.get("webhook"), fields)
        fields.check()
        self._account.published(agent_id)
        batch: Batch = {
            "id": self._world.ids.name("b-"),
            "status": "processing",
            "total_requests": len(items),
            "completed_requests": 0,
            "failed_requests": 0,
            "created_at": self._world.clock.stamp(),
            "completed_at": None,
            "cancelled_at": None,
            "agent_id": agent_id,
            "requests": items,
            "results": [],
        }
        self._batches()[batch["id"]] = batch
        self._world.ledger.add(
            "batch", "codeer", batch_id=batch["id"], count=len(items), agent_id=agent_id, idempotency_key=key_of(request)
        )
        self._world.spawn(self._work(batch))
        return reply(_shown(batch))

    async def index(self, request: Request) -> Response:
        """GET /batches, newest first."""
        rows, pagination = page(request, list(self._batches().values())[::-1])
        return reply([_shown(batch) for batch in rows], pagination)

    async def show(self, request: Request) -> Response:
        """GET /batches/{batch_id}."""
        return reply(_shown(self._batch(request)))

    async def results(self, request: Request) -> Response:
        """GET /batches/{batch_id}/results."""
        return reply(*page(request, self._batch(request)["results"]))

    async def cancel(self, request: Request) -> Response:
        """POST /batches/{batch_id}/cancel: items under way are finished, no other is begun."""
        batch = self._batch(request)
        if batch["status"] != "processing":
            raise ApiError(400, f"Batch is already {batch['status']}")
        batch.update(status="cancelled", cancelled_at=self._world.clock.stamp())
        self._world.ledger.add("cancel", "codeer", batch_id=batch["id"])
        return reply(_shown(batch))

    def _batch(self, request: Request) -> Batch:
        found = self._batches().get(request.path_params["batch_id"])
        if found is None:
            raise ApiError(404, "Batch not found")
        return found

    async def _work(self, batch: Batch) -> None:
        done = {row["custom_id"] for row in batch["results"]}
        waiting = [item for item in reversed(batch["requests"]) if item["custom_id"] not in done]
        await asyncio.gather(*(self._lane(batch, waiting) for _ in range(min(_AT_ONCE, len(waiting)))))
        if batch["status"] == "processing":
            failed = batch["failed_requests"] == batch["total_requests"]
            batch.update(status="failed" if failed else "completed", completed_at=self._world.clock.stamp())
        self._world.changed()

    async def _lane(self, batch: Batch, waiting: Items) -> None:
        while waiting and batch["status"] == "processing":
            item = waiting.pop()
            row: dict[str, Json] = {
                "custom_id": item["custom_id"],
                "status": "completed",
                "history_id": None,
                "response": None,
                "error": None,
            }
            try:
                await self._answer(batch, item, row)
            except ApiError as error:
                row.update(status="failed", error=str(error))
            batch["results"].append(row)
            batch["failed_requests" if row["status"] == "failed" else "completed_requests"] += 1
            self._world.changed()
            await self._world.clock.sleep(_PAUSE)

    async def _answer(self, batch: Batch, item: dict[str, Json], row: dict[str, Json]) -> None:
        user = item.get("external_user_id") or ""
        self._account.allow(user)
        agent = self._account.published(item.get("agent_id") or batch["agent_id"])
        if item.get("history_id") is not None:
            chat = self._account.chat(item["history_id"])
        else:
            chat = self._account.create(item.get("name") or self._account.title(item["message"]), agent, user)
        row["history_id"] = chat["id"]
        asked = self._answers.accept(
            chat, agent, item["message"], uuids=item.get("attached_file_uuids") or [], external_user_id=user,
            key=item["custom_id"], via=f"batch {batch['id']}",
        )  # fmt: skip
        voice = self._answers.voice(1, chat, asked["group_id"])
        run, task = self._answers.start(Order(chat, agent, item["message"], asked["group_id"], asked["id"], voice, hurry=_HURRY))
        await run.pipe.aclose()
        await asyncio.wait([task])
        if isinstance(run.outcome, Error):
            raise ApiError(500, run.outcome.message, run.outcome.code)
        row["response"] = run.outcome


def _shown(batch: Batch) -> dict[str, Json]:
    return {name: value for name, value in batch.items() if name not in ("requests", "results")}


def _check_items(items: list[dict[str, Json]], fields: Fields) -> None:
    seen: set[str] = set()
    for at, item in enumerate(items):
        own = Fields(item, f"body.requests.{at}")
        name = own.text("custom_id", needed=True, longest=256)
        own.text("message", needed=True)
        own.text("name", longest=256)
        own.text("agent_id")
        own.text("external_user_id")
        own.texts("attached_file_uuids")
        history = item.get("history_id")
        if history is not None and (not isinstance(history, int) or isinstance(history, bool)):
            own.fault("history_id", "Input should be a valid integer", "int_type", history)
        if name in seen:
            own.fault("custom_id", "custom_id must be unique in a batch", "value_error", name)
        seen.add(name)
        fields.errors += own.errors
    if len(fields.errors) > 100:
        raise Invalid(*fields.errors[:100])


def _check_webhook(webhook: Json, fields: Fields) -> None:
    if webhook is None:
        return
    if not isinstance(webhook, dict):
        raise Invalid(wrong("body.webhook", "Input should be an object", "model_type"))
    own = Fields(webhook, "body.webhook")
    url, events = own.text("url", needed=True), own.texts("events")
    own.text("secret", longest=255)
    if url and not url.startswith("https://"):
        own.fault("url", "Only HTTPS URLs are allowed", "url_scheme", url)
    if any(event not in _EVENTS for event in events):
        own.fault("events", "Unknown event", "enum", events)
    fields.errors += own.errors
