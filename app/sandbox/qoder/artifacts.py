"""Keeping a file: what somebody uploaded, or what an agent made (resources contract 2.3)."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from app.models import Json
from app.sandbox.core import World

DELIVERS = "DeliverArtifacts"
"""The built-in tool whose result is a file (contract 15.3, ``agent.artifact_delivered``)."""


def kept(
    world: World, name: str, media_type: str, content: bytes, *, session: str = "", metadata: Mapping[str, str] | None = None
) -> dict[str, Json]:
    """Store a file and return its object; one that a session made can be downloaded."""
    told: dict[str, Json] = {
        "id": world.ids.name("file_"), "type": "file", "filename": name, "mime_type": media_type, "size_bytes": len(content),
        "downloadable": bool(session), "scope": {"id": session, "type": "session"} if session else None,
        "metadata": dict(metadata or {}), "created_at": world.clock.stamp(),
    }  # fmt: skip
    files = world.section("qoder").setdefault("files", {})
    files[told["id"]] = {"object": told, "data": base64.b64encode(content).decode()}
    world.changed()
    return told


def delivered(world: World, session: str, given: Json, prompt: str) -> dict[str, Json]:
    """What ``DeliverArtifacts`` hands over: a small report under the name it was called with. The fields of its event."""
    name = str(given.get("path") or "report.md") if isinstance(given, dict) else "report.md"
    content = f"# Report\n\nMade in answer to: {prompt}\n".encode(errors="replace")
    file = kept(world, name, "text/markdown", content, session=session)
    return {"file_id": file["id"], "original_filename": name, "content_type": file["mime_type"], "size": file["size_bytes"]}
