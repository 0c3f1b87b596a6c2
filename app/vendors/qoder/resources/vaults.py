"""Vaults and the credentials in them, whose secrets go in and never come out (resources contract 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.profiles import Json
from app.resource_models import Column, Does, Field, Kind, Resource, Use, Verb
from app.vendors.qoder.resources.common import (
    ARCHIVED,
    CHANGED,
    ID,
    METADATA,
    NAMED,
    PUT_AWAY,
    archiving,
    checked,
    deleting,
    listing,
    showing,
)

KINDS = ("static_bearer", "mcp_oauth", "environment_variable")
_CLIENT = ("none", "client_secret_basic", "client_secret_post")
_VARIABLE = "[A-Za-z_][A-Za-z0-9_]*"

_BEARER = ("kind", "static_bearer")
_OAUTH = ("kind", "mcp_oauth")
_VARIABLES = ("kind", "environment_variable")


def _shape(body: Mapping[str, Json]) -> dict[str, Json]:
    """The label where the server keeps it, and no block of a refresh that nobody gave (resources contract 3.2, 3.3)."""
    made: dict[str, Any] = checked(body)
    said = made.pop("label", None)
    if said:
        made["metadata"] = {**(made.get("metadata") or {}), "label": said}
    auth = made.get("auth")
    if isinstance(auth, Mapping):
        auth = {name: value for name, value in auth.items() if value not in (None, "")}
        refresh = auth.get("refresh")
        if isinstance(refresh, Mapping):
            kept = {name: value for name, value in refresh.items() if value not in (None, "", {})}
            if kept and set(kept) != {"token_endpoint_auth"}:
                auth["refresh"] = kept
            else:
                auth.pop("refresh")
        made["auth"] = auth
    return made


_REFRESH = (
    Field("refresh_token", "where there is one", Kind.SECRET, at=("auth", "refresh", "refresh_token"), when=_OAUTH),
    Field("client_auth", "how the refresh is signed", Kind.CHOICE, at=("auth", "refresh", "token_endpoint_auth", "type"),
          options=_CLIENT, when=_OAUTH),
    Field("client_secret", "unless it is none", Kind.SECRET, at=("auth", "refresh", "token_endpoint_auth", "client_secret"),
          when=_OAUTH),
    Field("scope", "of the refresh", at=("auth", "refresh", "scope"), when=_OAUTH),
)  # fmt: skip
_SECRETS = (
    Field("token", "the bearer token", Kind.SECRET, at=("auth", "token"), required=True, when=_BEARER),
    Field("access_token", "of the OAuth client", Kind.SECRET, at=("auth", "access_token"), required=True, when=_OAUTH),
    Field("secret_value", "of the variable", Kind.SECRET, at=("auth", "secret_value"), required=True, when=_VARIABLES),
)

VAULTS = Resource(
    name="vaults",
    one="vault",
    says="groups of credentials for sessions",
    prefix="vault_",
    label=(("display_name",),),
    columns=(Column("name", (("display_name",),)), CHANGED, ID, PUT_AWAY),
    verbs=(
        listing("/vaults", NAMED, ARCHIVED),
        showing("/vaults/{vault}"),
        Verb(
            "create", Does.CREATE, "POST", "/vaults", "make a new one; it cannot be renamed later",
            fields=(Field("name", "1 to 255 characters", at=("display_name",), required=True, most=255), METADATA), shape=checked,
        ),
        archiving("/vaults/{vault}", "Its credentials cannot be used by new sessions any more."),
        deleting("/vaults/{vault}", "All its credentials go with it."),
    ),
    children=("credentials",),
    used_by=(Use("sessions", ("vault_ids", "*")),),
)  # fmt: skip

CREDENTIALS = Resource(
    name="credentials",
    one="credential",
    says="secrets of a vault; their values are never shown",
    prefix="vcred_",
    parent="vaults",
    label=(("metadata", "label"), ("display_name",), ("auth", "secret_name"), ("auth", "mcp_server_url")),
    columns=(
        Column("name", (("metadata", "label"), ("display_name",), ("auth", "secret_name"), ("auth", "mcp_server_url"))),
        Column("kind", (("auth", "type"),), width=21),
        Column("for", (("auth", "secret_name"), ("auth", "mcp_server_url")), from_width=80),
        Column("expires", (("auth", "expires_at"),), width=18, form="when", from_width=90),
        CHANGED,
        ID,
        PUT_AWAY,
    ),
    verbs=(
        listing("/vaults/{vault}/credentials", ARCHIVED),
        showing("/vaults/{vault}/credentials/{credential}"),
        Verb(
            "create", Does.CREATE, "POST", "/vaults/{vault}/credentials", "keep a secret; its value is typed hidden or piped in",
            fields=(
                Field("kind", "what it is for", Kind.CHOICE, at=("auth", "type"), options=KINDS, required=True),
                Field("url", "the MCP server's, exactly as the agent has it", at=("auth", "mcp_server_url"), required=True,
                      when=(*_BEARER, "mcp_oauth")),
                Field("variable", "its name", at=("auth", "secret_name"), required=True, when=_VARIABLES, pattern=_VARIABLE),
                *_SECRETS,
                Field("expires", "when the token does", at=("auth", "expires_at"), when=_OAUTH),
                Field("client_id", "for the refresh", at=("auth", "refresh", "client_id"), when=_OAUTH),
                Field("token_endpoint", "for the refresh", at=("auth", "refresh", "token_endpoint"), when=_OAUTH),
                *_REFRESH,
                Field("label", "what people call it"),
                METADATA,
            ),
            shape=_shape, once=True,
        ),
        Verb(
            "rotate", Does.UPDATE, "POST", "/vaults/{vault}/credentials/{credential}",
            "another value; sessions that run may keep the old one",
            fields=(
                Field("kind", "as it is", Kind.CHOICE, at=("auth", "type"), options=KINDS),
                *_SECRETS,
                Field("expires", "when the token does", at=("auth", "expires_at"), when=_OAUTH),
                *_REFRESH,
                METADATA,
            ),
            copies=(("auth", "type"),), shape=_shape, once=True,
        ),
        archiving("/vaults/{vault}/credentials/{credential}"),
        deleting("/vaults/{vault}/credentials/{credential}"),
        Verb("validate", Does.ACT, "POST", "/vaults/{vault}/credentials/{credential}/mcp_oauth_validate",
             "ask whether the server takes it (mcp_oauth)"),
    ),
)  # fmt: skip
