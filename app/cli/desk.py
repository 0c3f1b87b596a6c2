"""The composed program as the screens see it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.cli.compose import Program, is_demo
from app.errors import ParlourError, UsageError
from app.profiles import Agent, Json, Profile
from app.settings import Settings, origin
from app.vendors import CATALOGUE, VendorEntry, connect, normal_base

if TYPE_CHECKING:
    from app import tools as commands
    from app.batch_watch import BatchWatch
    from app.protocols import Vendor
    from app.store import Store, Stored
    from app.turns import Talk, Turns


@dataclass(frozen=True, slots=True)
class Offered:
    """A vendor with the places its key can go to."""

    name: str
    label: str
    bases: Mapping[str, str]


def _offered(entry: VendorEntry) -> Offered:
    set_base = os.environ.get(entry.base_variable, "").strip()
    first = {entry.base_variable: normal_base(entry.name, set_base)} if set_base else {}
    return Offered(entry.name, entry.label, {**first, **entry.bases})


class ProgramDesk:
    """The program as the screens see it."""

    def __init__(self, program: Program, *, demo: str = "", only: str = "") -> None:
        self._program = program
        self._demo = demo
        self._only = only
        self._opening: asyncio.Future[None] | None = None
        self._picked_up: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: dict[str, tuple[Profile, str]] = {}
        self._batches: BatchWatch | None = None
        self.takes_batches = self.takes_ratings = False
        self.clock = program.clock

    @property
    def settings(self) -> Settings:
        """What was configured."""
        return self._program.settings

    async def doctor(self) -> str:
        """The report of ``parlour doctor``; the terminal is in use, so it is not asked."""
        from app.cli import doctor

        await self.open()
        return doctor.text(await doctor.look(self._program, {}))

    def change(self, table: str, name: str, value: Json) -> None:
        """Write one value of the settings; None takes it out."""
        self._program.settings = self._program.settings.with_option(table, name, value)

    @property
    def store(self) -> Store:
        """There after ``open``."""
        return self._program.store

    @property
    def turns(self) -> Turns:
        """There after ``open``."""
        return self._program.turns

    @property
    def tools(self) -> commands.Tools:
        """There after ``open``."""
        return self._program.tools

    @property
    def batches(self) -> BatchWatch:
        """There after ``open``."""
        if self._batches is None:
            from app.batch_watch import BatchWatch

            self._batches = BatchWatch(self.store, self.clock)
        return self._batches

    @property
    def has_profiles(self) -> bool:
        """Whether anything but the demo is known."""
        return bool(self._program.settings.profiles or self._session or self._demo)

    async def open(self) -> None:
        """Open the database, once."""
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._open())
        await asyncio.shield(self._opening)

    async def _open(self) -> None:
        await asyncio.to_thread(importlib.import_module, "app.turns")
        await self._program.__aenter__()
        self.turns.listen(self.tools.heard)

    def going_on(self) -> int:
        """How many turns run at their servers and are only listened to here."""
        if self._opening is None or not self._opening.done() or self._opening.exception() is not None:
            return 0
        return sum(talk.running is not None and talk.turn is not None and talk.turn.open for talk in self.turns.talks)

    async def aclose(self) -> None:
        """Close everything, if it was opened."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._batches is not None:
            await self._batches.aclose()
        if self._opening is not None and self._opening.done() and self._opening.exception() is None:
            await self._program.__aexit__(None, None, None)

    async def profiles(self) -> Sequence[Profile]:
        """Every profile in use."""
        stored = [profile for profile in self._program.settings.profiles if not self._only or profile.name == self._only]
        session = [profile for profile, _ in self._session.values()]
        demo = await self._program.demo(self._demo) if self._demo else []
        return [*([] if self._only and is_demo(self._only) else stored), *session, *demo]

    async def start_demo(self) -> Sequence[Profile]:
        """Use the demo from now on."""
        profiles = await self._program.demo(self._demo or "demo")
        self._demo = self._demo or "demo"
        return profiles

    async def vendor(self, profile: Profile) -> Vendor:
        """The connection of a profile; the first time, what was left under way is gone on with."""
        from app.protocols import Batches, Rates

        known = profile.name in self._picked_up
        vendor = await self._program.vendor(profile)
        self.takes_batches = self.takes_batches or isinstance(vendor, Batches)
        self.takes_ratings = self.takes_ratings or isinstance(vendor, Rates)
        if not known:
            self._picked_up.add(profile.name)
            task = asyncio.create_task(self._pick_up(profile, vendor))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return vendor

    async def _pick_up(self, profile: Profile, vendor: Vendor) -> None:
        from app.protocols import Batches
        from app.ratings import send_waiting

        with contextlib.suppress(ParlourError):
            account = await self.account(profile)
            await self.turns.pick_up(vendor, account)
            await self.tools.send_kept(vendor, account)
            await send_waiting(self.store, vendor, account)
            if isinstance(vendor, Batches):
                await self.batches.pick_up(account, vendor)

    def key_in(self, text: str) -> str:
        """The profile whose key is in this text."""
        return self._program.key_in(text)

    def without_keys(self, text: str) -> str:
        """``text`` with the keys in use masked."""
        return self._program.without_keys(text)

    async def account(self, profile: Profile) -> int:
        """The store's name for a profile's data."""
        return await self._program.account(profile)

    async def agent(self, wanted: str) -> tuple[Profile, Agent]:
        """The one agent of that id or name."""
        from app.cli import find

        return await find.agent(self._program, await self.profiles(), wanted)

    async def new_talk(
        self, profile: Profile, agent: Agent, environment: str = "", more: Mapping[str, str] | None = None
    ) -> Talk:
        """A conversation that its vendor gets with the first prompt."""
        from app.cli import find

        return await find.new_talk(self._program, profile, agent, environment, more or {})

    async def talk(self, stored: Stored) -> Talk:
        """A conversation that there is."""
        profile = next((profile for profile in await self.profiles() if profile.name == stored.profile), None)
        if profile is None:
            raise UsageError(f"The profile {stored.profile!r} is not in use now, so this conversation cannot be gone on with.")
        return await self._program.turns.open(await self._program.vendor(profile), stored)

    def vendor_choices(self) -> Sequence[Offered]:
        """Vendors a key can be for; a base from the environment stands before the vendor's own regions."""
        return tuple(_offered(entry) for entry in CATALOGUE.values())

    def guess(self, key: str) -> str:
        """The vendor whose keys look like this one."""
        return next((entry.name for entry in CATALOGUE.values() if entry.guess(key)), "")

    async def check_key(self, vendor: str, base: str, key: str) -> str:
        """One read with that key, at that vendor and region only."""
        from app.protocols import Checks

        probe = connect(Profile("check", vendor, base), key, clock=self.clock)
        try:
            return await probe.check() if isinstance(probe, Checks) else f"{len(await probe.agents())} agents answer."
        finally:
            await probe.aclose()

    async def keep_key(self, vendor: str, base: str, key: str, *, remember: bool) -> Profile:
        """Make a profile of it, stored or for this run only."""
        taken = {profile.name for profile in await self.profiles()}
        name = next(name for name in (vendor, *(f"{vendor}-{number}" for number in range(2, 100))) if name not in taken)
        profile = Profile(name, vendor, base)
        if remember:
            from app.keys import Keyring

            await Keyring().put(name, origin(base), key)
            self._program.settings = self._program.settings.add_profile(profile)
        self._session[name] = (profile, key)
        self._program.lend(name, key)
        return profile
