"""What we ask of any vendor, and what some can do besides.

``Vendor`` is the core. The others are opt-in: a vendor class satisfies them by having the methods, and whoever needs one asks
``isinstance(vendor, Interrupts)``. Nobody inherits from anything here.

All methods raise ``app.errors.VendorError`` and let ``asyncio.CancelledError`` pass. Iterators release their connection when they
are closed (``aclose``) or their task is cancelled once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from app.batch_models import Batch, Item, Result, Webhook
from app.models import Agent, Answer, Attachment, Conversation, Environment, Event, Json, Link, Page, Prompt, Verdict
from app.resource_models import Call, Object, Resource, Saved


def _nobody(link: Link) -> None:
    del link


tell_link: ContextVar[Callable[[Link], None]] = ContextVar("tell_link", default=_nobody)
"""Who is told about waits, retries and reconnects of the requests made in the current task."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as it leaves, or as its answer begins (then there is a ``status``). No body, no header, no key."""

    method: str
    url: str
    status: int | None = None
    seconds: float = 0.0
    request_id: str = ""


tell_request: ContextVar[Callable[[Exchange], None] | None] = ContextVar("tell_request", default=None)
"""Who is told of every request made in the current task; nobody unless somebody asked."""


@runtime_checkable
class Vendor(Protocol):
    """One account of one vendor."""

    @property
    def label(self) -> str:
        """The vendor's name as people know it."""
        ...

    async def agents(self) -> Sequence[Agent]:
        """Every agent this key may talk to, in the server's order."""
        ...

    async def conversations(self, after: str = "", *, agent_id: str = "", limit: int = 50) -> Page[Conversation]:
        """One page, newest first; ``after`` is the ``next`` of the page before."""
        ...

    async def conversation(self, conversation_id: str) -> Conversation:
        """One conversation as it is now; ``NotFound`` if there is none."""
        ...

    async def start(
        self,
        agent_id: str,
        *,
        title: str = "",
        environment: str = "",
        external_user_id: str = "",
        key: str = "",
        extra: Mapping[str, Json] | None = None,
    ) -> Conversation:
        """Begin a conversation. ``key`` makes a repeated attempt the same one where the vendor knows idempotency."""
        ...

    def history(self, conversation: Conversation) -> AsyncIterator[Event]:
        """Everything the server has, oldest first, as the events a live stream would have been (previews left out)."""
        ...

    def send(self, conversation: Conversation, prompt: Prompt) -> AsyncIterator[Event]:
        """One turn. The first ``Prompted`` says that the server has it; the last event is ``TurnEnded``.

        An error before ``Prompted`` tells in ``sent`` whether it arrived. A stream that ends without its end raises
        ``OutcomeUnknown``. Nothing is ever sent again where that could make two of it.
        """
        ...

    def settle(self, conversation: Conversation, prompt: Prompt, prompt_id: str = "") -> AsyncIterator[Event]:
        """What became of a prompt, read from the server: its turn as in ``send``, without sending anything.

        ``prompt_id`` is the server's name for it, if it was learnt. Waits for a turn that is still running. Raises ``NotFound``
        if the server does not have it after looking for a while, ``OutcomeUnknown`` if the answer did not come.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


@runtime_checkable
class Checks(Protocol):
    """Can tell whether the key works with one cheap read."""

    async def check(self) -> str:
        """A sentence about what the key may do."""
        ...


@runtime_checkable
class Interrupts(Protocol):
    """Can stop a running turn at the server."""

    async def interrupt(self, conversation: Conversation) -> None:
        """Ask; the running stream then ends with ``Stop.INTERRUPTED`` (or had just finished)."""
        ...


@runtime_checkable
class Approves(Protocol):
    """An agent may wait for a person and be answered."""

    def answer(self, conversation: Conversation, answers: Sequence[Answer], key: str, after: str = "") -> AsyncIterator[Event]:
        """Send the answers, all at once, and go on with the turn as ``send`` does; ``after`` is the event that asked."""
        ...


@runtime_checkable
class Follows(Protocol):
    """Has a stream that outlives turns."""

    def follow(self, conversation: Conversation, after: str = "") -> AsyncIterator[Event]:
        """Every event after the cursor ``after`` ("": only what comes from now on), reconnecting, without gap or double."""
        ...


@runtime_checkable
class Rates(Protocol):
    """Takes feedback on an answer."""

    async def rate(self, conversation: Conversation, message_id: str, verdict: Verdict, comment: str = "") -> None:
        """Rate one answer."""
        ...


@runtime_checkable
class Attaches(Protocol):
    """Takes files with a prompt."""

    async def upload(self, path: Path, *, media_type: str = "", progress: Callable[[int, int], None] | None = None) -> Attachment:
        """Upload one file; ``progress`` is told (bytes sent, bytes in all)."""
        ...


@runtime_checkable
class SavesFiles(Protocol):
    """Files of a conversation's messages can be fetched."""

    async def save_file(
        self, conversation: Conversation, file: Attachment, folder: Path, *, progress: Callable[[int, int], None] | None = None
    ) -> Saved:
        """Save one into a folder, under a safe name that nothing has yet; no key goes with the request."""
        ...


