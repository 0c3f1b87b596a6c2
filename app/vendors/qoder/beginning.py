"""What a session may begin with besides its agent, from the lines a person typed (contract 9.2, 10)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.errors import Refused, UsageError
from app.models import Json
from app.vendors.qoder.bodies import variables

BEGINNINGS = {
    "version": "Agent version (a number; the latest if left empty)",
    "files": "Files: ids, each with :PATH for where it is mounted",
    "vaults": "Vaults: ids",
    "variables": "Environment variables: NAME=value, separated by spaces",
    "metadata": "Metadata: name=value, separated by spaces",
    "budget": "Credits at most, like 12.50",
}
_BUDGET = re.compile(r"\d{1,12}(\.\d{1,2})?")


def begun_with(agent_id: str, more: Mapping[str, str]) -> dict[str, Json]:
    """The fields of a new session. Lists are separated by spaces or commas, pairs are ``NAME=value``. Raises ``UsageError``."""
    given = {name: more[name].strip() for name in BEGINNINGS if more.get(name, "").strip()}
    body: dict[str, Json] = {}
    if "version" in given:
        if not given["version"].isdecimal() or int(given["version"]) < 1:
            raise UsageError(f"A version is a number from 1 on, not {given['version'][:20]!r}. Nothing was sent.")
        body["agent"] = {"type": "agent", "id": agent_id, "version": int(given["version"])}
    if "files" in given:
        body["resources"] = [_file(one) for one in _words(given["files"])]
    if "vaults" in given:
        body["vault_ids"] = list(_words(given["vaults"]))
    if "metadata" in given:
        body["metadata"] = dict(_pairs(given["metadata"], "metadata"))
    if "variables" in given:
        named: dict[str, Json] = dict(_pairs(given["variables"], "variables"))
        try:
            variables(named)
        except Refused as error:
            raise UsageError(str(error)) from error
        body["environment_variables"] = named
    if "budget" in given:
        if not _BUDGET.fullmatch(given["budget"]):
            raise UsageError(f"A budget is credits, like 12.50, not {given['budget'][:20]!r}. Nothing was sent.")
        body["budget"] = {"type": "limit", "max_credit_cost": given["budget"]}
    return body


def _words(line: str) -> list[str]:
    return [word for word in re.split(r"[\s,]+", line) if word]


def _file(word: str) -> Json:
    ident, _, place = word.partition(":")
    return {"type": "file", "file_id": ident, **({"mount_path": place} if place else {})}


def _pairs(line: str, what: str) -> list[tuple[str, str]]:
    found = []
    for word in _words(line):
        name, mark, value = word.partition("=")
        if not name or not mark:
            raise UsageError(f"{what} are pairs like NAME=value, separated by spaces; {word[:40]!r} is none. Nothing was sent.")
        found.append((name, value))
    return found
