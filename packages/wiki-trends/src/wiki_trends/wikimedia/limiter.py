"""Limit the requests of all processes of a machine to Wikimedia: requests in flight, requests a minute, pauses.

Processes that share the state folder share the limits. A slot for a request in flight is a file lock, so it is released when its
process dies. The token bucket is a file of a few bytes under another lock. A folder that cannot be written raises `SettingError`.
A wait that would pass the deadline raises `DeadlinePassed` and spends no token.
"""

from __future__ import annotations

import fcntl
import hashlib
import math
import os
import struct
import threading
import time
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from wiki_trends.errors import SettingError
from wiki_trends.wikimedia.answers import MAX_PAUSE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Seconds between two polls for a free slot when other processes hold all of them.
POLL_SECONDS = 0.01
# The server counts requests when they arrive, and they take differently long to get there. So a minute's requests are
# spread over this many seconds more.
TRANSIT_SECONDS = 3
# For how many seconds the rate is halved after Wikimedia has throttled a request.
SLOW_SECONDS = 600.0
_NOTICE_SECONDS = 86_400.0
# The fields of `_Bucket`.
_BUCKET = struct.Struct("<dddd")
_TIME = struct.Struct("<d")
_LEGACY_BUCKET = struct.Struct("<ddd")


class DeadlinePassed(Exception):
    """The limits do not let the next request start before the deadline."""


class _Rate(NamedTuple):
    """A token bucket's size and its refill in tokens a second."""

    burst: int
    per_second: float

    @classmethod
    def of(cls, per_minute: int) -> _Rate:
        burst = max(1, per_minute // 5)
        return cls(burst, (per_minute - burst + 1) / (60 + TRANSIT_SECONDS))


class _Bucket(NamedTuple):
    """State of the token bucket; all times in Unix seconds.

    Attributes:
        tokens: requests that may start now; negative when future ones are already reserved.
        counted_at: the time at which the tokens were counted.
        not_before: end of the pause that Wikimedia asked for.
        slow_until: end of the halved rate.
    """

    tokens: float
    counted_at: float
    not_before: float = 0.0
    slow_until: float = 0.0


class Limiter:
    """Limits requests with slots and a token bucket, kept in one folder. Safe between threads and between processes.

    At most `rate_per_minute` requests arrive in any minute: a fifth of them may come in one burst, and the bucket is refilled
    slowly enough that the burst and the refill together stay below the limit.
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
        self._full = _Rate.of(rate_per_minute)
        self._halved = _Rate.of(max(1, rate_per_minute // 2))
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(error) from error

    @contextmanager
    def request(self, deadline: float, sleep: Callable[[float], None]) -> Iterator[None]:
        """Acquire a slot for one request, once the rate allows it.

        Args:
            deadline: on the clock of `time.monotonic`.
            sleep: is called to wait a number of seconds; may raise to end the wait.

        Raises:
            DeadlinePassed: the request could not start before the deadline.
        """
        gate = _gate(str(self.folder), len(self._slots))
        if not gate.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise DeadlinePassed
        try:
            descriptor = self._acquire_slot(deadline, sleep)
            try:
                sleep(self._reserve(deadline - time.monotonic()))
                yield
            finally:
                os.close(descriptor)
        finally:
            gate.release()

    def pause(self, seconds: float) -> None:
        """Block new requests of all processes of this machine for that many seconds."""
        with self._locked_bucket() as descriptor:
            bucket = self._read(descriptor)
            until = self._clock() + min(seconds, MAX_PAUSE_SECONDS)
            _write(descriptor, bucket._replace(not_before=max(bucket.not_before, until)))

    def slow_down(self) -> None:
        """Halve the rate of all processes of this machine for `SLOW_SECONDS`."""
        with self._locked_bucket() as descriptor:
            now = self._clock()
            bucket = self._refilled(self._read(descriptor), now)
            tokens = min(bucket.tokens, float(self._halved.burst))
            _write(descriptor, bucket._replace(tokens=tokens, slow_until=now + SLOW_SECONDS))

    def is_first_today(self, notice: str) -> bool:
        """Record a notice; False if a process of this machine has already recorded it within the last 24 hours."""
        name = f"notice-{hashlib.sha256(notice.encode()).hexdigest()[:16]}"
        with self._locked_file(self.folder / name) as descriptor:
            raw = os.pread(descriptor, _TIME.size, 0)
            now = self._clock()
            recorded_at = _TIME.unpack(raw)[0] if len(raw) == _TIME.size else 0.0
            if 0 <= now - recorded_at < _NOTICE_SECONDS:
                return False
            os.pwrite(descriptor, _TIME.pack(now), 0)
            return True

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

    def _reserve(self, longest_wait: float) -> float:
        """Spend a token for the next request; returns the seconds to wait before it may start."""
        with self._locked_bucket() as descriptor:
            now = self._clock()
            bucket = self._refilled(self._read(descriptor), now)
            tokens = bucket.tokens - 1
            rate = self._halved if now < bucket.slow_until else self._full
            pause = bucket.not_before - now
            if pause > MAX_PAUSE_SECONDS:  # An older version wrote it, or the clock was set back.
                pause, bucket = 0.0, bucket._replace(not_before=0.0)
            wait = max(0.0, -tokens / rate.per_second, pause)
            if wait > longest_wait:
                raise DeadlinePassed
            _write(descriptor, bucket._replace(tokens=tokens))
            return wait

    def _refilled(self, bucket: _Bucket, now: float) -> _Bucket:
        """The bucket with the tokens added that have accrued until `now`."""
        # A clock that was set back must not remove tokens.
        passed = max(0.0, now - bucket.counted_at)
        slow_until = bucket.slow_until if bucket.slow_until - now <= SLOW_SECONDS else 0.0
        slow = min(passed, max(0.0, slow_until - bucket.counted_at))
        rate = self._halved if now < slow_until else self._full
        tokens = bucket.tokens + slow * self._halved.per_second + (passed - slow) * self._full.per_second
        return _Bucket(min(rate.burst, tokens), now, bucket.not_before, slow_until)

    @contextmanager
    def _locked_bucket(self) -> Iterator[int]:
        with self._locked_file(self._bucket) as descriptor:
            yield descriptor

    @contextmanager
    def _locked_file(self, path: Path) -> Iterator[int]:
        """A descriptor of a locked file; a failure to read or write it in the block is a `SettingError`, too."""
        descriptor = self._open(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        except OSError as error:
            raise self._unusable(error) from error
        finally:
            os.close(descriptor)

    def _read(self, descriptor: int) -> _Bucket:
        """The bucket in the file, which an older version may have written; a full bucket when there is none."""
        raw = os.pread(descriptor, _BUCKET.size, 0)
        form = {_BUCKET.size: _BUCKET, _LEGACY_BUCKET.size: _LEGACY_BUCKET}.get(len(raw))
        bucket = _Bucket(*form.unpack(raw)) if form else None
        if bucket is None or not all(map(math.isfinite, bucket)):
            return _Bucket(float(self._full.burst), self._clock())
        return bucket

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


def _write(descriptor: int, bucket: _Bucket) -> None:
    os.pwrite(descriptor, _BUCKET.pack(*bucket), 0)


@lru_cache(maxsize=64)
def _gate(folder: str, slots: int) -> threading.Semaphore:
    """Lets the threads of one process wait for each other without polling; for other processes there are the file locks."""
    del folder
    return threading.Semaphore(slots)
