"""Requests the facts about a day's pages as soon as its list has arrived, while bronze and silver are being written.

Requests take most of a day's time, and few may be in flight at once, so they do not wait for step 3. Step 3 reads the answers
and requests the remaining pages.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from smart_orchestrator.store.opening import lake_of
from wiki_trends.config.layers import layers
from wiki_trends.pipeline.cache.pages import SECONDS_A_DAY, PageCache
from wiki_trends.pipeline.cache.siteinfo import cached_site_info, store_site_info
from wiki_trends.pipeline.rules.rules import Rules
from wiki_trends.pipeline.step_result import project_of
from wiki_trends.pipeline.steps.clean_top_pages import row_filter_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wiki_trends.config.settings import Settings
    from wiki_trends.pipeline.lists.top_list import Listed
    from wiki_trends.wikimedia import PageFacts, WikimediaClient
    from wiki_trends.wikimedia.client import PageBatches


class PagePrefetch:
    """The requests for one day's pages. Leaving the context cancels those whose answers were not read.

    Attributes:
        titles: titles of the requested pages.
        client: sends and counts the requests.
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

    def begin(self, listed: Sequence[Listed]) -> None:
        """Request the articles of a list that are not cached."""
        if self._site is None and self._site_request is not None:
            self._site = self._site_request.result()
            store_site_info(self._project, self._lake, self._site)
        if self._site is None:
            return
        row_filter = row_filter_of(self._settings, self._site)
        articles = (row.title for row in listed if row_filter.not_an_article(row.title) is None)
        pages = list(dict.fromkeys(title.replace(" ", "_") for title in articles))
        oldest = time.time() - self._settings.cache_days * SECONDS_A_DAY
        cached = PageCache(self._lake, self._project).get(pages, oldest=oldest)
        uncached = [page for page in pages if page not in cached]
        self.titles = frozenset(uncached)
        self._batches = self.client.page_batches(self._project, uncached)
        # Loading the rules takes as long as a response, so they are loaded while the first one is awaited.
        self._rules = Rules.load(self._project.partition(".")[0], self._settings.categories_file)

    def answers(self) -> Iterator[dict[str, PageFacts]]:
        """The answers, batch by batch, as they arrive. They can be iterated once."""
        if self._batches is None or self._rules is None:
            return
        for batch in self._batches:
            # The rules cache the labels of a page; computing them here uses the time until the next response.
            for title, facts in batch.items():
                self._rules.labels(title, facts)
            yield batch
