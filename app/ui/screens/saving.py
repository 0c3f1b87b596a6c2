"""Files of a conversation onto one's own disk."""

from __future__ import annotations

from pathlib import Path

from app.models import Attachment
from app.protocols import SavesFiles
from app.resource_cells import size_words
from app.text import safe_line
from app.ui.dialogs import AskLine, ChooseDialog
from app.ui.screens.reading import Reading


class Saving(Reading):
    """A conversation whose files can be saved."""

    def action_save_file(self) -> None:
        """Which file, then into which folder."""
        files = [file for turn in reversed(self.talk.transcript.turns) for file in turn.attachments if file.id or file.url]
        if not isinstance(self.talk.vendor, SavesFiles) or not files:
            self.say("There is no file in this conversation that could be saved.", failed=True)
            return

        def chosen(number: str | None) -> None:
            if number is not None:
                self._into(files[int(number)])

        if len(files) == 1:
            self._into(files[0])
            return
        options = [
            (str(number), f"{file.name}  {size_words(file.size) if file.size else ''}".rstrip())
            for number, file in enumerate(files)
        ]
        self.app.push_screen(ChooseDialog("Save which file?", options), chosen)

    def _into(self, file: Attachment) -> None:
        async def save(folder: Path) -> None:
            vendor = self.talk.vendor
            if isinstance(vendor, SavesFiles):
                saved = await vendor.save_file(self.talk.conversation, file, folder)
                self.say(f"Saved {size_words(saved.size)} as {saved.path}")

        def named(text: str | None) -> None:
            if text is None:
                return
            folder = Path(text.strip() or ".").expanduser()
            if not folder.is_dir():
                self.say(f"There is no folder {safe_line(folder, 200)}. Nothing was saved.", failed=True)
                return
            self.attempt(lambda: save(folder), group="save")

        self.app.push_screen(AskLine(f"Save {file.name} into which folder?", str(Path.cwd())), named)
