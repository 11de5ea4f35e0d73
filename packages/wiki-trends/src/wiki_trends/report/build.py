"""Build the report from one snapshot of the published tables.

The functions raise `NothingPublished` when nothing was published, and another `WarehouseError` when the warehouse cannot be read.
The title is the last sort column of every list, so that equal tables produce equal reports.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from wiki_trends.queries.categories import read_categories
from wiki_trends.queries.evidence import read_why
from wiki_trends.queries.published import FALL_RANKING, RANKING, SCORES, SIZE_RANKING, scores_table
from wiki_trends.queries.restatements import restatements_of_window
from wiki_trends.queries.series import read_series
from wiki_trends.report.headline import MAX_PEAKS, headline
from wiki_trends.report.model import Arrival, Category, Change, Fall, Peak, Report

if TYPE_CHECKING:
    from wiki_trends.warehouse.base import Reader, RunRecord, Warehouse

# The number of pages whose best days can be peaks. The limit keeps the cost proportional to the length of the window.
_PEAK_CANDIDATES = 1000

# The peaks: pages whose best day had at least twice their usual views. `day` has the fewest listed views of each day, which replace the
# unknown views of a page that was not listed. `placed` numbers the days of each page, the day with the most views first. `best` has the best
# day of each page. `usual` has the median of the page's views on all other days.
_SELECT_PEAKS = """
WITH day AS (
    SELECT date, min(views) AS least FROM wiki_trends_timeseries GROUP BY date
), placed AS (
    SELECT page, page_display, date, views, rank,
           row_number() OVER (PARTITION BY page ORDER BY views DESC, date) AS place
    FROM wiki_trends_timeseries
), best AS (
    SELECT placed.*, ranked.at_least, ranked.number
    FROM placed LEFT JOIN ({ranked}) AS ranked ON ranked.page = placed.page
    WHERE placed.place = 1 ORDER BY ranked.number NULLS LAST, placed.views DESC, placed.page LIMIT ?
), usual AS (
    SELECT best.page,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY coalesce(listed.views, day.least)) AS usual_views,
           count(*) - count(listed.views) AS days_unlisted
    FROM best
    JOIN day ON day.date <> best.date
    LEFT JOIN wiki_trends_timeseries AS listed ON listed.page = best.page AND listed.date = day.date
    GROUP BY best.page
)
SELECT page, page_display, date, views, rank, usual_views, views - usual_views AS views_above,
       views / nullif(usual_views, 0) AS times, days_unlisted, at_least
