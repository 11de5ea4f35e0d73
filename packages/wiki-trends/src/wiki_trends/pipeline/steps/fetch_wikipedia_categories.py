"""Step 3: fetches facts about the day's pages into the cache: categories, coordinates, descriptions, redirects.

A request has up to fifty titles. The step requests three kinds of titles: titles that are not cached, titles whose facts have expired,
and titles whose facts may be outdated (`find_stale`). The step does not request titles that `PagePrefetch` has requested. If a request
fails, the facts of earlier responses are cached, so the next attempt does not request these pages again.
"""

from __future__ import annotations

import time
from itertools import chain
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.manifest import read_frame
from smart_orchestrator.store.opening import lake_of
from wiki_trends.config.layers import layers
from wiki_trends.pipeline.cache.pages import SECONDS_PER_DAY, PageCache
from wiki_trends.pipeline.step_result import StepResult, Stopwatch, project_of
from wiki_trends.pipeline.steps.stale_pages import FRESH_SECONDS, find_stale, mark_checked

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from wiki_trends.config.settings import Settings
    from wiki_trends.pipeline.cache.prefetch import PagePrefetch
    from wiki_trends.wikimedia import PageFacts, WikimediaClient

# A killed process loses at most this many fetched pages.
PAGES_PER_WRITE = 1000


def fetch_wikipedia_categories(
    day: dt.date, settings: Settings, client: WikimediaClient, *, prefetch: PagePrefetch | None = None
) -> StepResult:
    """Cache facts about every page of the day's silver partition.

    Args:
        day: the day of the page views.
        settings: the settings, with project, lake and the maximum age of cached facts.
        client: an open client.
        prefetch: the requests that have been started for the day's pages.

    Raises:
        ContractError: silver does not have the day.
        RequestRejected, WikimediaUnreachable: a request failed.
    """
    watch = Stopwatch()
    silver = layers(settings).silver
    lake = lake_of(silver)
    project = project_of(settings)
    frame = read_frame(silver, day, lake=lake)
    ranks = dict(zip(frame["page"].to_list(), frame["rank"].to_list(), strict=True))
    titles = list(ranks)
    # `PageCache.add` may merge the segments of the cache. Step 4 reads the facts about these titles from the cache.
    cache = PageCache(lake, project, keep_days=settings.cache_days, needed_titles=titles)
    now = time.time()
    cached_facts = cache.get(titles, oldest=now - settings.cache_days * SECONDS_PER_DAY)
    counting_client = prefetch.client if prefetch else client.counted()
    prefetched_titles = prefetch.titles if prefetch else frozenset()
    uncached_titles = [
        title for title in titles if title not in cached_facts and title not in prefetched_titles
    ]
    # Facts younger than `FRESH_SECONDS` need no check. Older facts may be outdated before they expire.
    fresh_titles = cache.known(cached_facts, oldest=now - FRESH_SECONDS)
    facts_to_check = {title: facts for title, facts in cached_facts.items() if title not in fresh_titles}
    check = find_stale(day, silver, ranks, facts_to_check, counting_client, project)
    batches = chain(
        prefetch.batches() if prefetch else (),
        counting_client.page_batches(project, uncached_titles + check.stale_titles),
    )
    facts = cached_facts | _cache_batches(cache, batches)
    mark_checked(silver, project, check)
    return StepResult(
        "fetch_wikipedia_categories",
        len(titles),
        len(titles),
        watch.seconds(),
        requests=counting_client.counters.requests,
        retries=counting_client.counters.retries,
        cache_hits=len(cached_facts) - len(check.stale_titles),
        counts={
            "checked": len(check.checked_titles),
            "requested_again": len(check.stale_titles),
            "missing": sum(title in facts and facts[title].missing for title in titles),
        },
    )


def _cache_batches(cache: PageCache, batches: Iterable[dict[str, PageFacts]]) -> dict[str, PageFacts]:
    """Write facts to the cache as they arrive, even if a later request fails. Return all facts by title."""
    facts: dict[str, PageFacts] = {}
    unwritten_facts: dict[str, PageFacts] = {}
    try:
        for batch in batches:
            facts |= batch
            unwritten_facts |= batch
            if len(unwritten_facts) >= PAGES_PER_WRITE:
                cache.add(unwritten_facts)
                unwritten_facts = {}
    finally:
        if unwritten_facts:
            cache.add(unwritten_facts)
    return facts
