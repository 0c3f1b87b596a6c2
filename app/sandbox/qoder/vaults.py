"""Vaults and their credentials, whose secrets come back never (resources contract 3)."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping

from starlette.routing import BaseRoute

from app.models import Json
from app.sandbox.qoder import checks, shelf
from app.sandbox.qoder.cloud import Cloud
from app.sandbox.qoder.gate import route
from app.sandbox.qoder.wire import Call, Reply, conflict, invalid, unknown

KINDS = ("static_bearer", "mcp_oauth", "environment_variable")
NEEDED = {
    "static_bearer": ("mcp_server_url", "token"),
    "mcp_oauth": ("mcp_server_url", "access_token"),
    "environment_variable": ("secret_name", "secret_value"),
}
REFRESH_NEEDED = ("client_id", "refresh_token", "token_endpoint")
SECRET = ("token", "access_token", "refresh_token", "client_secret", "secret_value")
CHANGEABLE = {
    "static_bearer": ("token",),
    "mcp_oauth": ("access_token", "expires_at", "refresh"),
    "environment_variable": ("secret_value", "networking", "injection_location"),
}
REFRESH_CHANGEABLE = ("refresh_token", "scope", "token_endpoint_auth")
CLIENT_AUTH = ("none", "client_secret_basic", "client_secret_post")

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def routes(cloud: Cloud) -> list[BaseRoute]:
    """Every route of vaults and of the credentials in them."""
    one = "/vaults/{vault}/credentials/{credential}"
    return [
        route(cloud, "POST", "/vaults", _create),
        route(cloud, "GET", "/vaults", _list),
        route(cloud, "GET", "/vaults/{vault}", lambda cloud, call: Reply(_vault(cloud, call)["object"])),
        route(cloud, "POST", "/vaults/{vault}/archive", _archive),
        route(cloud, "DELETE", "/vaults/{vault}", _delete),
        route(cloud, "POST", "/vaults/{vault}/credentials", _add),
        route(cloud, "GET", "/vaults/{vault}/credentials", _credentials),
        route(cloud, "GET", one, lambda cloud, call: Reply(_credential(cloud, call))),
        route(cloud, "POST", one, _rotate),
        route(cloud, "POST", f"{one}/archive", _retire),
        route(cloud, "DELETE", one, _remove),
        route(cloud, "POST", f"{one}/mcp_oauth_validate", _validate),
    ]


def _vault(cloud: Cloud, call: Call) -> dict[str, Json]:
    return cloud.row("vaults", "Vault", call.names["vault"])


def _credential(cloud: Cloud, call: Call) -> dict[str, Json]:
    ident = call.names["credential"]
    found: dict[str, Json] | None = _vault(cloud, call)["credentials"].get(ident)
    if found is None:
        raise unknown("Credential", ident)
    return found


def _create(cloud: Cloud, call: Call) -> Reply:
    now = cloud.stamp()
    vault: dict[str, Json] = {
        "id": cloud.name("vault"), "type": "vault", "display_name": checks.text(call.body, "display_name", least=1, most=255),
        "metadata": checks.metadata(call.body), "archived_at": None, "created_at": now, "updated_at": now,
    }  # fmt: skip
    cloud.table("vaults")[vault["id"]] = {"object": vault, "credentials": {}}
    shelf.entered(cloud, call, "create", vault)
    return Reply({**vault, "credentials": []})


def _list(cloud: Cloud, call: Call) -> Reply:
    return shelf.listed(cloud, call, [row["object"] for row in cloud.table("vaults").values()], name="display_name")


def _archive(cloud: Cloud, call: Call) -> Reply:
    return shelf.archived(cloud, call, _vault(cloud, call)["object"])


def _delete(cloud: Cloud, call: Call) -> Reply:
    vault = _vault(cloud, call)["object"]
    del cloud.table("vaults")[vault["id"]]
    return shelf.deleted(cloud, call, vault)


def _add(cloud: Cloud, call: Call) -> Reply:
    row = _vault(cloud, call)
    if row["object"]["archived_at"]:
        raise conflict(f"Vault '{row['object']['id']}' is archived.")
    now = cloud.stamp()
    credential: dict[str, Json] = {
        "id": cloud.name("vcred"), "type": "vault_credential", "vault_id": row["object"]["id"], "display_name": None,
        "auth": _without_secrets(_auth(call.body)), "metadata": checks.metadata(call.body), "archived_at": None,
        "created_at": now, "updated_at": now,
    }  # fmt: skip
    row["credentials"][credential["id"]] = credential
    return shelf.entered(cloud, call, "create", credential, vault=row["object"]["id"])


def _credentials(cloud: Cloud, call: Call) -> Reply:
    return shelf.listed(cloud, call, _vault(cloud, call)["credentials"].values())


def _rotate(cloud: Cloud, call: Call) -> Reply:
    """A merge of what may change; everything else is fixed for life (3.5)."""
    found = _credential(cloud, call)
    if found["archived_at"]:
        raise conflict(f"Credential '{found['id']}' is archived.")
    if set(call.body) - {"auth", "metadata"}:
        raise invalid("Only auth and metadata can be changed.")
    if "auth" in call.body:
        found["auth"] = _without_secrets(_merged(found["auth"], checks.mapping(call.body["auth"], "auth")))
    if "metadata" in call.body:
        found["metadata"] = checks.metadata(call.body, found["metadata"]) if call.body["metadata"] is not None else {}
    found["updated_at"] = cloud.stamp()
    return shelf.entered(cloud, call, "update", found)


def _retire(cloud: Cloud, call: Call) -> Reply:
    found = _credential(cloud, call)
    if found["archived_at"]:
        raise conflict(f"Credential '{found['id']}' is archived already.")
    return shelf.archived(cloud, call, found)


def _remove(cloud: Cloud, call: Call) -> Reply:
    found = _credential(cloud, call)
    del _vault(cloud, call)["credentials"][found["id"]]
    return shelf.deleted(cloud, call, found)


def _validate(cloud: Cloud, call: Call) -> Reply:
    """The sandbox asks nobody, so nothing is known (3.6)."""
    found = _credential(cloud, call)
    if found["auth"]["type"] != "mcp_oauth":
        raise invalid("Only credentials of type mcp_oauth can be validated.")
    told = {
        "type": "vault_credential_validation",
        "vault_id": found["vault_id"],
        "credential_id": found["id"],
        "status": "unknown",
    }
    return Reply({**told, "has_refresh_token": "refresh" in found["auth"], "validated_at": cloud.stamp(), "mcp_probe": None})


def _auth(body: Mapping[str, Json]) -> dict[str, Json]:
    given = checks.mapping(checks.required(body, "auth"), "auth")
    kind = checks.choice(given, "type", KINDS)
    for name in NEEDED[kind]:
        checks.text(given, name, least=1, most=65_536)
    if kind == "environment_variable" and not _VARIABLE.fullmatch(given["secret_name"]):
        raise invalid("secret_name must be a valid variable name.", "secret_name")
    if kind == "mcp_oauth" and given.get("refresh") is not None:
        refresh = checks.mapping(given["refresh"], "refresh")
        for name in REFRESH_NEEDED:
            checks.text(refresh, name, least=1, most=65_536)
        _check_client(refresh.get("token_endpoint_auth"))
    return given


def _check_client(value: Json) -> None:
    client = checks.mapping(value, "token_endpoint_auth")
    if checks.choice(client, "type", CLIENT_AUTH) != "none":
        checks.text(client, "client_secret", least=1)


def _merged(old: Mapping[str, Json], given: Mapping[str, Json]) -> dict[str, Json]:
    kind = old["type"]
    if given.get("type") != kind:
        raise invalid(f"auth.type must stay '{kind}'.", "auth")
    wrong = set(given) - {"type", *CHANGEABLE[kind]}
    refresh = given.get("refresh")
    if refresh is not None:
        if not old.get("refresh"):
            raise invalid("A refresh block cannot be added later.", "auth")
        wrong |= set(checks.mapping(refresh, "refresh")) - set(REFRESH_CHANGEABLE)
        if "token_endpoint_auth" in refresh:
            _check_client(refresh["token_endpoint_auth"])
    if wrong:
        raise invalid(f"'{min(wrong)}' cannot be changed.", "auth")
    merged = {**copy.deepcopy(dict(old)), **{name: value for name, value in given.items() if name != "refresh"}}
    if refresh is not None:
        merged["refresh"] = {**merged["refresh"], **refresh}
    return merged


def _without_secrets(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _without_secrets(item) for name, item in value.items() if name not in SECRET}
    return value
