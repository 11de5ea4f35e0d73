"""Parse the daily views of single pages from two APIs: `prop=pageviews` of the Action API, and the per-article API.

`prop=pageviews` accepts 50 titles. Each response contains some of these titles and, except the last response, the parameters that request
the next response. A day without a number is null: the page had no views, or the day is not loaded yet. A malformed response raises
`ContractBroken`. Sources: https://www.mediawiki.org/wiki/Extension:PageViewInfo and
https://doc.wikimedia.org/generated-data-platform/aqs/analytics-api/reference/page-views.html
"""

from __future__ import annotations

import datetime as dt
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from wiki_trends.errors import ContractBroken

if TYPE_CHECKING:
    from collections.abc import Iterator

# `prop=pageviews` returns at most this many days, up to the day before the request. It counts the views by people, with all access methods
# together.
RECENT_DAYS = 60
RECENT_VIEWS_QUERY = {
    "action": "query",
    "format": "json",
    "formatversion": "2",
    "prop": "pageviews",
    "pvipdays": str(RECENT_DAYS),
    "maxlag": "5",
}
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class DayViews(NamedTuple):
    """The views of a page on a UTC day. The title has underscores, as in the lists; `views` is None without a number."""

    title: str
    day: dt.date
    views: int | None


class PageViews(NamedTuple):
    """The content of one response.

    Attributes:
        days: the days of the pages that the response answers.
        continuation: the parameters that request the next response; None after the last response.
    """

    days: list[DayViews]
    continuation: dict[str, str] | None

    @property
    def titles(self) -> set[str]:
        """The titles that the response answers."""
        return {day.title for day in self.days}


def parse_page_views(body: bytes) -> PageViews:
    """Parse the body of a response of either API.

    Raises:
        ContractBroken: the body has another form.
    """
    responses = list(parse_all_page_views(body))
    if len(responses) != 1:
        raise _broken(f"{len(responses)} documents instead of one")
    return responses[0]


def parse_all_page_views(bodies: bytes) -> Iterator[PageViews]:
    """Parse the bodies of several responses, one after the other with white space between them.

    Raises:
        ContractBroken: a body has another form.
    """
    decoder = json.JSONDecoder()
    try:
        text = bodies.decode("utf-8", errors="surrogatepass").strip()
        while text:
            document, end = decoder.raw_decode(text)
            yield _page_views(document)
            text = text[end:].lstrip()
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise _broken(f"{type(error).__name__}: {error}") from None


def _broken(problem: str) -> ContractBroken:
    return ContractBroken(what="a response with the views of pages", problem=problem)


def _page_views(document: dict[str, Any]) -> PageViews:
    continuation = document.get("continue")
    return PageViews(
        list(_article_days(document) if "items" in document else _recent_days(document)),
        None if continuation is None else {key: str(value) for key, value in continuation.items()},
    )


def _recent_days(document: dict[str, Any]) -> Iterator[DayViews]:
    for page in document.get("query", {}).get("pages", ()):
        if "pageviews" in page:
            title = _title(page["title"])
            for day, views in page["pageviews"].items():
                yield DayViews(title, _day(day), _number(views))


@lru_cache(maxsize=1024)
def _day(text: str) -> dt.date:
    """Parse an ISO day. The responses repeat the same days for each page."""
    return dt.date.fromisoformat(text)


def _article_days(document: dict[str, Any]) -> Iterator[DayViews]:
    for item in document["items"]:
        day = dt.datetime.strptime(item["timestamp"], "%Y%m%d00").date()  # noqa: DTZ007 - a UTC day
        yield DayViews(_title(item["article"]), day, _number(item["views"]))


def _title(text: str) -> str:
    return _LONE_SURROGATE.sub("\ufffd", text.replace(" ", "_"))


def _number(views: object) -> int | None:
    if views is None:
        return None
    # `isinstance` would accept True and False, which are integers in Python.
    if type(views) is not int or not 0 <= views < 2**63:
        message = f"{views!r} is not a number of views"
        raise ValueError(message)
    return views
