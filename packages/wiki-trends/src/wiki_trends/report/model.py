"""The report as plain data, which the terminal, JSON and HTML forms show."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wiki_trends.queries.series import Series
    from wiki_trends.warehouse.base import RunRecord


@dataclass(frozen=True, slots=True)
class Sentence:
    """A finding, as a sentence about a page or a category.

    Attributes:
        subject: the display title of the page, or the category; empty when the sentence has neither.
        text: the rest of the sentence.
    """

    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.subject} {self.text}" if self.subject else self.text


@dataclass(frozen=True, slots=True)
class Peak:
    """A page whose best day had at least twice the views of its usual day in the window.

    The usual day is the median of the other days used. On a day outside the list the page had an unknown number of views,
    but not more than the last page listed, whose views are used instead. So `usual_views` is then an upper bound, and
    `times` and `views_above` are lower bounds. (They are not for a page that the cleaning left out on such a day.)

    Attributes:
        page: title as in the tables.
        page_display: title for people.
        date: the best day, UTC.
        views: on that day.
        rank: on that day.
        usual_views: median of the other days, an upper bound where `days_unlisted` is not zero.
        views_above: views - usual_views.
        times: views / usual_views; None when that is zero.
        days_unlisted: other days on which the page was not in the list.
        at_least: how many times the expected views the page's most surprising day surely had; None when it is unknown.
    """

    page: str
    page_display: str
    date: dt.date
    views: int
    rank: int
    usual_views: float
    views_above: float
    times: float | None
    days_unlisted: int
    at_least: float | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A page that was listed on every day used: columns of `wiki_trends_growth`, with the same meaning and units."""

    page: str
    page_display: str
    category: str
    first_date: dt.date
    last_date: dt.date
    first_views: int
    last_views: int
    views_change: int
    views_change_pct: float | None
    first_rank: int
    last_rank: int
    rank_change: int
    avg_views: float
    max_views: int
    min_views: int
    volatility: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A page that is new in the lists, or back in them: a row of `wiki_trends_scores`.

    Attributes:
        page: title as in the tables.
        page_display: title for people.
        category: of its last listed day.
        presence: `new` or `returning`.
        days_listed: of the days used.
        peak_date: its best day.
        peak_views: on that day.
        peak_rank: on that day.
        views: sum of its listed days.
    """

    page: str
    page_display: str
    category: str
    presence: str
    days_listed: int
    peak_date: dt.date
    peak_views: int
    peak_rank: int
    views: int


@dataclass(frozen=True, slots=True)
class Category:
    """A category of the window: columns of `wiki_trends_categories`.

    Attributes:
        category: its name.
        pages: pages that were listed under it on at least one day.
        views: sum over the days used, listed pages only.
        share_pct: of the views of all categories.
        first_views: on the first day used.
        last_views: on the last day used.
        views_change_pct: from first to last; None when the first is zero.
    """

    category: str
    pages: int
    views: int
    share_pct: float
    first_views: int
    last_views: int
    views_change_pct: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """The published window and what stood out in it. Every list is cut at the same number of rows.

    Attributes:
        run: window, days, coverage, fingerprints and rows of each table.
        common_pages: pages that were listed on every day used.
        headline: the findings, one sentence each.
        peaks: in the order of `queries.published.RANKING`.
        growing: pages with more views on the last day than on the first, largest percentage first.
        declining: pages with fewer, largest loss in percent first.
        volatile: largest difference between best and weakest day first.
        climbers: best improvements of rank from the first day to the last.
        categories: most views first.
        sustained: pages listed on every day, ordered by the views of their weakest day.
        new: pages that no list of the baseline has, most views first; none without a baseline.
        returning: pages that were outside the lists for a week or longer, most views first.
        series: the series of each page in these lists, by `page`.
    """

    run: RunRecord
    common_pages: int
    headline: tuple[Sentence, ...]
    peaks: tuple[Peak, ...]
    growing: tuple[Change, ...]
    declining: tuple[Change, ...]
    volatile: tuple[Change, ...]
    climbers: tuple[Change, ...]
    categories: tuple[Category, ...]
    sustained: tuple[Change, ...]
    new: tuple[Arrival, ...] = ()
    returning: tuple[Arrival, ...] = ()
    series: Mapping[str, Series] = field(default_factory=dict)

    def views(self, page: str) -> tuple[int | None, ...]:
        """The views of a page on each day of the window; empty for a page in none of the lists."""
        return self.series[page].views if page in self.series else ()


def to_json(report: Report) -> dict[str, object]:
    """The report as a document for `json.dumps`, with days as ISO strings and findings as complete sentences."""
    document = asdict(report) | {"headline": [str(sentence) for sentence in report.headline]}
    return {name: _plain(value) for name, value in document.items()}


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dt.date):
        return value.isoformat()
    return value
