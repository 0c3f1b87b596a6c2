"""The envelope, the errors and the checks of requests on the Codeer side (contract 2, 3, 4, 11)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.models import Json
from app.sandbox.frames import wire_json

DENIED, NOT_FOUND, SERVER, BAD_REQUEST, NOT_ALLOWED = 10001, 10003, 10005, 10006, 14103
_CODES = {400: BAD_REQUEST, 401: DENIED, 403: DENIED, 404: NOT_FOUND, 429: 10429}
MAX_PAGE = 1000


class ApiError(Exception):
    """A request that is refused: HTTP status, ``error_code`` and the server's words."""

    def __init__(self, status: int, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = _CODES.get(status, SERVER) if code is None else code


class Invalid(Exception):
    """422: one dict (``field``, ``message``, ``type``, ``input``) for each field at fault (contract 2)."""

    def __init__(self, *errors: dict[str, Json]) -> None:
        super().__init__("Invalid request payload")
        self.errors = errors


def wrong(field: str, message: str, kind: str = "value_error", given: Json = None) -> dict[str, Json]:
    """One entry of a 422."""
    return {"field": field, "message": message, "type": kind, "input": given}


def reply(data: Json, pagination: Json = None) -> Response:
    """Success."""
    return _json({"data": data, "message": None, "error_code": 0, "pagination": pagination})


def refusal(status: int, code: int | None, message: str) -> Response:
    """Failure, in the standard envelope."""
    number = _CODES.get(status, SERVER) if code is None else code
    return _json({"data": None, "message": message, "error_code": number, "pagination": None}, status)


def refused(error: ApiError | Invalid) -> Response:
    """The reply for an error."""
    if isinstance(error, ApiError):
        return refusal(error.status, error.code, str(error))
    return _json({"message": str(error), "data": {"errors": list(error.errors)}}, 422)


def _json(value: Json, status: int = 200) -> Response:
    return Response(wire_json(value), status_code=status, media_type="application/json")


async def body_of(request: Request) -> dict[str, Json]:
    """The JSON object that was sent; {} for an empty body."""
    raw = await request.body()
    if not raw.strip():
        return {}
    try:
        found = json.loads(raw)
    except ValueError as error:
        raise ApiError(400, "Cannot parse request body") from error
    if not isinstance(found, dict):
        raise Invalid(wrong("body", "Input should be an object", "model_type", None))
    return found


class Fields:
    """Reads the fields of a body and gathers what is wrong with them; ``check`` raises ``Invalid`` for all at once."""

    def __init__(self, body: dict[str, Json], where: str = "body") -> None:
        self._body = body
        self._where = where
        self.errors: list[dict[str, Json]] = []

    def text(self, name: str, *, needed: bool = False, longest: int = 0) -> str:
        """A string; "" if it is missing or null and not ``needed``."""
        value = self._body.get(name)
        if value is None and not needed:
            return ""
        if value is None:
            self.fault(name, "Field required", "missing")
        elif not isinstance(value, str):
            self.fault(name, "Input should be a valid string", "string_type", value)
        elif longest and len(value) > longest:
            self.fault(name, f"String should have at most {longest} characters", "string_too_long", value)
        else:
            return value
        return ""

    def flag(self, name: str, otherwise: bool) -> bool:
        """A boolean."""
        value = self._body.get(name, otherwise)
        if value is None or isinstance(value, bool):
            return otherwise if value is None else value
        self.fault(name, "Input should be a valid boolean", "bool_type", value)
        return otherwise

    def texts(self, name: str) -> list[str]:
        """A list of strings."""
        value = self._body.get(name) or []
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return value
        self.fault(name, "Input should be a valid list of strings", "list_type", value)
        return []

    def fault(self, name: str, message: str, kind: str, given: Json = None) -> None:
        """Note a fault."""
        self.errors.append(wrong(f"{self._where}.{name}", message, kind, given))

    def check(self) -> None:
        """Raise if anything was noted."""
        if self.errors:
            raise Invalid(*self.errors)


def window(request: Request) -> tuple[int, int]:
    """(limit, offset) of a list request: 50 and 0 by default, at most 1000 (contract 3)."""
    found: dict[str, int] = {"limit": 50, "offset": 0}
    for name, least in (("limit", 1), ("offset", 0)):
        given = request.query_params.get(name)
        if given is None:
            continue
        if not given.lstrip("-").isdecimal():
            raise Invalid(wrong(f"query.{name}", "Input should be a valid integer", "int_parsing", given))
        found[name] = int(given)
        if found[name] < least:
            raise Invalid(
                wrong(f"query.{name}", f"Input should be greater than or equal to {least}", "greater_than_equal", given)
            )
    return min(found["limit"], MAX_PAGE), found["offset"]


def page(request: Request, rows: Sequence[Any]) -> tuple[list[Any], dict[str, Json]]:
    """The rows of this page, and its ``pagination`` object (contract 3)."""
    limit, offset = window(request)
    total = len(rows)

    def link(at: int) -> str:
        return str(request.url.replace(query=f"offset={at}&limit={limit}"))

    return list(rows[offset : offset + limit]), {
        "limit": limit,
        "offset": offset,
        "total_records": total,
        "total_pages": -(-total // limit),
        "current_page": offset // limit + 1,
        "next_page": link(offset + limit) if offset + limit < total else None,
        "prev_page": link(max(0, offset - limit)) if offset else None,
    }


def number(text: str, what: str) -> int:
    """An integer of the path; ``ApiError`` 404 for what cannot be one."""
    if not text.isdecimal() or len(text) > 18:
        raise ApiError(404, f"{what} not found")
    return int(text)
