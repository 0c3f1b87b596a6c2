"""What every screen has: a title line, the content, a line of keys, and a way to say a sentence."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import Screen
from textual.widget import Widget

from app.errors import ParlourError
from app.text import safe_line
from app.ui import background
from app.ui.keymap import keys_of
from app.ui.shell import Shell
from app.ui.widgets.bars import Bar, KeyBar

if TYPE_CHECKING:
    from app.ui.desk import Desk

COPIES = 100_000
"""Bytes that are handed to the terminal's clipboard at most; many take no more and say nothing."""


ENOUGH = "-enough"
"""The class of a screen with lines enough; nearly all have it, and one that begins with it is not styled twice."""


class Place(Screen[None]):
    """A screen of the application. It is handed the desk and reads nothing of ours off the application."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(classes=ENOUGH)
        self.desk = desk

    def set_focus(self, widget: Widget | None, scroll_visible: bool = True, from_app_focus: bool = False) -> None:
        """Besides: whatever was typed until now is meant for it."""
        super().set_focus(widget, scroll_visible, from_app_focus)
        if widget is not None and isinstance(self.app, Shell):
            self.app.take_keys()

    def compose(self) -> ComposeResult:
        """Title, content, keys."""
        yield Bar(id="title")
        with Vertical(id="content"):
            yield from self.content()
        yield KeyBar(id="keys")

    def content(self) -> Iterable[Widget]:
        """The widgets between the two lines."""
        return ()

    @property
    def title_bar(self) -> Bar:
        """The line above."""
        return self.query_one("#title", Bar)

    @property
    def key_bar(self) -> KeyBar:
        """The line below."""
        return self.query_one("#keys", KeyBar)

    def key(self, name: str) -> str:
        """The first key of a binding of this screen, as it is set now; its id if it has none."""
        bound = (binding for bindings in self._bindings.key_to_bindings.values() for binding in bindings)
        return next((keys_of(self, binding, self.app)[0] for binding in bound if binding.id == name), name)

    def say(self, sentence: object, *, failed: bool = False) -> None:
        """A sentence at the rim of the screen that goes away by itself."""
        self.app.notify(safe_line(sentence, 400), severity="warning" if failed else "information", markup=False, timeout=6)

    def copy(self, what: str, text: str) -> None:
        """To the clipboard by the terminal's own sequence; what is said of it claims no more than can be known."""
        size = len(text.encode("utf-8", "replace"))
        if size > COPIES:
            self.say(f"Not copied: {what} is {size / 1000:,.0f} kB, and terminals take {COPIES // 1000}. x exports it to a file.")
            return
        self.app.copy_to_clipboard(text)
        self.say(
            f"Copied by the terminal's clipboard sequence: {what}, {len(text):,} characters. "
            "Whether it arrived cannot be seen from here."
        )

    def read_whole(self, title: str, text: str) -> None:
        """A long text, to be read in a dialog."""
        from app.ui.reader import TextDialog

        self.app.push_screen(TextDialog(title, text))

    def attempt(self, work: Callable[[], Coroutine[Any, Any, None]], *, group: str = "attempt") -> None:
        """Run work in the background of this screen; a failure of ours becomes a sentence. The last one of a group wins."""

        async def guarded() -> None:
            try:
                await self.desk.open()
                await work()
            except ParlourError as error:
                self.failed(error)

        background.start(self, guarded, group=group, exclusive=True)

    def failed(self, error: ParlourError) -> None:
        """What to do with a failure of ``attempt``; a sentence by default."""
        self.say(error, failed=True)
