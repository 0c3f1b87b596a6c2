"""Where things lie: ``PARLOUR_HOME`` moves all of it into one folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from app.errors import SettingsError

_HOME = "PARLOUR_HOME"


def config_file() -> Path:
    """The settings, the keymap and the profiles (without keys)."""
    return _folder("config") / "config.toml"


def database_file() -> Path:
    """Everything that was said."""
    return _folder("data") / "parlour.db"


def log_file() -> Path:
    """What happened, without content."""
    return _folder("state") / "parlour.log"


def appearance_file() -> Path:
    """Whether the terminal was dark or light when it was asked last."""
    return _folder("state") / "appearance"


def demo_folder() -> Path:
    """What the demo's sandbox keeps."""
    return _folder("data") / "demo"


def styles() -> Path:
    """The style sheets: inside the package in a wheel, beside it in a checkout."""
    here = Path(__file__).resolve().parent
    inside = here / "styles"
    return inside if inside.is_dir() else here.parent / "styles"


def private_folder(folder: Path) -> Path:
    """Make ``folder`` (and its parents) for this user only, and refuse one that others can write to.

    Raises ``SettingsError`` with a sentence if it cannot be used.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise SettingsError(f"The folder {folder} cannot be used ({error.strerror}). Set {_HOME} to one that can.") from error
    if os.name == "posix":
        if found.st_uid != os.geteuid():
            raise SettingsError(f"The folder {folder} belongs to another user. Set {_HOME} to one of yours.")
        if stat.S_IMODE(found.st_mode) & 0o077:
            try:
                folder.chmod(0o700)
            except OSError as error:
                raise SettingsError(
                    f"The folder {folder} is open to others and cannot be closed. Run: chmod 700 {folder}"
                ) from error
    return folder


def _folder(kind: str) -> Path:
    home = os.environ.get(_HOME)
    if home:
        return Path(home).expanduser().absolute()
    from platformdirs import PlatformDirs

    folders = PlatformDirs("parlour", appauthor=False)
    return Path({"config": folders.user_config_dir, "data": folders.user_data_dir, "state": folders.user_state_dir}[kind])
