"""The shelf: drafts that were put away, newest first, kept over restarts."""

from __future__ import annotations

import json

from app.store import Store

NAME = "shelf"
SIZE = 50


async def put(store: Store, text: str) -> int:
    """Put a draft on it; returns how many lie there."""
    drafts = [text, *[draft for draft in await drafts_on(store) if draft != text]][:SIZE]
    await store.save_note(NAME, json.dumps(drafts))
    return len(drafts)


async def take_one(store: Store, text: str) -> None:
    """Take this draft off, wherever it lies."""
    await store.save_note(NAME, json.dumps([draft for draft in await drafts_on(store) if draft != text]))


async def drafts_on(store: Store) -> list[str]:
    """All of them."""
    try:
        found = json.loads(await store.note(NAME) or "[]")
    except ValueError:
        return []
    return [draft for draft in found if isinstance(draft, str)] if isinstance(found, list) else []
