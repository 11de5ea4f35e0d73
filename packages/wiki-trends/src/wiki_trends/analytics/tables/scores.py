"""Declare `wiki_trends_scores`: a row for each page listed in the window, with its scores and their inputs.

The views of a day outside the list are *unknown*, not zero. Each part documents how it treats such days (`surprise`,
`change`, and `listing` here).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.analytics.tables.change import halves, momentum, trends
from wiki_trends.analytics.tables.history import (
    as_bigint,
    available_days,
    day_number,
    history,
    left_join_page,
)
from wiki_trends.analytics.tables.surprise import expectations, most_surprising, surprises

if TYPE_CHECKING:
    from ibis import Table

# After this many available days outside the list a page is `returning`.
RETURN_DAYS = 7
# The columns of `surprise.surprises` that are last in the published table.
ADDED = ("reference", "se", "evidence", "at_least")


def steps(
    rows: Table, days: Table, earlier: Table, earlier_days: Table
) -> tuple[dict[str, Table], tuple[Table, ...]]:
    """Declare the intermediate tables of the scores.

    Each is computed once under its name, because several later tables read it.

    Args:
        rows: the rows of the window, with the columns of `declarations.ROW_TYPES`.
        days: the days used.
        earlier: the rows of the baseline, with the same columns.
        earlier_days: the available days of the baseline.

    Returns:
        The tables by name, in the order in which they are computed; and those of them that `scores` joins.
    """
    import ibis

    tables: dict[str, Table] = {}

    def step(name: str, table: Table) -> Table:
        name = f"step_{len(tables) + 1}_{name}"
        tables[name] = table
        return ibis.table(table.schema(), name=name)

    past = step("history", history(rows, earlier))
    available = step("days", available_days(past, days, earlier_days))
    expected = step("expected", expectations(past, available))
    best = step("best", most_surprising(expected))
    parts = (
        step("listing", listing(rows, past, available, days)),
        step("surprise", surprises(best, past, available)),
        step("halves", halves(past, available, days)),
        step("momentum", momentum(past, available, days)),
        step("trend", trends(past, days)),
    )
    return tables, parts


def scores(run: Table, parts: tuple[Table, ...]) -> Table:
    """A row for each page of the window: its listing, surprise, halves, momentum and trend.

    Columns: dataset, window_start, window_end, page, page_display, category, location (of its last listed day); then
    those of `listing`, of `surprise.surprises` up to `shape`, of `change.halves`, `change.momentum` and `change.trends`;
    then the others of `surprise.surprises`. A score that cannot be computed is null. Ordered by at_least, then score, then
    views, largest first, then page.

    Args:
        run: one row with dataset, window_start and window_end.
        parts: the tables to join; the first has a row for every page.
    """
    first, *others = parts
    result = run.cross_join(first)
    for part in others:
        result = left_join_page(result, part)
    # Later versions add columns at the end, as a warehouse of an earlier version has them.
    result = result.select(*(name for name in result.columns if name not in ADDED), *ADDED)
    return result.order_by(
        result.at_least.desc(nulls_first=False),
        result.score.desc(nulls_first=False),
        result.views.desc(),
        "page",
    )


def listing(rows: Table, past: Table, available: Table, days: Table) -> Table:
    """The days and ranks on which each page of the window was listed.

    Columns: page, page_display, category, location; days_used, days_listed (of these); baseline_days,
    baseline_days_listed; peak_date, peak_views, peak_rank (the day with its most views, the earliest of equals);
    best_rank; views (sum of its listed days); streak (number of consecutive available days on which it was listed, up to
    the last day used; 0 when it was not listed on that day); presence.

    `presence` is `new` when no list of the baseline has the page; `returning` when it was outside the list on the last
    seven available days or more before its first day in the window, but listed earlier; `unknown` without a baseline;
    otherwise `regular`. A `new` page was outside the lists of the baseline, but it may have been read.
    """
    import ibis

    ranked = rows.mutate(
        best_order=ibis.row_number().over(group_by="page", order_by=[ibis.desc("views"), ibis.asc("date")]),
        latest_order=ibis.row_number().over(group_by="page", order_by=ibis.desc("date")),
    )
    best, last = ranked.best_order == 0, ranked.latest_order == 0
    page = ranked.group_by("page").agg(
        page_display=ranked.page_display.max(where=last),
        category=ranked.category.max(where=last),
        location=ranked.location.max(where=last),
        days_listed=ranked.count().cast("int32"),
        peak_date=ranked.date.max(where=best),
        peak_views=ranked.views.max(),
        peak_rank=ranked["rank"].max(where=best),
        best_rank=ranked["rank"].min(),
        views=as_bigint(ranked.views.sum()),
    )
    joined = page.inner_join(_presence(past, available, days), "page")
    return joined.select(
        "page",
        "page_display",
        "category",
        "location",
        "days_used",
        "days_listed",
        "baseline_days",
        "baseline_days_listed",
        "peak_date",
        "peak_views",
        "peak_rank",
        "best_rank",
        "views",
        "streak",
        "presence",
    )


def _presence(past: Table, available: Table, days: Table) -> Table:
    """Page, days_used, baseline_days, baseline_days_listed, streak and presence."""
    import ibis

    start = day_number(days.date.min()).as_scalar()
    counts = available.agg(
        last_place=available.place.max(),
        days_used=available.in_window.sum().cast("int32"),
        baseline_days=(~available.in_window).sum().cast("int32"),
    )
    placed = past.inner_join(available.select("day", "place", "in_window"), "day").select(
        "page", "day", "place", "in_window"
    )
    # On consecutive available days the place and the number within the page's days both grow by one, so their difference
    # is the same for the days of one streak.
    placed = placed.mutate(number=ibis.row_number().over(group_by="page", order_by="place"))
    placed = placed.mutate(streak_id=placed.place - placed.number)
    runs = placed.group_by("page", "streak_id").agg(
        length=placed.count().cast("int32"), last=placed.place.max()
    )
    runs = runs.cross_join(counts.select("last_place"))
    current = runs.filter(runs.last == runs.last_place).select("page", "length")
    page = placed.group_by("page").agg(
        baseline_days_listed=(placed.day < start).sum().cast("int32"),
        first_place=placed.place.min(where=placed.in_window),
        before_place=placed.place.max(where=~placed.in_window),
    )
    page = left_join_page(page, current).cross_join(counts)
    gap = page.first_place - page.before_place - 1
    presence = ibis.cases(
        (page.baseline_days == 0, "unknown"),
        (page.before_place.isnull(), "new"),
        (gap >= RETURN_DAYS, "returning"),
        else_="regular",
    )
    return page.select(
        "page",
        "days_used",
        "baseline_days",
        "baseline_days_listed",
        streak=page.length.coalesce(0).cast("int32"),
        presence=presence,
    )
