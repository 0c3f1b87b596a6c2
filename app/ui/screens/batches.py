"""The batch cockpit: jobs above, the rows of one below; what runs goes on without this screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from app.batches import Outcome, figures, outcomes
from app.errors import ParlourError
from app.protocols import Batches
from app.store import Job
from app.ui.desk import Desk
from app.ui.requests import GoBack
from app.ui.screens.job_keys import JobKeys
from app.ui.widgets.batch_rows import JOBS, ROWS, Listed, job_row, key_of, outcome_row, told
from app.ui.widgets.rows import Drawn, Rows

EVERY = 1.0
"""Seconds between two drawings while something runs."""


class BatchesScreen(JobKeys):
    """The newest first. Leaving it stops nothing."""

    AUTO_FOCUS = "#list"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "New batch", id="batches.new", tooltip="From a CSV or JSON lines file"),
        Binding("tab", "swap", "Jobs / rows", id="batches.swap", tooltip="Between the jobs and the rows of one", priority=True),
        Binding("f", "failures", "Failed only", id="batches.failed", tooltip="Only rows that failed or have no answer, or all"),
        Binding("ctrl+r", "retry", "Failed again", id="batches.retry", tooltip="A new job of the rows that failed; asks first"),
        Binding("o", "open", "Open", id="batches.open", tooltip="The row as a conversation"),
        Binding("v", "whole", "See it whole", id="batches.whole", tooltip="The prompt and the answer of a row"),
        Binding("x", "export", "Export", id="batches.export", tooltip="The rows into a CSV or JSON lines file"),
        Binding("c", "cancel", "Cancel", id="batches.cancel", tooltip="Begin no other row of the job; asks first"),
        Binding("g", "go_on", "Go on", id="batches.go_on", tooltip="Look for what is in doubt, hand over what has not left"),
        Binding("G", "create_unknown", "Hand over anyway", id="batches.anyway", tooltip="What may have arrived; asks first"),
        Binding("r", "again", "Look again", id="batches.again", tooltip="Ask every account again"),
        Binding("escape", "leave", "Back", id="batches.back", tooltip="To the jobs, then back; the jobs go on"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._jobs: list[Listed] = []
        self._shown: list[Outcome] = []
        self._failed_only = False
        self._stale = True
        self._unlisten: Callable[[], None] = lambda: None

    def content(self) -> Iterable[Widget]:
        """Jobs above, rows below."""
        yield Rows(JOBS, id="list", empty="Looking…")
        yield Static(id="batch-line", markup=False)
        yield Rows(ROWS, id="rows", empty="")

    def on_mount(self) -> None:
        """Load, listen, draw now and then."""
        self.title_bar.show(Content.assemble(("Parlour", "bold"), "  batches"))
        self.set_interval(EVERY, self._tick)
        self._refresh_keys()
        self.attempt(self._begin, group="load")

    def on_unmount(self) -> None:
        """Nothing to tell any more."""
        self._unlisten()

    async def _begin(self) -> None:
        self._unlisten()
        self._unlisten = self.desk.batches.listen(self._changed)
        await self.load()

    async def load(self, put: str = "") -> None:
        """Ask every account; the cursor goes to the job ``put``."""
        found: list[Listed] = []
        missed: list[str] = []
        for profile in await self.desk.profiles():
            try:
                vendor = await self.desk.vendor(profile)
                if not isinstance(vendor, Batches):
                    continue
                jobs = self.desk.batches.of(await self.desk.account(profile), vendor)
                found += [Listed(profile, job) for job in await jobs.listed()]
            except ParlourError as error:
                missed.append(f"{profile.name}: {error}")
        self._jobs = sorted(found, key=lambda one: -one.job.created)
        self._draw()
        if put:
            self._list.put_cursor(put)
            self._list.focus()
        if missed:
            self.say(missed[0], failed=True)

    def _changed(self, job: Job) -> None:
        for place, one in enumerate(self._jobs):
            if job.id and one.job.id == job.id:
                self._jobs[place] = Listed(one.profile, job)
        self._stale = True

    def _tick(self) -> None:
        if self._stale or any(self.desk.batches.watched(one.job) for one in self._jobs):
            self._draw()

    # --- what is shown ------------------------------------------------------------------------------------------------

    @property
    def _list(self) -> Rows:
        return self.query_one("#list", Rows)

    @property
    def _below(self) -> Rows:
        return self.query_one("#rows", Rows)

    def chosen(self) -> Listed | None:
        """The job under the cursor."""
        key = self._list.key
        return next((one for one in self._jobs if key_of(one.job) == key), None)

    def row(self) -> Outcome | None:
        """The row under the cursor of the lower list."""
        key = self._below.key
        return next((one for one in self._shown if one.item.custom_id == key), None)

    def _draw(self) -> None:
        if not self.is_attached:
            return
        self._stale = False
        now = self.desk.clock.wall()
        made = [job_row(one, now, self.desk.batches.pace(one.job)) for one in self._jobs]
        self._list.show(made, empty="No batches yet. n makes one from a CSV or JSON lines file.")
        self._list.styles.height = max(2, min(len(made), 8))
        count = f"{len(made)} job{'' if len(made) == 1 else 's'}" if made else ""
        running = sum(figures(one.job).state == "running" for one in self._jobs)
        self.title_bar.show(
            Content.assemble(("Parlour", "bold"), "  batches"),
            "",
            Content.styled(f"{running} running" if running else count, "$text-muted"),
        )
        self._draw_rows()

    def _draw_rows(self) -> None:
        one = self.chosen()
        every = outcomes(one.job) if one is not None else []
        self._shown = [row for row in every if row.state in ("failed", "missing")] if self._failed_only else every
        shown = self._shown
        self._below.show(
            Drawn([row.item.custom_id for row in shown], lambda index: outcome_row(shown[index])),
            empty="Nothing failed." if self._failed_only and every else "",
        )
        trouble = self.desk.batches.trouble.get(one.job.id, "") if one is not None else ""
        self.query_one("#batch-line", Static).update(told(one.job, trouble, self._failed_only) if one is not None else Content())
        self._refresh_keys()

    def _refresh_keys(self) -> None:
        one = self.chosen()
        if one is None:
            keys = [("n", "new"), ("r", "look again"), ("f1", "help")]
        elif self._below.has_focus:
            keys = [("v", "see it"), ("o", "open as conversation"), ("f", "failed only"), ("x", "export")]
        else:
            state = figures(one.job).state
            second = {"running": ("c", "cancel"), "waiting": ("g", "go on"), "unknown": ("g", "look for it")}
            keys = [
                ("enter", "rows"),
                second.get(state, ("ctrl+r", "failed again")),
                ("f", "failed only"),
                ("x", "export"),
                ("n", "new"),
            ]
        self.key_bar.keys([*keys, ("esc", "back")])

    def on_descendant_focus(self) -> None:
        """The keys follow the focus."""
        self._refresh_keys()

    @on(Rows.Highlighted, "#list")
    def another(self) -> None:
        """Its rows; those of a batch that was begun elsewhere are asked for."""
        self._draw_rows()
        one = self.chosen()
        if one is not None and not one.job.id and not one.job.parts[0].items:
            self.attempt(lambda: self._look_into(one), group="rows")

    async def _look_into(self, one: Listed) -> None:
        whole = await (await self.jobs_of(one)).elsewhere(key_of(one.job))
        self._jobs = [Listed(one.profile, whole) if other is one else other for other in self._jobs]
        self._draw()

    # --- keys ---------------------------------------------------------------------------------------------------------

    @on(Rows.Chosen, "#list")
    def into_rows(self) -> None:
        """From a job into its rows."""
        self._below.focus()

    @on(Rows.Chosen, "#rows")
    def action_whole(self) -> None:
        """The prompt and what became of it."""
        row = self.row()
        if row is not None:
            result = row.result
            answer = (result.text or result.error) if result is not None else row.state
            self.read_whole(row.item.custom_id, f"{row.item.message}\n\n— {row.state} —\n\n{answer}")

    def action_swap(self) -> None:
        """Between the two lists."""
        (self._list if self._below.has_focus else self._below).focus()

    def action_leave(self) -> None:
        """To the jobs, then away."""
        if self._below.has_focus:
            self._list.focus()
        else:
            self.post_message(GoBack())

    def action_again(self) -> None:
        """Ask again; a job that is looked at no more is brought up to date."""
        one = self.chosen()

        async def again() -> None:
            if one is not None and one.job.id and not self.desk.batches.watched(one.job):
                await (await self.jobs_of(one)).refresh(one.job)
            await self.load()

        self.attempt(again, group="load")

    def action_failures(self) -> None:
        """Only those, or all."""
        self._failed_only = not self._failed_only
        self._draw_rows()
