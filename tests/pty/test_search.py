"""Looking for something that was said, as a person does: in a real terminal, to the exact place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Served, end, serve
from tests.pty.test_first_minute import keys_of
from tests.terminal import Terminal

pytestmark = pytest.mark.pty
F12 = "\x1b[24~"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = serve(tmp_path / "sandbox")
    yield made
    if made.process.poll() is None:
        end(made)


def test_found_while_typing_and_opened_at_the_words(served: Served, tmp_path: Path) -> None:
    served.home = tmp_path / "home"
    first = served.run("ask", "--profile", "codeer", "--agent", "Parrot", "茶碗の窯 heron", "--json").json
    for number in range(3):
        filler = f"filler {number} " + "line\n" * 25
        ran = served.run("ask", "--profile", "codeer", "--conversation", first["conversation"], filler)
        assert ran.code == 0, ran.err
    with Terminal(home=served.home, columns=100, lines=30, extra=keys_of(served)) as terminal:
        terminal.until("Parrot")
        terminal.press(F12)
        terminal.until("Filters:")
        terminal.type("窯 agent:parrot")
        terminal.until(lambda text: "found" in text and "茶碗の窯 heron" in text.replace("  ", " "))
        terminal.press("enter")
        terminal.until(lambda text: "茶碗の窯 heron" in text and "filler 2" not in text and "Parrot" in text)
        terminal.press("ctrl+q")
        assert terminal.wait() == 0
