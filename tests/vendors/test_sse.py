"""The decoder against the WHATWG algorithm, read again here byte by byte, at every way to cut a stream."""

from __future__ import annotations

import re
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import TooLarge
from app.vendors.sse import Decoder, Frame

BOM = b"\xef\xbb\xbf"
QUICK = settings(max_examples=200, deadline=None, derandomize=True)


def reference(stream: bytes) -> list[tuple[str, str, str]]:
    """(type, data, last event id) of each event, as "9.2.6 Interpreting an event stream" of the HTML standard has it."""
    text = stream.removeprefix(BOM).decode("utf-8", "replace")
    *lines, _unfinished = re.split(r"\r\n|\n|\r", text)
    events, data, event, last_id = [], "", "", ""
    for line in lines:
        if line == "":
            if data:
                events.append((event or "message", data.removesuffix("\n"), last_id))
            data = event = ""
        elif line[0] != ":":
            name, _, value = line.partition(":")
            value = value[1:] if value[:1] == " " else value
            if name == "event":
                event = value
            elif name == "data":
                data += value + "\n"
            elif name == "id" and "\0" not in value:
                last_id = value
    return events


def decoded(pieces: list[bytes]) -> list[tuple[str, str]]:
    decoder = Decoder()
    return [(frame.event, frame.data) for piece in pieces for frame in decoder.feed(piece)]


LINES = st.sampled_from(
    [
        b"data: x", b"data:x", b"data:  two", b"data", b"data:", b"", b"", b"", b": ping", b":", b"event: e", b"event", b"id: 1",
        b"id", b"id: a\0b", b"retry: 10", b"retry: -1", b"foo: bar", b" data: no", b"data: \xe7\xaa\xaf", b"data: \xe7\xaa",
        "data: a\u2028b\u2029c\u0085d\x0b\x0c\x1c".encode(), b"data: \xff\xfe", BOM + b"data: z", b"DATA: n", b"id: 7",
    ]
)  # fmt: skip
STREAMS = st.builds(
    lambda bom, pairs: (BOM if bom else b"") + b"".join(line + end for line, end in pairs),
    st.booleans(),
    st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r", b"\r\n"])), max_size=14),
)


@QUICK
@given(STREAMS)
def test_every_split_point_gives_the_reference(stream: bytes) -> None:
    expected = [(event, data) for event, data, _ in reference(stream)]
    for cut in range(len(stream) + 1):
        assert decoded([stream[:cut], stream[cut:]]) == expected
    assert decoded([stream[at : at + 1] for at in range(len(stream))]) == expected


@QUICK
@given(STREAMS, st.lists(st.integers(0, 200), max_size=6))
def test_ids_and_any_cutting(stream: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    pieces = [stream[start:end] for start, end in pairwise(places)]
    whole, cut = Decoder(), Decoder()
    assert [frame for piece in pieces for frame in cut.feed(piece)] == whole.feed(stream)
    assert (cut.last_id, cut.retry) == (whole.last_id, whole.retry)
    events = reference(stream + b"\n\ndata: end\n\n")
    final = Decoder()
    final.feed(stream + b"\n\ndata: end\n\n")
    assert final.last_id == events[-1][2]


@pytest.mark.parametrize(
    ("stream", "frames"),
    [
        (b"id: 1\n\n", []),
        (b"id: 1\ndata: x\n\n: ping\n\n: ping\n\n", [Frame("message", "x", "1")]),
        (BOM + b"data:x\n\n", [Frame("message", "x")]),
        (BOM + BOM + b"data:1\n\ndata:2\n\n", [Frame("message", "2")]),
        (b"event: e\n\ndata: x\n\n", [Frame("message", "x")]),
        (b"data: 0\r\r", [Frame("message", "0")]),
        (b"data: 0\r\n\r\n", [Frame("message", "0")]),
        (b"data\n\n", [Frame("message", "")]),
        (b"data\ndata\n\n", [Frame("message", "\n")]),
        (b"data:  a\ndata:b\n\n", [Frame("message", " a\nb")]),
        (b"id: a\0b\ndata: x\n\n", [Frame("message", "x")]),
        (b"id\ndata: x\n\n", [Frame("message", "x", "")]),
        (b"data: x", []),
        (b"data: x\n", []),
    ],
)
def test_known_traps(stream: bytes, frames: list[Frame]) -> None:
    assert Decoder().feed(stream) == frames


def test_an_event_is_there_with_its_last_byte() -> None:
    decoder = Decoder()
    assert decoder.feed(b"data: 0\r\r") == [Frame("message", "0")]
    assert decoder.feed(b"\ndata: 1\r") == []
    assert decoder.feed(b"\r") == [Frame("message", "1")]


def test_an_unfinished_frame_is_given_only_when_asked() -> None:
    decoder = Decoder()
    decoder.feed(b"event: e\ndata: a\ndata: [DO")
    assert decoder.close() == [Frame("e", "a\n[DO")]
    assert Decoder().close() == []


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        (b"1000", 1.0), (b"0", 0.25), (b"99999999", 30.0), (b"9" * 5000, 30.0), (b"0" * 5000 + b"400", 0.4), (b"-5", None),
        (b"+5", None), (b"  77", None), (b"1_000", None), ("\u0663".encode(), None), (b"1.5", None), (b"", None),
    ],
)  # fmt: skip
def test_retry_is_digits_only_and_clamped(line: bytes, seconds: float | None) -> None:
    decoder = Decoder()
    decoder.feed(b"retry: " + line + b"\n")
    assert decoder.retry == seconds


@pytest.mark.parametrize("piece", [1000, 65536])
def test_limits_hold_and_earlier_frames_are_not_lost(piece: int) -> None:
    for stream in (
        b"data: ok\n\ndata: " + b"x" * 20_000,
        b"data: ok\n\n" + b"data: 123456789\n" * 2000,
        b"data: ok\n\n:" + b"c" * 20_000,
    ):
        decoder = Decoder(limit=10_000)
        frames: list[Frame] = []
        with pytest.raises(TooLarge):
            for at in range(0, len(stream), piece):
                frames += decoder.feed(stream[at : at + piece])
            decoder.close()
        assert frames == [Frame("message", "ok")]


def test_time_is_linear() -> None:
    began = time.process_time()
    decoder = Decoder()
    assert len(decoder.feed(b"data: x\n\n" * 200_000)) == 200_000
    line = b"data: " + b"y" * (7 * 1024 * 1024) + b"\n\n"
    found = [frame for at in range(0, len(line), 512) for frame in decoder.feed(line[at : at + 512])]
    assert len(found[0].data) == 7 * 1024 * 1024
    many = Decoder()
    assert len(many.feed(b"data\n" * 1_000_000 + b"\n")[0].data) == 999_999
    assert time.process_time() - began < 6
