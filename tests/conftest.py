"""Every test has a home of its own, no keys from outside, and no keyring; who asks for it gets a sandbox."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.sandbox.server import Ready
from tests.servers import running_sandbox


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith(("CODEER_", "QODER_", "PARLOUR_")):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    monkeypatch.setenv("PARLOUR_HOME", str(home))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    return home


@pytest.fixture
async def sandbox() -> AsyncIterator[Ready]:
    async with running_sandbox() as ready:
        yield ready
