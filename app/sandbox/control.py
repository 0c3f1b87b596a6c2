"""The control routes: what a test, the demo or a curious person may ask of the sandbox itself."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncGenerator, Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.models import Json
from app.sandbox.core import World
from app.sandbox.frames import Frame, comment
from app.sandbox.sse import EventStream

_Handler = Callable[[Request], Awaitable[Response]]


def _nothing() -> None:
    return None


class Control:
    """Every route wants the header ``x-sandbox-token``.

    A lease is a GET that stays open: while one is held, a sandbox that was started with ``until_eof`` outlives its parent.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._leases = 0
        self._orphan = False
        self._deserted: Callable[[], None] = _nothing

    def routes(self) -> list[BaseRoute]:
        """Below ``/sandbox``."""
        return [
            self._route("/ledger", self._ledger, "GET"),
            self._route("/faults", self._list_faults, "GET"),
            self._route("/faults", self._add_fault, "POST"),
            self._route("/faults", self._clear_faults, "DELETE"),
            self._route("/reset", self._reset, "POST"),
            self._route("/settings", self._settings, "POST"),
            self._route("/lease", self._lease, "GET"),
        ]

    def on_deserted(self, call: Callable[[], None]) -> None:
        """Have ``call`` told when the parent is gone and nobody holds a lease."""
        self._deserted = call
        self._look()

    def parent_gone(self) -> None:
        """Standard input has ended."""
        self._orphan = True
        self._look()

    def _look(self) -> None:
        if self._orphan and not self._leases:
            self._deserted()

    def _route(self, path: str, handler: _Handler, method: str) -> Route:
        async def endpoint(request: Request) -> Response:
            given = request.headers.get("x-sandbox-token", "")
            if not hmac.compare_digest(given.encode(), self._world.token.encode()):
                return JSONResponse({"error": "The header x-sandbox-token is missing or wrong."}, status_code=401)
            return await handler(request)

        return Route(path, endpoint, methods=[method])

    async def _ledger(self, request: Request) -> Response:
        del request
        return JSONResponse(self._world.ledger.entries)

    async def _list_faults(self, request: Request) -> Response:
        del request
        return JSONResponse(self._world.faults.orders)

    async def _add_fault(self, request: Request) -> Response:
        try:
            order = json.loads(await request.body())
            for one in order if isinstance(order, list) else [order]:
                self._world.faults.add(one)
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse({"queued": order}, status_code=201)

    async def _clear_faults(self, request: Request) -> Response:
        del request
        self._world.faults.clear()
        return JSONResponse({"queued": []})

    async def _reset(self, request: Request) -> Response:
        del request
        await self._world.reset()
        return JSONResponse({"reset": True})

    async def _settings(self, request: Request) -> Response:
        """``whitelist``: the external user ids that are let in, or null. ``unpublished``: agents without a published version."""
        try:
            wanted = json.loads(await request.body())
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        known = ("whitelist", "unpublished")
        if not isinstance(wanted, dict) or any(name not in known or not _is_names(value) for name, value in wanted.items()):
            return JSONResponse(
                {"error": "An object with whitelist and unpublished: null or an array of strings."}, status_code=400
            )
        settings = self._world.section("settings")
        settings.update(wanted)
        self._world.changed()
        return JSONResponse(settings)

    async def _lease(self, request: Request) -> Response:
        del request
        world = self._world

        async def held() -> AsyncGenerator[list[Frame], None]:
            self._leases += 1
            try:
                yield [comment("held")]
                await asyncio.Event().wait()
            finally:
                self._leases -= 1
                self._look()

        return EventStream(held(), error=comment("none"), closing=world.closing)


def _is_names(value: Json) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(one, str) for one in value))
