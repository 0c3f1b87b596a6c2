"""``parlour qoder RESOURCE VERB``: one generic command over the descriptions of what an account holds."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from app import resource_cells as cells
from app import resource_values as values
from app import resources as work
from app.cli import out
from app.cli.compose import Program
from app.cli.progress import Bar
from app.cli.run import read_json, stdin_text
from app.errors import Conflict, UsageError
from app.profiles import Json, Profile
from app.protocols import Resources, Vendor
from app.resource_models import Call, Does, Field, Kind, Resource, Verb
from app.text import safe
from app.vendors.qoder.resources import RESOURCES

VENDOR = "qoder"
BY_NAME = "Say which with --profile: "


def run(args: argparse.Namespace) -> int:
    """One verb of one resource."""
    if not getattr(args, "resource_verb", ""):
        raise UsageError(f"Say what to do: parlour qoder {getattr(args, 'resource', '') or 'RESOURCE'} VERB (or --help).")
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    async with Program(stored=False) as program:
        profile = await _profile(program, args.profile)
        resource = next(one for one in RESOURCES if one.name == args.resource)
        verb = resource.verb(args.resource_verb)
        if verb is not None and verb.writes and profile.options.get("read_only") is True and not args.curl:
            raise UsageError(work.READ_ONLY)
        vendor = await program.vendor(profile)
        kept = work.keeps(vendor, vendor.label)
        if verb is None:
            return await (_used_by if args.resource_verb == "used-by" else _diff)(kept, resource, args)
        command = Command(program, profile, vendor, kept, resource, verb, args)
        await command.run()
    return 0


async def _profile(program: Program, wanted: str | None) -> Profile:
    known = await program.profiles(wanted)
    fitting = [profile for profile in known if profile.vendor == VENDOR]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise UsageError(f"There is no profile of Qoder{f' called {wanted!r}' if wanted else ''}. See: parlour profile list")
    raise UsageError(BY_NAME + ", ".join(profile.name for profile in fitting))


class Command:
    """One command on its way: what was said, and what it becomes."""

    def __init__(
        self, program: Program, profile: Profile, vendor: Vendor, kept: Resources, resource: Resource, verb: Verb,
        args: argparse.Namespace,
    ) -> None:  # fmt: skip
        self.program, self.profile, self.vendor, self.kept = program, profile, vendor, kept
        self.resource, self.verb, self.args = resource, verb, args

    async def run(self) -> None:
        """Do it and tell what came of it."""
        ids = await work.ids(self.kept, self.resource, self.verb, [getattr(self.args, name) for name in self.verb.names])
        said = await work.with_ids(self.kept, self.verb, self._said(), ids)
        match self.verb.does:
            case Does.LIST:
                await self._list(ids, said)
            case Does.UPDATE:
                await self._update(ids, said)
            case Does.DOWNLOAD:
                await self._download(ids)
            case _:
                await self._perform(ids, said)

    # --- what was said ----------------------------------------------------------------------------------------------------------

    def _said(self) -> dict[str, Json]:
        said: dict[str, Json] = {}
        for field in (*self.verb.fields, *self.verb.query):
            value = getattr(self.args, f"field_{field.name}", None)
            if value is not None:
                said[field.name] = _value(field, value)
        return said

    def _data(self) -> dict[str, Json]:
        """What ``--data`` says; a secret is not taken from the command line itself."""
        text = getattr(self.args, "data", None)
        if text is None:
            return {}
        found = _parsed(stdin_text()) if text == "-" else read_json(text)
        if not isinstance(found, dict):
            raise UsageError("--data has to be a JSON object.")
        secret = next((one for one in self._secrets() if values.at(found, one.place) is not None), None)
        if secret is not None and text != "-" and not text.startswith("@"):
            raise UsageError(f"{secret.name} is a secret: others could see it in this command. Use --data - or --data @FILE.")
        return found

    def _secrets(self) -> list[Field]:
        return [field for field in self.verb.fields if field.kind is Kind.SECRET]

    def _with_secrets(self, body: dict[str, Json]) -> dict[str, Json]:
        """The body with the secrets it needs: piped in, or typed hidden."""
        missing = [one for one in values.lacking(self.verb, body) if one.kind is Kind.SECRET]
        if self.args.curl:
            return values.with_values(self.verb, body, {one.name: values.MASK for one in missing})
        if getattr(self.args, "secret_stdin", False):
            lines = stdin_text().splitlines()
            asked = [one for one in self._secrets() if values.applies(one, self.verb, body)]
            given = {one.name: line for one, line in zip(asked, lines, strict=False) if line}
        elif missing and sys.stdin.isatty():
            import getpass

            given = {one.name: getpass.getpass(f"{one.name} ({one.says}; it is not shown): ") for one in missing}
        elif missing:
            raise UsageError(f"There is no terminal to ask for {missing[0].name}. Pipe it in with --secret-stdin.")
        else:
            given = {}
        return values.with_values(self.verb, body, given)

    # --- reading ----------------------------------------------------------------------------------------------------------------

    async def _list(self, ids: list[str], said: Mapping[str, Json]) -> None:
        call = values.call(self.resource, self.verb, ids, query=values.query_of(self.verb, said))
        if self._as_request(call):
            return
        limit = max(0, self.args.limit)
        found = [one async for one in work.every(self.kept, call, limit + 1 if limit else 0)]
        more = bool(limit) and len(found) > limit
        found = found[:limit] if more else found
        if self.args.json:
            out.value([dict(one) for one in found])
        elif not found:
            out.note(f"There are no {self.resource.name} here yet.")
        else:
            columns = [one for one in self.resource.columns if one.form != "archived"]
            has_id = any(column.at == (("id",),) for column in columns) or self.resource.key != "id"
            head = (*(column.title for column in columns), *(() if has_id else ("id",)))
            rows = [
                (*(cells.cell(column, one) for column in columns), *(() if has_id else (values.ident(self.resource, one),)))
                for one in found
            ]
            out.table(rows, head)
        if more:
            out.note(f"There are more than {limit}; --limit 0 lists all.")

    async def _download(self, ids: list[str]) -> None:
        call = values.call(self.resource, self.verb, ids)
        if self._as_request(call):
            return
        bar = Bar("Downloading")
        try:
            saved = await self.kept.download(call, Path(self.args.output or "."), progress=bar.show)
        finally:
            bar.close()
        if self.args.json:
            out.value({"id": ids[-1], "path": saved.path, "size": saved.size})
        else:
            out.say(saved.path)

    # --- writing ----------------------------------------------------------------------------------------------------------------

    async def _perform(self, ids: list[str], said: dict[str, Json]) -> None:
        """Everything that is one call: show, create, act, delete, upload."""
        more: dict[str, Json] = {"query": values.query_of(self.verb, said)}
        if self.verb.does in (Does.CREATE, Does.UPLOAD):
            body = values.with_values(self.verb, self._data(), said)
            if any(one.name == "environment" for one in self.verb.fields) and not body.get("environment_id"):
                from app.cli import find

                body["environment_id"] = await find.where(self.vendor, self.profile, "")
            more["body"] = values.created(self.verb, self._with_secrets(body))
            more["file"] = next((getattr(self.args, one.name) for one in self.verb.fields if one.kind is Kind.FILE), "")
        call = values.call(self.resource, self.verb, ids, **more)
        if self._as_request(call):
            return
        if self.verb.asks:
            await self._ask(ids)
        warning = self.kept.caution(call)
        if warning:
            out.note(f"{warning} It is tried.")
        bar = Bar("Uploading")
        try:
            reply = await self.kept.perform(call, progress=bar.show if self.verb.does is Does.UPLOAD else None)
        finally:
            bar.close()
        self._tell(ids, reply)

    async def _update(self, ids: list[str], said: dict[str, Json]) -> None:
        edit = work.Edit(self.kept, self.resource, self.verb, ids)
        draft = await edit.begin()
        after = values.with_values(self.verb, {**draft, **self._data()}, said)
        if self.verb.copies:
            for place in self.verb.copies:
                values.put(after, place, values.at(edit.thing, place))
            after = self._with_secrets(after)
        if self._as_request(edit.call(after)):
            return
        changes = edit.difference(after)
        if changes:
            out.note(changes)
        try:
            reply = await edit.write(after)
        except Conflict:
            if edit.clash is not None:
                out.complain(edit.clash.sides)
            raise
        self._tell(ids, reply)

    async def _ask(self, ids: list[str]) -> None:
        """The name, typed; nothing happens without it."""
        if self.args.yes:
            return
        doing = f"{self.verb.name} the {self.resource.one}"
        if not sys.stdin.isatty():
            raise UsageError(f"Nothing was done. Say --yes to {doing} without being asked.")
        known = await work.thing(self.kept, self.resource, ids) if self.resource.verb("show") else {}
        name = values.label(self.resource, known) or ids[-1]
        used = (await work.uses(self.kept, self.resource, ids[-1])).sentence if self.resource.used_by else ""
        out.complain(" ".join(filter(None, (used, self.verb.warns))))
        out.complain(f"To {doing}, for good, type its name, {name}:")
        if sys.stdin.readline().strip() not in (name, str(safe(name))):
            raise UsageError("That is not its name; nothing was done.")

    # --- telling ----------------------------------------------------------------------------------------------------------------

    def _as_request(self, call: Call) -> bool:
        if self.args.curl:
            out.say(values.as_curl(self.resource, call, self.kept.base, self.kept.key_variable))
        return bool(self.args.curl)

    def _tell(self, ids: list[str], reply: Json) -> None:
        if self.args.json:
            out.value(reply if reply is not None else {"id": ids[-1], "type": "deleted"})
        elif self.verb.does is Does.SHOW:
            out.say(cells.described(self.resource, reply))
        else:
            known = values.ident(self.resource, reply) if isinstance(reply, Mapping) else ""
            out.say(known or (ids[-1] if ids else ""))
            name = values.label(self.resource, reply) if isinstance(reply, Mapping) else ""
            out.note(f"Done: {self.verb.name} {self.resource.one}{f' {name}' if name and name != known else ''}.")


async def _used_by(kept: Resources, resource: Resource, args: argparse.Namespace) -> int:
    found = await work.uses(kept, resource, await work.an_id(kept, resource, getattr(args, resource.one)))
    if args.json:
        out.value([{"resource": one.resource, "id": one.id, "name": one.label or None} for one in found.found])
    elif found.found:
        out.table([(one.resource, one.label, one.id) for one in found.found], ("resource", "name", "id"))
    else:
        out.note(found.sentence)
    return 0


async def _diff(kept: Resources, resource: Resource, args: argparse.Namespace) -> int:
    show = resource.verb("show")
    names = show.names[:-1] if show else ()
    parent = work.by_name(kept, resource.parent)
    outer = [await work.an_id(kept, parent, getattr(args, name)) for name in names]
    earlier, later = [
        values.comparable(resource, await work.thing(kept, resource, [*outer, one])) for one in (args.earlier, args.later)
    ]
    changes = values.difference(earlier, later, args.earlier, args.later)
    out.value({"earlier": args.earlier, "later": args.later, "difference": changes}) if args.json else out.say(
        changes or "They are the same."
    )
    return 0


def _value(field: Field, said: object) -> Json:
    """An option's value as the wire wants it; ``@FILE`` where a text may be long."""
    if isinstance(said, bool):
        return said
    if isinstance(said, list):
        if field.kind is Kind.PAIRS:
            return {name: text for one in said for name, text in values.read(field, one).items()}
        return [word for one in said for word in values.read(field, one)]
    text = str(said)
    if field.kind in (Kind.LONG, Kind.JSON) and text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"The file {text[1:]} cannot be read as text ({getattr(error, 'strerror', 'not UTF-8')}).") from None
    elif field.kind is Kind.LONG and text == "-":
        text = stdin_text()
    return values.read(field, text)


def _parsed(text: str) -> Json:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"What came on stdin is not JSON ({error}).") from None
