"""The shapes of an exchange on the Qoder side: a request as handlers see it, a reply, a refusal (contract 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.datastructures import QueryParams
from starlette.responses import Response

from app.models import Json
from app.sandbox.frames import wire_json

KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    410: "not_found_error",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
}
"""The ``error.type`` that goes with a status (contract 3.2)."""


class RefusedError(Exception):
    """A request that is answered with an error envelope instead of a result."""

    def __init__(self, status: int, message: str, *, param: str = "", kind: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.kind = kind or KINDS.get(status, "api_error")


def invalid(message: str, param: str = "") -> RefusedError:
    """400: a field is missing, ill-typed or out of bounds."""
    return RefusedError(400, message, param=param)


def unknown(kind: str, ident: str) -> RefusedError:
    """404 in the words the vendor uses: ``Session 'x' was not found.``."""
    return RefusedError(404, f"{kind} '{ident}' was not found.")


def conflict(message: str, param: str = "") -> RefusedError:
    """409: the request is well formed and does not fit the state of things."""
    return RefusedError(409, message, param=param)


def clash(message: str, param: str = "") -> RefusedError:
    """409 with the ``error.type`` of a bad request, as memories and session resources have it (resources contract 1.5)."""
    return RefusedError(409, message, param=param, kind="invalid_request_error")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body; ``filename`` is "" for a plain field and may hold folders."""

    name: str
    filename: str
    media_type: str
    content: bytes

    @property
    def text(self) -> str:
        """The part as text."""
        return self.content.decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request, its body already read."""

    method: str
    path: str
    names: Mapping[str, str]
    """What the path captured."""
    query: QueryParams
    headers: Mapping[str, str]
    body: Mapping[str, Json] = field(default_factory=dict)
    """The JSON object sent, {} for an empty body."""
    form: tuple[Part, ...] = ()
    """The parts of a multipart body."""
    key: str = ""
    """The ``Idempotency-Key``."""
    request_id: str = ""

    @property
    def wants_events(self) -> bool:
        """Whether the client asked for an event stream (contract 13: flips the list route)."""
        return "text/event-stream" in self.headers.get("accept", "")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers: a JSON value with a status, or bytes with a media type."""

    data: Json = None
    status: int = 200
    content: bytes | None = None
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def respond(reply: Reply, request_id: str) -> Response:
    """``reply`` as bytes, with the request's id in the header (contract 1.3)."""
    content = wire_json(reply.data) if reply.content is None else reply.content
    headers = {"x-request-id": request_id, **reply.headers}
    return Response(content, status_code=reply.status, media_type=reply.media_type, headers=headers)


def refuse(error: RefusedError, request_id: str) -> Reply:
    """The error envelope (contract 3.1); ``param`` only where there is one."""
    told: dict[str, Json] = {"type": error.kind, "message": error.message}
    if error.param:
        told["param"] = error.param
    return Reply({"type": "error", "request_id": request_id, "error": told}, status=error.status)
