"""Reading everything into the search: which account, as whom and how much, before anything is read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from app.profiles import Profile
from app.sync import Known, known
from app.text import safe, safe_line
from app.ui.desk import Desk
from app.ui.requests import GoBack
from app.ui.screens.base import Place
from app.ui.syncing import Course, Stage, Syncing
from app.ui.widgets.rows import Cell, Column, Row, Rows

BAR = 20
ROLES = {Stage.READING: "agent", Stage.ASKING: "needs", Stage.PAUSED: "needs", Stage.FAILED: "failed"}


class SyncScreen(Place):
    """One row an account. Leaving the screen stops nothing."""

    AUTO_FOCUS = "#list"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pause", "Pause", id="sync.pause", tooltip="Stop reading for now; enter goes on"),
        Binding("ctrl+r", "again", "Look again", id="sync.again", tooltip="Look through the account's list again"),
        Binding("escape", "leave", "Back", id="sync.back", tooltip="Back; reading goes on"),
    ]

    def __init__(self, desk: Desk, syncing: Syncing) -> None:
        super().__init__(desk)
        self._syncing = syncing
        self._profiles: list[Profile] = []
        self._known: dict[str, Known] = {}
        self._drawn = 0.0

    def content(self) -> Iterable[Widget]:
        """What it does, the accounts, and what is known of the one under the cursor."""
        line = (
            "Reads the histories of all conversations into the search on this machine. Nothing is sent, nothing is changed there."
        )
        yield Static(line, id="sync-line", markup=False)
        yield Rows([Column(share=2), Column(share=2, from_width=60), Column(share=4), Column(width=22, from_width=90)], id="list")
        yield Static(id="sync-detail", markup=False)

    def on_mount(self) -> None:
        """Look through every account's list; that reads no conversation."""
        self._syncing.changed = self._changed
        self.title_bar.show(Content.assemble(("Parlour", "bold"), "  sync"))
        self.attempt(self._begin, group="load")

    def on_unmount(self) -> None:
        """Nothing to tell any more; it goes on."""
        if self._syncing.changed == self._changed:
            self._syncing.changed = lambda: None

    async def _begin(self) -> None:
        self._profiles = list(await self.desk.profiles())
        await self._remembered()
        for profile in self._profiles:
            self._syncing.look(profile)
        self._draw()

    async def _remembered(self) -> None:
        for profile in self._profiles:
            account = await self.desk.account(profile)
            self._known[profile.name] = await known(self.desk.store, account, profile.external_user_id)

    def _changed(self) -> None:
        if self.is_attached:
            self.call_later(self._draw)
            if any(course.stage is Stage.DONE for course in self._syncing.courses.values()):
                self.attempt(self._remembered, group="known")

    def _draw(self) -> None:
        if not self.is_attached:
            return
        rows = []
        for profile in self._profiles:
            course = self._syncing.courses.get(profile.name)
            stage = course.stage if course is not None else Stage.LOOKING
            whom = f"as {profile.external_user_id}" if profile.external_user_id else "everybody's"
            cells = (Cell(profile.name, "strong"), Cell(whom, "quiet"), Cell(_words(course), ROLES.get(stage, "")),
                     Cell(_bar(course), "agent"))  # fmt: skip
            rows.append(Row(profile.name, cells))
        self.query_one(Rows).show(rows, empty="No account yet. ctrl+k adds one by its key.")
        self.tell()

    @on(Rows.Highlighted)
    def tell(self) -> None:
        """What is known of the account under the cursor."""
        profile = self._here()
        lines: list[Content] = []
        if profile is not None:
            course = self._syncing.courses.get(profile.name)
            lines = _detail(profile, course, self._known.get(profile.name, Known()))
        self.query_one("#sync-detail", Static).update(Content("\n").join(lines))
        self._refresh_keys()

    def _here(self) -> Profile | None:
        key = self.query_one(Rows).key
        return next((profile for profile in self._profiles if profile.name == key), None)

    def _refresh_keys(self) -> None:
        profile = self._here()
        course = self._syncing.courses.get(profile.name) if profile is not None else None
        stage = course.stage if course is not None else None
        first = {Stage.ASKING: ("enter", "read them"), Stage.PAUSED: ("enter", "go on"), Stage.FAILED: ("enter", "try again"),
                 Stage.READING: ("p", "pause")}.get(stage) if stage is not None else None  # fmt: skip
        self.key_bar.keys([*([first] if first else []), ("ctrl+r", "look again"), ("esc", "back"), ("f1", "help")])

    @on(Rows.Chosen)
    def go(self) -> None:
        """Read what is missing, or go on with it."""
        profile = self._here()
        course = self._syncing.courses.get(profile.name) if profile is not None else None
        if profile is None or course is None:
            return
        if course.survey is None:
            self._syncing.look(profile)
        elif course.survey.missing:
            self._syncing.go(profile)

    def action_pause(self) -> None:
        """Stop for now."""
        profile = self._here()
        if profile is not None:
            self._syncing.pause(profile)

    def action_again(self) -> None:
        """Look through the list again."""
        profile = self._here()
        if profile is not None:
            self._syncing.look(profile)

    def action_leave(self) -> None:
        """Back."""
        self.post_message(GoBack())


def _words(course: Course | None) -> str:
    """What its sync is doing, in one line."""
    if course is None:
        return ""
    survey, filled = course.survey, course.filled
    if course.stage is Stage.LOOKING:
        return f"{course.stage}… {course.found:,}" if course.found else f"{course.stage}…"
    if course.stage is Stage.READING and filled is not None:
        return f"{filled.done:,} of {filled.total:,}  {safe_line(filled.current, 60)}"
    if course.stage is Stage.PAUSED and survey is not None:
        left = len(survey.missing) - (filled.done if filled is not None else 0)
        return f"paused, {left:,} to go"
    if course.stage is Stage.ASKING and survey is not None:
        return f"{len(survey.missing):,} of {survey.conversations:,} not here yet"
    if course.stage is Stage.FAILED:
        return f"stopped: {safe_line(course.trouble, 80)}"
    if course.stage is Stage.DONE and survey is not None:
        return f"all {survey.conversations:,} here"
    return str(course.stage)


def _bar(course: Course | None) -> str:
    filled = course.filled if course is not None else None
    if course is None or filled is None or not filled.total or course.stage is Stage.DONE:
        return ""
    full = BAR * filled.done // filled.total
    return "█" * full + "░" * (BAR - full)


def _detail(profile: Profile, course: Course | None, remembered: Known) -> list[Content]:
    """Account, external user, how many, and until when everything was here."""
    facts = [("account", profile.base), ("as", profile.external_user_id or "(all external users of this key)")]
    if course is not None and course.survey is not None:
        facts.append(("there", f"{course.survey.conversations:,} conversations, {len(course.survey.missing):,} of them not here"))
    if course is not None and course.filled is not None:
        facts.append(("read", f"{course.filled.done - len(course.filled.failed):,} conversations, {course.filled.turns:,} turns"))
    facts.append(("complete", remembered.until or "never yet"))
    lines = [Content.assemble((f"{name:<10}", "$text-muted"), safe_line(value, 200)) for name, value in facts]
    if course is not None and course.trouble:
        lines.append(Content.styled(safe(course.trouble), "$error"))
    return lines
