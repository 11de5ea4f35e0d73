"""Declare the exact views from `wiki_page_history` as a second source of the rows that the scores are computed from.

The first source is the lists. The second source is the history of a page: its exact views on some days. If a page is not in the list of a
day, but its history has the day, the page gets a row for this day, with `listed` false. A history can also contain days for which the lake
has no list. These days have rows in `all_days`, without a bound. Nothing changes for a page without a history.

    the views of a page on a day are   exact     listed, or in the history
                                       bounded   outside the list of the day, and not in the history
                                       missing   the lake has no list of the day, and the history does not have the day
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.analytics.tables.history import (
    BASELINE_DAYS,
    BEFORE,
    REFERENCE_DAYS,
    day_number,
    left_join_page,
    level,
)

if TYPE_CHECKING:
    from ibis import Table

# The columns of `input_counts` without `page`.
COLUMNS = (
    "reference_history",
    "reference_bounded",
    "reference_missing",
    "window_history",
    "window_bounded",
    "ewma_bounded",
)


def page_history(rows: Table, history_rows: Table) -> Table:
    """Declare the exact views of the pages of the window. Ordered by date and page.

    Columns: page; date (DATE, UTC); views (BIGINT, by people); requested_for (DATE, the last day of the window for
    which they were requested). The warehouse keeps the rows of earlier publishes, and replaces a page and day that is published again.
    """
    return history_rows.semi_join(rows, "page").order_by("date", "page")


def with_page_history(history: Table, rows: Table, history_rows: Table) -> Table:
    """Add the rows of days outside the list to `history.history`, and the column `listed`.

    Args:
        history: the rows of the lists; see `history.history`.
        rows: the rows of the window.
        history_rows: the rows of `declarations.PAGE_HISTORY`.
    """
    exact = history_rows.semi_join(rows, "page").anti_join(history, ["page", "date"])
    exact = exact.select("page", "date", "views")
    exact = exact.mutate(
        day=day_number(exact.date),
        weekday=exact.date.day_of_week.index().cast("int32"),
        level=level(exact.views),
        listed=False,
    )
    return history.mutate(listed=True).union(exact)


def all_days(available: Table, history: Table) -> Table:
    """Add the days without a list that are in the history of a page to `history.available_days`.

    Their `place` (the number of the available day), `bound` and `reference_bound` are null.
    """
    import ibis

    others = history.filter(~history.listed).select("day").distinct().anti_join(available, "day")
    lists = available.select(list_day="day")
    pairs = others.left_join(
        lists, [lists.list_day >= others.day - REFERENCE_DAYS, lists.list_day <= others.day - 1]
    )
    counts = pairs.group_by("day").agg(reference_days=pairs.list_day.count().cast("int32"))
    columns = {
        "day": counts.day,
        # This column marks the days used, which all have a list.
        "in_window": ibis.literal(value=False),
        "reference": ibis.literal(BEFORE),
        "reference_first": counts.day - REFERENCE_DAYS,
        "reference_last": counts.day - 1,
        "reference_days": counts.reference_days,
    }
    nulls = {name: ibis.null(kind) for name, kind in available.schema().items() if name not in columns}
    return available.union(counts.select(**{name: (columns | nulls)[name] for name in available.columns}))


def with_page_references(table: Table, history: Table, days: Table) -> Table:
    """Add the days without a list to the reference of each page whose history has these days.

    The lake may have no list of the 28 days before a day. If the history of the page has some of these days, the page is compared with
    them: its `reference` changes from `window` to `before`.

    Args:
        table: rows with the columns of `history` and of `days`.
        history: see `with_page_history`.
        days: see `all_days`.
    """
    import ibis

    pages = history.filter(~history.listed).select("page").distinct()
    rows = history.semi_join(pages, "page").inner_join(days.select("day", "place"), "day")
    rows = rows.select("page", "day", without_list=rows.place.isnull().cast("int32"))
    before = ibis.window(
        group_by="page", order_by="day", range=(ibis.preceding(REFERENCE_DAYS), ibis.preceding(1))
    )
    after = ibis.window(
        group_by="page", order_by="day", range=(ibis.following(1), ibis.following(REFERENCE_DAYS))
    )
    counts = rows.select(
        "page",
        "day",
        more_before=rows.without_list.sum().over(before),
        more_after=rows.without_list.sum().over(after),
    )
    joined = table.left_join(counts, ["page", "day"], rname="{name}_counts")
    more_before, more_after = joined.more_before.coalesce(0), joined.more_after.coalesce(0)
    was_before = joined.reference == BEFORE
    is_before = was_before | (more_before > 0)
    changed = {
        "reference": ibis.ifelse(is_before, ibis.literal(BEFORE), joined.reference),
        "reference_first": ibis.ifelse(is_before, joined.day - REFERENCE_DAYS, joined.reference_first),
        "reference_last": ibis.ifelse(is_before, joined.day - 1, joined.reference_last),
        "reference_days": ibis.cases(
            (was_before, joined.reference_days + more_before),
            (is_before, more_before),
            else_=joined.reference_days + more_after,
        ).cast("int32"),
    }
    return joined.select(**{name: changed.get(name, joined[name]) for name in table.columns})


def input_counts(best: Table, history: Table, available: Table, days: Table) -> Table:
    """Count the days from which the figures of a page are computed: how many are exact, bounded or missing.

    | columns | counted days |
    |---|---|
    | reference_history (exact, only in the history), reference_bounded, reference_missing | the 28 days of the reference |
    | window_history, window_bounded (for the halves) | the days used |
    | ewma_bounded (for the averages) | the available days among the last 56 days |

    All other days are exact. Without a reference, the first three columns are null. The column `page` has the page.

    Args:
        best: see `surprise.most_surprising`.
        history: see `with_page_history`.
        available: see `history.available_days`.
        days: the days used.
    """
    past = history.select(past_page="page", past_day="day", past_listed="listed")
    pairs = best.inner_join(
        past,
        [
            best.page == past.past_page,
            past.past_day >= best.reference_first,
            past.past_day <= best.reference_last,
        ],
    )
    unlisted = pairs.group_by("page").agg(count=(~pairs.past_listed).sum().cast("int32"))
    reference = left_join_page(best.select("page", "reference_days", "reference_listed"), unlisted)
    reference = reference.select(
        "page",
        reference_history=reference["count"].coalesce(0),
        reference_bounded=reference.reference_days - reference.reference_listed,
        reference_missing=(REFERENCE_DAYS - reference.reference_days).cast("int32"),
    )
    end = day_number(days.date.max()).as_scalar()
    # A window can be longer than the days of the averages, and a page can be listed on its first days only.
    flagged = available.mutate(is_recent=available.day > end - BASELINE_DAYS)
    counts = flagged.agg(days_used=flagged.in_window.sum(), recent_days=flagged.is_recent.sum())
    known = history.inner_join(flagged.select("day", "in_window", "is_recent"), "day")
    page = known.group_by("page").agg(
        window_exact=known.in_window.sum(),
        window_history=(known.in_window & ~known.listed).sum(),
        recent_exact=known.is_recent.sum(),
    )
    page = left_join_page(page.cross_join(counts), reference)
    return page.select(
        "page",
        "reference_history",
        "reference_bounded",
        "reference_missing",
        window_history=page.window_history.cast("int32"),
        window_bounded=(page.days_used - page.window_exact).cast("int32"),
        ewma_bounded=(page.recent_days - page.recent_exact).cast("int32"),
    )
