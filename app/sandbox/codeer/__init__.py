"""The Codeer side: ``/api/v1`` and the three routes of ``/api/v2``, from the contract."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from app.models import Json
from app.sandbox.codeer.account import Account
from app.sandbox.codeer.answers import Answers
from app.sandbox.codeer.batches import Batches
from app.sandbox.codeer.chats import Chats
from app.sandbox.codeer.external import External
from app.sandbox.codeer.wire import ApiError, Invalid, refused
from app.sandbox.codeer.wire import refusal as _refusal
from app.sandbox.core import World
from app.sandbox.forms import BadFormError

_Handler = Callable[[Request], Awaitable[Response]]


def mounts(world: World) -> list[BaseRoute]:
    """Everything of this side, where it belongs."""
    account = Account(world)
    answers = Answers(account)
    chats, batches, external = Chats(answers), Batches(answers), External(account)
    batches.resume()
    one = [
        _route("GET", "/chats/published-agents", chats.agents),
        _route("POST", "/chats/upload-file", chats.upload),
        _route("POST", "/chats", chats.create),
        _route("GET", "/chats", chats.index),
        _route("PUT", "/chats/{chat_id}", chats.rename),
        _route("GET", "/chats/{chat_id}/messages", chats.messages),
        _route("POST", "/chats/{chat_id}/messages", chats.send),
        _route("POST", "/chats/{chat_id}/regenerate", chats.regenerate),
        _route("POST", "/chats/{chat_id}/form-requests/{form_request_id}/submit", chats.submit),
        _route("POST", "/chats/{chat_id}/messages/{message_id}/feedbacks", chats.feedback),
        _route("POST", "/batches", batches.create),
        _route("GET", "/batches", batches.index),
        _route("GET", "/batches/{batch_id}", batches.show),
        _route("GET", "/batches/{batch_id}/results", batches.results),
        _route("POST", "/batches/{batch_id}/cancel", batches.cancel),
        _route("GET", "/external/me", external.me),
        _route("GET", "/external/agents", external.agents),
        _route("GET", "/external/agents/all", external.agents),
        _route("GET", "/external/agents/{agent_id}", external.agent),
        _route("GET", "/external/histories", external.histories),
        _route("GET", "/external/histories/{chat_id}", external.history),
        _route("GET", "/external/histories/{chat_id}/messages", external.parts),
    ]
    two = [
        _route("POST", "/chats", chats.create),
        _route("GET", "/chats/{chat_id}/messages", chats.messages_two),
        _route("POST", "/chats/{chat_id}/messages", chats.send_two),
    ]
    files = _Anyone(world, [_route("GET", "/{uuid}", chats.file)])
    return [Mount("/files", app=files), Mount("/api/v1", app=_Side(world, one)), Mount("/api/v2", app=_Side(world, two))]


def refusal(world: World, status: int, code: Json, message: str) -> Response:
    """The vendor's envelope for an ordered fault."""
    del world
    return _refusal(status, code if isinstance(code, int) else None, message)


def _route(method: str, path: str, handler: _Handler) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            return await handler(request)
        except (ApiError, Invalid) as error:
            return refused(error)
        except BadFormError:
            return _refusal(400, None, "Cannot parse request body")
        except ClientDisconnect:
            return Response(status_code=400)

    return Route(path, endpoint, methods=[method])


class _Side:
    """The key first, then the route (contract 1)."""

    def __init__(self, world: World, routes: list[Route]) -> None:
        self._world = world
        self._router: ASGIApp = Router(routes, redirect_slashes=False, default=_nowhere)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = Request(scope).headers.get("x-api-key", "")
        if hmac.compare_digest(given.encode(), self._world.keys["codeer"].encode()):
            await self._router(scope, receive, send)
        else:
            await _refusal(401, None, "Invalid or missing API key")(scope, receive, send)


async def _nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    await _refusal(404, None, "Not found")(scope, receive, send)


class _Anyone(_Side):
    """Where the address is the secret and no key is asked for."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._router(scope, receive, send)
