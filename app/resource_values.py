"""From what was typed to a call, and back: values at places, bodies, changes, and the same request as a command."""

from __future__ import annotations

import difflib
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from app.errors import UsageError
from app.profiles import Json
from app.resource_models import Call, Does, Field, Kind, Object, Place, Resource, Verb
from app.text import json_text

MASK = "***"


# --- values at places --------------------------------------------------------------------------------------------------------


def at(value: Json, place: Place) -> Json:
    """What stands there; None if nothing does. A text where an object would have an ``id`` is that id."""
    for step, name in enumerate(place):
        if isinstance(value, str) and place[step:] == ("id",):
            return value
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def each(value: Json, place: Place) -> Iterator[Json]:
    """Everything that stands there; ``*`` goes into each element of a list."""
    if not place:
        yield value
    elif place[0] == "*":
        for item in value if isinstance(value, Sequence) and not isinstance(value, str) else ():
            yield from each(item, place[1:])
    elif isinstance(value, str) and place == ("id",):
        yield value
    elif isinstance(value, Mapping) and place[0] in value:
        yield from each(value[place[0]], place[1:])


def put(body: dict[str, Json], place: Place, value: Json) -> None:
    """Put a value there; objects on the way are made, a bare id on the way becomes one."""
    inner: Any = body
    for name in place[:-1]:
        there = inner.get(name)
        if not isinstance(there, dict):
            there = {"id": there} if isinstance(there, str) and there else {}
        inner[name] = dict(there)
        inner = inner[name]
    inner[place[-1]] = value


def label(resource: Resource, thing: Object) -> str:
    """What people call it; "" if it has no name."""
    for place in resource.label:
        found = at(thing, place)
        if isinstance(found, str) and found:
            return found
    return ""


def ident(resource: Resource, thing: Object) -> str:
    """Its id."""
    found = thing.get(resource.key)
    return found if isinstance(found, str) else "" if found is None else json.dumps(found)


# --- typed text --------------------------------------------------------------------------------------------------------------


def read(field: Field, text: str) -> Json:
    """What was typed, as the wire wants it. Raises ``UsageError`` with the reason."""
    match field.kind:
        case Kind.NUMBER:
            if not re.fullmatch(r"-?\d{1,15}", text.strip()):
                raise UsageError(f"{field.name} has to be a whole number.")
            return int(text)
        case Kind.FLAG:
            if text.strip().lower() not in ("true", "false", "yes", "no", "on", "off"):
                raise UsageError(f"{field.name} has to be true or false.")
            return text.strip().lower() in ("true", "yes", "on")
        case Kind.LIST:
            return [word for word in re.split(r"[,\s]+", text) if word]
        case Kind.PAIRS:
            return _pairs(field, text)
        case Kind.JSON if field.of and not text.lstrip().startswith(("[", "{")):
            return [word for word in re.split(r"[,\s]+", text) if word]
        case Kind.JSON:
            return _json(field, text)
        case Kind.CHOICE if field.options and text not in field.options:
            raise UsageError(f"{field.name} has to be one of {', '.join(field.options)}.")
    return _fitting(field, text)


def _fitting(field: Field, text: str) -> str:
    if field.most and len(text) > field.most:
        raise UsageError(f"{field.name} has {len(text)} characters; at most {field.most} are taken.")
    if field.pattern and not re.fullmatch(field.pattern, text):
        raise UsageError(f"{field.name} has a form that is not taken: {field.says or field.pattern}.")
    return text


def _pairs(field: Field, text: str) -> dict[str, str]:
    if text.lstrip().startswith("{"):
        found = _json(field, text)
        if isinstance(found, dict):
            return found
    pairs: dict[str, str] = {}
    for line in text.splitlines():
        name, mark, value = line.partition("=")
        if line.strip() and not (mark and name.strip()):
            raise UsageError(f"{field.name} has to be NAME=VALUE, one a line.")
        if line.strip():
            pairs[name.strip()] = value
    return pairs


def _json(field: Field, text: str) -> Json:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{field.name} is not JSON ({error}).") from None


