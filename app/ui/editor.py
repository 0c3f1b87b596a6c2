"""A text in the person's own editor: the file lies in our own folder, for nobody else, and is gone afterwards."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from textual.app import App

from app.errors import UsageError
from app.paths import database_file, private_folder

OURS = ("CODEER_", "QODER_", "PARLOUR_")
"""Beginnings of the variables that a child process need not see."""


def command() -> list[str]:
    """The editor that the environment names. Raises ``UsageError``."""
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    try:
        words = shlex.split(named)
    except ValueError:
        words = []
    if not words:
        raise UsageError("No editor is set. Set EDITOR, then press ctrl+g again; your text is still here.")
    return words


def edit(app: App[Any], text: str, suffix: str = ".md") -> str:
    """Let the person edit ``text``; the application gives the terminal away meanwhile.

    Raises ``UsageError`` if there is no editor or it failed; then nothing has changed.
    """
    words = command()
    handle, name = tempfile.mkstemp(prefix="edit-", suffix=suffix, dir=private_folder(database_file().parent))
    path = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        variables = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        try:
            with app.suspend():
                done = subprocess.run([*words, str(path)], env=variables, check=False)  # noqa: S603
        except OSError as error:
            raise UsageError(f"The editor {words[0]!r} could not be started: {error.strerror}. Your text is unchanged.") from None
        if done.returncode:
            raise UsageError(f"The editor ended with {done.returncode}; your text is unchanged.")
        return path.read_text(encoding="utf-8", errors="replace").removesuffix("\n")
    finally:
        path.unlink(missing_ok=True)
