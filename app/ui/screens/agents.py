"""Who there is to talk with: every account's agents in one list."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.fuzzy import Matcher
from textual.widget import Widget
from textual.widgets import Input, Static

from app.errors import ParlourError
from app.profiles import Agent, Profile
from app.text import safe, safe_line
from app.ui.requests import OpenCompare, OpenWelcome, StartTalk
from app.ui.screens.listing import Listing
from app.ui.widgets.bars import ago
from app.ui.widgets.rows import Cell, Column, Row, Rows

if TYPE_CHECKING:
    from app.protocols import NeedsEnvironment

WIDE = 100
"""Cells from which the preview stands beside the list."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An agent with its account and when it was last talked to."""

    profile: Profile
    agent: Agent
    used: float

    @property
    def key(self) -> str:
        """Its row."""
        return f"{self.profile.name}\n{self.agent.id}"

    @property
    def words(self) -> str:
        """What the filter looks at."""
        return f"{self.agent.name} {self.agent.description} {self.agent.model} {self.profile.name} {' '.join(self.agent.tools)}"


class AgentsScreen(Listing):
    """Type to filter, Enter to talk."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "into_list", "To the list", id="agents.list", tooltip="From the filter into the list"),
        Binding("slash", "into_filter", "Filter", id="agents.filter", tooltip="Back to the filter"),
        Binding("escape", "step_out", "Back", id="agents.out", tooltip="To the filter, then back"),
        Binding(
            "tab", "preview", "Preview", id="agents.preview", tooltip="Show or hide what is known of the agent", priority=True
        ),
        Binding("ctrl+n", "new_with", "New with…", id="agents.new", tooltip="A conversation with a title and more of your own"),
        Binding("c", "compare", "Compare", id="agents.compare", tooltip="Ask two agents the same: c on one, then c on the other"),
        Binding("ctrl+r", "again", "Look again", id="agents.again", tooltip="Ask every account again"),
    ]

    def content(self) -> Iterable[Widget]:
        """Filter, list, preview."""
        yield from self.filter_line("Type a name, a model, a tool")
        with Horizontal(id="agents-body"):
            yield Rows(
                [Column(share=3), Column(share=2), Column(width=12, from_width=46), Column(share=4, from_width=76)], id="list"
            )
            yield Static(id="preview")

    def on_mount(self) -> None:
        """What was known at once, then what the servers say."""
        self._all: list[Listed] = []
        self._trouble: dict[str, str] = {}
        self._asked = 0
        self._first: Listed | None = None
        self._shown = False
        self._handed: int | None = None
        self.on_resize()
        self.query_one(Rows).show([], empty="Looking for agents…")
        self._refresh_keys()

    def on_screen_resume(self) -> None:
        """Coming back: an empty filter, and who was just talked to on top."""
        if self._shown:  # what was typed before the first frame is meant
            self.filter.value = ""
            self.filter.focus()
        self._shown, self._handed = True, None
        self.call_after_refresh(self.attempt, self._load, group="load")

    def on_resize(self) -> None:
        """The preview has room or gives way."""
        self.query_one("#preview").set_class(self.size.width < WIDE, "-narrow")

    async def _load(self) -> None:
        profiles = list(await self.desk.profiles())
        for profile in profiles:
            self._put(
                profile,
                [(known.agent, known.last_used) for known in await self.desk.store.agents(await self.desk.account(profile))],
            )
        self._show()
        await asyncio.gather(*(self._ask(profile) for profile in profiles))
        self._asked = len(profiles)
        self._show()

    async def _ask(self, profile: Profile) -> None:
        self._trouble.pop(profile.name, None)
        try:
            account = await self.desk.account(profile)
            agents = [agent for agent in await (await self.desk.vendor(profile)).agents() if not agent.archived]
            used = {known.agent.id: known.last_used for known in await self.desk.store.agents(account)}
            await self.desk.store.save_agents(account, agents)
        except ParlourError as error:
            self._trouble[profile.name] = str(error)
        else:
            self._put(profile, [(agent, used.get(agent.id, 0.0)) for agent in agents])
        self._show()

    def _put(self, profile: Profile, found: Sequence[tuple[Agent, float]]) -> None:
        others = [one for one in self._all if one.profile.name != profile.name]
        self._all = [*others, *(Listed(profile, agent, used) for agent, used in found)]
        self._all.sort(key=lambda one: -one.used)

    # --- what is shown ------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        if not self.is_attached:
            return
        found = self._found()
        now = self.desk.clock.wall()
        rows = [
            Row(one.key, (Cell(one.agent.name, "strong"), Cell(one.profile.name, "quiet"),
                          Cell(ago(now - one.used) if one.used else "–", "quiet"), Cell(one.agent.description, "quiet")))
            for one in found
        ]  # fmt: skip
        self.query_one(Rows).show(rows, empty=self._empty())
        self.query_one("#filter-count", Static).update(Content(f"{len(found)} of {len(self._all)}" if self._all else ""))
        profiles = {one.profile.name for one in self._all} | set(self._trouble)
        state = "" if not self._trouble else "not reached: " + ", ".join(sorted(self._trouble))
        right = Content.styled(
            safe_line(state or ("all reachable" if self._asked else ""), 60), "$warning" if state else "$text-muted"
        )
        self.title_bar.show(
            Content.assemble(("Parlour", "bold"), "  agents"),
            "",
            Content(f"{len(profiles)} {'account' if len(profiles) == 1 else 'accounts'} · ") + right if profiles else right,
        )

    def _empty(self) -> str:
        if self._trouble:
            return f"{next(iter(self._trouble.values()))}  ctrl+r looks again."
        if self._all:
            return "No agent fits. backspace widens the filter."
        return "No agents in this account yet. ctrl+k adds another account." if self._asked else "Looking for agents…"

    def _found(self) -> list[Listed]:
        wanted = self.query_one("#filter", Input).value.strip()
        if not wanted:
            return self._all
        matcher = Matcher(wanted)
        scored = [(matcher.match(one.agent.name) * 3 + matcher.match(one.words), one) for one in self._all]
        return [one for score, one in sorted(scored, key=lambda pair: -pair[0]) if score > 0]

    def _chosen(self) -> Listed | None:
        key = self.query_one(Rows).key
        return next((one for one in self._all if one.key == key), None)

    @on(Rows.Highlighted)
    def preview(self) -> None:
        """What is known of the one under the cursor."""
        one = self._chosen()
        self.query_one("#preview", Static).update(_preview(one) if one is not None else Content())
        self._refresh_keys()

    @on(Input.Changed, "#filter")
    def narrow(self) -> None:
        """Filter as one types."""
        if self._handed is not None:
            return
        self._show()
        self.query_one(Rows).action_edge(-1)

    # --- keys ---------------------------------------------------------------------------------------------------------

    def on_descendant_focus(self) -> None:
        """The keys follow the focus."""
        self._refresh_keys()

    def _refresh_keys(self) -> None:
        one = self._chosen()
        keys = [("enter", "talk"), ("ctrl+n", "new with…"), ("f3", "history"), ("ctrl+k", "add a key"), ("f1", "help")]
        if self.query_one(Rows).has_focus and one is not None and one.agent.questions:
            keys.insert(1, (f"1-{min(3, len(one.agent.questions))}", "use question"))
            keys.insert(2, ("c", "compare"))
        else:
            keys.insert(1, ("↓", "list"))
        self.key_bar.keys(keys)

    def action_compare(self) -> None:
        """The first of two, then the second; the same again forgets it."""
        one, first = self._chosen(), self._first
        if one is None:
            return
        if first is None:
            self._first = one
            self.say(f"{one.agent.name} and who else? c on another agent asks both; c here again forgets it.")
        else:
            self._first = None
            if first.key != one.key:
                self.post_message(OpenCompare((first.profile, first.agent), (one.profile, one.agent)))

    def action_preview(self) -> None:
        """Show or hide it."""
        self.query_one("#preview").toggle_class("-asked")

    def action_again(self) -> None:
        """Ask every account again."""
        self.attempt(self._load, group="load")

    def on_key(self, event: events.Key) -> None:
        """1 to 3 are questions while the list has the focus."""
        if event.key in ("1", "2", "3") and self.query_one(Rows).has_focus:
            event.stop()
            one = self._chosen()
            index = int(event.key) - 1
            if one is not None and index < len(one.agent.questions):
                self._talk(one, one.agent.questions[index])

    @on(Input.Submitted, "#filter")
    @on(Rows.Chosen)
    def talk(self, event: Input.Submitted | Rows.Chosen) -> None:
        """Begin a conversation."""
        one = self._chosen()
        if one is not None:
            self._talk(one, wanted=event.value if isinstance(event, Input.Submitted) else None)
        elif not self._all and self._asked:
            self.post_message(OpenWelcome())

    def action_new_with(self) -> None:
        """Begin one with a title of one's own, as somebody, somewhere: as far as the vendor knows that."""
        one = self._chosen()
        if one is not None:
            self.attempt(lambda: self._ask_more(one), group="talk")

    async def _ask_more(self, one: Listed) -> None:
        from app.protocols import Configures, ForUsers
        from app.ui.screens.new_talk import NewTalkDialog, Wanted

        wanted = [Wanted("title", "Title", hint="made from the first message if left empty")]
        vendor = await self.desk.vendor(one.profile)
        if isinstance(vendor, Configures):
            wanted += [Wanted(name, question, longest=2_000) for name, question in vendor.beginnings.items()]
        if isinstance(vendor, ForUsers):
            user = one.profile.external_user_id
            wanted.append(
                Wanted("external_user_id", "For whom (external_user_id)", user, "kept apart from the others' conversations")
            )

        def asked(more: dict[str, str] | None) -> None:
            if more is not None:
                self._talk(one, more=more)

        self.app.push_screen(NewTalkDialog(f"A new conversation with {one.agent.name}", wanted), asked)

    @property
    def typed_ahead(self) -> str:
        """What was typed here since somebody was chosen: it is meant for the conversation."""
        return "" if self._handed is None else self.filter.value[self._handed :]

    def failed(self, error: ParlourError) -> None:
        """Nobody comes: the letters are the filter's again."""
        self._handed = None
        super().failed(error)

    def _talk(self, one: Listed, draft: str = "", more: Mapping[str, str] | None = None, wanted: str | None = None) -> None:
        self._handed = len(self.filter.value if wanted is None else wanted)
        self.attempt(lambda: self._start(one, draft, more or {}), group="talk")

    async def _start(self, one: Listed, draft: str, more: Mapping[str, str]) -> None:
        from app.protocols import NeedsEnvironment
        from app.ui.dialogs import ChooseDialog

        def begin(environment: str = "") -> None:
            self.post_message(StartTalk(one.profile, one.agent, draft, environment, more))

        vendor = await self.desk.vendor(one.profile)
        if not isinstance(vendor, NeedsEnvironment) or one.profile.environment:
            begin()
            return
        there = list(await vendor.environments())
        if len(there) == 1:
            begin(there[0].id)
        elif there:
            options = [(environment.id, environment.name) for environment in there]
            self.app.push_screen(ChooseDialog("Where should its tools run?", options), lambda key: begin(key) if key else None)
        else:
            self._repair(begin, vendor)

    def _repair(self, begin: Callable[[str], None], vendor: NeedsEnvironment) -> None:
        from app.ui.dialogs import ConfirmDialog

        async def make() -> None:
            begin((await vendor.create_environment("default")).id)

        question = "This account has no environment yet; tools need one.\n\nMake one named “default”, with open network?"
        self.app.push_screen(
            ConfirmDialog(question, "make it and talk", "not now"), lambda yes: self.attempt(make, group="talk") if yes else None
        )


def _preview(one: Listed) -> Content:
    agent = one.agent
    lines = [Content.styled(safe_line(agent.name, 80), "bold"), Content(safe(agent.description)), Content()]
    facts = (("model", agent.model), ("version", agent.version), ("tools", ", ".join(agent.tools)), ("account", one.profile.name))
    lines += [Content.assemble((f"{name:<9}", "$text-muted"), safe_line(value, 200)) for name, value in facts if value]
    if agent.questions:
        lines += [Content(), Content.styled("Ask it", "$text-muted")]
        lines += [
            Content.assemble((f"{number}  ", "bold"), safe_line(text, 200)) for number, text in enumerate(agent.questions[:3], 1)
        ]
    return Content("\n").join(lines)
