"""What the program is made of: ``python -m tests.supply`` prints a CycloneDX list of the locked closure.

The lock is the source; what is installed is compared with it by the rows L of the fault matrix.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement

from app import __version__

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "run.txt"
BUILD = ("hatchling", "editables", "wheel", "pip", "setuptools")
"""What builds and installs it and is no part of it."""


@dataclass(frozen=True, slots=True)
class Locked:
    """One line of the lock."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]

    @property
    def here(self) -> bool:
        """Whether this platform needs it."""
        return not self.marker or Marker(self.marker).evaluate()


def plain(name: str) -> str:
    """A distribution's name in its one spelling."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(path: Path = LOCK) -> list[Locked]:
    """Everything in the lock."""
    found = []
    for block in re.split(r"\n(?=[A-Za-z0-9])", path.read_text(encoding="utf-8").strip()):
        head = block.replace("\\\n", " ").split("--hash")[0].strip()
        requirement, _, marker = head.partition(";")
        name, _, version = requirement.partition("==")
        hashes = tuple(re.findall(r"--hash=(sha256:[0-9a-f]{64})", block))
        found.append(Locked(plain(name.strip()), version.strip(), marker.strip(), hashes))
    return found


def closure(roots: Iterable[str]) -> dict[str, str]:
    """Name → version of these distributions and of everything that they need, as installed here."""
    found: dict[str, str] = {}
    waiting = [(plain(root), frozenset[str]()) for root in roots]
    while waiting:
        name, extras = waiting.pop()
        distribution = importlib.metadata.distribution(name)
        known = name in found
        found[name] = distribution.version
        for text in distribution.requires or ():
            need = Requirement(text)
            wanted = need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in ("", *extras))
            if wanted and (not known or extras) and (plain(need.name) not in found or need.extras):
                waiting.append((plain(need.name), frozenset(need.extras)))
    return found


def components() -> list[dict[str, object]]:
    """The closure that runs on this platform, without what builds it."""
    needed = set(closure(["parlour"])) - {"parlour"}
    return [
        {
            "type": "library",
            "name": one.name,
            "version": one.version,
            "purl": f"pkg:{'py' + 'pi'}/{one.name}@{one.version}",
            "hashes": [{"alg": "SHA-256", "content": digest.removeprefix("sha256:")} for digest in one.hashes],
        }
        for one in locked()
        if one.here and one.name in needed
    ]


def bill() -> dict[str, object]:
    """The whole list."""
    found = components()
    serial = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(found))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "parlour", "version": __version__}},
        "components": found,
    }


if __name__ == "__main__":
    json.dump(bill(), sys.stdout, indent=1)
    sys.stdout.write("\n")
