from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.models import Conversation, PartKind, Profile, PromptState, Stop
from app.store import Store, Stored
from app.transcript import Part, Turn

PROFILE = Profile("work", "codeer", "https://api.example.test/api/v1", account="https://api.example.test")


def said(uid: str, prompt: str, answer: str, *, position: float = 1.0, done: bool = True) -> Turn:
    """A turn with one text part."""
    part = Part("p1", PartKind.TEXT, done=done)
    part.text = answer
    stop = Stop.DONE if done else None
    return Turn(uid, position, prompt, state=PromptState.SENT, stop=stop, started=1000.0 + position, parts=[part])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "parlour.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(path)
    yield opened
    await opened.aclose()


@pytest.fixture
async def account(store: Store) -> int:
    return await store.account(PROFILE)


@pytest.fixture
async def talk(store: Store, account: int) -> Stored:
    return await store.save_conversation(account, Conversation("70112", "A talk", agent_id="7", agent_name="Guide"))
