"""What the person has set: one TOML file and the environment, as one frozen value.

``config.toml`` holds profiles (never their keys), the look, the keymap, notifications, the commands behind custom tools::

    [profiles.work]
    vendor = "codeer"
    base = "https://api.codeer.ai/api/v1"     # or region = "…"
    external_user_id = "me@example.com"

    [ui]
    theme = "…"

    [keymap]
    "talk.new" = "ctrl+n,f11"

A key variable that is set makes a profile of its vendor's name exist for this run, hides a stored one of that name and says so.
Every bad value is one sentence in a ``SettingsError``; a bad profile is one in ``notices`` and stops nothing but its own use. The
file is replaced in one step and its comments stay.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from app.errors import SettingsError, UsageError
from app.paths import config_file, private_folder
from app.profiles import Json, Profile

RESERVED = ("demo", "demo-codeer", "demo-qoder")
"""Names of the demo, which always exists."""
_NAME = re.compile(r"\w[\w.@-]{0,63}")
_LARGEST = 4 * 1024 * 1024
_KEY_LIKE = re.compile(r"key|api_key|token|access_token|pat|secret|password", re.IGNORECASE)
_OWN = ("vendor", "base", "region", "external_user_id", "environment")


class Entry(Protocol):
    """What has to be known of a vendor to find its profiles."""

    @property
    def key_variables(self) -> tuple[str, ...]:
        """Environment variables that may hold a key, the first one set wins."""
        ...

    @property
    def base_variable(self) -> str:
        """The environment variable of the base URL."""
        ...

    @property
    def bases(self) -> Mapping[str, str]:
        """Default base URLs by region."""
        ...

    @property
    def default_region(self) -> str:
        """Which of them, if nobody says."""
        ...


@dataclass(frozen=True)
class Settings:
    """``profiles`` are the usable ones of this run, the environment's first; the demo is not among them."""

    file: Path
    profiles: tuple[Profile, ...] = ()
    stored_profiles: tuple[Profile, ...] = ()
    """Those of the file, hidden ones included."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Name of a profile of the file that cannot be used → the sentence why."""
    notices: tuple[str, ...] = ()
    """Sentences for a person about what was found."""
    ui: Mapping[str, Json] = field(default_factory=dict)
    keymap: Mapping[str, str] = field(default_factory=dict)
    """Id of a binding → its keys, separated by commas."""
    notify: Mapping[str, Json] = field(default_factory=dict)
    tools: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    """Name of a custom tool → its table."""
    _catalogue: Mapping[str, Entry] = field(default_factory=dict, repr=False, compare=False)
    _environ: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def theme(self) -> str:
        """The name of the chosen theme, or ""."""
        return str(self.ui.get("theme", ""))

    @property
    def swapped(self) -> bool:
        """Whether Enter begins a new line and ctrl+j sends."""
        return self.ui.get("enter") == "newline"

    def profile(self, name: str) -> Profile | None:
        """The usable profile of that name."""
        return next((profile for profile in self.profiles if profile.name == name), None)

    def environment_key(self, name: str) -> str:
        """The key of a profile that the environment made; "" for any other."""
        variable = self.key_variable(name)
        return self._environ[variable].strip() if variable else ""

    def key_variable(self, name: str) -> str:
        """The environment variable that made this profile; "" if none did."""
        entry = self._catalogue.get(name)
        return _key_variable(entry, self._environ) if entry is not None else ""

    def refuse_known(self, name: str) -> None:
        """Raise ``UsageError`` unless a profile of this name can be added."""
        if name in RESERVED:
            raise UsageError(f"{name!r} is the demo's name; choose another.")
        if not _NAME.fullmatch(name):
            raise UsageError(
                "A profile's name is letters, digits and . _ - @, at most 64 of them, and begins with a letter or digit."
            )
        if name in self.refused or any(profile.name == name for profile in self.stored_profiles):
            raise UsageError(f"There is a profile {name!r} already. Remove it first: parlour profile remove {name}")

    def add_profile(self, profile: Profile) -> Settings:
        """Write a new profile to the file. Returns the settings as they are then. Raises ``UsageError``, ``SettingsError``."""
        self.refuse_known(profile.name)
        table: dict[str, Json] = {"vendor": profile.vendor, "base": profile.base}
        table |= {name: getattr(profile, name) for name in ("external_user_id", "environment") if getattr(profile, name)}
        table |= {name: value for name, value in profile.options.items() if name not in _OWN}
        return self._edited(("profiles", profile.name), table)

    def remove_profile(self, name: str) -> Settings:
        """Take a profile out of the file. Returns the settings as they are then. Raises ``UsageError``, ``SettingsError``."""
        if name not in self.refused and all(profile.name != name for profile in self.stored_profiles):
            raise UsageError(f"There is no stored profile {name!r}.")
        return self._edited(("profiles", name), None)

    def with_option(self, table: str, name: str, value: Json) -> Settings:
        """Write one value of [ui], [keymap] or [notify] (None removes it). Returns the settings as they are then."""
        return self._edited((table, name), value)

    def _edited(self, place: tuple[str, str], value: Json) -> Settings:
        import tomlkit
        from tomlkit.exceptions import TOMLKitError

        try:
            document: Any = tomlkit.parse(_text(self.file))
            table, name = place
            if table not in document:
                document[table] = tomlkit.table(is_super_table=isinstance(value, dict))
            _take_dotted(document[table], name)
            if value is None:
                document[table].pop(name, None)
            else:
                document[table][name] = value
            text = tomlkit.dumps(document)
        except (TOMLKitError, TypeError, AttributeError) as error:
            raise SettingsError(f"{self.file} could not be changed ({error}); it is as it was.") from error
        _replace(self.file, text)
        return load(self._catalogue, self._environ, self.file)


