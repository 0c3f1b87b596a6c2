"""A model elsewhere that answers for created agents: any endpoint that speaks OpenAI's chat completions.

The one module of the sandbox that speaks HTTP outward, and only when ``--upstream`` was given. No key of ours goes there; one of
its own comes from ``PARLOUR_UPSTREAM_KEY``.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import urlsplit

import httpx
from httpx_sse import SSEError, aconnect_sse

from app.errors import SettingsError
from app.sandbox.steps import Consulted, Past

KEY_VARIABLE = "PARLOUR_UPSTREAM_KEY"
_PATIENCE = httpx.Timeout(10.0, read=300.0)
"""Seconds: a local model may load for minutes before its first token."""
_MOST = 4_000_000
"""Characters of one answer."""


class Upstream:
    """One endpoint and one model of it."""

    def __init__(self, base: str, model: str) -> None:
        """``base`` is what stands before ``/chat/completions``. Raises ``SettingsError``."""
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError("--upstream takes the base URL of an OpenAI-compatible endpoint, like http://127.0.0.1:11434/v1")
        if not model:
            raise SettingsError("--upstream needs the name of a model: --model NAME")
        self.model = model
        self._url = base.rstrip("/") + "/chat/completions"
        self._host = parts.netloc.rpartition("@")[2]

    async def answer(self, system: str, past: Past, prompt: str) -> AsyncGenerator[str | Consulted, None]:
        """Pieces of text as they come; the last is a ``Consulted`` with what it cost, or why there is no more."""
        spent, said = Consulted(), 0
        try:
            async for piece in self._pieces(_messages(system, past, prompt)):
                if isinstance(piece, Consulted):
                    spent = piece
                    continue
                said += len(piece)
                if said > _MOST:
                    spent = Consulted(failure=f"The model at {self._host} does not end.")
                    break
                yield piece
            if not said and not spent.failure:
                spent = Consulted(failure=f"The model at {self._host} said nothing.")
        except (httpx.HTTPError, SSEError) as error:
            spent = Consulted(failure=f"The model at {self._host} cannot be reached ({type(error).__name__}).")
        yield spent

    async def _pieces(self, messages: list[dict[str, str]]) -> AsyncGenerator[str | Consulted, None]:
        key = os.environ.get(KEY_VARIABLE, "")
        headers = {"authorization": f"Bearer {key}"} if key else {}
        body = {"model": self.model, "messages": messages, "stream": True, "stream_options": {"include_usage": True}}
        async with (
            httpx.AsyncClient(timeout=_PATIENCE, headers=headers) as client,
            aconnect_sse(client, "POST", self._url, json=body) as stream,
        ):
            if stream.response.status_code != 200:
                yield Consulted(failure=f"The model at {self._host} answered {stream.response.status_code}.")
                return
            async for event in stream.aiter_sse():
                if event.data.strip() == "[DONE]":
                    return
                for piece in _read(event.data):
                    yield piece


def _messages(system: str, past: Past, prompt: str) -> list[dict[str, str]]:
    told = [{"role": "system", "content": system}] if system else []
    for asked, answered in past:
        told += [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
    return [*told, {"role": "user", "content": prompt}]


def _read(data: str) -> list[str | Consulted]:
    """What one chunk holds; what cannot be read holds nothing."""
    try:
        chunk: Any = json.loads(data)
        found: list[str | Consulted] = [
            text for choice in chunk.get("choices") or () if isinstance(text := (choice.get("delta") or {}).get("content"), str)
        ]
        if usage := chunk.get("usage"):
            found.append(Consulted(int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)))
    except (ValueError, TypeError, AttributeError):
        return []
    return found
