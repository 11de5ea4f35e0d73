"""Declare `wiki_trends_scores`: a row for each page listed in the window, with its scores and their inputs.

If a page was not listed on a day, its views on this day are *unknown*, not zero. The modules `surprise` and `change` and the function
`listing` document how they treat such days.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.analytics.tables.change import halves, momentum, trend_lines, trend_points, trends
from wiki_trends.analytics.tables.history import (
    as_bigint,
    available_days,
    day_number,
    history,
    left_join_page,
)
from wiki_trends.analytics.tables.page_history import COLUMNS as INPUT_COUNTS
from wiki_trends.analytics.tables.page_history import all_days, input_counts, with_page_history
from wiki_trends.analytics.tables.surprise import (
    dispersions,
    errors,
    expectations,
    most_surprising,
    surprises,
)

if TYPE_CHECKING:
    from ibis import Table

# A page is `returning` after at least this many available days outside the list.
RETURN_DAYS = 7
# The columns that later versions added, in this order. They are the last columns of the published table.
ADDED = (
    "reference",
    "se",
    "evidence",
    "at_least",
    "project",
    "window_days",
    "days_away",
    "streak_start",
    "at_most",
    "magnitude",
    "z",
    "usual_source",
    "recent_level",
    "bound_views",
    "after_level",
    "trend_slope",
    "trend_rho",
    "trend_se",
    "has_trend",
    *INPUT_COUNTS,
)


def steps(
    rows: Table, days: Table, earlier: Table, earlier_days: Table, history_rows: Table
) -> tuple[dict[str, Table], tuple[Table, ...]]:
    """Declare the intermediate tables of the scores.

    Each of them is computed once, under its name, for all later tables that read it.

    Args:
        rows: the rows of the window, with the columns of `declarations.ROW_TYPES`.
        days: the days used.
        earlier: the rows of the baseline, with the same columns.
        earlier_days: the available days of the baseline.
        history_rows: the exact views of pages, with the columns of `declarations.HISTORY_TYPES`.

    Returns:
        Two values: all tables by name, in the order in which they are computed; and the tables that `scores` joins.
    """
    import ibis

    tables: dict[str, Table] = {}

    def step(name: str, table: Table) -> Table:
        name = f"step_{len(tables) + 1:02}_{name}"
        tables[name] = table
        return ibis.table(table.schema(), name=name)

    past = step("history", with_page_history(history(rows, earlier), rows, history_rows))
    listed = past.filter(past.listed)
    available = step("days", available_days(listed, days, earlier_days))
    expected = step("expected", expectations(past, all_days(available, past)))
    best = step("best", most_surprising(expected))
    measured = step("dispersions", dispersions(best, past, available))
    predicted = step("errors", errors(measured))
    points = step("trend_points", trend_points(listed, days))
    lines = step("trend_lines", trend_lines(points))
    score_tables = (
        step("listing", listing(rows, listed, available, days)),
        step("surprise", surprises(predicted)),
        step("halves", halves(past, available, days)),
        step("momentum", momentum(past, available, days)),
        step("trend", trends(points, lines)),
        step("inputs", input_counts(best, past, available, days)),
    )
    return tables, score_tables


def scores(run: Table, score_tables: tuple[Table, ...]) -> Table:
    """Declare a row for each page of the window, with its listing, surprise, halves, momentum and trend.

    Columns: dataset, window_start, window_end, page, page_display, category, location (of its last listed day); then
    those of `listing`, of `surprise.surprises`, of `change.halves`, `change.momentum` and `change.trends` that are not in
    `ADDED`; then those in `ADDED`, with the project and the length of the window. A score that cannot be computed is null.
    Ordered by at_least, then score, then views, largest first, then page.

    Args:
        run: one row with dataset, window_start, window_end and project.
        score_tables: the tables to join; the first has a row for every page.
    """
    first, *others = score_tables
    length = day_number(run.window_end) - day_number(run.window_start) + 1
    result = run.mutate(window_days=length.cast("int32")).cross_join(first)
    for other in others:
        result = left_join_page(result, other)
    # Added columns are at the end, because a warehouse that an earlier version created has them there.
    result = result.select(*(name for name in result.columns if name not in ADDED), *ADDED)
    return result.order_by(
        result.at_least.desc(nulls_first=False),
        result.score.desc(nulls_first=False),
        result.views.desc(),
        "page",
    )


def listing(rows: Table, past: Table, available: Table, days: Table) -> Table:
    """Declare a row for each page of the window, with the days on which it was listed and its ranks.

    Columns: page, page_display, category, location; days_used, days_listed (of these); baseline_days,
    baseline_days_listed; peak_date, peak_views, peak_rank (the day with its most views, the earliest of equals);
    best_rank; views (sum of its listed days); streak (number of consecutive available days on which it was listed, up to
    the last day used; 0 when it was not listed on that day); presence.

    `days_away` is the length of the page's absence before the window: the number of available days between the last listed day of the
    baseline and the first listed day of the window. It is null when the page was not listed in the baseline. `streak_start` is the
    first day of the streak; null when the streak is 0.

    `presence` is `unknown` without a baseline, `returning` when `days_away` is at least seven, and `regular` when `days_away` is less.
    A page that is in no list of the baseline is `new`, although people may have read it then.

    Args:
        rows: the rows of the window.
        past: the rows of the lists of the window and of the baseline; see `history.history`.
        available: see `history.available_days`.
        days: the days used.
    """
    import ibis

    ranked = rows.mutate(
        best_order=ibis.row_number().over(group_by="page", order_by=[ibis.desc("views"), ibis.asc("date")])
    )
    # Ibis numbers rows from 0.
    is_best = ranked.best_order == 0
    page = ranked.group_by("page").agg(
        page_display=ranked.page_display.argmax(ranked.date),
        category=ranked.category.argmax(ranked.date),
        location=ranked.location.argmax(ranked.date),
        days_listed=ranked.count().cast("int32"),
        peak_date=ranked.date.max(where=is_best),
        peak_views=ranked.views.max(),
        peak_rank=ranked["rank"].max(where=is_best),
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
        "days_away",
        "streak_start",
    )


def _presence(past: Table, available: Table, days: Table) -> Table:
    """Declare page, days_used, baseline_days, baseline_days_listed, streak, presence, days_away and streak_start."""
    import ibis

    start = day_number(days.date.min()).as_scalar()
    counts = available.agg(
        last_place=available.place.max(),
        days_used=available.in_window.sum().cast("int32"),
        baseline_days=(~available.in_window).sum().cast("int32"),
    )
    placed = past.inner_join(available.select("day", "place", "in_window"), "day").select(
        "page", "date", "day", "place", "in_window"
    )
    # The listed days of a page are numbered. From one day of a streak to the next, this number and the place of the day both grow by
    # one. So their difference is the same for all days of a streak.
    placed = placed.mutate(number=ibis.row_number().over(group_by="page", order_by="place"))
    placed = placed.mutate(streak_id=placed.place - placed.number)
    streaks = placed.group_by("page", "streak_id").agg(
        length=placed.count().cast("int32"), last=placed.place.max(), streak_start=placed.date.min()
    )
    streaks = streaks.cross_join(counts.select("last_place"))
    current_streak = streaks.filter(streaks.last == streaks.last_place).select(
        "page", "length", "streak_start"
    )
    page = placed.group_by("page").agg(
        baseline_days_listed=(placed.day < start).sum().cast("int32"),
        first_place=placed.place.min(where=placed.in_window),
        before_place=placed.place.max(where=~placed.in_window),
    )
    page = left_join_page(page, current_streak).cross_join(counts)
    page = page.mutate(days_away=(page.first_place - page.before_place - 1).cast("int32"))
    presence = ibis.cases(
        (page.baseline_days == 0, "unknown"),
        (page.days_away.isnull(), "new"),
        (page.days_away >= RETURN_DAYS, "returning"),
        else_="regular",
    )
    return page.select(
        "page",
        "days_used",
        "baseline_days",
        "baseline_days_listed",
        streak=page.length.coalesce(0).cast("int32"),
        presence=presence,
        days_away=page.days_away,
        streak_start=page.streak_start,
    )
