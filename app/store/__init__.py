"""Everything that was said, in one SQLite file."""

from app.store.batches import Job, JobPart, PartState
from app.store.comparisons import Asked, Comparison
from app.store.highlights import spans
from app.store.query import Query, parse
from app.store.record import Entry
from app.store.rows import snapshot
from app.store.store import Store
from app.store.values import Hit, KnownAgent, PartHead, Rating, Stored, StoredEvent, TurnHead, account_of

__all__ = [
    "Asked",
    "Comparison",
    "Entry",
    "Hit",
    "Job",
    "JobPart",
    "KnownAgent",
    "PartHead",
    "PartState",
    "Query",
    "Rating",
    "Store",
    "Stored",
    "StoredEvent",
    "TurnHead",
    "account_of",
    "parse",
    "snapshot",
    "spans",
]
