"""The lock of one day on this machine, which a process holds while it runs the day.

The operating system releases the lock when the process dies. A killed run is therefore detected at once, without a time-out. A
forked child would keep the lock, so the function that runs a day must not fork.
"""

from __future__ import annotations

import fcntl
import os
import time
from enum import Enum, auto
from typing import TYPE_CHECKING

from smart_orchestrator.errors import RunsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smart_orchestrator.model.run import Run

# The time to wait until the holder of a lock has recorded its run, in seconds. Usually this takes milliseconds.
RECORD_TIMEOUT_SECONDS = 30.0
# A lock that is held in this many consecutive checks belongs to a run. One check does not prove this, because a poll also holds the
# lock for a moment.
MIN_HELD_CHECKS = 4
# The pause between two checks.
CHECK_PAUSE_SECONDS = 0.005


class LockState(Enum):
    """The state of a `DayLock` object: FREE -- acquire --> HELD -- release --> ENDED."""

    FREE = auto()
    HELD = auto()
    ENDED = auto()


class DayLock:
    """The lock of a day, for one run. It is acquired once, and released at the end of the run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = LockState.FREE
        self._descriptor = -1

    def acquire(self) -> bool:
        """Acquire the lock. Return False if another process or another run of this process holds the lock.

        Raises:
            RunsError: the lock file cannot be opened.
        """
        self._require(LockState.FREE)
        descriptor = self._try_lock(fcntl.LOCK_EX)
        if descriptor is None:
            return False
        self._descriptor = descriptor
        self.state = LockState.HELD
        return True

    @property
    def descriptor(self) -> int:
        """The open file descriptor that holds the lock. A child process that inherits the descriptor holds the lock, too."""
        self._require(LockState.HELD)
        return self._descriptor

    def release(self) -> None:
        """Release the lock. This object must hold the lock."""
        self._require(LockState.HELD)
        self.state = LockState.ENDED
        os.close(self._descriptor)

    def is_held(self) -> bool:
        """Return whether any process has acquired the lock. A poll, which shares the lock for a moment, does not count.

        Raises:
            RunsError: the lock file cannot be opened.
        """
        if not self.path.exists():
            return False
        # The lock of a poll is shared. With an exclusive lock, each of two simultaneous polls would take the other for a run.
        descriptor = self._try_lock(fcntl.LOCK_SH)
        if descriptor is None:
            return True
        os.close(descriptor)
        return False

    def _require(self, state: LockState) -> None:
        if self.state is not state:
            message = f"the lock {self.path} is {self.state.name}, not {state.name}"
            raise ValueError(message)

    def _try_lock(self, kind: int) -> int | None:
        """Open and lock the file. Return the descriptor, or None if another descriptor holds the lock."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise RunsError(
                "local runs",
                f"the lock {self.path} cannot be made ({error.strerror})",
                "Make its folder writable.",
            ) from error
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor


def acquire_or_follow(lock: DayLock, latest_run: Callable[[], Run | None]) -> Run | None:
    """Acquire the lock and return None. If another process holds the lock, return its run in flight instead.

    `latest_run` returns the latest recorded run of the day.

    Raises:
        RunsError: the lock file cannot be opened, or a process holds the lock and has recorded no run.
    """
    deadline = time.monotonic() + RECORD_TIMEOUT_SECONDS
    held_checks = 0
    while not lock.acquire():
        held_checks += 1
        run = latest_run()
        if run is not None and run.in_flight and held_checks >= MIN_HELD_CHECKS:
            return run
        if time.monotonic() >= deadline:
            raise RunsError(
                "local runs",
                f"the lock {lock.path} is held by a process that has recorded no run of {lock.path.stem}",
                "End that process, then run the same command again.",
            )
        time.sleep(CHECK_PAUSE_SECONDS)
    return None
