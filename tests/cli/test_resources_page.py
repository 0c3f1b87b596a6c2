"""``docs/resources.md`` tells every route that there is: ``python -m tests.cli.test_resources_page`` writes its table."""

from __future__ import annotations

from pathlib import Path

from app.cli.parser import build
from app.resource_models import Does, Resource, Verb
from app.vendors.qoder.resources import RESOURCES
from tests.vendors.qoder_resources.test_wire import ROWS

PAGE = Path(__file__).parent.parent.parent / "docs" / "resources.md"
BEGIN, END = "<!-- routes:begin (made by tests/cli/test_resources_page.py from the descriptions) -->\n", "<!-- routes:end -->"
KEYS = {
    Does.SHOW: "`i`",
    Does.CREATE: "`n`",
    Does.UPLOAD: "`n`",
    Does.UPDATE: "`e`, `E` as JSON",
    Does.DELETE: "`d`",
    Does.DOWNLOAD: "`s`",
}


def key(resource: Resource, verb: Verb) -> str:
    """Where it is in the application."""
    if verb.does is Does.LIST and verb is not resource.first(Does.LIST):
        return "`a`"
    if verb.does is Does.LIST:
        if not resource.parent:
            return f"`:{resource.name}`"
        parent = next(one for one in RESOURCES if one.name == resource.parent)
        return (
            f"`{'v' if resource.name.endswith('versions') else 'enter'}` on {'an' if parent.one[0] in 'ae' else 'a'} {parent.one}"
        )
    if verb.does is Does.ACT:
        return "`d`" if verb.asks else "`a`"
    return KEYS[verb.does]


def table() -> str:
    """A line for each route: its key, its command, its tests."""
    lines = ["| Route | In the application | Command `parlour qoder …` | Literal test |", "|---|---|---|---|"]
    for resource in RESOURCES:
        for verb in resource.verbs:
            words = " ".join((resource.name, verb.name, *(name.upper() for name in verb.names)))
            files = "".join(f" {field.name.upper()}" for field in verb.fields if field.kind.value == "file")
            route = "of the list" if verb.within else f"`{verb.method} {verb.path}`"
            fixed = "".join(f", `{name}={value}`" for name, value in verb.fixed.items())
            lines.append(
                f"| {route}{fixed} | {key(resource, verb)} | `{words}{files}` | `test_wire[{resource.name} {verb.name}]` |"
            )
    return "\n".join(lines) + "\n"


def test_the_page_has_every_route() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text[text.index(BEGIN) + len(BEGIN) : text.index(END)] == table(), "run: python -m tests.cli.test_resources_page"


def test_its_tests_are_there_and_its_commands_are_commands() -> None:
    known = {row.verb for row in ROWS}
    for resource in RESOURCES:
        for verb in resource.verbs:
            assert f"{resource.name} {verb.name}" in known
            files = [field.name for field in verb.fields if field.kind.value == "file"]
            args = build().parse_args(["qoder", resource.name, verb.name, *("x" for _ in (*verb.names, *files))])
            assert (args.command, args.resource, args.resource_verb) == ("qoder", resource.name, verb.name)


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(text[: text.index(BEGIN) + len(BEGIN)] + table() + text[text.index(END) :], encoding="utf-8")
