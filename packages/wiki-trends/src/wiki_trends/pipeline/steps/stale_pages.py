"""Finds the cached pages of a day whose facts may be outdated.

Facts stay in the cache for weeks, but a trending page has often just changed: a death moves a biography out of "Living people".
So the current revisions of the day's cached pages are requested with `prop=info`, fifty titles a request. Three kinds of pages
are stale: those near the top of the list that have a new revision, those that are new in the list, and those that have risen in
it. A new or risen page is stale even with the same revision: categories of templates and descriptions of Wikidata change
without a revision of the page.

When Wikimedia cannot be reached, the cached facts are used, with a warning, so a day can be rebuilt offline.
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

# Younger facts are not checked, so a backfill of many days does not check a page once for each day.
CURRENT_SECONDS = 12 * 3600
# So many of the first pages are requested again whenever they have changed.
TOP_PAGES = 200
# A page has risen if it gained at least this many ranks since the day before.
RISEN_RANKS = 10
MAX_REQUESTS = 10

# Titles whose checks a process records for a wiki: those of a very long backfill.
_MOST_CHECK_TIMES = 500_000

logger = logging.getLogger(__name__)


class Check(NamedTuple):
    """Result of a check of cached pages.

    Attributes:
        stale: titles to request again; those that have certainly changed come first.
        checked: titles whose revisions were requested.
    """

    stale: list[str]
    checked: list[str]


def find_stale(
    day: dt.date,
    silver: DailyDataset,
    ranks: Mapping[str, int],
    cached: Mapping[str, PageFacts],
    client: WikimediaClient,
    project: str,
) -> Check:
    """Check the cached titles of a day; at most `MAX_REQUESTS` requests of titles are stale.

    Args:
        day: the day of the list.
        silver: the dataset that may have the list of the day before.
        ranks: the day's titles with their ranks.
        cached: facts that are older than `CURRENT_SECONDS`, by title.
        client: sends and counts the requests.
        project: the wiki.
    """
    check_times = _check_times(silver.lake, project)
    limit = time.monotonic() - CURRENT_SECONDS
    titles = [title for title in cached if check_times.get(title, float("-inf")) < limit]
    if not titles:
        return Check([], [])
    try:
        revisions = client.revisions(project, titles)
    except WikimediaUnreachable as error:
        logger.warning("The cached facts of %d pages of %s are used unchecked: %s", len(titles), day, error)
        return Check([], [])
    unchecked = {title: cached[title] for title in titles}
    return Check(choose_stale(ranks, ranks_before(silver, day), unchecked, revisions), titles)


def mark_checked(silver: DailyDataset, project: str, check: Check) -> None:
    """Record in this process that pages were checked. Call it after their new facts are cached."""
    check_times = _check_times(silver.lake, project)
    if len(check_times) + len(check.checked) > _MOST_CHECK_TIMES:
        check_times.clear()
    check_times.update(dict.fromkeys(check.checked, time.monotonic()))


def choose_stale(
    ranks: Mapping[str, int],
    before: Mapping[str, int] | None,
    cached: Mapping[str, PageFacts],
    revisions: Mapping[str, int | None],
) -> list[str]:
    """The titles of `cached` to request again.

    Args:
        ranks: ranks of the day.
        before: ranks of the day before; None without that list.
        cached: facts by title.
        revisions: current revisions by title; None for a page that does not exist.
    """

    def is_changed(title: str) -> bool:
        return revisions.get(title) != cached[title].lastrevid

    def is_rising(title: str) -> bool:
        if before is None:
            return False
        return title not in before or before[title] - ranks[title] >= RISEN_RANKS

    order: Sequence[str] = sorted(cached, key=lambda title: (ranks[title], title))
    top = frozenset(sorted(ranks, key=lambda title: (ranks[title], title))[:TOP_PAGES])
    stale = [title for title in order if is_rising(title) or (title in top and is_changed(title))]
    # The limit may cut the list, so pages that have certainly changed come first.
    stale.sort(key=lambda title: not is_changed(title))
    return stale[: MAX_REQUESTS * TITLES_PER_REQUEST]


def ranks_before(silver: DailyDataset, day: dt.date) -> dict[str, int] | None:
    """The ranks of the list of the day before; None when silver does not have it."""
    lake = lake_of(silver)
    yesterday = day - dt.timedelta(days=1)
    if not inspect(silver, yesterday, lake=lake).available:
        return None
    frame = read_frame(silver, yesterday, lake=lake)
    return dict(zip(frame["page"].to_list(), frame["rank"].to_list(), strict=True))


@lru_cache(maxsize=64)
def _check_times(lake: str, project: str) -> dict[str, float]:
    """When this process checked each title of a wiki last, on the monotonic clock."""
    del lake, project
    return {}
