"""``GET /models`` (contract 6): one list, never paged."""

from __future__ import annotations

from starlette.routing import BaseRoute

from app.models import Json
from app.sandbox.qoder.cloud import Cloud
from app.sandbox.qoder.gate import route
from app.sandbox.qoder.wire import Call, Reply

WINDOW = 180_000
"""``effective_context_window`` of a model that does not name its windows."""


def catalogue() -> list[dict[str, Json]]:
    """The models that are enabled for the account."""
    return [
        {"id": "auto", "type": "model", "display_name": "Auto", "source": "system", "is_enabled": True, "is_new": False},
        {
            "id": "ultimate", "type": "model", "display_name": "Ultimate", "source": "system", "is_enabled": True,
            "is_new": False, "price_factor": 1.6, "efforts": ["low", "medium", "high"], "default_effort": "medium",
            "max_input_tokens": WINDOW,
            "default_context_window": 200_000, "available_context_windows": [200_000, 1_000_000],
        },
        {
            "id": "lite", "type": "model", "display_name": "Lite", "source": "system", "is_enabled": True, "is_new": True,
            "price_factor": 0.2, "max_input_tokens": 64_000,
        },
    ]  # fmt: skip


def window(model: Json) -> int:
    """The context window a session's agent gets with ``model``, a string or an object."""
    if isinstance(model, dict):
        if model.get("context_window"):
            return int(model["context_window"])
        model = model["id"]
    known: dict[str, Json] = next((item for item in catalogue() if item["id"] == model), {})
    return int(known.get("default_context_window") or known.get("max_input_tokens") or WINDOW)


def routes(cloud: Cloud) -> list[BaseRoute]:
    """The one route."""
    return [route(cloud, "GET", "/models", _list)]


def _list(cloud: Cloud, call: Call) -> Reply:
    del cloud, call
    return Reply({"data": catalogue(), "has_more": False})
