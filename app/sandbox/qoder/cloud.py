"""Everything the Qoder side knows: tables of plain JSON in the world's section, and the sessions that are alive."""

from __future__ import annotations

import copy
from typing import Any

from app.models import Json
from app.sandbox.agents import AGENTS
from app.sandbox.core import World
from app.sandbox.qoder.live import Live
from app.sandbox.qoder.wire import unknown
from app.sandbox.steps import AgentSpec


class Cloud:
    """One account. Tables survive with ``--data``; ids are never given twice."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._alive: dict[str, Live] = {}
        self._awake = False
        world.on_reset(self._end)

    def table(self, name: str) -> dict[str, Any]:
        """A table by name: id to record, in the order they were made."""
        section = self.world.section("qoder")
        if "agents" not in section:
            self._begin(section)
        found: dict[str, Any] = section.setdefault(name, {})
        return found

    def row(self, table: str, kind: str, ident: str) -> dict[str, Any]:
        """A record; raises ``RefusedError`` 404."""
        found: dict[str, Any] | None = self.table(table).get(ident)
        if found is None:
            raise unknown(kind, ident)
        return found

    def name(self, prefix: str) -> str:
        """A new id such as ``sess_…``."""
        return self.world.ids.name(f"{prefix}_")

    def stamp(self) -> str:
        """Now, RFC 3339."""
        return self.world.clock.stamp()

    def changed(self) -> None:
        """Something is to be saved."""
        self.world.changed()

    def tell(self, kind: str, **facts: Json) -> None:
        """Enter something accepted into the ledger."""
        self.world.ledger.add(kind, "qoder", **facts)

    @property
    def dialect(self) -> str:
        """``cn`` or ``intl``."""
        return self.world.dialect

    def live(self, ident: str) -> Live:
        """A session with its journal; a turn that a restart cut off goes on. Raises ``RefusedError`` 404."""
        record = self.row("sessions", "Session", ident)
        found = self._alive.get(ident)
        if found is None:
            found = self._alive[ident] = Live(self.world, record)
            found.revive()
        return found

    def wake(self) -> None:
        """Once after a start: every turn that the last run left under way goes on, whether or not anybody asks for it."""
        if not self._awake:
            self._awake = True
            for ident, record in list(self.table("sessions").items()):
                if record["turn"] is not None:
                    self.live(ident)

    def forget(self, ident: str) -> None:
        """Drop a session that was deleted."""
        self._alive.pop(ident, None)
        self.table("sessions").pop(ident, None)
        self.changed()

    def agent(self, ident: str, version: int | None = None) -> dict[str, Json]:
        """An agent's current object, or one of its versions; raises ``RefusedError`` 404."""
        versions: list[dict[str, Json]] = self.row("agents", "Agent", ident)["versions"]
        if version is None:
            return versions[-1]
        found = next((item for item in versions if item["version"] == version), None)
        if found is None:
            raise unknown("Agent version", f"{ident}@{version}")
        return found

    def _end(self) -> None:
        """A reset: whoever still listens is told that the session is gone."""
        for old in self._alive.values():
            old.journal.close()
        self._alive.clear()

    def _begin(self, section: dict[str, Json]) -> None:
        """Set out the ready-made things, at a first start and after a reset."""
        section["agents"], section["environments"] = {}, {}
        if self.world.new_account:
            return
        now = self.stamp()
        for spec in reversed(AGENTS):
            if spec.side == "qoder":
                section["agents"][spec.id] = {"spec": spec.id, "versions": [_ready_made(spec, now)]}
        ident = "env_default"
        section["environments"][ident] = {
            "id": ident, "type": "environment", "name": "default", "description": "",
            "config": {"type": "cloud", "networking": {"type": "unrestricted"}},
            "metadata": {}, "archived_at": None, "created_at": now, "updated_at": now,
        }  # fmt: skip
        self.changed()


def _ready_made(spec: AgentSpec, now: str) -> dict[str, Json]:
    """An agent of the catalogue as its object (contract 7.3)."""
    return {
        "id": spec.id, "type": "agent", "name": spec.name, "description": spec.description, "model": spec.model,
        "system": spec.system, "tools": copy.deepcopy(list(spec.tools)), "mcp_servers": [],
        "skills": [], "metadata": {}, "multiagent": None,
        "version": 1, "archived_at": None, "created_at": now, "updated_at": now,
    }  # fmt: skip