@runtime_checkable
class Regenerates(Protocol):
    """Can answer the last prompt again."""

    def regenerate(self, conversation: Conversation) -> AsyncIterator[Event]:
        """Like ``send``, for the last prompt."""
        ...


@runtime_checkable
class Renames(Protocol):
    """Conversations have a title that can be set."""

    async def rename(self, conversation: Conversation, title: str) -> None:
        """Set the title."""
        ...


@runtime_checkable
class Archives(Protocol):
    """Conversations can be put away."""

    async def archive(self, conversation: Conversation) -> None:
        """Make it read-only and hide it from lists."""
        ...


@runtime_checkable
class Deletes(Protocol):
    """Conversations can be deleted at the server."""

    async def delete(self, conversation: Conversation) -> None:
        """Delete it for good."""
        ...


@runtime_checkable
class ForUsers(Protocol):
    """Requests can name the person they are made for; that person's conversations are apart from the others'."""

    def user_of(self, conversation: Conversation) -> str:
        """Whom the requests of this conversation name; "" is nobody."""
        ...

    async def conversations_of(
        self, user: str, after: str = "", *, agent_id: str = "", limit: int = 50, oldest: bool = False
    ) -> Page[Conversation]:
        """One page of somebody's conversations ("" is the profile's own user), newest or oldest first."""
        ...


@runtime_checkable
class Batches(Protocol):
    """Takes many prompts at once and answers them in the background."""

    def batch_body(self, agent_id: str, items: Sequence[Item], webhook: Webhook | None = None) -> Json:
        """What ``create_batch`` would send, the webhook's secret left out; nothing is sent."""
        ...

    async def create_batch(self, agent_id: str, items: Sequence[Item], webhook: Webhook | None = None) -> Batch:
        """Hand them over: never repeated in doubt; an error tells in ``sent`` what is known."""
        ...

    async def batches(self, after: str = "", *, limit: int = 50) -> Page[Batch]:
        """One page, newest first."""
        ...

    async def batch(self, batch_id: str) -> Batch:
        """One batch as it is now."""
        ...

    async def batch_results(self, batch_id: str, after: str = "", *, limit: int = 500) -> Page[Result]:
        """One page of what is answered so far, in no order that means anything."""
        ...

    async def cancel_batch(self, batch_id: str) -> Batch:
        """Begin no other item; what was answered stays."""
        ...


@runtime_checkable
class Configures(Protocol):
    """A conversation can begin with more than an agent and a title."""

    @property
    def beginnings(self) -> Mapping[str, str]:
        """What can be said, by name: a question for it with its form."""
        ...

    def begun_with(self, agent_id: str, more: Mapping[str, str]) -> Mapping[str, Json]:
        """What ``start`` takes as ``extra``, from the lines a person typed. Raises ``UsageError``; nothing is sent."""
        ...


@runtime_checkable
class TellsWaiting(Protocol):
    """Can tell of a conversation whose history was not read whether it waits for a person."""

    async def waits(self, conversation: Conversation) -> bool:
        """One cheap read."""
        ...


@runtime_checkable
class NeedsEnvironment(Protocol):
    """Conversations run in an environment that has to be chosen."""

    async def environments(self) -> Sequence[Environment]:
        """The usable ones."""
        ...

    async def create_environment(self, name: str) -> Environment:
        """Make a minimal one."""
        ...


@runtime_checkable
class Resources(Protocol):
    """Lets a person see and change what the account holds. Everything is described: see ``app.resource_models``."""

    @property
    def resources(self) -> Sequence[Resource]:
        """The descriptions; those with a ``parent`` are listed below one of it."""
        ...

    @property
    def read_only(self) -> bool:
        """Whether this profile was told to refuse every write."""
        ...

    @property
    def base(self) -> str:
        """The address that paths of calls are below."""
        ...

    @property
    def key_variable(self) -> str:
        """The environment variable that others read its key from."""
        ...

    async def resource_page(self, call: Call, after: str = "", *, limit: int = 100) -> Page[Object]:
        """One page of a list, in the server's order; ``after`` is the ``next`` of the page before."""
        ...

    async def perform(self, call: Call, *, progress: Callable[[int, int], None] | None = None) -> Json:
        """Carry out a call under a key of its own; the reply as it came. ``progress`` is told (bytes sent, bytes in all)."""
        ...

    def caution(self, call: Call) -> str:
        """What a person should know before this call is made; "" if there is nothing."""
        ...

    async def download(self, call: Call, target: Path, *, progress: Callable[[int, int], None] | None = None) -> Saved:
        """Save a file: into the folder ``target`` under its own name made safe, or as ``target``. Nothing is overwritten."""
        ...
