"""Send a request to Wikimedia with rate limits, retries, backoff and an overall deadline.

Permanent errors (`RequestRejected`, `NoData`) are raised without a retry. When no attempts or no time are left, the transport raises
`WikimediaUnreachable` with the reasons of the failures. Closing the transport ends all waits immediately.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from smart_orchestrator.store.variables import is_host
from wiki_trends.config.contacts import find_contact_problem
from wiki_trends.errors import ClientBlocked, ContactMissing, RequestRejected, WikimediaUnreachable
from wiki_trends.wikimedia.answers import MAX_PAUSE_SECONDS, Blocked, RetryLater, one_line, parse_response
from wiki_trends.wikimedia.headers import request_headers
from wiki_trends.wikimedia.hosts import is_wikimedia
from wiki_trends.wikimedia.limiter import DeadlinePassed, Limiter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx2

    from wiki_trends.config.settings import Settings
    from wiki_trends.wikimedia.answers import Json

_log = logging.getLogger(__name__)
_MAX_GET_URL_LENGTH = 4096
# The maximum numbers of failed attempts of one request. Attempts after which Wikimedia asks the client to wait are not counted.
MAX_ATTEMPTS = 8
MAX_CONNECT_ATTEMPTS = 4
MAX_BLOCKED_ATTEMPTS = 3
MAX_REDIRECTS = 5
MIN_BACKOFF_SECONDS = 0.1
FIRST_BACKOFF_SECONDS = 0.25
FIRST_ASKED_BACKOFF_SECONDS = 1.0
MAX_BACKOFF_SECONDS = 30.0
# The maximum size of a body. Real responses are much smaller: the list of a day has about 60 KB, and a batch of pages at most 2 MB.
MAX_BODY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful response.

    Attributes:
        body: the bytes of the body, after content decoding.
        json: the parsed body.
        url: the URL of the request.
        status: the HTTP status.
        etag: the ETag of the response; None without this header.
    """

    body: bytes
    json: Json
    url: str
    status: int
    etag: str | None


