"""What other people's tests get: a sandbox of their own, its ledger and its faults."""

import os
import subprocess
import sys

import httpx
import pytest

from app.sandbox.testing import SandboxFailed, sandbox

pytest_plugins = ["pytester"]
PARROT = "b0a7c1de-0002-4c1d-9a3e-5d6f00000002"


def test_it_serves_tells_and_ends():
    with sandbox("--dialect", "cn") as running:
        headers = {"x-api-key": running.codeer.key}
        with httpx.Client(base_url=running.codeer.base, headers=headers) as client:
            chat = client.post("/chats", json={"name": "c", "agent_id": PARROT}).json()["data"]["id"]
            running.fault("GET /chats", "status", status=503)
            assert client.get("/chats").status_code == 503
            running.fault("GET /chats", "status", status=503)
            running.clear_faults()
            assert client.get("/chats").status_code == 200
            client.post(f"/chats/{chat}/messages", json={"message": "Hi", "agent_id": PARROT, "stream": False})
        assert [entry["text"] for entry in running.ledger("prompt")] == ["Hi"]
        words = [sys.executable, "-m", "app", "agents", "--profile", "qoder", "--json"]
        listed = subprocess.run(words, env={**os.environ, **running.environment}, capture_output=True, text=True, timeout=60)
        assert "Builder" in listed.stdout, listed.stderr
        running.reset()
        assert running.ledger() == []
    with pytest.raises(httpx.ConnectError):
        httpx.get(running.codeer.base, timeout=2)


def test_a_wrong_option_says_what_it_said():
    with pytest.raises(SandboxFailed, match="invalid choice"), sandbox("--dialect", "nowhere"):
        raise AssertionError


def test_the_fixture(pytester: pytest.Pytester):
    pytester.makeconftest('pytest_plugins = ["app.sandbox.testing"]')
    pytester.makepyfile("def test_one(parlour_sandbox):\n    assert parlour_sandbox.qoder.key.startswith('pt-')\n")
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:xdist").assert_outcomes(passed=1)
