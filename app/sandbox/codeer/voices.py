"""A turn's moments as events: of the v1 stream (contract 6) and of Chat V2's (contract 14)."""

from __future__ import annotations

import json
from typing import Protocol

from app.models import Json
from app.sandbox.codeer.parts import call_content, part, return_content
from app.sandbox.frames import Frame, frame

_LAST = ("response.output_text.completed", "response.error", "response.completed", "response.failed")
DONE = Frame(b"data: [DONE]\n\n")


class Voice(Protocol):
    """Turns what happens in a turn into frames."""

    def begin(self, agent_id: str, model: str, user_row: int) -> list[Frame]:
        """The turn has begun."""
        ...

    def title(self, name: str) -> list[Frame]:
        """The chat got a name."""
        ...

    def step_start(self, step: dict[str, Json]) -> list[Frame]:
        """A tool or reasoning step began; ``step`` as in contract 6.5."""
        ...

    def step_end(self, step: dict[str, Json]) -> list[Frame]:
        """It ended."""
        ...

    def delta(self, text: str) -> Frame:
        """More text."""
        ...

    def end(self, text: str, usage: dict[str, int]) -> list[Frame]:
        """The answer is whole."""
        ...

    def error(self, message: str, code: int) -> Frame:
        """The turn failed."""
        ...


class VoiceOne:
    """Generation G1b."""

    def __init__(self, response_id: str, chat_id: int, group: str) -> None:
        self._common: dict[str, Json] = {"response_id": response_id, "chat_id": chat_id}
        self._group = group
        head = json.dumps({"type": "response.output_text.delta", **self._common}, separators=(",", ":"))[:-1]
        self._delta = f'event: response.output_text.delta\ndata: {head},"delta":'

    def _event(self, kind: str, /, **more: Json) -> Frame:
        return frame(kind, {"type": kind, **self._common, **more}, terminal=kind in _LAST)

    def begin(self, agent_id: str, model: str, user_row: int) -> list[Frame]:
        """``response.created``."""
        told: dict[str, Json] = {"agent_id": agent_id, "model": model, "conversation_group_id": self._group}
        return [self._event("response.created", **told, user_conversation_id=user_row)]

    def title(self, name: str) -> list[Frame]:
        """``response.chat.title.updated``."""
        return [self._event("response.chat.title.updated", name=name)]

    def step_start(self, step: dict[str, Json]) -> list[Frame]:
        """``response.reasoning_step.start``."""
        names = ("id", "type", "tool_name", "content", "args", "timestamp")
        return [self._event("response.reasoning_step.start", step={name: step[name] for name in names})]

    def step_end(self, step: dict[str, Json]) -> list[Frame]:
        """``response.reasoning_step.end``."""
        told = {"id": step["id"], "type": step["type"], "result": step["result"], "token_usage": step["token_usage"]}
        return [self._event("response.reasoning_step.end", step={**told, "timestamp": step["end_at"]})]

    def delta(self, text: str) -> Frame:
        """``response.output_text.delta``."""
        return Frame(f"{self._delta}{json.dumps(text)}}}\n\n".encode())

    def end(self, text: str, usage: dict[str, int]) -> list[Frame]:
        """``response.output_text.completed``, then ``[DONE]``."""
        return [self._event("response.output_text.completed", final_text=text, usage=usage), DONE]

    def error(self, message: str, code: int) -> Frame:
        """``response.error``."""
        return self._event("response.error", message=message, code=code)


class VoiceTwo:
    """Chat V2: parts."""

    def __init__(self, response_id: str, chat_id: int, group: str) -> None:
        self._chat_id = chat_id
        self._common: dict[str, Json] = {"response_id": response_id, "conversation_group_id": group}
        self._group = group
        self._sequence = 0

    def _event(self, kind: str, /, **more: Json) -> Frame:
        return frame(kind, {"type": kind, **self._common, **more}, terminal=kind in _LAST)

    def _part(self, kind: str, content: dict[str, Json]) -> dict[str, Json]:
        self._sequence += 1
        return part(self._chat_id, self._group, self._sequence, kind, content)

    def begin(self, agent_id: str, model: str, user_row: int) -> list[Frame]:
        """``response.created``."""
        return [
            self._event("response.created", agent_id=agent_id, model=model, chat_id=self._chat_id, user_conversation_id=user_row)
        ]

    def title(self, name: str) -> list[Frame]:
        """``response.chat.title.updated``."""
        return [self._event("response.chat.title.updated", name=name)]

    def step_start(self, step: dict[str, Json]) -> list[Frame]:
        """A ``tool-call`` part, whole at once; a form is an interaction besides."""
        frames = [self._event("response.part.completed", part=self._part("tool-call", call_content(step)))]
        if step["tool_name"] == "request_form":
            frames.append(self._event("response.interaction.created", interaction={"kind": "form", **(step["args"] or {})}))
        return frames

    def step_end(self, step: dict[str, Json]) -> list[Frame]:
        """A ``tool-return`` part."""
        return [self._event("response.part.completed", part=self._part("tool-return", return_content(step)))]

    def delta(self, text: str) -> Frame:
        """``response.part.delta``."""
        return self._event("response.part.delta", part_kind="text", delta=text)

    def end(self, text: str, usage: dict[str, int]) -> list[Frame]:
        """The text part, ``response.completed``, then ``[DONE]``."""
        whole = self._event("response.part.completed", part=self._part("text", {"content": text}))
        return [whole, self._event("response.completed", usage=usage), DONE]

    def error(self, message: str, code: int) -> Frame:
        """``response.failed``."""
        return self._event("response.failed", message=message, code=code)
