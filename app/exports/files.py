"""Writing an export: a new file that only its owner reads."""

from __future__ import annotations

import os
import re
from pathlib import Path

from app.errors import UsageError
from app.models import Conversation


def write_new(path: Path, text: str, *, force: bool = False) -> None:
    """Write a file that only its owner reads. Raises ``UsageError``; without ``force`` nothing is ever overwritten."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    part = path.with_name(f".{path.name[:80]}.{os.getpid()}.part")
    try:
        if not force:
            with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8", errors="replace") as file:
                file.write(text)
            return
        if path.exists() and not path.is_symlink() and not path.is_file():
            raise UsageError(f"{path} is not a file; nothing was written. Take another name.")
        # Beside it and then over it: a link is replaced and never followed, and no reader sees half of it.
        with os.fdopen(os.open(part, flags, 0o600), "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except FileExistsError as error:
        raise UsageError(f"{path} exists already; nothing was written. Take another name, or say --force.") from error
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UsageError(f"{path} cannot be written ({error.strerror}).") from error


def suggested(conversation: Conversation, form: str) -> str:
    """A name for the file, from the title: letters and digits of any script, nothing that a folder could be."""
    words = re.findall(r"[^\W_]+", conversation.title.casefold())[:8]
    return f"{'-'.join(words)[:60] or 'conversation'}.{form}"
