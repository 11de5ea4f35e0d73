"""Test the cache of the dashboard: which values are fresh, which values are served during a refresh, and which callers wait."""

from __future__ import annotations

import asyncio

import pytest

from wiki_trends.web.cache.cache import STALE_SECONDS, Cache


class Counter:
    """Computes 1, 2, 3 …; a computation waits while `gate` is closed."""

    def __init__(self):
        self.value = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self):
        self.value += 1
        value = self.value
        await self.gate.wait()
        return value


def run(scenario):
    """Run a scenario with a cache, its clock, and a counter."""
    now = [0.0]

    async def call():
        await scenario(Cache(clock=lambda: now[0]), now, Counter())

    asyncio.run(call())


async def settled():
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_fresh_value_is_not_computed_again():
    async def scenario(cache, now, make):
        assert await cache.get("key", make, fresh_seconds=2) == 1
        now[0] = 2
        assert await cache.get("key", make, fresh_seconds=2) == 1

    run(scenario)


def test_an_old_value_is_served_during_its_refresh_and_not_after_a_long_pause():
    async def scenario(cache, now, make):
        await cache.get("key", make, fresh_seconds=2)
        now[0] = 3
        assert await cache.get("key", make, fresh_seconds=2) == 1
        await settled()
        assert await cache.get("key", make, fresh_seconds=2) == 2
        now[0] += STALE_SECONDS + 3
        assert await cache.get("key", make, fresh_seconds=2) == 3

    run(scenario)


def test_a_value_of_another_version_is_outdated():
    async def scenario(cache, now, make):
        assert await cache.get("key", make, version="a") == 1
        now[0] = 1000
        assert await cache.get("key", make, version="a") == 1
        assert await cache.get("key", make, version="b") == 1
        await settled()
        assert await cache.get("key", make, version="b") == 2
        now[0] += STALE_SECONDS + 1
        assert await cache.get("key", make, version="c") == 3

    run(scenario)


def test_callers_at_the_same_time_share_one_computation():
    async def scenario(cache, _, make):
        assert await asyncio.gather(*(cache.get("key", make, fresh_seconds=2) for _ in range(20))) == [1] * 20

    run(scenario)


def test_a_forgotten_value_is_computed_again_even_if_a_refresh_is_in_progress():
    async def scenario(cache, _, make):
        make.gate.clear()
        first = asyncio.ensure_future(cache.get("key", make))
        await settled()
        cache.forget()
        second = asyncio.ensure_future(cache.get("key", make))
        await settled()
        make.gate.set()
        assert (await first, await second) == (1, 2)
        assert await cache.get("key", make) == 2

    run(scenario)


def test_a_caller_that_is_cancelled_does_not_cancel_the_others():
    async def scenario(cache, _, make):
        make.gate.clear()
        first = asyncio.ensure_future(cache.get("key", make))
        second = asyncio.ensure_future(cache.get("key", make))
        await settled()
        first.cancel()
        await settled()
        make.gate.set()
        assert await second == 1

    run(scenario)


def test_a_failure_is_raised_and_not_cached():
    async def scenario(cache, _, make):
        async def fail():
            raise ValueError("broken")

        with pytest.raises(ValueError, match="broken"):
            await cache.get("key", fail)
        assert await cache.get("key", make) == 1

    run(scenario)
