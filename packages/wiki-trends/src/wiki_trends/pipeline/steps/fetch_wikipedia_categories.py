"""Step 3: fetch facts about the day's pages into the cache: categories, coordinates, description, redirects.

Fifty titles a request: those that the cache lacks, that have expired, or whose facts may be outdated (`find_stale`).
Responses that arrived before a failure are cached, so that the next attempt does not request them again. Prefetched
responses are used.
"""

from __future__ import annotations

import time
from itertools import chain
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.manifest import read_frame
from smart_orchestrator.store.opening import lake_of
from wiki_trends.config.layers import layers
from wiki_trends.pipeline.cache.pages import MOST_PAGES, SECONDS_A_DAY, PageCache
from wiki_trends.pipeline.step_result import StepResult, Stopwatch, project_of
from wiki_trends.pipeline.steps.stale_pages import CURRENT_SECONDS, find_stale, mark_checked

if TYPE_CHECKING:
    import datetime as dt

    from wiki_trends.config.settings import Settings
    from wiki_trends.pipeline.cache.prefetch import PagePrefetch
    from wiki_trends.wikimedia import PageFacts, WikimediaClient

# Pages per write to the cache: a killed process loses at most these.
WRITE_EVERY = 500


def fetch_wikipedia_categories(
    day: dt.date, settings: Settings, client: WikimediaClient, *, ahead: PagePrefetch | None = None
) -> StepResult:
    """Fill the cache with facts about every page of the day's silver partition.

    Raises:
        ContractError: silver does not have the day.
        RequestRejected, WikimediaUnreachable: some pages could not be requested.
    """
    watch = Stopwatch()
    silver = layers(settings).silver
    lake = lake_of(silver)
    project = project_of(settings)
    frame = read_frame(silver, day, lake=lake)
    ranks = dict(zip(frame["page"].to_list(), frame["rank"].to_list(), strict=True))
    titles = list(ranks)
    listed = frozenset(titles)
    # The day's own pages must stay in the cache until its last step has read them.
    most = max(MOST_PAGES, 2 * len(titles))
    cache = PageCache(lake, project, keep_days=settings.cache_days, most_pages=most)
    now = time.time()
    cached = cache.get(titles, oldest=now - settings.cache_days * SECONDS_A_DAY)
    counted = ahead.client if ahead else client.counted()
    prefetched = ahead.titles if ahead else frozenset()
    left = [title for title in titles if title not in cached and title not in prefetched]
    current = cache.get(titles, oldest=now - CURRENT_SECONDS)
    aging = {title: facts for title, facts in cached.items() if title not in current}
    check = find_stale(day, silver, ranks, aging, counted, project)
    answered: dict[str, PageFacts] = {}
    fresh: dict[str, PageFacts] = {}
    try:
        for batch in chain(
            ahead.answers() if ahead else (), counted.page_batches(project, left + check.stale)
        ):
            answered |= batch
            fresh |= batch
            if len(fresh) >= WRITE_EVERY:
                cache.add(fresh)
                fresh = {}
    finally:
        if fresh:
            cache.add(fresh)
    mark_checked(silver, project, check)
    return StepResult(
        "fetch_wikipedia_categories",
        len(titles),
        len(titles),
        watch.seconds(),
        requests=counted.counters.requests,
        retries=counted.counters.retries,
        cache_hits=len(cached) - len(check.stale),
        counts={
            "checked": len(check.checked),
            "requested_again": len(check.stale),
            "missing": sum(facts.missing for title, facts in (cached | answered).items() if title in listed),
        },
    )