FROM best JOIN usual USING (page)
WHERE views >= 2 * usual_views AND views > 0
ORDER BY number NULLS LAST, views_above DESC, page
LIMIT ?
"""
# The place of each page in the ranking by its rise.
_RANKED = """
SELECT page, at_least, row_number() OVER (ORDER BY {ranking}) AS number FROM {scores} AS scores
WHERE dataset = ? AND window_start = ? AND window_end = ?
"""
# Replaces `_RANKED` for a window that a version without scores published.
_NOT_RANKED = """
SELECT page, CAST(NULL AS DOUBLE PRECISION) AS at_least, 0 AS number FROM wiki_trends_timeseries WHERE FALSE
"""

_GROWING = "WHERE views_change > 0 AND views_change_pct IS NOT NULL ORDER BY views_change_pct DESC, views_change DESC"
_DECLINING = "WHERE views_change < 0 AND views_change_pct IS NOT NULL ORDER BY views_change_pct, views_change"
_VOLATILE = "WHERE volatility > 0 ORDER BY volatility DESC"
_CLIMBERS = "WHERE rank_change > 0 ORDER BY rank_change DESC, last_rank"
_SUSTAINED = "ORDER BY min_views DESC, avg_views DESC"

_SELECT_FALLS = """
SELECT page, page_display, category, surprise_date AS date, surprise_views AS views, expected_views, at_most
FROM {scores} AS scores
WHERE dataset = ? AND window_start = ? AND window_end = ? AND at_most < 1
ORDER BY {ranking}
LIMIT ?
"""
_SELECT_ARRIVALS = """
SELECT page, page_display, category, presence, days_listed, peak_date, peak_views, peak_rank, views
FROM wiki_trends_scores
WHERE dataset = ? AND window_start = ? AND window_end = ? AND presence = ?
ORDER BY views DESC, page
LIMIT ?
"""


def build_report(warehouse: Warehouse, limit: int = 10) -> Report:
    """Build the report of the published window, with at most `limit` rows in each list.

    Raises:
        NothingPublished: nothing was published yet.
        WarehouseError: the warehouse cannot be read.
    """
    with warehouse.reading() as reader:
        return read_report(reader, limit)


def read_report(reader: Reader, limit: int) -> Report:
    """Build the report through an open reader, so that the caller can read other data from the same snapshot."""
    run = reader.last_run()
    peaks = _read_peaks(reader, run, RANKING, limit)
    largest_peaks = _read_peaks(reader, run, SIZE_RANKING, MAX_PEAKS)
    falls = _read_falls(reader, run, limit)
    categories = _read_categories(reader, run)[:limit]
    changes = {
        name: _read_changes(reader, condition_and_order, limit)
        for name, condition_and_order in (
            ("growing", _GROWING),
            ("declining", _DECLINING),
            ("volatile", _VOLATILE),
            ("climbers", _CLIMBERS),
            ("sustained", _SUSTAINED),
        )
    }
    new, returning = (_read_arrivals(reader, run, presence, limit) for presence in ("new", "returning"))
    lists_of_pages = (peaks, largest_peaks, falls, *changes.values(), new, returning)
    pages = [row.page for rows in lists_of_pages for row in rows]  # type: ignore[attr-defined]
    series = read_series(reader, run, pages)
    return Report(
        run=run,
        common_pages=run.rows["wiki_trends_growth"],
        headline=headline(run, largest_peaks, changes["climbers"], categories, series),
        peaks=peaks,
        categories=categories,
        new=new,
        returning=returning,
        falls=falls,
        series=series,
        restatements=restatements_of_window(reader, run),
        why=read_why(reader, run, [peak.page for peak in (*peaks, *largest_peaks)]),
        **changes,
    )


def _read_peaks(reader: Reader, run: RunRecord, ranking: str, limit: int) -> tuple[Peak, ...]:
    ranked, window = _NOT_RANKED, list[object]()
    if SCORES in run.rows:
        ranked = _RANKED.format(ranking=ranking, scores=scores_table(reader))
        window = [run.dataset, run.window_start, run.window_end]
    rows = reader.rows(_SELECT_PEAKS.format(ranked=ranked), *window, _PEAK_CANDIDATES, limit)
    return tuple(Peak(**row) for row in rows)


def _read_falls(reader: Reader, run: RunRecord, limit: int) -> tuple[Fall, ...]:
    if SCORES not in run.rows:
        return ()  # The version that published the window had no scores.
    sql = _SELECT_FALLS.format(ranking=FALL_RANKING, scores=scores_table(reader))
    rows = reader.rows(sql, run.dataset, run.window_start, run.window_end, limit)
    return tuple(Fall(**row) for row in rows)


def _read_categories(reader: Reader, run: RunRecord) -> tuple[Category, ...]:
    if "wiki_trends_categories" not in run.rows:
        return ()  # The version that published the window had no categories.
    names = [item.name for item in fields(Category)]
    return tuple(Category(**{name: row[name] for name in names}) for row in read_categories(reader))


def _read_changes(reader: Reader, condition_and_order: str, limit: int) -> tuple[Change, ...]:
    columns = ", ".join(item.name for item in fields(Change))
    sql = f"SELECT {columns} FROM wiki_trends_growth {condition_and_order}, page LIMIT ?"  # noqa: S608 - constants
    return tuple(Change(**row) for row in reader.rows(sql, limit))


def _read_arrivals(reader: Reader, run: RunRecord, presence: str, limit: int) -> tuple[Arrival, ...]:
    if SCORES not in run.rows:
        return ()  # The version that published the window had no scores.
    rows = reader.rows(_SELECT_ARRIVALS, run.dataset, run.window_start, run.window_end, presence, limit)
    return tuple(Arrival(**row) for row in rows)
