"""What one can do in the composer: send, attach, recall, edit elsewhere, and the ``/`` commands."""

from __future__ import annotations

import os
from pathlib import Path

from textual import on
from textual.content import Content
from textual.widgets import TextArea

from app.errors import UsageError
from app.text import safe_line
from app.ui import editor, slash
from app.ui.dialogs import CarefulDialog, ConfirmDialog
from app.ui.pick import FileDialog, PickDialog
from app.ui.screens.composing import Composing
from app.ui.widgets.foot import Prompt
from app.ui.widgets.rows import Cell, Row


class Writing(Composing):
    """A conversation that is written in."""

    _handing: bool = False

    @on(Prompt.Submitted)
    def send(self, event: Prompt.Submitted) -> None:
        """Hand the prompt to the turns; the composer is emptied once it is on disk. Enter again meanwhile is the same message."""
        if self._handing:
            return
        text = event.text
        name = slash.typed(text)
        if name is not None:
            self._command(name)
            return
        holder = self.desk.key_in(text)
        if holder:
            question = (
                f"This text contains the key of the profile {holder}. Whoever reads the conversation could use it. Send it?"
            )
            self.app.push_screen(
                CarefulDialog(question, "send it all the same", "leave it (also enter)"),
                lambda sure: self._submit(text, event.shown) if sure else None,
            )
        else:
            self._submit(text, event.shown)

    def _submit(self, text: str, shown: str) -> None:
        async def submit() -> None:
            try:
                await self.drafts.save()
                files = await self.attachments.uploaded()
                await self.desk.turns.submit(self.talk, text.removeprefix(" ") if text.startswith(" /") else text, files)
                self.foot.prompt.sent(shown)
            finally:
                self._handing = False
            await self.attachments.clear()
            await self.drafts.save()
            await self.recalling.sent()
            self.view.follow = True

        self._handing = True
        self.attempt(submit, group="submit")

    @on(TextArea.Changed)
    def keep_draft(self) -> None:
        """Soon on disk; a command is completed meanwhile."""
        self.drafts.changed()
        name = slash.typed(self.foot.prompt.text)
        found = slash.fitting(name) if name is not None else ()
        width = max((len(command.name) for command in found), default=0)
        self.foot.show_hints(
            [Content.assemble((f"/{command.name:<{width}}", "bold"), (f"  {command.what}", "$text-muted")) for command in found]
        )

    def complete(self) -> bool:
        """The rest of a command's name, as far as it is sure; False if none is being typed."""
        name = slash.typed(self.foot.prompt.text)
        found = [command.name for command in slash.fitting(name)] if name is not None else []
        if found:
            self.foot.prompt.put("/" + os.path.commonprefix(found))  # noqa: RUF071
        return name is not None

    def _command(self, name: str) -> None:
        command = slash.meant(name)
        if command is None:
            self.say(f"There is no command /{name}. Put a space before it to send it as it is.", failed=True)
            return
        self.foot.prompt.clear()
        self.call_later(self.run_action, command.action)

    # --- files ------------------------------------------------------------------------------------------------------------

    @on(Prompt.FileWanted)
    def pick_file(self) -> None:
        """An ``@`` where a word begins."""
        if self.attachments.possible:
            self.action_attach()

    @on(Prompt.Erased)
    def drop_file(self) -> None:
        """Backspace in an empty composer takes the last file away."""
        self.attempt(self.attachments.drop, group="attach")

    def action_attach(self) -> None:
        """Pick a file."""
        if not self.attachments.possible:
            self.say(f"{self.talk.vendor.label} takes no files.", failed=True)
            return

        def picked(path: str | None) -> None:
            if path is None:
                return
            self.foot.prompt.take_back_at()
            self.attempt(lambda: self.attachments.add(Path(path)), group="attach")

        self.app.push_screen(FileDialog(Path.cwd(), "Which file goes with the message?"), picked)

    # --- elsewhere --------------------------------------------------------------------------------------------------------

    def action_prompts(self) -> None:
        """What was asked before."""

        async def fitting(text: str) -> list[Row]:
            return [Row(prompt, (Cell(safe_line(prompt, 300)),)) for prompt in await self.asked(text)]

        def picked(prompt: str | None) -> None:
            if prompt is not None:
                self.foot.prompt.replace_all(prompt)

        self.app.push_screen(PickDialog("What you asked before", fitting), picked)

    def action_edit(self) -> None:
        """In the person's own editor."""
        try:
            self.foot.prompt.replace_all(editor.edit(self.app, self.foot.prompt.whole))
        except UsageError as error:
            self.say(error, failed=True)

    def action_regenerate(self) -> None:
        """Ask first: it may replace the answer."""

        def sure(yes: bool | None) -> None:
            if yes:
                self.desk.turns.regenerate(self.talk)

        self.app.push_screen(
            ConfirmDialog("Answer the last message again? It may replace the answer.", "answer again", "leave it"), sure
        )
