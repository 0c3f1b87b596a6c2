"""What type a file has: the server refuses a missing or vague one (contract 5.9, 16.18)."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from app.errors import Refused
from app.text import safe_line

_OURS = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
    ".log": "text/plain",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".json": "text/plain",
    ".toml": "text/plain",
    ".yaml": "text/plain",
    ".yml": "text/plain",
    ".xml": "text/xml",
    ".html": "text/html",
    ".htm": "text/html",
    ".py": "text/plain",
    ".js": "text/plain",
    ".ts": "text/plain",
    ".sh": "text/plain",
    ".pdf": "application/pdf",
    ".doc": "application/msword",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
}


def media_type(path: Path, given: str = "") -> str:
    """``given``, or what the name's ending tells; ``Refused`` rather than a vague type."""
    found = given.strip() or _OURS.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0] or ""
    if not found or found == "application/octet-stream":
        name = safe_line(path.name, 80)
        raise Refused(f"The type of {name} is not known, and Codeer takes no file without one; name its type. Nothing was sent.")
    return found
