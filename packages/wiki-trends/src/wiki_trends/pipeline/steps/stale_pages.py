"""Finds the cached pages of a day whose facts may be outdated, so that the reason of a trend is not missed.

Facts stay in the cache for weeks, and the page that trends is the one that has just changed: a death moves a biography out of
"Living people". One `prop=info` pass over the cached pages of the day, fifty titles a request, gives their current revisions.
Requested again are pages with another revision among the first of the list, pages that are new in the list, and pages that
have risen; the latter also with the same revision, since categories of templates and descriptions of Wikidata change without one.

When Wikimedia cannot be reached, the cached facts are used as they are, with a warning: a day can be rebuilt offline.
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
from wiki_trends.wikimedia.pages import BATCH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.model.dataset import DailyDataset
    from wiki_trends.wikimedia import PageFacts, WikimediaClient

# Facts of this age are current: a backfill of many days must not check a page for each of them.
CURRENT_SECONDS = 12 * 3600
# The first pages of the list, which are requested again whenever they have changed.
TOP_PAGES = 200
RISEN_RANKS = 10
MAX_REQUESTS = 10

logger = logging.getLogger(__name__)


class Check(NamedTuple):
    """Result of a check of cached pages.

    Attributes:
        stale: titles to request again, most important first.
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
    """Check the cached titles of a day; at most `MAX_REQUESTS` batches of them are stale.

    Args:
        day: of the list.
        silver: holds the list of the day before, if any.
        ranks: of the day's titles.
        cached: facts that are older than `CURRENT_SECONDS`, by title.
        client: counts the requests.
        project: of the wiki.
    """
    checked = _checked(silver.lake, project)
    limit = time.monotonic() - CURRENT_SECONDS
    titles = [title for title in cached if checked.get(title, float("-inf")) < limit]
    if not titles:
        return Check([], [])
    try:
        revisions = client.revisions(project, titles)
    except WikimediaUnreachable as error:
        logger.warning("The cached facts of %d pages of %s are used unchecked: %s", len(titles), day, error)
        return Check([], [])
    older = {title: cached[title] for title in titles}
    return Check(choose_stale(ranks, ranks_before(silver, day), older, revisions), titles)


def mark_checked(silver: DailyDataset, project: str, check: Check) -> None:
    """Remember in this process that pages were checked, once their new facts are cached."""
    _checked(silver.lake, project).update(dict.fromkeys(check.checked, time.monotonic()))


def choose_stale(
    ranks: Mapping[str, int],
    before: Mapping[str, int] | None,
    cached: Mapping[str, PageFacts],
    revisions: Mapping[str, int | None],
) -> list[str]:
    """The titles of `cached` to request again, by their ranks now and on the day before; None: that list is not there."""

    def is_changed(title: str) -> bool:
        return revisions.get(title) != cached[title].lastrevid

    def is_rising(title: str) -> bool:
        if before is None:
            return False
        return title not in before or before[title] - ranks[title] >= RISEN_RANKS

    order: Sequence[str] = sorted(cached, key=lambda title: (ranks[title], title))
    top = frozenset(sorted(ranks, key=lambda title: (ranks[title], title))[:TOP_PAGES])
    stale = [title for title in order if is_rising(title) or (title in top and is_changed(title))]
    # Pages that have certainly changed come first, should the limit cut the list.
    stale.sort(key=lambda title: not is_changed(title))
    return stale[: MAX_REQUESTS * BATCH]


def ranks_before(silver: DailyDataset, day: dt.date) -> dict[str, int] | None:
    """The ranks of the list of the day before; None when silver does not have it."""
    lake = lake_of(silver)
    yesterday = day - dt.timedelta(days=1)
    if not inspect(silver, yesterday, lake=lake).available:
        return None
    frame = read_frame(silver, yesterday, lake=lake)
    return dict(zip(frame["page"].to_list(), frame["rank"].to_list(), strict=True))


@lru_cache(maxsize=64)
def _checked(lake: str, project: str) -> dict[str, float]:
    """When this process has checked each title, on the monotonic clock."""
    del lake, project
    return {}
