"""What went wrong on the way, in our words: the one place where exceptions of the HTTP library are translated."""

from __future__ import annotations

import socket
import ssl

import httpx

from app.errors import OutcomeUnknown, Protocol, TooLarge, Unavailable, VendorError
from app.vendors.retries import Failed, Why

_DEFINITE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_NOT_HTTP = ("illegal", "too long", "bad content-length", "conflicting content-length", "transfer-encoding", "malformed")
"""How the parser complains about bytes that are not HTTP; everything else it says is about a connection that ended."""
_NEVER = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL)

NOTHING_SENT = "Nothing was sent."


def broken(error: Exception, host: str, *, sent: bool, proxy: str = "") -> Failed:
    """The failure of an attempt that ended in ``error``; ``sent``: a byte of the request may have left this machine.

    ``proxy`` is the one on the way, if any: connecting fails there first.
    """
    if isinstance(error, VendorError):
        if isinstance(error, (Protocol, TooLarge)):
            error.sent = None if sent else False
        return Failed(Why.FINAL, error)
    if isinstance(error, _NEVER):
        return Failed(Why.FINAL, Protocol(f"The request to {host} cannot be written as HTTP. {NOTHING_SENT}"))
    if isinstance(error, _DEFINITE) or not sent:
        return Failed(Why.UNSENT, Unavailable(f"{_reason_unsent(error, host, proxy)} {NOTHING_SENT}"))
    if isinstance(error, httpx.TimeoutException):
        return Failed(Why.DOUBTFUL, Unavailable(f"{host} stopped answering."))
    words = str(error).lower()
    if isinstance(error, httpx.RemoteProtocolError) and "location" in words:
        return Failed(Why.FINAL, redirected(302, "", host))
    if isinstance(error, httpx.RemoteProtocolError) and "disconnected" in words:
        return Failed(Why.DOUBTFUL, Unavailable(f"{host} closed the connection without an answer; perhaps it is not the API."))
    if isinstance(error, httpx.RemoteProtocolError) and any(sign in words for sign in _NOT_HTTP):
        return Failed(Why.DOUBTFUL, Protocol(f"What answers at {host} is not the API: it does not speak HTTP as it should."))
    return Failed(Why.DOUBTFUL, Unavailable(f"The connection to {host} was cut before the answer was complete."))


def silent(host: str, seconds: float, *, sent: bool) -> Failed:
    """The failure of an attempt that took longer than our own deadline."""
    if not sent:
        return Failed(Why.UNSENT, Unavailable(f"{host} could not be reached within {seconds:.0f} s. {NOTHING_SENT}"))
    return Failed(Why.DOUBTFUL, Unavailable(f"{host} did not answer completely within {max(seconds, 1):.0f} s."))


def unknown(error: VendorError, host: str) -> OutcomeUnknown:
    """The same failure of a write that may have been carried out."""
    words = str(error).strip()
    return OutcomeUnknown(
        f"{words} {host} may have carried out the request all the same; nothing was sent again.",
        status=error.status,
        code=error.code,
        request_id=error.request_id,
    )


class Redirected(Protocol):
    """A redirect that was not followed. ``location`` may be a secret of its own: it is in no sentence."""

    location = ""


def redirected(status: int, location: str, host: str) -> Redirected:
    """3xx: redirects are not followed, since a key belongs to one origin."""
    try:
        target = httpx.URL(location).netloc.decode("ascii", "replace").rpartition("@")[2] if location else ""
    except (httpx.InvalidURL, ValueError):
        target = ""
    where = (
        f"to {target}"
        if target and target != host
        else "to another address on the same host"
        if location
        else "without saying where"
    )
    failure = Redirected(
        f"{host} redirects {where} (status {status}). Redirects are not followed: the key and the request stay with {host}. "
        "Check the base URL of this profile.",
        status=status,
    )
    failure.location = location
    return failure


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    while len(found) < 20:
        found.append(error)
        following = error.__cause__ or error.__context__
        if isinstance(error, BaseExceptionGroup) and error.exceptions:
            following = error.exceptions[0]
        if following is None:
            break
        error = following
    return found


def _reason_unsent(error: Exception, host: str, proxy: str) -> str:
    first = f"the proxy {proxy}, which is on the way to {host}" if proxy else f"the host {host}"
    nearest = f"The proxy {proxy} on the way to {host}" if proxy else host
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"The certificate of {host} is not trusted ({cause.verify_message})."
        if isinstance(cause, ssl.SSLError):
            return f"No secure connection to {host} could be made ({cause.reason or 'TLS failed'})."
        if isinstance(cause, socket.gaierror):
            return f"Cannot find {first}."
        if isinstance(cause, ConnectionRefusedError):
            return f"{nearest} refuses connections."
    if isinstance(error, httpx.ProxyError):
        wants = " and wants a user name and password" if str(error).startswith("407") else ""
        return f"{nearest if proxy else f'The proxy on the way to {host}'} refused the connection{wants}."
    if isinstance(error, httpx.PoolTimeout):
        return f"Too many requests to {host} are open already."
    if isinstance(error, (httpx.ConnectTimeout, TimeoutError)):
        return f"{nearest} did not take the connection in time."
    words = str(error).lower()
    if "name or service" in words or "getaddrinfo" in words or "nodename" in words or "name resolution" in words:
        return f"Cannot find {first}."
    if "certificate" in words or "ssl" in words or "tls" in words:
        return f"No secure connection to {host} could be made."
    return f"{nearest} cannot be reached."
