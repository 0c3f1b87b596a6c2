"""What a screen asks of the application: where to go next. Requests, so in the imperative."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from app.profiles import Agent, Profile
    from app.store import Stored
    from app.turns import Talk


class OpenAgents(Message):
    """Show who there is to talk with."""


class OpenHistory(Message):
    """Show all conversations; ``text`` fills the filter."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.text = text


class OpenResources(Message):
    """Show what an account holds; which one is asked where there are several."""


class OpenInbox(Message):
    """Show what waits for a person."""


class OpenBatches(Message):
    """Show the batch jobs."""


class OpenReview(Message):
    """Show the answers that nobody rated, or not well."""


class SettingsChanged(Message):
    """Live by what the settings are now."""


class OpenWelcome(Message):
    """Take a key."""


class OpenTalk(Message):
    """Show an open conversation; ``draft`` is put into its composer unsent."""

    def __init__(self, talk: Talk, draft: str = "") -> None:
        super().__init__()
        self.talk = talk
        self.draft = draft


class OpenStored(Message):
    """Open a conversation of the store: at a turn and a part of it, at words in there; or its events at one of them.

    ``event`` is the wire's id of it, or ``#`` and its number in the store.
    """

    def __init__(self, stored: Stored, turn: str = "", *, part: str = "", words: str = "", event: str = "") -> None:
        super().__init__()
        self.stored = stored
        self.turn = turn
        self.part = part
        self.words = words
        self.event = event


class OpenSearch(Message):
    """Search everything; ``text`` is looked for at once."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.text = text


class OpenCompare(Message):
    """Ask two agents the same."""

    def __init__(self, left: tuple[Profile, Agent], right: tuple[Profile, Agent]) -> None:
        super().__init__()
        self.left = left
        self.right = right


class OpenSync(Message):
    """Show what is not read yet, and read it."""


class StartTalk(Message):
    """Begin a conversation with an agent; ``draft`` is put into its composer unsent, ``more`` is what was asked for by name."""

    def __init__(
        self, profile: Profile, agent: Agent, draft: str = "", environment: str = "", more: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        self.profile = profile
        self.agent = agent
        self.draft = draft
        self.environment = environment
        self.more = more or {}


class ReplayFile(Message):
    """Play an exported file in the inspector; which one is asked."""


class ShowTurn(Message):
    """Back to the conversation, at that turn."""

    def __init__(self, talk: Talk, turn: str) -> None:
        super().__init__()
        self.talk = talk
        self.turn = turn


class OpenEvents(Message):
    """Show the events of a conversation; ``at`` is the wire's id of the one to begin at."""

    def __init__(self, talk: Talk, at: str = "") -> None:
        super().__init__()
        self.talk = talk
        self.at = at


class GoBack(Message):
    """One step out."""


class StartAgain(Message):
    """Begin another conversation with the agent of this one."""

    def __init__(self, talk: Talk) -> None:
        super().__init__()
        self.talk = talk
