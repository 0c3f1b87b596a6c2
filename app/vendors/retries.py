"""The one table of retries.

=============================  ==========================================================================================
what happened                  what is done (waits in seconds, each ±10 to 25 %)
=============================  ==========================================================================================
nothing left the machine       any method: again after 0.5 and 1, then ``Unavailable(sent=False)``
429                            any method: again after the policy's waits; a ``Retry-After`` up to 60 is obeyed instead
408, 5xx, cut, silent          reads: again after 1, 2 and 4. Writes: only where the policy has idempotency keys, with the
                               same bytes and key, after the caller looked whether it had arrived; else ``OutcomeUnknown``
400 401 403 404 409 413 422    never
=============================  ==========================================================================================
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum

from app.clock import Clock
from app.errors import VendorError
from app.models import Link, LinkState
from app.protocols import tell_link

LONGEST_WAIT = 60.0
"""The longest ``Retry-After`` that is obeyed, and the most that one request waits in all because of 429."""

SPARE, BACK = 20, 2

_NUMBER = re.compile(r"[0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,4})?")


@dataclass(frozen=True, slots=True)
class Policy:
    """What differs between vendors. ``decode_error`` makes (status, headers, body) a typed error, which may quote the server."""

    limited: tuple[float, ...]
    """Nominal waits after each 429, seconds."""
    writes_repeat: bool
    """Whether a write with an idempotency key may be repeated after an uncertain failure."""
    decode_error: Callable[[int, Mapping[str, str], bytes], VendorError]
    unsent: tuple[float, ...] = (0.5, 1.0)
    uncertain: tuple[float, ...] = (1.0, 2.0, 4.0)


class Why(Enum):
    """The rows of the table."""

    UNSENT = "nothing was sent"
    LIMITED = "rate limited"
    DOUBTFUL = "no answer"
    FINAL = "refused"


@dataclass(frozen=True, slots=True)
class Failed:
    """One attempt that did not bring a usable answer. ``after`` is the server's ``Retry-After`` in seconds."""

    why: Why
    error: VendorError
    after: float | None = None


class Brake:
    """How often one server is asked again, over all requests: ``SPARE`` times, and each good answer gives ``BACK`` of them back.

    A server that refuses everything is then asked once for each thing that a person does, however many conversations wait.
    """

    def __init__(self) -> None:
        self._left = SPARE

    def take(self) -> bool:
        """Whether there is one more."""
        if not self._left:
            return False
        self._left -= 1
        return True

    def good(self) -> None:
        """The server answered well."""
        self._left = min(SPARE, self._left + BACK)


class Tries:
    """Counts the attempts of one request and says how long to wait before the next."""

    def __init__(self, policy: Policy, clock: Clock, *, again_in_doubt: bool, brake: Brake | None = None) -> None:
        self._clock = clock
        self._brake = brake or Brake()
        self._waits = {
            Why.UNSENT: list(policy.unsent),
            Why.LIMITED: list(policy.limited),
            Why.DOUBTFUL: list(policy.uncertain) if again_in_doubt else [],
            Why.FINAL: [],
        }
        self._attempt = 1
        self._limited = 0.0

    def next(self, failed: Failed) -> float | None:
        """Seconds to wait before trying again; None: no more."""
        waits = self._waits[failed.why]
        if not waits or (failed.why is not Why.UNSENT and not self._brake.take()):
            return None
        seconds = jittered(waits.pop(0), self._clock)
        if failed.why is Why.LIMITED:
            if failed.after:
                seconds = failed.after
            if self._limited + seconds > LONGEST_WAIT:
                return None
            self._limited += seconds
        return seconds

    def over(self) -> None:
        """An answer came; whoever was told of waiting is told that too."""
        self._brake.good()
        if self._attempt > 1:
            tell_link.get()(Link(LinkState.LIVE))

    async def wait(self, seconds: float, failed: Failed) -> None:
        """Say so and wait."""
        self._attempt += 1
        tell_link.get()(Link(LinkState.RETRYING, seconds=seconds, attempt=self._attempt, reason=failed.why.value))
        await self._clock.sleep(seconds)


def jittered(nominal: float, clock: Clock) -> float:
    """``nominal`` made longer or shorter by 10 to 25 % (codeer contract 12, strict reading)."""
    share = clock.uniform(0.10, 0.25)
    return nominal * (1 + (share if clock.uniform(-1.0, 1.0) >= 0 else -share))


def retry_after(headers: Mapping[str, str], wall: float) -> float | None:
    """The wait a server asks for, in seconds (may be inf-large, never negative); None if it asks for none or makes no sense.

    A date is measured against the server's own ``Date`` where it sent one, so that a wrong local clock does not matter.
    """
    exact = _number(headers.get("retry-after-ms", ""))
    if exact is not None:
        return exact / 1000
    text = headers.get("retry-after", "").strip()
    seconds = _number(text)
    if seconds is not None:
        return seconds
    until = _date(text)
    if until is None:
        return None
    now = _date(headers.get("date", ""))
    return max(0.0, until - (wall if now is None else now))


def _number(text: str) -> float | None:
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return None
    return float(text)


def _date(text: str) -> float | None:
    if not re.search("[A-Za-z]", text) or len(text) > 64:
        return None
    try:
        value = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError, OSError):
        return None
    return value if math.isfinite(value) else None
