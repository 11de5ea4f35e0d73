"""Finds the cached pages of a day whose facts may be outdated.

Facts stay in the cache for weeks, but a trending page has often just changed: a death moves a biography out of "Living people".
So the current revisions of the day's cached pages are requested with `prop=info`, in batches of fifty titles. A page is stale in
three cases: it is near the top of the list and has a new revision, it is new in the list, or it has risen in the list. A new or risen
page is stale even without a new revision, because categories of templates and descriptions of Wikidata change without one.

If Wikimedia cannot be reached, the pipeline uses the cached facts and logs a warning, so a day can be rebuilt offline.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from smart_orchestrator.adapters.manifest import inspect, read_frame
from smart_orchestrator.store.opening import lake_of
from wiki_trends.errors import WikimediaUnreachable
from wiki_trends.wikimedia.pages import TITLES_PER_REQUEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.model.dataset import DailyDataset
    from wiki_trends.wikimedia import PageFacts, WikimediaClient

# Facts that were requested or checked within this time are not checked, so a backfill of many days does not check a page again and again.
FRESH_SECONDS = 12 * 3600
# The number of pages at the top of the list that are requested again whenever they have changed.
TOP_PAGES = 200
# A page has risen if it has gained at least this many ranks since the day before.
RISEN_RANKS = 10
# The largest number of requests for the facts about stale pages of a day.
MAX_REQUESTS = 10

# The number of titles whose check times a process keeps for a wiki. Only a very long backfill exceeds this number.
_MAX_CHECK_TIMES = 500_000

logger = logging.getLogger(__name__)


class StaleCheck(NamedTuple):
    """The result of a check of cached pages.

    Attributes:
        stale_titles: the titles to request again; titles with a new revision come first.
        checked_titles: the titles whose revisions were requested.
    """

    stale_titles: list[str]
    checked_titles: list[str]


def find_stale(
    day: dt.date,
    silver: DailyDataset,
    ranks: Mapping[str, int],
    cached_facts: Mapping[str, PageFacts],
    client: WikimediaClient,
    project: str,
) -> StaleCheck:
    """Find the stale titles among the cached titles of a day. The result fits into `MAX_REQUESTS` requests.

    Args:
        day: the day of the list.
        silver: the silver dataset, which may have the list of the day before.
        ranks: the ranks of the day's titles.
        cached_facts: the facts that are older than `FRESH_SECONDS`, by title.
        client: the client that sends and counts the requests.
        project: the project of the wiki.
    """
    check_times = _check_times(silver.lake, project)
    checked_before = time.monotonic() - FRESH_SECONDS
    titles = [title for title in cached_facts if check_times.get(title, float("-inf")) < checked_before]
    if not titles:
        return StaleCheck([], [])
    try:
        revisions = client.revisions(project, titles)
    except WikimediaUnreachable as error:
        logger.warning("The cached facts of %d pages of %s are used unchecked: %s", len(titles), day, error)
        return StaleCheck([], [])
    facts_to_check = {title: cached_facts[title] for title in titles}
    return StaleCheck(
        choose_stale(ranks, ranks_of_day_before(silver, day), facts_to_check, revisions), titles
    )


def mark_checked(silver: DailyDataset, project: str, check: StaleCheck) -> None:
    """Record in this process that pages were checked, so that the next days of a backfill do not check them again.

    Call this function after the new facts are cached. If the request for these facts fails, the pages must be checked again.
    """
    check_times = _check_times(silver.lake, project)
    if len(check_times) + len(check.checked_titles) > _MAX_CHECK_TIMES:
        check_times.clear()
    check_times.update(dict.fromkeys(check.checked_titles, time.monotonic()))


def choose_stale(
    ranks: Mapping[str, int],
    previous_ranks: Mapping[str, int] | None,
    cached_facts: Mapping[str, PageFacts],
    revisions: Mapping[str, int | None],
) -> list[str]:
    """Choose the titles of `cached_facts` to request again.

    Args:
        ranks: the ranks of the day, by title.
        previous_ranks: the ranks of the day before, by title; None if that day has no list.
        cached_facts: the facts by title.
        revisions: the current revisions by title; None for a page that does not exist.
    """

    def is_changed(title: str) -> bool:
        return revisions.get(title) != cached_facts[title].lastrevid

    def is_rising(title: str) -> bool:
        if previous_ranks is None:
            return False
        return title not in previous_ranks or previous_ranks[title] - ranks[title] >= RISEN_RANKS

    by_rank: Sequence[str] = sorted(cached_facts, key=lambda title: (ranks[title], title))
    top = frozenset(sorted(ranks, key=lambda title: (ranks[title], title))[:TOP_PAGES])
    stale_titles = [title for title in by_rank if is_rising(title) or (title in top and is_changed(title))]
    # The limit may cut the list, so pages with a new revision come first. The sort is stable, so both groups stay ordered by rank.
    stale_titles.sort(key=lambda title: not is_changed(title))
    return stale_titles[: MAX_REQUESTS * TITLES_PER_REQUEST]


def ranks_of_day_before(silver: DailyDataset, day: dt.date) -> dict[str, int] | None:
    """Read the ranks of the list of the day before; None if silver does not have the list."""
    lake = lake_of(silver)
    yesterday = day - dt.timedelta(days=1)
    if not inspect(silver, yesterday, lake=lake).available:
        return None
    frame = read_frame(silver, yesterday, lake=lake)
    return dict(zip(frame["page"].to_list(), frame["rank"].to_list(), strict=True))


@lru_cache(maxsize=64)
def _check_times(lake: str, project: str) -> dict[str, float]:
    """Return the monotonic times at which this process last checked the titles of a wiki."""
    del lake, project  # Only a part of the cache key.
    return {}
