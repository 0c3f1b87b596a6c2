"""The vendors: who they are, where they live, and how to get hold of one.

Importing this loads no HTTP library; ``connect`` does.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from app.clock import Clock
from app.errors import KeyRefused, SettingsError
from app.profiles import Profile
from app.vendors.redact import Redactor as Redactor

if TYPE_CHECKING:
    import httpx

    from app.protocols import Vendor


@dataclass(frozen=True, slots=True)
class VendorEntry:
    """What is known of a vendor before anything is asked of it."""

    name: str
    label: str
    key_variables: tuple[str, ...]
    """Environment variables that may hold a key, the first one set wins."""
    base_variable: str
    bases: Mapping[str, str]
    """Default base URLs by region."""
    default_region: str
    path: str
    """What every base URL ends in."""
    guess: Callable[[str], bool]
    """Whether a key looks like one of this vendor's; a guess for the welcome."""


def _like_qoder(key: str) -> bool:
    return key.strip().startswith("pt-")


def _like_codeer(key: str) -> bool:
    return bool(key.strip()) and not _like_qoder(key)


CATALOGUE: Mapping[str, VendorEntry] = {
    "codeer": VendorEntry(
        name="codeer",
        label="Codeer",
        key_variables=("CODEER_API_KEY",),
        base_variable="CODEER_API_BASE",
        bases={"": "https://api.codeer.ai/api/v1"},
        default_region="",
        path="/api/v1",
        guess=_like_codeer,
    ),
    "qoder": VendorEntry(
        name="qoder",
        label="Qoder",
        key_variables=("QODER_ACCESS_TOKEN", "QODER_PAT"),
        base_variable="QODER_MANAGED_BASE_URL",
        bases={"cn": "https://api.qoder.com.cn/api/v1/cloud", "intl": "https://api.qoder.com/api/v1/cloud"},
        default_region="cn",
        path="/api/v1/cloud",
        guess=_like_qoder,
    ),
}
"""The only table of vendors."""


def connect(
    profile: Profile, key: str, *, clock: Clock | None = None, transport: httpx.AsyncBaseTransport | None = None
) -> Vendor:
    """A vendor for one profile and its key; nothing is sent yet.

    Raises ``SettingsError`` for an unknown vendor or an unusable base URL, ``KeyRefused`` for a key that cannot be one.
    """
    profile = replace(profile, base=normal_base(profile.vendor, profile.base))
    key = _usable(profile.vendor, key)
    _load_httpx()
    if profile.vendor == "codeer":
        from app.vendors.codeer.client import Codeer

        return Codeer(profile, key, clock=clock or Clock(), transport=transport)
    from app.vendors.qoder.client import Qoder

    return Qoder(profile, key, clock=clock or Clock(), transport=transport)


def _load_httpx() -> None:
    """httpx without its own command line, which would load click, rich and pygments: a third of the time of it all."""
    if "httpx" in sys.modules or "click" in sys.modules:
        return
    sys.modules["click"] = None  # type: ignore[assignment]
    try:
        importlib.import_module("httpx")
    finally:
        del sys.modules["click"]


def normal_base(vendor: str, text: str) -> str:
    """The base URL as it is stored: without a trailing slash, host in lower case, no default port.

    Codeer's may be given as an origin alone. Raises ``SettingsError`` with a sentence for anything but https (http for loopback),
    for user names, queries and fragments, and for another version of the API.
    """
    entry = CATALOGUE.get(vendor)
    if entry is None:
        raise SettingsError(f"There is no vendor {vendor[:40]!r}; there are {', '.join(CATALOGUE)}.")
    parts, port = _split(text.strip())
    host = (parts.hostname or "").lower()
    if not _is_host(host):
        raise SettingsError("The base URL needs a host, written in ASCII (a name in another script in its xn-- form).")
    if parts.scheme == "http" and not _is_loopback(host):
        raise SettingsError(f"http:// would send the key to {host} unprotected; write https:// (http is for this machine only).")
    if parts.scheme not in ("http", "https"):
        raise SettingsError("A base URL begins with https://")
    if "@" in parts.netloc:
        raise SettingsError("A base URL must not hold a user name or password.")
    if parts.query or parts.fragment or text.strip().endswith(("?", "#")):
        raise SettingsError("A base URL ends with its path: no ? and no #.")
    shown = f"[{host}]" if ":" in host else host
    default = 443 if parts.scheme == "https" else 80
    origin = f"{parts.scheme}://{shown}" + ("" if port in (None, default) else f":{port}")
    return origin + _path(entry, parts.path.rstrip("/"), origin)


def _path(entry: VendorEntry, path: str, origin: str) -> str:
    if not path and entry.name == "codeer":
        return entry.path
    if path.endswith(entry.path) and not re.search(r"//|/\.{1,2}(/|$)|%|\\|[^!-~]", path):
        return path
    version = re.search(r"/v([0-9]+)(/|$)", path)
    if version and version[1] != "1":
        raise SettingsError(
            f"This is version {version[1]} of {entry.label}'s API; Parlour speaks version 1: {origin}{entry.path}"
        )
    raise SettingsError(f"A base URL of {entry.label} ends in {entry.path}, for example {origin}{entry.path}")


def _split(text: str) -> tuple[SplitResult, int | None]:
    if re.search(r"[\s\x00-\x1f\x7f\\]", text):
        raise SettingsError("A base URL holds no spaces, control characters or backslashes.")
    try:
        parts = urlsplit(text)
        return parts, parts.port
    except ValueError:
        raise SettingsError("The base URL cannot be read; it looks like https://host/path") from None


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            ip_address(host)
        except ValueError:
            return False
        return True
    return bool(re.fullmatch(r"[a-z0-9]([a-z0-9_.-]*[a-z0-9])?", host)) and ".." not in host


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _usable(vendor: str, key: str) -> str:
    key = key.strip()
    if not key:
        raise KeyRefused("The key is empty.")
    if len(key) > 8192:
        raise KeyRefused("The key is longer than any key; nothing was sent.")
    for at, char in enumerate(key, 1):
        if not "!" <= char <= "~":
            raise KeyRefused(f"The key has a character at position {at} that no key has; paste it again.")
    if vendor == "codeer" and _like_qoder(key):
        raise KeyRefused("This looks like a Qoder access token (pt-…), not like a Codeer key; nothing was sent.")
    return key
