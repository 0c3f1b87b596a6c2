"""What an account holds: one list for every kind of thing, jumped to with ``:``, filtered, opened, changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from app import resource_values as values
from app import resources as work
from app.profiles import Profile
from app.protocols import Resources, Vendor
from app.resource_models import Does, Object, Resource
from app.text import safe_line
from app.ui.desk import Desk
from app.ui.dialogs import ChooseDialog
from app.ui.resources import listing
from app.ui.resources.acting import Acting, Level
from app.ui.widgets.rows import Rows

MOST = 1_000
"""Things that are read into the list; the filter looks at these."""


class ResourcesScreen(Acting):
    """A list opens with its filter; ``:`` in it jumps to another kind. Single keys act in the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "into_list", "To the list", id="resources.list", tooltip="From the filter into the list"),
        Binding("slash", "into_filter", "Filter", id="resources.filter", tooltip="Back to the filter"),
        Binding("colon", "jump", "Another kind", id="resources.jump", tooltip="Type the name of a kind of thing, then enter"),
        Binding("escape", "step_out", "Back", id="resources.out", tooltip="To the filter, one level out, then back"),
        Binding("n", "new", "New", id="resources.new", tooltip="Make or upload a new one"),
        Binding("e", "edit('form')", "Edit", id="resources.edit", tooltip="Change it in a form, or its text"),
        Binding("E", "edit('editor')", "Edit JSON", id="resources.json", tooltip="Change it as the wire has it"),
        Binding("i", "details", "Details", id="resources.details", tooltip="Everything the server tells of it"),
        Binding("v", "versions", "Versions", id="resources.versions", tooltip="What it was, version by version"),
        Binding("c", "compare", "Compare", id="resources.compare", tooltip="A version with the one before it"),
        Binding("u", "request", "Request", id="resources.request", tooltip="The request as a command and for curl"),
        Binding("U", "used_by", "Used by", id="resources.used", tooltip="What uses it"),
        Binding("s", "save", "Save", id="resources.save", tooltip="Download it into this folder"),
        Binding("t", "talk", "Talk", id="resources.talk", tooltip="Talk with the agent, or go on in the session"),
        Binding("d", "end", "Archive, delete", id="resources.end", tooltip="Archive or delete it; asks for its name"),
        Binding("a", "actions", "Actions", id="resources.actions", tooltip="Everything that can be done with it"),
        Binding("z", "archived", "Archived", id="resources.archived", tooltip="With those that were archived, or without"),
        Binding("ctrl+r", "again", "Look again", id="resources.again", tooltip="Ask the server again"),
    ]
    SINGLE = frozenset({"new", "edit", "details", "versions", "compare", "request", "used_by", "save", "talk", "end", "actions",
                        "archived", "jump"})  # fmt: skip

    def __init__(self, desk: Desk, profile: Profile, vendor: Vendor, kept: Resources) -> None:
        super().__init__(desk, profile, vendor, kept)
        self._folded: set[str] = set()
        self._with_archived = False
        self._state = ""

    def content(self) -> Iterable[Widget]:
        """Filter, list, kinds."""
        yield from self.filter_line("Type to filter, or : and a kind")
        yield Rows(listing.columns(self.level.resource), id="list")
        yield Static(id="kinds", markup=False)

    def on_mount(self) -> None:
        """Look."""
        self._refresh_keys()
        self.enter(self.level)

    # --- what is shown ---------------------------------------------------------------------------------------------------------

    def enter(self, level: Level) -> None:
        """Show a level: what is known of it at once, then what the server says."""
        self.rows.divide(listing.columns(level.resource))
        self.query_one("#filter", Input).value = ""
        self._draw()
        self._refresh_keys()
        self.attempt(self.load, group="load")

    async def load(self) -> None:
        """Page after page; the first is shown while the others come."""
        level = self.level
        verb = level.resource.first(Does.LIST)
        if verb is None:
            return
        archived = next((one.place[0] for one in verb.query if one.name == "archived"), "")
        query = {archived: True} if archived and self._with_archived else {}
        call = values.call(level.resource, verb, level.parents[: len(verb.names)], query=query)
        self._state = "looking…"
        self._title()
        found: list[Object] = []
        async for thing in work.every(self._kept, call, MOST + 1):
            found.append(thing)
            if len(found) == 100 and not level.things:
                level.things = list(found)
                self._draw()
        level.things, level.more, level.read, self._state = found[:MOST], len(found) > MOST, True, ""
        if level is self.level:
            self._draw()

    def _draw(self) -> None:
        if not self.is_attached:
            return
        level, wanted = self.level, self.query_one("#filter", Input).value.strip()
        if wanted.startswith(":"):
            self._kinds(wanted[1:])
            return
        fitting = [thing for thing in level.things if not wanted or listing.fits(level.resource, thing, wanted)]
        rows = (
            listing.tree(level.resource, fitting, () if wanted else self._folded)
            if level.resource.tree
            else listing.flat(level.resource, fitting)
        )
        new = next((verb for verb in level.resource.verbs if verb.does in (Does.CREATE, Does.UPLOAD)), None)
        empty = f"There are no {level.resource.name} yet." + (" ↓ n makes one." if new and not self._kept.read_only else "")
        self.rows.show(rows, empty="Nothing fits. backspace widens the filter." if wanted else empty if level.read else "")
        count = f"{len(fitting)} of {len(level.things)}" if wanted else str(len(level.things)) if level.things else ""
        self.query_one("#filter-count", Static).update(Content(count + ("+" if level.more else "")))
        self._kinds()
        self._title()

    def _title(self) -> None:
        level = self.level
        way = "  ".join(level.names)
        who = f"{self._vendor.label} · {safe_line(self._profile.name, 40)}"
        where = (f"   {safe_line(way, 60)}" if way else "", "$text-muted")
        left = Content.assemble((who, "bold"), f"   :{level.resource.name}", where)
        told = [self._state, "with archived" if self._with_archived else ""]
        right = Content.styled("  ".join(filter(None, told)), "$text-muted")
        if self._kept.read_only:
            right = Content("  ").join([right, Content.styled("read-only", "$warning")])
        self.title_bar.show(left, "", right)

    def _kinds(self, typed: str = "") -> None:
        """The line of kinds; the one that is meant or shown is strong."""
        meant = self._meant(typed) if typed else self.level.resource
        outer = self._levels[0].resource
        parts = [
            Content.styled(f":{one.name}", "bold $primary" if one is meant or (not typed and one is outer) else "$text-muted")
            for one in self._kept.resources
            if not one.parent
        ]
        self.query_one("#kinds", Static).update(Content(" ").join(parts))

    def _meant(self, typed: str) -> Resource | None:
        tops = [one for one in self._kept.resources if not one.parent]
        return next((one for one in tops if one.name.startswith(typed.strip().casefold())), None)

    def progress(self, sentence: str) -> None:
        """In the title."""
        self._state = sentence
        self._title()

    # --- moving about ----------------------------------------------------------------------------------------------------------

    @on(Input.Changed, "#filter")
    def narrow(self) -> None:
        """Filter as one types."""
        self._draw()

    @on(Input.Submitted, "#filter")
    @on(Rows.Chosen)
    def open(self) -> None:
        """Jump, go in, or tell all of it."""
        typed = self.query_one("#filter", Input).value.strip()
        if typed.startswith(":"):
            self._jump(typed[1:])
            return
        folder = listing.folder(self.rows.key)
        if folder:
            self._folded ^= {folder}
            self._draw()
            return
        if self.thing is not None:
            self.attempt(self._open, group="open")

    def _jump(self, typed: str) -> None:
        meant = self._meant(typed)
        if meant is None:
            self.say("There is no such kind of thing here; the line below names them.", failed=True)
            return
        self._levels = [Level(meant)]
        self.enter(self.level)

    async def _open(self) -> None:
        resource, thing = self.level.resource, self.thing
        inside = [name for name in resource.children if not name.endswith("versions")]
        if thing is None:
            return
        if not inside:
            await self._details()
        elif len(inside) == 1:
            self._go_in(inside[0])
        else:
            options = [("", "details"), *((name, f"{name}: {work.by_name(self._kept, name).says}") for name in inside)]
            if resource.name == "sessions":
                options.insert(0, ("talk", "talk: go on in it"))
            chosen = await self._ask(ChooseDialog(values.label(resource, thing) or self.rows.key, options))
            if chosen == "talk":
                await self._talk()
            elif chosen:
                self._go_in(chosen)
            elif chosen is not None:
                await self._details()

    def leave(self) -> None:
        """One level out, then away."""
        if len(self._levels) > 1:
            self._levels.pop()
            self.enter(self.level)
        else:
            super().leave()

    def action_jump(self) -> None:
        """Into the filter, with the colon typed."""
        line = self.query_one("#filter", Input)
        line.value = ":"
        line.focus()
        line.cursor_position = 1

    def action_again(self) -> None:
        """Ask again."""
        self.attempt(self.load, group="load")

    def action_archived(self) -> None:
        """With or without."""
        self._with_archived = not self._with_archived
        self.attempt(self.load, group="load")

    # --- keys ------------------------------------------------------------------------------------------------------------------

    def on_descendant_focus(self) -> None:
        """The keys follow the focus."""
        self._refresh_keys()

    def _refresh_keys(self) -> None:
        if not self.rows.has_focus:
            self.key_bar.keys([("enter", "open"), ("↓", "list"), (":", "another kind"), ("esc", "back"), ("f1", "help")])
            return
        pairs = (("enter", "open", ""), ("n", "new", "new"), ("e", "edit", "edit"), ("t", "talk", "talk"), ("s", "save", "save"),
                 ("v", "versions", "versions"), ("c", "compare", "compare"), ("d", "archive, delete", "end"),
                 ("u", "request", "request"), ("a", "more", "actions"), ("f1", "help", ""))  # fmt: skip
        self.key_bar.keys([(key, what) for key, what, action in pairs if not action or self._can(action)])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Single letters act in the list only, and where they can."""
        return action not in self.SINGLE or (self.rows.has_focus and self._can(action))
