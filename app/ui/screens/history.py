"""All conversations of all accounts: from the store at once, from the servers page by page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from app.errors import ParlourError, UsageError
from app.models import Profile, Status, Stop, Verdict
from app.store import Hit, Query, Stored, parse, spans
from app.text import safe_line
from app.transcript import Change, What
from app.turns import Chip, Talk, chip
from app.ui.desk import Desk
from app.ui.requests import OpenSearch, OpenStored
from app.ui.screens.deeds import Deeds, Deletions
from app.ui.widgets.glance import Glance
from app.ui.widgets.rows import Cell, Column, Row, Rows

PAGE = 200
SYNC = 100
DAY = 86_400
WIDE = 100
"""Cells from which the preview stands beside the list."""
MARKS = {"running": "●", "needs you": "!", "failed": "×", "over budget": "×", "new": "•", "rated up": "▲", "rated down": "▼"}
STOPS = {Stop.FAILED: "failed", Stop.OVER_BUDGET: "over budget"}
LETTERS = ("preview", "pin", "tag", "rename", "archive", "delete", "undo", "export")


class HistoryScreen(Deeds):
    """Pinned ones, then newest first; type to filter titles, agents and what was said."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "into_list", "To the list", id="history.list", tooltip="From the filter into the list"),
        Binding("slash", "into_filter", "Filter", id="history.filter", tooltip="Back to the filter"),
        Binding("escape", "step_out", "Back", id="history.out", tooltip="To the filter, then back"),
        Binding("space", "preview", "Preview", id="history.preview", tooltip="What was said last, without opening"),
        Binding("p", "pin", "Pin", id="history.pin", tooltip="Keep the conversation on top, or not any more"),
        Binding("t", "tag", "Tags", id="history.tag", tooltip="Tags of the conversation; tag: finds them"),
        Binding("r", "rename", "Rename", id="history.rename", tooltip="Give the conversation another title"),
        Binding("a", "archive", "Archive", id="history.archive", tooltip="Put the conversation away"),
        Binding("x", "export", "Export", id="history.export", tooltip="Write the conversation to a file, keys taken out"),
        Binding("d", "delete", "Delete", id="history.delete", tooltip="Delete the conversation; u takes it back for a while"),
        Binding("u", "undo", "Undo", id="history.undo", tooltip="Keep what was just deleted"),
        Binding("ctrl+f", "search", "Search all", id="history.search", tooltip="These words in everything", priority=True),
        Binding("ctrl+r", "again", "Look again", id="history.again", tooltip="Ask every account again"),
    ]

    def __init__(self, desk: Desk, deletions: Deletions, *, text: str = "") -> None:
        super().__init__(desk, deletions)
        self._text = text
        self._known: list[Stored] = []
        self._matches: dict[int, Hit] = {}
        self._words_asked = ""
        self._state = ""
        self._next: dict[str, str] = {}
        self._limit = PAGE
        self._unlisten: Callable[[], None] = lambda: None

    def content(self) -> Iterable[Widget]:
        """Filter and list."""
        yield from self.filter_line("Type a title, an agent, or words that were said", self._text)
        with Horizontal(id="history-body"):
            columns = [Column(width=2), Column(share=5), Column(share=2), Column(share=2, from_width=70), Column(width=12),
                       Column(width=8, right=True)]  # fmt: skip
            yield Rows(columns, id="list")
            yield Glance(id="glance")

    def on_mount(self) -> None:
        """The store first."""
        self.title_bar.show(Content.assemble(("Parlour", "bold"), "  history"))
        self._refresh_keys()
        self.on_resize()
        self.deletions.changed = self._again
        self.attempt(self._load, group="load")

    def on_resize(self) -> None:
        """The preview stands beside the list where there is room, else below."""
        self.query_one("#history-body").set_class(self.size.width < WIDE, "-narrow")

    def on_screen_resume(self) -> None:
        """Coming back: what was read is not new any more."""
        if self.profiles:
            self.attempt(self._show, group="filter")

    def on_unmount(self) -> None:
        """Nothing to tell any more."""
        self._unlisten()
        if self.deletions.changed == self._again:
            self.deletions.changed = lambda: None

    def _again(self) -> None:
        if self.is_attached:
            self.attempt(self._show, group="filter")

    async def show_again(self) -> None:
        """The list as it is now."""
        await self._show()

    async def _load(self) -> None:
        self._unlisten()
        self._unlisten = self.desk.turns.listen(self._changed)
        self._next = {}
        self.profiles = {profile.name: profile for profile in await self.desk.profiles()}
        await self._show()
        self._state = "looking…"
        found = await asyncio.gather(*(self._sync(profile) for profile in self.profiles.values()))
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
        accounts = [await self.desk.account(profile) for profile in self.profiles.values()]
        try:
            query = parse(self.query_one("#filter", Input).value, self.desk.clock.wall())
        except UsageError as error:
            self.query_one("#filter-count", Static).update(Content.styled(safe_line(error, 200), "$warning"))
            return
        self._words_asked = query.words
        found = [] if query.of_turns else await self._listed(accounts, query)
        self._matches = {}
        if query.words.strip() or query.of_turns:
            hits = await self.desk.store.search(query, accounts=accounts, limit=PAGE)
            self._matches = {hit.stored.pk: hit for hit in reversed(hits) if hit.kind != "event"}
            fitting = {one.pk: one for one in found if _fits(one, query.words)}
            fitting |= {pk: hit.stored for pk, hit in self._matches.items() if pk not in fitting}
            found = sorted(fitting.values(), key=lambda one: (not one.pinned, -one.touched, -one.pk))
        self._known = [one for one in found if one.pk not in self.deletions.hidden]
        self._draw()

    async def _listed(self, accounts: Sequence[int], query: Query) -> list[Stored]:
        """Pinned ones, then the others."""
        archived = "archived" in query.states
        store = self.desk.store
        pinned = await store.conversations(accounts, limit=PAGE, archived=archived, pinned=True, query=query)
        return pinned + await store.conversations(accounts, limit=self._limit, archived=archived, pinned=False, query=query)

    def _draw(self) -> None:
        if not self.is_attached:
            return
        rows: list[Row] = []
        group = ""
        now = self.desk.clock.wall()
        for one in self._known:
            name = "Pinned" if one.pinned else _group(now, one.touched)
            if name != group:
                group = name
                rows.append(Row(f"group {name}", (Cell(name),), heading=True))
            rows.append(self._row(one, now))
            hit = self._matches.get(one.pk)
            if hit is not None and hit.kind != "title":
                around = safe_line(hit.snippet, 200)
                rows.append(Row("", (Cell(around, "quiet", tuple(spans(around, self._words_asked))),), detail=True))
        empty = (
            "Nothing fits. backspace widens the filter, ctrl+f searches everything."
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
        title = safe_line(conversation.title or "Untitled", 200)
        tags = "".join(f"  #{tag}" for tag in one.tags)
        cells = (
            Cell(MARKS.get(words, ""), role),
            Cell(title + tags, "strong", tuple(spans(title, self._words_asked)) if self._words_asked else ()),
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
        return _lasting(one)

    @on(Rows.Highlighted)
    def more(self, event: Rows.Highlighted) -> None:
        """At the end of the list: what follows, from the store and from the servers."""
        one = self.chosen()
        glance = self.query_one(Glance)
        if glance.shown:
            self.attempt(lambda: glance.show(self.desk.store, one), group="glance")
        last = self._known[-1] if self._known else None
        if last is None or event.key != str(last.pk) or self.query_one("#filter", Input).value:
            return
        if len(self._known) >= self._limit or any(self._next.values()):
            self._limit += PAGE
            self.attempt(self._load_more, group="more")

    async def _load_more(self) -> None:
        waiting = [profile for name, profile in self.profiles.items() if self._next.get(name)]
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
                [
                    ("enter", "open"),
                    ("space", "preview"),
                    ("p", "pin"),
                    ("t", "tag"),
                    ("x", "export"),
                    ("d", "delete"),
                    ("ctrl+f", "search all"),
                    ("f1", "help"),
                ]
            )
        else:
            keys = [("enter", "open"), ("↓", "list"), ("ctrl+f", "search all"), ("f2", "agents"), ("esc", "back"), ("f1", "help")]
            self.key_bar.keys(keys)

    @on(Input.Changed, "#filter")
    def narrow(self) -> None:
        """Filter as one types."""
        self.attempt(self._show, group="filter")

    def action_again(self) -> None:
        """Ask every account again."""
        self._next = {}
        self.attempt(self._load, group="load")

    def action_preview(self) -> None:
        """Show or hide it."""
        glance, one = self.query_one(Glance), self.chosen()
        glance.shown = not glance.shown
        if glance.shown:
            self.attempt(lambda: glance.show(self.desk.store, one), group="glance")

    def action_search(self) -> None:
        """The same words in everything."""
        self.post_message(OpenSearch(self.query_one("#filter", Input).value))

    def chosen(self) -> Stored | None:
        """The one under the cursor."""
        key = self.query_one(Rows).key
        return next((one for one in self._known if str(one.pk) == key), None)

    @on(Input.Submitted, "#filter")
    @on(Rows.Chosen)
    def open(self) -> None:
        """Open the one under the cursor, at the place that was found."""
        one = self.chosen()
        if one is not None:
            hit = self._matches.get(one.pk)
            turn, part = (hit.turn, hit.part_id) if hit is not None else ("", "")
            self.post_message(OpenStored(one, turn, part=part, words=self._words_asked if turn else ""))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Single letters act in the list only."""
        return action not in LETTERS or self.query_one(Rows).has_focus


def _lasting(one: Stored) -> tuple[str, str]:
    """The word of a conversation that nobody here talks in, and its role."""
    if one.waiting:
        return "needs you", "needs"
    if one.running:
        return "running", "agent"
    if one.stop in STOPS:
        return STOPS[one.stop], "failed"
    if one.unread:
        return "new", "person"
    if one.rated is not None:
        return f"rated {one.rated.value}", "agent" if one.rated is Verdict.UP else "quiet"
    return ("closed", "quiet") if one.conversation.status is Status.CLOSED else ("", "quiet")


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
