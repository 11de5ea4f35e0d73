"""Declare the inputs of the scores: the rows of the window and of the baseline, with their levels.

The *level* of a page on a day is ln(1 + views). The list of a day contains at most 1,000 pages. The views of any other page
are unknown, but they are at most the views of the last listed page. This number is the *bound* of the day. The bound does not
hold for a page that the cleaning removed from the list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import ArrayValue, FloatingColumn, FloatingValue, IntegerColumn, Value

REFERENCE_DAYS = 28
BASELINE_DAYS = 56
# The days with which a day is compared (`reference`): the days before it, or the later days of the window.
BEFORE = "before"
IN_WINDOW = "window"


def level(views: Value) -> FloatingValue:
    """Return ln(1 + views), the scale on which the scores measure changes of views."""
    return (views.cast("float64") + 1.0).ln()


def day_number(date: Value) -> IntegerColumn:
    """Return the number of days since 1970-01-01 as an integer, for range windows of days."""
    return date.epoch_days().cast("int64")


def as_bigint(total: Value) -> IntegerColumn:
    """Cast a sum of integers to BIGINT. Some engines return 128-bit sums, but Ibis expects 64 bits."""
    return total.cast("decimal(38, 0)").cast("int64")


def exact_sum(values: FloatingColumn) -> FloatingValue:
    """Sum floating-point values as decimals with 20 places, so that the sum does not depend on the order of the rows."""
    return values.cast("decimal(38, 20)").sum().cast("float64")


def median_of(values: ArrayValue) -> FloatingValue:
    """Return the median of the numbers in an array; null for an empty array.

    In a window of rows, collecting the values and taking their median is faster than the median as a window function.
    """
    # For an empty array, the indexes are null, and so is the result. With a condition instead, DuckDB would sort the array twice.
    in_order, count = values.sort(), values.length().nullif(0)
    # Spark accepts only an INT as an index.
    lower, upper = ((count - 1) // 2).cast("int32"), (count // 2).cast("int32")
    return (in_order[lower] + in_order[upper]) / 2.0


def left_join_page(table: Table, other: Table) -> Table:
    """Add the columns of `other` to `table` by page; they are null for a page without a row in `other`."""
    return table.left_join(other, "page", rname="{name}_other").drop("page_other")


def history(rows: Table, earlier: Table) -> Table:
    """Declare a row for each listed page and day of the window and of the baseline.

    Columns: page; date (DATE, UTC); views (BIGINT); day (BIGINT, days since 1970); weekday (0 is Monday); level.
    """
    both = rows.select("page", "date", "views").union(earlier.select("page", "date", "views"))
    return both.mutate(
        day=day_number(both.date),
        weekday=both.date.day_of_week.index().cast("int32"),
        level=level(both.views),
    )


def available_days(history: Table, days: Table, earlier_days: Table) -> Table:
    """Declare a row for each available day of the window and of the baseline.

    Columns: day (as in `history`); in_window; place (1 is the earliest available day); bound (views of the last page
    listed; 0 for a day without rows); reference; reference_first and reference_last (the first and the last day of the reference);
    reference_days (number of available days of the reference); reference_bound (median of the bounds of these days).

    The reference of a day is the days with which the day is compared: the 28 days before the day (`before`). If none of these days is
    available, the reference of a day of the window is the 28 days after the day (`window`).
    """
    import ibis

    both = days.mutate(in_window=True).union(earlier_days.mutate(in_window=False))
    both = both.select(both.in_window, day=day_number(both.date))
    least = history.group_by("day").agg(bound=history.views.min())
    bounded = both.left_join(least, "day").select(both.day, both.in_window, bound=least.bound.coalesce(0))
    before = ibis.window(order_by="day", range=(ibis.preceding(REFERENCE_DAYS), ibis.preceding(1)))
    after = ibis.window(order_by="day", range=(ibis.following(1), ibis.following(REFERENCE_DAYS)))
    counted = bounded.mutate(
        place=(ibis.row_number().over(order_by="day") + 1).cast("int64"),
        days_before=bounded.day.count().over(before).cast("int32"),
        days_after=bounded.day.count().over(after).cast("int32"),
        bound_before=bounded.bound.median().over(before),
        bound_after=bounded.bound.median().over(after),
    )
    is_after = counted.in_window & (counted.days_before == 0)
    return counted.select(
        "day",
        "in_window",
        "place",
        "bound",
        reference=ibis.ifelse(is_after, IN_WINDOW, BEFORE),
        reference_first=ibis.ifelse(is_after, counted.day + 1, counted.day - REFERENCE_DAYS),
        reference_last=ibis.ifelse(is_after, counted.day + REFERENCE_DAYS, counted.day - 1),
        reference_days=ibis.ifelse(is_after, counted.days_after, counted.days_before),
        reference_bound=ibis.ifelse(is_after, counted.bound_after, counted.bound_before),
    )
