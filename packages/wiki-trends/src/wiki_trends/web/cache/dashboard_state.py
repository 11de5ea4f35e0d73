"""The cached state of the lake, the runs and the warehouse. Each of these sources has its own threads and a deadline."""

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
    from collections.abc import Awaitable, Callable, Mapping

    from smart_orchestrator.model.run import Run
    from smart_orchestrator.model.window import Window
    from wiki_trends.pipeline.lists.device_share import ShareBounds
    from wiki_trends.pipeline.lists.excluded import Exclusion
    from wiki_trends.queries.pages import PageDetails
    from wiki_trends.web.backfills import Backfills
    from wiki_trends.web.cache.cache import Cache
    from wiki_trends.web.data import CheckedWindow, Sources

T = TypeVar("T")
logger = logging.getLogger(__name__)

# The seconds for which the cache serves a state without a refresh.
_LAKE_FRESH_SECONDS, _RUNS_FRESH_SECONDS, _WAREHOUSE_FRESH_SECONDS = 2.0, 0.5, 1.0
# The desktop shares of a day change only when the day is fetched again.
_SHARES_FRESH_SECONDS = 60.0
# The seconds to wait for a source if the page can be shown without its data.
PATIENCE_SECONDS = 5.0
# The seconds to wait for such a source while an earlier call to it has exceeded `PATIENCE_SECONDS`.
_BLOCKED_PATIENCE_SECONDS = 0.1
MAX_LISTED_RUNS = 200


