"""Limit the requests of all processes of a machine to Wikimedia: requests in flight, requests per minute, pauses.

Processes that share the state folder share the limits. Each request in flight holds a slot. A slot is a file lock, so it is released when
its process dies. Each request also spends a token of a token bucket, which limits the requests per minute. The bucket is a small file with
its own lock. A folder that cannot be written raises `SettingError`. When the wait would end after the deadline, `DeadlinePassed` is raised
and no token is spent.
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

# Seconds between two polls for a free slot while other processes hold all slots.
POLL_SECONDS = 0.01
# The server counts requests when they arrive, and the time on the network varies. So the requests of a minute are spread over a minute plus
# this many seconds. Then at most the allowed number arrives in any minute.
TRANSIT_SECONDS = 3
# The number of seconds for which the rate is halved after Wikimedia has throttled a request.
SLOW_SECONDS = 600.0
# The number of seconds after which a notice is repeated.
_NOTICE_SECONDS = 86_400.0
# The binary format of the fields of `_Bucket`.
_BUCKET_FORMAT = struct.Struct("<dddd")
# The binary format of the time of a notice.
_TIME_FORMAT = struct.Struct("<d")
# The format that earlier versions wrote, without `slow_until`.
_LEGACY_BUCKET_FORMAT = struct.Struct("<ddd")


class DeadlinePassed(Exception):
    """The limits do not let the next request start before the deadline."""


class _Rate(NamedTuple):
    """The rate of a token bucket.

    Attributes:
        burst: the maximum number of tokens in the bucket.
        per_second: the number of tokens that are added per second.
    """

    burst: int
    per_second: float

    @classmethod
    def of(cls, per_minute: int) -> _Rate:
        """Return the rate that allows at most `per_minute` requests in any minute, burst included."""
        burst = max(1, per_minute // 5)
        # A minute that begins with a burst has room for `per_minute - burst` more requests. The next token comes when it has ended.
        return cls(burst, (per_minute - burst + 1) / (60 + TRANSIT_SECONDS))


class _Bucket(NamedTuple):
    """The state of the token bucket. All times are Unix times in seconds.

    Attributes:
        tokens: the number of requests that may start now; negative when waiting requests have reserved future tokens.
        counted_at: the time at which the tokens were counted.
        not_before: the end of the pause that Wikimedia asked for.
        slow_until: the end of the period with the halved rate.
    """

    tokens: float
    counted_at: float
    not_before: float = 0.0
    slow_until: float = 0.0


class Limiter:
    """A limiter with slots and a token bucket in one folder. Safe for several threads and processes.

    At most `rate_per_minute` requests arrive at the server in any minute. A fifth of these requests may arrive in one burst. The
    bucket is refilled so slowly that the burst and the refill together stay below the limit.
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
            raise self._folder_error(error) from error

    @contextmanager
    def request(self, deadline: float, sleep: Callable[[float], None]) -> Iterator[None]:
        """Wait for a slot and a token, and hold the slot during one request.

        Args:
            deadline: the latest start of the request, on the clock of `time.monotonic`.
            sleep: the function that waits a number of seconds; it may raise an error to end the wait.

        Raises:
            DeadlinePassed: the request could not start before the deadline.
        """
        semaphore = _slot_semaphore(str(self.folder), len(self._slots))
        if not semaphore.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise DeadlinePassed
        try:
            descriptor = self._acquire_slot(deadline, sleep)
            try:
                sleep(self._reserve_token(deadline - time.monotonic()))
                yield
            finally:
                os.close(descriptor)
        finally:
            semaphore.release()

    def pause(self, seconds: float) -> None:
        """Block new requests of all processes of this machine for a number of seconds."""
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

    def record_notice(self, notice: str) -> bool:
        """Record a notice, and return whether it is the first such notice of all processes of this machine in 24 hours."""
        name = f"notice-{hashlib.sha256(notice.encode()).hexdigest()[:16]}"
        with self._locked_file(self.folder / name) as descriptor:
            raw = os.pread(descriptor, _TIME_FORMAT.size, 0)
            now = self._clock()
            recorded_at = _TIME_FORMAT.unpack(raw)[0] if len(raw) == _TIME_FORMAT.size else 0.0
            if 0 <= now - recorded_at < _NOTICE_SECONDS:
                return False
            os.pwrite(descriptor, _TIME_FORMAT.pack(now), 0)
            return True

    def _acquire_slot(self, deadline: float, sleep: Callable[[float], None]) -> int:
        """Lock a free slot and return its descriptor; closing the descriptor releases the slot."""
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

    def _reserve_token(self, max_wait: float) -> float:
        """Spend a token for the next request, and return the number of seconds before this request may start."""
        with self._locked_bucket() as descriptor:
            now = self._clock()
            bucket = self._refilled(self._read(descriptor), now)
            tokens = bucket.tokens - 1
            rate = self._halved if now < bucket.slow_until else self._full
            pause = bucket.not_before - now
            if pause > MAX_PAUSE_SECONDS:  # An earlier version wrote this pause, or the clock was set back.
                pause, bucket = 0.0, bucket._replace(not_before=0.0)
            wait = max(0.0, -tokens / rate.per_second, pause)
            if wait > max_wait:
                raise DeadlinePassed
            _write(descriptor, bucket._replace(tokens=tokens))
            return wait

    def _refilled(self, bucket: _Bucket, now: float) -> _Bucket:
        """Return the bucket with the tokens that have been added until `now`."""
        # When the clock was set back, the elapsed time would be negative and remove tokens.
        elapsed = max(0.0, now - bucket.counted_at)
        # A later end than in `SLOW_SECONDS` also means that the clock was set back.
        slow_until = bucket.slow_until if bucket.slow_until - now <= SLOW_SECONDS else 0.0
        slow_seconds = min(elapsed, max(0.0, slow_until - bucket.counted_at))
        rate = self._halved if now < slow_until else self._full
        tokens = bucket.tokens + slow_seconds * self._halved.per_second
        tokens += (elapsed - slow_seconds) * self._full.per_second
        return _Bucket(min(rate.burst, tokens), now, bucket.not_before, slow_until)

    @contextmanager
    def _locked_bucket(self) -> Iterator[int]:
        with self._locked_file(self._bucket) as descriptor:
            yield descriptor

    @contextmanager
    def _locked_file(self, path: Path) -> Iterator[int]:
        """Open and lock a file. An `OSError` inside the block also becomes a `SettingError`."""
        descriptor = self._open(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        except OSError as error:
            raise self._folder_error(error) from error
        finally:
            os.close(descriptor)

    def _read(self, descriptor: int) -> _Bucket:
        """Read the bucket from its file, in the current or the legacy format. Without a valid bucket, return a full bucket."""
        raw = os.pread(descriptor, _BUCKET_FORMAT.size, 0)
        file_format = {
            _BUCKET_FORMAT.size: _BUCKET_FORMAT,
            _LEGACY_BUCKET_FORMAT.size: _LEGACY_BUCKET_FORMAT,
        }.get(len(raw))
        bucket = _Bucket(*file_format.unpack(raw)) if file_format else None
        if bucket is None or not all(map(math.isfinite, bucket)):
            return _Bucket(float(self._full.burst), self._clock())
        return bucket

    def _open(self, path: Path) -> int:
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise self._folder_error(error) from error

    def _folder_error(self, error: OSError) -> SettingError:
        return SettingError(
            name="state",
            value=str(self.folder),
            origin="WIKI_TRENDS_STATE",
            problem=f"cannot hold the locks of the limits ({error.strerror})",
            fix="Name a folder that can be written.",
        )


def _write(descriptor: int, bucket: _Bucket) -> None:
    os.pwrite(descriptor, _BUCKET_FORMAT.pack(*bucket), 0)


@lru_cache(maxsize=64)
def _slot_semaphore(folder: str, slots: int) -> threading.Semaphore:
    """Return the semaphore with which the threads of this process wait for a slot without polling the file locks."""
    # `folder` is only a part of the key of the cache, so that each folder has a semaphore of its own.
    del folder
    return threading.Semaphore(slots)
