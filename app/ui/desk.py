"""What the application is handed: everything a screen may need, put together elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from app.batch_watch import BatchWatch
from app.clock import Clock
from app.models import Agent, Json, Profile
from app.protocols import Vendor
from app.settings import Settings
from app.store import Store, Stored
from app.tools import Tools
from app.turns import Talk, Turns


class Choice(Protocol):
    """A vendor a key can belong to, with its regions."""

    @property
    def name(self) -> str:
        """Its word in settings."""
        ...

    @property
    def label(self) -> str:
        """Its name as people know it."""
        ...

    @property
    def bases(self) -> Mapping[str, str]:
        """Region → base URL."""
        ...


class Desk(Protocol):
    """The composed program as the screens see it."""

    clock: Clock

    @property
    def settings(self) -> Settings:
        """What was configured."""
        ...

    async def doctor(self) -> str:
        """What keyring, network, database and files can do: a report without any key."""
        ...

    def change(self, table: str, name: str, value: Json) -> None:
        """Write one value of [ui], [keymap] or [notify]; None takes it out. Raises ``SettingsError``."""
        ...

    @property
    def store(self) -> Store:
        """What was said; there after ``open``."""
        ...

    @property
    def turns(self) -> Turns:
        """Who is talking; there after ``open``."""
        ...

    @property
    def tools(self) -> Tools:
        """The commands behind custom tools; there after ``open``."""
        ...

    @property
    def batches(self) -> BatchWatch:
        """The batch jobs; there after ``open``."""
        ...

    @property
    def takes_batches(self) -> bool:
        """Whether an account that was asked so far takes batches. Costs nothing."""
        ...

    @property
    def takes_ratings(self) -> bool:
        """Whether an account that was asked so far takes ratings. Costs nothing."""
        ...

    @property
    def has_profiles(self) -> bool:
        """Whether anything but the demo is known. Costs nothing."""
        ...

    async def open(self) -> None:
        """Open the database. Raises ``StoreError``."""
        ...

    async def profiles(self) -> Sequence[Profile]:
        """Every profile in use, the demo's sides included once it was asked for."""
        ...

    async def start_demo(self) -> Sequence[Profile]:
        """Start the demo, if it does not run, and use it from now on."""
        ...

    async def vendor(self, profile: Profile) -> Vendor:
        """The connection of a profile. Raises ``KeyMissing`` or what the keyring has to say."""
        ...

    def key_in(self, text: str) -> str:
        """The profile whose key, in any spelling, is in this text; "" if no key that is in use is."""
        ...

    def without_keys(self, text: str) -> str:
        """``text`` with every key that is in use masked."""
        ...

    async def account(self, profile: Profile) -> int:
        """The store's name for a profile's data."""
        ...

    async def agent(self, wanted: str) -> tuple[Profile, Agent]:
        """The one agent of that id or name. Raises ``NotFound`` or, with the list, ``UsageError``."""
        ...

    async def new_talk(
        self, profile: Profile, agent: Agent, environment: str = "", more: Mapping[str, str] | None = None
    ) -> Talk:
        """A conversation that its vendor gets with the first prompt; ``more``: ``title``, ``external_user_id``.

        Raises ``UsageError`` if an environment must be chosen.
        """
        ...

    async def talk(self, stored: Stored) -> Talk:
        """A conversation that there is, opened."""
        ...

    def vendor_choices(self) -> Sequence[Choice]:
        """Vendors a key can be for, the likeliest first when ``guess`` has been asked."""
        ...

    def guess(self, key: str) -> str:
        """The name of the vendor whose keys look like this one; "" if none does."""
        ...

    async def check_key(self, vendor: str, base: str, key: str) -> str:
        """One read-only call to that vendor and region with that key: a verdict. Raises ``VendorError``."""
        ...

    async def keep_key(self, vendor: str, base: str, key: str, *, remember: bool) -> Profile:
        """Make a profile of it: in keyring and settings (``remember``), or for this run only. Raises ``KeyringTrouble``."""
        ...
