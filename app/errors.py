"""Every failure a person can be told about.

::

    ParlourError                 exit code
    ├── UsageError               2   a wrong word, a missing setting, "this vendor cannot"
    ├── KeyMissing               3   no key for this profile and origin
    ├── StoreError               1   the local database could not be read or written
    ├── SettingsError            2   config.toml or the environment is not usable
    └── VendorError              1   the vendor, or the way to it
        ├── KeyRefused           3   key missing, wrong, expired, of the other region
        ├── Forbidden            3   the key is fine, this object or user is not allowed
        ├── NotFound             4
        ├── Refused              1   400, 413, 422: the request itself was at fault
        ├── Conflict             1   409: the thing changed or is busy
        ├── RateLimited          5   429, after the retries
        ├── Unavailable          5   5xx, or nothing left this machine, after the retries
        ├── Protocol             1   the answer was not the API
        ├── TooLarge             1   a limit of ours on size
        └── OutcomeUnknown       6   the request may have arrived; nothing was sent again

A message is one clear sentence: what happened, what is safe, which key or command comes next. It never holds a key; whoever
raises passes server text through the redaction of ``app.vendors.http`` first.
"""

from __future__ import annotations


class ParlourError(Exception):
    """The base of all of them: ``str(error)`` is the sentence, ``exit_code`` what a command ends with."""

    exit_code = 1
    kind = "error"


class UsageError(ParlourError):
    """The person asked for something that cannot be, as it was asked."""

    exit_code = 2
    kind = "usage"


class SettingsError(UsageError):
    """config.toml or an environment variable is not usable."""

    kind = "settings"


class KeyMissing(ParlourError):
    """No key is known for this profile and origin."""

    exit_code = 3
    kind = "key_missing"


class StoreError(ParlourError):
    """The local database could not be read or written."""

    kind = "store"


class VendorError(ParlourError):
    """The vendor refused, failed or could not be reached.

    ``sent`` is what is known of the request: ``False`` proof that it did nothing, ``True`` it was carried out, ``None`` unknown.
    ``fields`` maps a rejected field to the server's words for it.
    """

    kind = "vendor"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        sent: bool | None = False,
        fields: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.sent = sent
        self.fields = fields or {}

    @property
    def uncertain(self) -> bool:
        """Whether the request may have been carried out."""
        return self.sent is None


class KeyRefused(VendorError):
    """The key is missing, wrong, expired, or of the other region."""

    exit_code = 3
    kind = "key_refused"


class Forbidden(VendorError):
    """The key works, but not for this object or this user."""

    exit_code = 3
    kind = "forbidden"


class NotFound(VendorError):
    """The vendor does not know this id."""

    exit_code = 4
    kind = "not_found"


class Refused(VendorError):
    """The request itself was at fault: 400, 413, 422."""

    kind = "refused"


class Conflict(VendorError):
    """409: the thing changed meanwhile, is archived, or a turn is running."""

    kind = "conflict"


class RateLimited(VendorError):
    """429, and the retries are used up or were cancelled."""

    exit_code = 5
    kind = "rate_limited"


class Unavailable(VendorError):
    """The server fails, or nothing left this machine."""

    exit_code = 5
    kind = "unavailable"


class Protocol(VendorError):
    """The answer was not the API: HTML, a redirect, a broken envelope, another version."""

    kind = "protocol"


class TooLarge(VendorError):
    """A limit of ours: a body, an event, an answer that is too big."""

    kind = "too_large"


class OutcomeUnknown(VendorError):
    """The request may have arrived and its outcome is not known; nothing was sent again."""

    exit_code = 6
    kind = "unknown"

    def __init__(
        self, message: str, *, status: int | None = None, code: str | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id, sent=None)
