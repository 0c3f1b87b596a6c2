"""What one can do with a batch job and a row of it: go on, cancel, run again, open, export, begin another."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.batch_files import written
from app.batches import BatchJobs, Outcome, figures, outcomes, rows
from app.errors import UsageError
from app.exports import write_new
from app.models import Conversation
from app.protocols import Batches
from app.ui.dialogs import AskLine, ConfirmDialog
from app.ui.requests import OpenStored
from app.ui.screens.base import Place
from app.ui.screens.new_batch import NewBatch
from app.ui.widgets.batch_rows import Listed, key_of


class JobKeys(Place):
    """A screen with a chosen job and a chosen row of it."""

    def chosen(self) -> Listed | None:
        """The job under the cursor."""
        raise NotImplementedError

    def row(self) -> Outcome | None:
        """The row under the cursor."""
        raise NotImplementedError

    async def load(self, put: str = "") -> None:
        """Look again; the cursor goes to the job ``put``."""
        raise NotImplementedError

    async def jobs_of(self, one: Listed) -> BatchJobs:
        """The jobs of its account. Raises ``UsageError`` where it takes none."""
        vendor = await self.desk.vendor(one.profile)
        if not isinstance(vendor, Batches):
            raise UsageError(f"{vendor.label} takes no batches.")
        return self.desk.batches.of(one.job.account, vendor)

    def _sure(self, question: str, yes: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        def answered(sure: bool | None) -> None:
            if sure:
                self.attempt(work, group="job")

        self.app.push_screen(ConfirmDialog(question, yes, "leave it"), answered)

    def _ours(self) -> Listed | None:
        one = self.chosen()
        if one is not None and not one.job.id:
            self.say("This batch was begun elsewhere; its prompts are not known here.", failed=True)
            return None
        return one

    def action_new(self) -> None:
        """From a file, step by step."""
        NewBatch(self, self.load).ask_file()

    def action_cancel(self) -> None:
        """Begin no other row."""
        one = self.chosen()
        if one is None or figures(one.job).state not in ("running", "waiting", "unknown"):
            return

        async def cancel() -> None:
            await (await self.jobs_of(one)).cancel(one.job)
            await self.load(key_of(one.job))

        self._sure(
            f"Cancel {one.job.name or key_of(one.job)}? What is answered stays; no other row is begun.", "cancel it", cancel
        )

    def action_retry(self) -> None:
        """Only those rows that failed or have no answer."""
        one = self._ours()
        if one is None:
            return
        count = sum(row.state in ("failed", "missing") for row in outcomes(one.job))
        if figures(one.job).state in ("running", "waiting", "unknown") or not count:
            self.say("Nothing of it failed." if not count else "It is not over yet.", failed=True)
            return

        async def again() -> None:
            fresh = await (await self.jobs_of(one)).again(one.job)
            self.desk.batches.start(fresh)
            await self.load(key_of(fresh))

        what = "the row" if count == 1 else f"the {count:,} rows"
        self._sure(f"Hand over once more {what} of {one.job.name} that failed or have no answer?", "once more", again)

    def action_go_on(self) -> None:
        """Look for what is in doubt, hand over what has not left."""
        one = self._ours()
        if one is not None:
            self.desk.batches.start(one.job)

    def action_create_unknown(self) -> None:
        """Hand over what may have arrived."""
        one = self._ours()
        if one is None or figures(one.job).state != "unknown":
            return

        async def anyway() -> None:
            await (await self.jobs_of(one)).create_anyway(one.job)
            self.desk.batches.start(one.job)

        question = "Hand over again what may have arrived? If it did, its prompts are answered twice. Look at the list first."
        self._sure(question, "hand it over", anyway)

    def action_open(self) -> None:
        """The row as a conversation."""
        one, row = self.chosen(), self.row()
        if one is None or row is None or row.result is None or not row.result.conversation_id:
            self.say("This row has no conversation.", failed=True)
            return
        name, agent = row.result.conversation_id, row.item.agent_id or one.job.agent_id
        user = row.item.external_user_id or one.profile.external_user_id
        title = row.item.name or row.item.message[:60] or row.item.custom_id

        async def show() -> None:
            account = one.job.account
            stored = await self.desk.store.find(account, name)
            if stored is None:
                known = {each.agent.id: each.agent.name for each in await self.desk.store.agents(account)}
                made = Conversation(name, title, agent, known.get(agent, ""), external_user_id=user)
                stored = await self.desk.store.save_conversation(account, replace(made, created_at=self.desk.clock.stamp()))
            self.post_message(OpenStored(stored))

        self.attempt(show, group="job")

    def action_export(self) -> None:
        """Into a file that was not there."""
        one = self.chosen()
        if one is None:
            return
        beside = f"{Path(one.job.name or key_of(one.job)).stem}-answers.csv"

        def named(name: str | None) -> None:
            if name and name.strip():
                self.attempt(lambda: self._write(one, Path(name.strip()).expanduser()), group="job")

        self.app.push_screen(AskLine("Write the rows to which file? (.csv or .jsonl)", beside), named)

    async def _write(self, one: Listed, path: Path) -> None:
        form = "jsonl" if path.suffix.lower() in (".jsonl", ".ndjson", ".json") else "csv"
        found = rows(one.job)
        write_new(path, written(found, form))
        self.say(f"{len(found)} rows written to {path}.")
