"""Links: where they really go, and opening one after a person said so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from urllib.parse import urlsplit

from app.text import safe_line

LIMIT = 4_000
_OURS = ("CODEER_", "QODER_", "PARLOUR_")


def described(url: str) -> str:
    """The address with its real host in both spellings. Raises ``ValueError`` with the reason for one that is never opened."""
    if len(url) > LIMIT:
        raise ValueError("it is too long")
    if url != safe_line(url, LIMIT) or any(char.isspace() for char in url):
        raise ValueError("it holds characters that hide or act")
    parts = urlsplit(url)
    if parts.scheme.lower() not in ("http", "https"):
        raise ValueError(f"only http and https are opened, not {safe_line(parts.scheme or 'a path', 40)}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("it carries a user name, which hides the real host")
    host = parts.hostname or ""
    if not host or host.startswith("-"):
        raise ValueError("it has no host")
    try:
        plain = host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise ValueError("its host is not a name") from error
    readable = host if plain == host else f"{host} (really {plain})"
    return f"host     {safe_line(readable, 200)}\naddress  {safe_line(url, 600)}"


def browse(url: str) -> bool:
    """Hand one checked address to the system's opener, without our variables; False if there is none."""
    try:
        described(url)
    except ValueError:
        return False
    opener = {"darwin": "open", "win32": "explorer"}.get(sys.platform, "xdg-open")
    found = shutil.which(opener)
    if found is None:
        return False
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    try:
        subprocess.Popen(  # noqa: S603 - one argument that was checked to begin with http
            [found, url],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return False
    return True
