"""All conversations of all accounts: from the store at once, from the servers page by page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from app.errors import ParlourError
from app.models import Profile, Status
from app.protocols import Archives, Deletes, Renames, Vendor
from app.store import Stored
from app.text import safe_line
from app.transcript import Change, What
from app.turns import Chip, Talk, chip
from app.ui.desk import Desk
from app.ui.dialogs import AskLine, ConfirmDialog
from app.ui.requests import GoBack, OpenStored
from app.ui.screens.base import Place
from app.ui.widgets.rows import Cell, Column, Row, Rows

PAGE = 200
SYNC = 100
DAY = 86_400


class HistoryScreen(Place):
    """Newest first; type to filter titles, agents and what was said."""

    AUTO_FOCUS = "#filter"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "into_list", "To the list", id="history.list", tooltip="From the filter into the list"),
        Binding("slash", "into_filter", "Filter", id="history.filter", tooltip="Back to the filter"),
        Binding("escape", "step_out", "Back", id="history.out", tooltip="To the filter, then back"),
        Binding("r", "rename", "Rename", id="history.rename", tooltip="Give the conversation another title"),
        Binding("a", "archive", "Archive", id="history.archive", tooltip="Put the conversation away"),
        Binding("d", "delete", "Delete", id="history.delete", tooltip="Delete the conversation; asks first"),
        Binding("ctrl+r", "again", "Look again", id="history.again", tooltip="Ask every account again"),
    ]

    def __init__(self, desk: Desk, *, text: str = "") -> None:
        super().__init__(desk)
        self._text = text
        self._known: list[Stored] = []
        self._matches: dict[int, tuple[str, str]] = {}
        self._profiles: dict[str, Profile] = {}
        self._state = ""
        self._next: dict[str, str] = {}
        self._limit = PAGE
        self._unlisten: Callable[[], None] = lambda: None

    def content(self) -> Iterable[Widget]:
        """Filter and list."""
        with Horizontal(id="filter-line"):
            yield Static("❯", id="filter-caret", markup=False)
            field = Input(self._text, placeholder="Type a title, an agent, or words that were said", id="filter")
            field.cursor_blink = False
            yield field
            yield Static(id="filter-count", markup=False)
        yield Rows(
            [Column(share=5), Column(share=2), Column(share=2, from_width=70), Column(width=13), Column(width=9, right=True)],
            id="list",
        )

    def on_mount(self) -> None:
        """The store first."""
        self.title_bar.show(Content.assemble(("Parlour", "bold"), "  history"))
        self._refresh_keys()
        self.attempt(self._load, group="load")

    def on_unmount(self) -> None:
        """Nothing to tell any more."""
        self._unlisten()

    async def _load(self) -> None:
        self._unlisten()
        self._unlisten = self.desk.turns.listen(self._changed)
        self._next = {}
        self._profiles = {profile.name: profile for profile in await self.desk.profiles()}
        await self._show()
        self._state = "looking…"
        found = await asyncio.gather(*(self._sync(profile) for profile in self._profiles.values()))
        missed = [name for name in found if name]
        self._state = f"not reached: {', '.join(missed)}" if missed else f"synced {time.strftime('%H:%M')}"
        await self._show()

    async def _sync(self, profile: Profile) -> str:
        """One more page of an account; returns its name if it cannot be reached."""
        try:
            vendor = await self.desk.vendor(profile)
            account = await self.desk.account(profile)
            names = {known.agent.id: known.agent.name for known in await self.desk.store.agents(account)}
            page = await vendor.conversations(self._next.get(profile.name, ""), limit=SYNC)
        except ParlourError:
            return profile.name
        self._next[profile.name] = page.next
        found = [one if one.agent_name else replace(one, agent_name=names.get(one.agent_id, "")) for one in page.items]
        await self.desk.store.save_conversations(account, found)
        return ""

    async def _show(self) -> None:
        wanted = self.query_one("#filter", Input).value.strip()
        accounts = [await self.desk.account(profile) for profile in self._profiles.values()]
        self._known = await self.desk.store.conversations(accounts, limit=self._limit)
        self._matches = {}
        if len(wanted) >= 2:
            hits = await self.desk.store.search(wanted, accounts=accounts, limit=PAGE)
            self._matches = {hit.stored.pk: (hit.turn, hit.snippet) for hit in reversed(hits)}
            there = {one.pk for one in self._known}
            self._known += {hit.stored.pk: hit.stored for hit in hits if hit.stored.pk not in there}.values()
            self._known = [one for one in self._known if one.pk in self._matches or _fits(one, wanted)]
        elif wanted:
            self._known = [one for one in self._known if _fits(one, wanted)]
        self._draw()

    def _draw(self) -> None:
        if not self.is_attached:
            return
        rows: list[Row] = []
        group = ""
        now = self.desk.clock.wall()
        for one in self._known:
            name = _group(now, one.touched)
            if name != group:
                group = name
                rows.append(Row(f"group {name}", (Cell(name),), heading=True))
            rows.append(self._row(one, now))
            if one.pk in self._matches and self._matches[one.pk][1]:
                rows.append(Row(f"match {one.pk}", (Cell("    …" + safe_line(self._matches[one.pk][1], 160)),), heading=True))
        empty = (
            "Nothing fits. backspace widens the filter."
            if self.query_one("#filter", Input).value
            else "No conversations yet. f2 shows who to talk with."
        )
        self.query_one(Rows).show(rows, empty=empty)
        self.query_one("#filter-count", Static).update(Content(f"{len(self._known)}" if self._known else ""))
        self.title_bar.show(
            Content.assemble(("Parlour", "bold"), "  history"), "", Content.styled(safe_line(self._state, 60), "$text-muted")
        )

    def _row(self, one: Stored, now: float) -> Row:
        conversation = one.conversation
        words, role = self._words(one)
        moment = time.localtime(one.touched)
        when = time.strftime("%H:%M", moment) if now - one.touched < DAY else time.strftime("%d %b", moment)
        title = conversation.title or "Untitled"
        cells = (
            Cell(title, "strong"),
            Cell(conversation.agent_name or "–"),
            Cell(one.profile, "quiet"),
            Cell(words, role),
            Cell(when, "quiet"),
        )
        return Row(str(one.pk), cells)

    def _words(self, one: Stored) -> tuple[str, str]:
        talk = next((talk for talk in self.desk.turns.talks if talk.pk == one.pk), None)
        if talk is not None:
            state, _ = chip(talk, self.desk.clock.monotonic())
            roles = {
                Chip.NEEDS_YOU: "needs",
                Chip.FAILED: "failed",
                Chip.UNKNOWN: "needs",
                Chip.LIVE: "agent",
                Chip.QUIET: "agent",
            }
            if state in roles:
                return ("running" if roles[state] == "agent" else state.value), roles[state]
        if one.waiting:
            return "needs you", "needs"
        if one.running:
            return "running", "agent"
        return ("closed", "quiet") if one.conversation.status is Status.CLOSED else ("", "quiet")

    @on(Rows.Highlighted)
    def more(self, event: Rows.Highlighted) -> None:
        """At the end of the list: what follows, from the store and from the servers."""
        last = self._known[-1] if self._known else None
        if last is None or event.key != str(last.pk) or self.query_one("#filter", Input).value:
            return
        if len(self._known) >= self._limit or any(self._next.values()):
            self._limit += PAGE
            self.attempt(self._load_more, group="more")

    async def _load_more(self) -> None:
        waiting = [profile for name, profile in self._profiles.items() if self._next.get(name)]
        await asyncio.gather(*(self._sync(profile) for profile in waiting))
        await self._show()

    def _changed(self, talk: Talk, change: Change) -> None:
        if change.what in (What.TURN, What.CONVERSATION) and self.is_attached:
            self.call_later(self._draw)

    # --- keys ---------------------------------------------------------------------------------------------------------

    def on_descendant_focus(self) -> None:
        """The keys follow the focus."""
        self._refresh_keys()

    def _refresh_keys(self) -> None:
        if self.query_one(Rows).has_focus:
            self.key_bar.keys(
                [("enter", "open"), ("r", "rename"), ("a", "archive"), ("d", "delete"), ("/", "filter"), ("f1", "help")]
            )
        else:
            self.key_bar.keys([("enter", "open"), ("↓", "list"), ("f2", "agents"), ("esc", "back"), ("f1", "help")])

    @on(Input.Changed, "#filter")
    def narrow(self) -> None:
        """Filter as one types."""
        self.attempt(self._show, group="filter")

    def action_into_list(self) -> None:
        """From the filter into the list."""
        self.query_one(Rows).focus()

    def action_into_filter(self) -> None:
        """Back to the filter."""
        self.query_one("#filter", Input).focus()

    def action_step_out(self) -> None:
        """List, filter, away."""
        field = self.query_one("#filter", Input)
        if not field.has_focus:
            field.focus()
        elif field.value:
            field.value = ""
        else:
            self.post_message(GoBack())

    def action_again(self) -> None:
        """Ask every account again."""
        self._next = {}
        self.attempt(self._load, group="load")

    def _chosen(self) -> Stored | None:
        key = self.query_one(Rows).key
        return next((one for one in self._known if str(one.pk) == key), None)

    @on(Input.Submitted, "#filter")
    @on(Rows.Chosen)
    def open(self) -> None:
        """Open the one under the cursor, at the place that was found."""
        one = self._chosen()
        if one is not None:
            self.post_message(OpenStored(one, self._matches.get(one.pk, ("", ""))[0]))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Single letters act in the list only."""
        return action not in ("rename", "archive", "delete") or self.query_one(Rows).has_focus

    def action_rename(self) -> None:
        """Another title."""
        one = self._chosen()
        if one is None:
            return

        def named(title: str | None) -> None:
            if title and title.strip():
                self.attempt(lambda: self._rename(one, title.strip()))

        self.app.push_screen(AskLine("Title", one.conversation.title), named)

    async def _vendor(self, one: Stored) -> Vendor:
        return await self.desk.vendor(self._profiles[one.profile])

    async def _rename(self, one: Stored, title: str) -> None:
        vendor = await self._vendor(one)
        if not isinstance(vendor, Renames):
            self.say(f"{vendor.label} cannot rename a conversation.", failed=True)
            return
        await vendor.rename(one.conversation, title)
        await self.desk.store.save_conversation(one.account, replace(one.conversation, title=title))
        await self._show()

    def action_archive(self) -> None:
        """Put it away."""
        one = self._chosen()
        if one is not None:
            self.attempt(lambda: self._archive(one))

    async def _archive(self, one: Stored) -> None:
        vendor = await self._vendor(one)
        if not isinstance(vendor, Archives):
            self.say(f"{vendor.label} cannot archive a conversation.", failed=True)
            return
        await vendor.archive(one.conversation)
        await self.desk.store.save_conversation(one.account, replace(one.conversation, archived=True))
        await self._show()

    def action_delete(self) -> None:
        """Ask, then delete."""
        one = self._chosen()
        if one is None:
            return

        def sure(yes: bool | None) -> None:
            if yes:
                self.attempt(lambda: self._delete(one))

        title = safe_line(one.conversation.title or "Untitled", 80)
        self.app.push_screen(
            ConfirmDialog(f"Delete “{title}” for good, here and at the server where it can?", "delete", "keep"), sure
        )

    async def _delete(self, one: Stored) -> None:
        vendor = await self._vendor(one)
        if isinstance(vendor, Deletes) and one.conversation.made:
            await vendor.delete(one.conversation)
        await self.desk.store.delete_conversation(one.pk)
        if not isinstance(vendor, Deletes):
            self.say(f"Deleted here. {vendor.label} keeps its own copy; it has no way to delete it.")
        await self._show()


def _fits(one: Stored, wanted: str) -> bool:
    words = f"{one.conversation.title} {one.conversation.agent_name} {one.profile}".casefold()
    return all(word in words for word in wanted.casefold().split())


def _group(now: float, at: float) -> str:
    today = time.localtime(now)
    midnight = now - (today.tm_hour * 3600 + today.tm_min * 60 + today.tm_sec)
    if at >= midnight:
        return "Today"
    if at >= midnight - DAY:
        return "Yesterday"
    if at >= midnight - 6 * DAY:
        return "This week"
    return time.strftime("%B %Y", time.localtime(at)) if at else "Older"
