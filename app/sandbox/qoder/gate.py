"""What every route goes through: the token, the body's limits, idempotency, the error envelope (contract 1, 2, 3, 4.2)."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from app.models import Json
from app.sandbox.forms import BadFormError, form_of
from app.sandbox.qoder.wire import Call, Part, RefusedError, Reply, conflict, invalid, refuse, respond

if TYPE_CHECKING:
    from app.sandbox.qoder.cloud import Cloud

MAX_BODY = 4 * 1024 * 1024
MAX_UPLOAD = 64 * 1024 * 1024
"""Of a multipart body; the gateway in China has one limit for all (resources contract 2.2)."""
RETENTION = 24 * 3600
"""Seconds an idempotency key is remembered (contract 4.2)."""

WRITES = ("POST", "PUT", "DELETE")

Handler = Callable[["Cloud", Call], Reply | Response]
"""Handlers are plain functions: between reading a request and answering it nothing else happens, so a key is taken only once."""


def route(cloud: Cloud, method: str, path: str, handler: Handler) -> Route:
    """A route whose handler sees only requests that are authenticated and complete."""

    async def endpoint(request: Request) -> Response:
        request_id = request.headers.get("x-request-id") or cloud.world.ids.uuid()
        try:
            _authenticate(cloud, request)
            raw = await _body(request, MAX_BODY if cloud.dialect == "cn" else MAX_UPLOAD)
            call = await _call(request, raw, request_id)
            cloud.wake()
            answer = _once(cloud, handler, call, raw)
        except RefusedError as error:
            answer = refuse(error, request_id)
        except ClientDisconnect:
            return Response(status_code=400)
        return respond(answer, request_id) if isinstance(answer, Reply) else answer

    return Route(path, endpoint, methods=[method], name=f"{method} {path}")


def _authenticate(cloud: Cloud, request: Request) -> None:
    """Only a Bearer token is looked at; ``x-api-key`` is not supported (contract 1.2)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    expected = cloud.world.keys["qoder"]
    if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), expected.encode()):
        raise RefusedError(401, "Invalid API key or token.")


async def _body(request: Request, upload: int) -> bytes:
    """The body, cut like the gateway cuts it: what is too long is no valid JSON (contract 2)."""
    multipart = request.headers.get("content-type", "").startswith("multipart/")
    limit = upload if multipart else MAX_BODY
    parts: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            parts.append(chunk)
    if size > limit:
        raise invalid("Invalid multipart form or request too large." if multipart else "Request body must be valid JSON.")
    return b"".join(parts)


async def _call(request: Request, raw: bytes, request_id: str) -> Call:
    multipart = request.headers.get("content-type", "").startswith("multipart/")
    key = request.headers.get("idempotency-key") or request.headers.get("x-idempotency-key") or ""
    return Call(
        method=request.method,
        path=request.url.path,
        names={name: str(value) for name, value in request.path_params.items()},
        query=request.query_params,
        headers=request.headers,
        body={} if multipart or request.method == "GET" else _json(raw),
        form=await _form(request, raw) if multipart else (),
        key=key,
        request_id=request_id,
    )


def _json(raw: bytes) -> dict[str, Json]:
    if not raw.strip():
        return {}
    try:
        value = json.loads(raw, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError):
        raise invalid("Request body must be valid JSON.") from None
    if not isinstance(value, dict):
        raise invalid("Request body must be a JSON object.")
    return value


def _finite(text: str) -> float:
    """A number that JSON can write again."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


async def _form(request: Request, raw: bytes) -> tuple[Part, ...]:
    async def receive() -> dict[str, Json]:
        return {"type": "http.request", "body": raw, "more_body": False}

    parts: list[Part] = []
    try:
        async with form_of(Request(request.scope, receive)) as form:
            for name, value in form.multi_items():
                if isinstance(value, str):
                    parts.append(Part(name, "", "text/plain", value.encode(errors="replace")))
                else:
                    parts.append(Part(name, value.filename or "", value.content_type or "", await value.read()))
    except BadFormError:
        raise invalid("Invalid multipart form or request too large.") from None
    return tuple(parts)


def _once(cloud: Cloud, handler: Handler, call: Call, raw: bytes) -> Reply | Response:
    """Run a write once per key: the same bytes get the first answer again, other bytes 409 (contract 4.2)."""
    if not call.key or call.method not in WRITES:
        return handler(cloud, call)
    replies = cloud.table("replies")
    now = cloud.world.clock.wall()
    for old in [key for key, kept in replies.items() if kept["at"] < now - RETENTION]:
        del replies[old]
    mark = hashlib.sha256(b"\0".join((call.method.encode(), call.path.encode(), raw))).hexdigest()
    kept = replies.get(call.key)
    if kept is not None:
        if kept["mark"] != mark:
            raise conflict("The Idempotency-Key was already used with a different request body.", "Idempotency-Key")
        return Reply(json.loads(kept["data"]), status=kept["status"])
    reply = handler(cloud, call)
    if isinstance(reply, Reply) and reply.content is None:
        replies[call.key] = {"at": now, "mark": mark, "status": reply.status, "data": json.dumps(reply.data)}
        cloud.changed()
    return reply
