"""The last gate before the terminal: nothing that acts leaves as text, whoever forgot to make it safe."""

from __future__ import annotations

import re

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_ACTING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]")


class SafeFilter(LineFilter):
    """Replaces control and bidirectional characters in what is drawn. ``dropped`` counts them: each is a mistake elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.dropped = 0

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments, harmless. Control segments are Textual's own and pass."""
        for segment in segments:
            if not segment.control and _ACTING.search(segment.text) is not None:
                break
        else:
            return segments
        out: list[Segment] = []
        for segment in segments:
            if segment.control or _ACTING.search(segment.text) is None:
                out.append(segment)
                continue
            text, count = _ACTING.subn("\ufffd", segment.text)
            self.dropped += count
            out.append(Segment(text, segment.style))
        return out
