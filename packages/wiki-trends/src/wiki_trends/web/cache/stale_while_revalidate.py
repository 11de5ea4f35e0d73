"""Asynchronous caches: one value that is served while it is refreshed, and an LRU cache of such values.

A caller that asks during a refresh gets the old value, up to a maximum age, so a publish does not make readers wait. The
first caller, and one after a long pause, waits for the new value.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

T = TypeVar("T")

_REST_FACTOR = 10


class StaleWhileRevalidate(Generic[T]):
    """One value that is computed again when it is older than `fresh` seconds.

    Args:
        make: computes the value.
        fresh: seconds for which a value is served without a refresh; longer if a refresh is slow, so that refreshing
            takes at most a tenth of the time.
        stale: further seconds for which the value is served during a refresh.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        make: Callable[[], Awaitable[T]],
        *,
        fresh: float,
        stale: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = make
        self._fresh = fresh
        self._stale = stale
        self._clock = clock
        self._value: T | None = None
        self._made_at: float | None = None
        self._fresh_for = fresh
        self._refreshing: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """The value. An exception of `make` is raised to the callers that wait for it; the next caller tries again."""
        age = float("inf") if self._made_at is None else self._clock() - self._made_at
        if age <= self._fresh_for:
            return self._value  # type: ignore[return-value]
        task = self._start_refresh()
        if age <= self._fresh_for + self._stale:
            return self._value  # type: ignore[return-value]
        # A caller that is cancelled does not cancel the refresh.
        return await asyncio.shield(task)

    def forget(self) -> None:
        """Make the next caller wait for a new value; a refresh in progress may already be outdated."""
        self._made_at = None
        self._refreshing = None

    def _start_refresh(self) -> asyncio.Task[T]:
        if self._refreshing is None:
            self._refreshing = asyncio.get_running_loop().create_task(self._refresh())
            self._refreshing.add_done_callback(_retrieve_exception)
        return self._refreshing

    async def _refresh(self) -> T:
        task = asyncio.current_task()
        started_at = self._clock()
        try:
            value = await self._make()
            if self._refreshing is task:
                self._value, self._made_at = value, started_at
                self._fresh_for = max(self._fresh, _REST_FACTOR * (self._clock() - started_at))
            return value
        finally:
            if self._refreshing is task:
                self._refreshing = None


def _retrieve_exception(task: asyncio.Task[Any]) -> None:
    # If no caller waits for it, the next caller tries again: the exception counts as retrieved.
    if not task.cancelled():
        task.exception()


class LruCache(Generic[T]):
    """Values by key, bounded in number in total and for each owner; the least recently used one is evicted first.

    Args:
        max_size: number of values.
        max_per_owner: number of values that one owner may have created; so no owner evicts those of all others.
    """

    def __init__(self, max_size: int, max_per_owner: int) -> None:
        self._max_size = max_size
        self._max_per_owner = max_per_owner
        self._values: OrderedDict[Hashable, tuple[str, StaleWhileRevalidate[T]]] = OrderedDict()

    def at(
        self, key: Hashable, new: Callable[[], StaleWhileRevalidate[T]], owner: str
    ) -> StaleWhileRevalidate[T]:
        """The value under `key`; `new` creates it for `owner` if there is none."""
        if key not in self._values:
            self._evict(owner)
            self._values[key] = owner, new()
        self._values.move_to_end(key)
        return self._values[key][1]

    def forget(self) -> None:
        """Make every value be computed again."""
        for _, value in self._values.values():
            value.forget()

    def _evict(self, owner: str) -> None:
        own = [key for key, (creator, _) in self._values.items() if creator == owner]
        if len(own) >= self._max_per_owner:
            del self._values[own[0]]
        if len(self._values) >= self._max_size:
            self._values.popitem(last=False)
