"""Skills and their versions (resources contract 4)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping

from starlette.routing import BaseRoute

from app.models import Json
from app.sandbox.qoder import checks, packages, shelf
from app.sandbox.qoder.cloud import Cloud
from app.sandbox.qoder.files import metadata
from app.sandbox.qoder.gate import route
from app.sandbox.qoder.pages import flag, page
from app.sandbox.qoder.wire import Call, Reply, invalid, unknown


def routes(cloud: Cloud) -> list[BaseRoute]:
    """Every route of skills and of their versions."""
    one = "/skills/{skill}/versions/{version}"
    return [
        route(cloud, "POST", "/skills", _create),
        route(cloud, "GET", "/skills", _list),
        route(cloud, "GET", "/skills/{skill}", _get),
        route(cloud, "PUT", "/skills/{skill}", _replace),
        route(cloud, "DELETE", "/skills/{skill}", _delete),
        route(cloud, "GET", "/skills/{skill}/versions", _versions),
        route(cloud, "POST", "/skills/{skill}/versions", _add),
        route(cloud, "GET", one, lambda cloud, call: Reply(_version(cloud, call)["object"])),
        route(cloud, "DELETE", one, _remove),
        route(cloud, "GET", f"{one}/content", _content),
    ]


def _skill(cloud: Cloud, call: Call) -> dict[str, Json]:
    return cloud.row("skills", "Skill", call.names["skill"])


def _version(cloud: Cloud, call: Call) -> dict[str, Json]:
    ident = call.names["version"]
    found: dict[str, Json] | None = _skill(cloud, call)["versions"].get(ident)
    if found is None:
        raise unknown("Skill version", ident)
    return found


def _package(call: Call) -> packages.Package:
    return packages.read([part for part in call.form if part.name in ("file", "files", "files[]") and part.filename])


def _create(cloud: Cloud, call: Call) -> Reply:
    fields = {part.name: part.text for part in call.form if not part.filename}
    package = _package(call)
    now = cloud.stamp()
    skill: dict[str, Json] = {
        "id": cloud.name("skill"), "type": "skill", "display_title": fields.get("display_title") or package.name,
        "description": package.description, "source": "custom", "latest_version": None,
        "metadata": metadata(fields.get("metadata", "")), "created_at": now, "updated_at": now,
    }  # fmt: skip
    row: dict[str, Json] = {"object": skill, "versions": {}, "count": 0}
    cloud.table("skills")[skill["id"]] = row
    _publish(cloud, row, package)
    return shelf.entered(cloud, call, "create", skill, name=package.name)


def _publish(cloud: Cloud, row: dict[str, Json], package: packages.Package) -> dict[str, Json]:
    """Add a version; its name counts up and is never used again."""
    row["count"] += 1
    name, now = str(row["count"]), cloud.stamp()
    version: dict[str, Json] = {
        "id": cloud.name("skillver"), "type": "skill_version", "skill_id": row["object"]["id"], "version": name,
        "name": package.name, "description": package.description, "directory": package.directory,
        "content_size": len(package.content), "content_sha256": hashlib.sha256(package.content).hexdigest(),
        "created_at": now, "updated_at": now,
    }  # fmt: skip
    row["versions"][name] = {"object": version, "data": base64.b64encode(package.content).decode()}
    row["object"].update(latest_version=name, description=package.description, updated_at=now)
    return version


def _list(cloud: Cloud, call: Call) -> Reply:
    title, source = call.query.get("display_title"), call.query.get("source")

    def keep(skill: Mapping[str, Json]) -> bool:
        return title in (None, skill["display_title"]) and source in (None, skill["source"])

    return shelf.listed(cloud, call, [row["object"] for row in cloud.table("skills").values()], name="display_title", keep=keep)


def _get(cloud: Cloud, call: Call) -> Reply:
    row = _skill(cloud, call)
    if not flag(call, "include_content") or not row["versions"]:
        return Reply(row["object"])
    data = row["versions"][row["object"]["latest_version"]]["data"]
    return Reply({**row["object"], "content": data, "content_encoding": "base64"})


def _replace(cloud: Cloud, call: Call) -> Reply:
    """The older way to update: JSON, with the zip in base64."""
    row = _skill(cloud, call)
    if "metadata" in call.body:
        row["object"]["metadata"] = checks.metadata(call.body)
    if call.body.get("content") is not None:
        try:
            content = base64.b64decode(checks.text(call.body, "content", least=1, most=8_000_000), validate=True)
        except binascii.Error:
            raise invalid("Field 'content' must be base64.", "content") from None
        _publish(cloud, row, packages.unzip(content))
    row["object"]["updated_at"] = cloud.stamp()
    return shelf.entered(cloud, call, "update", row["object"])


def _delete(cloud: Cloud, call: Call) -> Reply:
    skill = _skill(cloud, call)["object"]
    del cloud.table("skills")[skill["id"]]
    return shelf.deleted(cloud, call, skill)


def _versions(cloud: Cloud, call: Call) -> Reply:
    newest = [version["object"] for version in _skill(cloud, call)["versions"].values()][::-1]
    return Reply(page(call, newest, dialect=cloud.dialect, cursor=lambda item: str(item["version"])))


def _add(cloud: Cloud, call: Call) -> Reply:
    row = _skill(cloud, call)
    return shelf.entered(cloud, call, "create", _publish(cloud, row, _package(call)))


def _remove(cloud: Cloud, call: Call) -> Reply:
    row, version = _skill(cloud, call), _version(cloud, call)["object"]
    del row["versions"][version["version"]]
    row["object"]["latest_version"] = next(reversed(row["versions"]), None)
    return shelf.deleted(cloud, call, version)


def _content(cloud: Cloud, call: Call) -> Reply:
    version = _version(cloud, call)
    name = f"{version['object']['name']}.zip"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Reply(content=base64.b64decode(version["data"]), media_type="application/zip", headers=headers)
