"""Determine the memory that this process may use: the memory of the machine, or the limit of the container."""

from __future__ import annotations

import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")
# The names of the file that contains the limit of a cgroup, in version 2 and version 1 of cgroups.
_LIMIT_V2, _LIMIT_V1 = "memory.max", "memory.limit_in_bytes"


def available_memory(cgroups: Path = _CGROUPS, own_cgroups: Path = _OWN_CGROUPS) -> int:
    """Return the memory that this process may use, in bytes.

    This is the smallest of the memory of the machine and the limits of this process's cgroups and their parents.

    Args:
        cgroups: the folder where the cgroup file systems are mounted.
        own_cgroups: the kernel file that lists the cgroups of this process.
    """
    machine_memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limits = (_read_limit(path) for path in _list_limit_files(cgroups, own_cgroups))
    return min([machine_memory, *(limit for limit in limits if limit)])


def _list_limit_files(cgroups: Path, own_cgroups: Path) -> list[Path]:
    files: list[Path] = []
    for line in _read_text(own_cgroups).splitlines():
        # A line is `id:controllers:path`. In version 2 of cgroups, `controllers` is empty.
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            files += _list_files_with_parents(cgroups, path, _LIMIT_V2)
        elif "memory" in controllers.split(","):
            files += _list_files_with_parents(cgroups / "memory", path, _LIMIT_V1)
    # In a container, the root of the mount is the cgroup of this process, although the list names another path.
    return [*files, cgroups / _LIMIT_V2, cgroups / "memory" / _LIMIT_V1]


def _list_files_with_parents(mount: Path, path: str, name: str) -> list[Path]:
    """Return the limit files of a cgroup and of each of its parents."""
    # The path begins with `..` if the cgroup is outside the part of the tree that a container sees.
    folders = [folder for folder in path.split("/") if folder not in ("", "..")]
    return [mount.joinpath(*folders[:length], name) for length in range(len(folders), -1, -1)]


def _read_limit(path: Path) -> int | None:
    """Return the limit in a file, in bytes; None when the file cannot be read or the cgroup has no limit."""
    text = _read_text(path).strip()
    return int(text) if text.isdecimal() else None


def _read_text(path: Path) -> str:
    """Return the text of a kernel file; empty when the file does not exist or cannot be read."""
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""
