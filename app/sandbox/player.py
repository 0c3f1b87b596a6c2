"""A recording that answers again: the same requests get the same bytes, with their pauses."""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Callable, Sequence

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.models import Json
from app.sandbox.core import World
from app.sandbox.faults import below_base, reset
from app.sandbox.recording import Exchange, pause

LONGEST = 1.0
"""Seconds that a pause of the recording takes at most."""
_SKIPPED = ("content-length", "transfer-encoding", "connection")


class Player:
    """ASGI: answers from ``exchanges`` alone; nothing is stored and nothing happens.

    Of the exchanges with the request's method, path and query the next one answers; after the last, the last again. A request
    that was never recorded is refused with the vendor's own 404, and a wrong key with its 401.
    """

    def __init__(self, exchanges: Sequence[Exchange], world: World, refuse: Callable[[str, int, Json, str], Response]) -> None:
        self._world, self._refuse = world, refuse
        self._recorded: dict[tuple[str, str, str], list[Exchange]] = defaultdict(list)
        for exchange in exchanges:
            self._recorded[exchange.place].append(exchange)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        while (message := await receive()).get("more_body"):
            if message["type"] == "http.disconnect":
                return
        vendor, _ = below_base(scope["path"])
        place = (scope["method"], scope["path"], scope["query_string"].decode("latin-1"))
        found = self._recorded.get(place)
        if not self._knows(vendor, scope):
            await self._refuse(vendor or "codeer", 401, None, "The key is not this sandbox's.")(scope, receive, send)
        elif not found:
            await self._refuse(vendor or "codeer", 404, None, "The recording has no such request.")(scope, receive, send)
        else:
            await self._answer(found.pop(0) if len(found) > 1 else found[0], scope, send)

    def _knows(self, vendor: str, scope: Scope) -> bool:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        given = headers.get("x-api-key", "") or headers.get("authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), self._world.keys[vendor or "codeer"].encode())

    async def _answer(self, exchange: Exchange, scope: Scope, send: Send) -> None:
        clock = self._world.clock
        if exchange.status:
            headers = [(name.encode(), value.encode("latin-1")) for name, value in exchange.headers.items()
                       if name.lower() not in _SKIPPED]  # fmt: skip
            await send({"type": "http.response.start", "status": exchange.status, "headers": headers})
        before, began = 0.0, clock.monotonic()
        for seconds, piece in exchange.pieces:
            await pause(clock, began, min(seconds - before, LONGEST))
            before, began = seconds, clock.monotonic()
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if exchange.end == "whole":
            await send({"type": "http.response.body", "body": b""})
        else:
            await reset(scope)
