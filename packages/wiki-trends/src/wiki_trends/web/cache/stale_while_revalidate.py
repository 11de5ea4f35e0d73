"""What was computed once is served until what it was made of has changed; computing happens in threads, one at a time.

`StaleWhileRevalidate` holds one value of one state of the world. Whoever asks while a new one is being computed gets the old one,
up to a limit of age, so that a publish never makes readers wait; whoever asks first, or after a long silence, waits.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

T = TypeVar("T")

_TIMES_AS_LONG = 10


class StaleWhileRevalidate(Generic[T]):
    """One value that is made anew when it is older than `fresh` seconds.

    Args:
        make: computes the value.
        fresh: seconds for which a value is served without a look; longer where looking takes long, so that looking
            is never more than a tenth of the time.
        stale: seconds beyond that for which it is served while the next one is being made.
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
        self._at: float | None = None
        self._rest = fresh
        self._making: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """The value. What `make` raises is raised to whoever had to wait for it, and it is tried again next time."""
        age = float("inf") if self._at is None else self._clock() - self._at
        if age <= self._rest:
            return self._value  # type: ignore[return-value]
        task = self._started()
        if age <= self._rest + self._stale:
            return self._value  # type: ignore[return-value]
        # Whoever goes away does not take the work with them.
        return await asyncio.shield(task)

    def forget(self) -> None:
        """Have the next caller wait for a new value; one that is being made now may be of before."""
        self._at = None
        self._making = None

    def _started(self) -> asyncio.Task[T]:
        if self._making is None:
            self._making = asyncio.get_running_loop().create_task(self._made())
            self._making.add_done_callback(_looked_at)
        return self._making

    async def _made(self) -> T:
        me = asyncio.current_task()
        began = self._clock()
        try:
            value = await self._make()
            if self._making is me:
                self._value, self._at = value, began
                self._rest = max(self._fresh, _TIMES_AS_LONG * (self._clock() - began))
            return value
        finally:
            if self._making is me:
                self._making = None


def _looked_at(task: asyncio.Task[Any]) -> None:
    # Nobody may be waiting for it: then what it raised is met by the next caller, who starts it again.
    if not task.cancelled():
        task.exception()


class LruCache(Generic[T]):
    """A bounded number of remembered values by key; the one that was not asked for longest goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: OrderedDict[Hashable, StaleWhileRevalidate[T]] = OrderedDict()

    def at(self, key: Hashable, new: Callable[[], StaleWhileRevalidate[T]]) -> StaleWhileRevalidate[T]:
        """What is held under `key`, `new` where there is nothing yet."""
        if key not in self._held:
            self._held[key] = new()
        self._held.move_to_end(key)
        if len(self._held) > self._most:
            self._held.popitem(last=False)
        return self._held[key]

    def forget(self) -> None:
        """Forget what every value was."""
        for held in self._held.values():
            held.forget()
