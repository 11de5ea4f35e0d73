"""Declare the surprise of a page: how far its most surprising day lies above the expected views, and how certain that is.

    usual     the higher of two medians of the page's levels on its listed days: over the 28 days before the day, and over
              the 7 days before it, so that a steady rise is not a new surprise every day. When the page was listed on less
              than half of the available days among the 28: the bound of the day itself
    effect    median, over the same weekdays of the 56 days before, of (level - median of the 28 days before that weekday);
              null with fewer than three such weekdays
    expected  usual + effect, where a negative or unknown effect counts as 0; published as expected_views = e^expected - 1
    surprise  level - expected
    spread    the usual day-to-day noise: 1.4826 times the median absolute deviation (MAD) of the levels on the listed days
              among the 28 before, shrunk towards 0.2 with the weight of 14 days:
              sqrt((n (1.4826 MAD)^2 + 14 * 0.2^2) / (n + 14)), where n is the number of these days
    score     surprise / spread * confidence, where confidence = available days among the 28 before / 28
    burst     whether the score is at least 5
    shape     of a burst: `plateau` when the median of the available days in the window among the three after it keeps at
              least half of the rise above usual, `spike` when it keeps less, null without such a day

All levels are ln(1 + views). `surprise_date` is the day of the window with the page's greatest surprise, the earliest of
equals. `robust_z` is (level - median) / (1.4826 MAD) of that day, without weekday effect and shrinkage.

The medians omit days outside the list, so they are too high for a page near the end of the list, and its surprise is a
lower bound. So is the surprise of a page that was rarely listed before, because it is measured against the bound.

Sources: the modified z-score is that of B. Iglewicz and D. C. Hoaglin, How to Detect and Handle Outliers (ASQC, 1993);
1.4826 makes the MAD estimate the standard deviation of a normal distribution. The prior is the posterior mean of a
scaled inverse chi-squared variance, its 0.2 the day-to-day noise of pages at the top of Wikipedia's lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.analytics.tables.history import BASELINE_DAYS, REFERENCE_DAYS, left_join_page, level

if TYPE_CHECKING:
    from ibis import Table

MAD_TO_SIGMA = 1.4826
USUAL_NOISE = 0.2
PRIOR_DAYS = 14
RECENT_DAYS = 7
MIN_WEEKDAYS = 3
# A score of at least BURST is a burst. A burst that keeps at least this fraction of its rise is a plateau.
BURST = 5.0
PLATEAU = 0.5
# Engines differ in the last bits of a quotient, so values are rounded to these decimals before they are compared with a
# threshold.
ROUNDED = 9
_AFTER_DAYS = 3


def most_surprising(expected: Table) -> Table:
    """The row of `expectations` with each page's greatest surprise in the window, the earliest of equals.

    Only days with an available day among the 28 before count; a page without such a day has no row.
    """
    import ibis

    eligible = expected.filter(expected.in_window, expected.reference_days > 0)
    best = eligible.mutate(
        place_of_page=ibis.row_number().over(
            group_by="page", order_by=[ibis.desc("surprise"), ibis.asc("day")]
        )
    )
    return best.filter(best.place_of_page == 0).drop("place_of_page")


def surprises(best: Table, history: Table, available: Table) -> Table:
    """The score of each page of `most_surprising` and the inputs of the score; see the module's docstring.

    Args:
        best: see `most_surprising`.
        history: see `history.history`.
        available: see `history.available_days`.
    """
    return _scored(_with_shape(_with_mad(best, history), history, available))


def expectations(history: Table, available: Table) -> Table:
    """The rows of the history with the expected level of the page on that day; see the module's docstring."""
    import ibis

    before = ibis.window(
        group_by="page", order_by="day", range=(ibis.preceding(REFERENCE_DAYS), ibis.preceding(1))
    )
    last_week = ibis.window(
        group_by="page", order_by="day", range=(ibis.preceding(RECENT_DAYS), ibis.preceding(1))
    )
    listed = history.mutate(
        median=history.level.median().over(before),
        recent_median=history.level.median().over(last_week),
        reference_listed=history.level.count().over(before).cast("int32"),
    )
    joined = listed.inner_join(available, "day")
    mostly_listed = (2 * joined.reference_listed >= joined.reference_days) & (joined.reference_listed > 0)
    joined = joined.mutate(
        usual=ibis.ifelse(
            mostly_listed,
            ibis.greatest(joined.median, joined.recent_median.coalesce(joined.median)),
            level(joined.bound),
        ),
        deviation=ibis.ifelse(mostly_listed, joined.level - joined.median, ibis.null("float64")),
    )
    same_weekday = ibis.window(
        group_by=["page", "weekday"],
        order_by="day",
        range=(ibis.preceding(BASELINE_DAYS), ibis.preceding(1)),
    )
    joined = joined.mutate(
        weekday_days=joined.deviation.count().over(same_weekday).cast("int32"),
        weekday_median=joined.deviation.median().over(same_weekday),
    )
    joined = joined.mutate(
        weekday_effect=ibis.ifelse(
            joined.weekday_days >= MIN_WEEKDAYS, joined.weekday_median, ibis.null("float64")
        )
    )
    joined = joined.mutate(expected=joined.usual + ibis.greatest(joined.weekday_effect.coalesce(0.0), 0.0))
    return joined.mutate(surprise=joined.level - joined.expected)


