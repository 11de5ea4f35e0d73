"""Processes that tests expect to end."""

from __future__ import annotations

import time
from pathlib import Path

# A busy machine ends a killed process late.
PATIENCE_SECONDS = 120.0


def is_alive(pid: int) -> bool:
    """Return whether a process exists and has not ended. An ended process can wait to be collected by its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def has_ended(pid: int) -> bool:
    """Wait until a process has ended, and return whether it has."""
    end = time.monotonic() + PATIENCE_SECONDS
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not is_alive(pid)
