"""What a terminal says of itself when it is asked: keyboard, background, and how wide it really draws."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping

from app.models import Json

SAMPLES = {"中": 2, "👍": 2, "👩‍👩‍👧": 2, "é": 1, "…": 1}
"""Texts and the cells that we count for them."""
PATIENCE = 1.5
"""Seconds for all answers; a terminal at the far end of a slow line needs some."""
_ANSWERS = re.compile(r"\x1b\[(\d+);(\d+)R|\x1b\[\?(\d+)u|\x1b\]11;rgba?:([0-9a-fA-F/]+)|(\x1b\[\?[\d;]*c)")
TMUX = {
    "set-clipboard": ("on", "copies do not reach the terminal around tmux; run: tmux set -g set-clipboard on"),
    "extended-keys": ("on", "shift+enter does not arrive; run: tmux set -g extended-keys on"),
    "focus-events": ("on", "notifications cannot know whether you look; run: tmux set -g focus-events on"),
}
"""Setting of tmux → what it should be, and what else happens and helps."""


def terminal() -> dict[str, Json]:
    """Ask the terminal, if there is one: ``keyboard``, ``background``, ``widths`` of what is drawn otherwise than counted."""
    try:
        descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return {"asked": "there is no terminal to ask"}
    try:
        return read(_ask(descriptor))
    except OSError as error:
        return {"asked": f"it could not be asked ({error.strerror})"}
    finally:
        os.close(descriptor)


def _ask(descriptor: int) -> str:
    import termios
    import tty

    before = termios.tcgetattr(descriptor)
    widths = "".join(f"\r{sample}\x1b[6n" for sample in SAMPLES)
    try:
        tty.setraw(descriptor, termios.TCSANOW)
        os.write(descriptor, f"\x1b[?u\x1b]11;?\x1b\\{widths}\r\x1b[K\x1b[c".encode())
        heard, deadline = "", time.monotonic() + PATIENCE
        while not re.search(r"\x1b\[\?[\d;]*c", heard):
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                break
            heard += os.read(descriptor, 4096).decode("utf-8", "replace")
        return heard
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def read(heard: str) -> dict[str, Json]:
    """What the answers mean."""
    columns: list[int] = []
    found: dict[str, Json] = {"keyboard": "plain: shift+enter is enter; ctrl+j begins a new line", "background": "not told"}
    for _, column, flags, colour, _ in _ANSWERS.findall(heard):
        if column:
            columns.append(int(column) - 1)
        elif flags:
            found["keyboard"] = "kitty protocol: every key arrives, shift+enter too"
        elif colour:
            parts = [int(part, 16) / (16 ** len(part) - 1) for part in colour.split("/")[:3] if part]
            found["background"] = "dark" if sum(parts) / max(1, len(parts)) < 0.5 else "light"
    if len(columns) == len(SAMPLES):
        wrong = {text: cells for (text, counted), cells in zip(SAMPLES.items(), columns, strict=True) if cells != counted}
        found["widths"] = {text: f"drawn {cells} wide, counted {SAMPLES[text]}" for text, cells in wrong.items()} or "as counted"
    else:
        found["widths"] = "not told"
    return found


def clipboard(environ: Mapping[str, str]) -> str:
    """The way a copy takes."""
    if environ.get("TMUX"):
        return "OSC 52 through tmux"
    if environ.get("STY"):
        return "OSC 52; screen prints it instead: copy with the mouse and shift"
    if environ.get("TERM_PROGRAM") == "Apple_Terminal":
        return "none: this terminal ignores OSC 52; export, or select with the mouse (f8)"
    return "OSC 52, if the terminal allows it"


def tmux(environ: Mapping[str, str]) -> dict[str, Json]:
    """The settings of tmux that matter, each with what helps."""
    if not environ.get("TMUX"):
        return {}
    found: dict[str, Json] = {}
    plain = {name: value for name, value in environ.items() if not name.startswith(("CODEER_", "QODER_", "PARLOUR_"))}
    for name, (wanted, otherwise) in TMUX.items():
        try:
            words = ["tmux", "show", "-gv", name]
            done = subprocess.run(words, capture_output=True, text=True, timeout=2, check=False, env=plain)  # noqa: S603
        except (OSError, subprocess.SubprocessError):
            return {"tmux": "its settings could not be read"}
        value = done.stdout.strip()
        found[name] = value if value in (wanted, "always", "external") else f"{value or 'unknown'}: {otherwise}"
    return found


def colours(environ: Mapping[str, str]) -> str:
    """How many there are."""
    if environ.get("NO_COLOR"):
        return "none: NO_COLOR is set"
    if environ.get("COLORTERM") in ("truecolor", "24bit"):
        return "16 million"
    return "256" if "256" in environ.get("TERM", "") else "16; the theme 'ansi' fits (parlour, f10)"


def without_home(text: str) -> str:
    """A path that names nobody."""
    home = os.path.expanduser("~")  # noqa: PTH111
    return text.replace(home, "~") if len(home) > 1 else text


def encoding() -> str:
    """Of what is printed."""
    return str(getattr(sys.__stdout__, "encoding", None) or "")