def _with_mad(best: Table, history: Table) -> Table:
    """Add `mad`, the MAD of the page's listed days among the 28 before."""
    past = history.select(past_page="page", past_day="day", past_level="level")
    pairs = best.inner_join(
        past,
        [
            best.page == past.past_page,
            past.past_day < best.day,
            past.past_day >= best.day - REFERENCE_DAYS,
        ],
    )
    distance = (pairs.past_level - pairs.median).abs()
    mad = pairs.group_by("page").agg(mad=distance.median())
    return left_join_page(best, mad)


def _with_shape(best: Table, history: Table, available: Table) -> Table:
    """Add `after`, the median level of the available days in the window among the three after; bounds outside the list."""
    later = available.filter(available.in_window).select(later_day="day", later_bound="bound")
    after = best.select("page", "day").inner_join(
        later, [later.later_day > best.day, later.later_day <= best.day + _AFTER_DAYS]
    )
    listed = history.select(listed_page="page", listed_day="day", listed_level="level")
    after = after.left_join(listed, [after.page == listed.listed_page, after.later_day == listed.listed_day])
    after = after.group_by("page").agg(after=after.listed_level.coalesce(level(after.later_bound)).median())
    return left_join_page(best, after)


def _scored(best: Table) -> Table:
    import ibis

    sigma = best.mad * MAD_TO_SIGMA
    listed = best.reference_listed.cast("float64")
    squares = listed * (sigma * sigma).coalesce(0.0) + PRIOR_DAYS * USUAL_NOISE**2
    spread = (squares / (listed + PRIOR_DAYS)).sqrt()
    confidence = best.reference_days.cast("float64") / float(REFERENCE_DAYS)
    score = best.surprise / spread * confidence

    burst = score.round(ROUNDED) >= BURST
    share_kept = (best.after - best.usual) / (best.level - best.usual).nullif(0.0)
    shape = ibis.cases(
        (burst & (share_kept.round(ROUNDED) >= PLATEAU), "plateau"),
        (burst & share_kept.notnull(), "spike"),
        else_=ibis.null("string"),
    )
    return best.select(
        "page",
        surprise_date=best.date,
        surprise_views=best.views,
        reference_days=best.reference_days,
        reference_listed=best.reference_listed,
        median_level=best.median,
        mad=best.mad,
        robust_z=(best.level - best.median) / sigma.nullif(0.0),
        usual_views=best.usual.exp() - 1.0,
        weekday_days=best.weekday_days,
        weekday_effect=best.weekday_effect,
        expected_views=best.expected.exp() - 1.0,
        surprise=best.surprise,
        spread=spread,
        confidence=confidence,
        score=score,
        burst=burst,
        shape=shape,
    )
