"""The words and lines around what was said: roles, states, durations, folded details."""

from __future__ import annotations

import time
from collections.abc import Mapping

from rich.cells import cell_len, set_cell_size

from app.exports.redaction import Cleaner
from app.models import Json, PartKind, PromptState, Request, RequestKind, Stop, Verdict
from app.text import json_text, safe, safe_line
from app.transcript import Part, Turn
from app.ui.markdown import Row, Run

STATES = {
    PromptState.QUEUED: ("waiting", "quiet"),
    PromptState.SENDING: ("sending", "quiet"),
    PromptState.SENT: ("sent", "quiet"),
    PromptState.NOT_SENT: ("not sent", "failed"),
    PromptState.UNKNOWN: ("delivery unknown", "needs"),
}
STOPS = {
    Stop.INTERRUPTED: ("stopped", "quiet"),
    Stop.OVER_BUDGET: ("over budget", "failed"),
    Stop.FAILED: ("failed", "failed"),
    Stop.UNKNOWN: ("how this ended is not known", "needs"),
}
VERDICTS = {Verdict.UP: ("▲ rated", "done"), Verdict.DOWN: ("▼ rated", "failed")}
MOST_PLAIN = 40_000
"""Characters of a prompt or a thought that are shown."""
SHOWN_OUTPUT = 20_000
"""Characters of a tool's input or output that an unfolded line shows; the events have all of it."""


def between(left: list[Run], right: list[Run], width: int, end: str | None = "\n") -> Row:
    """A row of ours with something at its right edge; the left side gives way. Its mark has the colour of what it begins with."""
    room = width - sum(cell_len(run.text) for run in right) - (2 if right else 0)
    kept: list[Run] = []
    for run in left:
        size = cell_len(run.text)
        if size > room:
            if room > 1:
                kept.append(run._replace(text=set_cell_size(run.text, room - 1) + "…"))
                room = 0
            break
        kept.append(run)
        room -= size
    mark = left[0].style if left else "quiet"
    if not right:
        return Row(kept, end=end, mark=mark)
    used = sum(cell_len(run.text) for run in (*kept, *right))
    return Row((*kept, Run(" " * max(0, width - used)), *right), end=end, mark=mark)


def clock_words(at: float, now: float) -> str:
    """The time of day, with the day if it was another one; "" if it is not known."""
    if at <= 0:
        return ""
    then = time.localtime(at)
    same = then[:3] == time.localtime(now)[:3]
    return time.strftime("%H:%M" if same else "%d %b %H:%M", then)


def duration_words(seconds: float) -> str:
    """How long, as short as it is honest."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"


def running_words(part: Part, now: float) -> str:
    """How long a part has been at work."""
    if not part.started:
        return ""
    seconds = int(max(0.0, now - part.started))
    return f" {seconds} s" if seconds < 60 else f" {seconds // 60} min {seconds % 60:02d} s"


def prompt_line(turn: Turn, width: int, now: float) -> Row:
    """Who, when, and how far it has come."""
    said, role = STATES[turn.state]
    at = clock_words(turn.started, now)
    left = [Run("you", "you"), *([Run(f"  {at}", "quiet")] if at else [])]
    return between(left, [Run(said, role)], width, None)


def agent_line(turn: Turn, name: str, width: int) -> Row:
    """Who answers, and how it was rated."""
    right = [Run(*VERDICTS[turn.verdict])] if turn.verdict is not None else []
    return between([Run(safe_line(turn.agent or name or "Agent", 80), "agent")], right, width, None)


def attachment_rows(turn: Turn, width: int) -> list[Row]:
    """The files that went with the prompt."""
    rows: list[Row] = []
    for item in turn.attachments:
        size = f"  {size_words(item.size)}" if item.size else ""
        rows.append(between([Run("@ ", "quiet"), Run(safe_line(item.name, 200), "text"), Run(size, "quiet")], [], width))
    return rows


def size_words(size: int) -> str:
    """Bytes for people."""
    if size < 1_000:
        return f"{size} bytes"
    return f"{size / 1_000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def one_line(value: Json, limit: int = 200) -> str:
    """A tool's input on one line: its values, or its JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return safe_line(value, limit)
    if isinstance(value, Mapping) and all(isinstance(item, str | int | float) for item in value.values()):
        return safe_line("  ".join(str(item) for item in value.values()), limit)
    return safe_line(json_text(value), limit)


