"""``parlour batch``: a file of prompts, handed over once, watched, joined with its answers."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from app.batch_files import items, mapping, read, webhook, written
from app.batch_models import MOST_ITEMS
from app.batches import figures, rows
from app.cli import find, out
from app.cli.batch_words import detail, job_id, job_object, summary, totals
from app.cli.batch_work import Work, able, found_job, secret, works
from app.cli.compose import Program
from app.errors import UsageError, VendorError
from app.exports import write_new
from app.profiles import Json
from app.store import Job
from app.text import json_text


def run(args: argparse.Namespace) -> int:
    """One verb."""
    verbs = {"create": _create, "list": _list, "show": _show, "results": _results, "cancel": _cancel, "resume": _resume,
             "retry": _retry}  # fmt: skip
    return asyncio.run(verbs[args.verb](args))


# --- handing over ---------------------------------------------------------------------------------------------------------


async def _create(args: argparse.Namespace) -> int:
    sheet = await asyncio.to_thread(read, Path(args.file))
    wanted = items(sheet, mapping(sheet, _mapped(args.map)))
    hook = webhook(args.webhook, args.webhook_event, secret(args))
    async with Program() as program:
        takers = await able(program, args.profile)
        who = args.agent or (wanted[0].agent_id if all(item.agent_id for item in wanted) else "")
        if not who:
            raise UsageError("Say which agent answers with --agent, or give every row an agent_id. Nothing was sent.")
        profile, agent = await find.agent(program, [profile for profile, _ in takers], who)
        vendor = next(vendor for one, vendor in takers if one is profile)
        if args.dry_run:
            return _rehearsed(args, len(wanted), vendor.batch_body(agent.id, wanted[:3], hook))
        work = Work(program, profile, vendor, await program.account(profile))
        job = None if args.new else await work.jobs.unfinished(agent.id, wanted)
        if job is not None:
            out.note(f"These prompts are {job_id(job)} already, cut off or not over; going on. --new hands them over anew.")
            job.webhook = hook or job.webhook
        else:
            job = await work.jobs.create(Path(args.file).name, agent.id, wanted, hook)
            parts = len(job.parts)
            out.note(f"{job_id(job)}: {len(wanted)} rows for {agent.name} in {parts} batch{'' if parts == 1 else 'es'}.")
        return await work.through(job, args)


def _rehearsed(args: argparse.Namespace, count: int, body: Json) -> int:
    batches = -(-count // MOST_ITEMS)
    if args.json:
        out.value({"rows": count, "batches": batches, "preview": body})
    else:
        out.say(f"{count} rows, {batches} batch{'' if batches == 1 else 'es'}. The first would begin so; nothing was sent.")
        out.say(json_text(body, indent=2))
    return 0


async def _resume(args: argparse.Namespace) -> int:
    async with Program() as program:
        work, job = await found_job(program, args)
        if not job.id:
            raise UsageError("This batch was begun elsewhere, so there is nothing to go on with. See: parlour batch results ID")
        if job.webhook is not None:
            job.webhook = replace(job.webhook, secret=secret(args))
        if args.create_unknown:
            await work.jobs.create_anyway(job)
        return await work.through(job, args)


async def _retry(args: argparse.Namespace) -> int:
    async with Program() as program:
        work, job = await found_job(program, args)
        if not job.id:
            raise UsageError("This batch was begun elsewhere and its prompts are not known here, so none can be sent again.")
        await work.jobs.refresh(job)
        if figures(job).state in ("running", "unknown", "waiting"):
            raise UsageError(f"{job_id(job)} is not over yet. Go on with: parlour batch resume {job_id(job)} --wait")
        if job.webhook is not None:
            job.webhook = replace(job.webhook, secret=secret(args))
        fresh = await work.jobs.again(job)
        out.note(f"{job_id(fresh)}: {figures(fresh).total} rows of {job_id(job)} once more.")
        return await work.through(fresh, args)


# --- looking --------------------------------------------------------------------------------------------------------------


async def _list(args: argparse.Namespace) -> int:
    found: list[tuple[Work, Job]] = []
    async with Program() as program:
        for work in await works(program, args.profile):
            try:
                listed = await work.jobs.listed()
            except VendorError as error:
                out.complain(f"parlour: {work.profile.name}: {error} Here is what was known.")
                listed = await work.jobs.all()
            found += [(work, job) for job in listed]
    if args.json:
        out.value([job_object(work.profile, job) for work, job in found])
    elif not found:
        out.note("There are no batches yet. Begin with: parlour batch create FILE --agent NAME")
    else:
        head = ("id", "state", "answered", "failed", "begun", "profile", "name")
        out.table([(*totals(job), work.profile.name, job.name or "begun elsewhere") for work, job in found], head)
    return 0


async def _show(args: argparse.Namespace) -> int:
    async with Program() as program:
        work, job = await found_job(program, args)
        await work.jobs.refresh(job)
        if args.json:
            out.value(job_object(work.profile, job))
        else:
            out.say(detail(work.profile, job))
    return 0


async def _results(args: argparse.Namespace) -> int:
    form = args.format or ("csv" if args.output and args.output.lower().endswith(".csv") else "jsonl")
    async with Program() as program:
        work, job = await found_job(program, args)
        await work.jobs.refresh(job)
    every = rows(job)
    found = [row for row in every if row["status"] in ("failed", "missing")] if args.failed else every
    if args.output:
        await asyncio.to_thread(write_new, Path(args.output), written(found, form), force=args.force)
    if args.json:
        out.value(found)
    elif args.output:
        out.note(f"{len(found)} rows written to {args.output}.")
    elif args.format:
        out.write(written(found, form))
    else:
        shown = [(str(row["custom_id"]), str(row["status"]), str(row["response"] or row["error"] or "")[:200]) for row in found]
        out.table(shown, ("custom_id", "status", "answer"))
    for state, words in (("waiting", "are not answered yet"), ("missing", "have no answer, and none will come")):
        if count := sum(row["status"] == state for row in every):
            out.note(f"{count} of {len(every)} rows {words}.")
    return 0


async def _cancel(args: argparse.Namespace) -> int:
    async with Program() as program:
        work, job = await found_job(program, args)
        await work.jobs.cancel(job)
        if args.json:
            out.value(job_object(work.profile, job))
        else:
            out.say(summary(job))
    return 0


# --- what they stand on ---------------------------------------------------------------------------------------------------


def _mapped(pairs: Sequence[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, sign, column = pair.partition("=")
        if not sign or not column:
            raise UsageError("--map is written FIELD=COLUMN, for example --map message=Question")
        found[name.strip()] = column
    return found
