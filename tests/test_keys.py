from __future__ import annotations

import asyncio
import copy
import json
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import pytest

from app.keys import ALLOWED, Backend, Keyring, KeyringTrouble, Secret, Trouble

CANARY = "sk-canary-0123456789-wxyz"
PLACE = ("work", "https://api.example.test")


class Memory:
    """A keyring that works."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


class Forgetful(Memory):
    def set_password(self, service: str, username: str, password: str) -> None:
        return


class Clinging(Memory):
    def delete_password(self, service: str, username: str) -> None:
        return


def raising(error: Exception) -> Backend:
    class Raising(Memory):
        def get_password(self, service: str, username: str) -> str | None:
            raise error

        def set_password(self, service: str, username: str, password: str) -> None:
            raise error

    return Raising()


def keyring_of(backend: Backend, limit: float = 3.0) -> Keyring:
    return Keyring([lambda: backend], limit=limit)


async def test_a_key_comes_back_and_goes() -> None:
    memory = Memory()
    keyring = keyring_of(memory)
    assert await keyring.get(*PLACE) is None
    assert not await keyring.remove(*PLACE)
    await keyring.put(*PLACE, Secret(CANARY))
    assert memory.kept == {("parlour", "work https://api.example.test"): CANARY}
    found = await keyring.get(*PLACE)
    assert found is not None
    assert found.reveal() == CANARY
    assert await keyring.get("work", "https://other.example.test") is None
    assert await keyring.remove(*PLACE)
    assert memory.kept == {}
    assert await keyring.describe() == "Memory"


def errors() -> list[tuple[Exception, Trouble]]:
    from keyring.errors import InitError, KeyringError, KeyringLocked, NoKeyringError, PasswordSetError

    return [
        (KeyringLocked("Failed to unlock the collection!"), Trouble.LOCKED),
        (InitError("Failed to create the collection: Prompt dismissed.."), Trouble.LOCKED),
        (PasswordSetError("Cancelled by user"), Trouble.LOCKED),
        (NoKeyringError("none"), Trouble.MISSING),
        (PasswordSetError(f"Can't store {CANARY}"), Trouble.DENIED),
        (KeyringError(CANARY), Trouble.DENIED),
        (OSError(13, CANARY), Trouble.DENIED),
        (UnicodeEncodeError("ascii", CANARY, 0, 1, "no"), Trouble.DENIED),
        (TypeError(CANARY), Trouble.DENIED),
    ]


@pytest.mark.parametrize("number", range(9))
async def test_troubles_are_told_apart_and_repeat_no_key(number: int) -> None:
    error, reason = errors()[number]
    for call in (lambda k: k.get(*PLACE), lambda k: k.put(*PLACE, CANARY)):
        with pytest.raises(KeyringTrouble) as caught:
            await call(keyring_of(raising(error)))
        assert caught.value.reason is reason
        assert CANARY not in str(caught.value)
        assert caught.value.__cause__ is None
        assert "environment variable" in str(caught.value)


async def test_what_was_not_kept_is_noticed() -> None:
    with pytest.raises(KeyringTrouble, match="did not keep") as caught:
        await keyring_of(Forgetful()).put(*PLACE, CANARY)
    assert caught.value.reason is Trouble.DENIED
    clinging = keyring_of(Clinging())
    await clinging.put(*PLACE, CANARY)
    with pytest.raises(KeyringTrouble, match="did not remove"):
        await clinging.remove(*PLACE)


async def test_a_keyring_that_hangs_is_left_behind() -> None:
    release = threading.Event()

    class Hanging(Memory):
        def get_password(self, service: str, username: str) -> str | None:
            release.wait(30)
            return "late"

    begun = time.monotonic()
    with pytest.raises(KeyringTrouble) as caught:
        await keyring_of(Hanging(), limit=0.05).get(*PLACE)
    assert caught.value.reason is Trouble.HUNG
    assert time.monotonic() - begun < 3
    threads = [thread for thread in threading.enumerate() if thread.name == "parlour-keyring"]
    assert all(thread.daemon for thread in threads)
    release.set()
    await asyncio.sleep(0.01)


async def test_a_cancelled_question_is_cancelled() -> None:
    release = threading.Event()

    class Hanging(Memory):
        def get_password(self, service: str, username: str) -> str | None:
            release.wait(30)
            return None

    task = asyncio.create_task(keyring_of(Hanging()).get(*PLACE))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    release.set()


async def test_the_loop_goes_on_meanwhile() -> None:
    main = threading.get_ident()

    class Looking(Memory):
        def get_password(self, service: str, username: str) -> str | None:
            return str(threading.get_ident())

    found = await keyring_of(Looking()).get(*PLACE)
    assert found is not None
    assert found.reveal() != str(main)


async def test_the_first_that_works_is_used() -> None:
    def broken(error: Exception) -> Callable[[], Backend]:
        def make() -> Backend:
            raise error

        return make

    memory = Memory()
    keyring = Keyring([broken(RuntimeError("no bus")), broken(ImportError("no module")), lambda: memory, Forgetful])
    await keyring.put(*PLACE, CANARY)
    assert len(memory.kept) == 1
    with pytest.raises(KeyringTrouble) as caught:
        await Keyring([]).get(*PLACE)
    assert caught.value.reason is Trouble.MISSING


@pytest.mark.parametrize(
    "named",
    [
        "keyring.backends.fail.Keyring",
        "keyring.backends.null.Keyring",
        "keyrings.alt.file.PlaintextKeyring",
        "tests.test_keys.Memory",
        "nonsense",
    ],
)
async def test_nothing_that_does_not_keep_secrets_is_used(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", named)
    with pytest.raises(KeyringTrouble) as caught:
        await Keyring().put(*PLACE, CANARY)
    assert caught.value.reason is Trouble.MISSING


async def test_a_chainer_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    from keyring.backends import SecretService, chainer

    memory = Memory()

    class Found:
        """Stands where the Secret Service stands."""

        priority = 5

        def __new__(cls) -> Memory:  # type: ignore[misc]
            return memory

    monkeypatch.setattr(SecretService, "Keyring", Found)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", f"{chainer.__name__}.ChainerBackend")
    await Keyring().put(*PLACE, CANARY)
    assert len(memory.kept) == 1
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.SecretService.Keyring")
    assert await Keyring().get(*PLACE) is not None


def test_the_allowed_ones_exist() -> None:
    import importlib

    for module, name, _ in ALLOWED:
        assert isinstance(getattr(importlib.import_module(module), name), type)


def test_a_secret_does_not_show_itself() -> None:
    @dataclass
    class Holder:
        key: Secret

    secret = Secret(CANARY)
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>30}",
        "%s" % secret,  # noqa: UP031
        format(secret, "10"),
        repr([secret]),
        repr(Holder(secret)),
        repr(asdict(Holder(secret))),
        repr(copy.copy(secret)),
        repr(copy.deepcopy({"a": secret})),
        repr(pickle.loads(pickle.dumps(secret))),
        json.dumps(secret, default=str),
        pickle.dumps(secret).decode("latin-1"),
        repr(dir(secret)),
    ]
    assert all(CANARY not in text for text in shown)
    assert shown[0] == "***wxyz"
    assert json.loads(shown[12]) == "***wxyz"
    with pytest.raises(TypeError):
        vars(secret)
    with pytest.raises(AttributeError):
        secret.other = 1
    assert repr(Secret("short")) == "***"
    assert secret == Secret(CANARY)
    assert secret != CANARY
    assert len({secret, Secret(CANARY)}) == 1


def test_importing_it_does_not_import_keyring() -> None:
    code = "import sys, app.keys; print('keyring' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_only_one_module_imports_keyring() -> None:
    from pathlib import Path

    app = Path(__file__).resolve().parents[1] / "app"
    found = [
        file.name
        for file in app.rglob("*.py")
        if any(line.strip().startswith(("import keyring", "from keyring")) for line in file.read_text().splitlines())
    ]
    assert found == ["keys.py"]
