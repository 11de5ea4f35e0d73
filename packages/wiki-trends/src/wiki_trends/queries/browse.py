"""Browse the published window: search and order its pages, list its categories, and find the pages that rise at its end.

Each function reads the published tables in one read. Fails with `SettingError` for an unknown measure or category, and
with `WarehouseError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wiki_trends.queries import pages as lookups
from wiki_trends.queries.series import read_series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wiki_trends.queries.series import Series
    from wiki_trends.warehouse.base import Reader, RunRecord, Warehouse

Row = dict[str, Any]

_FOUND = """
SELECT s.page, s.page_display, s.category, s.location, s.views, s.days_listed, s.days_used, s.best_rank, s.peak_date,
       s.peak_views, s.presence, s.score, s.confidence, s.shape, s.momentum_label, g.views_change, g.views_change_pct,
       count(*) OVER () AS found
FROM (SELECT * FROM wiki_trends_scores WHERE dataset = ? AND window_start = ? AND window_end = ?) AS s
LEFT JOIN wiki_trends_growth AS g ON g.page = s.page
WHERE {also}
ORDER BY {order}, s.page
LIMIT ? OFFSET ?
"""
_DAYS_OF_CATEGORY = """
SELECT date, CAST(sum(views) AS BIGINT) AS views, count(*) AS pages
FROM wiki_trends_timeseries WHERE category = ? GROUP BY date ORDER BY date
"""
_RISERS = """
SELECT page, page_display, category, window_start, window_end, surprise_views, expected_views, score, shape, peak_rank, link
FROM (
    SELECT rising.*,
           row_number() OVER (PARTITION BY window_end ORDER BY score DESC, page) AS of_day,
           dense_rank() OVER (ORDER BY window_end DESC) AS day
    FROM (
        SELECT s.*, d.link,
               row_number() OVER (PARTITION BY s.window_end, s.page ORDER BY s.score DESC, s.window_start) AS of_page
        FROM wiki_trends_scores AS s JOIN wiki_diamond AS d ON d.page = s.page AND d.date = s.window_end
        WHERE s.dataset = ? AND s.surprise_date = s.window_end AND s.score > 0
    ) AS rising
    WHERE of_page = 1
) AS placed
WHERE day <= ? AND of_day <= ?
ORDER BY window_end DESC, score DESC, page
"""
RISERS_A_DAY = 10
_DAYS_OF_RISERS = 7


@dataclass(frozen=True, slots=True)
class PageList:
    """One piece of an ordered list of pages of the published window.

    Attributes:
        run: the window.
        by: the measure, one of `lookups.MEASURES`.
        pages: rows of the published scores, with the growth of pages that have one.
        found: number of pages in the complete list.
        skipped: number of pages before these.
        series: of each of these pages.
    """

    run: RunRecord
    by: str
    pages: Sequence[Row]
    found: int
    skipped: int
    series: Mapping[str, Series]


@dataclass(frozen=True, slots=True)
class CategoryDetails:
    """One category of the published window.

    Attributes:
        run: the window.
        about: its row of `wiki_trends_categories`.
        days: `date`, `views` and `pages` of each day used, oldest first.
        leading: its pages with the highest scores.
    """

    run: RunRecord
    about: Row
    days: Sequence[Row]
    leading: PageList


def pages(
    warehouse: Warehouse,
    *,
    by: str = "score",
    containing: str = "",
    category: str = "",
    skip: int = 0,
    limit: int = 100,
) -> PageList:
    """Pages of the published window ordered by `by`, of one category, whose title contains `containing` in any case."""
    with warehouse.reading() as reader:
        return _pages(reader, lookups.with_scores(reader, warehouse), by, containing, category, skip, limit)


def categories(warehouse: Warehouse) -> tuple[RunRecord, Sequence[Row]]:
    """The published window and its categories, most views first."""
    with warehouse.reading() as reader:
        rows = reader.rows("SELECT * FROM wiki_trends_categories ORDER BY views DESC, category")
        return reader.last_run(), rows


def category(warehouse: Warehouse, name: str, limit: int = 50) -> CategoryDetails:
    """One category: its sums, its days, and its leading pages."""
    with warehouse.reading() as reader:
        run = lookups.with_scores(reader, warehouse)
        spelling = lookups.known_category(reader, name)
        about = reader.rows("SELECT * FROM wiki_trends_categories WHERE category = ?", spelling)[0]
        days = reader.rows(_DAYS_OF_CATEGORY, spelling)
        return CategoryDetails(run, about, days, _pages(reader, run, "score", "", spelling, 0, limit))


def risers(warehouse: Warehouse) -> tuple[RunRecord, Sequence[Row]]:
    """The pages whose most surprising day was the last of a window, for the windows published last.

    At most `RISERS_A_DAY` for each last day, the highest score first, the newest day first.
    """
    with warehouse.reading() as reader:
        run = lookups.with_scores(reader, warehouse)
        return run, reader.rows(_RISERS, run.dataset, _DAYS_OF_RISERS, RISERS_A_DAY)


def _pages(
    reader: Reader, run: RunRecord, by: str, containing: str, category: str, skip: int, limit: int
) -> PageList:
    also, values = ["TRUE"], [run.dataset, run.window_start, run.window_end]
    if by == "growth":
        also.append("g.views_change_pct IS NOT NULL")
    if category:
        also.append("s.category = ?")
        values.append(lookups.known_category(reader, category))
    if containing.strip():
        also.append("lower(s.page_display) LIKE ? ESCAPE '\\'")
        values.append(f"%{_literal(containing.strip().replace('_', ' ').lower())}%")
    sql = _FOUND.format(also=" AND ".join(also), order=lookups.order_of(by))
    rows = reader.rows(sql, *values, limit, skip)
    total = rows[0]["found"] if rows else 0
    listed = [{name: value for name, value in row.items() if name != "found"} for row in rows]
    return PageList(run, by, listed, total, skip, read_series(reader, run, [row["page"] for row in rows]))


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
