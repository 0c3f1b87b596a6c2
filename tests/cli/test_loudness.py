"""A bad profile, the waiting state, and how much goes to stderr."""

from __future__ import annotations

from tests.cli.conftest import Served


def test_a_bad_profile_stops_only_itself(served: Served) -> None:
    served.home.mkdir(parents=True, exist_ok=True)
    (served.home / "config.toml").write_text('[profiles.odd]\nvendor = "nobody"\n')
    listed = served.run("agents", "--json")
    assert listed.code == 0 and listed.json and listed.err.count("profile 'odd'") == 1
    assert served.run("agents", "--json", "--quiet").err == ""
    chosen = served.run("agents", "--profile", "odd", "--json")
    assert chosen.code == 2 and chosen.out == "" and "needs vendor = one of codeer, qoder" in chosen.err
    assert served.run("profile", "remove", "odd").code == 0
    assert served.run("agents", "--json").err == ""


def test_a_conversation_that_waits_says_so(served: Served) -> None:
    waiting = served.run("ask", "--profile", "qoder", "--agent", "Builder", "tidy up", "--json")
    assert waiting.code == 7
    done = served.run("ask", "--profile", "qoder", "--agent", "Parrot", "hi", "--json").json
    states = {row["id"]: row["status"] for row in served.run("conversations", "--profile", "qoder", "--json").json}
    assert states == {waiting.json["conversation"]: "waiting", done["conversation"]: "idle"}
    shown = served.run("conversations", "--profile", "qoder")
    assert "waiting" in shown.out


def test_verbose_tells_requests_and_no_secrets(served: Served) -> None:
    ran = served.run("ask", "-v", "--profile", "codeer", "--agent", "Parrot", "a private word", "--json")
    assert ran.code == 0 and ran.json["text"] == "a private word"
    base = served.ready["codeer"]["base"]
    assert f"> POST {base}/chats\n" in ran.err
    assert any(line.startswith(f"< 200 POST {base}/chats/") and " s" in line for line in ran.err.splitlines())
    assert "private" not in ran.err
    ahead = served.run("--verbose", "agents", "--profile", "qoder", "--json")
    assert f"> GET {served.ready['qoder']['base']}/agents" in ahead.err
    both = served.run("agents", "-q", "-v")
    assert both.code == 2


def test_quiet_keeps_errors(served: Served) -> None:
    quiet = served.run("show", "--profile", "codeer", "1", "--quiet")
    assert quiet.code == 4 and "There is no conversation" in quiet.err
    ran = served.run("ask", "--profile", "codeer", "--agent", "Researcher", "why", "--quiet")
    assert ran.code == 0 and ran.err == "" and ran.out
