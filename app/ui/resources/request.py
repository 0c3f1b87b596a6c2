"""A request to be looked at or taken elsewhere: as a command of ours and for curl, the key left out."""

from __future__ import annotations

from app import resource_values as values
from app.protocols import Resources
from app.resource_models import Call, Resource


def shown(vendor: Resources, resource: Resource, call: Call, vendor_name: str, profile: str) -> str:
    """Both, one below the other."""
    command = values.as_command(resource, call, vendor_name, profile)
    return f"{command}\n\n{values.as_curl(resource, call, vendor.base, vendor.key_variable)}"
