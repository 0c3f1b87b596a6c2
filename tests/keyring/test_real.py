"""Against a real keyring: gnome-keyring on a session bus of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MISSING = [name for name in ("gnome-keyring-daemon", "dbus-run-session") if shutil.which(name) is None]

pytestmark = [
    pytest.mark.keyring,
    pytest.mark.skipif(
        bool(MISSING) and "CI" not in os.environ, reason=f"not installed: {', '.join(MISSING)} (packages gnome-keyring and dbus)"
    ),
]

OPEN = 'printf "%s\\n" a-password | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; '
SHUT = "gnome-keyring-daemon --start --components=secrets >/dev/null 2>&1; "


def under_a_bus(tmp_path: Path, code: str, before: str) -> list[str]:
    """Run Python code in a session of its own; returns the lines it printed."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    keep = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "VIRTUAL_ENV")}
    environ = {**keep, "HOME": str(home), "XDG_RUNTIME_DIR": str(home), "PYTHONPATH": str(ROOT)}
    program = "import asyncio\nfrom app.keys import Keyring, KeyringTrouble\nasync def main():\n"
    program += "".join(f"    {line}\n" for line in code.strip().splitlines()) + "asyncio.run(main())\n"
    script = before + 'exec "$0" -c "$1"'
    command = ["dbus-run-session", "--", "sh", "-c", script, sys.executable, program]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


def test_put_get_remove(tmp_path: Path) -> None:
    code = """
k = Keyring()
print(await k.describe())
print(await k.get("work", "https://a.test"))
await k.put("work", "https://a.test", "the key with ü and \\" in it")
print((await Keyring().get("work", "https://a.test")).reveal())
print(await k.get("work", "https://b.test"))
print(await k.remove("work", "https://a.test"), await k.remove("work", "https://a.test"))
print(await k.get("work", "https://a.test"))
"""
    assert under_a_bus(tmp_path, code, OPEN) == [
        "Secret Service",
        "None",
        'the key with ü and " in it',
        "None",
        "True False",
        "None",
    ]


def test_many_at_once(tmp_path: Path) -> None:
    code = """
k = Keyring(limit=30)
await asyncio.gather(*(k.put(f"p{n}", "https://a.test", f"key {n}") for n in range(8)))
print([secret.reveal()[-1] for secret in await asyncio.gather(*(k.get(f"p{n}", "https://a.test") for n in range(8)))])
"""
    assert under_a_bus(tmp_path, code, OPEN) == [str([str(number) for number in range(8)])]


@pytest.mark.parametrize(("before", "reasons"), [(SHUT, {"locked", "hung"}), ("", {"missing"})])
def test_a_locked_one_and_none(tmp_path: Path, before: str, reasons: set[str]) -> None:
    code = """
try:
    await Keyring().put("work", "https://a.test", "key")
    print("stored")
except KeyringTrouble as trouble:
    print(trouble.reason)
"""
    if not before:
        before = "export DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent; "
    assert set(under_a_bus(tmp_path, code, before)) <= reasons
