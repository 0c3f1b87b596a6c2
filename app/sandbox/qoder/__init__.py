"""The Qoder side of the sandbox, written from the contract alone. Paths are relative to the base, ``/api/v1/cloud``."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute

from app.models import Json
from app.sandbox.core import World
from app.sandbox.qoder import (
    agents,
    attachments,
    environments,
    events,
    files,
    memories,
    models,
    sessions,
    skills,
    threads,
    vaults,
)
from app.sandbox.qoder.cloud import Cloud
from app.sandbox.qoder.wire import RefusedError, refuse, respond


def routes(world: World) -> list[BaseRoute]:
    """Every route of this side; the account is made, or read back, at the first request."""
    cloud = Cloud(world)
    parts = (models, agents, environments, sessions, attachments, threads, events, files, vaults, skills, memories)
    return [found for part in parts for found in part.routes(cloud)]


def refusal(world: World, status: int, code: Json, message: str) -> Response:
    """This side's own reply for an error; ``code`` is an ``error.type`` other than the one that goes with ``status``."""
    request_id = world.ids.uuid()
    return respond(refuse(RefusedError(status, message, kind=str(code or "")), request_id), request_id)
