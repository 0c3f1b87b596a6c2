"""What is left of a crash: one sentence, and a report without anybody's words or keys."""

from __future__ import annotations

import os
import time
import traceback
from pathlib import Path

from app.paths import log_file, private_folder


def report(error: BaseException) -> Path | None:
    """Write where it happened (files, lines, types; no values, no messages) and return the file; None if that failed too."""
    try:
        folder = private_folder(log_file().parent)
        path = folder / f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
        lines = []
        seen: BaseException | None = error
        while seen is not None:
            lines.append(f"{type(seen).__module__}.{type(seen).__qualname__}")
            lines += [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(seen.__traceback__)]
            seen = seen.__cause__ or seen.__context__
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    except (OSError, ValueError):
        return None
    return path


def sentence(error: BaseException) -> str:
    """What the person reads."""
    path = report(error)
    where = f" A report without any of your text is in {path}." if path else ""
    what = f"Parlour stopped because of a fault of its own ({type(error).__name__})."
    return f"{what} What was said is kept; start it again to go on.{where}"
