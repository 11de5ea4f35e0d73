"""Request the day's most-viewed pages, a wiki's namespaces, and facts about pages from Wikimedia's APIs.

The client retries transient failures. It raises `DayNotPublished`, `RequestRejected`, `ContractBroken`, `WikimediaUnreachable` or
`ContactMissing`, which `wiki_trends.errors` describes.
"""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec, Self, TypeVar
from urllib.parse import quote

from wiki_trends.config.projects import canonical_project, host_of
from wiki_trends.errors import DayNotPublished, RequestRejected
from wiki_trends.wikimedia.answers import NoData
from wiki_trends.wikimedia.page_views import RECENT_VIEWS_QUERY
from wiki_trends.wikimedia.pages import (
    PAGE_FACTS_QUERY,
    REVISIONS_QUERY,
    TITLES_PER_REQUEST,
    PageFacts,
    Pages,
    is_requestable,
    missing_page,
)
from wiki_trends.wikimedia.siteinfo import SiteInfo, parse_siteinfo
from wiki_trends.wikimedia.transport import Answer, Counters, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from wiki_trends.config.settings import Settings
    from wiki_trends.wikimedia.answers import Json

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

# The maximum number of responses to the query for one batch of titles. More responses mean that the continuation is endless.
MAX_CONTINUED_RESPONSES = 200
SITEINFO_QUERY = {
    "action": "query",
    "format": "json",
    "formatversion": "2",
    "meta": "siteinfo",
    "siprop": "general|namespaces|namespacealiases",
    "maxlag": "5",
}


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """A response that is not parsed.

    Attributes:
        body: the bytes of the body, after content decoding.
        url: the URL of the request.
        status: the HTTP status.
        etag: the ETag of the response; None without this header.
        fetched_at: the time when the response was complete, in UTC.
    """

    body: bytes
    url: str
    status: int
    etag: str | None
    fetched_at: dt.datetime


class PageBatches:
    """An iterable of batches of page facts, in the order in which the responses arrive. It can be iterated only once.

    Args:
        local_facts: the facts of titles that need no request.
        futures: the requests, one for each batch.
    """

    def __init__(
        self, local_facts: Mapping[str, PageFacts], futures: Sequence[Future[dict[str, PageFacts]]]
    ) -> None:
        self._local_facts = dict(local_facts)
        self._futures = futures

    def __iter__(self) -> Iterator[dict[str, PageFacts]]:
        pending = set(self._futures)
        try:
            if self._local_facts:
                yield self._local_facts
            for future in as_completed(self._futures):
                pending.remove(future)
                if future.exception() is not None:
                    # Callers save every yielded batch, so successful batches are yielded before the failure is raised.
                    yield from (batch.result() for batch in pending if _has_succeeded(batch))
                yield future.result()
        finally:
            self.cancel()

    def cancel(self) -> None:
        """Cancel the requests that have not started."""
        for future in self._futures:
            future.cancel()


