"""A page to look at: the transcript with a long, rich, streaming conversation. ``make transcript`` opens it.

Enter in the field below asks; anything typed is the question. ``f2`` fills in 10,000 stored turns, ``f3`` changes the theme.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from app.models import Attachment, PartKind, PromptState, Request, RequestKind, Stop, Verdict
from app.text import safe_line
from app.transcript import Part, Turn
from app.ui import themes
from app.ui.linefilter import SafeFilter
from app.ui.widgets.transcript import Head, TranscriptView

RICH = """## What changed since last week

The kiln is **free on Monday** from 10:00, *except* shelf 3; see the [schedule](https://kiln.example/monday) or `kiln --list`.
窯は月曜日に空いています。 Families 👩‍🚀 👍🏽 measure right, so do e\u0301 and ~~this~~. A late [definition] works too.

1. Load the lower shelves first
   - glaze `celadon` at the back
   - [x] cones checked
   - [ ] door sealed
2. Fire slowly

> Never open it above 200 °C.
>
> > Not even a little.

| day | last week | this week | remark |
|:----|:---------:|----------:|--------|
| Mon | booked | free | the lower half only, because the upper elements are being replaced that morning |
| Tue | free | booked | 素焼き |

```python
def fire(cone: int, hold: float = 0.5) -> Schedule:
    \"\"\"A slow one.\"\"\"
    return Schedule(cone, hold)  # minutes
```

---

Raw <b>HTML</b> stays text; \u202eso does this\u202c, and \x1b[31mthis.

[definition]: https://late.example/definition
"""


def stored(uid: str, number: int) -> Turn:
    """A turn as it would come from the store."""
    turn = Turn(
        uid, float(number), f"Question {number}: is shelf {number % 7} free?", stop=Stop.DONE, started=time.time() - 90_000
    )
    turn.agent = "Researcher"
    part = Part(f"{uid}-answer", PartKind.TEXT, done=True)
    part.text = f"Shelf **{number % 7}** is free.\n\n- glaze `{number}`\n- cone 6\n"
    turn.parts.append(part)
    return turn


def showcase() -> list[Turn]:
    """A turn for every state there is."""
    now = time.time()
    first = Turn("one", 1.0, "Is the kiln free on Monday? Compare it with last week.", started=now - 400, stop=Stop.DONE)
    first.attachments = (Attachment("plan.csv", size=12_300),)
    first.verdict = Verdict.UP
    thought = Part("thought", PartKind.THINKING, done=True, started=now - 399, ended=now - 396)
    thought.text = "They want a comparison.\nI should look at both weeks."
    tool = Part("tool", PartKind.TOOL, done=True, name="search_web", input={"q": "kiln maintenance 2026"}, output="2 hits")
    tool.started, tool.ended = now - 396, now - 395.2
    answer = Part("answer", PartKind.TEXT, done=True)
    answer.text = RICH
    first.parts = [thought, tool, answer]
    second = Turn("two", 2.0, "Book it.", started=now - 200, stop=Stop.NEEDS_APPROVAL)
    asks = Part("asks", PartKind.TOOL, name="Bash", input={"command": "book --kiln monday"}, asks=True)
    second.parts, second.waiting = [asks], (Request("asks", RequestKind.APPROVAL, "Bash", {"command": "book --kiln monday"}),)
    third = Turn("three", 3.0, "And this?", started=now - 100, state=PromptState.UNKNOWN)
    fourth = Turn("four", 4.0, "And that?", started=now - 90, stop=Stop.INTERRUPTED)
    fourth.parts = [Part("cut", PartKind.TEXT, done=True)]
    fourth.parts[0].text = "It was going to be"
    return [first, second, third, fourth]


class TranscriptPage(App[None]):
    """The widget, and a field to ask in."""

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "many", "10,000 turns"),
        Binding("f3", "theme", "Theme"),
        Binding("tab", "swap", "Swap", priority=True),
        Binding("pageup", "page(-1)"),
        Binding("pagedown", "page(1)"),
        Binding("ctrl+f", "find", "Find the field's text", priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._safe = SafeFilter()
        self._asked = 0

    def compose(self) -> ComposeResult:
        """Transcript above, field below."""
        yield TranscriptView(id="transcript")
        yield Input(placeholder="ask · tab messages · f2 10,000 turns · f3 theme · ctrl+f find this text")

    def on_mount(self) -> None:
        """Show everything once."""
        themes.register(self)
        self.theme = themes.DARK
        self.view.agent_name = "Researcher"
        self.view.set_turns(showcase())
        self.view.set_divider("three")

    @property
    def view(self) -> TranscriptView:
        """The widget."""
        return self.query_one(TranscriptView)

    def get_line_filters(self) -> Sequence[Any]:
        """With ours."""
        return [*super().get_line_filters(), self._safe]

    @on(Input.Submitted)
    def ask(self, event: Input.Submitted) -> None:
        """Stream an answer."""
        event.input.value = ""
        self._asked += 1
        turn = Turn(
            f"live{self._asked}", 10.0 + self._asked, event.value or "go on", state=PromptState.SENDING, started=time.time()
        )
        self.view.append_turn(turn)
        self.view.follow = True
        self.run_worker(self._answer(turn))

    async def _answer(self, turn: Turn) -> None:
        await asyncio.sleep(0.4)
        turn.state = PromptState.SENT
        tool = Part(f"{turn.uid}-tool", PartKind.TOOL, name="retrieve", input={"query": "kiln monday"}, started=time.time())
        turn.parts.append(tool)
        self.view.turn_changed(turn, tool)
        await asyncio.sleep(2.5)
        tool.done, tool.output, tool.ended = True, "3 hits", time.time()
        part = Part(f"{turn.uid}-answer", PartKind.TEXT)
        turn.parts.append(part)
        self.view.turn_changed(turn, part)
        text = RICH * 3
        for at in range(0, len(text), 4):
            part.append(text[at : at + 4])
            self.view.turn_changed(turn, part, text[at : at + 4])
            await asyncio.sleep(1 / 200)
        part.done, turn.stop = True, Stop.DONE
        self.view.turn_changed(turn, part)

    def action_many(self) -> None:
        """A long stored conversation, loaded where one looks."""
        heads = [Head(f"s{number}", 90, 4) for number in range(10_000)]
        self.view.set_items(heads, lambda uids: [stored(uid, int(uid[1:])) for uid in uids])

    def action_theme(self) -> None:
        """The next theme."""
        names = [themes.DARK, themes.LIGHT, themes.ANSI_DARK]
        self.theme = names[(names.index(self.theme) + 1) % 3]

    def action_swap(self) -> None:
        """Between field and transcript."""
        (self.query_one(Input) if self.view.has_focus else self.view).focus()

    def action_page(self, step: int) -> None:
        """A page, without leaving the field."""
        (self.view.action_page_up if step < 0 else self.view.action_page_down)()

    def action_find(self) -> None:
        """Find what is in the field."""
        count = self.view.find(self.query_one(Input).value)
        self.notify(f"{count} found", markup=False)

    @on(TranscriptView.CopyRequested)
    def copy(self, event: TranscriptView.CopyRequested) -> None:
        """Say what would be copied."""
        self.copy_to_clipboard(event.text)
        self.notify(f"copied: {event.kind}, {len(event.text):,} characters", markup=False)

    @on(TranscriptView.LinkRequested)
    def link(self, event: TranscriptView.LinkRequested) -> None:
        """Say where it leads; nothing is opened."""
        self.notify(f"{safe_line(event.shown)} leads to {safe_line(event.url)}", markup=False)


if __name__ == "__main__":
    TranscriptPage().run()
