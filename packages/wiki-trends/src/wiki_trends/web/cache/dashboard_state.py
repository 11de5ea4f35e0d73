"""The cached state of lake, runs and warehouse; each of them is read by at most one thread at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from wiki_trends.errors import NothingPublished
from wiki_trends.web.cache.stale_while_revalidate import LruCache, StaleWhileRevalidate
from wiki_trends.web.data import RunListing

if TYPE_CHECKING:
    from collections.abc import Callable

    from smart_orchestrator.model.window import Window
    from wiki_trends.web.backfills import Backfills
    from wiki_trends.web.data import Calendar, Sources
    from wiki_trends.web.views.view import ResponseCache

T = TypeVar("T")

_MAX_CALENDARS = 32
# Seconds; see `StaleWhileRevalidate`.
_FRESH_LAKE, _FRESH_RUNS, _FRESH_WAREHOUSE = 2.0, 0.5, 1.0
_STALE = 10.0
RUNS_SHOWN = 200


class DashboardState:
    """The current state of lake, runs and warehouse, for the views."""

    def __init__(self, sources: Sources, backfills: Backfills, responses: ResponseCache) -> None:
        self.sources = sources
        self.backfills = backfills
        self._responses = responses
        self._calendars: LruCache[Calendar] = LruCache(_MAX_CALENDARS)
        self._runs = StaleWhileRevalidate(self._read_runs, fresh=_FRESH_RUNS, stale=_STALE)
        self._published = StaleWhileRevalidate(
            self._read_published_version, fresh=_FRESH_WAREHOUSE, stale=_STALE
        )

    async def run_blocking(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run a blocking function in a thread."""
        return await self._responses.run_blocking(work, *arguments)

    async def calendar(self, window: Window) -> Calendar:
        """The calendar of a window."""

        def new() -> StaleWhileRevalidate[Calendar]:
            async def read() -> Calendar:
                return await self.run_blocking(self.sources.calendar, window)

            return StaleWhileRevalidate(read, fresh=_FRESH_LAKE, stale=_STALE)

        return await self._calendars.at(window, new).get()

    async def runs(self) -> RunListing:
        """The latest runs and the requested backfills."""
        return await self._runs.get()

    async def published(self) -> str:
        """A token that changes with every publish; empty if nothing has been published."""
        return await self._published.get()

    def forget(self) -> None:
        """Discard cached state after an action."""
        self._calendars.forget()
        self._runs.forget()
        self._responses.responses.forget()

    async def _read_runs(self) -> RunListing:
        runs = await self.run_blocking(self.sources.recent_runs, RUNS_SHOWN)
        return RunListing(tuple(runs), tuple(self.backfills.recent()))

    async def _read_published_version(self) -> str:
        try:
            return await self.run_blocking(self.sources.warehouse.version)
        except NothingPublished:
            return ""
