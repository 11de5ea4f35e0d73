"""A rate limit for each caller. Each caller has a token bucket, which is full after a minute without requests."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from wiki_trends.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

# The maximum number of token buckets. The bucket of the caller without a request for the longest time is dropped first.
_MAX_CALLERS = 1024


class RateLimiter:
    """Limits the requests of each caller per minute. Not thread-safe: use it on the event loop only.

    Args:
        per_minute: the capacity of a bucket, which is the number of requests that a caller may make in a minute.
        clock: returns monotonic seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        # For each caller, the requests that remained at a time of the clock.
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, caller: str) -> None:
        """Raise a problem if a caller has used up the limit.

        Raises:
            Problem: the status is 429, and the fix says how many seconds to wait.
        """
        remaining_requests = self._remaining_requests(caller)
        if remaining_requests < 1:
            wait_seconds = math.ceil((1 - remaining_requests) * 60 / self._per_minute)
            raise Problem(
                429,
                "TOO_MANY",
                "Too many requests.",
                f"Wait {wait_seconds} seconds, and try again.",
                retry_after=wait_seconds,
            )

    def spend(self, caller: str) -> None:
        """Count one request of a caller."""
        self._buckets[caller] = (max(0.0, self._remaining_requests(caller) - 1), self._clock())
        self._buckets.move_to_end(caller)
        if len(self._buckets) > _MAX_CALLERS:
            self._buckets.popitem(last=False)

    def _remaining_requests(self, caller: str) -> float:
        remaining_then, updated_at = self._buckets.get(caller, (float(self._per_minute), self._clock()))
        return min(self._per_minute, remaining_then + (self._clock() - updated_at) * self._per_minute / 60)