class RawResponse(NamedTuple):
    """A response of any status. The names of `headers` are case-insensitive."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    http_version: str


class Counters:
    """The number of requests that were sent, and the number of retries among them. Thread-safe.

    Args:
        on_request: a callback that is called for each request, from the thread that sends it.
    """

    def __init__(self, on_request: Callable[[], None] | None = None) -> None:
        self.on_request = on_request
        self.requests = 0
        self.retries = 0
        self._lock = threading.Lock()

    def add(self, *, retry: bool) -> None:
        """Count one request, which may be a retry."""
        with self._lock:
            self.requests += 1
            self.retries += retry
        if self.on_request is not None:
            self.on_request()


class Transport:
    """A sender of requests with persistent connections. Thread-safe."""

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
        # Wikimedia refuses every request without a contact, so a retry cannot succeed.
        self._max_blocked_attempts = MAX_BLOCKED_ATTEMPTS if settings.contact else 1
        self._closed = threading.Event()
        self._http = httpx2.Client(
            headers=request_headers(settings, httpx2.__version__),
            timeout=httpx2.Timeout(settings.request_timeout, connect=min(settings.request_timeout, 10.0)),
            # HTTP/2 is used only when the server agrees during the TLS handshake; otherwise the client uses HTTP/1.1.
            http2=True,
            # Loading the certificates takes 130 ms, and plain HTTP needs no certificates.
            verify=any(url.scheme == "https" for url in urls),
            limits=httpx2.Limits(
                max_connections=settings.max_in_flight, max_keepalive_connections=settings.max_in_flight
            ),
        )

    def get(self, url: str, params: Mapping[str, str], counters: Counters) -> Answer:
        """Send a query, and retry after transient failures while attempts and time are left.

        Raises:
            NoData: the pageviews API has no data for the day.
            RequestRejected: the request is invalid, or Wikimedia blocks this client.
            WikimediaUnreachable: no attempts or no time are left.
        """
        deadline = time.monotonic() + self._settings.deadline
        query = _QueryState(self._build_request(url, params), deadline)
        while True:
            try:
                self._sleep(query.wait)
                return self._send_once(query.request, deadline, counters, retry=query.failures > 0)
            except DeadlinePassed:
                query.reasons = query.reasons or ["the rate limits allowed no request before the deadline"]
                raise self._unreachable_error(query) from None
            except _Redirected as redirected:
                query.follow(redirected)
            except Blocked as block:
                if not query.record_failure(RetryLater("status 403"), self._max_blocked_attempts):
                    raise _blocked_error(query, block) from None
            except RetryLater as failure:
                max_attempts = MAX_CONNECT_ATTEMPTS if isinstance(failure, _ConnectFailed) else MAX_ATTEMPTS
                will_retry = query.record_failure(failure, max_attempts)  # Also sets `query.wait`.
                if failure.throttled:
                    self._limiter.slow_down()
                if failure.asked_to_wait:
                    self._limiter.pause(query.wait)
                if not will_retry:
                    raise self._unreachable_error(query) from None

    @property
    def user_agent(self) -> str:
        """The User-Agent of every request."""
        return str(self._http.headers["user-agent"])

    def send_raw(self, url: str, params: Mapping[str, str]) -> RawResponse:
        """Send a query once, within the limits, and return the response, also if its status is an error.

        Raises:
            RetryLater: no complete response arrived.
            DeadlinePassed: the rate limits allowed no request before the deadline.
        """
        deadline = time.monotonic() + min(self._settings.deadline, self._settings.request_timeout)
        with self._limiter.request(deadline, self._sleep):
            return self._exchange(self._build_request(url, params), deadline)

    def parse(self, url: str, response: RawResponse) -> Json:
        """Parse a response like `parse_response`."""
        has_token = bool(self._settings.token)
        return parse_response(url, response.status, response.headers, response.body, has_token=has_token)

    def slow_down(self, pause: float | None) -> None:
        """Halve the rate of all processes of this machine, and block their new requests for `pause` seconds (None: one second)."""
        self._limiter.slow_down()
        self._limiter.pause(FIRST_ASKED_BACKOFF_SECONDS if pause is None else pause)

    def end_waiting(self) -> None:
        """Prevent new requests, and cancel every wait."""
        self._closed.set()

    def close(self) -> None:
        """Cancel every wait and close the connections."""
        self.end_waiting()
        self._http.close()

    def _build_request(self, url: str, params: Mapping[str, str]) -> httpx2.Request:
        """Build a GET request, or a POST request when the URL would be too long."""
        request = self._http.build_request("GET", url, params=params or None)
        if len(str(request.url)) <= _MAX_GET_URL_LENGTH:
            return request
        # Servers refuse URLs of more than about 8 KB, and fifty percent-encoded titles need up to 40 KB. Short queries use GET,
        # because Wikimedia can cache GET. The header allows the nearest data centre to serve a read-only POST.
        return self._http.build_request(
            "POST", url, data=dict(params), headers={"Promise-Non-Write-API-Action": "true"}
        )

    def _send_once(
        self, request: httpx2.Request, deadline: float, counters: Counters, *, retry: bool
    ) -> Answer:
        """Send a request once, within the limits. Return the response, or raise the error that the response means."""
        with self._limiter.request(deadline, self._sleep):
            counters.add(retry=retry)
            response = self._exchange(request, deadline)
        url = _url_text(request)
        self._report_deprecation(request, response.headers)
        self._raise_if_redirected(request, response.status, response.headers)
        parsed = self.parse(url, response)
        return Answer(response.body, parsed, url, response.status, response.headers.get("etag"))

    def _report_deprecation(self, request: httpx2.Request, headers: Mapping[str, str]) -> None:
        """Log a warning, at most once a day, when headers announce that an endpoint will end (RFC 9745, RFC 8594)."""
        names = [name for name in ("Deprecation", "Sunset") if name in headers]
        if not names:
            return
        # Without the parts of the path that name a day or a page: `https://wikimedia.org/api/rest_v1/metrics/pageviews`.
        endpoint = "/".join(str(request.url).partition("?")[0].split("/")[:7])
        # The text by which repeated warnings are recognized has no header values, because a server may change them with each response.
        if self._limiter.record_notice(f"{endpoint} {names}"):
            values = ", ".join(f"{name}: {one_line(headers[name])}" for name in names)
            _log.warning("%s will be withdrawn (%s). Update wiki-trends.", endpoint, values)

    def _raise_if_redirected(self, request: httpx2.Request, status: int, headers: Mapping[str, str]) -> None:
        """Raise `_Redirected` if a GET is redirected between URLs on Wikimedia's hosts, except from HTTPS to HTTP."""
        if status not in (301, 302, 303, 307, 308) or request.method != "GET" or "location" not in headers:
            return
        import httpx2

        try:
            target = request.url.join(headers["location"])
        except httpx2.InvalidURL:
            return
        if not (is_wikimedia(request.url.host) and is_wikimedia(target.host)):
            return
        is_valid_address = is_host(target.host) and (target.port is None or 0 < target.port < 65_536)
        if is_valid_address and target.scheme in ("https", request.url.scheme) and not target.userinfo:
            raise _Redirected(status, self._http.build_request("GET", target))

    def _exchange(self, request: httpx2.Request, deadline: float) -> RawResponse:
        """Send a request and read the complete response."""
        import httpx2

        # httpx2's time-outs apply to each read. This time-out applies to the complete body.
        body_deadline = min(deadline, time.monotonic() + self._settings.request_timeout)
        chunks: list[bytes] = []
        size = 0
        try:
            response = self._http.send(request, stream=True)
            try:
                for chunk in response.iter_bytes():
                    chunks.append(chunk)
                    size += len(chunk)
                    if size > MAX_BODY_BYTES or time.monotonic() > body_deadline:
                        raise RetryLater("a body that takes too long or does not end")
            finally:
                response.close()
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise _ConnectFailed(_reason(error)) from None
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise RetryLater(_reason(error)) from None
        body = b"".join(chunks)
        if response.status_code >= 400 and self._settings.token:
            # A page about an error may repeat the headers of the request, such as the token. Messages quote this page.
            body = body.replace(self._settings.token.encode(), b"(secret)")
        return RawResponse(response.status_code, response.headers, body, response.http_version)

    def _sleep(self, seconds: float) -> None:
        """Wait a number of seconds; raise `DeadlinePassed` when the transport is closed."""
        if self._closed.wait(max(seconds, 0)):
            raise DeadlinePassed

    def _unreachable_error(self, query: _QueryState) -> WikimediaUnreachable:
        reason = "the client was closed" if self._closed.is_set() else ", then ".join(query.reasons)
        return WikimediaUnreachable(url=_url_text(query.request), attempts=query.failures, reason=reason)


