"""``parlour agents`` and ``parlour conversations``."""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import replace

from app.cli import out
from app.cli.compose import Program
from app.errors import UsageError
from app.exports import conversation_object
from app.models import Agent, Conversation, Json, Page, Profile, Status
from app.protocols import ForUsers, Vendor


def run(args: argparse.Namespace) -> int:
    """List, for people or as one JSON array."""
    asyncio.run(_conversations(args) if hasattr(args, "limit") else _agents(args))
    return 0


async def _agents(args: argparse.Namespace) -> None:
    found: list[tuple[Profile, Agent]] = []
    async with Program() as program:
        for profile in await program.profiles(args.profile):
            agents = list(await (await program.vendor(profile)).agents())
            await program.store.save_agents(await program.account(profile), agents)
            found += [(profile, agent) for agent in agents]
    if args.json:
        out.value([_agent_object(profile, agent) for profile, agent in found])
        return
    if not found:
        out.note("There are no agents here yet.")
        return
    rows = [(agent.name, profile.name, agent.model or "–", agent.id, agent.description) for profile, agent in found]
    out.table(rows, ("agent", "profile", "model", "id", "description"))


def _agent_object(profile: Profile, agent: Agent) -> Json:
    return {
        "id": agent.id,
        "name": agent.name,
        "profile": profile.name,
        "vendor": profile.vendor,
        "model": agent.model or None,
        "version": agent.version or None,
        "description": agent.description,
        "tools": list(agent.tools),
        "suggested_questions": list(agent.questions),
    }


async def _conversations(args: argparse.Namespace) -> None:
    found: list[tuple[Profile, Conversation]] = []
    async with Program() as program:
        for profile in await program.profiles(args.profile):
            vendor = await program.vendor(profile)
            names = {agent.id: agent.name for agent in await vendor.agents()}
            wanted = _agent_id(names, args.agent)
            after = ""
            count = 0
            while count < args.limit:
                page = await _page(vendor, args, after, wanted)
                named = [_named(conversation, names) for conversation in page.items]
                stored = await program.store.save_conversations(await program.account(profile), named)
                waiting = {one.conversation.id for one in stored if one.waiting}
                found += [(profile, _waiting(one) if one.id in waiting else one) for one in named]
                count += len(page.items)
                after = page.next
                if not after:
                    break
    found.sort(key=lambda pair: pair[1].created_at if args.oldest else _touched(pair[1]), reverse=not args.oldest)
    found = found[: args.limit]
    if args.json:
        out.value([conversation_object(conversation, profile.name, profile.vendor) for profile, conversation in found])
        return
    if not found:
        out.note("There are no conversations yet. Begin one with: parlour ask --agent NAME PROMPT")
        sys.stdout.flush()
        return
    rows = [
        (
            conversation.title or "Untitled",
            conversation.agent_name,
            profile.name,
            conversation.status.value,
            conversation.updated_at[:16],
            conversation.id,
        )
        for profile, conversation in found
    ]
    out.table(rows, ("title", "agent", "profile", "state", "updated", "id"))


def _touched(conversation: Conversation) -> str:
    return conversation.updated_at or conversation.created_at


async def _page(vendor: Vendor, args: argparse.Namespace, after: str, agent_id: str) -> Page[Conversation]:
    limit = min(100, args.limit)
    if not (args.user or args.oldest):
        return await vendor.conversations(after, agent_id=agent_id, limit=limit)
    if not isinstance(vendor, ForUsers):
        raise UsageError(f"{vendor.label} lists the newest first and knows no users; leave --user and --oldest out.")
    return await vendor.conversations_of(args.user, after, agent_id=agent_id, limit=limit, oldest=args.oldest)


def _agent_id(names: dict[str, str], wanted: str) -> str:
    if not wanted or wanted in names:
        return wanted
    return next((key for key, name in names.items() if name.casefold() == wanted.casefold()), wanted)


def _named(conversation: Conversation, names: dict[str, str]) -> Conversation:
    return conversation if conversation.agent_name else replace(conversation, agent_name=names.get(conversation.agent_id, ""))


def _waiting(conversation: Conversation) -> Conversation:
    """Its last turn seen here waits for a person: that is its state unless the server names another."""
    return replace(conversation, status=Status.WAITING) if conversation.status is Status.IDLE else conversation
