"""What ``--json`` prints has the shape that ``docs/schemas`` promises: each command, the real executable."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.conftest import Served
from tests.cli.schemas import FOLDER, check, names, validator


@pytest.mark.parametrize("name", names())
def test_a_schema_is_one_and_refuses_something_else(name: str) -> None:
    assert list(validator(name).iter_errors("a text")), "it would accept anything"
    raw = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert raw["title"] and raw["$schema"].endswith("2020-12/schema")
    doc = (FOLDER.parent / "cli.md").read_text(encoding="utf-8")
    assert f"schemas/{name}.json" in doc, f"docs/cli.md does not name {name}"


def test_every_schema_the_page_names_is_there() -> None:
    doc = (FOLDER.parent / "cli.md").read_text(encoding="utf-8")
    assert set(re.findall(r"schemas/([\w-]+)\.json", doc)) == set(names())


def test_lists_and_a_conversation(served: Served) -> None:
    check("sandbox", served.ready)
    check("agents", served.run("agents", "--json").json)
    for side, agent in (("codeer", "Researcher"), ("qoder", "Builder")):
        asked = served.run("ask", "--profile", side, "--agent", agent, "why", "--approve", "allow", "--json")
        check("turn", asked.json)
        chat = asked.json["conversation"]
        shown = served.run("show", "--profile", side, chat, "--json").json
        check("show", shown)
        assert {part["kind"] for part in shown["turns"][0]["parts"]} >= {"text", "tool"}
        check("show", json.loads(served.run("export", "--profile", side, chat, "--format", "json").out))
        for line in served.run("events", "--profile", side, chat).lines:
            check("events", line)
    check("conversations", served.run("conversations", "--json").json)
    check("search", served.run("search", "why", "--json").json)
    check("doctor", served.run("doctor", "--json").json)
    check("profiles", served.run("profile", "list", "--json").json)
    check("profile-check", served.run("profile", "check", "codeer", "--json").json)


def test_turns_that_end_in_every_way(served: Served) -> None:
    served.fault("codeer", "error_event")
    for side, agent in (("codeer", "Parrot"), ("codeer", "Intake"), ("qoder", "Builder"), ("qoder", "Clerk")):
        ran = served.run("ask", "--profile", side, "--agent", agent, "hello", "--json")
        check("turn", ran.json)
        assert ran.code in (5, 7), (agent, ran.json)
    timed = served.run("ask", "--profile", "codeer", "--agent", "Metronome", "stream 900 at 20", "--json", "--timeout", "0.5")
    check("turn", timed.json)
    events = served.run("ask", "--profile", "qoder", "--agent", "Parrot", "hi", "--events").lines
    check("turn", events[-1])
    for line in events[:-1]:
        check("events", line)
    shown = served.run("conversations", "--json").json
    check("conversations", shown)
    assert "waiting" in {row["status"] for row in shown}


def test_what_is_done_to_a_conversation(served: Served) -> None:
    codeer = served.run("ask", "--profile", "codeer", "--agent", "Parrot", "one", "--json").json["conversation"]
    qoder = served.run("ask", "--profile", "qoder", "--agent", "Parrot", "two", "--json").json["conversation"]
    check("rate", served.run("rate", "--profile", "codeer", codeer, "last", "down", "--comment", "no", "--json").json)
    review = served.run("review", "--profile", "codeer", "--json").json
    check("review", review)
    assert review[0]["verdict"] == "down"
    check("turn", served.run("regenerate", "--profile", "codeer", codeer, "--json").json)
    check("done", served.run("rename", "--profile", "codeer", codeer, "Title", "--json").json)
    check("done", served.run("interrupt", "--profile", "qoder", qoder, "--json").json)
    check("done", served.run("archive", "--profile", "qoder", qoder, "--json").json)
    check("done", served.run("delete", "--profile", "qoder", qoder, "--yes", "--json").json)
    waiting = served.run("ask", "--profile", "qoder", "--agent", "Clerk", "order 17", "--json").json
    event = waiting["waiting"][0]["event"]
    words = ("answer", waiting["conversation"], event, "--data", '{"a": 1}', "--profile", "qoder", "--json")
    check("answered", served.run(*words).json)
    check("sync", served.run("sync", "--yes", "--json").json)
