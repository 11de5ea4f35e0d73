"""Step 3: what the wiki knows of the day's pages, into the cache: categories, coordinates, description, redirects.

Fifty titles a request, and only those that the cache does not know or knows for too long. Answers that came before a
failure are kept, so that the next attempt does not ask for them again, many of them while it goes on.
Questions that were asked ahead are taken over.
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

if TYPE_CHECKING:
    import datetime as dt

    from wiki_trends.config.settings import Settings
    from wiki_trends.pipeline.cache.prefetch import PagePrefetch
    from wiki_trends.wikimedia import PageFacts, WikimediaClient

# Some requests, which a process that is killed does not lose; written while others are under way.
KEPT_AT_ONCE = 500


def fetch_wikipedia_categories(
    day: dt.date, settings: Settings, client: WikimediaClient, *, ahead: PagePrefetch | None = None
) -> StepResult:
    """Fill the cache with facts about every page of the day's silver partition.

    Raises:
        ContractError: silver does not have the day.
        RequestRejected, WikimediaUnreachable: some pages could not be asked for.
    """
    watch = Stopwatch()
    silver = layers(settings).silver
    lake = lake_of(silver)
    project = project_of(settings)
    titles = read_frame(silver, day, lake=lake)["page"].to_list()
    asked_for = frozenset(titles)
    # The day's own pages have to be there until its last step has read them.
    most = max(MOST_PAGES, 2 * len(titles))
    cache = PageCache(lake, project, keep_days=settings.cache_days, most_pages=most)
    known = cache.get(titles, oldest=time.time() - settings.cache_days * SECONDS_A_DAY)
    counted = ahead.client if ahead else client.counted()
    under_way = ahead.titles if ahead else frozenset()
    left = [title for title in titles if title not in known and title not in under_way]
    answered: dict[str, PageFacts] = {}
    fresh: dict[str, PageFacts] = {}
    try:
        for batch in chain(ahead.answers() if ahead else (), counted.page_batches(project, left)):
            answered |= batch
            fresh |= batch
            if len(fresh) >= KEPT_AT_ONCE:
                cache.add(fresh)
                fresh = {}
    finally:
        if fresh:
            cache.add(fresh)
    return StepResult(
        "fetch_wikipedia_categories",
        len(titles),
        len(titles),
        watch.seconds(),
        requests=counted.counters.requests,
        retries=counted.counters.retries,
        cache_hits=len(known),
        counts={
            "missing": sum(facts.missing for title, facts in (known | answered).items() if title in asked_for)
        },
    )
