"""The current state of lake, runs and warehouse, cached; each source has its own threads, and a deadline."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from wiki_trends.errors import NothingPublished
from wiki_trends.web.auth.caller import caller
from wiki_trends.web.backfills import RunListing
from wiki_trends.web.problems import KNOWN_ERRORS
from wiki_trends.web.source_pool import SourcePool, SourceTimeout

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Awaitable, Callable

    from smart_orchestrator.model.run import Run
    from smart_orchestrator.model.window import Window
    from wiki_trends.pipeline.lists.excluded import Exclusion
    from wiki_trends.web.backfills import Backfills
    from wiki_trends.web.cache.cache import Cache
    from wiki_trends.web.data import Calendar, Sources

T = TypeVar("T")
logger = logging.getLogger(__name__)

# Seconds for which a state is served without a refresh.
_FRESH_LAKE, _FRESH_RUNS, _FRESH_WAREHOUSE = 2.0, 0.5, 1.0
# Seconds after which a page that does not depend on a source is shown without it.
PATIENCE_SECONDS = 5.0
RUNS_SHOWN = 200


class DashboardState:
    """Reads lake, runs and warehouse for the views."""

    def __init__(self, sources: Sources, backfills: Backfills, cache: Cache) -> None:
        self.sources = sources
        self.backfills = backfills
        self.cache = cache
        self.lake_pool = SourcePool("lake", "LAKE")
        self.runs_pool = SourcePool("runner of the pipeline", "RUNS")
        self.warehouse_pool = SourcePool("warehouse", "WAREHOUSE")

    async def calendar(self, window: Window) -> Calendar:
        """The calendar of a window."""

        async def read() -> Calendar:
            return await self.read_calendar(window)

        return await self.cache.get(("calendar", window), read, owner=caller.get(), fresh=_FRESH_LAKE)

    async def read_calendar(self, window: Window) -> Calendar:
        """The calendar of a window, not from the cache."""
        # The runs first, so that the error names the runner if the runner does not answer.
        latest = await self.runs_pool.read(self.sources.latest_runs, window)
        return await self.lake_pool.read(self.sources.calendar, window, latest)

    async def left_out(self, day: dt.date) -> tuple[Exclusion, ...]:
        """The rows that were left out of a day's list."""

        async def read() -> tuple[Exclusion, ...]:
            return tuple(await self.lake_pool.read(self.sources.excluded, day))

        return await self.cache.get(("left out", day), read, owner=caller.get(), fresh=_FRESH_LAKE)

    async def runs(self) -> RunListing:
        """The latest runs and the requested backfills."""

        async def read() -> RunListing:
            runs = await self.runs_pool.read(self.sources.recent_runs, RUNS_SHOWN)
            return RunListing(tuple(runs), tuple(self.backfills.recent()))

        return await self.cache.get("runs", read, fresh=_FRESH_RUNS)

    async def runs_of(self, day: dt.date) -> tuple[Run, ...]:
        """The runs of a day, newest first."""

        async def read() -> tuple[Run, ...]:
            return tuple(await self.runs_pool.read(self.sources.runs_of, day))

        return await self.cache.get(("runs", day), read, owner=caller.get(), fresh=_FRESH_RUNS)

    async def published(self) -> str:
        """A token that changes with every publish; empty if nothing has been published."""

        async def read() -> str:
            try:
                return await self.warehouse_pool.read(_published_version, self.sources)
            except NothingPublished:
                return ""

        return await self.cache.get("published", read, fresh=_FRESH_WAREHOUSE)

    async def within_patience(self, awaitable: Awaitable[T], *pools: SourcePool) -> T:
        """The result of `awaitable`, if it comes within `PATIENCE_SECONDS`; otherwise the work goes on in the background.

        Raises:
            SourceTimeout: it did not, or a call of one of `pools` is already overdue by as much.
        """
        task = asyncio.ensure_future(awaitable)
        task.add_done_callback(_retrieve_exception)
        overdue = next((pool for pool in pools if pool.is_overdue(PATIENCE_SECONDS)), None)
        await asyncio.wait({task}, timeout=0.1 if overdue else PATIENCE_SECONDS)
        if not task.done():
            slow_pool = overdue or next((pool for pool in pools if pool.is_overdue(0)), pools[0])
            raise slow_pool.timeout()
        return task.result()

    async def health(self) -> dict[str, str]:
        """The sources that fail, each with a reason."""
        checks: dict[str, tuple[Callable[[], Awaitable[Any]], tuple[SourcePool, ...]]] = {
            "warehouse": (self.published, (self.warehouse_pool,)),
            "lake": (lambda: self.calendar(self.sources.window()), (self.lake_pool, self.runs_pool)),
            "runs": (self.runs, (self.runs_pool,)),
        }
        failures = {}
        for name, (check, pools) in checks.items():
            try:
                await self.within_patience(check(), *pools)
            except SourceTimeout as timeout:
                failures[name] = timeout.message
            except KNOWN_ERRORS as error:
                # The response is public, so it has no details.
                logger.warning("health of the %s: %s", name, error)
                failures[name] = "It cannot be read; see the server's log."
        return failures

    def forget(self) -> None:
        """Discard the cached state and the responses made from it, after a change."""
        self.cache.forget()


def _published_version(sources: Sources) -> str:
    # The property opens the warehouse, which must happen in the thread too.
    return sources.warehouse.version()


def _retrieve_exception(task: asyncio.Future[Any]) -> None:
    # A caller that has given up does not read the exception.
    if not task.cancelled():
        task.exception()
