"""Declare the tables of a window as Ibis expressions, which every engine can compile.

The expressions have six input tables (`INPUTS`):

- `ROWS`: the rows of the window, one for each page and day, with the day in `date`
- `DAYS`: the days used, one row for each day
- `EARLIER` and `EARLIER_DAYS`: the rows and the days of the baseline, in the same form
- `PAGE_HISTORY`: the exact views of some pages, one row for each page and day, up to the last day of the window
- `RUN`: one row with the dataset, the window and the project

The days come from the check and not from the rows. So a day without rows counts as an available day on which no page was listed.

The lists in the lake contain at most 1,000 pages. When the list of a day does not contain a page, the views of the page on that day
are *unknown*, not zero, unless `PAGE_HISTORY` has them. So the tables made from the lists have no row for the page on that day.
`wiki_trends_common` and `wiki_trends_growth` contain only pages that were listed on every day used.

A declaration does not read data. A misspelt column raises an error when the expression is built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ibis import Table

ROWS = "window_rows"
DAYS = "window_days"
EARLIER = "earlier_rows"
EARLIER_DAYS = "earlier_days"
PAGE_HISTORY = "page_history"
RUN = "window_run"

ROW_TYPES = {
    "date": "date",
    "page": "string",
    "page_display": "string",
    "views": "int64",
    "rank": "int32",
    "link": "string",
    "category": "string",
    "location_type": "string",
    "location": "string",
    "latitude": "float64",
    "longitude": "float64",
}
DAY_TYPES = {"date": "date"}
RUN_TYPES = {"dataset": "string", "window_start": "date", "window_end": "date", "project": "string"}
HISTORY_TYPES = {"page": "string", "date": "date", "views": "int64", "requested_for": "date"}
INPUTS = {
    ROWS: ROW_TYPES,
    DAYS: DAY_TYPES,
    EARLIER: ROW_TYPES,
    EARLIER_DAYS: DAY_TYPES,
    PAGE_HISTORY: HISTORY_TYPES,
    RUN: RUN_TYPES,
}


def is_published(name: str) -> bool:
    """Return whether a table is published. Any other table is an intermediate step, which is dropped after the analysis."""
    return not name.startswith("step_")


def declared() -> dict[str, Table]:
    """Declare all tables; return them by name, in the order of computation.

    A declaration refers to the inputs and to earlier steps by name. An engine provides the tables of `INPUTS`, computes each
    declared table under its name, and publishes the tables for which `is_published` is true. In `ROWS` and `EARLIER`, a page
    must occur at most once for each day. No day may be in both tables.
    """
    import ibis

    from wiki_trends.analytics.tables.page_history import page_history
    from wiki_trends.analytics.tables.scores import scores, steps

    rows, days, earlier, earlier_days, history_rows, run = (
        ibis.table(types, name=name) for name, types in INPUTS.items()
    )
    tables, score_tables = steps(rows, days, earlier, earlier_days, history_rows)
    return tables | {
        "wiki_diamond": diamond(rows, earlier),
        "wiki_trends_timeseries": timeseries(rows),
        "wiki_trends_common": common(rows, days),
        "wiki_trends_growth": growth(rows, days),
        "wiki_trends_categories": categories(rows, days),
        "wiki_trends_scores": scores(run, score_tables),
        "wiki_page_history": page_history(rows, history_rows),
    }


def diamond(rows: Table, earlier: Table) -> Table:
    """Declare the rows of the window and of the baseline as in the lake, with their day. Ordered by date, rank and page.

    Columns: page, page_display, date (DATE, UTC), views, rank, link, category, location_type, location, latitude,
    longitude. The warehouse keeps the days of earlier publishes, and replaces a day that is published again.
    """
    names = ["page", "page_display", "date", "views", "rank", "link", "category", "location_type", "location"]
    names += ["latitude", "longitude"]
    return rows.select(*names).union(earlier.select(*names)).order_by("date", "rank", "page")


def timeseries(rows: Table) -> Table:
    """Declare a row for each listed page and day of the window; this pair is unique. Ordered by date, rank and page.

    Columns: page, page_display (text); date (DATE, UTC); views (BIGINT, the views on the day); rank (INTEGER, 1 is the
    most viewed; ranks can tie); category, location_type, location (text); latitude, longitude (degrees, may be null).
    A page has no row for a day on which it was not listed.
    """
    names = ["page", "page_display", "date", "views", "rank", "category", "location_type", "location"]
    return rows.select(*names, "latitude", "longitude").order_by("date", "rank", "page")


def common(rows: Table, days: Table) -> Table:
    """Declare the rows of the pages that were listed on every day used. Ordered by date, rank and page.

    Columns: page, page_display, date, views, rank, category, location, as in the time series.
    """
    listed = rows.group_by("page").agg(days_listed=rows.count())
    always = listed.filter(listed.days_listed == days.count().as_scalar())
    return (
        rows.semi_join(always, "page")
        .select("page", "page_display", "date", "views", "rank", "category", "location")
        .order_by("date", "rank", "page")
    )


def growth(rows: Table, days: Table) -> Table:
    """Declare a row for each page that was listed on every day used, with its change from the first day to the last.

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


def categories(rows: Table, days: Table) -> Table:
    """Declare a row for each category: its share of the views, its change, and the numbers of pages that entered and left.

    Columns: category; pages (the number of pages listed in the category on at least one day used); views (BIGINT, the sum
    over its listed pages); share_pct (the share of the views of all categories; 0 when there are no views); first_views,
    last_views (BIGINT, the views on the first and the last day used); views_change_pct (the change from first_views to
    last_views, null when first_views is zero); entries (the number of pages listed on the last day used and not on the
    first); exits (the number of pages listed on the first day used and not on the last). An entry or exit counts for the
    category of the page on the day that listed it. Ordered by views, largest first, then category.

    Only listed pages count, so a page may have had readers before it entered the list.
    """
    import ibis

    from wiki_trends.analytics.tables.history import as_bigint

    dates = days.agg(first_date=days.date.min(), last_date=days.date.max())
    dated = rows.cross_join(dates)
    first = dated.date == dated.first_date
    last = dated.date == dated.last_date
    ends = dated.group_by("page").agg(on_first=first.any(), on_last=last.any())
    joined = dated.inner_join(ends, "page")
    first = joined.date == joined.first_date
    last = joined.date == joined.last_date
    total = joined.group_by("category").agg(
        pages=joined.page.nunique(),
        views=as_bigint(joined.views.sum()),
        first_views=as_bigint(joined.views.sum(where=first).coalesce(0)),
        last_views=as_bigint(joined.views.sum(where=last).coalesce(0)),
        entries=as_bigint((last & ~joined.on_first).sum()),
        exits=as_bigint((first & ~joined.on_last).sum()),
    )
    all_views = total.views.sum().over(ibis.window()).cast("float64")
    share = (total.views.cast("float64") * 100 / all_views.nullif(0)).coalesce(0.0)
    change = (total.last_views - total.first_views).cast("float64") * 100 / total.first_views.nullif(0)
    result = total.select(
        "category",
        "pages",
        "views",
        "first_views",
        "last_views",
        "entries",
        "exits",
        share_pct=share,
        views_change_pct=change,
    )
    names = ["category", "pages", "views", "share_pct", "first_views", "last_views", "views_change_pct"]
    return result.select(*names, "entries", "exits").order_by(result.views.desc(), "category")
