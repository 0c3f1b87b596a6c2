"""Where everything is put together: settings, key, vendor, store, turns."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from app.cli.demo_side import Demo, is_demo
from app.cli.out import note
from app.clock import Clock
from app.errors import KeyMissing, SettingsError, UsageError
from app.profiles import Profile
from app.settings import Settings, load
from app.vendors import CATALOGUE, Redactor, connect

if TYPE_CHECKING:
    from app import tools as commands
    from app.models import Event
    from app.protocols import Vendor
    from app.store import Store
    from app.turns import Talk, Turns

__all__ = ["Program", "is_demo"]

NO_PROFILE = "There is no profile yet. Add one with: parlour profile add NAME --vendor codeer|qoder, or try: --profile demo"


class Program:
    """What one command works with; an async context manager that closes all of it."""

    def __init__(
        self,
        *,
        patience: float = 15.0,
        overhear: Callable[[Talk, Event], None] | None = None,
        announce: bool = True,
        stored: bool = True,
    ) -> None:
        """``announce``: tell what the settings and the database have to say. ``stored``: with a store and turns."""
        self.clock = Clock()
        self.settings: Settings = load(CATALOGUE, os.environ)
        for notice in self.settings.notices if announce else ():
            note(notice)
        self._patience, self._stored, self._announce = patience, stored, announce
        self._overhear = overhear
        self._vendors: dict[str, Vendor] = {}
        self._accounts: dict[str, int] = {}
        self._demo: Demo | None = None
        self._tools: commands.Tools | None = None
        self._lent: dict[str, str] = {}
        self._keys: dict[str, Redactor] = {}
        self._opened: contextlib.AsyncExitStack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Program:
        if not self._stored:
            return self
        from app.store import Store
        from app.turns import Turns

        self.store: Store = await Store.open(clock=self.clock)
        for notice in self.store.notices if self._announce else ():
            note(notice)
        self._opened.push_async_callback(self.store.aclose)
        self.turns: Turns = Turns(self.store, clock=self.clock, patience=self._patience, overhear=self._overhear)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._tools is not None:
            await self._tools.aclose()
        if self._stored:
            await self.turns.aclose()
        for vendor in self._vendors.values():
            await vendor.aclose()
        if self._demo is not None:
            await self._demo.aclose()
        await self._opened.aclose()

    @property
    def tools(self) -> commands.Tools:
        """The commands behind custom tools; with a store only."""
        if self._tools is None:
            from app import tools as commands

            self._tools = commands.Tools(self.store, self.turns, self.settings.tools)
        return self._tools

    async def demo(self, name: str = "demo") -> list[Profile]:
        """The demo's sides, its sandbox started if it does not run."""
        if self._demo is None:
            self._demo = await Demo.start()
        return self._demo.profiles(name)

    async def profiles(self, wanted: str | None) -> list[Profile]:
        """The profiles a command means: the named one, else all of them. Raises ``UsageError`` if there is none."""
        if wanted and is_demo(wanted):
            return await self.demo(wanted)
        known = list(self.settings.profiles)
        if wanted:
            found = [profile for profile in known if profile.name == wanted]
            if wanted in self.settings.refused and not found:
                raise SettingsError(self.settings.refused[wanted])
            if not found:
                names = ", ".join(profile.name for profile in known) or "only demo"
                raise UsageError(f"There is no profile {wanted!r}. Known: {names}.")
            return found
        if not known:
            raise UsageError(NO_PROFILE)
        return known

    async def vendor(self, profile: Profile) -> Vendor:
        """The connection of a profile, made once. Raises ``KeyMissing``."""
        vendor = self._vendors.get(profile.name)
        if vendor is None:
            key = await self.key(profile)
            self._keys[profile.name] = Redactor([key]) if len(key) >= 8 else Redactor([])
            vendor = self._vendors[profile.name] = connect(profile, key, clock=self.clock)
        return vendor

    def key_in(self, text: str) -> str:
        """The profile whose key, in any spelling, is in this text; "" if no key that is in use is."""
        return next((name for name, without in self._keys.items() if without(text) != text), "")

    def without_keys(self, text: str) -> str:
        """``text`` with every key that is in use masked, in whatever spelling."""
        for without in self._keys.values():
            text = without(text)
        return text

    def refuse_key_in(self, text: str) -> None:
        """Raises ``UsageError`` if a key that is in use would be sent as words."""
        holder = self.key_in(text)
        if holder:
            raise UsageError(
                f"The prompt contains the key of the profile {holder!r}. Nothing was sent; take it out and ask again."
            )

    def lend(self, name: str, key: str) -> None:
        """Use this key for a profile as long as this program runs."""
        self._lent[name] = key

    async def key(self, profile: Profile) -> str:
        """The key of a profile: the demo's own, the environment's, or the keyring's."""
        if self._demo is not None and is_demo(profile.name):
            return self._demo.key(profile)
        if profile.name in self._lent:
            return self._lent[profile.name]
        from_environment = self.settings.environment_key(profile.name)
        if from_environment:
            return from_environment
        from app.keys import Keyring
        from app.settings import origin

        secret = await Keyring().get(profile.name, origin(profile.base))
        if secret is None:
            entry = CATALOGUE[profile.vendor]
            raise KeyMissing(
                f"No key is stored for profile {profile.name!r} at {origin(profile.base)}. "
                f"Add it with: parlour profile add, or set {entry.key_variables[0]}."
            )
        return secret.reveal()

    async def account(self, profile: Profile) -> int:
        """The store's name for a profile's data."""
        if profile.name not in self._accounts:
            self._accounts[profile.name] = await self.store.account(profile)
        return self._accounts[profile.name]

    async def accounts(self, profiles: Sequence[Profile]) -> dict[int, Profile]:
        """The accounts of several profiles."""
        return {await self.account(profile): profile for profile in profiles}
