"""Query the pages of the published window: lists of pages by a measure, and all published rows of one page.

Each function reads the published tables from one snapshot. The functions raise `SettingError` for an unknown measure or
category, `PageNotListed` for a page without published rows, and `WarehouseError` when the warehouse cannot be read.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from wiki_trends.errors import PageNotListed, SettingError
from wiki_trends.queries.evidence import read_evidence, read_why
from wiki_trends.queries.published import (
    FALL_RANKING,
    RANKING,
    SCORES,
    category_spelling,
    containing_pattern,
    plain,
    run_with_scores,
    scores_table,
    window_json,
)
from wiki_trends.queries.series import read_series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wiki_trends.queries.published import Row
    from wiki_trends.queries.series import Series
    from wiki_trends.warehouse.base import Reader, RunRecord, Warehouse

_ORDERS = {
    "at_least": RANKING,
    "at_most": FALL_RANKING,
    "score": "score DESC NULLS LAST, wikitrends_score DESC NULLS LAST",
    "growth": "views_change_pct DESC NULLS LAST, views_change DESC NULLS LAST",
    "views": "views DESC",
}
MEASURES = tuple(_ORDERS)

# `s` is wiki_trends_scores, and `g` is wiki_trends_growth.
_LIST_COLUMNS = """
s.page, s.page_display, s.category, s.location, s.views, s.days_listed, s.days_used, s.best_rank, s.peak_date,
s.peak_views, s.presence, s.at_least, s.at_most, s.evidence, s.score, s.confidence, s.shape, s.momentum_label, g.views_change, g.views_change_pct
"""
_TOP_COLUMNS = """
s.page, s.page_display, s.category, s.views, s.days_listed, s.days_used, s.best_rank, s.presence, s.at_least,
s.at_most, s.magnitude, s.evidence, s.se, s.reference, s.reference_days, s.reference_listed, s.burst, s.score, s.confidence,
s.surprise_date, s.surprise_views, s.expected_views, s.shape, s.wikitrends_score, s.momentum, s.momentum_label, s.trend_pct_per_day, s.has_trend, g.views_change, g.views_change_pct
"""
_SELECT_PAGES = """
SELECT {columns}, count(*) OVER () AS total
FROM (SELECT * FROM {scores} AS scores WHERE dataset = ? AND window_start = ? AND window_end = ?) AS s
LEFT JOIN wiki_trends_growth AS g ON g.page = s.page AND {has_growth}
WHERE {conditions}
ORDER BY {order}, s.page
LIMIT ? OFFSET ?
"""
# The scores of one page. The published window is first, so that the limit never leaves it out.
_SELECT_PAGE_SCORES = """
SELECT * FROM {scores} AS scores WHERE dataset = ? AND page = ?
ORDER BY (window_start = ? AND window_end = ?) DESC, window_end DESC, window_start DESC LIMIT ?
"""
_MAX_WINDOWS = 20


@dataclass(frozen=True, slots=True)
class PageSelection:
    """The pages of a list and their order.

    Attributes:
        by: the measure that orders the pages, one of `MEASURES`.
        containing: the text that the titles must contain; upper and lower case are equal.
        category: the category of the pages; upper and lower case are equal. None for all categories.
        presence: `new`, `returning`, `regular` or `unknown`: whether and when the page was listed before the window (see
            docs/scores.md); None for all pages.
        burst: whether only pages with a burst are listed.
        window: the first and the last day of a published window; None for the window of the current tables.
        skip: the number of pages to skip.
        limit: the largest number of pages; None for all pages.
    """

    by: str = "at_least"
    containing: str = ""
    category: str | None = None
    presence: str | None = None
    burst: bool = False
    window: tuple[dt.date, dt.date] | None = None
    skip: int = 0
    limit: int | None = None

    def __post_init__(self) -> None:
        """Refuse an unknown measure."""
        if self.by not in _ORDERS:
            raise SettingError(
                name="by",
                value=self.by,
                origin="--by",
                problem="is not a measure",
                fix=f"Give one of {', '.join(MEASURES)}.",
            )


@dataclass(frozen=True, slots=True)
class PageList:
    """A part of an ordered list of pages of a published window.

    Attributes:
        run: the run that published the current tables.
        by: the measure that orders the pages, one of `MEASURES`.
        pages: a row for each page, with columns of `wiki_trends_scores` and of `wiki_trends_growth`. The columns of the latter
            are None for a page that was not listed on every day used, and for all pages when the window is not current.
        total: the number of pages in the complete list.
        skipped: the number of pages in the list before `pages`.
        series: the series of each page in `pages`, by title; empty when the series were not read.
        selected_window: the first and the last day of the window of `pages`; None for the window of the run.
        why: the strongest evidence for the rise of a page, or the reason why there is none, by title. It contains only those of
            `pages` about which the run requested evidence; empty when the evidence was not read.
    """

    run: RunRecord
    by: str
    pages: Sequence[Row]
    total: int
    skipped: int = 0
    series: Mapping[str, Series] = field(default_factory=dict)
    selected_window: tuple[dt.date, dt.date] | None = None
    why: Mapping[str, Row] = field(default_factory=dict)

    @property
    def window(self) -> tuple[dt.date, dt.date]:
        """The first and the last day of the window of `pages`."""
        return self.selected_window or (self.run.window_start, self.run.window_end)

    @property
    def is_current(self) -> bool:
        """Whether the window of `pages` is the window of the current tables."""
        return self.window == (self.run.window_start, self.run.window_end)

    def to_json(self) -> dict[str, object]:
        """Return the document that `top --json` prints."""
        return {
            "window": window_json(self.run),
            "by": self.by,
            "pages": [
                plain(row) | {"flagged": row["page"] in self.run.flagged, "why": self._why_json(row["page"])}
                for row in self.pages
            ],
        }

    def _why_json(self, page: str) -> dict[str, object] | None:
        return plain(self.why[page]) if page in self.why else None


@dataclass(frozen=True, slots=True)
class PageDetails:
    """All published rows of one page.

    Attributes:
        run: the run that published the window.
        row: the newest row of the page in `wiki_diamond`.
        series: `date`, `views` and `rank` for each day that the run read, in the baseline and in the window, oldest first.
            `views` and `rank` are None on a day when the page was not in the list.
        scores: the row of the page in `wiki_trends_scores` for this window; None when no day of the window listed the page.
        windows: the rows of the page in `wiki_trends_scores` for other windows, newest first; at most 20, with `scores`.
        evidence: the `kind`, `rule`, `strength`, `text`, `source` and `date` of each piece of evidence for the page, strongest
            first. `source` is None unless it is a URL on a host of the project or of Wikidata, or a URL of the pageviews API.
            Empty when the window was published without evidence, or when the run requested no evidence about the page: it
            requests evidence only about the most important pages that certainly rose.
    """

    run: RunRecord
    row: Mapping[str, Any]
    series: Sequence[Mapping[str, Any]]
    scores: Mapping[str, Any] | None
    windows: Sequence[Mapping[str, Any]]
    evidence: Sequence[Mapping[str, Any]] = ()

    def to_json(self) -> dict[str, object]:
        """Return the document that `page --json` prints."""
        return {
            "page": self.row["page"],
            "page_display": self.row["page_display"],
            "link": self.row["link"],
            "category": self.row["category"],
            "location": self.row["location"],
            "window": window_json(self.run),
            "series": [plain(day) for day in self.series],
            "scores": plain(self.scores) if self.scores is not None else None,
            "windows": [plain(row) for row in self.windows],
            "evidence": [plain(row) for row in self.evidence],
        }


def top(warehouse: Warehouse, by: str = "at_least", category: str | None = None, limit: int = 10) -> PageList:
    """Return the first pages of the published window, ordered by a measure and then by title.

    | measure | meaning |
    |---|---|
    | `at_least` | on its most surprising day, the page certainly had at least this many times the expected views |
    | `at_most` | on that day, the page certainly had at most this many times the expected views; only pages that certainly fell |
    | `score` | the score of that day |
    | `growth` | the change from the first day to the last, in percent; only pages that were listed on every day |
    | `views` | the sum of the page's views over its listed days |

    The largest value is first, except for `at_most`.

    Args:
        warehouse: the warehouse to read.
        by: the measure, one of `MEASURES`.
        category: the category of the pages; None for all categories.
        limit: the largest number of pages.
    """
    selection = PageSelection(by=by, category=category, limit=limit)
    with warehouse.reading() as reader:
        run = run_with_scores(reader, warehouse)
        rows, total = read_pages(reader, run, selection, _TOP_COLUMNS)
        return PageList(run, by, rows, total, why=read_why(reader, run, [row["page"] for row in rows]))


def read_windows(reader: Reader, run: RunRecord) -> Sequence[tuple[dt.date, dt.date]]:
    """Read the first and the last day of each window with scores of the published dataset, newest first."""
    rows = reader.rows(
        f"SELECT DISTINCT window_start, window_end FROM {SCORES} WHERE dataset = ? "  # noqa: S608 - a constant
        "ORDER BY window_end DESC, window_start DESC",
        run.dataset,
    )
    return [(row["window_start"], row["window_end"]) for row in rows]


def read_page_list(reader: Reader, run: RunRecord, selection: PageSelection) -> PageList:
    """Read the selected pages and their series through an open reader."""
    rows, total = read_pages(reader, run, selection, _LIST_COLUMNS)
    page_list = PageList(run, selection.by, rows, total, selection.skip, selected_window=selection.window)
    # Of a window that is not current, only the scores are kept, not the views of each day.
    if not page_list.is_current:
        return page_list
    return replace(page_list, series=read_series(reader, run, [row["page"] for row in rows]))


def read_pages(
    reader: Reader, run: RunRecord, selection: PageSelection, columns: str
) -> tuple[list[Row], int]:
    """Read the rows of the selected pages. Also return the number of pages that the selection has without `skip` and `limit`.

    Args:
        reader: an open reader.
        run: the run that published the current tables.
        selection: the pages to read.
        columns: the columns to select from `s` (the scores) and `g` (the growth).
    """
    current = (run.window_start, run.window_end)
    window = selection.window or current
    # `values` are in the order of the placeholders in the query. TRUE stands for no condition.
    conditions, values = ["TRUE"], [run.dataset, *window]
    if selection.by == "at_most":
        conditions.append("s.at_most < 1")
    if selection.by == "growth":
        conditions.append("g.views_change_pct IS NOT NULL")
    if selection.category is not None:
        conditions.append("s.category = ?")
        values.append(category_spelling(reader, selection.category))
    if selection.presence is not None:
        conditions.append("s.presence = ?")
        values.append(selection.presence)
    if selection.burst:
        conditions.append("s.burst")
    if selection.containing.strip():
        conditions.append("lower(s.page_display) LIKE ? ESCAPE '\\'")
        values.append(containing_pattern(selection.containing.strip().replace("_", " ").lower()))
    # wiki_trends_growth has only the current window, so the pages of another window are joined with no growth.
    sql = _SELECT_PAGES.format(
        columns=columns,
        scores=scores_table(reader),
        conditions=" AND ".join(conditions),
        has_growth="TRUE" if window == current else "FALSE",
        order=_ORDERS[selection.by],
    )
    rows = reader.rows(sql, *values, selection.limit, selection.skip)
    # Each row has the total. If `skip` is past the end, there are no rows, so read the first row of the list for its total.
    rows_with_total = rows or reader.rows(sql, *values, 1, 0)
    total = rows_with_total[0]["total"] if rows_with_total else 0
    return [{name: value for name, value in row.items() if name != "total"} for row in rows], total


def page_details(warehouse: Warehouse, title: str) -> PageDetails:
    """Return all published rows of the page with this title, which can contain spaces or underscores.

    Raises:
        PageNotListed: no published day lists the page.
    """
    with warehouse.reading() as reader:
        run = run_with_scores(reader, warehouse)
        newest_row = read_newest_row(reader, title)
        name = newest_row["page"]
        window = (run.window_start, run.window_end)
        sql = _SELECT_PAGE_SCORES.format(scores=scores_table(reader))
        rows = reader.rows(sql, run.dataset, name, *window, _MAX_WINDOWS)
        current = [row for row in rows if (row["window_start"], row["window_end"]) == window]
        others = [row for row in rows if row not in current]
        return PageDetails(
            run=run,
            row=newest_row,
            series=read_page_days(reader, run, name),
            scores=current[0] if current else None,
            windows=others,
            evidence=read_evidence(reader, run, name),
        )


def read_newest_row(reader: Reader, title: str) -> Row:
    """Return the newest row of a page in `wiki_diamond`. The title can contain spaces or underscores.

    Raises:
        PageNotListed: no published day lists the page.
    """
    name = title.strip().replace(" ", "_")
    rows = reader.rows("SELECT * FROM wiki_diamond WHERE page = ? ORDER BY date DESC LIMIT 1", name)
    if not rows:
        raise PageNotListed(title=title, similar=_similar_titles(reader, name))
    return rows[0]


def read_page_days(reader: Reader, run: RunRecord, page: str) -> list[Row]:
    """Return `date`, `views` and `rank` of a page for each day that the run read, in the baseline and in the window, oldest first.

    `views` and `rank` are None on a day when the page was not in the list.
    """
    days = sorted({*run.days_used, *(dt.date.fromisoformat(day) for day in run.baseline)})
    rows = reader.rows(
        "SELECT date, views, rank FROM wiki_diamond WHERE page = ? AND date BETWEEN ? AND ?",
        page,
        days[0],
        days[-1],
    )
    row_by_day = {row["date"]: row for row in rows}
    return [row_by_day.get(day, {"date": day, "views": None, "rank": None}) for day in days]


def _similar_titles(reader: Reader, name: str) -> list[str]:
    """Return up to five listed titles that contain the name, most views on a day first; upper and lower case are equal."""
    rows = reader.rows(
        "SELECT page_display, max(views) AS views FROM wiki_diamond WHERE lower(page) LIKE ? ESCAPE '\\' "
        "GROUP BY page_display ORDER BY views DESC, page_display LIMIT 5",
        containing_pattern(name.lower()),
    )
    return [row["page_display"] for row in rows]
