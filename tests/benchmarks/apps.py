"""The measured programs: three floors and the transcript. They are told by a line in their input what to do.

``python -m tests.benchmarks.apps KIND LOGFILE``; lines: ``stream TOKENS RATE SHAPE``, ``open COUNT``, ``append``, ``find TEXT``.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from textual.app import App, ComposeResult
from textual.widgets import Input, Static


class Measured(App[None]):
    """An input at the bottom, something above it, and a log of times."""

    CSS = "#above { height: 1fr; } Input { height: 3; dock: bottom; }"
    BINDINGS = [("pageup", "page(-1)"), ("pagedown", "page(1)"), ("ctrl+home", "top"), ("ctrl+end", "bottom"), ("f6", "next")]  # noqa: RUF012

    def __init__(self, path: str) -> None:
        super().__init__()
        self._log_file = Path(path).open("a", buffering=1)  # noqa: SIM115

    def note(self, *what: Any) -> None:
        self._log_file.write(json.dumps(what) + "\n")

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        name, *rest = event.value.split() or [""]
        event.input.value = ""
        self.note("asked", name, time.monotonic(), time.process_time())
        await getattr(self, f"do_{name}", self.do_nothing)(*rest)

    async def do_nothing(self, *rest: str) -> None:
        pass

    async def do_stream(self, count: str, rate: str, shape: str = "mixed") -> None:
        from tests.benchmarks.stream import feed, tokens

        self.run_worker(feed(tokens(int(count), shape), float(rate), self.token, self.note))

    async def token(self, text: str) -> None:
        raise NotImplementedError

    def action_page(self, step: int) -> None:
        above = self.query_one("#above")
        above.scroll_page_up(animate=False) if step < 0 else above.scroll_page_down(animate=False)

    def action_top(self) -> None:
        self.query_one("#above").scroll_home(animate=False)

    def action_bottom(self) -> None:
        self.query_one("#above").scroll_end(animate=False)


class Hello(Measured):
    def compose(self) -> ComposeResult:
        yield Static("hello world", id="above")
        yield Input()


class StockLog(Measured):
    def compose(self) -> ComposeResult:
        from textual.widgets import Log

        yield Log(id="above")
        yield Input()

    async def token(self, text: str) -> None:
        self.query_one("#above").write(text)  # type: ignore[attr-defined]


class StockMarkdown(Measured):
    def compose(self) -> ComposeResult:
        from textual.containers import VerticalScroll
        from textual.widgets import Markdown

        with VerticalScroll(id="above"):
            yield Markdown()
        yield Input()

    async def do_stream(self, count: str, rate: str, shape: str = "mixed") -> None:
        from textual.widgets import Markdown

        self.query_one("#above").anchor()
        self._stream = Markdown.get_stream(self.query_one(Markdown))
        await super().do_stream(count, rate, shape)

    async def token(self, text: str) -> None:
        await self._stream.write(text)


class Ours(Measured):
    def compose(self) -> ComposeResult:
        from app.ui.widgets.transcript import TranscriptView

        self.view = TranscriptView(id="above")
        yield self.view
        field = Input()
        field.cursor_blink = False
        yield field

    def __init__(self, path: str) -> None:
        from app.ui import themes

        super().__init__(path)
        themes.begin_with(self, "dark")

    def get_driver_class(self) -> Any:
        from app.ui.terminal import TerminalDriver

        return TerminalDriver

    def get_line_filters(self) -> Any:
        from app.ui.linefilter import SafeFilter

        self._safe = getattr(self, "_safe", None) or SafeFilter()
        return [*super().get_line_filters(), self._safe]

    async def do_stream(self, count: str, rate: str, shape: str = "mixed") -> None:
        from app.models import PartKind
        from app.transcript import Part, Turn

        self.turn = Turn("live", 1.0, "go", started=time.time())
        self.part = Part("answer", PartKind.TEXT)
        self.turn.parts.append(self.part)
        self.view.append_turn(self.turn)
        self.run_worker(self._stream(int(count), float(rate), shape))

    async def _stream(self, count: int, rate: float, shape: str) -> None:
        from app.ui.markdown import Document
        from tests.benchmarks.stream import feed, tokens

        pieces = tokens(count, shape)
        await feed(pieces, rate, self.token, self.note)
        if rate == 5_000:
            self.view.flush()
            once = Document("".join(pieces))
            once.finish()
            shown = self.view.window.slots[-1].view.words("answer").document  # type: ignore[union-attr]
            self.note("whole", abs(len(once.text) - len(shown.text)) + (once.text != shown.text))

    async def token(self, text: str) -> None:
        self.part.append(text)
        self.view.turn_changed(self.turn, self.part, text)

    async def do_prepare(self, count: str) -> None:
        """What the store would hand over: it is read in a few milliseconds, and is no part of the figure."""
        from app.ui.widgets.transcript import Head

        self.stored = {f"t{number}": number for number in range(int(count))}
        self.heads = [Head(uid, 700, 14) for uid in self.stored]

    async def do_open(self) -> None:
        self.view.set_items(self.heads, self._load)

    def _load(self, uids: Any) -> list[Any]:
        return [stored_turn(uid, self.stored[uid], len(self.stored)) for uid in uids]

    async def do_append(self) -> None:
        from app.transcript import Turn

        began = time.perf_counter()
        self.view.append_turn(Turn(f"more{time.monotonic()}", 9.0, "ZAPPENDED now"))
        self.view.flush()
        self.note("append", time.perf_counter() - began)

    async def do_find(self, text: str) -> None:
        began = time.perf_counter()
        found = self.view.find(text)
        self.note("find", time.perf_counter() - began, found)

    def action_next(self) -> None:
        self.view.action_hit(-1)

    def action_page(self, step: int) -> None:
        self.view.action_page_up() if step < 0 else self.view.action_page_down()

    def action_top(self) -> None:
        self.view.action_home()

    def action_bottom(self) -> None:
        self.view.follow = True


def stored_turn(uid: str, number: int, count: int) -> Any:
    """One of many stored turns: a question, and an answer of some 70 tokens; the last ends with a mark."""
    from app.models import PartKind, Stop
    from app.transcript import Part, Turn

    turn = Turn(
        uid, float(number), f"question {number}: is shelf {number % 7} of the kiln free?", stop=Stop.DONE, started=1.7e9 + number
    )
    part = Part(f"{uid}-a", PartKind.TEXT, done=True)
    needle = " needle" if number % 97 == 0 else ""
    end = "\n\nZHISTEND" if number == count - 1 else ""
    part.text = (
        f"Shelf **{number % 7}** is free from *ten*{needle}, answer {number}.\n\n- glaze `{number}`\n- cone six, slow cooling\n\n"
        f"```python\nfire(cone=6, shelf={number % 7})\n```\n\nNothing else is planned for that day.{end}"
    )
    turn.parts.append(part)
    return turn


def main() -> None:
    """Run one of them."""
    kind, path = sys.argv[1:3]
    {"hello": Hello, "log": StockLog, "markdown": StockMarkdown, "ours": Ours}[kind](path).run()


if __name__ == "__main__":
    main()
