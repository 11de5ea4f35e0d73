"""The client of Wikimedia's APIs: the day's most-viewed pages, a wiki's namespaces, facts about pages.

Fails with `DayNotPublished`, `RequestRejected`, `ContractBroken`, `WikimediaUnreachable` or `ContactMissing`, as
`wiki_trends.errors` describes them. Transient failures are retried inside the client.
"""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec, Self, TypeVar

from wiki_trends.config.projects import canonical_project, host_of
from wiki_trends.errors import DayNotPublished, RequestRejected
from wiki_trends.wikimedia.answers import NoData
from wiki_trends.wikimedia.pages import (
    BATCH,
    QUERY,
    REVISIONS,
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

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

# More pieces than any batch needs, so that an endless continuation is noticed.
MAX_PIECES = 200
SITEINFO = {
    "action": "query",
    "format": "json",
    "formatversion": "2",
    "meta": "siteinfo",
    "siprop": "general|namespaces|namespacealiases",
    "maxlag": "5",
}


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """A response, unparsed.

    Attributes:
        body: the bytes of the body, after content decoding.
        url: of the request.
        status: HTTP status.
        etag: of the response; None without.
        fetched_at: UTC.
    """

    body: bytes
    url: str
    status: int
    etag: str | None
    fetched_at: dt.datetime


class PageBatches:
    """Yields facts about pages, batch by batch as responses arrive. Iterate once; `cancel` drops the pending requests."""

    def __init__(
        self, local: Mapping[str, PageFacts], futures: Sequence[Future[dict[str, PageFacts]]]
    ) -> None:
        self._local = dict(local)
        self._futures = futures

    def __iter__(self) -> Iterator[dict[str, PageFacts]]:
        pending = set(self._futures)
        try:
            if self._local:
                yield self._local
            for future in as_completed(self._futures):
                pending.remove(future)
                if future.exception() is not None:
                    # Yield the batches that have succeeded before the failure is raised.
                    yield from (other.result() for other in pending if _has_result(other))
                yield future.result()
        finally:
            self.cancel()

    def cancel(self) -> None:
        """Cancel the requests that have not been sent."""
        for future in self._futures:
            future.cancel()


def _has_result(future: Future[dict[str, PageFacts]]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def top_url(settings: Settings, project: str, access: str, day: dt.date) -> str:
    """The URL of a day's list of most-viewed pages."""
    root = settings.wikimedia_url.rstrip("/")
    return f"{root}/metrics/pageviews/top/{canonical_project(project)}/{access}/{day:%Y/%m/%d}"


def action_url(settings: Settings, project: str) -> str:
    """The URL of the Action API of a project's wiki."""
    return settings.mediawiki_url.replace("{project}", host_of(project).removesuffix(".org"))


class WikimediaClient:
    """Sends requests to Wikimedia within its limits, which all processes of the machine share. Thread-safe.

    Use it as a context manager, which closes the connections and cancels waiting requests at its end.

    Raises:
        ContactMissing: the settings point at Wikimedia itself and name no contact.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._transport = Transport(settings)
        self._pool = ThreadPoolExecutor(settings.max_in_flight, thread_name_prefix="wikimedia")
        self.counters = Counters()

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
        """A copy of this client whose request counters start at zero. Close the original, not the copy."""
        copy = self.__class__.__new__(self.__class__)
        copy.__dict__.update(self.__dict__)
        copy.counters = Counters()
        return copy

    def submit(
        self, call: Callable[_Arguments, _Result], *args: _Arguments.args, **kwargs: _Arguments.kwargs
    ) -> Future[_Result]:
        """Run a call on the client's thread pool, whose size is the number of requests in flight."""
        return self._pool.submit(call, *args, **kwargs)

    def top_pages(self, project: str, access: str, day: dt.date) -> RawAnswer:
        """The list of the most-viewed pages of a UTC day: at most 1,000, without views by bots.

        Source: https://doc.wikimedia.org/generated-data-platform/aqs/analytics-api/reference/page-views.html

        Raises:
            DayNotPublished: the API has no list of that day, or none yet.
        """
        url = top_url(self._settings, project, access, day)
        try:
            answer = self._transport.get(url, {}, self.counters)
        except NoData:
            raise DayNotPublished(day=day, project=project, url=url) from None
        return RawAnswer(answer.body, answer.url, answer.status, answer.etag, dt.datetime.now(tz=dt.UTC))

    def site_info(self, project: str) -> SiteInfo:
        """Namespaces and main page of a wiki."""
        answer = self._action(project, SITEINFO)
        return parse_siteinfo(answer.json, url=answer.url)

    def pages(self, project: str, titles: Sequence[str]) -> dict[str, PageFacts]:
        """Facts about each of `titles`, keyed by the title as passed, with spaces or underscores."""
        return {
            title: facts for batch in self.page_batches(project, titles) for title, facts in batch.items()
        }

    def revisions(self, project: str, titles: Sequence[str]) -> dict[str, int | None]:
        """The id of the current revision of each of `titles`; None for a missing page."""
        batches = self.page_batches(project, titles, query=REVISIONS)
        return {title: facts.lastrevid for batch in batches for title, facts in batch.items()}

    def page_batches(
        self, project: str, titles: Sequence[str], *, query: Mapping[str, str] = QUERY
    ) -> PageBatches:
        """Facts about each of `titles`, batch by batch as responses arrive, so that a caller can save partial results.

        All requests are submitted before this returns.
        """
        distinct = list(dict.fromkeys(titles))
        invalid = {title: missing_page(title) for title in distinct if not is_requestable(title)}
        requested = [title for title in distinct if title not in invalid]
        batches = [requested[start : start + BATCH] for start in range(0, len(requested), BATCH)]
        return PageBatches(invalid, [self.submit(self._batch, project, batch, query) for batch in batches])

    def _batch(self, project: str, titles: Iterable[str], props: Mapping[str, str]) -> dict[str, PageFacts]:
        titles = list(titles)
        query = {**props, "titles": "|".join(titles)}
        continuation: dict[str, str] | None = {}
        pieces = 0
        pages: Pages | None = None
        while continuation is not None:
            answer = self._action(project, query | continuation)
            pages = pages or Pages(answer.url)
            continuation = pages.add(answer.json)
            pieces += 1
            if pieces > MAX_PIECES:
                raise RequestRejected(
                    url=answer.url, status=answer.status, detail="the continuation never ends"
                )
        return pages.facts(titles) if pages else {}

    def _action(self, project: str, params: dict[str, str]) -> Answer:
        url = action_url(self._settings, project)
        try:
            return self._transport.get(url, params, self.counters)
        except NoData:
            raise RequestRejected(url=url, status=404, detail="there is no such wiki") from None
