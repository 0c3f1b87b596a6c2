"""A session that is alive: its turns run here, whether or not anybody listens (contract 9.4, 12, 15.8)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from app.models import Json
from app.sandbox.core import World
from app.sandbox.qoder import echoes
from app.sandbox.qoder.journal import Journal
from app.sandbox.qoder.performer import Performer
from app.sandbox.qoder.wire import conflict

BUSY = ("running", "rescheduling", "canceling")
CANCELS_AFTER = 0.02
"""Seconds between the reply to a cancel and the end of the turn: it is asynchronous (contract 9.7)."""


class Live:
    """One session. Its ``record`` is JSON and survives a restart: ``object``, ``events``, ``thread``, ``turn``, ``spent``."""

    def __init__(self, world: World, record: dict[str, Any]) -> None:
        self.world = world
        self.record = record
        self.journal = Journal(record["events"], lambda: world.ids.name("evt_"), world.clock.stamp)
        self._task: asyncio.Task[None] | None = None
        self._answered = asyncio.Event()

    # --- what it is doing ----------------------------------------------------------------------------------------------------

    @property
    def object(self) -> dict[str, Json]:
        """The session as the wire shows it, with the status of the current contract."""
        found: dict[str, Json] = self.record["object"]
        return found

    @property
    def threads(self) -> list[dict[str, Json]]:
        """The main thread and its workers'."""
        return [self.record["thread"], *self.record["workers"]]

    @property
    def busy(self) -> bool:
        """Whether a turn is executing."""
        return self.object["status"] in BUSY

    @property
    def waiting(self) -> dict[str, Json]:
        """Event ids that wait for the client, with the answer each has so far (None: not yet)."""
        turn = self.record["turn"]
        return turn["waiting"] if turn else {}

    @property
    def unanswered(self) -> list[str]:
        """Event ids the client still has to answer, in order."""
        return [ident for ident, answer in self.waiting.items() if answer is None]

    def check_open(self) -> None:
        """Raise ``RefusedError`` 409 for a session that takes no more input."""
        if self.object["archived_at"]:
            raise conflict("The session is archived and read-only.")
        if self.object["status"] == "terminated":
            raise conflict("The session is terminated.")

    # --- turns ---------------------------------------------------------------------------------------------------------------

    def start(self, events: Sequence[Mapping[str, Json]]) -> None:
        """Begin a turn with the client's events, which already have their ids."""
        past = echoes.past(self.journal.events)
        outcome = next((event for event in events if event["type"] == "user.define_outcome"), None)
        self.record["turn"] = {
            "prompt": echoes.prompt(events), "past": past, "done": 0, "answers": {}, "waiting": {}, "span": "", "credits": None,
            "billed": 0.0, "disk": dict(self.record["disk"]), "uses": {}, "attached": echoes.attached(events),
            "outcome": outcome["outcome_id"] if outcome else "", "began": None,
        }  # fmt: skip
        if outcome:
            self.object["outcome_evaluations"].append(echoes.evaluation(outcome))
        self._run()
        self._echo(events)
        self._perform()

    def answer(self, events: Sequence[Mapping[str, Json]]) -> None:
        """Take answers. The turn goes on when the last one is there; until then it idles with the rest (contract 12.4)."""
        for event in events:
            if event["type"] in echoes.ANSWERS:
                self.waiting[echoes.answered(event)] = echoes.answer(event)
        if self.unanswered:
            self._echo(events)
            self.rest({"type": "requires_action", "event_ids": self.unanswered})
        else:
            self._run()
            self._echo(events)
            self._answered.set()
        self.changed()

    def interrupt(self, events: Sequence[Mapping[str, Json]]) -> None:
        """Note the client's interrupt and stop the turn, if there is one and it is meant; harmless otherwise (contract 12.6)."""
        self._echo(events)
        if self.record["turn"] is not None and any(self.stops(event) for event in events):
            self.stop()

    def stops(self, event: Mapping[str, Json]) -> bool:
        """Whether an interrupt is for the turn: a worker here is done with its thread before anybody can interrupt it."""
        return event.get("session_thread_id") in (None, self.record["thread"]["id"])

    def cancel(self) -> bool:
        """Begin to cancel. False: there was nothing to cancel."""
        if not self.busy:
            return False
        if self.object["status"] != "canceling":
            self.object["status"] = "canceling"
            self.world.spawn(self._cancel(self.record["turn"]))
        return True

    def stop(self) -> None:
        """End the turn as cancelled; what was said so far stays as a message."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        preview = self.journal.preview
        if preview is not None and preview.deltas:
            self.journal.finish(content=[{"type": "text", "text": "".join(preview.deltas)}])
        self.journal.abandon()
        self.close({"type": "cancelled"})

    async def _cancel(self, turn: Json) -> None:
        await self.world.clock.sleep(CANCELS_AFTER)
        if self.record["turn"] is turn:
            self.stop()

    # --- what the performer says ---------------------------------------------------------------------------------------------

    def close(self, reason: Mapping[str, Json]) -> None:
        """The turn is over: close its model call, become idle, tell what it cost."""
        self.end_span()
        self.rest(reason)
        self.record["turn"] = None
        self.journal.add("session.usage", **self.object["usage"])
        self.changed()

    def rest(self, reason: Mapping[str, Json]) -> None:
        """Become idle for a reason (contract 15.5)."""
        self._count()
        self._status("idle")
        self.journal.add("session.thread_status_idle", **self._lane(), stop_reason=dict(reason))
        self.journal.add("session.status_idle", stop_reason=dict(reason))

    def reschedule(self) -> None:
        """The platform moves the turn."""
        self._status("rescheduling")
        self.journal.add("session.thread_status_rescheduled", **self._lane())
        self.journal.add("session.status_rescheduled")

    def resume(self) -> None:
        """The turn runs again after it was moved."""
        if self.object["status"] == "rescheduling":
            self._run()

    def terminate(self) -> None:
        """The session cannot go on: a terminal error came."""
        self.end_span()
        self.record["turn"] = None
        self._status("terminated")
        self.journal.add("session.thread_status_terminated", **self._lane())
        self.journal.add("session.status_terminated")
        self.changed()

    def begin_span(self) -> None:
        """Open a model call, unless one is open."""
        turn = self.record["turn"]
        if not turn["span"]:
            turn["span"] = self.journal.add("span.model_request_start")["id"]

    def end_span(self, *, failed: bool = False) -> None:
        """Close the model call that is open; what it cost is told only if it is known."""
        turn = self.record["turn"]
        if turn["span"]:
            cost: dict[str, Json] = {} if turn["credits"] is None else {"model_usage": {"credits": echoes.floor(turn["credits"])}}
            self.journal.add("span.model_request_end", model_request_start_id=turn["span"], is_error=failed, **cost)
            self.record["spent"]["model"] += turn["credits"] or 0
            turn["billed"] += turn["credits"] or 0
            turn["span"], turn["credits"] = "", None

    async def answers(self) -> dict[str, Json]:
        """Wait until everything that waits for the client is answered; forgets the requests."""
        self._answered.clear()
        if self.unanswered:
            await self._answered.wait()
        found, self.record["turn"]["waiting"] = self.waiting, {}
        return found

    def hire(self, agent: Mapping[str, Json]) -> dict[str, Json]:
        """A new thread below the main one; what its events say about it."""
        now = self.world.clock.stamp()
        snapshot = {"id": agent["id"], "type": "agent", "version": agent["version"], "name": agent["name"]}
        thread = {**self.record["thread"], "id": self.world.ids.name("sthr_"), "agent": snapshot, "status": "idle"}
        thread |= {"parent_thread_id": self.record["thread"]["id"], "created_at": now, "updated_at": now}
        self.record["workers"].append(thread)
        return {"session_thread_id": thread["id"], "agent_name": agent["name"]}

    def changed(self) -> None:
        """Something is to be saved."""
        self.world.changed()

    def revive(self) -> None:
        """After a restart: go on with the turn that was under way."""
        if self.record["turn"] is None:
            return
        if self.object["status"] == "canceling":
            self.stop()
        else:
            self._perform()

    # --- inside --------------------------------------------------------------------------------------------------------------

    def _perform(self) -> None:
        self._task = self.world.spawn(Performer(self).run())
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A turn whose script broke must not leave the session running for ever."""
        if task is self._task and not task.cancelled() and task.exception() is not None and self.record["turn"] is not None:
            retry = {"type": "exhausted"}
            self.journal.abandon()
            self.journal.add(
                "session.error", error={"type": "unknown_error", "message": str(task.exception()), "retry_status": retry}
            )
            self.close({"type": "retries_exhausted"})

    def _run(self) -> None:
        self.record["turn"]["began"] = self.record["turn"]["began"] or self.world.clock.wall()
        self._status("running")
        self.journal.add("session.status_running")
        self.journal.add("session.thread_status_running", **self._lane())

    def _lane(self) -> dict[str, Json]:
        return {"session_thread_id": self.record["thread"]["id"], "agent_name": self.object["agent"]["name"]}

    def _status(self, status: str) -> None:
        now = self.world.clock.stamp()
        for item in (self.object, self.record["thread"]):
            item["status"], item["updated_at"] = status, now
        self.changed()

    def _echo(self, events: Sequence[Mapping[str, Json]]) -> None:
        for event in events:
            fields = {name: value for name, value in event.items() if name not in ("id", "type", "processed_at")}
            self.journal.add(event["type"], event["id"], **fields)

    def _count(self) -> None:
        """Figures are cumulative and floored to two decimals (contract 9.3, 9.8); waiting for the client costs nothing."""
        turn = self.record["turn"]
        seconds = max(0.0, self.world.clock.wall() - turn["began"]) if turn["began"] else 0.0
        turn["began"] = None
        spent = self.record["spent"]
        spent["seconds"] += seconds
        spent["runtime"] += seconds * echoes.CREDITS_A_SECOND
        self.object["stats"]["active_seconds"] = round(spent["seconds"], 3)
        self.object["usage"] = {
            "model_credits": echoes.floor(spent["model"]),
            "sandbox_runtime_credits": echoes.floor(spent["runtime"]),
            "total_credits": echoes.floor(spent["model"] + spent["runtime"]),
        }
