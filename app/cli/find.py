"""From a name on the command line to the one thing it means; what fits several is refused with the list, never guessed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from app.cli.compose import Program
from app.errors import NotFound, UsageError
from app.models import Agent, Conversation, Json, Profile
from app.protocols import Configures, ForUsers, NeedsEnvironment, Vendor
from app.store import Stored
from app.turns import Talk

T = TypeVar("T")


async def agent(program: Program, profiles: Sequence[Profile], wanted: str) -> tuple[Profile, Agent]:
    """The agent of that id or name. Raises ``NotFound`` or, with the list, ``UsageError``."""
    known: list[tuple[Profile, Agent]] = []
    for profile in profiles:
        vendor = await program.vendor(profile)
        agents = list(await vendor.agents())
        await program.store.save_agents(await program.account(profile), agents)
        known += [(profile, agent) for agent in agents if not agent.archived]
    found = [(profile, agent) for profile, agent in known if agent.id == wanted]
    if not found:
        found = [(profile, agent) for profile, agent in known if agent.name.casefold() == wanted.casefold()]
    if not found:
        raise NotFound(f"There is no agent {wanted!r}. See them with: parlour agents")
    return _one(found, f"agent {wanted!r}", lambda pair: f"{pair[0].name}: {pair[1].name} ({pair[1].id})")


async def conversation(program: Program, profiles: Sequence[Profile], wanted: str) -> tuple[Profile, Stored]:
    """The conversation of that id: from the store, else from its vendor. Raises ``NotFound`` or ``UsageError``."""
    found: list[tuple[Profile, Stored]] = []
    for profile in profiles:
        stored = await program.store.find(await program.account(profile), wanted)
        if stored is not None:
            found.append((profile, stored))
    if not found:
        found = await _at_the_vendors(program, profiles, wanted)
    if not found:
        raise NotFound(f"There is no conversation {wanted!r}. See them with: parlour conversations")
    return _one(found, f"conversation {wanted!r}", lambda pair: f"{pair[0].name}: {pair[1].conversation.title}")


async def _at_the_vendors(program: Program, profiles: Sequence[Profile], wanted: str) -> list[tuple[Profile, Stored]]:
    found = []
    for profile in profiles:
        vendor = await program.vendor(profile)
        try:
            there = await vendor.conversation(wanted)
        except NotFound:
            continue
        found.append((profile, await program.store.save_conversation(await program.account(profile), there)))
    return found


async def talk(program: Program, profiles: Sequence[Profile], wanted: str, *, fresh: bool = False) -> tuple[Profile, Talk]:
    """A conversation, opened; ``fresh`` reads its history again if the vendor can be reached."""
    profile, stored = await conversation(program, profiles, wanted)
    opened = await program.turns.open(await program.vendor(profile), stored)
    if fresh or not opened.transcript.turns:
        await program.turns.idle(opened)
        program.turns.refresh(opened)
        await program.turns.idle(opened)
    return profile, opened


async def new_talk(
    program: Program, profile: Profile, who: Agent, environment: str, more: Mapping[str, str] | None = None
) -> Talk:
    """A conversation that the vendor does not have yet; it is made with the first prompt. ``more``: title, external_user_id."""
    vendor = await program.vendor(profile)
    asked = more or {}
    user = asked.get("external_user_id", "")
    if user and not isinstance(vendor, ForUsers):
        raise UsageError(f"{vendor.label} knows no users of its own; leave --user out.")
    local = Conversation(
        f"~{uuid.uuid4()}",
        agent_id=who.id,
        agent_name=who.name,
        agent_version=who.version,
        environment=await where(vendor, profile, environment),
        title=asked.get("title", ""),
        external_user_id=user or profile.external_user_id,
        created_at=program.clock.stamp(),
        raw=_beginning(vendor, who, asked),
    )
    account = await program.account(profile)
    await program.store.used_agent(account, who.id, program.clock.wall())
    return await program.turns.open(vendor, await program.store.save_conversation(account, local))


def _beginning(vendor: Vendor, who: Agent, asked: Mapping[str, str]) -> Mapping[str, Json]:
    """What the vendor gets besides: what only some vendors know is refused where it has no meaning."""
    named = {name: value for name, value in asked.items() if value and name not in ("title", "external_user_id")}
    if not named:
        return {}
    known = vendor.beginnings if isinstance(vendor, Configures) else {}
    unknown = sorted(set(named) - set(known))
    if not isinstance(vendor, Configures) or unknown:
        there = f"it knows {', '.join(known)}" if known else "leave it out"
        raise UsageError(f"{vendor.label} does not know {', '.join(unknown)}; {there}. Nothing was sent.")
    return vendor.begun_with(who.id, named)


async def where(vendor: Vendor, profile: Profile, wanted: str) -> str:
    """The environment of a new conversation: the wanted one, the profile's, or the only one there is."""
    if not isinstance(vendor, NeedsEnvironment):
        if wanted:
            raise UsageError(f"{vendor.label} has no environments; leave --environment out.")
        return ""
    if wanted or profile.environment:
        return wanted or profile.environment
    there = list(await vendor.environments())
    if len(there) == 1:
        return there[0].id
    if not there:
        raise UsageError(
            "This account has no environment yet. Make one, then try again: parlour qoder environments create --name default"
        )
    names = ", ".join(f"{environment.name} ({environment.id})" for environment in there)
    raise UsageError(f"Say which environment with --environment: {names}.")


def _one(found: list[T], what: str, describe: Callable[[T], str]) -> T:
    if len(found) == 1:
        return found[0]
    listed = "; ".join(describe(item) for item in found)
    raise UsageError(f"Several fit {what}. Say which with its id or --profile: {listed}")
