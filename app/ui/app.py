"""The application: which screen is shown, and what outlives all of them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.screen import Screen

from app.errors import ParlourError, UsageError
from app.paths import styles
from app.profiles import Profile
from app.text import safe_line
from app.ui import background, overviews, places, requests
from app.ui.adapting import Adapting
from app.ui.archive import Archive, Asked
from app.ui.commands import Actions

if TYPE_CHECKING:
    from app.ui.desk import Desk

FIRST_SHEETS = ("base", "screens")
"""What the first frame wears."""
MORE_SHEETS = ("conversation", "prompt", "dialogs", "archive")
"""What every other screen wears besides: read right after the first frame."""

OVERVIEWS = {
    requests.OpenInbox: ("InboxScreen", overviews.inbox),
    requests.OpenBatches: ("BatchesScreen", overviews.batches),
    requests.OpenReview: ("ReviewScreen", overviews.review),
}


class ParlourApp(Adapting):
    """Shows places, starts what was asked for, and closes everything in order."""

    TITLE = "Parlour"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar = {Actions}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1,question_mark", "help", "Help", id="app.help", tooltip="The keys of where you are"),
        Binding("f2", "agents", "Agents", id="app.agents", tooltip="Who there is to talk with"),
        Binding("f3", "history", "History", id="app.history", tooltip="All conversations"),
        Binding("f12", "search", "Search", id="app.search", tooltip="Everything that was ever said, in any conversation"),
        Binding("ctrl+y", "sync", "Sync", id="app.sync", tooltip="Read everything the accounts have into the search"),
        Binding("f4", "inbox", "Waiting", id="app.inbox", tooltip="What waits for you, in any conversation"),
        Binding("f6", "batches", "Batches", id="app.batches", tooltip="Many prompts at once: how they are doing"),
        Binding("f7", "resources", "Resources", id="app.resources", tooltip="What an account holds: agents, files, memory…"),
        Binding("shift+f7", "review", "Review", id="app.review", tooltip="Answers that nobody rated, or not well"),
        Binding("f10", "settings", "Settings", id="app.settings", tooltip="Theme, keys, notifications", show=False),
        Binding("ctrl+k", "add_key", "Add a key", id="app.key", tooltip="Add an account by its key"),
        Binding("ctrl+l", "redraw", "Redraw", id="app.redraw", tooltip="Draw the screen again", show=False),
        Binding("ctrl+q", "quit", "Quit", id="app.quit", tooltip="Leave; the agents go on", priority=True),
    ]

    def __init__(self, desk: Desk, *, first: str = "", agent: str = "") -> None:
        sheets = [styles() / f"{name}.tcss" for name in FIRST_SHEETS]
        super().__init__(desk.settings, desk.clock.monotonic, css_path=sheets)
        self._desk = desk
        self._first = first
        self._agent = agent
        self._archive = Archive(self, desk)
        self._floor = 1 if desk.has_profiles and not first else 2

    # --- beginning and end ------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Paint first; the database opens while the first screen is up."""
        if self._first == "demo":
            background.start(self, self._demo)
        elif self._floor > 1:
            self._show_welcome()
        elif self._agent:
            self._attempt(self._straight_in)
        self.call_after_refresh(self.dress, [styles() / f"{name}.tcss" for name in MORE_SHEETS])
        self.call_after_refresh(self.ask_terminal)
        self.call_after_refresh(self._attempt, self._watch)

    def get_default_screen(self) -> Screen[Any]:
        """The agents at once, with nothing below them; the welcome gives way to them, and the lowest screen cannot."""
        return places.agents(self._desk) if self._floor == 1 else super().get_default_screen()

    async def _demo(self) -> None:
        try:
            await self._desk.open()
            await self._desk.start_demo()
        except ParlourError as error:
            self.exit(message=f"parlour: {error}", return_code=error.exit_code)
            return
        self._show_agents()
        if self._agent:
            self._attempt(self._straight_in)

    async def _straight_in(self) -> None:
        self.post_message(requests.StartTalk(*await self._desk.agent(self._agent)))

    async def _watch(self) -> None:
        """Know what waits, as long as the application runs."""
        from app.ui.attention import Attention

        def again() -> None:
            background.start(self, attention.look, group="attention", exclusive=True)

        for notice in self._desk.store.notices:
            self.notify(safe_line(notice, 400), severity="warning", markup=False, timeout=20)
        attention = Attention(self._desk, self.on_terminal, self.notices, again)
        self._looked = attention
        await attention.look()
        self.check_keys(self._desk.settings)

    # --- where to go ------------------------------------------------------------------------------------------------------------

    @property
    def _place(self) -> str:
        return type(self.screen).__name__

    def _show_agents(self) -> None:
        while len(self.screen_stack) > self._floor:
            self.pop_screen()
        if len(self.screen_stack) < self._floor:
            self.push_screen(places.agents(self._desk))
        elif self._place != "AgentsScreen":
            self.switch_screen(places.agents(self._desk))

    def _show_welcome(self) -> None:
        self.push_screen(places.welcome(self._desk))

    @on(requests.OpenAgents)
    def open_agents(self) -> None:
        """Home."""
        self._show_agents()

    @on(requests.OpenWelcome)
    def open_welcome(self) -> None:
        """Take a key."""
        self._show_welcome()

    @on(requests.OpenHistory)
    @on(requests.OpenSearch)
    @on(requests.OpenSync)
    @on(requests.OpenCompare)
    def open_archive(self, event: Asked) -> None:
        """What was said: the list, the search, what is not read yet, two answers side by side."""
        self._archive.open(event)

    @on(requests.OpenInbox)
    @on(requests.OpenBatches)
    @on(requests.OpenReview)
    def open_overview(self, event: requests.OpenInbox | requests.OpenBatches | requests.OpenReview) -> None:
        """What waits for a person; the batch jobs; answers that nobody rated."""
        name, make = OVERVIEWS[type(event)]
        if self._place != name:
            self.push_screen(make(self._desk))

    @on(requests.OpenResources)
    def open_resources(self) -> None:
        """What an account holds."""
        if self._place != "ResourcesScreen":
            self._attempt(self._resources)

    async def _resources(self) -> None:
        screen = await places.resources(self._desk, self.push_screen_wait)
        if screen is not None:
            self.push_screen(screen)

    @on(requests.OpenTalk)
    def open_talk(self, event: requests.OpenTalk) -> None:
        """A conversation."""
        draft = event.draft + getattr(self.screen, "typed_ahead", "")
        self.push_screen(places.conversation(self._desk, event.talk, draft=draft))

    @on(requests.OpenStored)
    def open_stored(self, event: requests.OpenStored) -> None:
        """A conversation of the store: shown from there, then brought up to date."""

        async def show() -> None:
            talk = await self._desk.talk(event.stored)
            if event.event:
                self.push_screen(places.events(self._desk, talk, event.event))
                return
            self.push_screen(places.conversation(self._desk, talk, turn=event.turn, part=event.part, words=event.words))
            if not talk.busy:
                self._desk.turns.refresh(talk)

        self._attempt(show)

    @on(requests.StartTalk)
    def start_talk(self, event: requests.StartTalk) -> None:
        """A new conversation."""
        self.hold_keys()

        async def start() -> None:
            talk = await self._desk.new_talk(event.profile, event.agent, event.environment, event.more)
            self.post_message(requests.OpenTalk(talk, event.draft))

        self._attempt(start)

    @on(requests.StartAgain)
    def start_again(self, event: requests.StartAgain) -> None:
        """Another one with the same agent."""

        async def start() -> None:
            profile = await self._profile(event.talk.profile)
            wanted = event.talk.conversation.agent_id
            known = await self._desk.store.agents(event.talk.account)
            agent = next((known_agent.agent for known_agent in known if known_agent.agent.id == wanted), None)
            if agent is None:
                raise UsageError("This agent is not in the list any more. f2 shows who there is.")
            before = event.talk.conversation
            more = {"external_user_id": before.external_user_id} if before.external_user_id else {}
            talk = await self._desk.new_talk(profile, agent, before.environment, more)
            self.pop_screen()
            self.post_message(requests.OpenTalk(talk))

        self._attempt(start)

    async def _profile(self, name: str) -> Profile:
        for profile in await self._desk.profiles():
            if profile.name == name:
                return profile
        raise UsageError(f"The profile {name!r} is not in use any more. ctrl+k adds its key again.")

    @on(requests.OpenEvents)
    def open_events(self, event: requests.OpenEvents) -> None:
        """The inspector."""
        self.push_screen(places.events(self._desk, event.talk, event.at))

    @on(requests.ReplayFile)
    def replay_file(self) -> None:
        """Play a recording."""

        def picked(path: str | None) -> None:
            if path:
                self._attempt(partial(self._replay, path))

        self.push_screen(places.file("Which recording? (JSON lines, as x or parlour export wrote them)"), picked)

    async def _replay(self, path: str) -> None:
        self.push_screen(await places.replay(self._desk, path))

    @on(requests.ShowTurn)
    def show_turn(self, event: requests.ShowTurn) -> None:
        """Back from the inspector, at a message."""
        self.pop_screen()
        show = getattr(self.screen, "show_turn", None)
        if show is not None:
            show(event.turn)
        else:
            self.push_screen(places.conversation(self._desk, event.talk, turn=event.turn))

    @on(requests.SettingsChanged)
    def live_by(self) -> None:
        """What was changed holds at once."""
        self.use(self._desk.settings)

    @on(requests.GoBack)
    def go_back(self) -> None:
        """One step out; the first screen stays."""
        if len(self.screen_stack) > self._floor:
            self.pop_screen()

    def _attempt(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async def guarded() -> None:
            try:
                await self._desk.open()
                await work()
            except ParlourError as error:
                self.take_keys()
                self.notify(safe_line(error, 400), severity="warning", markup=False, timeout=8)

        background.start(self, guarded)

    # --- keys -------------------------------------------------------------------------------------------------------------------

    def action_agents(self) -> None:
        """Home."""
        if self._desk.has_profiles or len(self.screen_stack) > self._floor:
            self._show_agents()

    def action_history(self) -> None:
        """All conversations."""
        self.post_message(requests.OpenHistory())

    def action_search(self) -> None:
        """Everything that was said."""
        self.post_message(requests.OpenSearch())

    def action_sync(self) -> None:
        """What is not read yet."""
        self.post_message(requests.OpenSync())

    def action_resources(self) -> None:
        """What an account holds."""
        self.post_message(requests.OpenResources())

    def action_inbox(self) -> None:
        """What waits."""
        self.post_message(requests.OpenInbox())

    def action_batches(self) -> None:
        """The batch jobs."""
        self.post_message(requests.OpenBatches())

    def action_review(self) -> None:
        """Answers that nobody rated, or not well."""
        self.post_message(requests.OpenReview())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key is there exactly where it works."""
        return {"batches": self._desk.takes_batches, "review": self._desk.takes_ratings}.get(action, True)

    def action_settings(self) -> None:
        """What can be chosen."""
        from app.ui.screens.settings import SettingsScreen

        if self._place != "SettingsScreen":
            self.push_screen(SettingsScreen(self._desk))

    def action_add_key(self) -> None:
        """Another account."""
        self._show_welcome()

    def action_help(self) -> None:
        """What the keys do here."""
        from app.ui.dialogs import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen.focused, self.screen))

    def action_redraw(self) -> None:
        """Everything once more."""
        self.screen.refresh(repaint=True, layout=True)