def origin(base: str) -> str:
    """``https://host[:port]`` of a base URL: host in lower case, no default port. Raises ``SettingsError``."""
    try:
        parts = urlsplit(base.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        raise SettingsError("A base URL looks like https://host/path")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + ("" if port in (None, {"https": 443, "http": 80}.get(parts.scheme)) else f":{port}")


def load(catalogue: Mapping[str, Entry], environ: Mapping[str, str], file: Path | None = None) -> Settings:
    """Read the file (it need not be there) and the environment. ``catalogue`` maps a vendor's name to its facts.

    Raises ``SettingsError`` with one sentence for the first bad value outside of the profiles.
    """
    path = file if file is not None else config_file()
    document = _document(path)
    notices: list[str] = []
    stored, refused = _all_stored(_table(document, "profiles", path), catalogue, path.name, notices)
    given = tuple(profile for name, entry in catalogue.items() for profile in _from_environment(name, entry, environ))
    names = {profile.name for profile in given}
    for profile in stored:
        if profile.name in names:
            variable = _key_variable(catalogue[profile.name], environ)
            notices.append(
                f"{variable} is set: for this run the profile {profile.name!r} is made of it and hides the stored one."
            )
    return Settings(
        file=path,
        profiles=(*given, *(profile for profile in stored if profile.name not in names)),
        stored_profiles=stored,
        refused=refused,
        notices=tuple(notices),
        ui=_table(document, "ui", path),
        keymap={name: _keys(name, keys, path) for name, keys in _flat(_table(document, "keymap", path)).items()},
        notify=_table(document, "notify", path),
        tools={name: _inner(name, table, path) for name, table in _table(document, "tools", path).items()},
        _catalogue=catalogue,
        _environ=environ,
    )


# --- profiles ----------------------------------------------------------------------------------------------------------------


def _key_variable(entry: Entry, environ: Mapping[str, str]) -> str:
    return next((name for name in entry.key_variables if environ.get(name, "").strip()), "")


def _from_environment(name: str, entry: Entry, environ: Mapping[str, str]) -> tuple[Profile, ...]:
    if not _key_variable(entry, environ):
        return ()
    base = environ.get(entry.base_variable, "").strip()
    base = _base(base, entry.base_variable) if base else entry.bases[entry.default_region]
    return (Profile(name, name, base, account=origin(base)),)


def _all_stored(
    tables: Mapping[str, Json], catalogue: Mapping[str, Entry], file: str, notices: list[str]
) -> tuple[tuple[Profile, ...], dict[str, str]]:
    """The usable profiles of the file, and why the others are not."""
    found: list[Profile] = []
    refused: dict[str, str] = {}
    for name, table in tables.items():
        try:
            found.append(_stored(name, table, catalogue, f"{file}: profile {name!r}", notices))
        except SettingsError as error:
            refused[name] = str(error)
            notices.append(f"{error} It is left out until then.")
    return tuple(found), refused


def _stored(name: str, table: Json, catalogue: Mapping[str, Entry], where: str, notices: list[str]) -> Profile:
    if name in RESERVED:
        raise SettingsError(f"{where} has the demo's name; give it another.")
    if not _NAME.fullmatch(name):
        raise SettingsError(f"{where} has a name that cannot be used: letters, digits and . _ - @, at most 64.")
    if not isinstance(table, dict):
        raise SettingsError(f"{where} is not a table; write [profiles.{name}].")
    vendor = _word(table, "vendor", where)
    entry = catalogue.get(vendor)
    if entry is None:
        raise SettingsError(f"{where} needs vendor = one of {', '.join(catalogue)}.")
    region = _word(table, "region", where) or entry.default_region
    if region not in entry.bases:
        regions = ", ".join(filter(None, entry.bases))
        raise SettingsError(
            f"{where} has an unknown region; " + (f"there are {regions}." if regions else "this vendor has none.")
        )
    base = _word(table, "base", where)
    base = _base(base, f"{where}, base") if base else entry.bases[region]
    options = {}
    for option, value in table.items():
        if _KEY_LIKE.fullmatch(option):
            notices.append(
                f"{where} has {option!r}: a key is never read from a file. Take it out, and store it with: parlour profile add"
            )
        elif option not in _OWN:
            options[option] = value
    profile = Profile(name, vendor, base, account=origin(base), options=options)
    return replace(
        profile, external_user_id=_word(table, "external_user_id", where), environment=_word(table, "environment", where)
    )


def _word(table: Mapping[str, Json], name: str, where: str) -> str:
    value = table.get(name, "")
    if not isinstance(value, str) or any(not char.isprintable() for char in value):
        raise SettingsError(f"{where}: {name} has to be a text on one line.")
    return value.strip()


def _base(text: str, where: str) -> str:
    """A base URL that a key may be sent to, without a trailing slash."""
    try:
        if re.search(r"[\s\x00-\x20\x7f\\]", text):
            raise ValueError
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
        if not host or parts.scheme not in ("http", "https"):
            raise ValueError
    except ValueError:
        raise SettingsError(f"{where} has to look like https://host/path") from None
    if "@" in parts.netloc:
        raise SettingsError(f"{where} must not hold a user name or password.")
    if parts.scheme == "http" and not _is_loopback(host):
        raise SettingsError(f"{where} begins with http://, which would send the key unprotected; write https://")
    if "?" in text or "#" in text:
        raise SettingsError(f"{where} ends with its path: no ? and no #.")
    return text.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


# --- the file ----------------------------------------------------------------------------------------------------------------


def _text(path: Path) -> str:
    """The file's text; "" if there is none."""
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}).") from error
    if len(raw) > _LARGEST:
        raise SettingsError(f"{path} is larger than any settings; look at it.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8 (byte {error.start + 1}); save it as UTF-8.") from None


