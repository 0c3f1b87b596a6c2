"""What the transcript asks of the screen it stands on."""

from __future__ import annotations

from textual.message import Message

from app.models import Verdict


class CopyRequested(Message):
    """Something should go to the clipboard. ``kind`` says what it is, ``count`` how many of it.

    ``wire_id`` names the wire's own event where that is what is meant; ``text`` is then what is known of it without the wire.
    """

    def __init__(self, kind: str, text: str, count: int = 1, wire_id: str = "") -> None:
        super().__init__()
        self.kind = kind
        self.text = text
        self.count = count
        self.wire_id = wire_id


class RateRequested(Message):
    """A verdict on the answer of a turn."""

    def __init__(self, uid: str, verdict: Verdict) -> None:
        super().__init__()
        self.uid = uid
        self.verdict = verdict


class LinkRequested(Message):
    """A link was chosen: where it leads, and what its text says."""

    def __init__(self, url: str, shown: str) -> None:
        super().__init__()
        self.url = url
        self.shown = shown


class FoldToggled(Message):
    """The details of a part were shown or hidden."""

    def __init__(self, uid: str, part_id: str, folded: bool) -> None:
        super().__init__()
        self.uid = uid
        self.part_id = part_id
        self.folded = folded


class Focused(Message):
    """The cursor rests on another message or part; ``part_id`` is "" on a prompt."""

    def __init__(self, uid: str, part_id: str) -> None:
        super().__init__()
        self.uid = uid
        self.part_id = part_id
