"""Send a request to Wikimedia with rate limits, retries, backoff and an overall deadline.

Permanent errors are raised at once (`RequestRejected`, `NoData`). When no tries or no time are left, `WikimediaUnreachable` names
the last reason. Closing the transport ends every wait at once.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlsplit

from smart_orchestrator.store.variables import is_host
from wiki_trends.config.contacts import contact_problem
from wiki_trends.errors import ClientBlocked, ContactMissing, RequestRejected, WikimediaUnreachable
from wiki_trends.wikimedia.answers import Blocked, RetryLater, one_line, parse_response
from wiki_trends.wikimedia.limiter import DeadlinePassed, Limiter

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2

    from wiki_trends.config.settings import Settings
    from wiki_trends.wikimedia.answers import Json

_log = logging.getLogger(__name__)
WIKIMEDIA_HOSTS = (
    "mediawiki.org",
    "wikibooks.org",
    "wikidata.org",
    "wikifunctions.org",
    "wikimedia.org",
    "wikinews.org",
    "wikipedia.org",
    "wikiquote.org",
    "wikisource.org",
    "wikiversity.org",
    "wikivoyage.org",
    "wiktionary.org",
)
# Most failed tries of a request. A throttled try does not count as failed: it is repeated until the deadline.
TRIES = 8
TRIES_TO_CONNECT = 4
TRIES_WHEN_BLOCKED = 3
MAX_REDIRECTS = 5
SHORTEST_BACKOFF = 0.1
FIRST_BACKOFF = 0.25
FIRST_BACKOFF_WHEN_THROTTLED = 1.0
LONGEST_BACKOFF = 30.0
# The response with a day's list has about 60 KB, the one with the details of a batch of pages at most 2 MB.
LARGEST_BODY = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful response: its body after content decoding, the parsed JSON, and the URL of the request."""

    body: bytes
    json: Json
    url: str
    status: int
    etag: str | None