def fold_line(part: Part, turn: Turn, width: int, now: float, *, folded: bool) -> Row:
    """The one line of a thought, a tool or another thread's words."""
    sign = Run("▸ " if folded else "▾ ", "quiet")
    lane = [Run(f"{safe_line(part.lane, 40)}  ", "quiet")] if part.lane else []
    if part.kind is PartKind.TOOL:
        left = [
            sign,
            *lane,
            Run(safe_line(part.name or "tool", 60), "label"),
            Run(f"  {safe_line(part.summary) if part.summary else Cleaner().text(one_line(part.input))}", "quiet"),
        ]
        return between(left, tool_outcome(part, turn, now), width)
    if part.kind is PartKind.THINKING:
        if part.done or not turn.open:
            took = part.ended - part.started if part.started and part.ended else 0.0
            said = f"thought for {duration_words(took)}" if took > 0 else "thought"
        else:
            said = f"thinking{running_words(part, now)}"
        return between([sign, *lane, Run(said, "quiet")], [], width)
    return between([sign, *lane, Run(safe_line(part.text, 200), "quiet")], [], width)


def tool_outcome(part: Part, turn: Turn, now: float) -> list[Run]:
    """What became of a tool call, as far as the wire said."""
    allowed = part.data.get("allowed")
    if part.done:
        took = f"{duration_words(part.ended - part.started)} " if part.started and part.ended else ""
        return [Run(f"{took}", "quiet"), Run("×", "failed")] if part.failed else [Run(took, "quiet"), Run("✓", "done")]
    if allowed is False:
        return [Run("denied", "quiet")]
    if part.asks or any(request.event_id == part.id for request in turn.waiting):
        return [Run("waits for you", "needs")]
    return [Run(f"running{running_words(part, now)}", "quiet")] if turn.open else [Run("no result", "quiet")]


def bounded(text: str) -> str:
    """As much of a plain text as can be laid out between two frames."""
    left = len(text) - MOST_PLAIN
    return text if left <= 0 else f"{text[:MOST_PLAIN]}\n… ({left:,} more characters; copying takes all of them)"


def unfolded(part: Part, *, bare: bool = False) -> str:
    """What stands below an unfolded line; in a tool's, what has the shape of a key is hidden unless ``bare``."""
    if part.kind is not PartKind.TOOL:
        return safe(bounded(part.text))
    cleaner = Cleaner(on=not bare)
    shown: list[str] = []
    if part.input is not None:
        shown.append(part.input if isinstance(part.input, str) else json_text(part.input, indent=2))
    if part.output:
        shown.append(part.output)
    text = "\n\n".join(
        item if len(item) <= SHOWN_OUTPUT else item[:SHOWN_OUTPUT] + "\n… (cut here; the events have all of it)" for item in shown
    )
    text = cleaner.text(text)
    if cleaner.count:
        things = "One thing that looks like a key is" if cleaner.count == 1 else f"{cleaner.count} things that look like keys are"
        text = f"{things} hidden · s shows all\n\n{text}"
    return safe(text)


def waiting_line(request: Request, width: int) -> Row:
    """What the agent waits for."""
    what = {
        RequestKind.APPROVAL: "waits for your approval",
        RequestKind.FORM: "waits for a form",
        RequestKind.TOOL: "waits for a result",
    }[request.kind]
    detail = f"  {safe_line(request.name, 60)}  {one_line(request.input, 120)}".rstrip()
    return between([Run("! ", "needs"), Run(what, "needs"), Run(detail, "quiet")], [], width)


def end_text(turn: Turn) -> tuple[str, str] | None:
    """How a turn ended, if that is worth a line: text and style."""
    failure = turn.failure
    if turn.state is PromptState.NOT_SENT:
        return (f"not sent: {safe_line(failure.message, 600)}" if failure else "not sent"), "failed"
    if turn.stop not in STOPS:
        return None
    said, style = STOPS[turn.stop]
    if failure is None:
        return said, style
    request = f"  (request {safe_line(failure.request_id, 80)})" if failure.request_id else ""
    return f"{said}: {safe_line(failure.message, 600)}{request}", style
