"""So many of something a minute for each caller: buckets that fill evenly and hold at most one minute's worth."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from wiki_trends.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

# Callers that are remembered; whoever was away longest is forgotten first.
_CALLERS = 1024


class Rate:
    """A limit for each caller. Used on the event loop only.

    Args:
        a_minute: how many are let through.
        clock: monotonic seconds.
    """

    def __init__(self, a_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = a_minute
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, caller: str) -> None:
        """Let a caller pass who has one left.

        Raises:
            Problem: 429, when the caller has none.
        """
        left = self._now(caller)
        if left < 1:
            wait = math.ceil((1 - left) * 60 / self._most)
            raise Problem(
                429, "TOO_MANY", "That was asked too often.", f"Wait {wait} seconds, and try again.", wait
            )

    def spend(self, caller: str) -> None:
        """Take one from a caller."""
        self._left[caller] = (max(0.0, self._now(caller) - 1), self._clock())
        self._left.move_to_end(caller)
        if len(self._left) > _CALLERS:
            self._left.popitem(last=False)

    def _now(self, caller: str) -> float:
        left, at = self._left.get(caller, (float(self._most), self._clock()))
        return min(self._most, left + (self._clock() - at) * self._most / 60)