class RawResponse(NamedTuple):
    """A response of any status; `headers` are case-insensitive."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    http_version: str


class Counters:
    """How many requests were sent, and how many of them were repetitions. Thread-safe."""

    def __init__(self) -> None:
        self.requests = 0
        self.retries = 0
        self._lock = threading.Lock()

    def add(self, *, retry: bool) -> None:
        """Count one request."""
        with self._lock:
            self.requests += 1
            self.retries += retry


class Transport:
    """Sends requests over connections that stay open. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        import httpx2

        urls = [
            urlsplit(settings.wikimedia_url),
            urlsplit(settings.mediawiki_url.replace("{project}", "en.wikipedia")),
        ]
        if any(is_wikimedia(url.hostname or "") for url in urls):
            check_contact(settings.contact)
        self._settings = settings
        self._limiter = Limiter(
            Path(settings.state) / "limits",
            max_in_flight=settings.max_in_flight,
            rate_per_minute=settings.requests_per_minute,
        )
        # Wikimedia refuses every request without a contact, so a second try cannot succeed.
        self._tries_when_blocked = TRIES_WHEN_BLOCKED if settings.contact else 1
        self._closed = threading.Event()
        self._http = httpx2.Client(
            headers=_headers(settings, httpx2.__version__),
            timeout=httpx2.Timeout(settings.request_timeout, connect=min(settings.request_timeout, 10.0)),
            # TLS negotiates HTTP/2 (ALPN). Plain HTTP, and servers without HTTP/2, use HTTP/1.1.
            http2=True,
            # Loading the certificates takes 130 ms, and plain HTTP does not need them.
            verify=any(url.scheme == "https" for url in urls),
            limits=httpx2.Limits(
                max_connections=settings.max_in_flight, max_keepalive_connections=settings.max_in_flight
            ),
        )

    def get(self, url: str, params: Mapping[str, str], counters: Counters) -> Answer:
        """Send a query, and repeat it after transient failures while tries and time are left.

        Raises:
            NoData: the pageviews API has no data for the day.
            RequestRejected: the request is invalid, or Wikimedia blocks this client.
            WikimediaUnreachable: no tries or no time are left.
        """
        deadline = time.monotonic() + self._settings.deadline
        tries = _Tries(self._request(url, params), deadline)
        while True:
            try:
                self._sleep(tries.wait)
                return self._send_once(tries.request, deadline, counters, retry=tries.attempts > 0)
            except DeadlinePassed:
                reason = "the limits left no room before the deadline"
                raise self._unreachable(tries.request, tries.attempts, reason) from None
            except _Redirected as redirected:
                tries.follow(redirected)
            except Blocked as block:
                if not tries.record_failure(RetryLater("status 403"), self._tries_when_blocked):
                    raise _blocked(tries, block) from None
            except RetryLater as failure:
                most_tries = TRIES_TO_CONNECT if isinstance(failure, _ConnectFailed) else TRIES
                will_repeat = tries.record_failure(failure, most_tries)
                if failure.throttled:
                    self._limiter.slow_down()
                if failure.slow_down:
                    self._limiter.pause(tries.wait)
                if not will_repeat:
                    raise self._unreachable(tries.request, tries.attempts, failure.reason) from None

    @property
    def user_agent(self) -> str:
        """The User-Agent of every request."""
        return str(self._http.headers["user-agent"])

    def send_raw(self, url: str, params: Mapping[str, str]) -> RawResponse:
        """Send a query once, within the limits, and return the response whatever its status.

        Raises:
            RetryLater: there was no complete response.
            DeadlinePassed: the limits left no room.
        """
        deadline = time.monotonic() + min(self._settings.deadline, self._settings.request_timeout)
        with self._limiter.request(deadline, self._sleep):
            return self._exchange(self._request(url, params), deadline)

    def end_waiting(self) -> None:
        """Start no more requests, and cancel every wait."""
        self._closed.set()

    def close(self) -> None:
        """Cancel every wait and close the connections."""
        self.end_waiting()
        self._http.close()

    def _request(self, url: str, params: Mapping[str, str]) -> httpx2.Request:
        request = self._http.build_request("GET", url, params=params or None)
        if len(str(request.url)) <= 4096:
            return request
        # Servers refuse URLs of more than about 8 KB, and fifty long titles, percent-encoded, need up to 40 KB. A short
        # query stays a GET, which Wikimedia can cache. The header lets the nearest data centre serve a read-only POST.
        return self._http.build_request(
            "POST", url, data=dict(params), headers={"Promise-Non-Write-API-Action": "true"}
        )

    def _send_once(
        self, request: httpx2.Request, deadline: float, counters: Counters, *, retry: bool
    ) -> Answer:
        with self._limiter.request(deadline, self._sleep):
            counters.add(retry=retry)
            response = self._exchange(request, deadline)
        url = _url_text(request)
        self._report_deprecation(request, response.headers)
        self._raise_redirect(request, response.status, response.headers)
        parsed = parse_response(url, response.status, response.headers, response.body)
        return Answer(response.body, parsed, url, response.status, response.headers.get("etag"))

    def _report_deprecation(self, request: httpx2.Request, headers: Mapping[str, str]) -> None:
        """Log a warning, at most once a day, when headers announce the end of an endpoint (RFC 9745, RFC 8594)."""
        names = [name for name in ("Deprecation", "Sunset") if name in headers]
        if not names:
            return
        endpoint = "/".join(str(request.url).partition("?")[0].split("/")[:7])
        # The values are not part of the notice: a server may change them with each response.
        if self._limiter.is_first_today(f"{endpoint} {names}"):
            values = ", ".join(f"{name}: {one_line(headers[name])}" for name in names)
            _log.warning("%s will be withdrawn (%s). Update wiki-trends.", endpoint, values)

    def _raise_redirect(self, request: httpx2.Request, status: int, headers: Mapping[str, str]) -> None:
        """Raise `_Redirected` for a redirect that is safe to follow: a GET between Wikimedia's hosts, not from HTTPS to HTTP."""
        if status not in (301, 302, 303, 307, 308) or request.method != "GET" or "location" not in headers:
            return
        import httpx2

        try:
            target = request.url.join(headers["location"])
        except httpx2.InvalidURL:
            return
        if not (is_wikimedia(request.url.host) and is_wikimedia(target.host)):
            return
        is_possible = is_host(target.host) and (target.port is None or 0 < target.port < 65_536)
        if is_possible and target.scheme in ("https", request.url.scheme) and not target.userinfo:
            raise _Redirected(status, self._http.build_request("GET", target))

    def _exchange(self, request: httpx2.Request, deadline: float) -> RawResponse:
        import httpx2

        # The library's time-outs apply to each read; this one applies to the complete body.
        until = min(deadline, time.monotonic() + self._settings.request_timeout)
        chunks: list[bytes] = []
        size = 0
        try:
            response = self._http.send(request, stream=True)
            try:
                for chunk in response.iter_bytes():
                    chunks.append(chunk)
                    size += len(chunk)
                    if size > LARGEST_BODY or time.monotonic() > until:
                        raise RetryLater("a body that takes too long or does not end")
            finally:
                response.close()
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise _ConnectFailed(_reason(error)) from None
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise RetryLater(_reason(error)) from None
        return RawResponse(response.status_code, response.headers, b"".join(chunks), response.http_version)

    def _sleep(self, seconds: float) -> None:
        closed = self._closed.wait(seconds) if seconds > 0 else self._closed.is_set()
        if closed:
            raise DeadlinePassed

    def _unreachable(self, request: httpx2.Request, attempts: int, reason: str) -> WikimediaUnreachable:
        reason = "the client was closed" if self._closed.is_set() else reason
        return WikimediaUnreachable(url=_url_text(request), attempts=attempts, reason=reason)


