"""What ``y`` and a letter put on the clipboard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict

from app.text import json_text, safe
from app.transcript import Part, Turn
from app.ui.markdown import Block, Code, Item, Node, Table
from app.ui.markdown.nodes import Listing, Quote, Runs


def inside(nodes: Iterable[Node]) -> Iterator[Node]:
    """Nodes and everything in them."""
    for node in nodes:
        yield node
        if isinstance(node, Quote | Item):
            yield from inside(node.children)
        elif isinstance(node, Listing):
            yield from inside(node.items)


def code_of(blocks: Iterable[Block]) -> str | None:
    """The source of the first code block in these."""
    return next((node.source for node in inside(block.node for block in blocks) if isinstance(node, Code)), None)


def csv_of(blocks: Iterable[Block]) -> str | None:
    """The first table in these, as CSV."""
    table = next((node for node in inside(block.node for block in blocks) if isinstance(node, Table)), None)
    if table is None:
        return None
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for cells in (table.header, *table.rows):
        writer.writerow([_words(cell) for cell in cells])
    return out.getvalue()


def _words(runs: Runs) -> str:
    return "".join(run.text for run in runs)


def links_of(turn_rows: Iterable[Runs]) -> list[tuple[str, str]]:
    """(address, text) of every link, in order, each address once."""
    found: dict[str, str] = {}
    for runs in turn_rows:
        for run in runs:
            if run.link:
                found.setdefault(run.link, run.text)
    return list(found.items())


def json_of(turn: Turn, part: Part | None) -> str:
    """What is known of a part, or of a turn, as JSON."""
    if part is None:
        return json_text(asdict(turn), indent=2)
    known = {**asdict(part), "text": part.text}
    known.pop("_chunks", None)
    return json_text(known, indent=2)


def conversation(turns: Iterable[Turn], name: str) -> str:
    """All of it, as Markdown."""
    said: list[str] = []
    for turn in turns:
        if turn.text:
            said.append(f"**you**\n\n{safe(turn.text)}")
        if turn.answer:
            said.append(f"**{safe(turn.agent or name or 'Agent')}**\n\n{safe(turn.answer)}")
    return "\n\n".join(said) + "\n"
