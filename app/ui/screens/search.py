"""Search everything: words and filters in, places out, each with what stands around it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from app.errors import UsageError
from app.profiles import Profile
from app.store import Hit
from app.store.highlights import spans
from app.store.query import HELP, Query, parse
from app.sync import known
from app.text import safe, safe_line
from app.transcript import Part, Turn
from app.ui.desk import Desk
from app.ui.requests import OpenStored
from app.ui.screens.listing import Listing
from app.ui.widgets.rows import Cell, Column, Row, Rows

PAGE = 100
WIDE = 130
"""Cells from which the place of a hit stands beside the list."""
AROUND = 1_200
KINDS = {"text": "answer", "prompt": "you", "tool": "tool", "title": "title", "file": "file", "event": "event"}


class SearchScreen(Listing):
    """Results as one types; the last query wins. Enter opens at the exact place."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "into_list", "To the list", id="search.list", tooltip="From the words into the list"),
        Binding("slash", "into_filter", "Words", id="search.filter", tooltip="Back to the words"),
        Binding("escape", "step_out", "Back", id="search.out", tooltip="To the words, then back"),
    ]

    def __init__(self, desk: Desk, *, text: str = "") -> None:
        super().__init__(desk)
        self._text = text
        self._hits: list[Hit] = []
        self._query = Query()
        self._limit = PAGE
        self._profiles: list[Profile] = []

    def content(self) -> Iterable[Widget]:
        """Words, list, the place of the hit, and what is not here yet."""
        yield from self.filter_line("Words, a “phrase”, or filters", self._text)
        with Horizontal(id="search-body"):
            columns = [Column(share=4), Column(share=2, from_width=56), Column(share=2, from_width=96), Column(width=8),
                       Column(width=10, right=True)]  # fmt: skip
            yield Rows(columns, id="list")
            yield Static(id="preview", markup=False)
        yield Static(id="search-notice", markup=False)

    def on_mount(self) -> None:
        """Look for what was handed in."""
        self.title_bar.show(Content.assemble(("Parlour", "bold"), "  search"))
        self.on_resize()
        self._refresh_keys()
        self.attempt(self._begin, group="load")

    def on_screen_resume(self) -> None:
        """Coming back from the sync, more may be here."""
        self.attempt(self._begin, group="load")

    def on_resize(self) -> None:
        """The place of a hit has room or gives way."""
        self.query_one("#preview").set_class(self.size.width < WIDE, "-narrow")

    async def _begin(self) -> None:
        self._profiles = list(await self.desk.profiles())
        await self._say_what_is_missing()
        await self._search()

    async def _say_what_is_missing(self) -> None:
        """What was not read into the search is said; of the rest, until when it was complete."""
        never: list[str] = []
        whole: list[str] = []
        for profile in self._profiles:
            account = await self.desk.account(profile)
            done = (await known(self.desk.store, account, profile.external_user_id)).until
            (whole if done else never).append(
                f"{safe_line(profile.name, 40)} until {done}" if done else safe_line(profile.name, 40)
            )
        parts = []
        if never:
            parts.append(
                Content.styled(
                    f"Not all read: {', '.join(never)} (what was opened or said here is). ctrl+y reads the rest.", "$warning"
                )
            )
        if whole:
            parts.append(Content.styled(f"Complete: {', '.join(whole)}.", "$text-muted"))
        self.query_one("#search-notice", Static).update(Content("  ").join(parts))

    # --- asking and showing -------------------------------------------------------------------------------------------

    async def _search(self, *, keep: bool = False) -> None:
        typed = self.query_one("#filter", Input).value
        try:
            query = parse(typed, self.desk.clock.wall())
        except UsageError as error:
            self._count(Content.styled(safe_line(error, 200), "$warning"))
            return
        accounts = [await self.desk.account(profile) for profile in self._profiles]
        began = self.desk.clock.monotonic()
        self._hits = await self.desk.store.search(query, accounts=accounts, limit=self._limit)
        self._query = query
        took = int((self.desk.clock.monotonic() - began) * 1000)
        more = "+" if len(self._hits) >= self._limit else ""
        self._count(Content.styled(f"{len(self._hits)}{more} found · {took} ms" if not query.empty else "", "$text-muted"))
        self._draw(keep=keep)

    def _count(self, content: Content) -> None:
        self.query_one("#filter-count", Static).update(content)

    def _draw(self, *, keep: bool) -> None:
        rows: list[Row] = []
        now = self.desk.clock.wall()
        for number, hit in enumerate(self._hits):
            conversation = hit.stored.conversation
            title = safe_line(conversation.title or "Untitled", 200)
            marked = spans(title, self._query.words) if hit.kind == "title" else []
            cells = (
                Cell(title, "strong", tuple(marked)),
                Cell(conversation.agent_name or "–"),
                Cell(hit.stored.profile, "quiet"),
                Cell(KINDS.get(hit.kind, hit.kind), "agent" if hit.kind == "text" else "quiet"),
                Cell(_when(hit.at, now), "quiet"),
            )
            rows.append(Row(str(number), cells))
            if hit.kind != "title":
                around = safe_line(hit.snippet, 300)
                rows.append(Row("", (Cell(around, "quiet", tuple(spans(around, self._query.words))),), detail=True))
        empty = f"Filters: {HELP}" if self._query.empty else "Nothing found in what is here. backspace widens the search."
        self.query_one(Rows).show(rows, empty=empty, keep=keep)
        self.peek()

    def _chosen(self) -> Hit | None:
        key = self.query_one(Rows).key
        return self._hits[int(key)] if key.isdigit() and int(key) < len(self._hits) else None

    @on(Rows.Highlighted)
    def peek(self) -> None:
        """The place of the hit, where there is room; more hits at the end of the list."""
        hit = self._chosen()
        if hit is not None and self.size.width >= WIDE:
            self.attempt(lambda: self._peek(hit), group="peek")
        elif hit is None:
            self.query_one("#preview", Static).update(Content())
        if hit is not None and len(self._hits) >= self._limit and hit is self._hits[-1]:
            self._limit += PAGE
            self.attempt(lambda: self._search(keep=True), group="search")

    async def _peek(self, hit: Hit) -> None:
        turns = await self.desk.store.turns_between(hit.stored.pk, [hit.turn]) if hit.turn else []
        lines = [Content.styled(safe_line(hit.stored.conversation.title or "Untitled", 100), "bold"), Content()]
        for turn in turns:
            lines += self._place(turn, hit)
        if not turns:
            lines.append(self._marked(hit.snippet))
        self.query_one("#preview", Static).update(Content("\n").join(lines))

    def _place(self, turn: Turn, hit: Hit) -> list[Content]:
        part = turn.part(hit.part_id) if hit.part_id else None
        lines = [Content.styled("you", "bold $primary"), self._marked(turn.text), Content()]
        shown = [part] if part is not None else [one for one in turn.parts if one.text][:1]
        for one in shown:
            name = one.name or hit.stored.conversation.agent_name or "agent"
            lines += [Content.styled(safe_line(name, 60), "bold $secondary"), self._marked(_text(one))]
        return lines

    def _marked(self, text: str) -> Content:
        """The neighbourhood of the first find, with all finds marked."""
        found = spans(text[:200_000], self._query.words)
        start = max(0, found[0][0] - AROUND // 3) if found else 0
        shown = safe(("…" if start else "") + text[start : start + AROUND] + ("…" if start + AROUND < len(text) else ""))
        content = Content(shown)
        for first, end in spans(shown, self._query.words):
            content = content.stylize("bold on $warning-muted", first, end)
        return content

    # --- keys ---------------------------------------------------------------------------------------------------------

    def on_descendant_focus(self) -> None:
        """The keys follow the focus."""
        self._refresh_keys()

    def _refresh_keys(self) -> None:
        where = ("/", "words") if self.query_one(Rows).has_focus else ("↓", "list")
        self.key_bar.keys([("enter", "open there"), where, ("ctrl+y", "read the rest"), ("esc", "back"), ("f1", "help")])

    @on(Input.Changed, "#filter")
    def narrow(self) -> None:
        """Look as one types; what was asked before is broken off."""
        self._limit = PAGE
        self.attempt(self._search, group="search")

    @on(Input.Submitted, "#filter")
    @on(Rows.Chosen)
    def open(self) -> None:
        """At the exact place."""
        hit = self._chosen()
        if hit is not None:
            words = self._query.words if hit.kind not in ("title", "event") else ""
            self.post_message(
                OpenStored(hit.stored, hit.turn, part=hit.part_id, words=words, event=f"#{hit.seq}" if hit.seq else "")
            )


def _text(part: Part) -> str:
    return "\n".join(text for text in (part.summary, part.output) if text) if part.name and part.output else part.text


def _when(at: float, now: float) -> str:
    moment = time.localtime(at)
    if now - at < 86_400:
        return time.strftime("%H:%M", moment)
    return time.strftime("%d %b" if now - at < 300 * 86_400 else "%d %b %y", moment)
