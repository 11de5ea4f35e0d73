"""The documented tables of a window, declared once, as Ibis expressions that every engine can compile.

Two inputs: the rows of the window (`ROWS`: a row a page and day, the day in `date`) and the days that were used
(`DAYS`: a row a day). The days come from the check and not from the rows, so that a day without rows still counts as
a day on which no page was present.

The lists behind the rows are cut at 1,000 pages. A page that is missing from a day's list had an *unknown* number of
views on it, not zero: no table here fills such a day in, and `wiki_trends_common` and `wiki_trends_growth` hold only
pages that were listed on every day used.

Nothing here touches data or can fail on it; a column that a declaration misspells fails when it is built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ibis import Table

ROWS = "window_rows"
DAYS = "window_days"

ROW_TYPES = {
    "date": "date",
    "page": "string",
    "page_display": "string",
    "views": "int64",
    "rank": "int32",
    "category": "string",
    "location_type": "string",
    "location": "string",
    "latitude": "float64",
    "longitude": "float64",
}
DAY_TYPES = {"date": "date"}


def inputs() -> tuple[Table, Table]:
    """The two input tables, unbound: their names and types without any data."""
    import ibis

    return ibis.table(ROW_TYPES, name=ROWS), ibis.table(DAY_TYPES, name=DAYS)


def tables(rows: Table, days: Table) -> dict[str, Table]:
    """Every table of a window by its published name.

    Args:
        rows: a row a page and day, columns and types of `ROW_TYPES`; a page stands at most once a day.
        days: a row for each day used, column `date`.
    """
    return {
        "wiki_trends_timeseries": timeseries(rows),
        "wiki_trends_common": common(rows, days),
        "wiki_trends_growth": growth(rows, days),
    }


def timeseries(rows: Table) -> Table:
    """A row a page and day, as listed; page and date are unique together. Ordered by date, rank and page.

    Columns: page, page_display (text); date (DATE, UTC); views (BIGINT, that day's views); rank (INTEGER, 1 is the
    most viewed; ranks can tie); category, location_type, location (text); latitude, longitude (degrees, may be null).
    A page has no row for a day on which it was not listed.
    """
    names = ["page", "page_display", "date", "views", "rank", "category", "location_type", "location"]
    return rows.select(*names, "latitude", "longitude").order_by("date", "rank", "page")


def common(rows: Table, days: Table) -> Table:
    """The rows of the pages that were listed on every day used. Ordered by date, rank and page.

    Columns: page, page_display, date, views, rank, category, location, as in the time series. Category and display
    title are those of the row's own day.
    """
    listed = rows.group_by("page").agg(days_listed=rows.count())
    always = listed.filter(listed.days_listed == days.count().as_scalar())
    return (
        rows.semi_join(always, "page")
        .select("page", "page_display", "date", "views", "rank", "category", "location")
        .order_by("date", "rank", "page")
    )


def growth(rows: Table, days: Table) -> Table:
    """A row for each page that was listed on every day used: its change from the first of these days to the last.

    Columns: page (unique), page_display, category, location (of the last day); first_date, last_date (DATE, the first
    and the last day used); first_views, last_views, views_change = last - first (BIGINT); views_change_pct =
    views_change * 100 / first_views (DOUBLE, null when first_views is zero); first_rank, last_rank, rank_change =
    first - last (INTEGER, positive is a better rank); avg_views (DOUBLE), max_views, min_views, volatility = max - min
    (BIGINT); days_tracked (INTEGER, the number of days used). Ordered by views_change, largest first, then page.
    """
    page = rows.group_by("page").agg(
        page_display=rows.page_display.argmax(rows.date),
        category=rows.category.argmax(rows.date),
        location=rows.location.argmax(rows.date),
        first_date=rows.date.min(),
        last_date=rows.date.max(),
        first_views=rows.views.argmin(rows.date),
        last_views=rows.views.argmax(rows.date),
        first_rank=rows["rank"].argmin(rows.date),
        last_rank=rows["rank"].argmax(rows.date),
        avg_views=rows.views.mean(),
        max_views=rows.views.max(),
        min_views=rows.views.min(),
        days_listed=rows.count(),
    )
    change = page.last_views - page.first_views
    result = page.filter(page.days_listed == days.count().as_scalar()).select(
        page.page,
        page.page_display,
        page.category,
        page.location,
        page.first_date,
        page.last_date,
        page.first_views,
        page.last_views,
        views_change=change,
        views_change_pct=change.cast("float64") * 100 / page.first_views.nullif(0),
        first_rank=page.first_rank,
        last_rank=page.last_rank,
        rank_change=(page.first_rank - page.last_rank).cast("int32"),
        avg_views=page.avg_views,
        max_views=page.max_views,
        min_views=page.min_views,
        volatility=page.max_views - page.min_views,
        days_tracked=page.days_listed.cast("int32"),
    )
    return result.order_by(result.views_change.desc(), "page")