def typed(field: Field, value: Json) -> str:
    """A value as it would be typed: the way back of ``read``."""
    if value is None:
        return ""
    if field.kind is Kind.PAIRS and isinstance(value, Mapping):
        return "\n".join(f"{name}={text}" for name, text in value.items())
    if field.kind is Kind.LIST and isinstance(value, list) and all(isinstance(word, str) for word in value):
        return " ".join(value)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False, indent=2 if field.kind is Kind.JSON else None)


# --- bodies ------------------------------------------------------------------------------------------------------------------


def applies(field: Field, verb: Verb, body: Mapping[str, Json]) -> bool:
    """Whether a field is asked for, by what stands in the body so far."""
    if not field.when:
        return True
    other = next((one for one in verb.fields if one.name == field.when[0]), None)
    if other is None:
        return True
    said = at(body, other.place)
    return typed(other, said if said is not None else other.default or None) in field.when[1:]


def with_values(verb: Verb, body: Mapping[str, Json], values: Mapping[str, Json]) -> dict[str, Json]:
    """``body`` with these values by the names of their fields."""
    made: dict[str, Json] = dict(body)
    for one in verb.fields:
        if one.name in values:
            put(made, one.place, values[one.name])
    return made


def created(verb: Verb, body: Mapping[str, Json]) -> dict[str, Json]:
    """The body of something new: defaults said, everything needed there. Raises ``UsageError``."""
    made = dict(body)
    for one in verb.fields:
        if one.default and one.kind is not Kind.FILE and applies(one, verb, made) and at(made, one.place) is None:
            put(made, one.place, read(one, one.default))
    missing = [one for one in lacking(verb, made) if one.kind is not Kind.FILE]
    if missing:
        names = ", ".join(one.name for one in missing)
        raise UsageError(f"{names} {'is' if len(missing) == 1 else 'are'} needed. Nothing was sent.")
    return verb.shape(made)


def lacking(verb: Verb, body: Mapping[str, Json]) -> list[Field]:
    """The needed fields that nothing was said for."""
    return [one for one in verb.fields if one.required and applies(one, verb, body) and at(body, one.place) in (None, "")]


def roots(verb: Verb) -> tuple[str, ...]:
    """The outermost names that a verb's fields stand below."""
    return tuple(dict.fromkeys(one.place[0] for one in verb.fields))


def draft(verb: Verb, thing: Object) -> dict[str, Json]:
    """What can be edited of a thing, as it is now."""
    if verb.copies:
        return {}
    return {name: thing[name] for name in roots(verb) if name in thing}


def changed(verb: Verb, thing: Object, after: Mapping[str, Json]) -> dict[str, Json]:
    """The body of an update from ``thing`` to ``after``; empty if nothing changed. Raises ``UsageError``."""
    if verb.copies:
        return _only_said(verb, thing, after)
    before = verb.shape(draft(verb, thing))
    wanted = verb.shape(after)
    body: dict[str, Json] = {}
    for name, value in wanted.items():
        old = before.get(name)
        if name in verb.carries and name not in roots(verb):
            continue
        if name in verb.merges and isinstance(value, Mapping) and isinstance(old, Mapping):
            patch = {key: text for key, text in value.items() if old.get(key) != text}
            patch |= {key: None for key in old if key not in value}
            if patch:
                body[name] = patch
        elif value != old and not (value in (None, "") and old in (None, "")):
            body[name] = value
    for name in before:
        if name not in wanted:
            body[name] = dict.fromkeys(before[name]) if name in verb.merges and before[name] else None
    if not body:
        return body
    return {**{name: thing[name] for name in verb.carries if name in thing}, **body, **_said(verb, after)}


def _said(verb: Verb, after: Mapping[str, Json]) -> dict[str, Json]:
    """Guards that were given by hand count more than those that were read."""
    return {name: after[name] for name in verb.carries if name in after and name not in roots(verb)}


def _only_said(verb: Verb, thing: Object, said: Mapping[str, Json]) -> dict[str, Json]:
    if not said:
        return {}
    made: dict[str, Json] = json.loads(json.dumps(said))
    for place in verb.copies:
        if at(made, place) is None:
            put(made, place, at(thing, place))
    return verb.shape(made)


