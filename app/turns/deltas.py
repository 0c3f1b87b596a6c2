"""How the text of messages came, piece by piece: kept in memory only, for whoever looks closely."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

PARTS = 40
"""Messages of one conversation whose pieces are kept."""
PIECES = 20_000


class Deltas:
    """The pieces of the latest messages of one conversation."""

    def __init__(self) -> None:
        self._parts: OrderedDict[str, list[tuple[float, str]]] = OrderedDict()

    def begin(self, part_id: str) -> None:
        """A message begins, perhaps once more after a cut: then its pieces come again."""
        self._parts[part_id] = []
        self._parts.move_to_end(part_id)
        while len(self._parts) > PARTS:
            self._parts.popitem(last=False)

    def add(self, part_id: str, at: float, text: str) -> None:
        """One more piece; ``at`` is wall clock, seconds."""
        if part_id not in self._parts:
            self.begin(part_id)
        pieces = self._parts[part_id]
        if len(pieces) < PIECES:
            pieces.append((at, text))

    def of(self, part_id: str) -> Sequence[tuple[float, str]]:
        """(when, text) of every piece, in order; empty if the message came whole, or before anybody listened here."""
        return self._parts.get(part_id, ())
