"""Qoder Cloud Agents, managed mode: sessions, their events and their resumable stream.

Importing this loads no HTTP library: the descriptions in ``resources`` are read by the command line's parser too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.vendors.qoder.client import Qoder as Qoder


def __getattr__(name: str) -> object:
    if name == "Qoder":
        from app.vendors.qoder.client import Qoder

        return Qoder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