def call(resource: Resource, verb: Verb, ids: Sequence[str], **more: Any) -> Call:
    """The request of a verb about these ids; ``more``: ``query``, ``body``, ``file``."""
    names = dict(zip(verb.names, ids, strict=True))
    segments = tuple(names.get(part[1:-1], part) if part.startswith("{") else part for part in verb.path.strip("/").split("/"))
    fixed = {name: value.format(**names) for name, value in verb.fixed.items()}
    query = {
        **fixed,
        **{name: value for name, value in dict(more.pop("query", {})).items() if value not in (None, "", [], False)},
    }
    return Call(resource.name, verb.name, verb.method, segments, tuple(ids), query, **more)


def query_of(verb: Verb, values: Mapping[str, Json]) -> dict[str, Json]:
    """Filters by the names that the wire has for them."""
    return {one.place[0]: values[one.name] for one in verb.query if one.name in values}


# --- differences -------------------------------------------------------------------------------------------------------------


def difference(before: Json, after: Json, was: str = "now", will: str = "then") -> str:
    """What changes, line by line; "" if nothing does. Texts are compared as texts, everything else as JSON."""
    return "\n".join(difflib.unified_diff(_lines(before), _lines(after), was, will, lineterm="", n=2))


def comparable(resource: Resource, thing: Object) -> Json:
    """What two versions of a thing are compared by."""
    if resource.text:
        return thing.get(resource.text) or ""
    return {name: value for name, value in thing.items() if name not in ("version", "updated_at", "created_at")}


def _lines(value: Json) -> list[str]:
    if isinstance(value, str):
        return value.splitlines()
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True).replace("\\n", "\n").splitlines()


# --- the same request elsewhere ----------------------------------------------------------------------------------------------


def masked(resource: Resource, call: Call) -> Json:
    """The body without its secrets."""
    verb = resource.verb(call.verb)
    body = json.loads(json.dumps(call.body)) if call.body is not None else None
    for one in verb.fields if verb else ():
        if body is not None and one.kind is Kind.SECRET and at(body, one.place) is not None:
            put(body, one.place, MASK)
    return body


def as_command(resource: Resource, call: Call, vendor: str, profile: str = "") -> str:
    """The request as a ``parlour`` command; a secret is asked for there."""
    words = ["parlour", vendor, call.resource, call.verb, *call.names]
    verb = resource.verb(call.verb)
    body = masked(resource, call)
    for one in verb.fields if verb else ():
        if one.kind is Kind.SECRET and isinstance(body, dict) and at(body, one.place) == MASK:
            _drop(body, one.place)
    if call.file:
        words.append(call.file)
    by_place = {one.place[0]: one.name for one in (verb.query if verb else ())}
    for name, value in call.query.items():
        if verb is None or name not in verb.fixed:
            option = "--" + by_place.get(name, name).replace("_", "-")
            words += [option] if value is True else [option, ",".join(value) if isinstance(value, list) else str(value)]
    if body not in (None, {}) and not (verb and verb.does is Does.ACT):
        words += ["--data", json_text(body)]
    return shlex.join([*words, *(["--profile", profile] if profile else [])])


def as_curl(resource: Resource, call: Call, base: str, variable: str) -> str:
    """The request for ``curl``; the key is read from an environment variable, secrets are left out."""
    path = "/".join(quote(segment, safe="") for segment in call.segments)
    pairs = [(name, word) for name, value in call.query.items() for word in (value if isinstance(value, list) else [value])]
    query = urlencode([(name, str(word).lower() if isinstance(word, bool) else str(word)) for name, word in pairs])
    url = f"{base}/{path}" + (f"?{query}" if query else "")
    lines = [f"curl -X {call.method} {shlex.quote(url)}", f'-H "Authorization: Bearer ${variable}"']
    body = masked(resource, call)
    if call.file:
        lines += ["-F " + shlex.quote(f"{name}={_form(value)}") for name, value in (body or {}).items()]
        lines.append("-F " + shlex.quote(f"file=@{call.file}{'' if '.' in call.file.rpartition('/')[2] else '.zip'}"))
    elif body is not None:
        lines += ["-H 'Content-Type: application/json'", "-d " + shlex.quote(json_text(body))]
    return " \\\n  ".join(lines)


def _form(value: Json) -> str:
    return value if isinstance(value, str) else json_text(value)


def _drop(body: dict[str, Json], place: Place) -> None:
    inner: Any = body
    for name in place[:-1]:
        inner = inner[name]
    inner.pop(place[-1], None)
