"""A new batch, step by step: its file, who answers and which columns mean what, a look at how it begins, yes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from app import batch_files
from app.batch_models import MOST_ITEMS, Item, Webhook
from app.errors import ParlourError, UsageError
from app.profiles import Agent, Profile
from app.protocols import Batches
from app.text import json_text, safe_line
from app.ui.pick import FileDialog
from app.ui.screens.new_talk import NewTalkDialog, Wanted
from app.ui.widgets.batch_rows import key_of

if TYPE_CHECKING:
    from app.ui.screens.base import Place

SHOWN = 3
"""Payloads that are looked at before anything leaves."""


@dataclass(slots=True)
class _Plan:
    """What the answers so far make."""

    path: Path
    sheet: batch_files.Sheet
    agents: dict[str, tuple[Profile, Agent]]
    answers: dict[str, str] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    hook: Webhook | None = None

    @property
    def chosen(self) -> tuple[Profile, Agent]:
        """Who answers."""
        return self.agents[self.answers["agent"]]


class NewBatch:
    """Asks over ``place``; a wrong answer is told in a sentence and asked again with what was entered."""

    def __init__(self, place: Place, begun: Callable[[str], Awaitable[None]]) -> None:
        self._place = place
        self._desk = place.desk
        self._begun = begun

    def ask_file(self) -> None:
        """Which file?"""

        def picked(path: str | None) -> None:
            if path:
                self._place.attempt(lambda: self._read(Path(path)), group="new")

        self._place.app.push_screen(FileDialog(Path.cwd(), "Which file of prompts? (CSV with a head, or JSON lines)"), picked)

    async def _read(self, path: Path) -> None:
        sheet = await asyncio.to_thread(batch_files.read, path)
        if not sheet.rows:
            raise UsageError(f"There is no row in {path.name}; nothing was sent.")
        agents: dict[str, tuple[Profile, Agent]] = {}
        for profile in await self._desk.profiles():
            if isinstance(await self._desk.vendor(profile), Batches):
                for known in await self._desk.store.agents(await self._desk.account(profile)):
                    if not known.agent.archived:
                        agents[f"{profile.name}\n{known.agent.id}"] = (profile, known.agent)
        if not agents:
            raise UsageError("No agent is known that could answer. f2 looks for them.")
        self._ask(_Plan(path, sheet, agents))

    def _ask(self, plan: _Plan) -> None:
        names = ", ".join(safe_line(column, 30) for column in plan.sheet.columns[:8])
        there = {column.strip().casefold(): column for column in plan.sheet.columns}
        first = plan.sheet.columns[0] if len(plan.sheet.columns) == 1 else ""
        several = len({profile.name for profile, _ in plan.agents.values()}) > 1
        options = [
            (key, f"{agent.name} · {profile.name}" if several else agent.name) for key, (profile, agent) in plan.agents.items()
        ]
        get = plan.answers.get
        wanted = [
            Wanted("agent", "Who answers", get("agent", options[0][0]), options=options),
            *(
                Wanted(
                    name,
                    f"Column of {name}",
                    get(name, there.get(name, first if name == "message" else "")),
                    f"one of: {names}" if name == "message" else "",
                )
                for name in batch_files.FIELDS
            ),
            Wanted("webhook", "Webhook", get("webhook", ""), "https address that is told of the end; may be empty", 2000),
            Wanted("events", "Webhook events", get("events", "completed, failed"), "of completed, failed, cancelled"),
            Wanted("secret", "Webhook secret", "", "signs its messages; never kept on disk", 255),
        ]

        def answered(answers: dict[str, str] | None) -> None:
            if answers is not None:
                plan.answers = answers
                self._place.attempt(lambda: self._check(plan), group="new")

        title = f"{plan.path.name}: {len(plan.sheet.rows):,} rows"
        self._place.app.push_screen(NewTalkDialog(title, wanted, "check it"), answered)

    async def _check(self, plan: _Plan) -> None:
        answers = plan.answers
        try:
            columns = {name: answers[name] for name in batch_files.FIELDS if answers.get(name)}
            found = batch_files.mapping(plan.sheet, columns)
            unwanted = [name for name in found if not answers.get(name)]
            used = {name: column for name, column in found.items() if name not in unwanted}
            if "message" not in used:
                raise UsageError("Which column is the message? Name it in the form; nothing was sent.")
            plan.items = await asyncio.to_thread(batch_files.items, plan.sheet, used)
            events = [event for event in re.split(r"[\s,;]+", answers["events"]) if event]
            plan.hook = batch_files.webhook(answers["webhook"], events, answers["secret"])
            profile, agent = plan.chosen
            vendor = await self._desk.vendor(profile)
            if not isinstance(vendor, Batches):
                raise UsageError(f"{vendor.label} takes no batches.")
        except UsageError as error:
            self._place.say(error, failed=True)
            self._ask(plan)
            return
        self._preview(plan, json_text(vendor.batch_body(agent.id, plan.items[:SHOWN], plan.hook), indent=2))

    def _preview(self, plan: _Plan, body: str) -> None:
        from app.ui.reader import SureDialog

        profile, agent = plan.chosen
        count = len(plan.items)
        batches = -(-count // MOST_ITEMS)
        what = f"{count:,} prompts in {batches} batch{'' if batches == 1 else 'es'} for {agent.name}, {profile.name}"
        head = f"{what}. The first {min(count, SHOWN)} of them as they leave:"

        def answered(sure: bool | None) -> None:
            if sure:
                self._place.attempt(lambda: self._begin(plan), group="new")
            else:
                self._ask(plan)

        self._place.app.push_screen(SureDialog("Hand these over?", f"{head}\n\n{body}", "hand over", "change it"), answered)

    async def _begin(self, plan: _Plan) -> None:
        profile, agent = plan.chosen
        vendor = await self._desk.vendor(profile)
        if not isinstance(vendor, Batches):
            raise ParlourError(f"{vendor.label} takes no batches.")
        jobs = self._desk.batches.of(await self._desk.account(profile), vendor)
        job = await jobs.create(plan.path.name, agent.id, plan.items, plan.hook)
        await jobs.told(job)
        self._desk.batches.start(job)
        await self._begun(key_of(job))
