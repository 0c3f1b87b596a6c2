"""From the browser into a conversation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.message import Message
from textual.screen import Screen

from app.errors import UsageError
from app.profiles import Profile
from app.protocols import NeedsEnvironment, Vendor
from app.ui.desk import Desk
from app.ui.dialogs import ChooseDialog, ConfirmDialog
from app.ui.requests import OpenStored, StartTalk

Ask = Callable[[Screen[Any]], Any]
"""Shows a dialog and waits for what comes of it."""


async def talk_with(desk: Desk, profile: Profile, vendor: Vendor, agent_id: str, ask: Ask) -> Message | None:
    """A new conversation with an agent; its environment is made or asked for where that is needed. None if it was left."""
    agents = list(await vendor.agents())
    await desk.store.save_agents(await desk.account(profile), agents)
    agent = next((one for one in agents if one.id == agent_id), None)
    if agent is None:
        raise UsageError("This agent is archived: nobody can talk with it any more.")
    if not isinstance(vendor, NeedsEnvironment) or profile.environment:
        return StartTalk(profile, agent)
    there = list(await vendor.environments())
    if not there:
        question = "This account has no environment yet; tools need one.\n\nMake one named “default”, with open network?"
        if not await ask(ConfirmDialog(question, "make it", "leave")):
            return None
        there = [await vendor.create_environment("default")]
    where = there[0].id
    if len(there) > 1:
        where = await ask(ChooseDialog("In which environment?", [(one.id, one.name) for one in there]))
    return StartTalk(profile, agent, environment=where) if where else None


async def open_session(desk: Desk, profile: Profile, vendor: Vendor, session_id: str, ask: Ask) -> Message | None:
    """A session as a conversation; nothing has to be asked."""
    del ask
    there = await vendor.conversation(session_id)
    return OpenStored(await desk.store.save_conversation(await desk.account(profile), there))
