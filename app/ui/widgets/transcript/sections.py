"""One turn as sections of rows: the prompt, every part of the answer, how it ended."""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections.abc import Callable
from collections.abc import Set as AbstractSet

from app.models import PartKind
from app.text import safe, safe_line
from app.transcript import Part, Turn
from app.ui.markdown import Block, Document, Plain, Row, Run
from app.ui.markdown.layout import lay
from app.ui.widgets.transcript import words

INDENT = "    "
SLICE, SLICE_LINES = 8_000, 200
"""Characters and lines of a text that are read at once."""
PROMPT = "prompt"
END = "end"


class Section:
    """Rows that belong together. ``stop`` tells that the cursor can rest on it, ``part`` what it shows of the answer."""

    def __init__(
        self, key: str, build: Callable[[int], list[Row]], *, gap: int = 0, stop: bool = True, part: Part | None = None
    ) -> None:
        self.key = key
        self.gap = gap
        self.stop = stop
        self.part = part
        self._build = build
        self._rows: list[Row] | None = None
        self._width = 0

    def height(self, width: int) -> int:
        """Rows at that width, without the gap."""
        if self._rows is None or width != self._width:
            self._rows, self._width = self._build(width), width
        return len(self._rows)

    def row(self, number: int) -> Row | None:
        """A row at the width last asked for; None is an empty one."""
        assert self._rows is not None
        return self._rows[number]

    def forget(self) -> None:
        """Build the rows again."""
        self._rows = None


class Words(Section):
    """A text of the agent, as Markdown that may still grow. A long one is read in slices: see ``owes`` and ``go_on``."""

    def __init__(self, part: Part) -> None:
        super().__init__(part.id, lambda width: [], part=part)
        self.document = Document()
        self._length = self._sum = 0
        self._owed = ""
        self._at = 0
        self.take()

    def add(self, text: str) -> None:
        """What was appended to the part."""
        self._count(text)
        if self.owes:
            self._owed += text
        else:
            self.document.append(text)

    def take(self) -> None:
        """The part as it is now: continue if it is what we have, else begin again."""
        part = self.part
        assert part is not None
        text = part.text
        if len(text) != self._length or zlib.crc32(text.encode("utf-8", "surrogatepass")) != self._sum:
            self.document = Document()
            self._length = self._sum = 0
            self._count(text)
            self._owed, self._at = text, 0
        self.go_on()

    @property
    def owes(self) -> bool:
        """Whether some of the text has not been read yet."""
        return self._at < len(self._owed)

    def go_on(self) -> None:
        """Read the next slice: as much as fits between two frames."""
        part = self.part
        assert part is not None
        if self.owes:
            end = min(self._at + SLICE, len(self._owed))
            lines = self._owed.count("\n", self._at, end)
            while lines > SLICE_LINES and end - self._at > 1_000:
                end = self._at + (end - self._at) // 2
                lines = self._owed.count("\n", self._at, end)
            self.document.append(self._owed[self._at : end])
            self._at = end
        if not self.owes:
            self._owed, self._at = "", 0
        self.document.finish() if part.done and not self.owes else self.document.flush()

    def _count(self, text: str) -> None:
        self._length += len(text)
        self._sum = zlib.crc32(text.encode("utf-8", "surrogatepass"), self._sum)

    def height(self, width: int) -> int:
        """Rows at that width."""
        return self.document.height(width)

    def row(self, number: int) -> Row | None:
        """A row at the width last asked for."""
        return self.document.row(number)

    def forget(self) -> None:
        """The document knows by itself what to build again."""


def ours(rows: list[Row], style: str) -> list[Row]:
    """The rows with the mark of our own lines."""
    for row in rows:
        row.mark = style
    return rows


def folds(part: Part) -> bool:
    """Whether a part is one line that opens."""
    return part.kind in (PartKind.THINKING, PartKind.TOOL) or (part.kind is PartKind.TEXT and bool(part.lane))


