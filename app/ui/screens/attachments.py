"""The files that go with the next message: chosen, shown with their size, uploaded once, kept over a restart."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from textual.content import Content

from app.errors import ParlourError, UsageError
from app.models import Attachment
from app.protocols import Attaches
from app.resource_cells import size_words
from app.store import Store
from app.text import safe_line
from app.turns import Talk
from app.ui.widgets.foot import Foot


@dataclass(slots=True)
class Chip:
    """One file. ``file.id`` is there once the vendor has it; ``share`` is how much of it has left, 0 to 1."""

    file: Attachment
    share: float = 0.0


class Attachments:
    """What lies beside one composer."""

    def __init__(self, store: Store, talk: Talk, foot: Foot) -> None:
        self._store = store
        self._talk = talk
        self._foot = foot
        self._chips: list[Chip] = []

    def __len__(self) -> int:
        return len(self._chips)

    @property
    def possible(self) -> bool:
        """Whether this vendor takes files."""
        return isinstance(self._talk.vendor, Attaches)

    @property
    def _note(self) -> str:
        return f"attached:{self._talk.pk}"

    async def restore(self) -> None:
        """What lay there when the conversation was left."""
        try:
            found = json.loads(await self._store.note(self._note) or "[]")
            self._chips = [Chip(Attachment(**one)) for one in found]
        except (ValueError, TypeError):
            self._chips = []
        self._show()

    async def _changed(self) -> None:
        self._show()
        files = [asdict(chip.file) for chip in self._chips]
        await self._store.save_note(self._note, json.dumps(files) if files else "")

    async def add(self, path: Path) -> None:
        """Put a file there. Raises ``UsageError`` if it cannot be read."""
        if not self.possible:
            raise UsageError(f"{self._talk.vendor.label} takes no files.")
        try:
            size = await asyncio.to_thread(_readable_size, path)
        except OSError as error:
            raise UsageError(f"{path.name} cannot be read: {error.strerror}.") from None
        if all(chip.file.path != str(path) for chip in self._chips):
            self._chips.append(Chip(Attachment(path.name, str(path), size=size)))
        await self._changed()

    async def drop(self) -> None:
        """Take the last one away again."""
        if self._chips:
            self._chips.pop()
            await self._changed()

    async def put_back(self, files: tuple[Attachment, ...]) -> None:
        """The files of a message that did not leave: what the vendor has of them is used again."""
        there = {chip.file.path or chip.file.id for chip in self._chips}
        self._chips += [Chip(file) for file in files if (file.path or file.id) not in there]
        await self._changed()

    async def clear(self) -> None:
        """They are on their way."""
        self._chips.clear()
        await self._changed()

    async def uploaded(self) -> tuple[Attachment, ...]:
        """All of them at the vendor; what is there already does not leave again. Raises ``VendorError``."""
        for chip in self._chips:
            if chip.file.id:
                continue

            def told(sent: int, size: int, chip: Chip = chip) -> None:
                chip.share = sent / size if size else 1.0
                self._show()

            try:
                made = await self._vendor.upload(Path(chip.file.path), progress=told)
            except ParlourError:
                chip.share = 0.0
                self._show()
                raise
            chip.file = replace(made, path=chip.file.path)
            await self._changed()
        return tuple(chip.file for chip in self._chips)

    @property
    def _vendor(self) -> Attaches:
        if not isinstance(self._talk.vendor, Attaches):
            raise UsageError(f"{self._talk.vendor.label} takes no files.")
        return self._talk.vendor

    def _show(self) -> None:
        if self._foot.is_attached:
            self._foot.show_chips([_chip(chip) for chip in self._chips])


def _chip(chip: Chip) -> Content:
    state = " · uploaded" if chip.file.id else f" · {chip.share:.0%}" if chip.share else ""
    return Content.assemble(
        ("@ ", "$primary"), safe_line(chip.file.name, 60), (f"  {size_words(chip.file.size)}{state}", "$text-muted")
    )


def _readable_size(path: Path) -> int:
    with path.open("rb"):
        return path.stat().st_size
