"""The sandbox for other people's tests: a context manager, and a pytest fixture over it.

In a ``conftest.py``::

    pytest_plugins = ["app.sandbox.testing"]

    def test_hello(parlour_sandbox):
        client = MyClient(parlour_sandbox.codeer.base, parlour_sandbox.codeer.key)
        parlour_sandbox.fault("POST /chats/*/messages", "drop_after_store")
        …
        assert [entry["text"] for entry in parlour_sandbox.ledger("prompt")] == ["Hello"]

It runs in a process of its own, on a free port of 127.0.0.1, and ends with the test, or with the process that started it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from app.models import Json


@dataclass(frozen=True, slots=True)
class Side:
    """One vendor's API: its base URL and the key of this run."""

    base: str
    key: str


class SandboxFailed(Exception):
    """It did not start; the text is what it said."""


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """Where it is, and what may be asked of it."""

    codeer: Side
    qoder: Side
    control: str
    token: str
    pid: int

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which ``parlour`` and the vendors' own clients find both sides."""
        return {
            "CODEER_API_KEY": self.codeer.key,
            "CODEER_API_BASE": self.codeer.base,
            "QODER_ACCESS_TOKEN": self.qoder.key,
            "QODER_MANAGED_BASE_URL": self.qoder.base,
        }

    def ledger(self, kind: str = "") -> list[dict[str, Any]]:
        """What was accepted, in order; ``kind`` narrows it ("prompt", "upload", "rating", …)."""
        return [entry for entry in self._ask("GET", "ledger") if kind in ("", entry["kind"])]

    def fault(self, match: str, fault: str, **more: Json) -> None:
        """Order a fault, as ``docs/sandbox.md`` lists them."""
        self._ask("POST", "faults", {"match": match, "fault": fault, **more})

    def clear_faults(self) -> None:
        """Forget those that did not happen yet."""
        self._ask("DELETE", "faults")

    def reset(self) -> None:
        """Forget everything but the keys."""
        self._ask("POST", "reset")

    def _ask(self, method: str, path: str, body: Json = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"x-sandbox-token": self.token, "content-type": "application/json"}
        request = urllib.request.Request(f"{self.control}/{path}", method=method, data=data, headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
            return json.loads(reply.read() or b"null")


@contextlib.contextmanager
def sandbox(*options: str) -> Iterator[RunningSandbox]:
    """A sandbox for the length of the context; ``options`` as for ``parlour sandbox``. Raises ``SandboxFailed``."""
    words = [sys.executable, "-m", "app", "sandbox", "--json", "--until-eof", *options]
    pipe = subprocess.PIPE
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CODEER_", "QODER_"))}
    process = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment)  # noqa: S603
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            _, said = process.communicate(timeout=10)
            raise SandboxFailed(said.strip())
        told = json.loads(line)
        yield RunningSandbox(Side(**told["codeer"]), Side(**told["qoder"]), told["control"], told["token"], process.pid)
    finally:
        process.terminate()
        process.communicate(timeout=10)


@pytest.fixture
def parlour_sandbox() -> Iterator[RunningSandbox]:
    """A sandbox of the test's own."""
    with sandbox() as running:
        yield running