def _document(path: Path) -> dict[str, Json]:
    if not (text := _text(path)):
        return {}
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {str(error)[:200]}.") from error
    except (RecursionError, ValueError) as error:
        raise SettingsError(f"{path} holds a value that cannot be read.") from error


def _table(document: Mapping[str, Json], name: str, path: Path) -> dict[str, Json]:
    value = document.get(name, {})
    if not isinstance(value, dict):
        raise SettingsError(f"{path.name}: {name} has to be a table; write [{name}].")
    return value


def _inner(name: str, table: Json, path: Path) -> dict[str, Json]:
    if not isinstance(table, dict):
        raise SettingsError(f"{path.name}: tool {name!r} has to be a table; write [tools.{name}].")
    return table


def _take_dotted(table: Any, name: str) -> None:
    """Take out ``a.b = …``, which means the same as ``"a.b" = …``."""
    *outer, last = name.split(".")
    for part in outer:
        table = table.get(part) if isinstance(table, dict) else None
    if outer and isinstance(table, dict):
        table.pop(last, None)


def _flat(table: Mapping[str, Json], front: str = "") -> dict[str, Json]:
    """``talk.find = …`` means the same with quotes around its name and without."""
    found: dict[str, Json] = {}
    for name, value in table.items():
        found |= _flat(value, f"{front}{name}.") if isinstance(value, dict) else {f"{front}{name}": value}
    return found


def _keys(name: str, keys: Json, path: Path) -> str:
    found = [keys] if isinstance(keys, str) else keys
    if not isinstance(found, list) or not all(isinstance(key, str) and key.isprintable() for key in found):
        raise SettingsError(f'{path.name}: keymap {name!r} has to be keys, like "ctrl+n" or "ctrl+n,f2".')
    return ",".join(key.strip() for key in found)


def _replace(path: Path, text: str) -> None:
    """Put ``text`` in the file's place: the old or the new file is there at every moment, never a part of one."""
    private_folder(path.parent)
    real = Path(os.path.realpath(path))
    temporary = real.with_name(f".{real.name}.{os.urandom(6).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(real)
        if os.name == "posix":
            folder = os.open(real.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        raise SettingsError(f"{real} could not be written ({error.strerror}); it is as it was.") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
