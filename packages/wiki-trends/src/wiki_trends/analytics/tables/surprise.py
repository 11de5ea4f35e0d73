"""The surprise of a page's most surprising day: how far it lies above the expected views, and with what confidence.

    usual     the higher of two medians of the levels of the days on which the page was listed: of the 28 days before, and
              of the 7 days before, so that a steady rise is no surprise every day anew. When the page was listed on less
              than half of the available ones of the 28 days: the bound of the day itself
    effect    median over the same weekday of the 56 days before of (level - median of the 28 days before that day); from at
              least three such days, otherwise null. Only an effect above zero is expected of the day
    expected  usual + effect, published as views: expected_views = e^expected - 1
    surprise  level - expected
    spread    the scale of the usual day-to-day noise: 1.4826 times the median absolute deviation (MAD) of the listed days
              among the 28 before, drawn towards 0.2 with the weight of 14 days:
              sqrt((n (1.4826 MAD)^2 + 14 * 0.2^2) / (n + 14)), n the number of these days
    score     surprise / spread * confidence, where confidence = available days among the 28 before / 28
    burst     score of at least 5; its shape is `plateau` when the median of the up to three available days after it, within
              the window, keeps half of the rise above usual or more, `spike` when less, null when there is no such day

All levels are ln(1 + views). The day with the greatest surprise in the window is the page's `surprise_date`, the earliest
of equals. `robust_z` is the plain (level - median) / (1.4826 MAD) of that day, without weekday and prior.

Days outside the list are left out of the medians, which are then too high: the surprise of a page near the end of the list
is a lower bound. So is the surprise of a page that was hardly ever listed before, which is measured against the bound.

Sources: the modified z-score is that of B. Iglewicz and D. C. Hoaglin, How to Detect and Handle Outliers (ASQC, 1993);
1.4826 makes the MAD estimate the standard deviation of a normal distribution. The prior is the posterior mean of a
scaled inverse chi-squared variance, its 0.2 the day-to-day noise of pages at the top of Wikipedia's lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.analytics.tables.history import BASELINE_DAYS, REFERENCE_DAYS, level, with_columns_of

if TYPE_CHECKING:
    from ibis import Table

MAD_TO_SIGMA = 1.4826
USUAL_NOISE = 0.2
PRIOR_DAYS = 14
RECENT_DAYS = 7
MIN_WEEKDAYS = 3
# Score from which a surprise is called a burst, and part of the rise that must remain for it to be a plateau.
BURST = 5.0
PLATEAU = 0.5
# Decimal places to which a value is rounded before it is compared with one of these bounds.
ROUNDED = 9
_AFTER_DAYS = 3


def most_surprising(judged: Table) -> Table:
    """The row of `judgements` with a page's greatest surprise in the window, the earliest of equals.

    Without a row: a page that was listed only on days of the window with no available day among the 28 before.
    """
    import ibis

    eligible = judged.filter(judged.in_window, judged.reference_days > 0)
    best = eligible.mutate(
        place_of_page=ibis.row_number().over(
            group_by="page", order_by=[ibis.desc("surprise"), ibis.asc("day")]
        )
    )
    return best.filter(best.place_of_page == 0).drop("place_of_page")


def surprises(best: Table, history: Table, available: Table) -> Table:
    """A row a page of `most_surprising`, with its score and the figures it is computed from; see the module.

    Args:
        best: see `most_surprising`.
        history: see `history.history`.
        available: see `history.available_days`.
    """
    return _scored(_with_shape(_with_mad(best, history), history, available))


def judgements(history: Table, available: Table) -> Table:
    """Every row of the history with the expected level of the page on that day; see the module."""
    import ibis

    before = ibis.window(
        group_by="page", order_by="day", range=(ibis.preceding(REFERENCE_DAYS), ibis.preceding(1))
    )
    lately = ibis.window(
        group_by="page", order_by="day", range=(ibis.preceding(RECENT_DAYS), ibis.preceding(1))
    )
    listed = history.mutate(
        median=history.level.median().over(before),
        recent_median=history.level.median().over(lately),
        reference_listed=history.level.count().over(before).cast("int32"),
    )
    joined = listed.inner_join(available, "day")
    visible = 2 * joined.reference_listed >= joined.reference_days
    seen = visible & (joined.reference_listed > 0)
    joined = joined.mutate(
        usual=ibis.ifelse(
            seen,
            ibis.greatest(joined.median, joined.recent_median.coalesce(joined.median)),
            level(joined.bound),
        ),
        deviation=ibis.ifelse(seen, joined.level - joined.median, ibis.null("float64")),
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
    """The same with the MAD of the listed days among the 28 before."""
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
    return with_columns_of(best, mad)


def _with_shape(best: Table, history: Table, available: Table) -> Table:
    """The same with the level of the up to three available days after, within the window; days outside as their bound."""
    later = available.filter(available.in_window).select(later_day="day", later_bound="bound")
    after = best.select("page", "day").inner_join(
        later, [later.later_day > best.day, later.later_day <= best.day + _AFTER_DAYS]
    )
    listed = history.select(listed_page="page", listed_day="day", listed_level="level")
    after = after.left_join(listed, [after.page == listed.listed_page, after.later_day == listed.listed_day])
    after = after.group_by("page").agg(after=after.listed_level.coalesce(level(after.later_bound)).median())
    return with_columns_of(best, after)


def _scored(best: Table) -> Table:
    import ibis

    sigma = best.mad * MAD_TO_SIGMA
    listed = best.reference_listed.cast("float64")
    squares = listed * (sigma * sigma).coalesce(0.0) + PRIOR_DAYS * USUAL_NOISE**2
    spread = (squares / (listed + PRIOR_DAYS)).sqrt()
    confidence = best.reference_days.cast("float64") / float(REFERENCE_DAYS)
    score = best.surprise / spread * confidence
    # Engines differ in the last bits of a quotient; a value at the bound is on the same side of it in all of them.
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
