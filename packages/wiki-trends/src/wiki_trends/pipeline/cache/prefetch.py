"""Requests the facts about a day's pages as soon as the day's list has arrived, while steps 1 and 2 write bronze and silver.

Requests take most of the time of a run, and only a few may be in flight at once. So they start before step 3. Step 3 reads the
responses and requests the remaining pages.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from smart_orchestrator.store.opening import lake_of
from wiki_trends.config.layers import layers
from wiki_trends.pipeline.cache.pages import SECONDS_PER_DAY, PageCache
from wiki_trends.pipeline.cache.siteinfo import cached_site_info, store_site_info
from wiki_trends.pipeline.rules.rules import Rules
from wiki_trends.pipeline.step_result import project_of
from wiki_trends.pipeline.steps.clean_top_pages import row_filter_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wiki_trends.config.settings import Settings
    from wiki_trends.pipeline.lists.top_list import ListRow
    from wiki_trends.wikimedia import PageFacts, WikimediaClient
    from wiki_trends.wikimedia.client import PageBatches


class PagePrefetch:
    """The requests for one day's pages. Leaving the context cancels the requests whose responses were not read.

    Attributes:
        titles: the titles of the requested pages.
        client: the client that sends and counts the requests.
    """

    def __init__(self, settings: Settings, client: WikimediaClient) -> None:
        self.titles: frozenset[str] = frozenset()
        self.client = client.counted()
        self._settings = settings
        self._project = project_of(settings)
        self._lake = lake_of(layers(settings).silver)
        self._batches: PageBatches | None = None
        self._rules: Rules | None = None
        self._site = cached_site_info(self._project, self._lake)
        self._site_request = None
        if self._site is None:
            self._site_request = self.client.submit(self.client.site_info, self._project)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._site_request is not None:
            self._site_request.cancel()
        if self._batches is not None:
            self._batches.cancel()

    def begin(self, rows: Sequence[ListRow]) -> None:
        """Request the facts about the articles of a list, except cached facts."""
        site = self._site
        if self._site_request is not None:
            site = self._site_request.result()
            store_site_info(self._project, self._lake, site)
        if site is None:
            raise AssertionError("site information that is not cached is requested")
        row_filter = row_filter_of(self._settings, site)
        articles = (row.title for row in rows if row_filter.reason_to_leave_out(row.title) is None)
        pages = list(dict.fromkeys(title.replace(" ", "_") for title in articles))
        oldest = time.time() - self._settings.cache_days * SECONDS_PER_DAY
        cached_pages = PageCache(self._lake, self._project).known(pages, oldest=oldest)
        uncached_pages = [page for page in pages if page not in cached_pages]
        self.titles = frozenset(uncached_pages)
        self._batches = self.client.page_batches(self._project, uncached_pages)
        # The rules load while the first response is in flight; both take about the same time.
        self._rules = Rules.load(self._project.partition(".")[0], self._settings.categories_file)

    def batches(self) -> Iterator[dict[str, PageFacts]]:
        """Yield the facts of each response by title, in the order of arrival. Call this method only once."""
        if self._batches is None or self._rules is None:
            return
        for batch in self._batches:
            # `labels` caches its results for step 4. Calling it here uses the time until the next response.
            for title, facts in batch.items():
                self._rules.labels(title, facts)
            yield batch
