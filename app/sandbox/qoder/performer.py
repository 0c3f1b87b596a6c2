"""Turning the steps of a turn into events, in the order of contract 15.8."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from app.models import Json
from app.sandbox.qoder import artifacts, echoes, toolset
from app.sandbox.qoder.scripts import Deed, Delegate, Die, Stumble, Together, plan
from app.sandbox.steps import Ask, Call, Consult, Consulted, Error, Result, Say, Think, Tool, Usage, Verdict, tokens

if TYPE_CHECKING:
    from app.sandbox.qoder.live import Live

BATCH = 64
"""Tokens said in a row before others get a chance, where no rate was asked for."""


class Performer:
    """Runs one turn of ``live``. A turn that a restart cut off is played again silently up to where it was."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._journal = live.journal
        self._clock = live.world.clock
        self._turn = live.record["turn"]
        self._agent = live.object["agent"]

    async def run(self) -> None:
        """Play all steps; the turn ends with the last of them, or with the first that fails."""
        if self._spent_out():
            self._live.close({"type": "budget_reached"})
            return
        turn, disk = self._turn, dict(self._turn["disk"])
        resources = [*_resources(self._live.object), *turn["attached"]]
        consults = self._live.world.upstream is not None
        steps = plan(self._agent, resources, turn["prompt"], turn["past"], disk, consults=consults)
        given: object = None
        index = 0
        while True:
            try:
                step = steps.send(given)
            except StopIteration:
                break
            finally:
                self._live.record["disk"] = dict(disk)
            given = self._again(step, index) if index < self._turn["done"] else await self._perform(step, index)
            if isinstance(step, Error | Die):
                self._fail(step.message if isinstance(step, Error) else "The model request failed.", step)
                return
            index += 1
        self._evaluate()
        self._live.close({"type": "budget_reached" if self._spent_out() else "end_turn"})

    # --- steps ---------------------------------------------------------------------------------------------------------------

    async def _perform(self, step: Deed, index: int) -> object:
        given: object = None
        match step:
            case Think():
                self._live.begin_span()
                self._journal.begin("agent.thinking")
                await self._clock.sleep(0)
                self._journal.finish()
            case Say():
                await self._say(step)
            case Consult():
                given = await self._consult(step)
            case Together():
                given = await self._use(step.steps, index)
            case Ask() | Tool() | Call():
                [given] = await self._use([step], index)
            case Die():
                await self._break_off(step)
            case Stumble():
                await self._stumble(step)
            case Delegate():
                given = self._delegate(step)
            case Usage():
                price = echoes.CREDITS_A_TOKEN
                cost = price["input"] * step.input + price["output"] * step.output
                self._turn["credits"] = max(0.0, cost - self._turn["billed"])
        self._turn["done"] = index + 1
        self._live.changed()
        return given

    def _again(self, step: Deed, index: int) -> object:
        """What a step gave when it was played before the restart."""
        if isinstance(step, Delegate):
            return step.report
        kept = self._turn["answers"].get(str(index))
        if kept is None:
            return None
        steps = step.steps if isinstance(step, Together) else [step]
        given = [_given(one, answer) for one, answer in zip(steps, kept, strict=True)]
        return given if isinstance(step, Together) else given[0]

    async def _say(self, step: Say) -> None:
        self._live.begin_span()
        self._journal.begin("agent.message")
        began = self._clock.monotonic()
        for count, token in enumerate(tokens(step.text)):
            if step.rate:
                early = began + count / step.rate - self._clock.monotonic()
                if early > 0:
                    await self._clock.sleep(early)
            elif count % BATCH == BATCH - 1:
                await self._clock.sleep(0)
            self._journal.say(token)
        self._journal.finish(content=[{"type": "text", "text": step.text}])

    async def _consult(self, step: Consult) -> Consulted:
        """Say what the model elsewhere says, as it says it; words of one that breaks off stay a preview (contract 14.4)."""
        upstream = self._live.world.upstream
        if upstream is None:
            return Consulted(failure="There is no model to ask.")
        self._live.begin_span()
        self._journal.begin("agent.message")
        text, spent = "", Consulted()
        async with aclosing(upstream.answer(step.system, step.past, step.prompt)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Consulted):
                    spent = piece
                else:
                    self._journal.say(piece)
                    text += piece
        if not spent.failure:
            self._journal.finish(content=[{"type": "text", "text": text}])
        return spent

    def _delegate(self, step: Delegate) -> str:
        """A worker's thread from its first word to its last; its events are in the session's stream too (contract 11)."""
        self._live.begin_span()
        lane = self._live.hire(step.agent)
        task, report = ([{"type": "text", "text": text}] for text in (step.text, step.report))
        ident, name = lane["session_thread_id"], lane["agent_name"]
        self._journal.add("session.thread_created", **lane)
        self._journal.add("session.thread_status_running", **lane)
        self._journal.add("agent.thread_message_sent", to_session_thread_id=ident, to_agent_name=name, content=task)
        self._journal.add("agent.message", session_thread_id=ident, content=report)
        self._journal.add("session.thread_status_idle", **lane, stop_reason={"type": "end_turn"})
        self._journal.add("agent.thread_message_received", from_session_thread_id=ident, from_agent_name=name, content=report)
        return step.report

    async def _use(self, steps: Sequence[Ask | Tool | Call], index: int) -> list[object]:
        """Announce tools, wait for the client where it is asked, tell the results."""
        uses = self._turn["uses"].get(str(index)) or self._announce(steps, index)
        if str(index) not in self._turn["answers"]:
            answers = await self._answers()
            self._turn["answers"][str(index)] = [answers.get(ident) or _decided(said) for ident, said in uses]
        kept = self._turn["answers"][str(index)]
        told = {event["tool_use_id"] for event in self._journal.events if event["type"] == "agent.tool_result"}
        for step, (ident, _), answer in zip(steps, uses, kept, strict=True):
            if not isinstance(step, Call) and ident not in told:
                await self._result(step, ident, answer)
        return [_given(step, answer) for step, answer in zip(steps, kept, strict=True)]

    def _announce(self, steps: Sequence[Ask | Tool | Call], index: int) -> list[list[str]]:
        """The tool-use events: [event id, what the policy says] of each."""
        self._live.begin_span()
        uses: list[list[str]] = []
        for step in steps:
            if isinstance(step, Call):
                event = self._journal.add("agent.custom_tool_use", name=step.name, input=step.input)
                said = "ask"
            else:
                said = toolset.verdict(self._agent, step.name) or ("ask" if isinstance(step, Ask) else "allow")
                event = self._journal.add("agent.tool_use", name=step.name, input=step.input, evaluated_permission=said)
            uses.append([event["id"], said])
        self._turn["uses"][str(index)] = uses
        self._turn["waiting"] = {ident: None for ident, said in uses if said == "ask"}
        return uses

    async def _answers(self) -> dict[str, Json]:
        """Go idle until everything is answered; after a restart it is idle already."""
        if self._live.unanswered:
            self._live.end_span()
            if self._live.busy:
                self._live.rest({"type": "requires_action", "event_ids": self._live.unanswered})
        return await self._live.answers()

    async def _result(self, step: Ask | Tool, ident: str, answer: Json) -> None:
        seconds = step.seconds if isinstance(step, Tool) else 0.0
        if seconds and answer["allow"]:
            await self._clock.sleep(seconds)
        if answer["allow"]:
            text = step.output if isinstance(step.output, str) else json.dumps(step.output, ensure_ascii=False)
        else:
            text = f"Permission to use {step.name} was denied." + (f" Reason: {answer['text']}" if answer["text"] else "")
        failed = step.failed if answer["allow"] else True
        self._journal.add("agent.tool_result", tool_use_id=ident, content=[{"type": "text", "text": text}], is_error=failed)
        if step.name == artifacts.DELIVERS and not failed:
            session = self._live.object["id"]
            given = artifacts.delivered(self._live.world, session, step.input, self._turn["prompt"])
            self._journal.add("agent.artifact_delivered", **given)

    # --- how it ends ---------------------------------------------------------------------------------------------------------

    async def _break_off(self, step: Die) -> None:
        """A preview whose event never comes (contract 14.4)."""
        self._live.begin_span()
        self._journal.begin("agent.message")
        for token in tokens(step.text):
            self._journal.say(token)
            await self._clock.sleep(0)

    async def _stumble(self, step: Stumble) -> None:
        """The platform repeats by itself: nothing for the client to do but to go on reading (contract 15.6)."""
        error = {"type": "unknown_error", "message": step.message, "retry_status": {"type": "retrying"}}
        self._journal.add("session.error", error=error)
        self._live.reschedule()
        await self._clock.sleep(0.02)
        self._live.resume()

    def _fail(self, message: str, step: Error | Die) -> None:
        """A model call that dies leaves no final event; the span's end closes its preview (contract 14.4, 15.6)."""
        terminal = isinstance(step, Die) and step.terminal
        self._journal.abandon()
        self._live.begin_span()
        self._live.end_span(failed=True)
        retry = {"type": "terminal" if terminal else "exhausted"}
        self._journal.add(
            "session.error", error={"type": "model_request_failed_error", "message": message, "retry_status": retry}
        )
        if terminal:
            self._live.terminate()
        else:
            self._live.close({"type": "retries_exhausted"})

    def _evaluate(self) -> None:
        """One look at the outcome that was asked for: here it is always satisfied (contract 12.7)."""
        ident = self._turn["outcome"]
        if not ident:
            return
        self._live.end_span()
        start = self._journal.add("span.outcome_evaluation_start", outcome_id=ident, iteration=0)
        said = {"result": "satisfied", "explanation": "The answer covers the description."}
        self._journal.add(
            "span.outcome_evaluation_end", outcome_evaluation_start_id=start["id"], outcome_id=ident, iteration=0, **said
        )
        entry = next(item for item in self._live.object["outcome_evaluations"] if item["outcome_id"] == ident)
        entry.update(said, completed_at=self._clock.stamp())

    def _spent_out(self) -> bool:
        budget = self._live.object["budget"]
        spent = self._live.record["spent"]
        total = spent["model"] + spent["runtime"] + (self._turn["credits"] or 0)
        return budget is not None and bool(total >= float(budget["max_credit_cost"]))


def _resources(session: Json) -> list[str]:
    """A line for each thing attached, for created agents to name."""
    lines = [f"{item['type']} {item.get('mount_path') or item['id']}" for item in session["resources"]]
    lines += [f"skill {skill['skill_id']}" for skill in session["agent"]["skills"]]
    return lines + [f"vault {ident}" for ident in session["vault_ids"]]


def _decided(said: str) -> dict[str, Json]:
    return {"allow": said != "deny", "text": "" if said != "deny" else "The agent's policy denies it."}


def _given(step: Deed, answer: Json) -> object:
    if isinstance(step, Call):
        return Result(answer["text"], bool(answer.get("failed")))
    return Verdict(bool(answer["allow"]), answer["text"])
