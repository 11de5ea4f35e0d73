"""The input of the scores: the rows of the window and of the baseline before it, day by day, with their levels.

The *level* of a page on a day is ln(1 + views). The lists are cut at 1,000 pages: a page that is not in a day's list had
an unknown number of views on it, but not more than the last page listed had. That number is the day's *bound*. (A page
that the cleaning left out of a list can have had more; it then looks as if it had fewer.)

These are declarations: they read no data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import FloatingValue, IntegerColumn, Value

REFERENCE_DAYS = 28
BASELINE_DAYS = 56


def level(views: Value) -> FloatingValue:
    """ln(1 + views): the scale on which the scores measure changes of views."""
    return (views.cast("float64") + 1.0).ln()


def day_number(date: Value) -> IntegerColumn:
    """Days since 1970-01-01, so that windows of days are ranges of integers."""
    return date.epoch_days().cast("int64")


def whole(total: Value) -> IntegerColumn:
    """A sum of integers as BIGINT: some engines widen sums to 128 bits without Ibis's knowledge."""
    return total.cast("decimal(38, 0)").cast("int64")


def with_columns_of(table: Table, other: Table) -> Table:
    """`table` with the other columns of the row of `other` that has its page, null where there is none."""
    return table.left_join(other, "page", rname="{name}_other").drop("page_other")


def history(rows: Table, earlier: Table) -> Table:
    """A row a page and day, of the window and of the baseline.

    Columns: page; date (DATE, UTC); views (BIGINT); day (BIGINT, days since 1970); weekday (0 is Monday); level.
    """
    both = rows.select("page", "date", "views").union(earlier.select("page", "date", "views"))
    return both.mutate(
        day=day_number(both.date),
        weekday=both.date.day_of_week.index().cast("int32"),
        level=level(both.views),
    )


def available_days(history: Table, days: Table, earlier_days: Table) -> Table:
    """A row for each available day, of the window and of the baseline.

    Columns: day (as in `history`); in_window; place (1 is the earliest available day); bound (views of the last page
    listed; 0 for a day without rows); reference_days (available days among the 28 before it).
    """
    import ibis

    both = days.mutate(in_window=True).union(earlier_days.mutate(in_window=False))
    both = both.select(both.in_window, day=day_number(both.date))
    least = history.group_by("day").agg(bound=history.views.min())
    bounded = both.left_join(least, "day").select(both.day, both.in_window, bound=least.bound.coalesce(0))
    before = ibis.window(order_by="day", range=(ibis.preceding(REFERENCE_DAYS), ibis.preceding(1)))
    return bounded.mutate(
        place=(ibis.row_number().over(order_by="day") + 1).cast("int64"),
        reference_days=bounded.day.count().over(before).cast("int32"),
    )
