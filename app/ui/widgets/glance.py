"""A look at what was said last in a conversation, without opening it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from app.models import PartKind
from app.store import Store, Stored
from app.text import safe, safe_line
from app.transcript import Turn

TURNS = 3
LETTERS = 4_000
"""Characters of one message that are shown."""


class Glance(VerticalScroll, can_focus=False):
    """The last turns as plain text."""

    def compose(self) -> ComposeResult:
        """One text."""
        yield Static(id="glance-text", markup=False)

    @property
    def shown(self) -> bool:
        """Whether it is to be seen."""
        return self.has_class("-shown")

    @shown.setter
    def shown(self, shown: bool) -> None:
        self.set_class(shown, "-shown")

    async def show(self, store: Store, stored: Stored | None) -> None:
        """That conversation; None empties it."""
        lines: list[Content] = []
        if stored is not None:
            uids = [head.uid for head in await store.turn_heads(stored.pk)][-TURNS:]
            lines = _lines(stored, await store.turns_between(stored.pk, uids))
        self.query_one("#glance-text", Static).update(Content("\n").join(lines))
        self.scroll_end(animate=False)


def _lines(stored: Stored, turns: list[Turn]) -> list[Content]:
    conversation = stored.conversation
    lines = [Content.styled(safe_line(conversation.title or "Untitled", 120), "bold")]
    facts = [conversation.agent_name, stored.profile, conversation.external_user_id and f"as {conversation.external_user_id}"]
    lines += [Content.styled(safe_line(" · ".join(fact for fact in facts if fact), 160), "$text-muted"), Content()]
    if not turns:
        lines.append(Content.styled("Nothing of it was read here yet. enter opens it.", "$text-muted"))
    for turn in turns:
        if turn.text:
            lines += [Content.styled("you", "bold $primary"), Content(safe(turn.text[:LETTERS])), Content()]
        lines.append(Content.styled(safe_line(conversation.agent_name or "agent", 60), "bold $secondary"))
        for part in turn.parts:
            if part.kind is PartKind.TOOL:
                mark = " ×" if part.failed else " ✓" if part.done else " …"
                lines.append(Content.styled(safe_line(f"{part.name}{mark}", 120), "$text-muted"))
        lines += [Content(safe(turn.answer[:LETTERS])), Content()]
        for request in turn.waiting:
            lines.append(Content.styled(safe_line(f"! waits for you: {request.name}", 120), "bold $warning"))
        if turn.failure is not None:
            lines.append(Content.styled(safe_line(turn.failure.message, 300), "$error"))
    return lines
