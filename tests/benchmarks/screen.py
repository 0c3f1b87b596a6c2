"""A small terminal: characters only, as much of it as full-screen programs use."""

from __future__ import annotations

import codecs
import re
import unicodedata

PIECE = re.compile(
    r"(?P<text>[^\x00-\x1f\x7f]+)"
    r"|\x1b\[(?P<private>[<=>?]?)(?P<numbers>[0-9;:]*)[ -/]*(?P<final>[@-~])"
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\)"
    r"|\x1b[()*+].|\x1b(?P<escape>[0-Z\\-~])"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f])",
    re.DOTALL,
)


def cells(char: str) -> int:
    """How wide a character is."""
    if ord(char) < 0x300:
        return 1
    if unicodedata.combining(char) or char in "\u200d\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


class Screen:
    """Feed it bytes, read its rows. ``touched`` are the rows written since it was last cleared."""

    def __init__(self, columns: int = 120, lines: int = 40) -> None:
        self.columns, self.lines = columns, lines
        self.rows = [[" "] * columns for _ in range(lines)]
        self.x = self.y = 0
        self.touched: set[int] = set()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    @property
    def text(self) -> str:
        """All rows."""
        return "\n".join("".join(row).rstrip() for row in self.rows)

    def feed(self, data: bytes) -> None:
        """What the program wrote."""
        text = self._rest + self._decoder.decode(data)
        at = 0
        while at < len(text):
            found = PIECE.match(text, at)
            if found is None:
                if text[at] == "\x1b" and len(text) - at < 5_000:
                    break
                at += 1
                continue
            at = found.end()
            if found["text"] is not None:
                self._write(found["text"])
            elif found["final"] is not None:
                self._sequence(found["private"], found["numbers"], found["final"])
            elif found["control"] is not None:
                self._control(found["control"])
        self._rest = text[at:]

    def _write(self, text: str) -> None:
        self.touched.add(self.y)
        row = self.rows[self.y]
        if text.isascii():
            room = max(0, self.columns - self.x)
            row[self.x : self.x + min(len(text), room)] = text[:room]
            self.x += len(text)
            return
        for char in text:
            size = cells(char)
            if size and self.x < self.columns:
                row[self.x] = char
                if size == 2 and self.x + 1 < self.columns:
                    row[self.x + 1] = ""
            self.x += size

    def _control(self, char: str) -> None:
        if char == "\r":
            self.x = 0
        elif char == "\n":
            self.y = min(self.lines - 1, self.y + 1)
        elif char == "\b":
            self.x = max(0, self.x - 1)

    def _sequence(self, private: str, numbers: str, final: str) -> None:
        if private:
            return
        values = [int(number) if number else 0 for number in numbers.replace(":", ";").split(";")]
        first = values[0] or 1
        if final in "Hf":
            self.y = min(self.lines, first) - 1
            self.x = (values[1] if len(values) > 1 and values[1] else 1) - 1
        elif final == "A":
            self.y = max(0, self.y - first)
        elif final == "B":
            self.y = min(self.lines - 1, self.y + first)
        elif final == "C":
            self.x = min(self.columns - 1, self.x + first)
        elif final == "D":
            self.x = max(0, self.x - first)
        elif final == "G":
            self.x = first - 1
        elif final == "d":
            self.y = min(self.lines, first) - 1
        elif final == "X":
            self._blank(self.y, self.x, self.x + first)
        elif final == "K":
            self._blank(self.y, 0 if values[0] else self.x, self.columns if values[0] != 1 else self.x + 1)
        elif final == "J":
            for y in range(self.lines) if values[0] == 2 else range(self.y + 1, self.lines):
                self._blank(y, 0, self.columns)
            if values[0] == 0:
                self._blank(self.y, self.x, self.columns)

    def _blank(self, y: int, start: int, end: int) -> None:
        self.touched.add(y)
        end = min(end, self.columns)
        self.rows[y][start:end] = [" "] * max(0, end - start)
