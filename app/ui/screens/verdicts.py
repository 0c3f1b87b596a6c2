"""After a choice between two answers: whether the vendor is told, which is the person's own step."""

from __future__ import annotations

from collections.abc import Sequence

from app.models import Verdict
from app.protocols import Rates
from app.ratings import rate
from app.transcript import Turn
from app.turns import Talk
from app.ui.dialogs import ChooseDialog
from app.ui.screens.base import Place

Answer = tuple[Talk, Turn]


def offer(place: Place, answers: Sequence[Answer], better: int) -> None:
    """Offer to rate the better one up, the other one down, where their vendors take ratings. Nothing is rated by itself."""
    wanted = [(answers[better], Verdict.UP, "▲ helpful")]
    wanted += [(one, Verdict.DOWN, "▼ not helpful") for number, one in enumerate(answers) if number != better]
    able = [one for one in wanted if isinstance(one[0][0].vendor, Rates)]
    if not able:
        place.say("Kept on this machine. Neither vendor takes ratings.")
        return
    options = []
    for (talk, _), verdict, mark in able:
        options.append((str(verdict), f"rate {talk.conversation.agent_name or 'the agent'}'s answer {mark}"))
    if len(able) > 1:
        options.append(("both", "both of these"))
    options.append(("none", "no rating; the choice stays on this machine"))

    def chosen(key: str | None) -> None:
        taken = [(answer, verdict) for answer, verdict, _ in able if key in ("both", str(verdict))]
        if taken:
            place.attempt(lambda: _rate(place, taken), group="rate")

    place.app.push_screen(ChooseDialog("Kept on this machine. Tell the vendor too?", options), chosen)


async def _rate(place: Place, taken: Sequence[tuple[Answer, Verdict]]) -> None:
    for (talk, turn), verdict in taken:
        await rate(place.desk.turns, place.desk.store, talk, turn, verdict)
    place.say("Rated.")
