"""What an HTTP answer of Wikimedia means: good, wait, try again, or an error that no retry can mend.

Pure: decides by status first and reads error bodies with suspicion, since they are JSON objects, JSON with a list of
details, or plain text. The facts are Wikimedia's; they are in its documentation of the pageviews API
(https://doc.wikimedia.org/generated-data-platform/aqs/analytics-api/) and of the Action API
(https://www.mediawiki.org/wiki/API:Errors_and_warnings).
"""

from __future__ import annotations

import datetime as dt
import json
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from wiki_trends.errors import RequestRejected

if TYPE_CHECKING:
    from collections.abc import Mapping

# What `json.loads` gives. Nothing is known of it until it is looked at.
Json: TypeAlias = Any

_WAITING_CODES = ("maxlag", "ratelimited")
_PASSING_CODES = ("readonly", "internal_api_error", "internalerror", "timeouterror")


class Again(Exception):
    """The same request may succeed later.

    Attributes:
        reason: what the answer was, for messages.
        pause: seconds that Wikimedia asked to wait; None when it named none.
        slow_down: Wikimedia asked for fewer requests, so it does not count as a failed try.
    """

    def __init__(self, reason: str, *, pause: float | None = None, slow_down: bool = False) -> None:
        self.reason = reason
        self.pause = pause
        self.slow_down = slow_down
        super().__init__(reason)


class NotThere(Exception):
    """The pageviews API's own 404: not published, or not loaded."""


def judge(url: str, status: int, headers: Mapping[str, str], body: bytes, *, has_contact: bool) -> Json:
    """The parsed JSON of a good answer.

    Raises:
        Again: throttled, a failing server, or a body that is not the whole JSON.
        NotThere: the API has no data for the day.
        RequestRejected: the request itself is at fault.
    """
    if status == 200:
        return _action_errors_out(url, headers, _parsed(body))
    if status == 429 or (status == 403 and _throttled(body, has_contact=has_contact)):
        raise Again(f"status {status}, asked to slow down", pause=retry_after(headers), slow_down=True)
    if status >= 500 or status == 408:
        raise Again(f"status {status}", pause=retry_after(headers))
    if status == 404 and _is_own_not_found(body):
        raise NotThere
    raise RequestRejected(url=url, status=status, detail=_detail(body))


def retry_after(headers: Mapping[str, str], now: dt.datetime | None = None) -> float | None:
    """Seconds of a `Retry-After` header, written as seconds or as an HTTP date; None without a usable one."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=dt.UTC)
    return max(0.0, (until - (now or dt.datetime.now(tz=dt.UTC))).total_seconds())


def _parsed(body: bytes) -> Json:
    try:
        return json.loads(body)
    except ValueError:
        raise Again("a body that is cut off or not JSON") from None


def _action_errors_out(url: str, headers: Mapping[str, str], answer: Json) -> Json:
    """The answer itself, unless it is an error of the Action API, which comes with status 200."""
    code, text = _action_error(answer)
    if code is None:
        return answer
    if code in _WAITING_CODES:
        raise Again(f"error {code}", pause=retry_after(headers), slow_down=True)
    if code.startswith(_PASSING_CODES):
        raise Again(f"error {code}", pause=retry_after(headers))
    raise RequestRejected(url=url, status=200, detail=_shortened(f"{code}: {text}"))


def _action_error(answer: Json) -> tuple[str | None, str]:
    if not isinstance(answer, dict):
        return None, ""
    error = answer.get("error")
    errors = answer.get("errors")
    if isinstance(errors, list) and errors:
        error = errors[0]
    if not isinstance(error, dict):
        return None, ""
    return str(error.get("code", "unknown")), str(error.get("info") or error.get("text") or "")


def _throttled(body: bytes, *, has_contact: bool) -> bool:
    text = body.decode("utf-8", errors="replace").casefold()
    # The robot policy is quoted to throttled clients, and for good to those that do not say who they are.
    return "too many requests" in text or (has_contact and "robot policy" in text)


def _is_own_not_found(body: bytes) -> bool:
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    if not isinstance(answer, dict) or "detail" not in answer:
        return False
    detail = str(answer["detail"]).casefold()
    return "invalid route" not in detail and not str(answer.get("type", "")).endswith("#route")


def _detail(body: bytes) -> str:
    """An error body's own words in one line: `detail` as text or as a list, or the text itself."""
    text = body.decode("utf-8", errors="replace")
    try:
        answer = json.loads(text)
    except ValueError:
        return _shortened(text)
    detail = answer.get("detail", text) if isinstance(answer, dict) else text
    return _shortened("; ".join(map(str, detail)) if isinstance(detail, list) else str(detail))


def _shortened(text: str) -> str:
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= 200 else line[:199] + "…"
