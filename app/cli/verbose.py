"""``--verbose``: what is requested of whom, on stderr. Never a body, a header or a key."""

from __future__ import annotations

from app.cli.out import complain
from app.protocols import Exchange, tell_request
from app.text import safe_line


def tell_requests() -> None:
    """Have every request of this run told as it leaves and as its answer begins."""
    tell_request.set(_tell)


def _tell(exchange: Exchange) -> None:
    if exchange.status is None:
        complain(f"> {exchange.method} {safe_line(exchange.url, 500)}")
        return
    request_id = f"  request id {safe_line(exchange.request_id, 100)}" if exchange.request_id else ""
    complain(f"< {exchange.status} {exchange.method} {safe_line(exchange.url, 500)}  {exchange.seconds:.2f} s{request_id}")
