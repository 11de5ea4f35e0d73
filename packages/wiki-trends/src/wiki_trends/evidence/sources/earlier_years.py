"""Find the pages that rose at the same time in both years before, in their exact daily views.

The pageviews API returns the views of one page in a response. So this source asks only about the first findings without other evidence, up
to its maximum number of requests. The second year is requested only if the page rose in the first year.
"""

from __future__ import annotations

import datetime as dt
import statistics
from typing import TYPE_CHECKING

from wiki_trends.evidence.model import piece, rules, views_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wiki_trends.evidence.model import Evidence
    from wiki_trends.evidence.search import Search

_RULE = "rose-in-both-years-before"
KIND = "earlier years"
_YEARS = (1, 2)
_MAX_QUERIES = 6
# 52 weeks, so that the weekday is the same.
_YEAR = dt.timedelta(days=364)


def earlier_years(search: Search) -> Iterator[Evidence]:
    """Yield the pages that rose at the same time in both years before, and not on the other days of the weeks around."""
    around = dt.timedelta(days=int(rules()[_RULE]["days_around"]))
    queries = 0
    for finding in list(search.unexplained()):
        if queries + len(_YEARS) > _MAX_QUERIES:
            return
        for years in _YEARS:
            centre = finding.day - years * _YEAR
            first, last = centre - around, centre + around
            rise = _rise(search.queries.views(search.project, finding.page, first, last), centre)
            queries += 1
            if rise is None:
                break
            if years == _YEARS[-1]:
                day, times = rise
                source = views_url(search.project, finding.page, first, finding.day)
                yield piece(_RULE, finding.page, source, day, times=f"{times:.1f}")
        search.asked[KIND].add(finding.page)


def _rise(views: Mapping[str, int], centre: dt.date) -> tuple[dt.date, float] | None:
    """Return the best day and its factor over the median, if the views rose around `centre` and on no other day."""
    limits = rules()[_RULE]
    if len(views) <= limits["days_around"]:
        return None  # Most of the days are not known.
    usual = max(statistics.median(views.values()), 1)
    times = {dt.date.fromisoformat(day): count / usual for day, count in views.items()}
    rises = [day for day, value in times.items() if value >= limits["times"]]
    if not rises or any(abs((day - centre).days) > limits["days_away"] for day in rises):
        return None
    best = max(rises, key=lambda day: times[day])
    return best, times[best]
