"""``parlour sync`` in the real executable."""

from __future__ import annotations

import signal

from tests.cli.conftest import Served
from tests.cli.test_ask import until

SIDES = ("codeer", "qoder")


def test_it_shows_asks_and_fills(served: Served) -> None:
    for side in SIDES:
        assert served.run("ask", "--profile", side, "--agent", "Parrot", f"heron of {side}", "--json").code == 0
    served.home = served.home.with_name("another")
    assert served.run("search", "heron", "--json").json == []
    refused = served.run("sync", "--json")
    assert refused.code == 2 and "1 conversations, 1 of them not here yet" in refused.err and "--yes" in refused.err
    assert served.run("search", "heron", "--json").json == []
    ran = served.run("sync", "--yes", "--json")
    assert ran.code == 0, ran.err
    assert [(one["profile"], one["missing"], one["read"], one["turns"], one["complete"]) for one in ran.json] == [
        ("codeer", 1, 1, 1, True),
        ("qoder", 1, 1, 1, True),
    ]
    assert {hit["profile"] for hit in served.run("search", "heron", "--json").json} == set(SIDES)
    again = served.run("sync")
    assert again.code == 0 and again.err.count("all of them here") == 2 and again.out == ""
    assert sum(entry["kind"] == "prompt" for entry in served.control("GET", "ledger")) == 2


def test_ctrl_c_stops_it_and_it_goes_on(served: Served) -> None:
    for number in range(3):
        assert served.run("ask", "--profile", "codeer", "--agent", "Parrot", f"egret {number}").code == 0
    served.home = served.home.with_name("another")
    served.control(
        "POST", "faults", {"match": "GET /chats/*/messages", "vendor": "codeer", "fault": "delay", "seconds": 20, "times": 1}
    )
    process = served.start("sync", "--yes", "--profile", "codeer", "--json", sides=("codeer",))
    until(lambda: not served.control("GET", "faults"))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130 and "goes on from here" in err and '"complete": false' in out
    ran = served.run("sync", "--profile", "codeer", "--json", sides=("codeer",))
    assert ran.code == 0 and ran.json[0]["complete"] and "Going on where it was stopped" in ran.err
    assert len(served.run("search", "egret", "--profile", "codeer", "--json").json) >= 3
