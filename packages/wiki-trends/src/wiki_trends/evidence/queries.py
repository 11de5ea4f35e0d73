"""Send the queries for evidence, with a limit on the requests and on the time. Return the facts from the responses.

The facts of a query are stored under the key of the query. For a query with stored facts, no request is sent. A query that must not be
sent raises `NotAsked`. Errors of Wikimedia are raised unchanged. When Wikimedia blocks the client, or `MAX_FAILURES` sources cannot be
reached, no more requests are sent.

The queries of `together` are sent at the same time, as many as Wikimedia allows. All other queries are sent one after another.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from wiki_trends.errors import ClientBlocked, TokenRejected

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from wiki_trends.wikimedia.client import RawAnswer
    from wiki_trends.wikimedia.transport import Counters

    Connect: TypeAlias = "Callable[[], Client]"

Result = TypeVar("Result")

# The largest numbers of requests and of seconds for one window. No request is sent after these limits. A request that waits for its
# response when the time is over continues until its own deadline.
MAX_REQUESTS = 50
MAX_SECONDS = 60.0
MAX_FAILURES = 2
# Wikimedia allows three concurrent requests.
MAX_CONCURRENT = 3


class Client(Protocol):
    """The part of `WikimediaClient` that the collection needs."""

    def action(self, project: str, params: Mapping[str, str]) -> Any:
        """Send one query to the Action API of a project, and return the JSON of the response."""
        ...

    def top_pages(self, project: str, access: str, day: dt.date) -> RawAnswer:
        """Request the list of a day."""
        ...

    def article_views(
        self, project: str, access: str, title: str, first: dt.date, last: dt.date
    ) -> RawAnswer | None:
        """Request the daily views of one page; None without views."""
        ...

    @property
    def counters(self) -> Counters:
        """The counters of the requests and the retries that this client has sent."""
        ...


class NotAsked(Exception):
    """A query was not sent; the text is the reason."""


class Queries:
    """Answers queries from the stored facts, and sends requests for all other queries.

    Args:
        connect: a function that makes the client before the first request; None to send no requests.
        facts: the stored facts, by the key of their query; new facts are added.

    Attributes:
        failed_sources: the number of sources that could not be reached.
        sent: the number of requests, with retries.
        reused: the number of queries that the stored facts answered.
    """

    def __init__(self, connect: Connect | None, facts: dict[str, Any]) -> None:
        self._connect = connect
        self._client: Client | None = None
        self._facts = facts
        self._deadline = time.monotonic() + MAX_SECONDS
        self._is_rejected = False
        self._started = 0
        # Several threads send the queries of `together`.
        self._lock = threading.Lock()
        self.failed_sources = 0
        self.reused = 0

    @property
    def sent(self) -> int:
        """The number of requests that were sent, with retries."""
        return self._started + (0 if self._client is None else self._client.counters.retries)

    def together(self, queries: Iterable[Callable[[], Result]]) -> Iterator[Result]:
        """Send independent queries at the same time, and yield their facts in the order of the queries.

        If a query fails, its error is raised in its place. Queries that have not started then are not sent.
        """
        is_stopped = threading.Event()

        def send(query: Callable[[], Result]) -> Result:
            if is_stopped.is_set():
                message = "an earlier query failed"
                raise NotAsked(message)
            try:
                return query()
            except BaseException:
                is_stopped.set()
                raise

        with ThreadPoolExecutor(MAX_CONCURRENT) as pool:
            try:
                for future in [pool.submit(send, query) for query in queries]:
                    yield future.result()
            finally:
                # The caller can also stop before the last query, for example because of another error.
                is_stopped.set()

    def action(self, project: str, params: Mapping[str, str], facts_of: Callable[[list[Any]], Any]) -> Any:
        """Send a query to the Action API with all its continued responses, and return the facts that they contain."""

        def request() -> Any:
            answers: list[Any] = []
            continuation: dict[str, str] = {}
            while True:
                common = {"format": "json", "formatversion": "2", "maxlag": "5"}
                query = {**common, **params, **continuation}
                answer = self._send(partial(_ask_wiki, project, query))
                answers.append(answer)
                # A query with `rvlimit` asks only for the newest revisions, which the first response contains.
                if "continue" not in answer or "rvlimit" in params:
                    return facts_of(answers)
                continuation = {name: str(value) for name, value in answer["continue"].items()}

        return self._answer([project, *(f"{name}={params[name]}" for name in sorted(params))], request)

    def top(self, project: str, day: dt.date, facts_of: Callable[[Any], Any], key: str) -> Any:
        """Request the list of a day, and return facts from its rows. Different facts from the same list have different values of `key`."""

        def request() -> Any:
            body = self._send(lambda client: client.top_pages(project, "all-access", day)).body
            return facts_of(json.loads(body)["items"][0]["articles"])

        return self._answer(["top", project, day.isoformat(), key], request)

    def views(self, project: str, title: str, first: dt.date, last: dt.date) -> dict[str, int]:
        """Request the daily views of a page, by ISO day; empty without views."""

        def request() -> Any:
            answer = self._send(
                lambda client: client.article_views(project, "all-access", title, first, last)
            )
            items = json.loads(answer.body)["items"] if answer is not None else []
            return {_iso_day(item["timestamp"]): int(item["views"]) for item in items}

        views: dict[str, int] = self._answer(
            ["views", project, title, first.isoformat(), last.isoformat()], request
        )
        return views

    def _answer(self, request: list[str], send: Callable[[], Any]) -> Any:
        key = hashlib.sha256("\n".join(request).encode("utf-8", "replace")).hexdigest()[:32]
        if key in self._facts:
            self.reused += 1
        else:
            # The lake keeps the facts as JSON. New facts get the same form, so that a source reads both alike.
            self._facts[key] = json.loads(json.dumps(send()))
        return self._facts[key]

    def _send(self, call: Callable[[Client], Any]) -> Any:
        if self._connect is None:
            message = "the lake has no answer, and only wiki-trends run asks"
            raise NotAsked(message)
        with self._lock:
            if self._is_rejected or self.failed_sources >= MAX_FAILURES:
                message = "other sources did not answer"
                raise NotAsked(message)
            if self.sent >= MAX_REQUESTS:
                message = f"the limit of {MAX_REQUESTS} requests is reached"
                raise NotAsked(message)
            if time.monotonic() >= self._deadline:
                message = f"the limit of {MAX_SECONDS:.0f} seconds is reached"
                raise NotAsked(message)
            client = self._client = self._client or self._connect()
            self._started += 1
        try:
            return call(client)
        except (ClientBlocked, TokenRejected):
            # Further requests of a client that is not accepted make a block worse.
            self._is_rejected = True
            raise


def _ask_wiki(project: str, params: Mapping[str, str], client: Client) -> Any:
    return client.action(project, params)


def _iso_day(timestamp: str) -> str:
    return f"{timestamp[:4]}-{timestamp[4:6]}-{timestamp[6:8]}"
