"""Request bodies that no public page shows (contract 5.4, 5.7, 9, 10.2, all of them guesses): one table, and how to overrule it.

``profile.options["bodies"]`` may hold another template under the same name. In a template the text ``"{name}"`` stands for a
value of any type; a field whose value is missing is left out. ``external_user_id`` joins every body that does not set it.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.errors import SettingsError
from app.models import Json, Verdict

TEMPLATES: Mapping[str, Json] = {
    "rename": {"name": "{name}"},
    "regenerate": {"agent_id": "{agent_id}", "stream": "{stream}"},
    "feedback": {"type": "{type}", "content": "{content}"},
    "upload": {"scope": "{scope}"},
    "form": {"data": "{data}", "agent_id": "{agent_id}", "stream": "{stream}"},
}
SENTIMENTS: Mapping[Verdict, str] = {Verdict.UP: "sys_helpful", Verdict.DOWN: "sys_improve"}
"""Contract 9: the vocabulary of stored feedback."""


def body(name: str, options: Mapping[str, Json], /, **values: Json) -> dict[str, Json]:
    """The body ``name`` with ``values`` filled in; ``SettingsError`` if the profile's own template is not an object."""
    templates = options.get("bodies")
    template = templates.get(name, TEMPLATES[name]) if isinstance(templates, Mapping) else TEMPLATES[name]
    if not isinstance(template, Mapping):
        raise SettingsError(f"The option bodies.{name} of this profile has to be a table.")
    filled = _fill(template, values)
    return dict(filled) if isinstance(filled, Mapping) else {}


def with_user(fields: Mapping[str, Json], user: str) -> dict[str, Json]:
    """``fields`` with the user they are sent for (contract 4: in the body of every write, if there is one)."""
    return {**fields, "external_user_id": user} if user and "external_user_id" not in fields else dict(fields)


def _fill(template: Json, values: Mapping[str, Json]) -> Json:
    if isinstance(template, str) and template.startswith("{") and template.endswith("}"):
        return values.get(template[1:-1])
    if isinstance(template, Mapping):
        found = {name: _fill(part, values) for name, part in template.items()}
        return {name: part for name, part in found.items() if part is not None and part != ""}
    if isinstance(template, (list, tuple)):
        return [_fill(part, values) for part in template]
    return template
