"""A skill's package: a zip or a tree of files, checked and made into one zip (resources contract 4.2, 4.3)."""

from __future__ import annotations

import io
import re
import stat
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

from app.sandbox.qoder.wire import Part, invalid

MAX_SIZE = 50 * 1024 * 1024
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

_FIELD = re.compile(r"^([A-Za-z_]+)\s*:\s*(.*?)\s*$")
_EARLIEST = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Package:
    """What a skill is called and says of itself, where it lies, and its bytes as a zip."""

    name: str
    description: str
    directory: str
    content: bytes


def read(parts: Sequence[Part]) -> Package:
    """The package in the parts of a form: one zip, or one part for each file. Raises ``RefusedError`` 400."""
    if not parts:
        raise invalid("Field 'files' is required.", "files")
    if len(parts) == 1 and parts[0].filename.lower().endswith(".zip"):
        return unzip(parts[0].content)
    files = {part.filename.replace("\\", "/"): part.content for part in parts}
    package = _checked(files, b"", "files")
    if package.directory and package.directory != package.name:
        raise invalid(f"The folder '{package.directory}' must be named '{package.name}'.", "files")
    return package


def unzip(content: bytes) -> Package:
    """The package in a zip."""
    files: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if sum(entry.file_size for entry in entries) > MAX_SIZE:
                raise invalid("A skill must have at most 50 MiB.", "file")
            for entry in entries:
                if stat.S_ISLNK(entry.external_attr >> 16):
                    raise invalid("A skill must not have links.", "file")
                files[entry.filename.replace("\\", "/")] = archive.read(entry)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError):
        raise invalid("The package is not a readable zip.", "file") from None
    return _checked(files, content, "file")


def _checked(files: dict[str, bytes], content: bytes, param: str) -> Package:
    for path in files:
        if path.startswith("/") or ".." in path.split("/") or ":" in path.split("/")[0]:
            raise invalid(f"'{path}' leaves the package.", param)
    guides = [path for path in files if path.rpartition("/")[2] == "SKILL.md" and path.count("/") <= 1]
    if len(guides) != 1:
        raise invalid("A skill has exactly one SKILL.md, at its root or one folder down.", param)
    directory = guides[0].rpartition("/")[0]
    if directory and any(not path.startswith(f"{directory}/") for path in files):
        raise invalid("A skill has one top folder only.", param)
    front = _frontmatter(files[guides[0]], param)
    if not NAME.fullmatch(front.get("name", "")) or not front.get("description"):
        raise invalid("SKILL.md needs a name of lower-case letters, digits, '-' and '_', and a description.", param)
    return Package(front["name"], front["description"], directory or front["name"], content or _zipped(files))


def _frontmatter(raw: bytes, param: str) -> dict[str, str]:
    try:
        lines = raw.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise invalid("SKILL.md must be UTF-8.", param) from None
    if not lines or lines[0].strip() != "---" or "---" not in [line.strip() for line in lines[1:]]:
        raise invalid("SKILL.md must begin with frontmatter.", param)
    end = [line.strip() for line in lines[1:]].index("---") + 1
    found = (_FIELD.match(line) for line in lines[1:end])
    return {match[1]: match[2].strip("\"'") for match in found if match}


def _zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(path, _EARLIEST), content)
    return packed.getvalue()
