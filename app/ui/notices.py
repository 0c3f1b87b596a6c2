"""A notification by the terminal's own means: constant words of ours, never what anybody said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

from app.profiles import Json

BELL = "\a"
WAYS = ("auto", "bell", "osc9", "osc777", "osc99", "off")
"""What ``[notify] by`` may say."""
PAUSE = 5.0
"""Seconds between two notifications; what happens in between is in the title's count."""
LONG = 20.0
"""Seconds after which the end of a turn is worth one, unless ``[notify] after`` says otherwise."""


class Notice(Enum):
    """What needs a person."""

    WAITING = "An agent needs you"
    DONE = "An answer is finished"
    FAILED = "A message failed"


def way(chosen: str, environ: Mapping[str, str]) -> str:
    """How this terminal is told: what was chosen, or what it is known to understand; a bell where nobody knows."""
    if chosen in WAYS and chosen != "auto":
        return chosen
    if environ.get("TMUX") or environ.get("STY"):
        return "bell"
    term, program = environ.get("TERM", ""), environ.get("TERM_PROGRAM", "")
    if environ.get("KITTY_WINDOW_ID") or term == "xterm-kitty":
        return "osc99"
    if program in ("iTerm.app", "WezTerm", "ghostty") or environ.get("LC_TERMINAL") == "iTerm2" or environ.get("WT_SESSION"):
        return "osc9"
    return "osc777" if term.startswith(("foot", "rxvt")) else "bell"


def sequence(by: str, notice: Notice, *, tmux: bool = False) -> str:
    """What is written to the terminal; "" for ``off``. In tmux it is handed through to the terminal around it."""
    title, text = "Parlour", notice.value
    found = {
        "bell": BELL,
        "osc9": f"\x1b]9;{title}: {text}\x1b\\",
        "osc777": f"\x1b]777;notify;{title};{text}\x1b\\",
        "osc99": f"\x1b]99;i=parlour:d=0;{title}\x1b\\\x1b]99;i=parlour:p=body;{text}\x1b\\",
    }.get(by, "")
    if tmux and found and by != "bell":
        return "\x1bPtmux;" + found.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return found


class Notices:
    """Writes them, one in ``PAUSE`` seconds at most. ``settings`` is the table ``[notify]``."""

    def __init__(
        self, settings: Mapping[str, Json], environ: Mapping[str, str], write: Callable[[str], None], now: Callable[[], float]
    ) -> None:
        self._write = write
        self._now = now
        self._last = float("-inf")
        self._tmux = bool(environ.get("TMUX"))
        self._environ = environ
        self.use(settings)

    def use(self, settings: Mapping[str, Json]) -> None:
        """Take what is set now."""
        self.by = way(str(settings.get("by", "auto")), self._environ)
        after = settings.get("after", LONG)
        self.after = float(after) if isinstance(after, int | float) and not isinstance(after, bool) and after >= 0 else LONG

    def give(self, notice: Notice) -> bool:
        """Tell it, unless one was told just now."""
        if self._now() - self._last < PAUSE:
            return False
        self._last = self._now()
        self._write(sequence(self.by, notice, tmux=self._tmux))
        return True