class TurnView:
    """A turn's rows at one width. Sections keep their identity while the turn changes."""

    def __init__(
        self,
        turn: Turn,
        name: str,
        now: Callable[[], float],
        open_parts: AbstractSet[str],
        divider: str = "",
        bare_parts: AbstractSet[str] = frozenset(),
    ) -> None:
        self.turn = turn
        self.name = name
        self._now = now
        self._open_parts = open_parts
        self._bare_parts = bare_parts
        self.divider = divider
        self.sections: list[Section] = []
        self._ends: list[int] = []
        self.width = 0
        self.renew()

    # --- what it is made of -----------------------------------------------------------------------------------------------------

    def renew(self) -> None:
        """Bring the sections in line with the turn."""
        known = {section.key: section for section in self.sections if isinstance(section, Words)}
        turn = self.turn
        self.sections = []
        if self.divider:
            self._add(Section("divider", self._divider, stop=False))
        if turn.text or turn.attachments or not turn.parts:
            self._add(Section(PROMPT, self._prompt), gap=1 if self.divider else 0)
        if turn.parts:
            self._add(Section("agent", lambda width: [words.agent_line(turn, self.name, width)], stop=False), gap=1)
        for part in turn.parts:
            self._part(part, known.get(part.id))
        for request in turn.waiting:
            self._add(Section(f"wait {request.event_id}", lambda width, asked=request: [words.waiting_line(asked, width)]))  # type: ignore[misc]
        ended = words.end_text(turn)
        if ended:
            node = Plain(*ended)
            self._add(Section(END, lambda width: ours(lay(node, width), ended[1])), gap=1 if turn.parts else 0)
        self._add(Section("space", lambda width: [Row(())], stop=False))
        self._ends.clear()

    def _add(self, section: Section, gap: int = 0) -> None:
        section.gap = gap
        self.sections.append(section)

    def _part(self, part: Part, known: Section | None) -> None:
        before = self.sections[-1] if self.sections else None
        after_words = isinstance(before, Words)
        if part.kind is PartKind.TEXT and not part.lane:
            section = known if isinstance(known, Words) else Words(part)
            if section is known:
                section.part = part
                section.take()
            self._add(section, gap=int(before is not None and before.key != "agent"))
        elif part.kind is PartKind.NOTICE:
            style = "failed" if part.failed else "quiet"
            node = Plain(safe(part.text), style)
            self._add(Section(part.id, lambda width: ours(lay(node, width), style), part=part), gap=int(after_words))
        elif part.kind is PartKind.ARTIFACT:
            self._add(Section(part.id, lambda width: [self._artifact(part, width)], part=part), gap=int(after_words))
        else:
            self._add(Section(part.id, lambda width: self._folding(part, width), part=part), gap=int(after_words))

    def _divider(self, width: int) -> list[Row]:
        said = f" {safe_line(self.divider, 60)} "
        left = max(2, (width - len(said)) // 2)
        right = max(2, width - left - len(said))
        return [Row([Run("─" * left, "bar"), Run(said, "quiet"), Run("─" * right, "bar")], end=None, mark="quiet")]

    def _prompt(self, width: int) -> list[Row]:
        turn = self.turn
        rows = [words.prompt_line(turn, width, self._now())]
        if turn.text:
            rows.extend(lay(Plain(words.bounded(safe(turn.text))), width))
        return rows + words.attachment_rows(turn, width)

    def _folding(self, part: Part, width: int) -> list[Row]:
        folded = part.id not in self._open_parts
        rows = [words.fold_line(part, self.turn, width, self._now(), folded=folded)]
        if folded:
            return rows
        front = Run(INDENT, "quiet")
        inside = lay(Plain(words.unfolded(part, bare=part.id in self._bare_parts), "quiet"), max(8, width - len(INDENT)))
        return [*rows, *(Row((front, *row.runs), len(INDENT) + row.lead, row.end) for row in inside)]

    @staticmethod
    def _artifact(part: Part, width: int) -> Row:
        link = str(part.data.get("url") or "")
        name = safe_line(part.name or part.text or "file", 200)
        return words.between([Run("▤ ", "quiet"), Run(name, "text link" if link else "text", link)], [], width)

    @property
    def ticking(self) -> bool:
        """Whether a line in it tells a time that goes on."""
        if not self.turn.open:
            return False
        return any(not part.done and part.kind in (PartKind.TOOL, PartKind.THINKING) for part in self.turn.parts)

    def tick(self) -> None:
        """Tell running times anew."""
        for section in self.sections:
            if section.part is not None and not section.part.done and not isinstance(section, Words):
                section.forget()
        self._ends.clear()

    def changed(self, key: str) -> None:
        """The rows of one section are other ones now."""
        self._ends.clear()

    @property
    def owing(self) -> list[Words]:
        """Texts that are not read to their end yet."""
        return [section for section in self.sections if isinstance(section, Words) and section.owes]

    def words(self, part_id: str) -> Words | None:
        """The text section of a part."""
        found = self.section(part_id)
        return found if isinstance(found, Words) else None

    def section(self, key: str) -> Section | None:
        """The section of that key."""
        return next((section for section in reversed(self.sections) if section.key == key), None)

    # --- rows -------------------------------------------------------------------------------------------------------------------

    def height(self, width: int) -> int:
        """All rows at that width."""
        if width != self.width:
            self.width = width
            self._ends.clear()
        if not self._ends:
            total = 0
            for section in self.sections:
                total += section.gap + section.height(width)
                self._ends.append(total)
        return self._ends[-1]

    def find(self, number: int) -> tuple[Section, int]:
        """The section of a row, and which of its rows it is (negative in the gap before it)."""
        index = min(bisect_right(self._ends, number), len(self.sections) - 1)
        section = self.sections[index]
        return section, number - (self._ends[index - 1] if index else 0) - section.gap

    def row(self, number: int) -> Row | None:
        """A row; None is an empty one."""
        section, inside = self.find(number)
        return section.row(inside) if inside >= 0 else None

    def top_of(self, section: Section) -> int:
        """The first row of a section, behind its gap."""
        index = self.sections.index(section)
        return (self._ends[index - 1] if index else 0) + section.gap

    # --- places: what the cursor rests on ---------------------------------------------------------------------------------------

    def stops(self) -> list[tuple[str, int]]:
        """(section, block) of every place the cursor can rest on; a list counts once."""
        out: list[tuple[str, int]] = []
        for section in self.sections:
            if isinstance(section, Words):
                group: object = None
                for index, block in enumerate(section.document.blocks):
                    if block.group is None or block.group is not group:
                        out.append((section.key, index))
                    group = block.group
            elif section.stop:
                out.append((section.key, 0))
        return out

    def span(self, stop: tuple[str, int]) -> tuple[int, int]:
        """The rows of a place: first, and one behind the last."""
        section = self.section(stop[0])
        if section is None:
            return 0, 1
        top = self.top_of(section)
        if not isinstance(section, Words):
            return top, top + section.height(self.width)
        document = section.document
        document.height(self.width)
        blocks = document.blocks
        first = last = min(stop[1], max(0, len(blocks) - 1))
        if not blocks:
            return top, top + 1
        while last + 1 < len(blocks) and blocks[first].group is not None and blocks[last + 1].group is blocks[first].group:
            last += 1
        return top + document.top_of(first), top + document.top_of(last) + len(blocks[last].rows(self.width))

    def blocks(self, stop: tuple[str, int]) -> list[Block]:
        """The Markdown blocks of a place."""
        section = self.section(stop[0])
        if not isinstance(section, Words) or stop[1] >= len(section.document.blocks):
            return []
        blocks = section.document.blocks
        first = blocks[stop[1]]
        return [
            block for block in blocks[stop[1] :] if block is first or (first.group is not None and block.group is first.group)
        ]

    def stop_at(self, number: int) -> tuple[str, int] | None:
        """The place a row belongs to."""
        for stop in self.stops():
            start, end = self.span(stop)
            if start <= number < end:
                return stop
        return None

    def share_of(self, number: int) -> tuple[tuple[str, int], float]:
        """The place of a row, or the next one, and how far into it the row is (between 0 and 1; negative in front of it)."""
        stops = self.stops()
        for stop in stops:
            start, end = self.span(stop)
            if number < end:
                return stop, (number - start) / max(1, end - start) if number >= start else -1.0
        return stops[-1], 1.0
