"""An asynchronous cache: values are served while they are refreshed, and bounded in number, in total and for each caller.

A caller that asks during a refresh gets the old value, so a publish does not make readers wait. The first caller, and a
caller after a long pause, waits for the new value.
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

MAX_VALUES, MAX_VALUES_PER_OWNER = 512, 128
# Seconds for which an outdated value is served during a refresh.
STALE_SECONDS = 10.0
# A value stays fresh for at least this many times the seconds that it took to compute.
_REST_FACTOR = 10


@dataclass(eq=False)
class _Entry:
    """A cached value.

    Attributes:
        owner: who created the entry.
        value: the value; meaningless while `fresh_until` is minus infinity.
        version: the version that the value was computed for.
        fresh_until: the value is served without a refresh until then.
        usable_until: the value is served during a refresh until then.
        refresh: the refresh in progress, if any.
    """

    owner: str
    value: Any = None
    version: object = None
    fresh_until: float = -math.inf
    usable_until: float = -math.inf
    refresh: asyncio.Task[Any] | None = None


class Cache:
    """Values by key; the least recently used one is evicted first. Not thread-safe: used on the event loop only.

    Args:
        max_size: number of values.
        max_per_owner: number of values that one owner may have created, so that no owner evicts the values of all others.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        max_size: int = MAX_VALUES,
        max_per_owner: int = MAX_VALUES_PER_OWNER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_size = max_size
        self._max_per_owner = max_per_owner
        self._clock = clock
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()

    async def get(
        self,
        key: Hashable,
        make: Callable[[], Awaitable[T]],
        *,
        owner: str = "",
        fresh: float = math.inf,
        version: object = None,
    ) -> T:
        """The value under `key`.

        An exception of `make` is raised to the callers that wait for the value; the next caller tries again.

        Args:
            key: identifies the value.
            make: computes the value.
            owner: the caller whose limit a new entry counts against; empty for values that all callers share.
            fresh: seconds for which the value is served without a refresh; more if computing it is slow.
            version: the current version of the data behind the value; the value of another version is outdated.
        """
        entry = self._entry(key, owner)
        now = self._clock()
        if now <= entry.fresh_until and entry.version == version:
            entry.version = version  # Equal versions compare fastest if they are identical.
            entry.usable_until = now + STALE_SECONDS
            return entry.value  # type: ignore[no-any-return]
        if entry.refresh is None:
            entry.refresh = asyncio.ensure_future(self._refresh(entry, make, fresh, version))
            entry.refresh.add_done_callback(_retrieve_exception)
        if now <= entry.usable_until:
            return entry.value  # type: ignore[no-any-return]
        # A caller that is cancelled does not cancel the refresh.
        return await asyncio.shield(entry.refresh)

    def forget(self) -> None:
        """Make every value be computed again; the results of refreshes in progress are not kept."""
        for entry in self._entries.values():
            entry.fresh_until = entry.usable_until = -math.inf
            entry.refresh = None

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._entries

    def _entry(self, key: Hashable, owner: str) -> _Entry:
        if key not in self._entries:
            self._evict(owner)
            self._entries[key] = _Entry(owner)
        self._entries.move_to_end(key)
        return self._entries[key]

    def _evict(self, owner: str) -> None:
        own = [key for key, entry in self._entries.items() if entry.owner == owner]
        if len(own) >= self._max_per_owner:
            del self._entries[own[0]]
        if len(self._entries) >= self._max_size:
            self._entries.popitem(last=False)

    async def _refresh(
        self, entry: _Entry, make: Callable[[], Awaitable[Any]], fresh: float, version: object
    ) -> Any:
        task = asyncio.current_task()
        started_at = self._clock()
        try:
            value = await make()
            # After `forget`, this refresh may already be outdated.
            if entry.refresh is task:
                ended_at = self._clock()
                entry.value, entry.version = value, version
                entry.fresh_until = started_at + max(fresh, _REST_FACTOR * (ended_at - started_at))
                entry.usable_until = ended_at + STALE_SECONDS
            return value
        finally:
            if entry.refresh is task:
                entry.refresh = None


def _retrieve_exception(task: asyncio.Task[Any]) -> None:
    # No caller may be waiting for the exception: the next one tries again.
    if not task.cancelled():
        task.exception()
