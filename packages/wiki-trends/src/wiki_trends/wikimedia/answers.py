"""Classify an HTTP response of Wikimedia: success, throttled, transient failure, or permanent error.

The functions are pure. The HTTP status is checked first. The body of an error can be a JSON object, JSON with a list of details, or
plain text, so the body is parsed without assumptions about its form. Sources: the documentation of the pageviews API
(https://doc.wikimedia.org/generated-data-platform/aqs/analytics-api/) and of the Action API
(https://www.mediawiki.org/wiki/API:Errors_and_warnings).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from smart_orchestrator.foreign import retry_after_seconds
from wiki_trends.errors import RequestRejected, TokenRejected

if TYPE_CHECKING:
    from collections.abc import Mapping

# The result of `json.loads`, not validated yet.
Json: TypeAlias = Any

# The client never waits longer than this, even if the server requests a longer delay.
MAX_PAUSE_SECONDS = 900.0
# The error codes of the Action API: those that ask the client to wait, and the beginnings of those for a rejected token and for failures
# that pass.
_WAIT_CODES = ("maxlag", "ratelimited")
_TOKEN_CODES = ("mwoauth-", "assertuserfailed")
_TRANSIENT_CODES = ("readonly", "internal_api_error", "internalerror", "timeouterror")


class RetryLater(Exception):
    """The same request may succeed later.

    Attributes:
        reason: the summary of the response, for messages.
        pause: the number of seconds to wait from `Retry-After`, at most `MAX_PAUSE_SECONDS`; None without this header.
        asked_to_wait: whether Wikimedia asked the client to wait. Such an attempt counts towards the maximum only if `pause` is 0.
        throttled: whether the response says that the rate of requests was too high.
    """

    def __init__(
        self, reason: str, *, pause: float | None = None, asked_to_wait: bool = False, throttled: bool = False
    ) -> None:
        if pause is not None and pause > MAX_PAUSE_SECONDS:
            reason += f"; the server asked to wait {pause:.0f} s, but the client waits at most {MAX_PAUSE_SECONDS:.0f} s"
            pause = MAX_PAUSE_SECONDS
        self.reason = reason
        self.pause = pause
        self.asked_to_wait = asked_to_wait
        self.throttled = throttled
        super().__init__(reason)


class NoData(Exception):
    """The API returned 404, because it has no data for the request. For example, the day is not published, or the page has no views."""


class Blocked(Exception):
    """Wikimedia blocks the client: status 403 without `Retry-After`. Repeated requests can extend the block.

    Attributes:
        detail: the body of the response in one line.
    """

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(detail)


def parse_response(
    url: str, status: int, headers: Mapping[str, str], body: bytes, *, has_token: bool = True
) -> Json:
    """Parse the JSON of a successful response, or raise the error that the response means.

    `has_token` is whether the request had an access token.

    Raises:
        RetryLater: the request was throttled, the server failed, or the body is not complete JSON.
        Blocked: Wikimedia blocks the client.
        NoData: the API has no data for the request.
        TokenRejected: the access token is not valid, or the request needs one.
        RequestRejected: the request is invalid.
    """
    if status == 200:
        return _require_no_action_error(url, headers, _load_json(body))
    pause = retry_after_seconds(headers)
    if status == 429 or (status == 403 and pause is not None):
        raise RetryLater(
            f"status {status}, asked to slow down", pause=pause, asked_to_wait=True, throttled=True
        )
    if status == 403:
        raise Blocked(_detail(body, limit=600))
    if status == 401:
        raise TokenRejected(url=url, status=status, detail=_detail(body), has_token=has_token)
    if status >= 500 or status == 408:
        raise RetryLater(f"status {status}", pause=pause)
    if status == 404 and _is_no_data(body):
        raise NoData
    raise RequestRejected(url=url, status=status, detail=_detail(body))


def _load_json(body: bytes) -> Json:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise RetryLater("a body that is truncated or not JSON") from None


def _require_no_action_error(url: str, headers: Mapping[str, str], document: Json) -> Json:
    """Return the document of a response; raise if it is an error of the Action API, which sends errors with status 200."""
    code, text = _find_action_error(document)
    if code is None:
        return document
    if code in _WAIT_CODES:
        # `maxlag` comes from a slow server, and says nothing about the rate.
        is_throttled = code == "ratelimited"
        pause = retry_after_seconds(headers)
        raise RetryLater(f"error {code}", pause=pause, asked_to_wait=True, throttled=is_throttled)
    if code.startswith(_TRANSIENT_CODES):
        raise RetryLater(f"error {code}", pause=retry_after_seconds(headers))
    error_class = TokenRejected if code.startswith(_TOKEN_CODES) else RequestRejected
    raise error_class(url=url, status=200, detail=one_line(f"{code}: {text}"))


def _find_action_error(document: Json) -> tuple[str | None, str]:
    """Return the code and the text of an error of the Action API; None as the code without an error."""
    if not isinstance(document, dict):
        return None, ""
    error = document.get("error")
    errors = document.get("errors")
    if isinstance(errors, list) and errors:
        error = errors[0]
    if not error:
        return None, ""
    if not isinstance(error, dict):
        return "unknown", str(error)
    return str(error.get("code", "unknown")), str(error.get("info") or error.get("text") or "")


def _is_no_data(body: bytes) -> bool:
    """Return whether the body of a 404 means that the API has no data, and not that the URL is wrong."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return False
    if not isinstance(document, dict) or "detail" not in document:
        return False
    detail = str(document["detail"]).casefold()
    return "invalid route" not in detail and not str(document.get("type", "")).endswith("#route")


def _detail(body: bytes, limit: int = 200) -> str:
    """Return the message of an error in one line: the `detail` in the body (a text or a list), or else the complete body."""
    text = body.decode("utf-8", errors="replace")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return one_line(text, limit)
    detail = document.get("detail", text) if isinstance(document, dict) else text
    return one_line("; ".join(map(str, detail)) if isinstance(detail, list) else str(detail), limit)


def one_line(text: str, limit: int = 200) -> str:
    """Return a server's text for a message: printable, on one line, shortened to `limit` characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
