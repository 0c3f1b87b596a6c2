"""Pictures of every screen, made from the real application on the demo: ``make pictures``.

Each is an SVG in ``out/pictures``; ``--readme`` draws those of the README and the tour as PNG in ``docs/pictures`` (with
``rsvg-convert``, or a Chromium).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from app.cli.compose import Program
from app.cli.desk import ProgramDesk
from app.ui.app import ParlourApp

OUT = Path(__file__).parent.parent / "out" / "pictures"
DOCS = Path(__file__).parent.parent / "docs" / "pictures"
SIZES = ((80, 24), (120, 40), (200, 60))
THEMES = ("parlour-dark", "parlour-light")
BEST = (
    "agents-120x40-dark", "conversation-120x40-dark", "approval-120x40-light", "history-120x40-dark", "events-120x40-dark",
    "welcome-80x24-dark", "composer-80x24-light", "queue-80x24-dark", "settings-120x40-dark", "search-120x40-dark",
    "palette-80x24-light", "form-80x24-light", "help-80x24-dark",
)  # fmt: skip


@asynccontextmanager
async def application(size: tuple[int, int], *, demo: bool) -> AsyncIterator[Pilot[Any]]:
    desk = ProgramDesk(Program(), demo="demo" if demo else "")
    app = ParlourApp(desk, first="demo" if demo else "")
    async with app.run_test(size=size, notifications=True) as pilot:
        yield pilot
    await desk.aclose()


async def until(pilot: Pilot[Any], condition: Callable[[], bool], seconds: float = 20.0) -> None:
    for _ in range(int(seconds / 0.05)):
        if condition():
            await pilot.pause(0.15)
            return
        await pilot.pause(0.05)
    raise AssertionError("the picture's moment did not come")


def seen(pilot: Pilot[Any], text: str) -> bool:
    svg = pilot.app.export_screenshot()
    return text in re.sub(r"<[^>]+>", "", svg).replace("&#160;", " ")


async def save(pilot: Pilot[Any], name: str) -> None:
    size = pilot.app.size
    for theme in THEMES:
        pilot.app.theme = theme
        await pilot.pause(0.3)
        _write(pilot.app.export_screenshot(title=" "), f"{name}-{size.width}x{size.height}-{theme.rpartition('-')[2]}")


def _write(svg: str, name: str) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    svg = re.sub(r"@font-face\s*\{[^}]*\}", "", svg).replace("Fira Code", "DejaVu Sans Mono")
    svg = svg.replace("<text ", '<text xml:space="preserve" ')
    path = OUT / f"{name}.svg"
    path.write_text(svg, encoding="utf-8")


def drawn(path: Path) -> Path:
    """The PNG of an SVG, by whatever is there that draws one."""
    made = path.with_suffix(".png")
    svg = path.read_text(encoding="utf-8")
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    width, height = (round(float(part)) for part in size.groups()) if size is not None else (1000, 700)
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if shutil.which("rsvg-convert"):
        subprocess.run(["rsvg-convert", str(path), "-o", str(made)], check=True)
    elif browser is not None:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=0.75"]
        flags += [f"--screenshot={made}", f"--window-size={width},{height}"]
        subprocess.run([browser, *flags, path.resolve().as_uri()], check=True, capture_output=True)
    return made


async def welcome(size: tuple[int, int]) -> None:
    async with application(size, demo=False) as pilot:
        await until(pilot, lambda: seen(pilot, "demo"))
        await save(pilot, "welcome")


async def _talk(pilot: Pilot[Any], agent: str, text: str) -> None:
    await until(pilot, lambda: seen(pilot, "Researcher"))
    await pilot.press(*agent.lower())
    await until(pilot, lambda: seen(pilot, agent))
    await pilot.press("enter")
    await until(pilot, lambda: seen(pilot, "Write a message"))
    from app.ui.widgets.prompt import Prompt

    pilot.app.screen.query_one(Prompt).put(text)
    await pilot.press("enter")


async def places(size: tuple[int, int]) -> None:
    async with application(size, demo=True) as pilot:
        await until(pilot, lambda: seen(pilot, "Researcher"))
        await save(pilot, "agents")
        await _talk(pilot, "Researcher", "How do cone 6 glazes differ, and what should I try first?")
        await until(pilot, lambda: seen(pilot, "done"))
        await save(pilot, "conversation")
        await pilot.press("f5")
        await until(pilot, lambda: seen(pilot, "response.created"))
        await save(pilot, "events")
        await pilot.press("escape")
        await pilot.press("escape")
        await pilot.press("f2")
        await _talk(pilot, "Builder", "Tidy up the greeter and run the tests")
        await until(pilot, lambda: seen(pilot, "wants to run"))
        await save(pilot, "approval")
        await pilot.press("escape", "escape", "f2")
        await _talk(pilot, "Intake", "I would like to visit the studio")
        await until(pilot, lambda: seen(pilot, "asks for a form"))
        await pilot.pause(0.6)
        await pilot.press("f")
        await until(pilot, lambda: seen(pilot, "hand in"))
        await save(pilot, "form")
        await pilot.press("escape")
        await pilot.press("f1")
        await until(pilot, lambda: seen(pilot, "Keys here"))
        await save(pilot, "help")
        await pilot.press("escape")
        await pilot.press("f3")
        await until(pilot, lambda: seen(pilot, "Today"))
        await save(pilot, "history")
        await pilot.press("down", "p", "space")
        await until(pilot, lambda: seen(pilot, "Pinned"))
        await save(pilot, "preview")
        await pilot.press("f7")
        await until(pilot, lambda: seen(pilot, "Scribe") and seen(pilot, ":models"))
        await save(pilot, "resources")
        await pilot.press("escape")
        await pilot.press("f12")
        await until(pilot, lambda: seen(pilot, "Filters:"))
        await pilot.press(*"glaze")
        await until(pilot, lambda: seen(pilot, "found"))
        await pilot.press("down", "down")
        await save(pilot, "search")
        await pilot.press("ctrl+y")
        await until(pilot, lambda: seen(pilot, "not here yet") or seen(pilot, "here"))
        await pilot.pause(1.0)
        await save(pilot, "sync")
        await comparing(pilot)
    async with application(size, demo=True) as pilot:
        await writing(pilot)


async def comparing(pilot: Pilot[Any]) -> None:
    """Two agents, one question."""
    from app.ui.widgets.prompt import Prompt

    await pilot.press("f2")
    for agent in ("guide", "researcher"):
        await until(pilot, lambda: seen(pilot, "accounts"))
        pilot.app.screen.query_one("#filter", Input).value = agent
        await pilot.pause(0.3)
        pilot.app.screen.query_one("#list").focus()
        await pilot.press("home", "c")
    await until(pilot, lambda: seen(pilot, "Write one message for both"))
    pilot.app.screen.query_one(Prompt).put("What should a beginner know about glazes?")
    await pilot.press("enter")
    await until(pilot, lambda: getattr(pilot.app.screen, "_decidable", False))
    await pilot.press("tab")
    await save(pilot, "compare")


async def writing(pilot: Pilot[Any]) -> None:
    """The composer at work, and what is set."""
    await _talk(pilot, "Metronome", "stream 6000 at 60")
    await until(pilot, lambda: seen(pilot, "live"))
    from app.ui.widgets.prompt import Prompt

    prompt = pilot.app.screen.query_one(Prompt)
    for text in ("And what did the second firing show?", "Compare it with last week."):
        prompt.put(text)
        await pilot.press("enter")
        await until(pilot, lambda: not prompt.text)
    await pilot.press(*"Here is the log: ")
    prompt.post_message(events.Paste("\n".join(f"{hour:02}:00  {800 + 7 * hour} °C" for hour in range(1, 24))))
    await until(pilot, lambda: seen(pilot, "[pasted"))
    await save(pilot, "composer")
    await pilot.press("alt+q")
    await until(pilot, lambda: seen(pilot, "Waits to be sent"))
    await save(pilot, "queue")
    await pilot.press("escape")
    await pilot.press("ctrl+p")
    await until(pilot, lambda: type(pilot.app.screen).__name__ == "CommandPalette")
    await pilot.pause(0.5)
    await save(pilot, "palette")
    await pilot.press("escape")
    await pilot.press("f4")
    await pilot.pause(0.5)
    await save(pilot, "inbox")
    await pilot.press("escape")
    await pilot.press("f10")
    await until(pilot, lambda: seen(pilot, "prompt.send"))
    await save(pilot, "settings")


async def all_of_them(sizes: tuple[tuple[int, int], ...]) -> None:
    for size in sizes:
        with tempfile.TemporaryDirectory() as home:  # what is pinned for one picture would be unpinned for the next
            os.environ["PARLOUR_HOME"] = home
            await welcome(size)
            await places(size)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", help="only this one, as 120x40")
    parser.add_argument("--readme", action="store_true")
    args = parser.parse_args()
    sizes = (tuple(int(part) for part in args.size.split("x")),) if args.size else SIZES
    asyncio.run(all_of_them(sizes))  # type: ignore[arg-type]
    if args.readme:
        DOCS.mkdir(parents=True, exist_ok=True)
        for name in BEST:
            shutil.copy(drawn(OUT / f"{name}.svg"), DOCS / f"{name}.png")


if __name__ == "__main__":
    main()
