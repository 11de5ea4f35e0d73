"""One run of a contended key: python contended_run.py LIVE LAKE KEY. It needs the standard library alone.

Every run appends `start PID KEY` and `end PID KEY` to LIVE/log. It holds a lock of its own while it lives, which the operating
system releases when its process dies; a run that meets the lock of a living one appends to LIVE/twice.log. Every third run of a key
fails, and the others write the partition.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
import zlib
from pathlib import Path


def append(path: str, line: str) -> None:
    """Append a line with one write."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def run_key(live: str, lake: str, key: str) -> None:
    """Run one key. Raise RuntimeError if this run is one of those that fail."""
    process = os.getpid()
    lock = os.open(f"{live}/{key}.lock", os.O_CREAT | os.O_RDWR)
    try:
        append(f"{live}/log", f"start {process} {key}")
        if not _acquires(lock):
            append(f"{live}/twice.log", f"{process} {key}")
        time.sleep(0.03)
        lines = Path(live, "log").read_text().splitlines()
        number = sum(line.startswith("start") and line.endswith(key) for line in lines)
        fails = zlib.crc32(f"{live} {key} {number}".encode()) % 3 == 0
        if not fails:
            folder = Path(lake, "orders", f"dt={key}")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "part-00000").write_text("one\n")
            (folder / "_SUCCESS").touch()
        append(f"{live}/log", f"end {process} {key}")
    finally:
        os.close(lock)
    if fails:
        raise RuntimeError(key)


def _acquires(lock: int) -> bool:
    """Return whether no living run holds the lock. A process that has just been killed may hold it for a moment."""
    for pause in (0.01, 0.0):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(pause)
        else:
            return True
    return False


if __name__ == "__main__":
    run_key(*sys.argv[1:4])
