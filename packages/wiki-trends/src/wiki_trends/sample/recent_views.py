"""Implements `prop=pageviews` of the synthetic Action API: the daily views of the last days, for some titles in each response.

As in MediaWiki's extension PageViewInfo, a response answers a few of the requested titles in the order of their names, and
`pvipcontinue` names the next title. The days end on the day before today. A day without data is null
(https://www.mediawiki.org/wiki/Extension:PageViewInfo).
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from wiki_trends.sample.days import wiki_traffic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wiki_trends.sample.pageviews import Publication
    from wiki_trends.sample.wikis import Wiki

MAX_DAYS = 60
CONTINUE = "pvipcontinue"


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
