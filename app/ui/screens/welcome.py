"""The welcome: one field for a key, or the demo. A key goes to the vendor and region that stand there, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Center, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from app.errors import ParlourError
from app.keys import KeyringTrouble
from app.text import safe_line
from app.ui.desk import Choice
from app.ui.dialogs import ChooseDialog
from app.ui.requests import GoBack, OpenAgents
from app.ui.screens.base import Place


class WelcomeScreen(Place):
    """Takes a key, checks it with one read, keeps it in the keyring; or opens the demo."""

    AUTO_FOCUS = "#key"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+t",
            "demo",
            "Try the demo",
            id="welcome.demo",
            tooltip="Both vendors on this machine, without a key",
            priority=True,
        ),
        Binding("down", "where(1)", "Another vendor", id="welcome.next", tooltip="Another vendor or region for this key"),
        Binding("up", "where(-1)", "Vendor before", id="welcome.previous", tooltip="The vendor or region before"),
        Binding("escape", "leave", "Back", id="welcome.leave", tooltip="Back, if there is a place to go back to"),
    ]

    def content(self) -> Iterable[Widget]:
        """A block in the middle."""
        with Center(id="welcome-middle"):
            with Vertical(id="welcome"):
                yield Static(Content.styled("Parlour", "bold $primary"), id="welcome-name")
                yield Static("A calm place for talking with hosted agents.", id="welcome-line", markup=False)
                field = Input(placeholder="Paste a key or token", password=True, id="key")
                field.cursor_blink = False
                yield field
                yield Static(id="welcome-where")
                yield Static(id="welcome-verdict", markup=False)
                yield Static(Content.assemble(("ctrl+t", "bold"), "  try the demo: no key, no cost, nothing leaves this machine"))

    def on_mount(self) -> None:
        """Offer every vendor and region; the first is what the key looks like."""
        self._places: list[tuple[Choice, str]] = [
            (choice, region) for choice in self.desk.vendor_choices() for region in choice.bases
        ]
        self._at = 0
        self._chosen = False
        self._checking = False
        self.title_bar.show("Parlour")
        self._refresh_where()

    def _refresh_where(self) -> None:
        choice, region = self._places[self._at]
        key = self.query_one("#key", Input).value
        where = "  " + region if len(choice.bases) > 1 else ""
        base = ("   " + choice.bases[region], "$text-muted")
        words = Content.assemble(("goes to  ", "$text-muted"), (choice.label, "bold"), where, base)
        self.query_one("#welcome-where", Static).update(
            words if key else Content.styled("The vendor is told from its shape.", "$text-muted")
        )
        pairs = (
            [("enter", "check it"), ("↑ ↓", "another vendor or region"), ("ctrl+t", "demo")]
            if key
            else [("ctrl+t", "demo"), ("ctrl+q", "quit")]
        )
        self.key_bar.keys(pairs)

    @on(Input.Changed, "#key")
    def guess(self, event: Input.Changed) -> None:
        """What it looks like, until the person says otherwise."""
        if not self._chosen:
            name = self.desk.guess(event.value.strip())
            self._at = next((index for index, (choice, _) in enumerate(self._places) if choice.name == name), self._at)
        self._refresh_where()

    def action_where(self, step: int) -> None:
        """Another vendor or region."""
        self._chosen = True
        self._at = (self._at + step) % len(self._places)
        self._refresh_where()

    @on(Input.Submitted, "#key")
    def check(self, event: Input.Submitted) -> None:
        """One read with it; then it is kept."""
        key = event.value.strip()
        if not key:
            self.action_demo()
            return
        choice, region = self._places[self._at]
        base = choice.bases[region]
        self._say(f"Checking with {choice.label}…")

        async def look() -> None:
            verdict = await self.desk.check_key(choice.name, base, key)
            self._say(verdict)
            await self._keep(choice.name, base, key)

        self.attempt(look, group="check")

    def failed(self, error: ParlourError) -> None:
        """The verdict, in its place."""
        self._say(str(error))

    def _say(self, sentence: str) -> None:
        self.query_one("#welcome-verdict", Static).update(Content(safe_line(sentence, 400)))

    async def _keep(self, vendor: str, base: str, key: str) -> None:
        try:
            await self.desk.keep_key(vendor, base, key, remember=True)
        except KeyringTrouble as trouble:
            self._ask_what_now(vendor, base, key, trouble)
            return
        self._done()

    def _ask_what_now(self, vendor: str, base: str, key: str, trouble: KeyringTrouble) -> None:
        options = [
            ("session", "Use the key for this run only"),
            ("again", "Try the keyring again"),
            ("leave", "Leave it; I will set an environment variable"),
        ]

        def chosen(answer: str | None) -> None:
            async def go_on() -> None:
                if answer == "session":
                    await self.desk.keep_key(vendor, base, key, remember=False)
                    self._done()
                elif answer == "again":
                    await self._keep(vendor, base, key)

            self.attempt(go_on, group="check")

        self.app.push_screen(ChooseDialog(str(trouble), options), chosen)

    def _done(self) -> None:
        self.query_one("#key", Input).value = ""
        self.post_message(OpenAgents())

    def action_demo(self) -> None:
        """Both vendors on this machine."""
        self._say("Starting the demo…")

        async def start() -> None:
            await self.desk.start_demo()
            self._done()

        self.attempt(start, group="check")

    def action_leave(self) -> None:
        """Only where there is a place to go back to."""
        self.post_message(GoBack())
