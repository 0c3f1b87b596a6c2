"""A scripted Qoder session on a raw socket: what each connection of its stream sends, and what its list says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from app.transcript import Turn
from tests.faults.kit.sockets import EVENT_HEAD, Connection, Op, RawServer, request, send
from tests.vendors.qoder_script import framed
from tests.vendors.test_qoder_stream import PROMPT, TURN, plain

WORDS = PROMPT.text
ENTERED: dict[str, Any] = {"id": "evt_09", "type": "session.status_idle", "stop_reason": {"type": "end_turn"}}
Script = Sequence[bytes | dict[str, Any] | Op]


@dataclass
class Session:
    """``streams``: one script a connection, the last one again and again; ``listed``: what the list has once the prompt is there.

    A script's dicts are events (as frames), its bytes go out as they are, anything else is an operation.
    """

    streams: Sequence[Script]
    listed: Sequence[dict[str, Any]] = tuple(raw for raw in TURN if "id" in raw)
    refuse_cursor: int = 0
    head: bytes = EVENT_HEAD
    opened: list[str] = field(default_factory=list)
    """The cursor of each connection of the stream."""
    posted: int = 0

    def server(self) -> RawServer:
        return RawServer([], last=[self._serve], path="/api/v1/cloud")

    async def _serve(self, connection: Connection) -> None:
        while not connection.writer.is_closing():
            await request()(connection)
            head = connection.requests[-1][0].decode("latin-1")
            method, target, _ = head.split(" ", 2)
            where = urlsplit(target)
            if method == "POST":
                self.posted += 1
                await send(_json({"data": [TURN[0]]}))(connection)
            elif where.path.endswith("/stream"):
                await self._stream(connection, head)
                return
            elif where.path.endswith("/events"):
                await send(_json(self._page(parse_qs(where.query))))(connection)
            else:
                await send(_json({"error": {"type": "not_found_error", "message": "no"}}, 404))(connection)

    async def _stream(self, connection: Connection, head: str) -> None:
        cursor = next((line[15:] for line in head.split("\r\n") if line.lower().startswith("last-event-id: ")), "")
        number = len(self.opened)
        self.opened.append(cursor)
        if cursor and self.refuse_cursor and number:
            await send(_json({"error": {"type": "conflict_error", "message": "unknown cursor"}}, self.refuse_cursor))(connection)
            return
        script = self.streams[min(number, len(self.streams) - 1)]
        await send(self.head)(connection)
        for item in script:
            if isinstance(item, dict):
                await send(framed(item))(connection)
            elif isinstance(item, bytes):
                await send(item)(connection)
            else:
                await item(connection)

    def _page(self, query: dict[str, list[str]]) -> dict[str, Any]:
        kept = [ENTERED, *self.listed] if self.posted else [ENTERED]
        if query.get("order") == ["desc"]:
            kept.reverse()
        after = query.get("after_id", [""])[0]
        names = [raw["id"] for raw in kept]
        if after in names:
            kept = kept[names.index(after) + 1 :]
        limit = int(query.get("limit", ["20"])[0])
        shown = kept[:limit]
        return {"data": shown, "has_more": len(kept) > limit, "last_id": shown[-1]["id"] if shown else None}


def _json(value: Any, status: int = 200) -> bytes:
    body = json.dumps(value).encode()
    return b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % (status, len(body)) + body


def folded(turn: Turn) -> list[Any]:
    """What a turn came to, without the name that we gave it."""
    return [turn.prompt_id, turn.state, turn.stop, turn.message_id, turn.waiting, turn.usage, *map(plain, turn.parts)]
