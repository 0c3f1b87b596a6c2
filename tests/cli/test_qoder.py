"""``parlour qoder``: a new account from nothing to an artifact, conflicts, secrets, refusals; the real executable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Ran, Served, end, serve
from tests.cli.schemas import check
from tests.terminal import Terminal


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Served]:
    """A sandbox without agents and environments."""
    made = serve(tmp_path / "home", "--new-account")
    yield made
    end(made)


def qoder(served: Served, *words: str, stdin: str = "", code: int = 0) -> Ran:
    ran = served.run("qoder", *words, sides=("qoder",), stdin=stdin)
    assert ran.code == code, ran.err
    return ran


def test_a_new_account_from_nothing_to_an_artifact(fresh: Served, tmp_path: Path) -> None:
    skill = tmp_path / "audit"
    skill.mkdir()
    (skill / "SKILL.md").write_text("---\nname: audit\ndescription: Check invoices.\n---\n")
    skilled = qoder(fresh, "skills", "create", str(skill)).out.strip()
    words = ("--built-in", "Bash,DeliverArtifacts", "--permission", "always_ask")
    check("qoder-object", qoder(fresh, "agents", "create", "--name", "Worker", *words, "--json").json)
    made = qoder(fresh, "agents", "update", "Worker", "--skills", "audit", "--json").json
    check("qoder-object", made)
    assert made["skills"] == [{"type": "custom", "skill_id": skilled}]
    ran = qoder(fresh, "sessions", "create", "--agent", "worker", code=2)
    assert "parlour qoder environments create" in ran.err and not ran.out
    qoder(fresh, "environments", "create", "--name", "default")
    store = qoder(fresh, "memory", "create", "--name", "notes").out.strip()
    session = qoder(fresh, "sessions", "create", "--agent", "worker", "--title", "First", "--memory", store).out.strip()
    asked = fresh.run(
        "ask", "--conversation", session, "use Bash, DeliverArtifacts", "--approve", "allow", "--json", sides=("qoder",)
    )
    assert (asked.code, asked.json["status"]) == (0, "done"), asked.err
    files = qoder(fresh, "sessions", "artifacts", "First", "--json").json
    check("qoder-list", files)
    saved = qoder(fresh, "artifacts", "download", files[0]["id"], "--output", str(tmp_path), "--json").json
    check("qoder-download", saved)
    assert "Made in answer to" in Path(saved["path"]).read_text()
    used = qoder(fresh, "skills", "used-by", "audit", "--json").json
    check("qoder-used-by", used)
    assert used == [{"resource": "agents", "id": made["id"], "name": "Worker"}]
    assert "Used by" not in qoder(fresh, "environments", "delete", "default", "--yes", code=1).out


def test_a_memory_that_changed_meanwhile_and_an_agent_of_an_older_version(served: Served, tmp_path: Path) -> None:
    qoder(served, "memory", "create", "--name", "notes")
    text = tmp_path / "rules.md"
    text.write_text("one\n")
    first = qoder(served, "memories", "create", "notes", "--path", "/team/rules.md", "--content", f"@{text}", "--json").json
    assert first["path"] == "team/rules.md"
    done = qoder(served, "memories", "update", "notes", "team/rules.md", "--content", "two\n")
    assert "-one\n+two" in done.err and done.out.strip() == first["id"]
    stale = json.dumps({"content_sha256": first["content_sha256"], "content": "three\n"})
    ran = qoder(served, "memories", "update", "notes", "team/rules.md", "--data", stale, code=1)
    assert "Changed meanwhile:" in ran.err and "+three" in ran.err and not ran.out
    assert "two" in qoder(served, "memories", "show", "notes", "team/rules.md").out
    versions = [one["id"] for one in qoder(served, "memory", "versions", "notes", "--json").json]
    told = qoder(served, "memory-versions", "diff", "notes", versions[1], versions[0], "--json").json
    check("qoder-diff", told)
    assert "-one\n+two" in told["difference"]
    agent = qoder(served, "agents", "create", "--name", "Older", "--json").json
    qoder(served, "agents", "update", "Older", "--description", "theirs")
    body = json.dumps({"version": agent["version"], "name": "Mine"})
    ran = qoder(served, "agents", "update", agent["id"], "--data", body, code=1)
    assert '+  "description": "theirs"' in ran.err and '+  "name": "Mine"' in ran.err


def test_secrets_are_in_no_command_and_in_no_output(served: Served, tmp_path: Path) -> None:
    vault = qoder(served, "vaults", "create", "--name", "ci").out.strip()
    words = ("credentials", "create", vault, "--kind", "static_bearer", "--url", "https://mcp.example.test/x")
    ran = qoder(served, *words, "--data", '{"auth": {"token": "s3cret-word"}}', code=2)
    assert "others could see it" in ran.err and "s3cret-word" not in ran.err
    assert "--secret-stdin" in qoder(served, *words, code=2).err
    assert "***" in qoder(served, *words, "--curl").out
    made = qoder(served, *words, "--label", "CRM", "--secret-stdin", "--json", stdin="s3cret-word\n")
    assert made.json["metadata"] == {"label": "CRM"}
    again = qoder(served, "credentials", "rotate", "ci", "CRM", "--secret-stdin", "--verbose", stdin="s3cret-word-2\n")
    assert "s3cret" not in made.out + made.err + again.out + again.err
    with Terminal(
        ["qoder", "credentials", "rotate", "ci", "CRM"], home=served.home, extra=served.environment("qoder"), columns=100
    ) as terminal:
        terminal.until("it is not shown")
        terminal.type("s3cret-word-3\n")
        terminal.until("Done: rotate")
        assert terminal.wait() == 0 and b"s3cret" not in terminal.raw
    with Terminal(
        ["qoder", "vaults", "delete", "ci"], home=served.home, extra=served.environment("qoder"), columns=100
    ) as terminal:
        terminal.until("type its name, ci:")
        assert "All its credentials go with it." in terminal.text
        terminal.type("something else\n")
        terminal.until("nothing was done")
        assert terminal.wait() == 2


def test_refusals_end_with_their_code_and_one_sentence(served: Served, tmp_path: Path) -> None:
    assert "Say what to do" in qoder(served, "agents", code=2).err
    assert "--yes" in qoder(served, "agents", "delete", "Parrot", code=2).err
    assert "needed" in qoder(served, "agents", "create", code=2).err
    assert qoder(served, "agents", "show", "agent_none", code=4).out == ""
    assert "is not JSON" in qoder(served, "agents", "create", "--data", "{", code=2).err
    assert "no skill" in qoder(served, "skills", "create", str(tmp_path), code=1).err
    ran = served.run("qoder", "agents", "list", "--profile", "codeer")
    assert ran.code == 2 and "There is no profile of Qoder" in ran.err
    before = len(served.control("GET", "ledger"))
    assert "curl -X POST" in qoder(served, "agents", "create", "--name", "x", "--curl").out
    assert len(served.control("GET", "ledger")) == before


def test_a_read_only_profile_refuses_every_write(served: Served) -> None:
    served.home.mkdir(exist_ok=True)
    table = f'[profiles.prod]\nvendor = "qoder"\nbase = "{served.ready["qoder"]["base"]}"\nread_only = true\n'
    (served.home / "config.toml").write_text(table)
    ran = served.run("qoder", "agents", "create", "--name", "x", "--profile", "prod", sides=())
    assert ran.code == 2 and "read-only" in ran.err
    assert not any(entry["kind"] == "create" for entry in served.control("GET", "ledger"))
