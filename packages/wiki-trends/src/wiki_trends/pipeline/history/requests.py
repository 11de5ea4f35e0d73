"""Request the daily views of pages from Wikimedia, with a limit on the number of requests.

There are two APIs. `prop=pageviews` returns the views of several pages in a response, but only for the last 60 days, and only for all
access methods together. The per-article API returns the views of one page in a response, for any days. The first response of
`prop=pageviews` shows whether this API has the needed days. If not, the per-article API is used.

An error of Wikimedia ends the requests. The responses before the error are kept, and the error is returned as a text.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import wait
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from wiki_trends.errors import ContractBroken, WikimediaError, WikimediaUnreachable
from wiki_trends.wikimedia.page_views import parse_page_views
from wiki_trends.wikimedia.pages import TITLES_PER_REQUEST, is_requestable

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from wiki_trends.wikimedia import WikimediaClient
    from wiki_trends.wikimedia.page_views import PageViews

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """The views to request.

    Attributes:
        project: the project, for example `en.wikipedia`.
        access: the access method.
        titles: the pages, the most important first.
        first: the first day to request.
        needed_from: the first day that is necessary; earlier days are only useful. An API without the views of this day is not used.
        last: the last day to request.
        max_requests: the maximum number of requests.
    """

    project: str
    access: str
    titles: Sequence[str]
    first: dt.date
    needed_from: dt.date
    last: dt.date
    max_requests: int


@dataclass(slots=True)
class HistoryAnswers:
    """The responses to a query.

    Attributes:
        bodies: the bytes of the responses with views.
        answered: the titles that the responses answer.
        without_data: the titles that Wikimedia has no views of.
        requests: the number of requests, including retries.
        titles_per_answer: the largest number of titles in one response.
        problem: the text of the error that ended the requests; empty without one.
    """

    bodies: list[bytes] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)
    without_data: set[str] = field(default_factory=set)
    requests: int = 0
    titles_per_answer: int = 0
    problem: str = ""


def request_history(client: WikimediaClient, query: HistoryQuery) -> HistoryAnswers:
    """Request the views of the pages, the first pages first, until all are answered or no more requests are allowed."""
    return _Requests(client.counted(), query).run()


class _Requests:
    """The requests of one query, which run in the threads of the client."""

    def __init__(self, client: WikimediaClient, query: HistoryQuery) -> None:
        self._client = client
        self._query = query
        self._lock = threading.Lock()
        self._request_count = 0
        self._titles = [title for title in query.titles if is_requestable(title)]
        self._answers = HistoryAnswers()

    def run(self) -> HistoryAnswers:
        """Send the requests, and return the responses."""
        try:
            if not self._request_recent():
                self._run_all([partial(self._request_article, title) for title in self._titles])
        except (WikimediaError, WikimediaUnreachable) as error:
            self._answers.problem = str(error)
        self._answers.requests = self._client.counters.requests
        return self._answers

    def _request_recent(self) -> bool:
        """Request the pages by `prop=pageviews`; return False if the per-article API must be used instead."""
        if self._query.access != "all-access" or not self._titles:
            return False
        batches = [
            self._titles[start : start + TITLES_PER_REQUEST]
            for start in range(0, len(self._titles), TITLES_PER_REQUEST)
        ]
        # The 60 days of the API depend on Wikimedia's clock. So the days of the first response decide whether the API has the needed days.
        response = self._send_batch(batches[0], {})
        if response is None:
            # No request is allowed, so the per-article API must not be tried, either.
            return True
        _body, views = response
        days = [day.day for day in views.days]
        if not days or min(days) > self._query.needed_from or max(days) < self._query.needed_from:
            return False
        self._run_all(
            [
                partial(self._finish_batch, batches[0], response),
                *(partial(self._request_batch, batch) for batch in batches[1:]),
            ]
        )
        return True

    def _run_all(self, calls: Sequence[Callable[[], None]]) -> None:
        """Run the calls in the client's threads; after an error, stop the others and raise the error."""
        futures = [self._client.submit(self._stop_on_error, call) for call in calls]
        try:
            wait(futures)
        finally:
            # After an interruption of `wait`, the calls that still run must not send more requests.
            self._refuse_more_requests()
        for future in futures:
            future.result()  # Raises the error of the call.

    def _stop_on_error(self, call: Callable[[], None]) -> None:
        try:
            call()
        except BaseException:
            self._refuse_more_requests()
            raise

    def _refuse_more_requests(self) -> None:
        with self._lock:
            self._request_count = self._query.max_requests

    def _may_send(self) -> bool:
        """Return whether one more request is allowed, and count it."""
        with self._lock:
            if self._request_count + self._client.counters.retries >= self._query.max_requests:
                return False
            self._request_count += 1
            return True

    def _request_batch(self, titles: Sequence[str]) -> None:
        response = self._send_batch(titles, {})
        if response is not None:
            self._finish_batch(titles, response)

    def _send_batch(
        self, titles: Sequence[str], continuation: Mapping[str, str]
    ) -> tuple[bytes, PageViews] | None:
        """Send one request for a batch of titles; return None when no more requests are allowed."""
        if not self._may_send():
            return None
        body = self._client.recent_views(self._query.project, titles, continuation).body
        return body, parse_page_views(body)

    def _finish_batch(self, titles: Sequence[str], response: tuple[bytes, PageViews] | None) -> None:
        """Keep a response, and request the continued responses of its batch."""
        answered: set[str] = set()
        while response is not None:
            body, views = response
            answered |= views.titles
            self._keep(body, views)
            if views.continuation is None:
                with self._lock:
                    self._answers.without_data |= set(titles) - answered
                return
            if not views.titles:
                raise ContractBroken(what="the views of pages", problem="a continued response has no page")
            response = self._send_batch(titles, views.continuation)

    def _request_article(self, title: str) -> None:
        if not self._may_send():
            return
        query = self._query
        response = self._client.article_views(query.project, query.access, title, query.first, query.last)
        if response is not None:
            self._keep(response.body, parse_page_views(response.body))
        else:
            with self._lock:
                self._answers.without_data.add(title)

    def _keep(self, body: bytes, views: PageViews) -> None:
        with self._lock:
            answers = self._answers
            answers.bodies.append(body)
            answers.answered |= views.titles
            answers.titles_per_answer = max(answers.titles_per_answer, len(views.titles))
            logger.info(
                "page history: %d of %d pages, %d requests",
                len(answers.answered),
                len(self._titles),
                self._client.counters.requests,
            )
