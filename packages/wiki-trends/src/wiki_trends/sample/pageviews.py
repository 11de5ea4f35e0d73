"""Implements the synthetic pageviews API: daily lists of the most read titles, and the daily views of one article.

Paths, bodies and errors are the same as in Wikimedia's Analytics Query Service
(https://doc.wikimedia.org/generated-data-platform/aqs/analytics-api/). Like that service, this API gives the same 404 for an unknown
project, a day that is not published, and a page without views.

The module also implements `prop=pageviews` of the synthetic Action API: the daily views of the last days, for some titles in each response.
As in MediaWiki's extension PageViewInfo, a response answers a few of the requested titles in the order of their names, and
`pvipcontinue` names the next title. The days end on the day before today. A day without data is null
(https://www.mediawiki.org/wiki/Extension:PageViewInfo).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from wiki_trends.sample import wikis
from wiki_trends.sample.days import ACCESS_METHODS, Views, wiki_traffic
from wiki_trends.sample.evidence import causes
from wiki_trends.sample.responses import Response, error_response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from wiki_trends.sample.pages import Page
    from wiki_trends.sample.wikis import Wiki

FIRST_DAY = dt.date(2015, 7, 1)
ROOT = "/metrics/pageviews/"
MAX_DAYS = 60
CONTINUE = "pvipcontinue"
# The views by each agent as a fraction of the views by users. The lists count only views by users.
_AGENTS = {"user": 1.0, "spider": 0.08, "automated": 0.04, "all-agents": 1.12}
_DAY_PATTERN = r"(\d{4})(\d{2})(\d{2})(?:00)?"


@dataclass(frozen=True, slots=True)
class Publication:
    """Determines which days are published.

    Attributes:
        today: a function that returns the UTC day that counts as today.
        lag: the number of days after which a day is published.
        late: the number of further days after which a late day is published.
        never: the days that are never published.
        broken: the days for whose lists the API responds with status 500.
        titles_per_answer: the number of titles that one response of `prop=pageviews` answers.
    """

    today: Callable[[], dt.date]
    lag: int
    late: Mapping[dt.date, int]
    never: frozenset[dt.date]
    broken: frozenset[dt.date]
    titles_per_answer: int = 5

    def includes(self, day: dt.date) -> bool:
        """Return whether the lists of a day are published."""
        lag = self.lag + self.late.get(day, 0)
        return FIRST_DAY <= day <= self.today() - dt.timedelta(days=lag) and day not in self.never


def respond(path: str, seed: int, publication: Publication) -> Response:
    """Answer a GET request for a percent-encoded path that contains `/metrics/pageviews/`."""
    uri = path[path.index(ROOT) :]
    parts = [unquote(part) for part in uri.removeprefix(ROOT).split("/")]
    if parts[0] == "top" and len(parts) == 6:
        return _respond_top(uri, parts[1:], seed, publication)
    if parts[0] == "per-article" and len(parts) == 8:
        return _respond_per_article(uri, parts[1:], seed, publication)
    return error_response(404, uri, "invalid route")


def _respond_top(uri: str, parts: list[str], seed: int, publication: Publication) -> Response:
    project, access, *date = parts
    if access not in ACCESS_METHODS:
        return _invalid_choice(uri, "access", ACCESS_METHODS)
    day = _parse_day(*date)
    if day is None:
        return error_response(400, uri, "Given year/month/day is invalid date")
    wiki = wikis.find_wiki(project)
    if wiki is None or not publication.includes(day):
        return error_response(404, uri)
    if day in publication.broken:
        return error_response(500, uri, "internal server error")
    return _list_response(seed, wiki, day, access)


def _respond_per_article(uri: str, parts: list[str], seed: int, publication: Publication) -> Response:
    project, access, agent, title, granularity, start, end = parts
    if access not in ACCESS_METHODS:
        return _invalid_choice(uri, "access", ACCESS_METHODS)
    if agent not in _AGENTS:
        return _invalid_choice(uri, "agent", tuple(_AGENTS))
    if granularity != "daily":
        return _invalid_choice(uri, "granularity", ("daily",))
    first, last = _parse_timestamp(start), _parse_timestamp(end)
    if first is None or last is None:
        return error_response(400, uri, "start timestamp is invalid, must be a valid date in YYYYMMDD format")
    if last < first:
        return error_response(400, uri, "start timestamp should be before the end timestamp")
    wiki = wikis.find_wiki(project)
    page = None if wiki is None else wiki_traffic(seed, wiki).catalogue.by_title.get(title.replace(" ", "_"))
    if wiki is None or page is None:
        return error_response(404, uri)
    items: list[dict[str, Any]] = [
        {
            "project": wiki.project,
            "article": page.title,
            "granularity": "daily",
            "timestamp": f"{day:%Y%m%d}00",
            "access": access,
            "agent": agent,
            "views": round(views.of(access) * _AGENTS[agent]),
        }
        for day, views in _daily_views(seed, wiki, page, first, last, publication)
    ]
    return json_response({"items": items}) if items else error_response(404, uri)


def _daily_views(
    seed: int, wiki: wikis.Wiki, page: Page, first: dt.date, last: dt.date, publication: Publication
) -> Iterator[tuple[dt.date, Views]]:
    newest = publication.today() - dt.timedelta(days=publication.lag)
    first, last = max(first, FIRST_DAY), min(last, newest)
    for offset in range((last - first).days + 1):
        day = first + dt.timedelta(days=offset)
        views = wiki_traffic(seed, wiki).page_views(page, day) if publication.includes(day) else None
        if views is not None:
            yield day, _with_earlier_rise(views, seed, wiki, page, day)


def _with_earlier_rise(views: Views, seed: int, wiki: Wiki, page: Page, day: dt.date) -> Views:
    """Add a planted rise of an earlier year. It is only in the views of single pages, not in the lists."""
    if wiki.project != causes.PROJECT or day >= causes.FIRST_DAY:
        return views
    factor = causes.earlier_rise(seed, page.number, day)
    return Views(*(round(count * factor) for count in views))


@lru_cache(maxsize=128)
def _list_response(seed: int, wiki: wikis.Wiki, day: dt.date, access: str) -> Response:
    item = {
        "project": wiki.project,
        "access": access,
        "year": f"{day:%Y}",
        "month": f"{day:%m}",
        "day": f"{day:%d}",
        "articles": [row._asdict() for row in wiki_traffic(seed, wiki).top(day, access)],
    }
    body = json_response({"items": [item]}).body
    digest = hashlib.sha256(body).hexdigest()[:32]
    return Response(200, body, headers={"ETag": f'"{digest}"', "Cache-Control": "max-age=14400"})


def _invalid_choice(uri: str, name: str, choices: tuple[str, ...]) -> Response:
    return error_response(400, uri, f"{name} should be one of the following values: {', '.join(choices)}")


def _parse_day(year: str, month: str, day: str) -> dt.date | None:
    if not all(text.isascii() and text.isdigit() for text in (year, month, day)):
        return None
    try:
        return dt.date(int(year), int(month), int(day))
    except (ValueError, OverflowError):
        return None


def _parse_timestamp(text: str) -> dt.date | None:
    match = re.fullmatch(_DAY_PATTERN, text, flags=re.ASCII)
    return None if match is None else _parse_day(*match.groups())


def day_count(text: str) -> int | None:
    """Parse `pvipdays`; None if it is not a number of days that the API accepts."""
    return int(text) if text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_DAYS else None


def add_recent_views(
    entries: Iterable[dict[str, Any]],
    params: Mapping[str, str],
    seed: int,
    wiki: Wiki,
    publication: Publication,
) -> str | None:
    """Add the views to the entries of some titles. Return the marker of the next title, or None after the last title."""
    ordered = sorted(
        (entry for entry in entries if "invalid" not in entry and "special" not in entry), key=_name_of
    )
    remaining = [entry for entry in ordered if _name_of(entry) >= params.get(CONTINUE, "")]
    limit = publication.titles_per_answer
    for entry in remaining[:limit]:
        entry["pageviews"] = _views_by_day(
            _name_of(entry), day_count(params.get("pvipdays", "")) or MAX_DAYS, seed, wiki, publication
        )
    return _name_of(remaining[limit]) if len(remaining) > limit else None


def _views_by_day(
    title: str, days: int, seed: int, wiki: Wiki, publication: Publication
) -> dict[str, int | None]:
    traffic = wiki_traffic(seed, wiki)
    page = traffic.catalogue.by_title.get(title)
    result: dict[str, int | None] = {}
    for age in range(days, 0, -1):
        day = publication.today() - dt.timedelta(days=age)
        views = traffic.page_views(page, day) if page is not None and publication.includes(day) else None
        result[day.isoformat()] = None if views is None else views.of("all-access")
    return result


def _name_of(entry: Mapping[str, Any]) -> str:
    return str(entry["title"]).replace(" ", "_")
