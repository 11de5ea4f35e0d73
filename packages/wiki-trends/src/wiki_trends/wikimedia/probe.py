"""Send one request to each of Wikimedia's services and report the unchanged response, for `doctor --live`.

The report shows how Wikimedia treats this machine, so requests are not retried and redirects are not followed. The usual rate limits
apply.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wiki_trends.config.projects import canonical_project
from wiki_trends.errors import ClientBlocked, WikimediaUnreachable, WikiTrendsError
from wiki_trends.wikimedia.answers import Blocked, NoData, RetryLater, one_line
from wiki_trends.wikimedia.client import SITEINFO_QUERY, action_url, top_url
from wiki_trends.wikimedia.limiter import DeadlinePassed
from wiki_trends.wikimedia.transport import Transport

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from wiki_trends.config.settings import Settings


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """The response of one service.

    Attributes:
        service: the name of the service.
        url: the URL of the request, without the query.
        status: the HTTP status; None without a response.
        http_version: the version of HTTP, for example `HTTP/2`.
        server: the value of the header `server`.
        x_cache: the value of the header `x-cache`.
        retry_after: the value of the header `retry-after`.
        first_line: the first line of the body, shortened; without a response, the reason of the failure.
        error: the error of the response; None for a response with data, or if the day is not published yet.
    """

    service: str
    url: str
    status: int | None
    http_version: str | None
    server: str | None
    x_cache: str | None
    retry_after: str | None
    first_line: str
    error: WikiTrendsError | None = None

    @classmethod
    def without_response(cls, service: str, url: str, reason: str, error: WikiTrendsError) -> LiveAnswer:
        """Return the result of a request that got no response. `reason` becomes the first line."""
        return cls(
            service=service,
            url=url,
            status=None,
            http_version=None,
            server=None,
            x_cache=None,
            retry_after=None,
            first_line=reason,
            error=error,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the document for `doctor --live --json`."""
        return {
            "service": self.service,
            "url": self.url,
            "status": self.status,
            "http_version": self.http_version,
            "server": self.server,
            "x_cache": self.x_cache,
            "retry_after": self.retry_after,
            "first_line": self.first_line,
            "error": None if self.error is None else str(self.error),
        }

    def lines(self) -> list[tuple[str, str]]:
        """Return the lines for a terminal, each with a style."""
        status = "no response" if self.status is None else f"{self.status} {self.http_version}"
        lines = [(f"{self.service}: {status}  {self.url}", "good" if self.error is None else "bad")]
        details = (
            ("server", self.server),
            ("x-cache", self.x_cache),
            ("retry-after", self.retry_after),
            ("body", self.first_line),
        )
        lines += [(f"    {name:<12} {value or '-'}", "") for name, value in details]
        return lines if self.error is None else [*lines, (f"    {self.error}", "bad")]


def probe(settings: Settings, day: dt.date) -> list[LiveAnswer]:
    """Request the list of a day from the pageviews API, and the site information from the Action API.

    Raises:
        ContactMissing: the URLs in the settings are those of Wikimedia, but the settings have no contact.
    """
    project = canonical_project(settings.project)
    transport = Transport(settings)
    try:
        return [
            _send_probe(transport, "pageviews API", top_url(settings, project, settings.access, day), {}),
            _send_probe(transport, "Action API", action_url(settings, project), SITEINFO_QUERY),
        ]
    finally:
        transport.close()


def _send_probe(transport: Transport, service: str, url: str, params: Mapping[str, str]) -> LiveAnswer:
    """Send one request, and describe its response or its failure."""
    try:
        response = transport.send_raw(url, params)
    except RetryLater as retry:
        failure = WikimediaUnreachable(url=url, attempts=1, reason=retry.reason)
        return LiveAnswer.without_response(service, url, retry.reason, failure)
    except DeadlinePassed:
        reason = "the rate limits allowed no request before the deadline"
        failure = WikimediaUnreachable(url=url, attempts=0, reason=reason)
        return LiveAnswer.without_response(service, url, reason, failure)
    error: WikiTrendsError | None = None
    try:
        transport.parse(url, response)  # Raises the error of a response without data.
    except NoData:
        error = None  # The service works; the day is not published yet.
    except Blocked as block:
        error = ClientBlocked(
            url=url, status=403, detail=block.detail, user_agent=transport.user_agent, attempts=1
        )
    except RetryLater as retry:
        error = WikimediaUnreachable(url=url, attempts=1, reason=retry.reason)
    except WikiTrendsError as rejected:
        error = rejected
    text = response.body[:4000].decode("utf-8", errors="replace").strip()

    def header(name: str) -> str | None:
        value = response.headers.get(name)
        return None if value is None else one_line(value)

    return LiveAnswer(
        service=service,
        url=url,
        status=response.status,
        http_version=response.http_version,
        server=header("server"),
        x_cache=header("x-cache"),
        retry_after=header("retry-after"),
        first_line=one_line(text.partition("\n")[0], 120),
        error=error,
    )
