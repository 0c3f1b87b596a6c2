"""The review: answers without a rating, or with a bad one, over all conversations; rated without leaving the list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from app.errors import ParlourError, Unavailable
from app.models import Verdict
from app.protocols import Rates
from app.ratings import rate
from app.store import Stored
from app.text import safe, safe_line
from app.transcript import Turn
from app.ui.dialogs import AskLine
from app.ui.requests import GoBack, OpenStored
from app.ui.screens.base import Place
from app.ui.widgets.bars import ago
from app.ui.widgets.rows import Cell, Column, Row, Rows

MARKS = {Verdict.UP: ("▲", "agent"), Verdict.DOWN: ("▼", "failed")}


class ReviewScreen(Place):
    """The newest conversation first. A rated answer stays in its place until one looks again."""

    AUTO_FOCUS = "#list"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,equals_sign", "rate(True)", "Good", id="review.up", tooltip="Rate the answer up"),
        Binding("minus", "rate(False)", "Bad", id="review.down", tooltip="Rate the answer down; a comment may follow"),
        Binding("c", "comment", "Comment", id="review.comment", tooltip="Say why, with the rating it has"),
        Binding("f", "bad_only", "Bad only", id="review.bad", tooltip="Only answers that were rated down, or all"),
        Binding("v", "whole", "See it whole", id="review.whole", tooltip="The question and the answer"),
        Binding("r", "again", "Look again", id="review.again", tooltip="What was rated well leaves the list"),
        Binding("escape", "leave", "Back", id="review.back", tooltip="Back to where you were"),
    ]

    def content(self) -> Iterable[Widget]:
        """Answers above, the one under the cursor below."""
        columns = [
            Column(width=3),
            Column(share=2),
            Column(share=4),
            Column(share=5, from_width=70),
            Column(width=10, right=True),
        ]
        yield Rows(columns, id="list", empty="Looking…")
        with VerticalScroll(id="answer", can_focus=False):
            yield Static(id="answer-text", markup=False)

    def on_mount(self) -> None:
        """Look."""
        self._all: list[tuple[Stored, Turn]] = []
        self._bad_only: bool = False
        self.key_bar.keys([("+ -", "rate"), ("c", "comment"), ("enter", "open"), ("f", "bad only"), ("esc", "back")])
        self.attempt(self._load, group="load")

    async def _load(self) -> None:
        accounts = []
        for profile in await self.desk.profiles():
            try:
                if isinstance(await self.desk.vendor(profile), Rates):
                    accounts.append(await self.desk.account(profile))
            except ParlourError as error:
                self.say(f"{profile.name}: {error}", failed=True)
        self._all = await self.desk.store.reviewable(accounts)
        self._draw()

    def _draw(self) -> None:
        shown = [pair for pair in self._all if not self._bad_only or pair[1].verdict is Verdict.DOWN]
        now = self.desk.clock.wall()
        empty = (
            "No answer was rated down."
            if self._bad_only
            else "Every answer that is known here is rated. f3 shows the conversations."
        )
        self.query_one(Rows).show([_row(stored, turn, now) for stored, turn in shown], empty=empty)
        bad = sum(turn.verdict is Verdict.DOWN for _, turn in self._all)
        count = f"{len(self._all) - bad} to rate · {bad} rated down" if self._all else ""
        self.title_bar.show(
            Content.assemble(("Parlour", "bold"), "  review", ("  bad only" if self._bad_only else "", "$warning")),
            "",
            Content.styled(count, "$text-muted"),
        )
        self._below()

    def _chosen(self) -> tuple[Stored, Turn] | None:
        key = self.query_one(Rows).key
        return next((pair for pair in self._all if _key(*pair) == key), None)

    @on(Rows.Highlighted)
    def _below(self) -> None:
        """The question, the answer and what was said of it."""
        pair = self._chosen()
        lines: list[Content] = []
        if pair is not None:
            _, turn = pair
            lines = [Content.styled(safe(turn.text), "bold"), Content(), Content(safe(turn.answer))]
            if turn.comment:
                lines += [Content(), Content.styled(f"“{safe_line(turn.comment, 500)}”", "$text-muted")]
        self.query_one("#answer-text", Static).update(Content("\n").join(lines))
        self.query_one("#answer", VerticalScroll).scroll_home(animate=False)

    # --- keys ---------------------------------------------------------------------------------------------------------

    def _rate(self, verdict: Verdict, comment: str, then: Callable[[], None] = lambda: None) -> None:
        pair = self._chosen()
        if pair is None:
            return
        stored, turn = pair

        async def send() -> None:
            talk = await self.desk.talk(stored)
            there = talk.transcript.turn(turn.uid) or turn
            turn.verdict, turn.comment = verdict, comment
            self._draw()
            try:
                await rate(self.desk.turns, self.desk.store, talk, there, verdict, comment)
            except Unavailable:
                self.say("The rating is kept; it is sent when the vendor can be reached.")

        self.attempt(send, group=f"rate {stored.pk} {turn.uid}")
        then()

    def action_rate(self, good: bool) -> None:
        """Rate it and go on to the next; a bad one asks why."""
        rows = self.query_one(Rows)
        if good:
            self._rate(Verdict.UP, "", lambda: rows.action_move(1))
        else:
            self._ask(Verdict.DOWN, lambda: rows.action_move(1))

    def action_comment(self) -> None:
        """Say why."""
        pair = self._chosen()
        if pair is not None:
            self._ask(pair[1].verdict or Verdict.UP, lambda: None)

    def _ask(self, verdict: Verdict, then: Callable[[], None]) -> None:
        pair = self._chosen()
        if pair is None:
            return

        def said(comment: str | None) -> None:
            if comment is not None:
                self._rate(verdict, comment.strip(), then)

        what = "What is good about it?" if verdict is Verdict.UP else "What is wrong with it? Empty is fine"
        self.app.push_screen(AskLine(what, pair[1].comment), said)

    def action_bad_only(self) -> None:
        """Only those, or all."""
        self._bad_only = not self._bad_only
        self._draw()

    def action_whole(self) -> None:
        """All of it."""
        pair = self._chosen()
        if pair is not None:
            self.read_whole(pair[0].conversation.title or "Untitled", f"{pair[1].text}\n\n—\n\n{pair[1].answer}")

    def action_again(self) -> None:
        """Look again."""
        self.attempt(self._load, group="load")

    @on(Rows.Chosen)
    def open(self) -> None:
        """The conversation, at that answer."""
        pair = self._chosen()
        if pair is not None:
            self.post_message(OpenStored(pair[0], pair[1].uid))

    def action_leave(self) -> None:
        """Back."""
        self.post_message(GoBack())


def _key(stored: Stored, turn: Turn) -> str:
    return f"{stored.pk}\n{turn.uid}"


def _row(stored: Stored, turn: Turn, now: float) -> Row:
    mark, role = MARKS[turn.verdict] if turn.verdict is not None else ("·", "quiet")
    moment = turn.ended or turn.started or stored.touched
    cells = (
        Cell(mark, role),
        Cell(stored.conversation.agent_name or "Agent", "strong"),
        Cell(turn.text[:200]),
        Cell(turn.answer[:200], "quiet"),
        Cell(ago(now - moment) if moment else "", "quiet"),
    )
    return Row(_key(stored, turn), cells)