class DashboardState:
    """Reads the lake, the runs and the warehouse for the views."""

    def __init__(self, sources: Sources, backfills: Backfills, cache: Cache) -> None:
        self.sources = sources
        self.backfills = backfills
        self.cache = cache
        self.lake_pool = SourcePool(source="lake", code="LAKE")
        self.runs_pool = SourcePool(source="runner of the pipeline", code="RUNS")
        self.warehouse_pool = SourcePool(source="warehouse", code="WAREHOUSE")

    async def checked_window(self, window: Window) -> CheckedWindow:
        """Return the result of checking a window, which may come from the cache."""

        async def read() -> CheckedWindow:
            return await self.check_window(window)

        return await self.cache.get(
            ("checked window", window), read, charged_to=caller.get(), fresh_seconds=_LAKE_FRESH_SECONDS
        )

    async def check_window(self, window: Window) -> CheckedWindow:
        """Check a window now, without the cache."""
        # `check_window` of the sources needs the runs, so they are read first, by the threads of the runner.
        latest = await self.runs_pool.read(self.sources.latest_runs, window)
        return await self.lake_pool.read(self.sources.check_window, window, latest)

    async def left_out(self, day: dt.date) -> tuple[Exclusion, ...]:
        """Return the rows that the pipeline left out of the list of a day."""

        async def read() -> tuple[Exclusion, ...]:
            return tuple(await self.lake_pool.read(self.sources.excluded, day))

        return await self.cache.get(
            ("left out", day), read, charged_to=caller.get(), fresh_seconds=_LAKE_FRESH_SECONDS
        )

    async def desktop_shares(self, day: dt.date) -> Mapping[str, tuple[int, ShareBounds]]:
        """Return the views and the desktop share of each page of a day."""

        async def read() -> Mapping[str, tuple[int, ShareBounds]]:
            return await self.lake_pool.read(self.sources.desktop_shares, day)

        return await self.cache.get(
            ("desktop shares", day), read, charged_to=caller.get(), fresh_seconds=_SHARES_FRESH_SECONDS
        )

    async def page(self, title: str) -> PageDetails:
        """Return everything that has been published about a page."""

        async def read() -> PageDetails:
            return await self.warehouse_pool.read(self.sources.page, title)

        version = await self.published_version()
        return await self.cache.get(("page", title), read, charged_to=caller.get(), version=version)

    async def runs(self) -> RunListing:
        """Return the latest runs of all days, and the requested backfills."""

        async def read() -> RunListing:
            runs = await self.runs_pool.read(self.sources.recent_runs, MAX_LISTED_RUNS)
            return RunListing(tuple(runs), tuple(self.backfills.recent()))

        return await self.cache.get("runs", read, fresh_seconds=_RUNS_FRESH_SECONDS)

    async def runs_of(self, day: dt.date) -> tuple[Run, ...]:
        """Return the runs of a day, newest first."""

        async def read() -> tuple[Run, ...]:
            return tuple(await self.runs_pool.read(self.sources.runs_of, day))

        return await self.cache.get(
            ("runs", day), read, charged_to=caller.get(), fresh_seconds=_RUNS_FRESH_SECONDS
        )

    async def can_cancel(self) -> bool:
        """Return whether the runner can end runs from outside."""
        return await self.runs_pool.read(_read_can_cancel, self.sources)

    async def published_version(self) -> str:
        """Return a token that changes with every publish; empty if nothing has been published."""

        async def read() -> str:
            try:
                return await self.warehouse_pool.read(_read_published_version, self.sources)
            except NothingPublished:
                return ""

        return await self.cache.get("published", read, fresh_seconds=_WAREHOUSE_FRESH_SECONDS)

    async def wait_briefly(self, awaitable: Awaitable[T], *pools: SourcePool) -> T:
        """Wait at most `PATIENCE_SECONDS` for the result of `awaitable`; after that, the work continues in the background.

        If an earlier call of one of `pools` has already taken `PATIENCE_SECONDS`, wait only `_BLOCKED_PATIENCE_SECONDS`.

        Raises:
            SourceTimeout: the result did not arrive in time.
        """
        task = asyncio.ensure_future(awaitable)
        task.add_done_callback(_retrieve_exception)
        blocked_pool = next((pool for pool in pools if pool.has_call_older_than(PATIENCE_SECONDS)), None)
        await asyncio.wait({task}, timeout=_BLOCKED_PATIENCE_SECONDS if blocked_pool else PATIENCE_SECONDS)
        if not task.done():
            # If the work uses several pools in turn, it waits for the pool that has an unanswered call.
            slow_pool = blocked_pool or next(
                (pool for pool in pools if pool.has_call_older_than(0)), pools[0]
            )
            raise slow_pool.timeout_problem()
        return task.result()

    async def health(self) -> dict[str, str]:
        """Check every source, and return the name of each source that fails with the reason."""
        checks: dict[str, tuple[Callable[[], Awaitable[Any]], tuple[SourcePool, ...]]] = {
            "warehouse": (self.published_version, (self.warehouse_pool,)),
            "lake": (lambda: self.checked_window(self.sources.window()), (self.lake_pool, self.runs_pool)),
            "runs": (self.runs, (self.runs_pool,)),
        }
        failures = {}
        for name, (check, pools) in checks.items():
            try:
                await self.wait_briefly(check(), *pools)
            except SourceTimeout as timeout:
                failures[name] = timeout.message
            except KNOWN_ERRORS as error:
                # Everybody may read the response of `/health`, so the reason must not contain details.
                logger.warning("health of the %s: %s", name, error)
                failures[name] = "It cannot be read; see the server's log."
        return failures

    def forget(self) -> None:
        """Mark every cached state and every cached response as outdated, after a change."""
        self.cache.forget()


def _read_can_cancel(sources: Sources) -> bool:
    # The first access creates the runner, which can block, so `sources.can_cancel` is read here, in a thread.
    return sources.can_cancel


def _read_published_version(sources: Sources) -> str:
    # Opening the warehouse blocks, so `sources.warehouse` is read here, in a thread.
    return sources.warehouse.version()


def _retrieve_exception(task: asyncio.Future[Any]) -> None:
    # A caller that timed out does not retrieve the exception. asyncio would then log the exception.
    if not task.cancelled():
        task.exception()
