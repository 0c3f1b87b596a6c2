"""Environments (contract 8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.errors import UsageError
from app.profiles import Json
from app.resource_models import Column, Does, Field, Kind, Resource, Use, Verb
from app.vendors.qoder.resources.common import (
    ARCHIVED,
    CHANGED,
    ID,
    METADATA,
    PUT_AWAY,
    SINCE,
    UNTIL,
    archiving,
    checked,
    deleting,
    listing,
    showing,
)

MAX_SCRIPT = 64 * 1024


def _shape(body: Mapping[str, Json]) -> dict[str, Json]:
    """The whole configuration, its networking always said: left out, the server would silently limit it (contract 8.3)."""
    made: dict[str, Any] = checked(body)
    config = made.get("config")
    if not isinstance(config, Mapping):
        return made
    config = {name: value for name, value in config.items() if value not in (None, "", {})}
    config.setdefault("type", "cloud")
    if config["type"] == "self_hosted":
        for name in ("networking", "packages"):
            config.pop(name, None)
    else:
        network = dict(config.get("networking") or {"type": "unrestricted"})
        network.setdefault("type", "unrestricted")
        config["networking"] = {"type": "unrestricted"} if network["type"] == "unrestricted" else network
        for host in network.get("allowed_hosts") or ():
            if "/" in host or ":" in host:
                raise UsageError(f"allowed_hosts holds bare host names, without a scheme or a path: {host[:60]!r} is not one.")
    if len(str(config.get("setup_script") or "").encode("utf-8", "replace")) > MAX_SCRIPT:
        raise UsageError(f"setup_script has more than {MAX_SCRIPT // 1024} KB.")
    made["config"] = config
    return made


_LIMITED = ("networking", "limited")
_CLOUD = ("type", "cloud")
_FIELDS = (
    Field("name", "1 to 256 characters", required=True, most=256),
    Field("description", "for people", most=2_048),
    Field("type", "where it runs", Kind.CHOICE, at=("config", "type"), options=("cloud", "self_hosted"), default="cloud"),
    Field(
        "networking", "what its tools may reach; always said in full", Kind.CHOICE, at=("config", "networking", "type"),
        options=("unrestricted", "limited"), default="unrestricted", when=_CLOUD,
    ),
    Field("allowed_hosts", "bare host names", Kind.LIST, at=("config", "networking", "allowed_hosts"), when=_LIMITED),
    Field(
        "allow_package_managers", "let them out too", Kind.FLAG, at=("config", "networking", "allow_package_managers"),
        when=_LIMITED,
    ),
    Field("allow_mcp_servers", "let them out too", Kind.FLAG, at=("config", "networking", "allow_mcp_servers"), when=_LIMITED),
    Field("packages", 'like {"pip": ["pandas==2.2.0"], "apt": ["jq"]}', Kind.JSON, at=("config", "packages"), when=_CLOUD),
    Field("setup_script", "runs after the packages, perhaps often", Kind.LONG, at=("config", "setup_script"), when=_CLOUD),
    METADATA,
)  # fmt: skip

ENVIRONMENTS = Resource(
    name="environments",
    one="environment",
    says="where agents' tools run",
    prefix="env_",
    columns=(
        Column("name", (("name",),)),
        Column("type", (("config", "type"),), width=12),
        Column("networking", (("config", "networking", "type"),), width=14),
        CHANGED,
        ID,
        PUT_AWAY,
    ),
    verbs=(
        listing("/environments", ARCHIVED, SINCE, UNTIL),
        showing("/environments/{environment}"),
        Verb("create", Does.CREATE, "POST", "/environments", "make a new one", fields=_FIELDS, shape=_shape),
        Verb(
            "update", Does.UPDATE, "POST", "/environments/{environment}", "change one; its whole config is sent", fields=_FIELDS,
            shape=_shape,
        ),
        archiving("/environments/{environment}", "Sessions that exist go on; no new one can begin here."),
        deleting("/environments/{environment}", "The server refuses it once a session used it; archive it then."),
    ),
    used_by=(Use("sessions", ("environment_id",)),),
)  # fmt: skip
