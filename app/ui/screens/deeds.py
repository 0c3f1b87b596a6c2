"""What one can do with a conversation in a list: pin, tag, rename, archive, delete and take that back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace

from app.models import Profile, Wire
from app.protocols import Archives, Renames, Vendor
from app.store import Stored
from app.text import safe_line
from app.transcript import Turn
from app.ui import exporting
from app.ui.deletions import UNDO
from app.ui.deletions import Deletions as Deletions
from app.ui.desk import Desk
from app.ui.dialogs import AskLine
from app.ui.screens.listing import Listing


class Deeds(Listing):
    """A screen that lists conversations. Whoever mounts it says which one is meant and shows the list again."""

    def __init__(self, desk: Desk, deletions: Deletions) -> None:
        super().__init__(desk)
        self.deletions = deletions
        self.profiles: dict[str, Profile] = {}

    @abstractmethod
    def chosen(self) -> Stored | None:
        """The one under the cursor."""

    @abstractmethod
    async def show_again(self) -> None:
        """The list as it is now."""

    async def _vendor(self, one: Stored) -> Vendor:
        return await self.desk.vendor(self.profiles[one.profile])

    def action_pin(self) -> None:
        """Keep it on top, or not any more."""
        one = self.chosen()
        if one is not None:
            self.attempt(lambda: self._pin(one))

    async def _pin(self, one: Stored) -> None:
        await self.desk.store.pin(one.pk, not one.pinned)
        await self.show_again()

    def action_tag(self) -> None:
        """Its tags, as one line."""
        one = self.chosen()
        if one is None:
            return

        def named(line: str | None) -> None:
            if line is not None:
                self.attempt(lambda: self._tag(one, line))

        self.app.push_screen(AskLine("Tags, with commas between them (tag: finds them again)", ", ".join(one.tags)), named)

    async def _tag(self, one: Stored, line: str) -> None:
        await self.desk.store.save_tags(one.pk, [tag.strip().lstrip("#") for tag in line.split(",")])
        await self.show_again()

    def action_rename(self) -> None:
        """Another title."""
        one = self.chosen()
        if one is None:
            return

        def named(title: str | None) -> None:
            if title and title.strip():
                self.attempt(lambda: self._rename(one, title.strip()))

        self.app.push_screen(AskLine("Title", one.conversation.title), named)

    async def _rename(self, one: Stored, title: str) -> None:
        vendor = await self._vendor(one)
        if not isinstance(vendor, Renames):
            self.say(f"{vendor.label} cannot rename a conversation.", failed=True)
            return
        await vendor.rename(one.conversation, title)
        await self.desk.store.save_conversation(one.account, replace(one.conversation, title=title))
        await self.show_again()

    def action_archive(self) -> None:
        """Put it away."""
        one = self.chosen()
        if one is not None:
            self.attempt(lambda: self._archive(one))

    async def _archive(self, one: Stored) -> None:
        vendor = await self._vendor(one)
        if not isinstance(vendor, Archives):
            self.say(f"{vendor.label} cannot archive a conversation.", failed=True)
            return
        await vendor.archive(one.conversation)
        await self.desk.store.save_conversation(one.account, replace(one.conversation, archived=True))
        self.say("Put away. is:archived lists what was.")
        await self.show_again()

    def action_export(self) -> None:
        """As a file of its own."""
        one = self.chosen()
        if one is None:
            return
        store = self.desk.store

        async def load() -> tuple[Sequence[Turn], Sequence[Wire]]:
            return await store.turns(one.pk), [event.wire for event in await store.events(one.pk)]

        exporting.ask(self, one.conversation, one.profile, load)

    def action_delete(self) -> None:
        """Delete it in a while; until then u takes it back."""
        one = self.chosen()
        if one is None:
            return
        if one.running:
            self.say("It is running. Stop it first, then delete it.", failed=True)
            return
        self.deletions.begin(one)
        title = safe_line(one.conversation.title or "Untitled", 60)
        self.say(f"“{title}” is deleted in {UNDO:.0f} seconds, for good. u keeps it; so does leaving Parlour before.")

    def action_undo(self) -> None:
        """Keep what was deleted last."""
        kept = self.deletions.undo()
        if kept is None:
            self.say("There is nothing that could be taken back.")
        else:
            self.say(f"“{safe_line(kept.conversation.title or 'Untitled', 60)}” is kept.")
