"""What can be done with the thing under the cursor, as far as its description has a verb for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from textual.screen import Screen

from app import resource_cells as cells
from app import resource_values as values
from app import resources as work
from app.errors import UsageError
from app.profiles import Profile
from app.protocols import Resources, Vendor
from app.resource_models import Does, Object, Resource, Verb
from app.text import json_text
from app.ui.desk import Desk
from app.ui.dialogs import ChooseDialog
from app.ui.resources.talking import open_session, talk_with
from app.ui.resources.writing import EDITOR, FORM, Writing
from app.ui.screens.listing import Listing
from app.ui.widgets.rows import Rows

MOST_LINES = 500
"""Of a list that is shown as a text."""


@dataclass
class Level:
    """Where one is: a kind of thing, below which one of another kind."""

    resource: Resource
    parents: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """What the parents are called."""
    things: list[Object] = field(default_factory=list)
    more: bool = False
    """There is more than was read."""
    read: bool = False
    """The server has answered; before that nothing is known to be missing."""


class Acting(Listing):
    """The deeds of the browser; what is listed is its other half."""

    def __init__(self, desk: Desk, profile: Profile, vendor: Vendor, kept: Resources) -> None:
        super().__init__(desk)
        self._profile, self._vendor, self._kept = profile, vendor, kept
        self._levels = [Level(kept.resources[0])]
        fallback = {"environment": profile.environment} if profile.environment else {}
        self.writing = Writing(kept, (profile.vendor, profile.name), self._ask, self._failed, self.progress, fallback)

    def _failed(self, error: object) -> None:
        self.say(error, failed=True)

    async def load(self) -> None:
        """Ask the server for the list again."""
        raise NotImplementedError

    def enter(self, level: Level) -> None:
        """Show another level."""
        raise NotImplementedError

    def progress(self, sentence: str) -> None:
        """How far something is; "" at its end."""
        raise NotImplementedError

    @property
    def level(self) -> Level:
        """Where one is."""
        return self._levels[-1]

    @property
    def rows(self) -> Rows:
        """The list."""
        return self.query_one("#list", Rows)

    async def _ask(self, dialog: Screen[Any]) -> Any:
        return await self.app.push_screen_wait(dialog)

    @property
    def thing(self) -> Object | None:
        """What stands under the cursor."""
        resource, key = self.level.resource, self.rows.key
        return next((one for one in self.level.things if values.ident(resource, one) == key), None)

    def _ids(self, verb: Verb | None = None) -> tuple[str, ...]:
        """The ids that a verb needs for the thing under the cursor."""
        count = len(verb.names) - 1 if verb else len(self.level.parents)
        return (*self.level.parents[: max(0, count)], self.rows.key)

    def _go_in(self, name: str) -> None:
        """To what hangs on the thing under the cursor."""
        thing = self.thing or {}
        below = work.by_name(self._kept, name)
        label = values.label(self.level.resource, thing) or self.rows.key
        self._levels.append(Level(below, (*self.level.parents, self.rows.key), (*self.level.names, label)))
        self.enter(self.level)

    def _can(self, action: str) -> bool:
        resource, writes = self.level.resource, not self._kept.read_only
        found = {verb.does for verb in resource.verbs}
        match action:
            case "new":
                return writes and bool(found & {Does.CREATE, Does.UPLOAD})
            case "edit":
                return writes and Does.UPDATE in found
            case "end":
                return writes and any(verb.asks for verb in resource.verbs)
            case "save":
                return Does.DOWNLOAD in found
            case "versions":
                return any(name.endswith("versions") for name in self._children())
            case "compare":
                return resource.compares
            case "talk":
                return resource.name in ("agents", "sessions")
            case "used_by":
                return bool(resource.used_by)
        return True

    def _children(self) -> tuple[str, ...]:
        """What hangs on the thing, or on what it hangs on: a memory's versions are its store's."""
        resource = self.level.resource
        if resource.children or not resource.parent or resource.compares:
            return resource.children
        return work.by_name(self._kept, resource.parent).children

    def _do(self, work_: Callable[[], Any]) -> None:
        self.attempt(work_, group="act")

    def action_new(self) -> None:
        """Make or upload one."""
        verb = next(one for one in self.level.resource.verbs if one.does in (Does.CREATE, Does.UPLOAD))

        async def make() -> None:
            made = await self.writing.create(self.level.resource, verb, self.level.parents)
            if made is not None:
                await self.load()
                known = values.ident(self.level.resource, made) if isinstance(made, dict) else ""
                self.rows.put_cursor(known)
                self.rows.focus()
                self.say(f"Made: {values.label(self.level.resource, made) or known}" if isinstance(made, dict) else "Made.")

        self._do(make)

    def action_edit(self, how: str = FORM) -> None:
        """Change it."""
        verb = self.level.resource.first(Does.UPDATE)

        async def change() -> None:
            if verb is not None and self.thing is not None:
                done = await self.writing.edit(self.level.resource, verb, self._ids(verb), EDITOR if how == EDITOR else FORM)
                if done is not None:
                    await self.load()
                    self.say("Written.")

        self._do(change)

    def action_details(self) -> None:
        """All of it."""
        if self.thing is not None:
            self._do(self._details)

    async def _details(self) -> None:
        thing, resource = self.thing, self.level.resource
        if thing is None:
            return
        verb = resource.verb("show")
        whole = await work.thing(self._kept, resource, self._ids(verb)) if verb and not verb.within else thing
        self.read_whole(values.label(resource, whole) or self.rows.key, cells.described(resource, whole))

    def action_versions(self) -> None:
        """What it was."""
        name = next(name for name in self._children() if name.endswith("versions"))
        if self.level.resource.children and self.thing is not None:
            self._go_in(name)
        elif self.level.parents:
            level = self.level
            below = work.by_name(self._kept, name)
            self._levels.append(Level(below, level.parents, level.names))
            self.enter(self.level)

    def action_compare(self) -> None:
        """A version with the one before it."""
        if self.thing is not None:
            self._do(self._compare)

    async def _compare(self) -> None:
        level, resource = self.level, self.level.resource
        keys = [values.ident(resource, one) for one in level.things if self._same(one)]
        place = keys.index(self.rows.key)
        if place + 1 == len(keys):
            raise UsageError("It is the oldest; there is none before it.")
        sides = [
            values.comparable(resource, await work.thing(self._kept, resource, (*level.parents, key)))
            for key in (keys[place + 1], keys[place])
        ]
        changes = values.difference(sides[0], sides[1], keys[place + 1], keys[place]) or "They are the same."
        self.read_whole(f"{keys[place]}, and what it was before", changes)

    def _same(self, one: Object) -> bool:
        """Whether a version is of the same thing as the one under the cursor."""
        return one.get("memory_id") == (self.thing or {}).get("memory_id")

    def action_request(self) -> None:
        """The request that shows it, or the list."""
        resource, level = self.level.resource, self.level
        show, listed = resource.verb("show"), resource.first(Does.LIST)
        if self.thing is not None and show is not None and not show.within:
            call = values.call(resource, show, self._ids(show))
        elif listed is not None:
            call = values.call(resource, listed, level.parents[: len(listed.names)])
        else:
            return
        self.read_whole("The request; its key is in your environment or keyring", self.writing.request(resource, call))

    def action_used_by(self) -> None:
        """What uses it."""

        async def tell() -> None:
            found = await work.uses(self._kept, self.level.resource, self.rows.key)
            lines = "\n".join(f"{one.resource}  {one.label or one.id}  {one.id}" for one in found.found)
            self.read_whole(found.sentence, lines or found.sentence)

        if self.thing is not None:
            self._do(tell)

    def action_save(self) -> None:
        """Download it."""
        verb = self.level.resource.first(Does.DOWNLOAD)

        async def save() -> None:
            if verb is not None and self.thing is not None:
                path = await self.writing.save(self.level.resource, verb, self._ids(verb))
                self.say(f"Saved as {path}")

        self._do(save)

    def action_talk(self) -> None:
        """Talk with it, or go on in it."""
        if self.thing is not None:
            self._do(self._talk)

    async def _talk(self) -> None:
        going = talk_with if self.level.resource.name == "agents" else open_session
        where = await going(self.desk, self._profile, self._vendor, self.rows.key, self._ask)
        if where is not None:
            self.post_message(where)

    def action_end(self) -> None:
        """Archive or delete."""
        self._choose_verb([verb for verb in self.level.resource.verbs if verb.asks], "Which?")

    def action_actions(self) -> None:
        """Everything else."""
        writes = not self._kept.read_only
        first = self.level.resource.first(Does.LIST)
        others = [one for one in self.level.resource.verbs if one is not first and one.does is not Does.SHOW]
        self._choose_verb([verb for verb in others if writes or not verb.writes], "")

    def _choose_verb(self, verbs: list[Verb], title: str) -> None:
        async def choose() -> None:
            thing = self.thing
            fitting = [verb for verb in verbs if thing is not None or verb.does in (Does.CREATE, Does.UPLOAD)]
            if not fitting:
                return
            verb: Verb | None = fitting[0]
            if len(fitting) > 1:
                named = title or (values.label(self.level.resource, thing) if thing else "") or self.level.resource.name
                chosen = await self._ask(ChooseDialog(named, [(one.name, f"{one.name}: {one.says}") for one in fitting]))
                verb = next((one for one in fitting if one.name == chosen), None)
            if verb is not None:
                await self._verb(verb, thing or {})

        self._do(choose)

    async def _verb(self, verb: Verb, thing: Object) -> None:
        match verb.does:
            case Does.CREATE | Does.UPLOAD:
                self.call_later(self.action_new)
            case Does.UPDATE:
                self.call_later(self.action_edit)
            case Does.DOWNLOAD:
                self.call_later(self.action_save)
            case Does.LIST:
                call = values.call(self.level.resource, verb, self._ids(verb))
                lines = [json_text(one) async for one in work.every(self._kept, call, MOST_LINES)]
                self.read_whole(f"{verb.name}: {verb.says}", "\n".join(lines) or "There is nothing.")
            case _:
                if await self.writing.act(self.level.resource, verb, self._ids(verb), thing):
                    await self.load()
                    self.say(f"Done: {verb.name}.")
