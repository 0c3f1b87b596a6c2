"""Ratings on their way: written down first, sent when the vendor can be reached, never lost and never doubled."""

from __future__ import annotations

from app.errors import Unavailable, UsageError, VendorError
from app.models import Verdict
from app.protocols import Rates, Vendor
from app.store import Store
from app.transcript import Turn
from app.turns import Talk, Turns


async def rate(turns: Turns, store: Store, talk: Talk, turn: Turn, verdict: Verdict, comment: str = "") -> None:
    """Rate an answer. It is kept with the answer at once; if the vendor cannot be reached it waits for ``send_waiting``.

    Raises ``UsageError`` where the vendor takes no ratings or the answer has no id yet, and ``VendorError`` if it was refused.
    """
    if not isinstance(talk.vendor, Rates):
        raise UsageError(f"{talk.vendor.label} takes no ratings.")
    if not turn.message_id:
        raise UsageError("This answer has no id at the server yet, so it cannot be rated. Read the conversation again first.")
    waiting = await store.queue_rating(talk.pk, turn.uid, turn.message_id, verdict, comment)
    await turns.rated(talk, turn, verdict, comment)
    try:
        await talk.vendor.rate(talk.conversation, turn.message_id, verdict, comment)
    except Unavailable:
        raise
    except VendorError as error:
        await store.rating_failed(waiting, str(error), final=True)
        raise
    await store.rating_sent(waiting)
    await send_waiting(store, talk.vendor, talk.account)


async def send_waiting(store: Store, vendor: Vendor, account: int) -> int:
    """Send what waits since the vendor could not be reached; returns how many went. Stops at the first that cannot go yet."""
    sent = 0
    for waiting in await store.pending_ratings(account) if isinstance(vendor, Rates) else []:
        if not waiting.message_id or not isinstance(vendor, Rates):
            continue
        try:
            await vendor.rate(waiting.stored.conversation, waiting.message_id, waiting.verdict, waiting.comment)
        except Unavailable:
            return sent
        except VendorError as error:
            await store.rating_failed(waiting.id, str(error), final=True)
        else:
            await store.rating_sent(waiting.id)
            sent += 1
    return sent


def rated_turn(talk: Talk, message: str) -> Turn:
    """The turn whose answer is ``message``; ``last`` is the newest answer. Raises ``UsageError``."""
    answered = [turn for turn in talk.transcript.turns if turn.message_id]
    if message == "last":
        if not answered:
            raise UsageError("There is no answer in this conversation that could be rated.")
        return answered[-1]
    for turn in answered:
        if turn.message_id == message:
            return turn
    raise UsageError(f"There is no answer {message!r} in this conversation. See their ids with: parlour show CONVERSATION --json")
