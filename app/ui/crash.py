"""What is left of a crash: one sentence, and a report without anybody's words or keys."""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from app import __version__
from app.paths import log_file, private_folder
from app.text import safe_line

KEPT = 20
"""Reports that are kept; older ones are removed."""
_FRAMES = 200


def report(error: BaseException) -> Path | None:
    """Write where it happened (files, lines, types; no values, no messages) and return the file; None if that failed too."""
    try:
        return _written(error)
    except Exception:  # noqa: BLE001 - there may be no home, no space, no memory: a crash that cannot be written down still has its sentence
        return None


def _written(error: BaseException) -> Path:
    folder = private_folder(log_file().parent)
    for old in sorted(folder.glob("crash-*.txt"))[: -KEPT + 1]:
        old.unlink(missing_ok=True)
    stem = f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    path = next(path for number in range(100) if not (path := folder / f"{stem}{f'-{number}' if number else ''}.txt").exists())
    head = f"parlour {__version__}, Python {sys.version.split()[0]}, {sys.platform}"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write("\n".join([head, *_lines(error)]) + "\n")
    return path


def _lines(error: BaseException) -> list[str]:
    lines: list[str] = []
    known: set[int] = set()
    seen: BaseException | None = error
    while seen is not None and id(seen) not in known:
        known.add(id(seen))
        lines.append(f"{type(seen).__module__}.{type(seen).__qualname__}")
        frames = traceback.extract_tb(seen.__traceback__, limit=-_FRAMES)
        lines += [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        seen = seen.__cause__ or seen.__context__
    return lines


def _where(error: BaseException) -> str:
    path = report(error)
    return f" A report without any of your text is in {path}" if path else ""


def sentence(error: BaseException) -> str:
    """What the person reads when it ended everything."""
    if isinstance(error, MemoryError):
        what = "Parlour stopped because there is no memory left."
    else:
        what = f"Parlour stopped because of a fault of its own ({type(error).__name__})."
    return f"{what} What was said is kept; start it again to go on.{_where(error)}"


def fault(error: BaseException) -> str:
    """What the person reads when it ended one thing only."""
    return f"A fault of Parlour's own ({type(error).__name__}) ended what was just begun; the rest goes on.{_where(error)}"


def install() -> None:
    """Nothing that fails outside of everybody's care prints its values: not a thread, not a destructor, not the program."""

    def threads(failed: Any) -> None:
        if failed.exc_value is not None and failed.exc_type is not SystemExit:
            report(failed.exc_value)

    def destructors(failed: Any) -> None:
        if isinstance(failed.exc_value, Exception):
            report(failed.exc_value)

    def program(_kind: object, error: BaseException, _trace: object) -> None:
        said = "Interrupted." if isinstance(error, KeyboardInterrupt) else f"parlour: {safe_line(sentence(error), 1000)}"
        sys.stderr.write(said + "\n")

    threading.excepthook = threads
    sys.unraisablehook = destructors
    sys.excepthook = program
