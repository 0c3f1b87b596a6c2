"""Fifty streams, byte by byte, with what they mean: after the WHATWG algorithm, drawn from the suites of browsers and clients.

A case is (tag, name, bytes, frames); a frame is (event, data, id), its id None where the frame had no valid id line. Content
types are cases of their own. ``RETRY`` are the eleven spellings of the reconnection time.
"""

from __future__ import annotations

BOM = b"\xef\xbb\xbf"
Frames = list[tuple[str, str, str | None]]


def m(data: str, name: str | None = None) -> tuple[str, str, str | None]:
    return ("message", data, name)


CASES: list[tuple[str, str, bytes, Frames]] = [
    ("S-01", "an id, then comments and empty lines", b"id: 1\ndata: x\n\n: heartbeat\n\n: heartbeat\n\n", [m("x", "1")]),
    ("S-01", "an id alone", b"id: 1\n\ndata: y\n\n", [m("y")]),
    ("S-01", "an event name alone", b"event: tick\n\ndata: y\n\n", [m("y")]),
    ("S-01", "nothing but empty lines", b"\n\n\n\ndata: z\n\n", [m("z")]),
    ("S-01", "a comment between the lines of a frame", b"data: a\n: heartbeat\ndata: b\n\n", [m("a\nb")]),
    ("S-02", "a byte order mark", BOM + b"data: first\n\n", [m("first")]),
    ("S-02", "two of them", BOM + BOM + b"data: lost\n\ndata: kept\n\n", [m("kept")]),
    ("S-02", "one in the middle of a line", b"data: a" + BOM + b"\n\n", [m("a\ufeff")]),
    ("S-02", "one before a later field", b"data: a\n\n" + BOM + b"data: b\n\ndata: c\n\n", [m("a"), m("c")]),
    ("S-02", "half of one", b"\xef\xbbdata: lost\n\ndata: kept\n\n", [m("kept")]),
    ("S-03", "CR alone", b"data: a\rdata: b\r\r", [m("a\nb")]),
    ("S-03", "CRLF", b"data: a\r\ndata: b\r\n\r\n", [m("a\nb")]),
    ("S-03", "all three", b"data: a\ndata: b\rdata: c\r\n\r\n", [m("a\nb\nc")]),
    ("S-03", "LF CR is two ends", b"data: a\n\rdata: b\n\n", [m("a"), m("b")]),
    ("S-03", "CR CR LF", b"data: a\r\r\ndata: b\r\n\r\n", [m("a"), m("b")]),
    ("S-03", "the last CR of all", b"data: a\r\n\r", [m("a")]),
    ("S-03", "no end at all", b"data: a\n\ndata: lost", [m("a")]),
    ("S-03", "an end of line, no end of frame", b"data: a\n\ndata: lost\n", [m("a")]),
    ("S-04", "U+2028", "data: a\u2028b\n\n".encode(), [m("a\u2028b")]),
    ("S-04", "U+2029", "data: a\u2029b\n\n".encode(), [m("a\u2029b")]),
    ("S-04", "U+0085", "data: a\u0085b\n\n".encode(), [m("a\u0085b")]),
    ("S-04", "VT and FF", b"data: a\x0bb\x0cc\n\n", [m("a\x0bb\x0cc")]),
    ("S-04", "FS GS RS", b"data: a\x1cb\x1dc\x1ed\n\n", [m("a\x1cb\x1dc\x1ed")]),
    ("S-04", "NUL in data", b"data: a\0b\n\n", [m("a\0b")]),
    ("S-05", "a byte that never is", b"data: a\xffb\n\n", [m("a\ufffdb")]),
    ("S-05", "half a letter at the end", b"data: \xe7\xaa\n\ndata: next\n\n", [m("\ufffd"), m("next")]),
    ("S-05", "a surrogate in UTF-8", b"data: \xed\xa0\x80\n\n", [m("\ufffd\ufffd\ufffd")]),
    ("S-05", "an overlong slash", b"data: \xc0\xaf\n\n", [m("\ufffd\ufffd")]),
    ("S-06", "a letter of four bytes", "data: 👩‍💻\n\n".encode(), [m("👩‍💻")]),
    ("S-06", "what windows-1252 would read otherwise", "data: “é” €\n\n".encode(), [m("“é” €")]),
    ("S-08", "an id with NUL is no id", b"id: 1\0\ndata: x\n\n", [m("x")]),
    ("S-08", "an empty id", b"id\ndata: x\n\n", [m("x", "")]),
    ("S-08", "the last of two ids", b"id: 1\nid: 2\ndata: x\n\n", [m("x", "2")]),
    ("S-08", "an id with blanks and colons", b"id:  a: b \ndata: x\n\n", [m("x", " a: b ")]),
    ("S-08", "a frame without an id after one with it", b"id: 1\ndata: x\n\ndata: y\n\n", [m("x", "1"), m("y")]),
    ("S-10", "a field nobody knows", b"colour: red\ndata: x\n\n", [m("x")]),
    ("S-10", "a field in capitals", b"DATA: no\ndata: x\n\n", [m("x")]),
    ("S-10", "a blank before the field", b" data: no\ndata: x\n\n", [m("x")]),
    ("S-10", "an event nobody knows", b"event: planet.aligned\ndata: x\n\n", [("planet.aligned", "x", None)]),
    ("S-10", "the event's name is not kept for the next", b"event: e\ndata: x\n\ndata: y\n\n", [("e", "x", None), m("y")]),
    ("S-10", "an empty event name", b"event:\ndata: x\n\n", [m("x")]),
    ("S-10", "one blank is taken off, not two", b"data:  two\ndata:none\n\n", [m(" two\nnone")]),
    ("S-10", "data without a colon", b"data\n\n", [m("")]),
    ("S-10", "two of them", b"data\ndata\n\n", [m("\n")]),
    ("S-10", "a colon in the data", b"data:a:b\n\n", [m("a:b")]),
    ("S-10", "a comment that looks like a field", b":data: no\ndata: x\n\n", [m("x")]),
]

TYPES = {
    "text/event-stream": True,
    "Text/Event-Stream; charset=windows-1252": True,
    "text/event-streams": False,
    "text/html": False,
}
"""Whether an answer of this content type is a stream of events."""

RETRY: list[tuple[bytes, float | None]] = [
    (b"1000", 1.0), (b"0", 0.25), (b"99999999", 30.0), (b"007000", 7.0), (b"-5", None), (b"+5", None), (b" 7", None),
    (b"1_000", None), ("\u0663".encode(), None), (b"1.5", None), (b"", None),
]  # fmt: skip
"""Digits only, in milliseconds; what is taken is between 0.25 and 30 seconds."""
