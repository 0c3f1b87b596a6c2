"""What the disk under a file is like."""

from __future__ import annotations

import shutil
from pathlib import Path

_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "fuse.rclone", "davfs", "fuse.davfs2"}
)
_SPARE = 16 * 1024 * 1024


def room_for_copy(path: Path) -> bool:
    """Whether the file's disk has room for a copy of it and for the journal of changing all of it."""
    return shutil.disk_usage(path.parent).free > 2 * path.stat().st_size + _SPARE


def on_network(path: Path, mounts: Path = Path("/proc/self/mounts")) -> bool:
    """Whether the file lies on a network file system, as far as this system tells."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    best, kind = "", ""
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ")
        if len(point) >= len(best) and (point == "/" or path.is_relative_to(point)):
            best, kind = point, fields[2]
    return kind in _NETWORK
