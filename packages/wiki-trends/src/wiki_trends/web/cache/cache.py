"""An asynchronous cache that serves the old value of a key during a refresh, and limits the number of values.

During a refresh, `get` returns the old value, so readers do not wait after a publish. There are two exceptions, in which `get` waits for the
new value: the key has no value, or the old value is too old. A value is too old when both its computation and the last time that it was
returned as fresh are more than `STALE_SECONDS` ago.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

T = TypeVar("T")

MAX_VALUES = 512
MAX_VALUES_PER_CALLER = 128
# An outdated value may be returned during its refresh, until this many seconds after it was computed or last returned as fresh.
STALE_SECONDS = 10.0
# A value stays fresh for at least this multiple of the time that its computation took.
_FRESH_TIME_FACTOR = 10


@dataclass(eq=False)
class _Entry:
    """A cached value.

    Attributes:
        charged_to: the caller whose quota contains the entry; empty for the common quota.
        value: the value; None before the first refresh has ended.
        version: the version of the data from which the value was computed.
        fresh_until: the monotonic time until which the value is served without a refresh.
        usable_until: the monotonic time until which the value is served during a refresh.
        refresh: the task of the refresh in progress; None without a refresh.
    """

    charged_to: str
    value: Any = None
    version: object = None
    fresh_until: float = -math.inf
    usable_until: float = -math.inf
    refresh: asyncio.Task[Any] | None = None


class Cache:
    """A cache that evicts the least recently used value first. Not thread-safe: use it on the event loop only.

    Args:
        max_size: the maximum number of values.
        max_per_caller: the maximum number of values in the quota of one caller, so that one caller cannot evict the values of all others.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        max_size: int = MAX_VALUES,
        max_per_caller: int = MAX_VALUES_PER_CALLER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_size = max_size
        self._max_per_caller = max_per_caller
        self._clock = clock
        # In the order of the last use, the least recently used entry first.
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()

    async def get(
        self,
        key: Hashable,
        make: Callable[[], Awaitable[T]],
        *,
        charged_to: str = "",
        fresh_seconds: float = math.inf,
        version: object = None,
    ) -> T:
        """Return the value of `key`; compute the value if the cache does not have it.

        If `make` raises an exception, `get` raises it in every caller that waits for the value. The next call calls `make` again.

        Args:
            key: the key of the value.
            make: a function that computes the value.
            charged_to: the caller in whose quota a new value counts; empty for the common quota. Every caller gets the same value.
            fresh_seconds: the minimum number of seconds for which the value is served without a refresh. A value that takes
                long to compute is served longer.
            version: the current version of the data; a value computed from another version is outdated.
        """
        entry = self._entry(key, charged_to)
        now = self._clock()
        if now <= entry.fresh_until and entry.version == version:
            entry.version = version  # The next comparison with the same object is fast, because `==` checks the identity first.
            entry.usable_until = now + STALE_SECONDS
            return entry.value  # type: ignore[no-any-return]
        if entry.refresh is None:
            entry.refresh = asyncio.ensure_future(self._refresh(entry, make, fresh_seconds, version))
            entry.refresh.add_done_callback(_retrieve_exception)
        if now <= entry.usable_until:
            return entry.value  # type: ignore[no-any-return]
        # Cancelling one waiting caller must not cancel the refresh for the other callers.
        return await asyncio.shield(entry.refresh)

    def forget(self) -> None:
        """Make every value unusable, so that the next call waits for a new value. The results of refreshes in progress are ignored."""
        for entry in self._entries.values():
            entry.fresh_until = entry.usable_until = -math.inf
            entry.refresh = None

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._entries

    def _entry(self, key: Hashable, charged_to: str) -> _Entry:
        if key not in self._entries:
            self._evict(charged_to)
            self._entries[key] = _Entry(charged_to)
        self._entries.move_to_end(key)
        return self._entries[key]

    def _evict(self, charged_to: str) -> None:
        """Make room for a new value in the quota of a caller and in the whole cache."""
        keys_in_quota = [key for key, entry in self._entries.items() if entry.charged_to == charged_to]
        if len(keys_in_quota) >= self._max_per_caller:
            del self._entries[keys_in_quota[0]]
        if len(self._entries) >= self._max_size:
            self._entries.popitem(last=False)

    async def _refresh(
        self, entry: _Entry, make: Callable[[], Awaitable[Any]], fresh_seconds: float, version: object
    ) -> Any:
        task = asyncio.current_task()
        started_at = self._clock()
        try:
            value = await make()
            # After `forget`, the entry ignores this refresh.
            if entry.refresh is task:
                ended_at = self._clock()
                entry.value, entry.version = value, version
                entry.fresh_until = started_at + max(
                    fresh_seconds, _FRESH_TIME_FACTOR * (ended_at - started_at)
                )
                entry.usable_until = ended_at + STALE_SECONDS
            return value
        finally:
            if entry.refresh is task:
                entry.refresh = None


def _retrieve_exception(task: asyncio.Task[Any]) -> None:
    # If no caller waits for this refresh, no caller retrieves its exception. asyncio would then log the exception.
    if not task.cancelled():
        task.exception()
