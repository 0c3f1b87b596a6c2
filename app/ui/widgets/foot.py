"""The foot of a conversation: what waits to be sent, and one of composer, question and rating comment."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static

from app.models import Verdict
from app.text import safe, safe_line
from app.ui.widgets.askbar import AskBar, Option
from app.ui.widgets.prompt import Prompt

__all__ = ["AskBar", "Foot", "Prompt"]

RATE_AFTER = 3.0
"""Seconds after the key that a rating without a comment leaves by itself."""
SHOWN_QUEUE = 3


class Foot(Vertical):
    """Shows exactly one of its three halves; the composer's text survives whatever is asked meanwhile."""

    class Rated(Message):
        """A rating is final."""

        def __init__(self, uid: str, verdict: Verdict, comment: str) -> None:
            super().__init__()
            self.uid = uid
            self.verdict = verdict
            self.comment = comment

    class Said(Message):
        """A line was asked for and typed: ``purpose`` tells what for."""

        def __init__(self, purpose: str, text: str) -> None:
            super().__init__()
            self.purpose = purpose
            self.text = text

    def __init__(self, now: Callable[[], float], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._now = now
        self._rating: tuple[str, Verdict] | None = None
        self._purpose = ""
        self._timer: Timer | None = None
        self._lines: dict[str, Content] = {}

    def compose(self) -> ComposeResult:
        """Queue, question, composer, comment line."""
        yield Static(id="trouble", markup=False)
        yield Static(id="queue", markup=False)
        yield AskBar(self._now, id="ask")
        yield Static(id="hints", markup=False)
        yield Static(id="chips", markup=False)
        with Horizontal(id="writing"):
            yield Static("❯", id="caret", markup=False)
            yield Prompt(id="composer", placeholder="Write a message")
        yield Input(id="comment")

    @property
    def prompt(self) -> Prompt:
        """The composer."""
        return self.query_one(Prompt)

    @property
    def ask_bar(self) -> AskBar:
        """The question."""
        return self.query_one(AskBar)

    @property
    def asking(self) -> bool:
        """Whether a question stands there."""
        return self.ask_bar.has_class("-shown")

    def show_queue(self, texts: Sequence[str], note: str = "") -> None:
        """What waits to be sent, and why."""
        lines = [Content.assemble(("queued  ", "$warning"), safe_line(text, 160)) for text in texts[:SHOWN_QUEUE]]
        if len(texts) > SHOWN_QUEUE:
            lines.append(Content(f"        and {len(texts) - SHOWN_QUEUE} more"))
        if note:
            lines.append(Content(safe_line(note)))
        self._put("#queue", Content("\n").join(lines))

    def show_trouble(self, sentence: str) -> None:
        """Why nothing can be written at present; "" if it can."""
        self._put("#trouble", Content.styled(safe_line(sentence, 300), "bold $warning") if sentence else Content(""))

    def show_chips(self, chips: Sequence[Content]) -> None:
        """The files that go with the next message."""
        self._put("#chips", Content("   ").join(chips))

    def show_hints(self, lines: Sequence[Content]) -> None:
        """What is being typed could become one of these."""
        self._put("#hints", Content("\n").join(lines))

    def _put(self, name: str, content: Content) -> None:
        line, before = self.query_one(name, Static), self._lines.get(name, Content())
        if not before.is_same(content):  # an update lays the whole screen out again
            self._lines[name] = content
            line.update(content)
            line.set_class(bool(content.plain), "-shown")

    def ask(self, subject: str, question: Content, options: Sequence[Option]) -> None:
        """Put a question in the composer's place."""
        fresh = not self.asking
        self.ask_bar.ask(subject, question, options)
        self.ask_bar.add_class("-shown")
        self.query_one("#writing").add_class("-hidden")
        if fresh and self._rating is None and not self._purpose:
            self.ask_bar.focus()

    def unask(self) -> None:
        """Give the composer its place back."""
        if not self.asking:
            return
        had_focus = self.ask_bar.has_focus
        self.ask_bar.clear()
        self.ask_bar.remove_class("-shown")
        self.query_one("#writing").remove_class("-hidden")
        if had_focus:
            self.prompt.focus()

    # --- one line: why, or what one thinks of an answer -------------------------------------------------------------------

    def rate(self, uid: str, verdict: Verdict) -> None:
        """Take a comment for a rating; without one it leaves after ``RATE_AFTER`` seconds."""
        self._rating = (uid, verdict)
        mark = "▲ helpful" if verdict is Verdict.UP else "▼ not helpful"
        self._line(f"{mark} — say why, or leave it empty: enter sends, esc takes it back")
        self._timer = self.set_timer(RATE_AFTER, self._leave)

    def line(self, purpose: str, placeholder: str) -> None:
        """Ask for one line; ``Said`` brings it."""
        self._purpose = purpose
        self._line(placeholder)

    def _line(self, placeholder: str) -> None:
        comment = self.query_one("#comment", Input)
        comment.value, comment.placeholder = "", placeholder
        comment.cursor_blink = False
        comment.add_class("-shown")
        comment.focus()

    def _leave(self) -> None:
        if self._rating is not None and not self.query_one("#comment", Input).value:
            self._finish("")

    def _finish(self, text: str) -> None:
        rating, purpose = self._rating, self._purpose
        self.take_back()
        if rating is not None:
            self.post_message(self.Rated(*rating, text))
        elif purpose:
            self.post_message(self.Said(purpose, text))

    def take_back(self) -> bool:
        """Close the line without doing anything; False if there was none."""
        comment = self.query_one("#comment", Input)
        if not comment.has_class("-shown"):
            return False
        if self._timer is not None:
            self._timer.stop()
        self._rating, self._purpose, self._timer = None, "", None
        had_focus = comment.has_focus
        comment.remove_class("-shown")
        if had_focus:
            (self.ask_bar if self.asking else self.prompt).focus()
        return True

    @on(Input.Submitted, "#comment")
    def close_the_line(self, event: Input.Submitted) -> None:
        """Enter ends it."""
        event.stop()
        self._finish(safe(event.value).strip())

    @on(Input.Changed, "#comment")
    def somebody_types(self, event: Input.Changed) -> None:
        """A rating that is being explained waits for its end."""
        event.stop()
        if event.value and self._timer is not None:
            self._timer.stop()