@dataclass(slots=True)
class _QueryState:
    """The state of one query.

    Attributes:
        request: the request that is sent next; a redirect replaces this request.
        deadline: the time after which no attempt begins, on the clock of `time.monotonic`.
        failures: the number of attempts that did not succeed.
        limited_failures: the number of failures that count towards the maximum. If Wikimedia asked the client to wait, a failure does not
            count, unless the wait was 0 seconds.
        redirects: the number of redirects that were followed.
        wait: the number of seconds before the next attempt.
        reasons: the different reasons of the failures, the earliest first.
    """

    request: httpx2.Request
    deadline: float
    failures: int = 0
    limited_failures: int = 0
    redirects: int = 0
    wait: float = 0.0
    reasons: list[str] = field(default_factory=list)

    def record_failure(self, failure: RetryLater, max_attempts: int) -> bool:
        """Count a failed attempt and set the wait before the next one. Return False when no attempts or no time are left."""
        if failure.reason not in self.reasons:
            self.reasons.append(failure.reason)
        self.failures += 1
        # With `Retry-After: 0`, the server asks for no wait, so nothing else would end the attempts before the deadline.
        self.limited_failures += not failure.asked_to_wait or failure.pause == 0
        self.wait = _retry_delay(failure, self.failures)
        has_time = time.monotonic() + self.wait <= self.deadline
        # If the pause was cut to the maximum, the reason of the failure already says so.
        if failure.pause and not has_time and failure.pause < MAX_PAUSE_SECONDS:
            self.reasons.append(f"the server asked to wait {failure.pause:.0f} s, beyond the deadline")
        return self.limited_failures < max_attempts and has_time

    def follow(self, redirected: _Redirected) -> None:
        """Continue with the target of a redirect.

        Raises:
            RequestRejected: the query was redirected more than `MAX_REDIRECTS` times.
        """
        self.redirects += 1
        if self.redirects > MAX_REDIRECTS:
            raise RequestRejected(
                url=_url_text(self.request), status=redirected.status, detail="too many redirects"
            ) from None
        self.request, self.wait = redirected.request, 0.0


def _blocked_error(query: _QueryState, block: Blocked) -> ClientBlocked:
    return ClientBlocked(
        url=_url_text(query.request),
        status=403,
        detail=block.detail,
        user_agent=query.request.headers["user-agent"],
        attempts=query.failures,
    )


class _Redirected(Exception):
    """The response is a redirect that the client follows.

    Attributes:
        status: the HTTP status of the redirect.
        request: the request to the target of the redirect.
    """

    def __init__(self, status: int, request: httpx2.Request) -> None:
        self.status = status
        self.request = request
        super().__init__(str(status))


class _ConnectFailed(RetryLater):
    """No connection was made. Retries rarely help with a wrong address or a network failure, so fewer attempts are made."""


def check_contact(contact: str) -> None:
    """Reject a contact through which Wikimedia cannot reach the user.

    Raises:
        ContactMissing: the contact is empty or a placeholder.
    """
    problem = find_contact_problem(contact) if contact else "is not a contact"
    if problem is not None:
        raise ContactMissing(contact=contact, problem=problem)


def _retry_delay(failure: RetryLater, attempt: int) -> float:
    """Return the seconds before the next attempt: `Retry-After` if present, otherwise exponential backoff with jitter."""
    if failure.pause is not None:
        return max(failure.pause, MIN_BACKOFF_SECONDS)
    first_backoff = FIRST_ASKED_BACKOFF_SECONDS if failure.asked_to_wait else FIRST_BACKOFF_SECONDS
    return float(min(MAX_BACKOFF_SECONDS, first_backoff * 2 ** (attempt - 1)) * random.uniform(0.5, 1.0))


def _url_text(request: httpx2.Request) -> str:
    """Return the URL for messages, shortened to 300 characters, because a URL with fifty titles is unreadable."""
    url = str(request.url)
    return url if len(url) <= 300 else url[:299] + "…"


def _reason(error: Exception) -> str:
    """Return the type and the message of an error, for messages."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
