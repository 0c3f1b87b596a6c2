"""The OS keyring, where keys live: the only module that imports ``keyring``.

Only stores known to keep a secret are used: Secret Service, KWallet, libsecret, macOS, Windows. Whatever else ``keyring`` would
pick (nothing at all, one that forgets, a plain file) counts as none. A keyring may ask the person, wait for ever, or drop what it
was given; so every call runs on a thread of its own that nobody has to wait for, is given ``LIMIT`` seconds, and what was written
is read back.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any, NoReturn, Protocol, TypeVar

from app.errors import ParlourError

T = TypeVar("T")

SERVICE = "parlour"
LIMIT = 3.0
"""Seconds that a keyring is given."""
ALLOWED = (
    ("keyring.backends.SecretService", "Keyring", "Secret Service"),
    ("keyring.backends.kwallet", "DBusKeyring", "KWallet"),
    ("keyring.backends.kwallet", "DBusKeyringKWallet4", "KWallet 4"),
    ("keyring.backends.libsecret", "Keyring", "libsecret"),
    ("keyring.backends.macOS", "Keyring", "macOS Keychain"),
    ("keyring.backends.Windows", "WinVaultKeyring", "Windows Credential Manager"),
)
"""Module, class and name of the stores that are used, in the order they are tried."""
_INSTEAD = "Set the key's environment variable for this run instead."


class Secret:
    """A key that does not show itself: everything but ``reveal`` gives ``***`` and its last four characters."""

    __slots__ = ("_held",)
    _held: Callable[[], str]

    def __init__(self, value: str) -> None:
        # A closure, so that no dump of attributes holds the text.
        object.__setattr__(self, "_held", lambda: value)

    def reveal(self) -> str:
        """The key itself, for the one place that sends it."""
        return self._held()

    @property
    def masked(self) -> str:
        """What may be shown."""
        value = self.reveal()
        return f"***{value[-4:]}" if len(value) >= 8 else "***"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Secret does not change ({name})")

    def __repr__(self) -> str:
        return self.masked

    def __str__(self) -> str:
        return self.masked

    def __format__(self, spec: str) -> str:
        return format(self.masked, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reveal() == self.reveal()

    def __hash__(self) -> int:
        return hash(self.masked)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> tuple[type[str], tuple[str]]:
        return str, (self.masked,)


class Trouble(StrEnum):
    """Why the keyring did not serve."""

    MISSING = "missing"
    """There is none, or only one that does not keep secrets."""
    LOCKED = "locked"
    DENIED = "denied"
    """It refused, failed, or did not keep what it was given."""
    HUNG = "hung"


class KeyringTrouble(ParlourError):
    """The keyring did not serve; ``reason`` tells the kinds apart, ``str`` is a sentence."""

    exit_code = 3
    kind = "keyring"

    def __init__(self, reason: Trouble, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Backend(Protocol):
    """What is used of one of ``keyring``'s stores."""

    def get_password(self, service: str, username: str) -> str | None:
        """The secret, or None."""
        ...

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a secret."""
        ...

    def delete_password(self, service: str, username: str) -> None:
        """Forget it."""
        ...


class Keyring:
    """The keys of this user. ``backends`` are tried instead of the system's, in order (for tests)."""

    def __init__(self, backends: Sequence[Callable[[], Backend]] | None = None, *, limit: float = LIMIT) -> None:
        self._given = backends
        self._limit = limit
        self._chosen: Backend | None = None

    async def get(self, name: str, origin: str) -> Secret | None:
        """The key of a profile at an origin; None if there is none. Raises ``KeyringTrouble``."""
        found = await self._ask(lambda backend: _get(backend, name, origin))
        return Secret(found) if found else None

    async def put(self, name: str, origin: str, key: str | Secret) -> None:
        """Keep a key, and make sure that it is kept. Raises ``KeyringTrouble``."""
        value = key.reveal() if isinstance(key, Secret) else key
        await self._ask(lambda backend: _put(backend, name, origin, value))

    async def remove(self, name: str, origin: str) -> bool:
        """Forget a key, and make sure that it is gone. False if there was none. Raises ``KeyringTrouble``."""
        return await self._ask(lambda backend: _remove(backend, name, origin))

    async def describe(self) -> str:
        """The name of the store that is used. Raises ``KeyringTrouble``."""
        return await self._ask(_label)

    async def _ask(self, job: Callable[[Backend], T]) -> T:
        """Run a job on a thread that may be left behind; it cannot keep the program from ending."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def tell(value: T | None, error: BaseException | None) -> None:
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(value)  # type: ignore[arg-type]

        def run() -> None:
            value: T | None = None
            error: KeyringTrouble | None = KeyringTrouble(Trouble.DENIED, f"The keyring failed. {_INSTEAD}")
            try:
                value, error = self._try(job)
            finally:
                # A loop that has ended meanwhile has nobody who waits for this any more.
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(tell, value, error)

        threading.Thread(target=run, name="parlour-keyring", daemon=True).start()
        try:
            return await asyncio.wait_for(answer, self._limit)
        except TimeoutError:
            message = f"The keyring did not answer within {self._limit:g} seconds; it may be waiting to be unlocked. {_INSTEAD}"
            raise KeyringTrouble(Trouble.HUNG, message) from None

    def _try(self, job: Callable[[Backend], T]) -> tuple[T | None, KeyringTrouble | None]:
        try:
            if self._chosen is None:
                self._chosen = _choose(self._given)
            return job(self._chosen), None
        except KeyringTrouble as trouble:
            return None, trouble
        except _raised() as error:
            return None, _trouble(error)


# --- on the thread -----------------------------------------------------------------------------------------------------------


def _user(name: str, origin: str) -> str:
    return f"{name} {origin}"


def _get(backend: Backend, name: str, origin: str) -> str | None:
    return backend.get_password(SERVICE, _user(name, origin))


def _put(backend: Backend, name: str, origin: str, value: str) -> None:
    backend.set_password(SERVICE, _user(name, origin), value)
    if _get(backend, name, origin) != value:
        raise KeyringTrouble(Trouble.DENIED, f"The keyring took the key but did not keep it. {_INSTEAD}")


def _remove(backend: Backend, name: str, origin: str) -> bool:
    if _get(backend, name, origin) is None:
        return False
    backend.delete_password(SERVICE, _user(name, origin))
    if _get(backend, name, origin) is not None:
        raise KeyringTrouble(Trouble.DENIED, "The keyring did not remove the key. Remove it with the keyring's own program.")
    return True


def _label(backend: Backend) -> str:
    kind = type(backend)
    return next((label for module, name, label in ALLOWED if (kind.__module__, kind.__name__) == (module, name)), kind.__name__)


def _choose(given: Sequence[Callable[[], Backend]] | None) -> Backend:
    """The first store that can be used. Raises ``KeyringTrouble`` if there is none."""
    for make in _makers() if given is None else given:
        try:
            return make()
        except _raised():
            continue
    raise KeyringTrouble(Trouble.MISSING, f"This system has no keyring that keeps keys safely. {_INSTEAD}")


def _makers() -> list[Callable[[], Backend]]:
    """One for each store that is allowed. What the person configured for ``keyring`` narrows them down, and never widens them."""
    allowed = [(module, name) for module, name, _ in ALLOWED]
    wanted = _configured()
    if wanted:
        allowed = [one for one in allowed if one == wanted]

    def maker(module: str, name: str) -> Callable[[], Backend]:
        def make() -> Backend:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                kind: Any = getattr(importlib.import_module(module), name)
                _ = kind.priority  # raises RuntimeError where the store cannot work
                made: Backend = kind()
                return made

        return make

    return [maker(module, name) for module, name in allowed]


def _configured() -> tuple[str, str] | None:
    """The store that PYTHON_KEYRING_BACKEND or ``keyringrc.cfg`` names; None if nothing is said, or a chainer of them all."""
    import keyring.core

    named = os.environ.get("PYTHON_KEYRING_BACKEND", "")
    if named:
        module, _, name = named.rpartition(".")
    else:
        found = keyring.core.load_config()
        module, name = (type(found).__module__, type(found).__name__) if found is not None else ("", "")
    return None if not name or module == "keyring.backends.chainer" else (module, name)


def _raised() -> tuple[type[BaseException], ...]:
    """What stores raise: Python's own errors, and those of the libraries below them that are loaded."""
    foreign = (
        ("keyring.errors", "KeyringError"),
        ("secretstorage.exceptions", "SecretStorageException"),
        ("jeepney.wrappers", "DBusErrorResponse"),
        ("jeepney.auth", "AuthenticationError"),
        ("dbus.exceptions", "DBusException"),
        ("pywintypes", "error"),
        ("win32ctypes.pywin32.pywintypes", "error"),
    )
    found = [getattr(sys.modules.get(module), name, None) for module, name in foreign]
    own = (OSError, RuntimeError, ValueError, TypeError, LookupError, AttributeError, ImportError, EOFError, AssertionError)
    return (*own, *(kind for kind in found if isinstance(kind, type) and issubclass(kind, BaseException)))


def _trouble(error: BaseException) -> KeyringTrouble:
    """What a store raised, told apart by its kind: the text of it may hold anything and is not repeated."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"KeyringLocked", "LockedException", "PromptDismissedException"} or _dismissed(error):
        return KeyringTrouble(Trouble.LOCKED, f"The keyring is locked. Unlock it and try again. {_INSTEAD}")
    if "NoKeyringError" in names:
        return KeyringTrouble(Trouble.MISSING, f"This system has no keyring that keeps keys safely. {_INSTEAD}")
    return KeyringTrouble(Trouble.DENIED, f"The keyring refused ({type(error).__name__}). {_INSTEAD}")


def _dismissed(error: BaseException) -> bool:
    """Whether a prompt to unlock was closed, by a person or because there is no screen for it."""
    text = str(error).lower()
    return "dismissed" in text or "cancelled by user" in text or "locked" in text
