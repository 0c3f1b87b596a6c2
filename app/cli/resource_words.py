"""The words of ``parlour qoder``: a command for every verb of every description, none of them written by hand."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from app.resource_models import Does, Field, Kind, Resource, Verb
from app.vendors.qoder.resources import RESOURCES

BODY = (Does.CREATE, Does.UPDATE, Does.UPLOAD)


def add(parser: argparse.ArgumentParser, finish: Callable[[argparse.ArgumentParser], None]) -> None:
    """Give ``parser`` a command for each resource, with its verbs. ``finish`` adds what every command of ours takes."""
    resources = parser.add_subparsers(metavar="RESOURCE", title="resources")
    for resource in RESOURCES:
        words = f"{resource.says}{f'; of one of the {resource.parent}' if resource.parent else ''}"
        command = resources.add_parser(resource.name, help=words, description=f"{resource.name}: {words}.", allow_abbrev=False)
        command.set_defaults(resource=resource.name, resource_verb="")
        verbs = command.add_subparsers(metavar="VERB", title="verbs")
        for verb in resource.verbs:
            finish(_verb(verbs, resource, verb))
        for child in (one for one in RESOURCES if one.name in resource.children):
            listing = child.first(Does.LIST)
            if listing is not None:
                made = _verb(verbs, child, listing, name=child.name.rpartition("-")[2])
                made.set_defaults(resource=child.name, resource_verb=listing.name)
                finish(made)
        for made in _ours(verbs, resource):
            finish(made)


def _ours(verbs: Any, resource: Resource) -> list[argparse.ArgumentParser]:
    """Verbs that no route has: they read only."""
    made = []
    if resource.used_by:
        told = "tell what uses one"
        one = verbs.add_parser("used-by", help=told, description=f"{told}.".capitalize(), allow_abbrev=False)
        one.add_argument(resource.one)
        one.set_defaults(resource=resource.name, resource_verb="used-by")
        made.append(one)
    if resource.compares:
        told = "show what changed from one version to another"
        one = verbs.add_parser("diff", help=told, description=f"{told}.".capitalize(), allow_abbrev=False)
        for name in (*((show.names if (show := resource.verb("show")) else ())[:-1]), "earlier", "later"):
            one.add_argument(name)
        one.set_defaults(resource=resource.name, resource_verb="diff")
        made.append(one)
    return made


def _verb(verbs: Any, resource: Resource, verb: Verb, *, name: str = "") -> argparse.ArgumentParser:
    told = verb.says or verb.name
    text = f"{told[0].upper()}{told[1:]}.{f' {verb.warns}' if verb.warns else ''}"
    parser: argparse.ArgumentParser = verbs.add_parser(name or verb.name, help=told, description=text, allow_abbrev=False)
    parser.set_defaults(resource=resource.name, resource_verb=verb.name)
    for one in verb.names:
        parser.add_argument(one, help="its id, or a name that only one has")
    for field in verb.fields:
        if field.kind is Kind.FILE:
            parser.add_argument(field.name, help=field.says, metavar="FILE")
    for field in (*verb.fields, *verb.query):
        _option(parser, field)
    if verb.does in BODY:
        parser.add_argument("--data", metavar="JSON|@FILE|-", help="the body, or a part of it; options count more")
    if any(field.kind is Kind.SECRET for field in verb.fields):
        parser.add_argument("--secret-stdin", action="store_true", help="read the secrets from stdin, one a line, in their order")
    if verb.does is Does.LIST:
        parser.add_argument("--limit", type=int, default=100, help="at most this many (default 100; 0: all)")
    if verb.does is Does.DOWNLOAD:
        parser.add_argument("--output", metavar="FILE", help="where to; a folder or a file that is not there yet")
    if verb.asks:
        parser.add_argument("--yes", action="store_true", help="do not ask for the name")
    parser.add_argument("--curl", action="store_true", help="send nothing; show the request for curl, the key left out")
    return parser


def _option(parser: argparse.ArgumentParser, field: Field) -> None:
    if field.kind in (Kind.FILE, Kind.SECRET):
        return
    says = field.says + (f" ({field.when[0]} {' or '.join(field.when[1:])})" if field.when else "")
    if field.kind is Kind.LIST and field.options:
        says += f": some of {', '.join(field.options)}"
    if field.default:
        says += f" (default {field.default})"
    options: dict[str, Any] = {"dest": f"field_{field.name}", "help": says.replace("%", "%%"), "default": None}
    words = (f"--{field.name.replace('_', '-')}",)
    if field.kind is Kind.FLAG:
        parser.add_argument(*words, action=argparse.BooleanOptionalAction, **options)
    elif field.kind in (Kind.LIST, Kind.PAIRS):
        pair = "NAME=VALUE" if field.kind is Kind.PAIRS else field.name.upper()
        parser.add_argument(*words, action="append", metavar=pair, **options)
    else:
        choices = list(field.options) if field.kind is Kind.CHOICE and field.options else None
        metavar = {Kind.LONG: "TEXT|@FILE", Kind.JSON: "JSON|@FILE", Kind.NUMBER: "N"}.get(field.kind)
        parser.add_argument(*words, choices=choices, metavar=None if choices else metavar or field.name.upper(), **options)
