"""The inbox: what waits for a person in any conversation, answered from the list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from app import errors, inbox
from app.models import Answer, RequestKind
from app.text import json_text
from app.transcript import Change, What
from app.turns import Talk
from app.ui import tool_results, words
from app.ui.desk import Desk
from app.ui.dialogs import AskLine, ConfirmDialog
from app.ui.requests import GoBack, OpenStored
from app.ui.screens.base import Place
from app.ui.widgets.askbar import GUARD
from app.ui.widgets.bars import ago
from app.ui.widgets.rows import Cell, Column, Row, Rows

KINDS = {RequestKind.APPROVAL: "approval", RequestKind.FORM: "form", RequestKind.TOOL: "result"}


class InboxScreen(Place):
    """The longest wait first. Keys count only half a second after a row stood under the cursor."""

    AUTO_FOCUS = "#list"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "decide(True)", "Allow", id="inbox.allow", tooltip="Allow what is under the cursor"),
        Binding("n", "decide(False)", "Deny", id="inbox.deny", tooltip="Deny it"),
        Binding("r", "reason", "Deny and say why", id="inbox.reason", tooltip="Deny it with a reason; or give a tool's result"),
        Binding("Y", "all(True)", "Allow all here", id="inbox.allow_all", tooltip="Allow all of this conversation; asks first"),
        Binding("N", "all(False)", "Deny all here", id="inbox.deny_all", tooltip="Deny all of this conversation; asks first"),
        Binding(
            "c", "command", "Run its command", id="inbox.command", tooltip="Run the command you set for this tool; asks first"
        ),
        Binding("f", "file", "From a file", id="inbox.file", tooltip="A tool's result from a file"),
        Binding("v", "whole", "See it whole", id="inbox.whole", tooltip="Everything that it wants to do"),
        Binding("ctrl+r", "again", "Look again", id="inbox.again", tooltip="Ask the servers what waits"),
        Binding("escape", "leave", "Back", id="inbox.back", tooltip="Back; everything stays open"),
    ]

    _known: ClassVar[dict[str, str]] = {}
    """Conversation → its server's time when it was last seen to wait for nobody; outlives the screen."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._waiting: list[inbox.Waiting] = []
        self._since = 0.0
        self._under = ""
        self._unlisten: Callable[[], None] = lambda: None

    def content(self) -> Iterable[Widget]:
        """The list."""
        yield Rows(
            [Column(width=10), Column(share=2), Column(share=5), Column(share=3, from_width=90), Column(width=9, right=True)],
            id="list",
            empty="Nothing waits for you. f2 shows the agents, f3 the conversations.",
        )

    def on_mount(self) -> None:
        """Look, then listen."""
        self._refresh_keys()
        self.attempt(self._begin, group="load")

    def on_unmount(self) -> None:
        """Nothing to tell any more."""
        self._unlisten()

    def on_screen_resume(self) -> None:
        """Coming back from a conversation."""
        self.attempt(self._load, group="load")

    async def _begin(self) -> None:
        self._unlisten()
        self._unlisten = self.desk.turns.listen(self._changed)
        await self._load()
        self.attempt(self._look_around, group="look")

    async def _look_around(self) -> None:
        """What waits at the servers in conversations that were never opened here."""
        missed = []
        for profile in await self.desk.profiles():
            try:
                vendor, account = await self.desk.vendor(profile), await self.desk.account(profile)
                await inbox.look_around(self.desk.store, self.desk.turns, vendor, account, self._known)
            except errors.ParlourError:
                missed.append(profile.name)
        if missed:
            self.say(f"Not reached: {', '.join(missed)}. What waits there may be missing; ctrl+r looks again.", failed=True)

    def action_again(self) -> None:
        """Ask the servers again."""
        self._known.clear()
        self.attempt(self._look_around, group="look")

    def _changed(self, talk: Talk, change: Change) -> None:
        if change.what in (What.TURN, What.CONVERSATION) and self.is_attached:
            self.call_later(self.attempt, self._load, group="load")

    async def _load(self) -> None:
        accounts = [await self.desk.account(profile) for profile in await self.desk.profiles()]
        self._waiting = await inbox.waiting(self.desk.store, accounts)
        now = self.desk.clock.wall()
        rows = [
            Row(one.key, (Cell(KINDS[one.request.kind], "needs"), Cell(one.stored.conversation.agent_name or "Agent", "strong"),
                          Cell(f"{one.request.name}  {words.input_words(one.request)}"),
                          Cell(one.stored.conversation.title or "untitled", "quiet"),
                          Cell(ago(now - one.since) if one.since else "", "quiet")))
            for one in self._waiting
        ]  # fmt: skip
        self.query_one(Rows).show(rows)
        count = f"{len(rows)} waiting" if rows else ""
        self.title_bar.show(Content.assemble(("Parlour", "bold"), "  waits for you"), "", Content.styled(count, "$warning"))
        self._refresh_keys()

    def _chosen(self) -> inbox.Waiting | None:
        key = self.query_one(Rows).key
        return next((one for one in self._waiting if one.key == key), None)

    def _refresh_keys(self) -> None:
        one = self._chosen()
        first = [("enter", "open")]
        if one is not None and one.request.kind is RequestKind.APPROVAL:
            first = [("y", "allow"), ("n", "deny"), ("r", "deny, say why"), ("v", "see it"), ("enter", "open")]
        elif one is not None and one.request.kind is RequestKind.TOOL:
            runs = tool_results.ToolResults(self.desk, self).has_command(one.request)
            first = [*([("c", "run its command")] if runs else []), ("r", "type its result"), ("f", "from a file")]
            first += [("v", "see it"), ("enter", "open")]
        self.key_bar.keys([*(first if one is not None else []), ("esc", "back"), ("f1", "help")])

    @on(Rows.Highlighted)
    def another(self, event: Rows.Highlighted) -> None:
        """The guard begins anew for every row."""
        if event.key != self._under:
            self._under, self._since = event.key, self.desk.clock.monotonic()
        self._refresh_keys()

    @on(Rows.Chosen)
    def open(self) -> None:
        """The conversation, at the turn that waits."""
        one = self._chosen()
        if one is not None:
            self.post_message(OpenStored(one.stored, one.turn))

    # --- answering ----------------------------------------------------------------------------------------------------

    def _in_earnest(self) -> inbox.Waiting | None:
        """What is under the cursor, unless the key was typed ahead."""
        return self._chosen() if self.desk.clock.monotonic() - self._since >= GUARD else None

    def _answer(self, one: inbox.Waiting, answers: list[Answer]) -> None:
        async def send() -> None:
            talk = await self.desk.talk(one.stored)
            self.desk.turns.answer(talk, answers)

        self.attempt(send, group=f"answer-{one.stored.pk}")

    def action_decide(self, allow: bool) -> None:
        """Allow or deny one."""
        one = self._in_earnest()
        if one is not None and one.request.kind is RequestKind.APPROVAL:
            self._answer(one, inbox.decided([one], allow=allow))

    def action_reason(self) -> None:
        """Deny with a reason; a tool waits for its result instead."""
        one = self._in_earnest()
        if one is None or one.request.kind is RequestKind.FORM:
            return
        request = one.request

        def said(text: str | None) -> None:
            if text is None:
                return
            if request.kind is RequestKind.APPROVAL:
                self._answer(one, inbox.decided([one], allow=False, reason=text))
            else:
                self._answer(one, [Answer(request.event_id, request.kind, data=text)])

        asked = f"Why not {request.name}?" if request.kind is RequestKind.APPROVAL else f"What did {request.name} give?"
        self.app.push_screen(AskLine(asked, verb="send it"), said)

    def action_command(self) -> None:
        """The command behind a tool."""
        one = self._in_earnest()
        if one is not None and one.request.kind is RequestKind.TOOL:
            tool_results.ToolResults(self.desk, self).by_command(lambda: self.desk.talk(one.stored), one.request)

    def action_file(self) -> None:
        """A tool's result that lies in a file."""
        one = self._in_earnest()
        if one is not None and one.request.kind is RequestKind.TOOL:
            tool_results.ToolResults(self.desk, self).from_file(lambda: self.desk.talk(one.stored), one.request)

    def action_all(self, allow: bool) -> None:
        """Everything that this conversation waits for."""
        one = self._in_earnest()
        if one is None:
            return
        together = [other for other in self._waiting if other.stored.pk == one.stored.pk]
        answers = inbox.decided(together, allow=allow)
        verb = "Allow" if allow else "Deny"
        who = one.stored.conversation.agent_name or "the agent"

        def sure(yes: bool | None) -> None:
            if yes:
                self._answer(one, answers)

        if answers:
            names = ", ".join(dict.fromkeys(other.request.name for other in together))
            question = f"{verb} all {len(answers)} that {who} asks for here? ({names})"
            self.app.push_screen(ConfirmDialog(question, f"{verb.lower()} all", "leave it"), sure)

    def action_whole(self) -> None:
        """Everything that it wants to do."""
        one = self._chosen()
        if one is not None:
            self.read_whole(one.request.name, json_text(one.request.input, indent=2))

    def action_leave(self) -> None:
        """Everything stays open."""
        self.post_message(GoBack())
