"""What is known of lake, runs and warehouse at this moment, looked at by at most one thread at a time for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from wiki_trends.errors import NothingPublished
from wiki_trends.web.cache.stale_while_revalidate import LruCache, StaleWhileRevalidate
from wiki_trends.web.data import RunsFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from smart_orchestrator.model.window import Window
    from wiki_trends.web.backfills import Backfills
    from wiki_trends.web.data import Calendar, Sources
    from wiki_trends.web.views.view import Answers

T = TypeVar("T")

_WINDOWS = 32
# Within these seconds what was seen is taken for what is; see `StaleWhileRevalidate`.
_FRESH_LAKE, _FRESH_RUNS, _FRESH_WAREHOUSE = 2.0, 0.5, 1.0
_STALE = 10.0
RUNS_SHOWN = 200


class DashboardState:
    """The present state of everything, for the views."""

    def __init__(self, sources: Sources, backfills: Backfills, answers: Answers) -> None:
        self.sources = sources
        self.backfills = backfills
        self._answers = answers
        self._calendars: LruCache[Calendar] = LruCache(_WINDOWS)
        self._runs = StaleWhileRevalidate(self._look_at_runs, fresh=_FRESH_RUNS, stale=_STALE)
        self._published = StaleWhileRevalidate(self._look_at_warehouse, fresh=_FRESH_WAREHOUSE, stale=_STALE)

    async def in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        """The result of something that blocks."""
        return await self._answers.in_thread(work, *arguments)

    async def calendar(self, window: Window) -> Calendar:
        """A window of the lake."""

        def new() -> StaleWhileRevalidate[Calendar]:
            async def make() -> Calendar:
                return await self.in_thread(self.sources.calendar, window)

            return StaleWhileRevalidate(make, fresh=_FRESH_LAKE, stale=_STALE)

        return await self._calendars.at(window, new).get()

    async def runs(self) -> RunsFound:
        """The runs that are known."""
        return await self._runs.get()

    async def published(self) -> str:
        """What changes with every publish; empty when there was none."""
        return await self._published.get()

    def forget(self) -> None:
        """Something was done: what was seen before is not what is now."""
        self._calendars.forget()
        self._runs.forget()
        self._answers.shelf.forget()

    async def _look_at_runs(self) -> RunsFound:
        found = await self.in_thread(self.sources.recent_runs, RUNS_SHOWN)
        return RunsFound(tuple(found), tuple(self.backfills.known()))

    async def _look_at_warehouse(self) -> str:
        try:
            return await self.in_thread(self.sources.warehouse.version)
        except NothingPublished:
            return ""
