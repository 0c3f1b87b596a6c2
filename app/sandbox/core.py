"""The world both sides of the sandbox share: ids, the ledger, the faults in the queue, and the state that may outlive a run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import uuid
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.clock import Clock
from app.models import Json
from app.sandbox.faults import Faults
from app.sandbox.storage import Folder

if TYPE_CHECKING:
    from app.sandbox.upstream import Upstream

_EPOCH = 1_700_000_000
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_SAVE_AFTER = 0.25
_SPACE = uuid.UUID("6f7c3c0e-6c1d-4c55-9d7b-2f1a0c6b5e10")


class Ids:
    """Ids that grow and that no earlier run used: seeded by the time, and never below what the folder remembers."""

    def __init__(self, clock: Clock, last: int = 0) -> None:
        self.last = max(last, int((clock.wall() - _EPOCH) * 1000), 1000)

    def number(self) -> int:
        """The next integer id."""
        self.last += 1
        return self.last

    def name(self, prefix: str) -> str:
        """The next textual id: ``prefix`` (as given, with its underscore) and ten characters that sort in order of creation."""
        left, text = self.number(), ""
        while left:
            left, digit = divmod(left, 36)
            text = _DIGITS[digit] + text
        return prefix + text.rjust(10, "0")

    def uuid(self) -> str:
        """The next id in the form of a UUID."""
        return str(uuid.uuid5(_SPACE, str(self.number())))


class Ledger:
    """What was accepted, in order: one flat JSON object an entry, with ``n`` (from 1), ``at``, ``kind`` and ``vendor``."""

    def __init__(self, clock: Clock, entries: list[dict[str, Json]], changed: Callable[[], None]) -> None:
        self.entries = entries
        self._clock = clock
        self._changed = changed

    def add(self, kind: str, vendor: str, **facts: Json) -> None:
        """Write one entry. Facts carry the vendor's ids; a prompt also has ``text``; no ``idempotency_key`` is null."""
        facts.setdefault("idempotency_key", None)
        self.entries.append({"n": len(self.entries) + 1, "at": self._clock.stamp(), "kind": kind, "vendor": vendor, **facts})
        self._changed()


class World:
    """Everything one sandbox knows. ``section`` is fetched at every use: a reset empties it."""

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        data: Path | None = None,
        new_account: bool = False,
        dialect: str = "intl",
        upstream: Upstream | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.new_account = new_account
        self.dialect = dialect
        self.upstream = upstream
        """The model that answers for created agents, if there is one."""
        self.closing = asyncio.Event()
        self.token = secrets.token_urlsafe(24)
        self._folder = Folder(data) if data is not None else None
        saved = self._folder.load() if self._folder else {}
        kept = saved.get("keys", {})
        self.keys: dict[str, str] = {
            "codeer": kept.get("codeer") or "cdr-" + secrets.token_urlsafe(24),
            "qoder": kept.get("qoder") or "pt-" + secrets.token_urlsafe(24),
        }
        self.ids = Ids(self.clock, int(saved.get("last_id", 0)))
        self.faults = Faults()
        self._sections: dict[str, dict[str, Json]] = saved.get("sections", {})
        self.ledger = Ledger(self.clock, saved.get("ledger", []), self.changed)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._on_reset: list[Callable[[], None]] = []
        self._saving: asyncio.TimerHandle | None = None
        self._cost = 0.0

    def section(self, name: str) -> dict[str, Json]:
        """A dict of JSON values that survives a restart with ``--data``. Say ``changed()`` after changing it."""
        return self._sections.setdefault(name, {})

    def changed(self) -> None:
        """The state is different from the one on disk: save it soon."""
        if self._folder is None or self._saving is not None:
            return
        loop = asyncio.get_running_loop()
        self._saving = loop.call_later(max(_SAVE_AFTER, self._cost * 20), self.save)

    def save(self) -> None:
        """Write the snapshot now."""
        if self._saving is not None:
            self._saving.cancel()
            self._saving = None
        if self._folder is None:
            return
        before = self.clock.monotonic()
        snapshot = {"keys": self.keys, "last_id": self.ids.last, "sections": self._sections, "ledger": self.ledger.entries}
        with contextlib.suppress(OSError):  # a full disk must not end a talk: the next change tries again
            self._folder.save(json.dumps(snapshot, separators=(",", ":")).encode())
        self._cost = self.clock.monotonic() - before

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``work`` on its own, strongly held; it is cancelled when the world is reset or closed."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def on_reset(self, call: Callable[[], None]) -> None:
        """Have ``call`` forget what it holds outside of the sections."""
        self._on_reset.append(call)

    async def reset(self) -> None:
        """Forget everything but the keys and the ids already used."""
        await self._cancel()
        for section in self._sections.values():
            section.clear()
        self.ledger.entries.clear()
        self.faults.clear()
        for call in self._on_reset:
            call()
        self.changed()

    async def close(self) -> None:
        """End what runs, save, and let go of the folder."""
        self.closing.set()
        await self._cancel()
        self.save()
        if self._folder is not None:
            self._folder.close()
            self._folder = None

    async def _cancel(self) -> None:
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
