"""The conversation: what was said, what is being said, and where one writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widget import Widget

from app.protocols import Interrupts, Regenerates
from app.transcript import Change, What
from app.turns import Talk
from app.ui import words
from app.ui.desk import Desk
from app.ui.requests import GoBack, OpenEvents, StartAgain
from app.ui.screens.questions import Questions
from app.ui.screens.writing import Writing
from app.ui.widgets.foot import AskBar, Foot
from app.ui.widgets.transcript import TranscriptView

TICK = 1.0


class ConversationScreen(Writing):
    """One open conversation. Leaving it touches no turn."""

    AUTO_FOCUS = "#composer"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "step_out", "Stop / back", id="talk.out", tooltip="To the composer, then stop the turn, then leave"),
        Binding("tab", "swap", "Messages", id="talk.swap", tooltip="Between composer and messages", priority=True),
        Binding("alt+up", "into_messages", "To the messages", id="talk.messages", tooltip="To the last message"),
        Binding("pageup,shift+up", "scroll(-1)", "Scroll up", id="talk.up", tooltip="Without leaving the composer"),
        Binding("pagedown,shift+down", "scroll(1)", "Scroll down", id="talk.down", tooltip="Without leaving the composer"),
        Binding("ctrl+end", "bottom", "To the end", id="talk.bottom", tooltip="To the newest line, and follow it"),
        Binding("ctrl+f", "find", "Find", id="talk.find", tooltip="Find in this conversation", priority=True),
        Binding("ctrl+c", "careful", "Copy / put away / stop", id="talk.careful", tooltip="Never destroys text", priority=True),
        Binding("ctrl+s", "shelf", "Shelf", id="talk.shelf", tooltip="Put the draft on the shelf, or bring one back"),
        Binding(
            "ctrl+n", "again", "New conversation", id="talk.new", tooltip="Another conversation with this agent", priority=True
        ),
        Binding("ctrl+r", "prompts", "Asked before", id="talk.prompts", tooltip="What you asked before, in any conversation"),
        Binding("ctrl+g", "edit", "Editor", id="talk.edit", tooltip="The draft in your own editor", priority=True),
        Binding("alt+q", "queue", "Queue", id="talk.queue", tooltip="What waits to be sent: take back, move, drop; also /queue"),
        Binding("ctrl+o", "details", "Details", id="talk.details", tooltip="Show or hide all thoughts and tools"),
        Binding("f5,e", "events", "Events", id="talk.events", tooltip="The events of this conversation"),
        Binding("f9", "send_now", "Send now", id="talk.send_now", tooltip="Do not wait for the stopped answer"),
        Binding("r", "regenerate", "Answer again", id="talk.regenerate", tooltip="Have the last message answered again"),
    ]

    def __init__(self, desk: Desk, talk: Talk, *, draft: str = "", at: tuple[str, str, str] = ("", "", "")) -> None:
        super().__init__(desk, talk)
        self._draft = draft
        self._show = at
        self._unlisten: Callable[[], None] = lambda: None
        self._ticking: Timer | None = None
        self._listed: set[str] = set()
        self._quitting = False

    def content(self) -> Iterable[Widget]:
        """The transcript and its foot."""
        yield TranscriptView(id="transcript")
        yield Foot(self.desk.clock.monotonic, id="foot")

    async def on_mount(self) -> None:
        """Show what there is, then listen."""
        self.questions = Questions(self.desk, self.talk, self.foot, self)
        self.begin_composing()
        self.view.agent_name = self.talk.conversation.agent_name or "Agent"
        self._show_all()
        self._unlisten = self.desk.turns.listen(self._changed)
        self._ticking = self.set_interval(TICK, self._tick, pause=True)
        await self.drafts.restore(self._draft)
        await self.attachments.restore()
        self._refresh_rim()
        if self._show[0]:
            self.call_after_refresh(self._go_to, *self._show)
        await self.begin_watching()

    async def on_unmount(self) -> None:
        """The draft is kept; the turn goes on without us."""
        self._unlisten()
        await self.drafts.save()
        await self.end_watching()

    def _go_to(self, turn: str, part: str, words: str) -> None:
        """The place that was found, with the words marked."""
        self.view.go_to(turn)
        if part or words:
            self.view.focus()
            self.view.find_words(words, turn, part)

    # --- what happens in the conversation ----------------------------------------------------------------------------------

    def _show_all(self) -> None:
        turns = self.talk.transcript.turns
        self._listed = {turn.uid for turn in turns}
        self.view.set_turns(turns)

    def _changed(self, talk: Talk, change: Change) -> None:
        """A listener of the turns: hand on what is cheap, look at the rest once."""
        if talk is not self.talk or not self.is_attached or self.query_one_optional(TranscriptView) is None:
            return
        if change.removed is not None:
            self._listed.discard(change.removed.uid)
            self.view.remove_turn(change.removed.uid)
        turn = change.turn
        if turn is not None and turn not in talk.queued:
            if turn.uid in self._listed:
                self.view.turn_changed(turn, change.part, change.text if change.what is What.DELTA else "")
            else:
                self._listed.add(turn.uid)
                self.view.append_turn(turn)
        if change.what is What.CONVERSATION and change.turn is None:
            self.look_again()
        if change.what is not What.DELTA:
            if len(self.talk.transcript.turns) != len(self._listed):
                self._show_all()
            self.call_later(self._refresh_rim)

    def _tick(self) -> None:
        self._refresh_title()

    def _refresh_title(self) -> None:
        left, middle = words.title_content(self.talk)
        self.title_bar.show(left, middle, words.chip_content(self.talk, self.desk.clock.monotonic()))

    def _refresh_rim(self) -> None:
        if not self.is_attached:
            return
        self._refresh_title()
        if self._ticking is not None:
            (self._ticking.resume if self.talk.busy else self._ticking.pause)()
        queued = self.talk.queued
        note = ""
        if self.talk.held and queued:
            note = "waits until the stopped answer is settled · f9 sends it now"
        elif queued:
            note = "↑ in an empty composer takes the last one back · /queue has all"
        trouble = self.desk.turns.trouble
        self.foot.show_trouble(self.desk.store.read_only or (words.not_saved(trouble) if trouble is not None else ""))
        self.foot.show_queue([turn.text for turn in queued], note)
        self.questions.refresh(self.size.width)
        if back := self.drafts.give_back():
            self.attempt(lambda: self.attachments.put_back(back.attachments), group="attach")
        self._refresh_keys()

    def _refresh_keys(self) -> None:
        running = self.talk.running is not None
        if self.foot.asking:
            keys = [("tab", "messages"), ("esc", "later"), ("f5", "events"), ("f1", "help")]
        elif self.view.has_focus:
            keys = [("j k", "move"), ("y", "copy"), ("+ -", "rate"), ("esc", "write"), ("f1", "help")]
            if not self.can_rate:
                keys.pop(2)
        else:
            stop = ("esc", "interrupt" if isinstance(self.talk.vendor, Interrupts) else "stop listening")
            keys = [
                ("enter", "send"),
                stop if running else ("esc", "back"),
                ("tab", "messages"),
                ("f5", "events"),
                ("f1", "help"),
            ]
        self.key_bar.keys(keys)

    def on_descendant_focus(self) -> None:
        """The keys follow the focus."""
        self._refresh_keys()

    # --- answering and rating -----------------------------------------------------------------------------------------------

    @on(AskBar.Answered)
    def decide(self, event: AskBar.Answered) -> None:
        """A key of the question."""
        self.questions.answered(event.key, event.subject)

    @on(AskBar.Left)
    def read_on(self) -> None:
        """The question stays; one looks at the messages."""
        self.view.focus()

    @on(Foot.Said)
    def take_line(self, event: Foot.Said) -> None:
        """The line that was asked for."""
        if event.purpose == "find":
            count = self.view.find(event.text)
            self.view.focus()
            self.say(f"{count} found; n and N go through them." if count else f"{event.text!r} is not in this conversation.")
        else:
            self.questions.said(event.purpose, event.text)

    # --- keys -----------------------------------------------------------------------------------------------------------------

    async def action_step_out(self) -> None:
        """One step: the line, the messages, the running turn, the screen."""
        if self.foot.take_back():
            return
        if self.view.has_focus:
            (self.foot.ask_bar if self.foot.asking else self.foot.prompt).focus()
        elif self.talk.running is not None:
            await self._interrupt()
        else:
            self.post_message(GoBack())

    async def _interrupt(self) -> None:
        async def stop() -> None:
            if not await self.desk.turns.interrupt(self.talk):
                self.say(f"Stopped here. {self.talk.vendor.label} may still finish this answer.")

        self.attempt(stop, group="interrupt")

    def action_swap(self) -> None:
        """Between writing and reading; in a command, the rest of its name."""
        if self.view.has_focus:
            (self.foot.ask_bar if self.foot.asking else self.foot.prompt).focus()
        elif not self.complete():
            self.view.focus()

    def action_into_messages(self) -> None:
        """To the last message."""
        self.view.focus()

    def action_scroll(self, step: int) -> None:
        """A page, without leaving the composer."""
        (self.view.action_page_up if step < 0 else self.view.action_page_down)()

    def action_bottom(self) -> None:
        """The newest line."""
        self.view.follow = True

    def action_details(self) -> None:
        """All thoughts and tools, open or folded."""
        self.view.action_fold_all()

    def action_find(self) -> None:
        """Ask what for."""
        self.foot.line("find", "find in this conversation — enter looks, esc goes back")

    async def action_careful(self) -> None:
        """Never destroys text."""
        selected = self.get_selected_text()
        if selected:
            self.copy("selection", selected)
        elif self.foot.prompt.text:
            self.attempt(self.drafts.put_away, group="shelf")
        elif self.talk.running is not None:
            await self._interrupt()
        elif self._quitting:
            self.app.exit()
        else:
            self._quitting = True
            self.set_timer(2.0, self._not_quitting)
            self.say("Press ctrl+c again to quit. The agents go on without you.")

    def _not_quitting(self) -> None:
        self._quitting = False

    def action_again(self) -> None:
        """Another conversation with this agent."""
        self.post_message(StartAgain(self.talk))

    def action_reread(self) -> None:
        """Read the history again."""
        self.desk.turns.refresh(self.talk)

    def action_events(self) -> None:
        """Its events, at the part one stands on."""
        part = self.view.focused_part if self.view.has_focus else None
        self.post_message(OpenEvents(self.talk, part.wire_id if part is not None else ""))

    def show_turn(self, uid: str) -> None:
        """Back from the inspector."""
        self.view.focus()
        self.view.go_to(uid)

    def action_send_now(self) -> None:
        """Do not wait for the stopped answer."""
        self.desk.turns.release(self.talk)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key is there exactly where it works."""
        if action == "regenerate":
            return isinstance(self.talk.vendor, Regenerates) and self.talk.running is None and bool(self.talk.transcript.turns)
        if action == "send_now":
            return self.talk.held
        return True
