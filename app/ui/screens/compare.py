"""One prompt, two agents, two answers side by side; a person says which is better."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from app.models import Agent, Profile
from app.store import Asked
from app.text import safe_line
from app.transcript import Change, Turn, What
from app.turns import Talk
from app.ui import words
from app.ui.desk import Desk
from app.ui.requests import GoBack, OpenTalk
from app.ui.screens import verdicts
from app.ui.screens.base import Place
from app.ui.widgets.linked import LinkedView
from app.ui.widgets.prompt import Prompt

WIDE = 100
"""Cells from which both answers stand side by side; below, one is shown and tab changes to the other."""
DRAFT = "compare:draft"
SIDES = ("left", "right")
Side = tuple[Profile, Agent]


class CompareScreen(Place):
    """Both agents answer at once, each in a conversation of its own that stays. Leaving touches no turn."""

    AUTO_FOCUS = "#composer"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "swap", "Other side", id="compare.swap", tooltip="Composer, left answer, right answer", priority=True),
        Binding("escape", "step_out", "Stop / back", id="compare.out", tooltip="To the composer, stop both, then back"),
        Binding("1", "pick('left')", "Left is better", id="compare.left", tooltip="Kept here; a rating is asked about"),
        Binding("2", "pick('right')", "Right is better", id="compare.right", tooltip="Kept here; a rating is asked about"),
        Binding("0", "pick('equal')", "Equal", id="compare.equal", tooltip="Neither is better"),
        Binding("c", "open", "Go on", id="compare.open", tooltip="This side's conversation: answer what it asks"),
        Binding("pageup", "scroll(-1)", "Scroll up", id="compare.up", tooltip="Both, without leaving the composer"),
        Binding("pagedown", "scroll(1)", "Scroll down", id="compare.down", tooltip="Both, without leaving the composer"),
    ]

    def __init__(self, desk: Desk, sides: tuple[Side, Side]) -> None:
        super().__init__(desk)
        self._sides = sides
        self._talks: list[Talk] = []
        self._asked: tuple[int, str, str] | None = None
        """The comparison that goes on: its number, and the turn of either side."""
        self._winner = ""
        self._draft = ""
        self._front = 0
        self._unlisten: Callable[[], None] = lambda: None

    def content(self) -> Iterable[Widget]:
        """Two answers and one composer."""
        with Horizontal(id="compare-body"):
            for side in SIDES:
                with Vertical(id=f"side-{side}", classes="side"):
                    yield Static(id=f"name-{side}", classes="side-name", markup=False)
                    yield LinkedView(id=side)
        with Horizontal(id="writing"):
            yield Static("❯", id="caret", markup=False)
            yield Prompt(id="composer", placeholder="Write one message for both")

    async def on_mount(self) -> None:
        """Say who is asked; the conversations are made with the first prompt."""
        self.on_resize()
        self._refresh()
        self.set_interval(1.0, self._refresh)
        self.attempt(self._begin, group="begin")

    async def _begin(self) -> None:
        self._unlisten = self.desk.turns.listen(self._changed)
        draft = await self.desk.store.note(DRAFT)
        if draft and not self._prompt.text:
            self._prompt.put(draft)
        await self._tally()

    async def on_unmount(self) -> None:
        """The draft is kept; the turns go on without us."""
        self._unlisten()
        await self.desk.store.save_note(DRAFT, self._draft)

    @on(Prompt.Changed)
    def keep_draft(self) -> None:
        """What is written stays when one leaves."""
        self._draft = self._prompt.text

    def on_resize(self) -> None:
        """Both where there is room."""
        narrow = self.size.width < WIDE
        for number, side in enumerate(SIDES):
            self.query_one(f"#side-{side}").set_class(narrow and number != self._front, "-behind")

    @property
    def _prompt(self) -> Prompt:
        return self.query_one(Prompt)

    def _views(self) -> list[LinkedView]:
        return [self.query_one(f"#{side}", LinkedView) for side in SIDES]

    # --- asking -------------------------------------------------------------------------------------------------------

    @on(Prompt.Submitted)
    def send(self, event: Prompt.Submitted) -> None:
        """The same to both, each kept on disk before it leaves."""
        text = event.text
        if any(talk.running is not None for talk in self._talks):
            self.say("Both have to be done before they are asked again. esc stops them.", failed=True)
        elif text.strip():
            self.attempt(lambda: self._ask(text), group="ask")

    async def _ask(self, text: str) -> None:
        if not self._talks:
            self._talks = [await self.desk.new_talk(profile, agent) for profile, agent in self._sides]
            for view, talk in zip(self._views(), self._talks, strict=True):
                view.agent_name = talk.conversation.agent_name or "Agent"
        turns = [await self.desk.turns.submit(talk, text) for talk in self._talks]
        names = self._names()
        left, right = (Asked(talk.pk, turn.uid, name) for talk, turn, name in zip(self._talks, turns, names, strict=True))
        self._asked = await self.desk.store.add_comparison(text, left, right), turns[0].uid, turns[1].uid
        self._winner = ""
        self._prompt.clear()
        for view, talk in zip(self._views(), self._talks, strict=True):
            view.show(talk.transcript)
            view.follow = True
        self._refresh()

    def _changed(self, talk: Talk, change: Change) -> None:
        if not self.is_attached or not any(talk is one for one in self._talks):
            return
        number = next(number for number, one in enumerate(self._talks) if one is talk)
        self._views()[number].changed(talk.transcript, change)
        if change.what is not What.DELTA:
            self.call_later(self._refresh)

    @on(LinkedView.Scrolled)
    def go_along(self, event: LinkedView.Scrolled) -> None:
        """Both move together."""
        for view in self._views():
            if view is not event.view:
                view.go_along(event.rows)

    # --- what is shown ------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        if not self.is_attached:
            return
        now = self.desk.clock.monotonic()
        for number, side in enumerate(SIDES):
            profile, agent = self._sides[number]
            name = Content.assemble(
                (safe_line(agent.name, 60), "bold $secondary"), (f"  {safe_line(profile.name, 40)}", "$text-muted")
            )
            if self._talks:
                name = Content.assemble(name, "  ", words.chip_content(self._talks[number], now))
            if self._winner in (side, "equal"):
                name = Content.assemble(name, ("  ★ better" if self._winner == side else "  = equal", "bold $primary"))
            self.query_one(f"#name-{side}", Static).update(name)
        self._refresh_keys()

    async def _tally(self) -> None:
        """How often which of the two was found better."""
        names = self._names()
        found = [one for one in await self.desk.store.comparisons(names[0], names[1]) if one.winner]
        wins = [sum(1 for one in found if one.winner in SIDES and getattr(one, one.winner).agent == name) for name in names]
        equal = sum(1 for one in found if one.winner == "equal")
        left, right = (agent.name for _, agent in self._sides)
        told = f"{left} {wins[0]} : {wins[1]} {right}" + (f" · {equal} equal" if equal else "") if found else ""
        tally = Content.styled(safe_line(told, 90), "$text-muted")
        self.title_bar.show(Content.assemble(("Parlour", "bold"), "  compare"), "", tally)

    def _names(self) -> list[str]:
        """Agents of two accounts may have one name."""
        return [f"{agent.name} · {profile.name}" for profile, agent in self._sides]

    def _refresh_keys(self) -> None:
        reading = not self._prompt.has_focus
        if reading and self._decidable:
            keys = [
                ("1", "left is better"),
                ("2", "right"),
                ("0", "equal"),
                ("c", "go on with it"),
                ("esc", "write"),
                ("f1", "help"),
            ]
        elif reading:
            keys = [("tab", "other side"), ("c", "go on with it"), ("esc", "write"), ("f1", "help")]
        else:
            keys = [("enter", "ask both"), ("tab", "answers"), ("esc", "stop" if self._answering else "back"), ("f1", "help")]
        self.key_bar.keys(keys)

    def on_descendant_focus(self) -> None:
        """The keys follow the focus."""
        self._refresh_keys()

    @property
    def _answering(self) -> bool:
        return any(talk.running is not None for talk in self._talks)

    @property
    def _decidable(self) -> bool:
        return self._asked is not None and all(map(_over, self._turns()))

    def _turns(self) -> Sequence[Turn | None]:
        uids = self._asked[1:] if self._asked is not None else ("", "")
        return [talk.transcript.turn(uid) for talk, uid in zip(self._talks, uids, strict=False)]

    # --- deciding -----------------------------------------------------------------------------------------------------

    def action_pick(self, winner: str) -> None:
        """Keep which is better; then ask whether the answers shall be rated too."""
        if self._asked is not None:
            self.attempt(lambda: self._pick(winner), group="pick")

    async def _pick(self, winner: str) -> None:
        if self._asked is None:
            return
        await self.desk.store.choose_winner(self._asked[0], winner)
        self._winner = winner
        self._refresh()
        await self._tally()
        if winner in SIDES:
            answers = [(talk, turn) for talk, turn in zip(self._talks, self._turns(), strict=True) if turn is not None]
            verdicts.offer(self, answers, SIDES.index(winner))
        else:
            self.say("Kept: neither is better.")

    # --- keys ---------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Single keys act on the answers only."""
        if action == "pick":
            return self._decidable and not self._prompt.has_focus
        if action == "open":
            return bool(self._talks) and not self._prompt.has_focus
        return True

    def action_swap(self) -> None:
        """Composer, left, right."""
        views = self._views()
        here = next((number for number, view in enumerate(views) if view.has_focus), None)
        if here == 1:
            self._prompt.focus()
            return
        self._front = 0 if here is None else 1
        self.on_resize()
        views[self._front].focus()

    async def action_step_out(self) -> None:
        """The composer, the running answers, the screen."""
        if not self._prompt.has_focus:
            self._prompt.focus()
        elif self._answering:
            for talk in self._talks:
                if talk.running is not None:
                    await self.desk.turns.interrupt(talk)
        else:
            self.post_message(GoBack())

    def action_open(self) -> None:
        """Go on with this side alone."""
        if self._talks:
            self.post_message(OpenTalk(self._talks[1 if self._views()[1].has_focus else 0]))

    def action_scroll(self, step: int) -> None:
        """A page of both."""
        view = self._views()[self._front]
        (view.action_page_up if step < 0 else view.action_page_down)()


def _over(turn: Turn | None) -> bool:
    """Whether its answer is all there; one that waits for a person is not."""
    return turn is not None and turn.stop is not None and not turn.stop.waits
