"""Choose the pages whose history is requested: pages that probably rose in a window, and whose usual views the lake does not show."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Set as AbstractSet

    import polars as pl

# Only this many pages at the top of the ranking can be requested.
MAX_CANDIDATES = 300
# A page is requested when more than this many of the days before the window are unknown.
MAX_UNKNOWN_DAYS = 7


def rank_candidates(rows: pl.DataFrame, start: dt.date) -> list[str]:
    """Return the pages of a window, ordered by how far they rose above their usual views according to the lists, largest rise first.

    The usual views are the median of the views on the listed days. For a page that was listed on less than half of the days, the usual
    views are those of the last page in the list of the day. This is an upper bound.

    Args:
        rows: the listed pages of the window and of the days before it, with the columns page, date and views.
        start: the first day of the window.
    """
    import polars as pl

    day_count = rows["date"].n_unique()
    page = pl.col("page")
    rows = rows.with_columns(
        bound=pl.col("views").min().over("date"),
        median=pl.col("views").median().over(page),
        is_usual=2 * pl.len().over(page) >= day_count,
    )
    usual = pl.when("is_usual").then("median").otherwise("bound")
    rise = (pl.col("views") + 1).log() - (usual + 1).log()
    ranked = (
        rows.filter(pl.col("date") >= start)
        .group_by("page")
        .agg(rise.max().alias("rise"), pl.col("views").max())
    )
    return ranked.sort(["rise", "views", "page"], descending=[True, True, False])["page"].to_list()


def choose_pages(
    rows: pl.DataFrame, answers: pl.DataFrame, without_data: AbstractSet[str], days: tuple[dt.date, dt.date]
) -> list[str]:
    """Return the candidates to request, best first.

    Args:
        rows: see `rank_candidates`.
        answers: a row for each page and day that Wikimedia has answered, with the columns page and date.
        without_data: the pages that Wikimedia has no views of.
        days: the first and the last day of the reference: the days before the window.
    """
    import datetime as dt

    import polars as pl

    first, last = days
    candidates = rank_candidates(rows, last + dt.timedelta(days=1))[:MAX_CANDIDATES]
    in_reference = pl.col("date").is_between(first, last)
    known_days = pl.concat([frame.select("page", "date").filter(in_reference) for frame in (rows, answers)])
    known_counts = dict(known_days.unique().group_by("page").len().iter_rows())
    day_count = (last - first).days + 1
    return [
        page
        for page in candidates
        if day_count - known_counts.get(page, 0) > MAX_UNKNOWN_DAYS and page not in without_data
    ]
