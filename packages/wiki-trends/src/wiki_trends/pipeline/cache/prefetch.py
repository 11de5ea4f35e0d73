"""A day's pages are asked for as soon as its list is known, while the layers before are still being written.

Requests take most of a day's time and only three may run at once, so the three are kept busy from the first list to the
last page. What comes is taken over by step 3, which asks for what is left.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from smart_orchestrator.store.opening import lake_of
from wiki_trends.config.layers import layers
from wiki_trends.pipeline.cache.pages import SECONDS_A_DAY, PageCache
from wiki_trends.pipeline.cache.siteinfo import keep_site, known_site
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
    """The questions about one day's pages. Leaving it cancels those whose answers nobody took.

    Attributes:
        titles: what is asked for, or was.
        client: counts the requests.
    """

    def __init__(self, settings: Settings, client: WikimediaClient) -> None:
        self.titles: frozenset[str] = frozenset()
        self.client = client.counted()
        self._settings = settings
        self._project = project_of(settings)
        self._lake = lake_of(layers(settings).silver)
        self._batches: PageBatches | None = None
        self._rules: Rules | None = None
        self._site = known_site(self._project, self._lake)
        self._asked_site = None
        if self._site is None:
            self._asked_site = self.client.submit(self.client.site_info, self._project)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._asked_site is not None:
            self._asked_site.cancel()
        if self._batches is not None:
            self._batches.cancel()

    def begin(self, listed: Sequence[Listed]) -> None:
        """Ask about the articles of a list that the cache does not know."""
        if self._site is None and self._asked_site is not None:
            self._site = self._asked_site.result()
            keep_site(self._project, self._lake, self._site)
        if self._site is None:
            return
        sieve = row_filter_of(self._settings, self._site)
        articles = (row.title for row in listed if sieve.not_an_article(row.title) is None)
        pages = list(dict.fromkeys(title.replace(" ", "_") for title in articles))
        oldest = time.time() - self._settings.cache_days * SECONDS_A_DAY
        known = PageCache(self._lake, self._project).get(pages, oldest=oldest)
        unknown = [page for page in pages if page not in known]
        self.titles = frozenset(unknown)
        self._batches = self.client.page_batches(self._project, unknown)
        # Reading them takes as long as one answer.
        self._rules = Rules.load(self._project.partition(".")[0], self._settings.categories_file)

    def answers(self) -> Iterator[dict[str, PageFacts]]:
        """What has come and what is coming, batch by batch; once."""
        if self._batches is None or self._rules is None:
            return
        for batch in self._batches:
            # Rules remember the pages that they have seen, and while others are on their way there is time.
            for title, facts in batch.items():
                self._rules.labels(title, facts)
            yield batch
