"""The README is true: keys made from the bindings, commands that exist. ``python -m tests.test_readme`` writes the table."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from textual.binding import Binding

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "(made by tests/test_readme.py from the bindings) -->\n", "<!-- keys:end -->"


def _tables() -> str:
    from app.ui.adapting import Adapting
    from app.ui.app import ParlourApp
    from app.ui.resources.browser import ResourcesScreen
    from app.ui.screens.agents import AgentsScreen
    from app.ui.screens.batches import BatchesScreen
    from app.ui.screens.compare import CompareScreen
    from app.ui.screens.conversation import ConversationScreen
    from app.ui.screens.events import EventsScreen
    from app.ui.screens.history import HistoryScreen
    from app.ui.screens.review import ReviewScreen
    from app.ui.screens.search import SearchScreen
    from app.ui.screens.sync import SyncScreen
    from app.ui.widgets.prompt import Prompt

    places = (
        ("Everywhere", (ParlourApp, Adapting)),
        ("Agents", (AgentsScreen,)),
        ("Conversation", (Prompt, ConversationScreen)),
        ("History", (HistoryScreen,)),
        ("Search", (SearchScreen,)),
        ("Sync", (SyncScreen,)),
        ("Compare", (CompareScreen,)),
        ("Events", (EventsScreen,)),
        ("Batches", (BatchesScreen,)),
        ("Review", (ReviewScreen,)),
        ("Resources", (ResourcesScreen,)),
    )
    rows = ["| Where | Key | Does |", "|---|---|---|"]
    for place, classes in places:
        for owner in classes:
            for binding in owner.__dict__["BINDINGS"]:
                if isinstance(binding, Binding) and binding.tooltip:
                    keys = " ".join(f"`{key.strip()}`" for key in binding.key.split(","))
                    rows.append(
                        f"| {place} | {keys} | {binding.description}: {binding.tooltip[0].lower()}{binding.tooltip[1:]} |"
                    )
                    place = ""
    return "\n".join(rows) + "\n"


def test_the_key_table_is_that_of_the_bindings() -> None:
    text = README.read_text(encoding="utf-8")
    assert text[text.index(BEGIN) + len(BEGIN) : text.index(END)] == _tables(), "run: python -m tests.test_readme"


def test_every_binding_has_an_id_and_a_tooltip() -> None:
    from textual.dom import DOMNode

    def below(owner: type) -> list[type]:
        children: list[type] = owner.__subclasses__()
        return [owner, *(found for child in children for found in below(child))]

    for owner in below(DOMNode):
        if owner.__module__.startswith("app."):
            for binding in owner.__dict__.get("BINDINGS", ()):
                assert isinstance(binding, Binding) and binding.id and binding.tooltip, (owner, binding)


def test_its_commands_are_commands() -> None:
    text = README.read_text(encoding="utf-8")
    used = {match[1] for match in re.finditer(r"^(?:.*\| )?parlour (\w+)", text, re.MULTILINE)}
    shown = subprocess.run([sys.executable, "-m", "app", "--help"], capture_output=True, text=True, check=True).stdout
    assert used and all(re.search(rf"^\s+{name}\b", shown, re.MULTILINE) for name in used)
    assert text.count("make run") >= 2 and text.count("make test") >= 1


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    README.write_text(text[: text.index(BEGIN) + len(BEGIN)] + _tables() + text[text.index(END) :], encoding="utf-8")