def _has_succeeded(future: Future[dict[str, PageFacts]]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def top_url(settings: Settings, project: str, access: str, day: dt.date) -> str:
    """Return the URL of the list of a day's most-viewed pages."""
    root = settings.wikimedia_url.rstrip("/")
    return f"{root}/metrics/pageviews/top/{canonical_project(project)}/{access}/{day:%Y/%m/%d}"


def article_url(
    settings: Settings, project: str, access: str, title: str, first: dt.date, last: dt.date
) -> str:
    """Return the URL of the daily views of a page by people; the title has underscores."""
    root = f"{settings.wikimedia_url.rstrip('/')}/metrics/pageviews/per-article"
    days = f"{first:%Y%m%d}/{last:%Y%m%d}"
    return f"{root}/{canonical_project(project)}/{access}/user/{quote(title, safe='')}/daily/{days}"


def action_url(settings: Settings, project: str) -> str:
    """Return the URL of the Action API of a project's wiki."""
    return settings.mediawiki_url.replace("{project}", host_of(project).removesuffix(".org"))


def _raw_answer(answer: Answer) -> RawAnswer:
    return RawAnswer(answer.body, answer.url, answer.status, answer.etag, dt.datetime.now(tz=dt.UTC))


class WikimediaClient:
    """A client that keeps to Wikimedia's rate limits, which all processes of the machine share. Thread-safe.

    Use the client as a context manager, whose exit cancels waiting requests and closes the connections.

    Args:
        settings: the settings, with the URLs, the contact and the limits.
        on_request: a callback that is called for each request, from the thread that sends it.

    Raises:
        ContactMissing: the URLs in the settings are those of Wikimedia, but the settings have no contact.
    """

    def __init__(self, settings: Settings, on_request: Callable[[], None] | None = None) -> None:
        self._settings = settings
        self._transport = Transport(settings)
        self._pool = ThreadPoolExecutor(settings.max_in_flight, thread_name_prefix="wikimedia")
        self.counters = Counters(on_request)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Cancel waiting requests, let running ones finish, and close the connections."""
        self._transport.end_waiting()
        self._pool.shutdown(cancel_futures=True)
        self._transport.close()

    def counted(self) -> WikimediaClient:
        """Return a copy of this client whose request counters start at zero. Close the original, not the copy."""
        copy = self.__class__.__new__(self.__class__)
        copy.__dict__.update(self.__dict__)
        copy.counters = Counters(self.counters.on_request)
        return copy

    def submit(
        self, call: Callable[_Arguments, _Result], *args: _Arguments.args, **kwargs: _Arguments.kwargs
    ) -> Future[_Result]:
        """Run a function in the client's thread pool, which has one thread for each request that may be in flight."""
        return self._pool.submit(call, *args, **kwargs)

    def top_pages(self, project: str, access: str, day: dt.date) -> RawAnswer:
        """Request the list of the most-viewed pages of a UTC day: at most 1,000 pages, with the views by people only.

        Source: https://doc.wikimedia.org/generated-data-platform/aqs/analytics-api/reference/page-views.html

        Raises:
            DayNotPublished: the API has no list of the day, or has not published the list yet.
        """
        url = top_url(self._settings, project, access, day)
        try:
            answer = self._transport.get(url, {}, self.counters)
        except NoData:
            raise DayNotPublished(day=day, project=project, url=url) from None
        return _raw_answer(answer)

    def recent_views(self, project: str, titles: Sequence[str], continuation: Mapping[str, str]) -> RawAnswer:
        """Send one request for the daily views of up to 50 pages in the last 60 days; see `page_views`.

        Args:
            project: the project, for example `en.wikipedia`.
            titles: the titles of the pages.
            continuation: the parameters of `continue` in the previous response to the same titles; empty for the first.
        """
        return _raw_answer(
            self._request_action(project, {**RECENT_VIEWS_QUERY, "titles": "|".join(titles), **continuation})
        )

    def article_views(
        self, project: str, access: str, title: str, first: dt.date, last: dt.date
    ) -> RawAnswer | None:
        """Request the daily views of one page by people; None when the API has no views of these days.

        Source: https://doc.wikimedia.org/generated-data-platform/aqs/analytics-api/reference/page-views.html
        """
        url = article_url(self._settings, project, access, title, first, last)
        try:
            return _raw_answer(self._transport.get(url, {}, self.counters))
        except NoData:
            return None

    def site_info(self, project: str) -> SiteInfo:
        """Request the namespaces and the main page of a wiki."""
        answer = self._request_action(project, SITEINFO_QUERY)
        return parse_siteinfo(answer.json, url=answer.url)

    def action(self, project: str, params: Mapping[str, str]) -> Json:
        """Send one query to the Action API of a project, and return the JSON of the response."""
        return self._request_action(project, params).json

    def pages(self, project: str, titles: Sequence[str]) -> dict[str, PageFacts]:
        """Request facts about the pages `titles`. The keys of the result are the titles exactly as passed."""
        return {
            title: facts for batch in self.page_batches(project, titles) for title, facts in batch.items()
        }

    def revisions(self, project: str, titles: Sequence[str]) -> dict[str, int | None]:
        """Request the id of the current revision of each of `titles`; the id is None for a missing page."""
        batches = self.page_batches(project, titles, query=REVISIONS_QUERY)
        return {title: facts.lastrevid for batch in batches for title, facts in batch.items()}

    def page_batches(
        self, project: str, titles: Sequence[str], *, query: Mapping[str, str] = PAGE_FACTS_QUERY
    ) -> PageBatches:
        """Request facts about the pages `titles` in batches, so that a caller can save partial results.

        All requests are submitted to the thread pool before this method returns.
        """
        distinct = list(dict.fromkeys(titles))
        invalid = {title: missing_page(title) for title in distinct if not is_requestable(title)}
        requested = [title for title in distinct if title not in invalid]
        batches = [
            requested[start : start + TITLES_PER_REQUEST]
            for start in range(0, len(requested), TITLES_PER_REQUEST)
        ]
        return PageBatches(
            invalid, [self.submit(self._request_batch, project, batch, query) for batch in batches]
        )

    def _request_batch(
        self, project: str, titles: Iterable[str], query_without_titles: Mapping[str, str]
    ) -> dict[str, PageFacts]:
        """Request one batch of titles, with all continued responses."""
        titles = list(titles)
        query = {**query_without_titles, "titles": "|".join(titles)}
        continuation: dict[str, str] | None = {}
        response_count = 0
        pages: Pages | None = None
        while continuation is not None:
            answer = self._request_action(project, query | continuation)
            pages = pages or Pages(answer.url)
            continuation = pages.add(answer.json)
            response_count += 1
            if response_count > MAX_CONTINUED_RESPONSES:
                raise RequestRejected(
                    url=answer.url, status=answer.status, detail="the continuation never ends"
                )
        return pages.facts(titles) if pages else {}

    def _request_action(self, project: str, params: Mapping[str, str]) -> Answer:
        """Send a request to the Action API of a project's wiki."""
        url = action_url(self._settings, project)
        try:
            return self._transport.get(url, params, self.counters)
        except NoData:
            raise RequestRejected(url=url, status=404, detail="there is no such wiki") from None
