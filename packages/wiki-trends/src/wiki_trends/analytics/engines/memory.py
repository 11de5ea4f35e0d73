"""The memory that this process may use: that of the machine, or less where a container limits it."""

from __future__ import annotations

import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")
# The file with the limit: of cgroup v2 below the mount, of v1 below its memory controller.
_LIMIT_V2, _LIMIT_V1 = "memory.max", "memory.limit_in_bytes"


def available_memory(cgroups: Path = _CGROUPS, own_cgroups: Path = _OWN_CGROUPS) -> int:
    """Bytes: the least of the machine's memory and the limits of this process's cgroups and their parents.

    Args:
        cgroups: where the cgroup file systems are mounted.
        own_cgroups: the list of cgroups that this process is in.
    """
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limits = (_limit(path) for path in _limit_files(cgroups, own_cgroups))
    return min([machine, *(limit for limit in limits if limit)])


def _limit_files(cgroups: Path, own_cgroups: Path) -> list[Path]:
    files: list[Path] = []
    for line in _text(own_cgroups).splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            files += _up(cgroups, path, _LIMIT_V2)
        elif "memory" in controllers.split(","):
            files += _up(cgroups / "memory", path, _LIMIT_V1)
    # In a container the mount shows the process's own cgroup, whatever the list says.
    return [*files, cgroups / _LIMIT_V2, cgroups / "memory" / _LIMIT_V1]


def _up(mount: Path, path: str, name: str) -> list[Path]:
    """The limit file of a cgroup and of each of its parents."""
    parts = [part for part in path.split("/") if part not in ("", "..")]
    return [mount.joinpath(*parts[:length], name) for length in range(len(parts), -1, -1)]


def _limit(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdecimal() else None


def _text(path: Path) -> str:
    """The text of a file of the kernel; empty where this system has none or hides it."""
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""
