"""A probe that requests a URL: the status 2xx means that the upstream has the key, 404 and 410 that it does not have it yet.

Any other status, a redirect and a failure of the network mean that the answer is unknown. The validity of an answer follows from
`Cache-Control` and `Age` of the response, and after 429 and 5xx from `Retry-After`. The body is not read.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from smart_orchestrator.extras import extra
from smart_orchestrator.foreign import one_line, retry_after_seconds
from smart_orchestrator.model.key_format import format_key
from smart_orchestrator.store.urls import redacted_url
from smart_orchestrator.upstream.probe import (
    DEFAULT_VALIDITY,
    MAX_RETRY_AFTER,
    MAX_VALIDITY,
    UNKNOWN_VALIDITY,
    Answer,
    Presence,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smart_orchestrator.model.grain import Key

_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?([0-9]{1,10})", re.IGNORECASE)
_NOT_CACHED = re.compile(r"(?:^|[,\s])(no-store|no-cache)(?:$|[,\s])", re.IGNORECASE)
_MAX_ETAG_LENGTH = 200
# The statuses with which the upstream asks to slow down. Until such an answer expires, the upstream is not asked about any key.
_SLOW_DOWN = (429, 503)


class UrlProbe:
    """A probe of a URL.

    Args:
        template: the URL, in which `{start:…}` or `{day:…}` formats the start of the key's span.
        method: `HEAD` or `GET`.
        timeout: the time-out of a request, in seconds.
    """

    def __init__(self, template: str, method: str = "HEAD", timeout: float = 30.0) -> None:
        self._template = template
        self._method = method
        self._timeout = timeout

    def ask(self, key: Key, now: dt.datetime) -> Answer:
        """See `Probe`."""
        # The extra `airflow-client` installs the HTTP client.
        with extra("airflow-client"):
            import httpx2

        url = format_key(self._template, key)
        shown_url = redacted_url(url)
        try:
            # The body of a GET is not read: leaving the block closes the connection.
            with (
                httpx2.Client(timeout=self._timeout, verify=url.startswith("https://")) as client,
                client.stream(self._method, url) as response,
            ):
                return answer_of(response.status_code, response.headers, shown_url, now)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return Answer.of(
                Presence.UNKNOWN, now, f"no answer ({type(error).__name__})", url=shown_url, is_silent=True
            )


def answer_of(status: int, headers: Mapping[str, str], url: str, now: dt.datetime) -> Answer:
    """Return the answer that an HTTP response means.

    Args:
        status: the HTTP status.
        headers: the headers, whose names are case-insensitive or in lower case.
        url: the address that was asked, without credentials.
        now: the time at which the response arrived.
    """
    detail = f"HTTP {status}"
    if 200 <= status < 300:
        etag = one_line(headers.get("etag", ""), _MAX_ETAG_LENGTH)
        return Answer(Presence.LANDED, now + _cache_lifetime(headers), etag, url, detail)
    if status in (404, 410):
        return Answer(Presence.NOT_YET, now + _cache_lifetime(headers), "", url, detail)
    if 300 <= status < 400:
        target = redacted_url(one_line(headers.get("location", "")))
        detail += f", a redirect to {target}" if target else ""
    pause = retry_after_seconds(headers, now) if status == 429 or status >= 500 else None
    validity = UNKNOWN_VALIDITY
    if pause is not None:
        validity = dt.timedelta(seconds=min(pause, MAX_RETRY_AFTER.total_seconds()))
    return Answer(Presence.UNKNOWN, now + validity, "", url, detail, is_silent=status in _SLOW_DOWN)


def _cache_lifetime(headers: Mapping[str, str]) -> dt.timedelta:
    """Return how long a cache may keep the response (RFC 9111): `max-age` less `Age`, from zero to one day.

    The result is zero with `no-store` or `no-cache`, and 30 minutes without `max-age`.
    """
    control = headers.get("cache-control", "")
    if _NOT_CACHED.search(control):
        return dt.timedelta(0)
    match = _MAX_AGE.search(control)
    if match is None:
        return DEFAULT_VALIDITY
    age = headers.get("age", "").strip()
    seconds = int(match[1]) - (int(age[:10]) if age.isascii() and age.isdigit() else 0)
    return min(max(dt.timedelta(seconds=seconds), dt.timedelta(0)), MAX_VALIDITY)
