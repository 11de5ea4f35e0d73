"""The report as plain data, from which the terminal text, the JSON and the HTML are made."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wiki_trends.queries.restatements import DayRestatement
    from wiki_trends.queries.series import Series
    from wiki_trends.warehouse.base import RunRecord


@dataclass(frozen=True, slots=True)
class Sentence:
    """A finding, as a sentence about a page or a category.

    Attributes:
        subject: the display title of the page, or the name of the category; empty for any other finding.
        text: the rest of the sentence.
        page: the title of the page as in the tables; empty when the finding is not about a page.
    """

    subject: str
    text: str
    page: str = ""

    def __str__(self) -> str:
        return f"{self.subject} {self.text}" if self.subject else self.text


@dataclass(frozen=True, slots=True)
class Peak:
    """A page whose best day had at least twice its usual views in the window.

    The days used are the days of the window that the analysis read. The usual views are the median of the views on the other days used. If the page was not listed on a day, its views on this day are
    unknown, but they are at most the views of the last page in the list. The median then uses this number. So `usual_views` is an upper
    bound, and `times` and `views_above` are lower bounds. There is an exception: if the pipeline removed the page from the list of a day,
    the page may have had more views than the last page.

    Attributes:
        page: the title as in the tables.
        page_display: the title for people.
        date: the best day, UTC.
        views: the views on the best day.
        rank: the rank on the best day.
        usual_views: the median of the views on the other days; an upper bound when `days_unlisted` is not zero.
        views_above: the difference of `views` and `usual_views`.
        times: `views` divided by `usual_views`; None when `usual_views` is zero.
        days_unlisted: the number of other days on which the page was not in the list.
        at_least: with a certainty of 95 %, the views were at least this many times the views that the earlier days led to expect; None when
            it is unknown. `docs/scores.md` has the formula.
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
class Fall:
    """A page that certainly had fewer views than expected on every day of the window, with columns of `wiki_trends_scores`.

    Attributes:
        page: the title as in the tables.
        page_display: the title for people.
        category: the category of the page on its last listed day.
        date: the day on which the page was closest to the expected views, UTC.
        views: the views on `date`.
        expected_views: the views that were expected on `date`.
        at_most: the views on each day of the window were certainly at most this fraction of the expected views; below 1.
    """

    page: str
    page_display: str
    category: str
    date: dt.date
    views: int
    expected_views: float
    at_most: float


@dataclass(frozen=True, slots=True)
class Change:
    """A page that was listed on every day used, with columns of `wiki_trends_growth`.

    `volatility` is the difference of the highest and the lowest views. `rank_change` is positive if the page has climbed.
    """

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
    """A page that entered the lists for the first time or returned to them, with columns of `wiki_trends_scores`.

    Attributes:
        page: the title as in the tables.
        page_display: the title for people.
        category: the category of the page on its last listed day.
        presence: `new` or `returning`.
        days_listed: the number of days used on which the page was listed.
        peak_date: the day with the page's most views.
        peak_views: the views on `peak_date`.
        peak_rank: the rank on `peak_date`.
        views: the sum of the views on the page's listed days.
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
    """A category of the window, with columns of `wiki_trends_categories`.

    Attributes:
        category: the name of the category.
        pages: the number of pages that were listed in the category on at least one day.
        views: the sum of the views of its listed pages over the days used.
        share_pct: the share of the views of all categories, in percent.
        first_views: the views on the first day used.
        last_views: the views on the last day used.
        views_change_pct: the change from `first_views` to `last_views`, in percent; None when `first_views` is zero.
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
    """The headline of a published window, and lists of its most notable pages and categories.

    All lists have the same maximum number of rows.

    Attributes:
        run: the record of the publish: its window, policy and days.
        common_pages: the number of pages that were listed on every day used.
        headline: the findings, one sentence each. The sentences about peaks are ordered by the size of the rise
            (`queries.published.SIZE_RANKING`).
        peaks: the pages with a best day far above their usual views, in the order of `queries.published.RANKING`.
        falls: the pages that certainly fell, in the order of `queries.published.FALL_RANKING`.
        growing: the pages with more views on the last day than on the first, largest percentage first.
        declining: the pages with fewer views on the last day than on the first, largest loss in percent first.
        volatile: the pages whose views differ between days, largest difference between the highest and the lowest views first.
        climbers: the pages with a better rank on the last day than on the first, largest improvement first.
        categories: the categories, most views first.
        sustained: the pages that were listed on every day, ordered by the views of their weakest day, most views first.
        new: the pages that no day of the baseline listed, most views first; empty without a baseline.
        returning: the pages that returned after at least a week outside the lists, most views first.
        series: the series of each page in these lists, by `page`.
        restatements: what changed on the days of the window or its baseline that Wikimedia restated, oldest day first.
        why: the strongest evidence for the rise of each peak, by `page`; see `queries.evidence.read_why`.
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
    falls: tuple[Fall, ...] = ()
    series: Mapping[str, Series] = field(default_factory=dict)
    restatements: tuple[DayRestatement, ...] = ()
    why: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def views(self, page: str) -> tuple[int | None, ...]:
        """Return the views of a page on each day of the window; empty for a page that is in none of the lists."""
        return self.series[page].views if page in self.series else ()


def to_json(report: Report) -> dict[str, object]:
    """Convert the report for `json.dumps`, with days as ISO strings and complete sentences in the headline."""
    document = asdict(report) | {
        "headline": [str(sentence) for sentence in report.headline],
        "restatements": [restatement.to_json() for restatement in report.restatements],
    }
    return {name: _plain(value) for name, value in document.items()}


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dt.date):
        return value.isoformat()
    return value
