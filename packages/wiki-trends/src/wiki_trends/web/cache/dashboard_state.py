"""The cached state of lake, runs and warehouse; each source has threads of its own, and a deadline."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from wiki_trends.errors import NothingPublished
from wiki_trends.web.auth.caller import caller
from wiki_trends.web.backfills import RunListing
from wiki_trends.web.cache.stale_while_revalidate import LruCache, StaleWhileRevalidate
from wiki_trends.web.source_pool import SourcePool, SourceTimeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from smart_orchestrator.model.window import Window
    from wiki_trends.web.backfills import Backfills
    from wiki_trends.web.data import Calendar, Sources
    from wiki_trends.web.views.view import ResponseCache

T = TypeVar("T")
logger = logging.getLogger(__name__)

_MAX_CALENDARS, _MAX_CALENDARS_PER_CALLER = 64, 16
# Seconds; see `StaleWhileRevalidate`.
_FRESH_LAKE, _FRESH_RUNS, _FRESH_WAREHOUSE = 2.0, 0.5, 1.0
_STALE = 10.0
# Seconds after which a page that does not depend on a source is shown without it.
PATIENCE_SECONDS = 5.0
RUNS_SHOWN = 200


class DashboardState:
    """The current state of lake, runs and warehouse, for the views."""

    def __init__(
        self, sources: Sources, backfills: Backfills, responses: ResponseCache, warehouse: SourcePool
    ) -> None:
        self.sources = sources
        self.backfills = backfills
        self.warehouse_pool = warehouse
        self.lake_pool = SourcePool("lake", "LAKE")
        self.runs_pool = SourcePool("runner of the pipeline", "RUNS")
        self._responses = responses
        self._calendars: LruCache[Calendar] = LruCache(_MAX_CALENDARS, _MAX_CALENDARS_PER_CALLER)
        self._runs = StaleWhileRevalidate(self._read_runs, fresh=_FRESH_RUNS, stale=_STALE)
        self._published = StaleWhileRevalidate(
            self._read_published_version, fresh=_FRESH_WAREHOUSE, stale=_STALE
        )

    async def calendar(self, window: Window) -> Calendar:
        """The calendar of a window."""

        def new() -> StaleWhileRevalidate[Calendar]:
            async def read() -> Calendar:
                return await self.read_calendar(window)

            return StaleWhileRevalidate(read, fresh=_FRESH_LAKE, stale=_STALE)

        return await self._calendars.at(window, new, caller.get()).get()

    async def read_calendar(self, window: Window) -> Calendar:
        """The calendar of a window as it is now."""
        # The runs first: then it is the runner that is reported if the runner does not answer.
        latest = await self.runs_pool.run(self.sources.latest_runs, window)
        return await self.lake_pool.run(self.sources.calendar, window, latest)

    async def soon(self, awaitable: Awaitable[T], *pools: SourcePool) -> T:
        """The result, if it comes within `PATIENCE_SECONDS`; what it waits for goes on.

        Raises:
            SourceTimeout: it did not, or a call of one of the pools is already overdue by as much.
        """
        task = asyncio.ensure_future(awaitable)
        task.add_done_callback(_retrieve_exception)
        overdue = next((pool for pool in pools if pool.is_overdue(PATIENCE_SECONDS)), None)
        await asyncio.wait({task}, timeout=0.1 if overdue else PATIENCE_SECONDS)
        if not task.done():
            slow = overdue or next((pool for pool in pools if pool.is_overdue(0)), pools[0])
            raise slow.timeout()
        return task.result()

    async def runs(self) -> RunListing:
        """The latest runs and the requested backfills."""
        return await self._runs.get()

    async def published(self) -> str:
        """A token that changes with every publish; empty if nothing has been published."""
        return await self._published.get()

    async def health(self) -> dict[str, str]:
        """The sources that fail, each with a reason without internals."""
        checks: dict[str, tuple[Callable[[], Awaitable[Any]], tuple[SourcePool, ...]]] = {
            "warehouse": (self.published, (self.warehouse_pool,)),
            "lake": (lambda: self.calendar(self.sources.window()), (self.lake_pool, self.runs_pool)),
            "runs": (self.runs, (self.runs_pool,)),
        }
        failures = {}
        for name, (check, pools) in checks.items():
            try:
                await self.soon(check(), *pools)
            except SourceTimeout as timeout:
                failures[name] = timeout.message
            except Exception:
                logger.exception("health of the %s", name)
                failures[name] = "It cannot be read; see the server's log."
        return failures

    def forget(self) -> None:
        """Discard cached state after an action."""
        self._calendars.forget()
        self._runs.forget()
        self._responses.responses.forget()

    async def _read_runs(self) -> RunListing:
        runs = await self.runs_pool.run(self.sources.recent_runs, RUNS_SHOWN)
        return RunListing(tuple(runs), tuple(self.backfills.recent()))

    async def _read_published_version(self) -> str:
        try:
            return await self.warehouse_pool.run(_published_version, self.sources)
        except NothingPublished:
            return ""


def _published_version(sources: Sources) -> str:
    # The property opens the warehouse: in its own thread too.
    return sources.warehouse.version()


def _retrieve_exception(task: asyncio.Future[Any]) -> None:
    # A caller that has given up does not read the exception any more.
    if not task.cancelled():
        task.exception()
