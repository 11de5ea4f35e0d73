"""Declare the tables of a window as Ibis expressions, which every engine can compile.

There are five inputs (`INPUTS`): the rows of the window (`ROWS`: a row for each page and day, with the day in `date`) and
the days used (`DAYS`: a row for each day), the same for the baseline before the window (`EARLIER`, `EARLIER_DAYS`), and
one row with the dataset and the window (`RUN`). The days come from the check and not from the rows, so that a day without
rows counts as a day on which no page was listed.

The lists behind the rows are cut at 1,000 pages. A page that is not in a day's list had an *unknown* number of views on
that day, not zero. So no table has a row for such a day, and `wiki_trends_common` and `wiki_trends_growth` contain only
pages that were listed on every day used.

The declarations read no data. A misspelt column fails when the expression is built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ibis import Table

ROWS = "window_rows"
DAYS = "window_days"
EARLIER = "earlier_rows"
EARLIER_DAYS = "earlier_days"
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
RUN_TYPES = {"dataset": "string", "window_start": "date", "window_end": "date"}
INPUTS = {ROWS: ROW_TYPES, DAYS: DAY_TYPES, EARLIER: ROW_TYPES, EARLIER_DAYS: DAY_TYPES, RUN: RUN_TYPES}


def is_published(name: str) -> bool:
    """Whether the table is published. Otherwise it is an intermediate step, which is dropped after the analysis."""
    return not name.startswith("step_")


def declared() -> dict[str, Table]:
    """All tables by name, in the order in which they are computed; later tables refer to inputs and steps by name.

    An engine provides the tables of `INPUTS`, computes each of these tables under its name, and publishes those for which
    `is_published` is true. A page must occur at most once for each day in `ROWS` and `EARLIER`, and no day in both.
    """
    import ibis

    from wiki_trends.analytics.tables.scores import scores, steps

    rows, days, earlier, earlier_days, run = (ibis.table(types, name=name) for name, types in INPUTS.items())
    tables, score_parts = steps(rows, days, earlier, earlier_days)
    return tables | {
        "wiki_diamond": diamond(rows, earlier),
        "wiki_trends_timeseries": timeseries(rows),
        "wiki_trends_common": common(rows, days),
        "wiki_trends_growth": growth(rows, days),
        "wiki_trends_categories": categories(rows, days),
        "wiki_trends_scores": scores(run, score_parts),
    }


def diamond(rows: Table, earlier: Table) -> Table:
    """The rows of the window and of the baseline as in the lake, with their day. Ordered by date, rank and page.

    Columns: page, page_display, date (DATE, UTC), views, rank, link, category, location_type, location, latitude,
    longitude. The warehouse keeps the days of earlier publishes; a day that is published again is replaced.
    """
    names = ["page", "page_display", "date", "views", "rank", "link", "category", "location_type", "location"]
    names += ["latitude", "longitude"]
    return rows.select(*names).union(earlier.select(*names)).order_by("date", "rank", "page")


def timeseries(rows: Table) -> Table:
    """A row for each listed page and day of the window; the pair is unique. Ordered by date, rank and page.

    Columns: page, page_display (text); date (DATE, UTC); views (BIGINT, that day's views); rank (INTEGER, 1 is the
    most viewed; ranks can tie); category, location_type, location (text); latitude, longitude (degrees, may be null).
    A page has no row for a day on which it was not listed.
    """
    names = ["page", "page_display", "date", "views", "rank", "category", "location_type", "location"]
    return rows.select(*names, "latitude", "longitude").order_by("date", "rank", "page")


def common(rows: Table, days: Table) -> Table:
    """The rows of the pages that were listed on every day used. Ordered by date, rank and page.

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
    """A row for each page that was listed on every day used, with its change from the first of these days to the last.

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
    """A row for each category: its share of the listed views, its change, and the number of pages that entered and left.

    Columns: category; pages (listed under it on at least one day used); views (BIGINT, of its listed rows); share_pct
    (of the listed views of all categories; 0 when there are none); first_views, last_views (BIGINT, on the first and the
    last day used); views_change_pct from first to last (null when first_views is zero); entries (pages listed on the last
    day used and not on the first), exits (the other way round), each under the category of the day on which it was
    listed. Ordered by views, largest first, then category.

    Only listed pages are counted. A page that entered the list may have been read before.
    """
    import ibis

    from wiki_trends.analytics.tables.history import as_bigint

    bounds = days.agg(first_date=days.date.min(), last_date=days.date.max())
    bounded = rows.cross_join(bounds)
    first = bounded.date == bounded.first_date
    last = bounded.date == bounded.last_date
    ends = bounded.group_by("page").agg(on_first=first.any(), on_last=last.any())
    joined = bounded.inner_join(ends, "page")
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
