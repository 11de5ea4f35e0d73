"""Rate limits towards Wikimedia for all processes of a machine: requests in flight, requests a minute, pauses.

Processes that share the state folder share the limits. Slots are file locks, so they are released when their process
dies; the token bucket is a few bytes under another lock. A folder that cannot be written is a `SettingError`. A wait
that would pass the deadline is `DeadlinePassed`; no token is spent then.
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
import time
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from wiki_trends.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Interval of polling for a free slot when other processes hold all of them.
POLL_SECONDS = 0.01
# Requests differ in transit time, and the server counts arrivals.
TRANSIT_SECONDS = 3
_BUCKET = struct.Struct("<ddd")


class DeadlinePassed(Exception):
    """The next request may only start after the deadline."""


class Limiter:
    """Slots and a token bucket in one folder. Safe between threads and between processes.

    In any minute at most `rate_per_minute` requests arrive: the bucket holds a fifth of them for a burst, and fills at
    the rate that the rest allows.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_in_flight: int,
        rate_per_minute: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.folder = folder
        self._clock = clock
        self._slots = [folder / f"slot-{number}" for number in range(max_in_flight)]
        self._bucket = folder / "bucket"
        self._burst = max(1, rate_per_minute // 5)
        self._per_second = (rate_per_minute - self._burst + 1) / (60 + TRANSIT_SECONDS)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(error) from error

    @contextmanager
    def request(self, deadline: float, sleep: Callable[[float], None]) -> Iterator[None]:
        """Acquire a slot for one request, once the rate allows it.

        Args:
            deadline: on the clock of `time.monotonic`.
            sleep: waits that many seconds; may raise to end the wait.

        Raises:
            TooLate: the request could not start before the deadline.
        """
        gate = _gate(str(self.folder), len(self._slots))
        if not gate.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise DeadlinePassed
        try:
            descriptor = self._acquire_slot(deadline, sleep)
            try:
                sleep(self._take(deadline - time.monotonic()))
                yield
            finally:
                os.close(descriptor)
        finally:
            gate.release()

    def pause(self, seconds: float) -> None:
        """Block new requests of all processes of this machine for that many seconds."""
        with self._locked_bucket() as descriptor:
            tokens, at, not_before = self._read(descriptor)
            _write(descriptor, tokens, at, max(not_before, self._clock() + seconds))

    def _acquire_slot(self, deadline: float, sleep: Callable[[float], None]) -> int:
        while True:
            for path in self._slots:
                descriptor = self._open(path)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return descriptor
                except BlockingIOError:
                    os.close(descriptor)
            if time.monotonic() >= deadline:
                raise DeadlinePassed
            sleep(POLL_SECONDS)

    def _take(self, patience: float) -> float:
        """Reserve the next request; returns the seconds to wait for it."""
        with self._locked_bucket() as descriptor:
            tokens, at, not_before = self._read(descriptor)
            now = self._clock()
            # A clock that was set back must not add waiting time.
            tokens = min(self._burst, tokens + max(0.0, now - at) * self._per_second) - 1
            wait = max(0.0, -tokens / self._per_second, not_before - now)
            if wait > patience:
                raise DeadlinePassed
            _write(descriptor, tokens, now, not_before)
            return wait

    @contextmanager
    def _locked_bucket(self) -> Iterator[int]:
        descriptor = self._open(self._bucket)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)

    def _read(self, descriptor: int) -> tuple[float, float, float]:
        """Tokens, the time they were counted, and the end of a pause; both times in Unix seconds."""
        raw = os.pread(descriptor, _BUCKET.size, 0)
        if len(raw) != _BUCKET.size:
            return float(self._burst), self._clock(), 0.0
        tokens, at, not_before = _BUCKET.unpack(raw)
        return tokens, at, not_before

    def _open(self, path: Path) -> int:
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> SettingError:
        return SettingError(
            name="state",
            value=str(self.folder),
            origin="WIKI_TRENDS_STATE",
            problem=f"cannot hold the locks of the limits ({error.strerror})",
            fix="Name a folder that can be written.",
        )


def _write(descriptor: int, tokens: float, at: float, not_before: float) -> None:
    os.pwrite(descriptor, _BUCKET.pack(tokens, at, not_before), 0)


@lru_cache(maxsize=64)
def _gate(folder: str, slots: int) -> threading.Semaphore:
    """Lets threads of one process wait without polling; the file locks exclude other processes."""
    del folder
    return threading.Semaphore(slots)
