"""The client of Wikimedia's APIs: the day's most-viewed pages, a wiki's namespaces, facts about pages.

Fails with `DayNotPublished`, `RequestRejected`, `ContractBroken`, `WikimediaUnreachable` or `ContactMissing`, as
`wiki_trends.errors` describes them; what may be mended by waiting never leaves the client.
"""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec, Self, TypeVar

from wiki_trends.errors import DayNotPublished, RequestRejected
from wiki_trends.wikimedia.answers import NotThere
from wiki_trends.wikimedia.pages import BATCH, QUERY, PageFacts, Pages, askable, unasked
from wiki_trends.wikimedia.siteinfo import SiteInfo, parse_siteinfo
from wiki_trends.wikimedia.transport import Answer, Counters, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from wiki_trends.config.settings import Settings

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

# More pieces than a batch can have; a server that never ends a continuation must not hold us for ever.
MOST_PIECES = 200
_SITEINFO = {
    "action": "query",
    "format": "json",
    "formatversion": "2",
    "meta": "siteinfo",
    "siprop": "general|namespaces|namespacealiases",
    "maxlag": "5",
}


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer as it came.

    Attributes:
        body: byte for byte, after content decoding.
        url: the address that gave it.
        status: HTTP status.
        etag: of the answer, if it had one.
        fetched_at: UTC.
    """

    body: bytes
    url: str
    status: int
    etag: str | None
    fetched_at: dt.datetime


class Batches:
    """Facts about pages that are on their way, to be iterated once; what is not wanted any more, to be cancelled."""

    def __init__(
        self, known: Mapping[str, PageFacts], futures: Sequence[Future[dict[str, PageFacts]]]
    ) -> None:
        self._known = dict(known)
        self._futures = futures

    def __iter__(self) -> Iterator[dict[str, PageFacts]]:
        left = set(self._futures)
        try:
            if self._known:
                yield self._known
            for future in as_completed(self._futures):
                left.remove(future)
                if future.exception() is not None:
                    # What came beside a failure is told before it.
                    yield from (other.result() for other in left if _has_come(other))
                yield future.result()
        finally:
            self.cancel()

    def cancel(self) -> None:
        """Leave what has not been sent."""
        for future in self._futures:
            future.cancel()


def _has_come(future: Future[dict[str, PageFacts]]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


class WikimediaClient:
    """Asks Wikimedia within its limits, which all processes of the machine share. Safe between threads.

    Use it as a context manager: leaving it closes the connections and ends what is still waiting.

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
        """End all waiting and close the connections, when what is being received has come."""
        self._transport.end_waiting()
        self._pool.shutdown(cancel_futures=True)
        self._transport.close()

    def counted(self) -> WikimediaClient:
        """The same client with counters of its own, at zero. Close the first one, not this."""
        twin = self.__class__.__new__(self.__class__)
        twin.__dict__.update(self.__dict__)
        twin.counters = Counters()
        return twin

    def submit(
        self, call: Callable[_Arguments, _Result], *args: _Arguments.args, **kwargs: _Arguments.kwargs
    ) -> Future[_Result]:
        """Start a call on one of the client's threads, of which there are as many as requests in flight."""
        return self._pool.submit(call, *args, **kwargs)

    def top_pages(self, project: str, access: str, day: dt.date) -> RawAnswer:
        """The list of the most-viewed pages of a UTC day, at most 1,000, views by people only.

        Source: https://doc.wikimedia.org/generated-data-platform/aqs/analytics-api/reference/page-views.html

        Raises:
            DayNotPublished: the API has no list of that day (yet).
        """
        url = f"{self._settings.wikimedia_url.rstrip('/')}/metrics/pageviews/top/{project}/{access}/{day:%Y/%m/%d}"
        try:
            answer = self._transport.get(url, {}, self.counters)
        except NotThere:
            raise DayNotPublished(day=day, project=project, url=url) from None
        return RawAnswer(answer.body, answer.url, answer.status, answer.etag, dt.datetime.now(tz=dt.UTC))

    def site_info(self, project: str) -> SiteInfo:
        """Namespaces and main page of a wiki."""
        answer = self._action(project, _SITEINFO)
        return parse_siteinfo(answer.json, url=answer.url)

    def pages(self, project: str, titles: Sequence[str]) -> dict[str, PageFacts]:
        """Facts about each of `titles`, by the title as it was given, with spaces or underscores."""
        return {
            title: facts for batch in self.page_batches(project, titles) for title, facts in batch.items()
        }

    def page_batches(self, project: str, titles: Sequence[str]) -> Batches:
        """The same as `pages`, batch by batch as the answers come, so that a caller can keep what it has.

        The requests are on their way when this returns.
        """
        wanted = list(dict.fromkeys(titles))
        impossible = {title: unasked(title) for title in wanted if not askable(title)}
        asked = [title for title in wanted if title not in impossible]
        batches = [asked[start : start + BATCH] for start in range(0, len(asked), BATCH)]
        return Batches(impossible, [self.submit(self._batch, project, batch) for batch in batches])

    def _batch(self, project: str, titles: Iterable[str]) -> dict[str, PageFacts]:
        titles = list(titles)
        query = QUERY | {"titles": "|".join(titles)}
        following: dict[str, str] | None = {}
        pieces = 0
        pages: Pages | None = None
        while following is not None:
            answer = self._action(project, query | following)
            pages = pages or Pages(answer.url)
            following = pages.add(answer.json)
            pieces += 1
            if pieces > MOST_PIECES:
                raise RequestRejected(
                    url=answer.url, status=answer.status, detail="the continuation never ends"
                )
        return pages.facts(titles) if pages else {}

    def _action(self, project: str, params: dict[str, str]) -> Answer:
        url = self._settings.mediawiki_url.replace("{project}", project.removesuffix(".org"))
        try:
            return self._transport.get(url, params, self.counters)
        except NotThere:
            raise RequestRejected(url=url, status=404, detail="there is no such wiki") from None
