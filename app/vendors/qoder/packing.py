"""A skill on its way out: a folder or a zip, its ``SKILL.md`` checked before anything is sent (resources contract 4.3)."""

from __future__ import annotations

import io
import os
import re
import stat
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.errors import Refused

GUIDE = "SKILL.md"
MOST = 50 * 1024 * 1024
MOST_FILES = 2_000
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_FIELD = re.compile(r"^([A-Za-z_]+)\s*:\s*(.*?)\s*$")
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_LEFT_OUT = frozenset({".git", ".DS_Store", "__pycache__", ".venv", "node_modules"})


@dataclass(frozen=True, slots=True)
class Package:
    """A checked skill: its name and its zip."""

    name: str
    description: str
    content: bytes
    files: tuple[str, ...]


def packed(path: Path) -> Package:
    """The skill at ``path``, a folder or a zip. Raises ``Refused`` with the one thing that is wrong; nothing was sent."""
    try:
        if path.is_dir():
            files = dict(_folder(path))
            return _checked(files, None)
        content = path.read_bytes() if path.stat().st_size <= MOST else None
    except OSError as error:
        raise _wrong(f"{path} cannot be read ({error.strerror})") from None
    if content is None:
        raise _wrong(f"{path.name} is larger than {MOST // 1024**2} MiB")
    return _checked(_zip(content, path.name), content)


def _wrong(reason: str) -> Refused:
    return Refused(f"This is no skill that can be uploaded: {reason}. Nothing was sent.", sent=False)


def _folder(path: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder, with its path beginning at the skill's own name."""
    guide = path / GUIDE
    if not guide.is_file():
        raise _wrong(f"{path.name or path} has no {GUIDE} at its top")
    top = _front(guide.read_bytes())["name"]
    size = count = 0
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        for name in sorted(names):
            file = Path(folder, name)
            if name in _LEFT_OUT:
                continue
            if file.is_symlink() or not stat.S_ISREG(file.lstat().st_mode):
                raise _wrong(f"{file.relative_to(path)} is a link or no ordinary file")
            size, count = size + file.stat().st_size, count + 1
            if size > MOST or count > MOST_FILES:
                raise _wrong(f"it has more than {MOST // 1024**2} MiB or {MOST_FILES} files")
            yield f"{top}/{file.relative_to(path).as_posix()}", file.read_bytes()


def _zip(content: bytes, name: str) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if sum(entry.file_size for entry in entries) > MOST or len(entries) > MOST_FILES:
                raise _wrong(f"unpacked it has more than {MOST // 1024**2} MiB or {MOST_FILES} files")
            for entry in entries:
                if stat.S_ISLNK(entry.external_attr >> 16):
                    raise _wrong(f"{entry.filename[:80]!r} is a link")
                files[entry.filename.replace("\\", "/")] = archive.read(entry)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError):
        raise _wrong(f"{name} is not a readable zip") from None
    return files


def _checked(files: Mapping[str, bytes], content: bytes | None) -> Package:
    for path in files:
        if path.startswith("/") or ".." in path.split("/") or ":" in path.split("/")[0]:
            raise _wrong(f"{path[:80]!r} leads out of it")
    guides = [path for path in files if path.rpartition("/")[2] == GUIDE and path.count("/") <= 1]
    if len(guides) != 1:
        raise _wrong(f"it has {len(guides)} {GUIDE} at its top; it needs exactly one, there or one folder down")
    top = guides[0].rpartition("/")[0]
    if top and any(not path.startswith(f"{top}/") for path in files):
        raise _wrong("it has more than one folder at its top")
    front = _front(files[guides[0]])
    made = content if content is not None else _zipped(files)
    if len(made) > MOST:
        raise _wrong(f"it has more than {MOST // 1024**2} MiB")
    return Package(front["name"], front["description"], made, tuple(sorted(files)))


def _front(raw: bytes) -> dict[str, str]:
    """The frontmatter, with a usable name and a description."""
    try:
        lines = [line.rstrip() for line in raw.decode("utf-8-sig").splitlines()]
    except UnicodeDecodeError:
        raise _wrong(f"{GUIDE} is not UTF-8") from None
    if not lines or lines[0] != "---" or "---" not in lines[1:]:
        raise _wrong(f"{GUIDE} has to begin with frontmatter: a line ---, name: and description:, a line ---")
    found = {match[1]: match[2].strip("\"'") for line in lines[1 : lines.index("---", 1)] if (match := _FIELD.match(line))}
    if not _NAME.fullmatch(found.get("name", "")):
        raise _wrong(
            f"the name in {GUIDE} has to be lower-case letters, digits, - and _, at most 64: {found.get('name', '')[:80]!r}"
        )
    if not found.get("description", "").strip():
        raise _wrong(f"{GUIDE} needs a description: it tells an agent when to use the skill")
    return found


def _zipped(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(path, _EARLIEST), content, zipfile.ZIP_DEFLATED)
    return made.getvalue()