@dataclass(slots=True)
class _Tries:
    """The state of one query.

    Attributes:
        request: the request to send next; a redirect replaces it.
        deadline: on the clock of `time.monotonic`.
        attempts: number of tries that did not succeed.
        failed: number of these tries that were not throttled; only they are limited.
        redirects: number of redirects that were followed.
        wait: seconds before the next try.
    """

    request: httpx2.Request
    deadline: float
    attempts: int = 0
    failed: int = 0
    redirects: int = 0
    wait: float = 0.0

    def record_failure(self, failure: RetryLater, most_tries: int) -> bool:
        """Count a failed try and set the wait before the next one; False when no tries or no time are left."""
        self.attempts += 1
        self.failed += not failure.slow_down
        self.wait = _delay(failure, self.attempts)
        return self.failed < most_tries and time.monotonic() + self.wait <= self.deadline

    def follow(self, redirected: _Redirected) -> None:
        """Continue with the target of a redirect.

        Raises:
            RequestRejected: more than `MAX_REDIRECTS` redirects.
        """
        self.redirects += 1
        if self.redirects > MAX_REDIRECTS:
            raise RequestRejected(
                url=_url_text(self.request), status=redirected.status, detail="too many redirects"
            ) from None
        self.request, self.wait = redirected.request, 0.0


def _blocked(tries: _Tries, block: Blocked) -> ClientBlocked:
    return ClientBlocked(
        url=_url_text(tries.request),
        status=403,
        detail=block.detail,
        user_agent=tries.request.headers["user-agent"],
        attempts=tries.attempts,
    )


class _Redirected(Exception):
    """The response is a redirect that may be followed."""

    def __init__(self, status: int, request: httpx2.Request) -> None:
        self.status = status
        self.request = request
        super().__init__(str(status))


class _ConnectFailed(RetryLater):
    """No connection was made. The network or the address is probably at fault, so fewer tries are made."""


def check_contact(contact: str) -> None:
    """Refuse a contact by which Wikimedia cannot reach the user.

    Raises:
        ContactMissing: the contact is empty or a placeholder.
    """
    problem = contact_problem(contact) if contact else "is not a contact"
    if problem is not None:
        raise ContactMissing(contact=contact, problem=problem)


def is_wikimedia(host: str) -> bool:
    """Whether a host belongs to Wikimedia."""
    host = host.lower().removesuffix(".")
    return any(host == name or host.endswith(f".{name}") for name in WIKIMEDIA_HOSTS)


def _headers(settings: Settings, library: str) -> dict[str, str]:
    """Headers by Wikimedia's User-Agent policy: client, contact, library."""
    contact = f" ({quote(settings.contact, safe=_PRINTABLE)})" if settings.contact else ""
    headers = {
        "User-Agent": f"wiki-trends/{version('wiki-trends')}{contact} httpx2/{library}",
        "Accept": "application/json",
    }
    if settings.token:
        headers["Authorization"] = f"Bearer {settings.token}"
    return headers


_PRINTABLE = "".join(map(chr, range(32, 127)))


def _delay(failure: RetryLater, attempt: int) -> float:
    """Seconds before the next try: from `Retry-After`, else exponential backoff, of which jitter takes up to a half."""
    if failure.pause is not None:
        return max(failure.pause, SHORTEST_BACKOFF)
    first = FIRST_BACKOFF_WHEN_THROTTLED if failure.slow_down else FIRST_BACKOFF
    return float(min(LONGEST_BACKOFF, first * 2 ** (attempt - 1)) * random.uniform(0.5, 1.0))


def _url_text(request: httpx2.Request) -> str:
    """The URL for messages, cut after 300 characters, because a URL with fifty titles would bury the message."""
    url = str(request.url)
    return url if len(url) <= 300 else url[:299] + "…"


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
