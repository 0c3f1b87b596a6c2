"""Making, changing and ending things: each a line of questions, looked at before it is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from textual.screen import Screen

from app import resource_values as values
from app import resources as work
from app.errors import Conflict, Refused, UsageError
from app.models import Json
from app.protocols import Resources
from app.resource_models import Call, Does, Field, Kind, Object, Resource, Verb
from app.text import safe_line
from app.ui.dialogs import ChooseDialog, ConfirmDialog
from app.ui.resources.dialogs import LookDialog, NameDialog, TextEdit
from app.ui.resources.form import ResourceForm, choices_of, deciding, entered
from app.ui.resources.request import shown

EDITOR, FORM = "editor", "form"


class Writing:
    """What a person does to the things of one account. ``tell`` is told a sentence, ``ask`` shows a dialog and waits for it."""

    def __init__(
        self,
        vendor: Resources,
        names: tuple[str, str],
        ask: Callable[[Screen[Any]], Any],
        tell: Callable[[object], None],
        progress: Callable[[str], None],
        fallback: Mapping[str, str],
    ) -> None:
        """``names``: the words for the vendor and the profile in a command; ``fallback``: field → a value used unasked."""
        self.vendor, self._names, self._ask, self._tell, self._progress, self._fallback = (
            vendor,
            names,
            ask,
            tell,
            progress,
            fallback,
        )

    def request(self, resource: Resource, call: Call) -> str:
        """A call as a command and for curl."""
        return shown(self.vendor, resource, call, *self._names)

    # --- new -----------------------------------------------------------------------------------------------------------------

    async def create(self, resource: Resource, verb: Verb, parents: Sequence[str]) -> Json:
        """A new one, or None if it was left."""
        work.refuse_if_read_only(self.vendor, verb)
        kept: dict[str, str | list[str]] = dict(self._fallback)
        file = await self._file(verb)
        if file is None:
            return None
        decided = await self._decide(verb, {})
        if decided is None:
            return None
        while True:
            said = await self._fill(f"New {resource.one}", verb, decided, kept)
            if said is None:
                return None
            try:
                body = values.created(verb, values.with_values(verb, {}, {**decided, **said}))
            except UsageError as error:
                self._tell(error)
                continue
            call = values.call(resource, verb, parents[: len(verb.names)], body=body, file=file)
            word = await self._ask(
                LookDialog(f"New {resource.one}", _as_lines(resource, call), self.request(resource, call),
                           note=self.vendor.caution(call), write="make it")
            )  # fmt: skip
            if word == "write":
                try:
                    return await self._perform(call, verb)
                except Refused as error:
                    self._tell(error)
            elif not word:
                return None

    async def _perform(self, call: Call, verb: Verb) -> Json:
        def told(done: int, total: int) -> None:
            self._progress(f"{verb.name} {done * 100 // max(1, total)} %")

        try:
            return await self.vendor.perform(call, progress=told if verb.does is Does.UPLOAD else None)
        finally:
            self._progress("")

    async def _file(self, verb: Verb) -> str | None:
        """The path that goes along; "" if none does, None if the question was left. A skill's guide stands for its folder."""
        field = next((one for one in verb.fields if one.kind is Kind.FILE), None)
        if field is None:
            return ""
        from app.ui.pick import FileDialog

        path: str | None = await self._ask(FileDialog(Path.cwd(), f"Which file? ({field.says})"))
        if path is not None and "folder" in field.says and Path(path).suffix != ".zip":
            return str(Path(path).parent)
        return path

    async def _decide(self, verb: Verb, known: Mapping[str, Json]) -> dict[str, Json] | None:
        """The fields that decide what else is asked; from the object where it has them."""
        decided: dict[str, Json] = {}
        for one in deciding(verb):
            there = values.at(known, one.place)
            if isinstance(there, str) and there:
                decided[one.name] = there
                continue
            if not _asks(verb, one, values.with_values(verb, {}, decided)):
                continue
            choice = await self._ask(ChooseDialog(f"{one.name}: {one.says}", [(word, word) for word in one.options]))
            if choice is None:
                return None
            decided[one.name] = choice
        return decided

    async def _fill(
        self, title: str, verb: Verb, decided: Mapping[str, Json], kept: dict[str, str | list[str]]
    ) -> dict[str, Json] | None:
        so_far = values.with_values(verb, {}, decided)
        fields = [
            one for one in verb.fields
            if one.name not in decided and one.kind is not Kind.FILE and values.applies(one, verb, so_far)
        ]  # fmt: skip
        choices = await choices_of(self.vendor, fields)
        for one in fields:
            if one.makes and choices.get(one.name) == []:
                if not await self._make_first(one):
                    return None
                choices = await choices_of(self.vendor, fields)
        said = await self._ask(ResourceForm(title, fields, choices, kept))
        if said is None:
            return None
        return await work.with_ids(self.vendor, verb, {name: value for name, value in said.items() if value not in ("", [])})

    async def _make_first(self, field: Field) -> bool:
        """What is needed and not there at all, made in one step."""
        owner = work.by_name(self.vendor, field.of)
        verb = owner.first(Does.CREATE)
        question = f"This account has no {owner.one} yet, and it needs one. Make one called {field.makes!r}?"
        if verb is None or not await self._ask(ConfirmDialog(question, "make it", "leave")):
            return False
        body = values.created(verb, values.with_values(verb, {}, {"name": field.makes}))
        await self.vendor.perform(values.call(owner, verb, (), body=body))
        return True

    # --- changes -----------------------------------------------------------------------------------------------------------

    async def edit(self, resource: Resource, verb: Verb, ids: Sequence[str], how: str) -> Json:
        """Change one; None if nothing was written."""
        work.refuse_if_read_only(self.vendor, verb)
        edit = work.Edit(self.vendor, resource, verb, ids)
        draft = await edit.begin()
        name = values.label(resource, edit.thing) or ids[-1]
        after = draft
        kept = entered(verb, edit.thing)
        while True:
            wanted = await self._changed(edit, name, after, kept, how)
            if wanted is None:
                return None
            after = wanted
            try:
                if not values.changed(verb, edit.thing, after):
                    self._tell("Nothing changes; nothing was sent.")
                    return None
                word = await self._look(edit, name, after)
                if not word:
                    return None
                if word == "edit":
                    continue
                return await edit.write(after)
            except (UsageError, Refused) as error:
                self._tell(error)
            except Conflict as error:
                word = await self._clash(edit, name, error)
                if not word:
                    return None
                after = {**edit.draft, **_said(edit, after, draft)}
                draft, kept = edit.draft, {**entered(verb, edit.thing), **kept}
                if word == "write":
                    return await edit.write(after)

    async def _changed(
        self, edit: work.Edit, name: str, after: dict[str, Json], kept: dict[str, str | list[str]], how: str
    ) -> dict[str, Json] | None:
        """What it is to be, by text, by JSON or by a form."""
        resource, verb = edit.resource, edit.verb
        if verb.copies:
            decided = await self._decide(verb, edit.thing)
            said = None if decided is None else await self._fill(f"{verb.name} {name}", verb, decided, {})
            return None if said is None else values.with_values(verb, {}, said)
        if resource.text:
            text = await self._ask(TextEdit(name, str(after.get(resource.text) or ""), Path(name).suffix or ".md"))
            return None if text is None else {**after, resource.text: text}
        if how == EDITOR:
            return await self._as_json(name, json.dumps(after, ensure_ascii=False, indent=2))
        decided = await self._decide(verb, edit.thing)
        fields = [one for one in verb.fields if one.kind is not Kind.FILE and values.applies(one, verb, edit.draft)]
        said = await self._ask(ResourceForm(name, fields, await choices_of(self.vendor, fields), kept))
        if said is None:
            return None
        changed = {
            field.name: said.get(field.name) if said.get(field.name) not in ("", None) else _empty(field)
            for field in fields
            if kept.get(field.name) != entered(verb, after).get(field.name)
        }
        return values.with_values(verb, json.loads(json.dumps(after)), await work.with_ids(self.vendor, verb, changed))

    async def _as_json(self, name: str, text: str | None) -> dict[str, Json] | None:
        """The object as text; one that is not JSON stays open."""
        while text is not None:
            text = await self._ask(TextEdit(f"{name}, as the wire has it", text, ".json"))
            try:
                return None if text is None else _object(text)
            except UsageError as error:
                self._tell(error)
        return None

    async def _look(self, edit: work.Edit, name: str, after: Mapping[str, Json]) -> str:
        call = edit.call(after)
        look = LookDialog(f"Change {name}", edit.difference(after), self.request(edit.resource, call))
        word: str = await self._ask(look)
        return word

    async def _clash(self, edit: work.Edit, name: str, error: Conflict) -> str:
        sides = edit.clash.sides if edit.clash else ""
        note = f"It changed meanwhile; nothing was written. {safe_line(error, 200)}"
        word: str = await self._ask(
            LookDialog(f"{name}: both changes", sides, str(error), note=note, write="write mine on theirs")
        )
        return word

    # --- other verbs --------------------------------------------------------------------------------------------------------

    async def act(self, resource: Resource, verb: Verb, ids: Sequence[str], thing: Object) -> bool:
        """Archive, delete, cancel…: what cannot be taken back asks for the name, with what uses it."""
        work.refuse_if_read_only(self.vendor, verb)
        name = values.label(resource, thing) or ids[-1]
        if verb.asks:
            used = (await work.uses(self.vendor, resource, ids[-1])).sentence if resource.used_by else ""
            told = "\n".join(filter(None, (used, verb.warns)))
            if not await self._ask(NameDialog(f"{verb.name.capitalize()} the {resource.one} {name}?", name, told)):
                return False
        elif not await self._ask(
            ConfirmDialog(f"{verb.name.capitalize()} {name}? {verb.says.capitalize()}.", verb.name, "leave")
        ):
            return False
        await self.vendor.perform(values.call(resource, verb, ids))
        return True

    async def save(self, resource: Resource, verb: Verb, ids: Sequence[str]) -> str:
        """Download into the working folder; the path it has there."""

        def told(done: int, total: int) -> None:
            self._progress(f"download {done * 100 // max(1, total)} %")

        try:
            saved = await self.vendor.download(values.call(resource, verb, ids), Path.cwd(), progress=told)
        finally:
            self._progress("")
        return saved.path


def _asks(verb: Verb, field: Field, body: Mapping[str, Json]) -> bool:
    return values.applies(field, verb, body)


def _empty(field: Field) -> Json:
    return {Kind.PAIRS: {}, Kind.LIST: []}.get(field.kind)


def _object(text: str) -> dict[str, Json]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"That is not JSON ({error}); nothing was written.") from None
    if not isinstance(found, dict):
        raise UsageError("That is no JSON object; nothing was written.")
    return found


def _said(edit: work.Edit, after: Mapping[str, Json], draft: Mapping[str, Json]) -> dict[str, Json]:
    """What the person changed, to be put on what is there now."""
    return {name: value for name, value in after.items() if value != draft.get(name)}


def _as_lines(resource: Resource, call: Call) -> str:
    """The body of something new, all of it coming."""
    body = values.masked(resource, call)
    return "\n".join(f"+{line}" for line in json.dumps(body, ensure_ascii=False, indent=2).splitlines()) if body else ""
