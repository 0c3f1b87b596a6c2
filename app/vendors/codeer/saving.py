"""Files of received messages: fetched from where the server says, but never from inside somebody's network."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from app.errors import Refused
from app.models import Attachment
from app.resource_models import Saved
from app.vendors import downloads


async def save(
    file: Attachment,
    folder: Path,
    base: str,
    newer: Callable[[], Awaitable[str]],
    transport: httpx.AsyncBaseTransport | None,
    progress: downloads.Progress | None,
) -> Saved:
    """Save it; ``newer`` gives its link anew, for one that expired. Raises ``Protocol``, ``Refused``, ``Unavailable``."""
    url = file.url or await newer()
    if not url:
        raise Refused(f"The server gives no link to {downloads.safe_name(file.name)}, so it cannot be saved.")
    try:
        return await _once(url, file, folder, base, transport, progress)
    except downloads.LinkExpired:
        fresh = await newer()
        if not fresh or fresh == url:
            raise
        return await _once(fresh, file, folder, base, transport, progress)


async def _once(
    url: str,
    file: Attachment,
    folder: Path,
    base: str,
    transport: httpx.AsyncBaseTransport | None,
    progress: downloads.Progress | None,
) -> Saved:
    link = await downloads.check_address(downloads.check_link(url, base), base)
    pieces = downloads.fetch(link, transport)
    return await downloads.save(pieces, folder, file.name, total=file.size, progress=progress)
