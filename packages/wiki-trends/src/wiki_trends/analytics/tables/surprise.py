"""Declare the surprise of a page: how far its most surprising day lies above the expected views, and how certain that is.

    reference the days with which the day is compared: the available days among the 28 days before the day (`before`). If there are
              none, a day of the window is compared with the available days among the 28 days after it (`window`). So even the first
              day of a lake is compared with other days
    usual     the usual level of the page: the higher of two medians of its levels on listed days. The first median is over the
              reference. The second is over the 7 days before the day, so that a steady rise is not a new surprise every day. If the
              page was listed on less than half of the reference: the bound of the day or the median bound of the reference,
              whichever is larger
    effect    the effect of the weekday. For each of the same weekdays in the 56 days before: the level on that day minus the median
              level of the 28 days before that day. The effect is the median of these differences; null with fewer than three
    expected  usual + effect, where a negative or unknown effect counts as 0; published as expected_views = e^expected - 1
    surprise  level - expected
    spread    the usual noise from day to day: 1.4826 times the median absolute deviation (MAD) of the levels on the n listed days of
              the reference, combined with a typical noise of 0.2 that has the weight of 14 days:
              sqrt((n (1.4826 MAD)^2 + 14 * 0.2^2) / (n + 14)). If the reference is fewer than 14 days after the day, the spread is
              0.2: the aftermath of an event on the day can fill half of these days, so their deviation is not the usual noise
    se        the standard error of predicting the level of the day: sqrt((spread^2 + 1 / (1 + expected_views)) (1 + (pi / 2) / n)).
              1 / (1 + expected_views) is the noise of counting few views. (pi / 2) / n is the error of a median of n days. n is the
              number of listed days of the reference. If the page was listed on less than half of the reference, n is the number of
              all days of the reference
    evidence  surprise / se
    at_least  e^(surprise - z se): the page had at least this many times the expected views, with a certainty of 95 %. The day is the
              best of the d listed days of the page in the window. So z is the value that a normally distributed variable exceeds with
              probability 0.05 / d. Rises are ranked by `at_least`, largest first
    at_most   e^(surprise + z se): the page had at most this many times the expected views, even on this day, its best day. Falls are
              ranked by `at_most`, smallest first. Null when the page was outside the list on a day of the reference, because the
              expected views are then only an upper bound
    magnitude the size of the rise, not its certainty: v ln(v / m) - (v - m) when v > m, otherwise 0. v is the views of the day. m is
              the largest number of views that noise explains: e^(expected + z se) - 1, at least 1. The formula is the likelihood
              ratio of a Poisson count. The findings order the certain rises by `magnitude`
    score     surprise / spread * confidence, where confidence = reference days / 28
    burst     whether the evidence is at least 5; null with fewer than 14 reference days
    shape     whether a burst lasts. Take the median level of the available days of the window among the three days after the burst.
              `plateau`: at least half of the rise above `usual` is left. `spike`: less is left. Null without such a day

All levels are ln(1 + views). `surprise_date` is the day of the window with the page's greatest surprise, the earliest of
equals. `robust_z` is (level - median) / (1.4826 MAD) of that day, without weekday effect and shrinkage. `usual_source` says
which of the numbers became `usual_views`: `median` (of the reference), `week` (the median of the 7 days) or `bound`.

A day in the history of a page (see `page_history`) counts as a day on which the page was listed.

The medians omit days outside the list. For a page near the end of the list, they are therefore too high, and its surprise is a lower
bound. For a page that was rarely listed, the expected views are the bound, which is too high, too. So its surprise is also a lower bound.

Sources: the modified z-score is that of B. Iglewicz and D. C. Hoaglin, How to Detect and Handle Outliers (ASQC, 1993);
1.4826 makes the MAD estimate the standard deviation of a normal distribution. The prior is the posterior mean of a
scaled inverse chi-squared variance; its 0.2 is the day-to-day noise of pages at the top of Wikipedia's lists. z is the
approximation 26.2.23 of M. Abramowitz and I. A. Stegun, Handbook of Mathematical Functions (1964), within 0.00045.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from wiki_trends.analytics.tables.history import (
    BASELINE_DAYS,
    BEFORE,
    IN_WINDOW,
    REFERENCE_DAYS,
    left_join_page,
    level,
    median_of,
)
from wiki_trends.analytics.tables.page_history import with_page_references

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import BooleanValue, FloatingValue, IntegerValue

MAD_TO_SIGMA = 1.4826
USUAL_NOISE = 0.2
PRIOR_DAYS = 14
RECENT_DAYS = 7
MIN_WEEKDAYS = 3
# A rise is a burst if its evidence is at least BURST, and its reference has at least BURST_DAYS days. A burst is a plateau if at least this
# fraction of the rise is left.
BURST = 5.0
BURST_DAYS = 14
PLATEAU = 0.5
# The probability that the rise of a page is smaller than `at_least`.
UNCERTAINTY = 0.05
# Engines differ in the last bits of a quotient, so values are rounded to these decimals before they are compared with a
# threshold.
ROUNDED = 9
_AFTER_DAYS = 3
# The values of `usual_source`.
MEDIAN = "median"
WEEK = "week"
BOUND = "bound"


def most_surprising(expected: Table) -> Table:
    """Declare the row of `expectations` with each page's greatest surprise in the window, the earliest of equals.

    Only days with a reference count; a page without such a day has no row. `candidates` is the number of the page's listed
    days in the window.
    """
    import ibis

    listed = expected.filter(expected.in_window)
    listed = listed.mutate(candidates=listed.count().over(ibis.window(group_by="page")))
    eligible = listed.filter(listed.reference_days > 0)
    best = eligible.mutate(
        place_of_page=ibis.row_number().over(
            group_by="page", order_by=[ibis.desc("surprise"), ibis.asc("day")]
        )
    )
    # Ibis numbers rows from 0.
    return best.filter(best.place_of_page == 0).drop("place_of_page")


def dispersions(best: Table, history: Table, available: Table) -> Table:
    """Add `mad`, `after`, `sigma` (1.4826 MAD), `listed` (the n of `spread`), `spread` and `z` to the rows of `most_surprising`.

    Args:
        best: see `most_surprising`.
        history: see `history.history`.
        available: see `history.available_days`.
    """
    import ibis

    best = _with_shape(_with_mad(best, history), history, available)
    is_aftermath = (best.reference == IN_WINDOW) & (best.reference_days < BURST_DAYS)
    noise_days = ibis.ifelse(is_aftermath, 0, best.reference_listed)
    best = best.mutate(sigma=best.mad * MAD_TO_SIGMA, listed=noise_days.cast("float64"))
    squares = best.listed * (best.sigma * best.sigma).coalesce(0.0) + PRIOR_DAYS * USUAL_NOISE**2
    return best.mutate(spread=(squares / (best.listed + PRIOR_DAYS)).sqrt(), z=_quantile(best.candidates))


def errors(dispersions: Table) -> Table:
    """Add `se`, the standard error of predicting the day, to the rows of `dispersions`."""
    import ibis

    table = dispersions
    days = ibis.ifelse(_mostly_listed(table), table.reference_listed, table.reference_days).cast("float64")
    counting = (-table.expected).exp()
    return table.mutate(se=((table.spread * table.spread + counting) * (1.0 + (math.pi / 2) / days)).sqrt())


def expectations(history: Table, available: Table) -> Table:
    """Declare the rows of the history with the expected level of the page on the day; see the module's docstring."""
    import ibis

    before = ibis.window(
        group_by="page", order_by="day", range=(ibis.preceding(REFERENCE_DAYS), ibis.preceding(1))
    )
    last_week = ibis.window(
        group_by="page", order_by="day", range=(ibis.preceding(RECENT_DAYS), ibis.preceding(1))
    )
    collected = history.mutate(
        levels=history.level.collect().over(before), week=history.level.collect().over(last_week)
    )
    listed = collected.select(
        *history.columns,
        median=median_of(collected.levels),
        recent_median=median_of(collected.week),
        reference_listed=collected.levels.length().coalesce(0).cast("int32"),
    )
    joined = with_page_references(listed.inner_join(available, "day"), history, available)
    joined = _with_reference_in_window(joined, history, available)
    mostly_listed = _mostly_listed(joined)
    joined = joined.mutate(
        bound_views=ibis.greatest(joined.bound.cast("float64"), joined.reference_bound),
        usual_source=ibis.cases(
            (~mostly_listed, BOUND), (joined.recent_median > joined.median, WEEK), else_=MEDIAN
        ),
        deviation=ibis.ifelse(
            mostly_listed & (joined.reference == BEFORE), joined.level - joined.median, ibis.null("float64")
        ),
    )
    joined = joined.mutate(
        usual=ibis.cases(
            (joined.usual_source == BOUND, level(joined.bound_views)),
            (joined.usual_source == WEEK, joined.recent_median),
            else_=joined.median,
        )
    )
    same_weekday = ibis.window(
        group_by=["page", "weekday"],
        order_by="day",
        range=(ibis.preceding(BASELINE_DAYS), ibis.preceding(1)),
    )
    joined = joined.mutate(deviations=joined.deviation.collect().over(same_weekday))
    joined = joined.mutate(
        weekday_days=joined.deviations.length().coalesce(0).cast("int32"),
        weekday_median=median_of(joined.deviations),
    ).drop("deviations")
    joined = joined.mutate(
        weekday_effect=ibis.ifelse(
            joined.weekday_days >= MIN_WEEKDAYS, joined.weekday_median, ibis.null("float64")
        )
    )
    joined = joined.mutate(expected=joined.usual + ibis.greatest(joined.weekday_effect.coalesce(0.0), 0.0))
    return joined.mutate(surprise=joined.level - joined.expected)


def _mostly_listed(table: Table) -> BooleanValue:
    """Return whether the page was listed on at least half of the reference."""
    return (2 * table.reference_listed >= table.reference_days) & (table.reference_listed > 0)


def _with_reference_in_window(table: Table, history: Table, available: Table) -> Table:
    """Replace `median` and `reference_listed` on the days whose reference is the later days of the window."""
    import ibis

    days = available.filter(available.reference == IN_WINDOW).select(
        "day", "reference_first", "reference_last"
    )
    later = history.select(later_page="page", later_day="day", later_level="level")
    compared = history.select("page", "day").inner_join(days, "day")
    pairs = compared.inner_join(
        later,
        [
            compared.page == later.later_page,
            later.later_day >= compared.reference_first,
            later.later_day <= compared.reference_last,
        ],
    )
    after = pairs.group_by("page", "day").agg(
        median_after=pairs.later_level.median(), listed_after=pairs.count().cast("int32")
    )
    joined = table.left_join(after, ["page", "day"], rname="{name}_after")
    in_window = joined.reference == IN_WINDOW
    columns = {name: joined[name] for name in table.columns}
    columns["median"] = ibis.ifelse(in_window, joined.median_after, joined.median)
    columns["reference_listed"] = ibis.ifelse(
        in_window, joined.listed_after.coalesce(0), joined.reference_listed
    )
    return joined.select(**columns)


def _with_mad(best: Table, history: Table) -> Table:
    """Add `mad`, the MAD of the page's listed days of the reference."""
    past = history.select(past_page="page", past_day="day", past_level="level")
    pairs = best.inner_join(
        past,
        [
            best.page == past.past_page,
            past.past_day >= best.reference_first,
            past.past_day <= best.reference_last,
        ],
    )
    distance = (pairs.past_level - pairs.median).abs()
    mad = pairs.group_by("page").agg(mad=distance.median())
    return left_join_page(best, mad)


def _with_shape(best: Table, history: Table, available: Table) -> Table:
    """Add `after`: the median level of the available days of the window among the three days after the surprise.

    If the page was not listed on a day, the bound of the day replaces its level.
    """
    later = available.filter(available.in_window).select(later_day="day", later_bound="bound")
    after = best.select("page", "day").inner_join(
        later, [later.later_day > best.day, later.later_day <= best.day + _AFTER_DAYS]
    )
    listed = history.select(listed_page="page", listed_day="day", listed_level="level")
    after = after.left_join(listed, [after.page == listed.listed_page, after.later_day == listed.listed_day])
    after = after.group_by("page").agg(after=after.listed_level.coalesce(level(after.later_bound)).median())
    return left_join_page(best, after)


def surprises(errors: Table) -> Table:
    """Declare the scores of each page of `errors` with their inputs; see the module's docstring."""
    import ibis

    best = errors
    confidence = best.reference_days.cast("float64") / float(REFERENCE_DAYS)
    evidence = best.surprise / best.se
    burst = ibis.ifelse(
        best.reference_days >= BURST_DAYS, evidence.round(ROUNDED) >= BURST, ibis.null("boolean")
    )
    share_kept = (best.after - best.usual) / (best.level - best.usual).nullif(0.0)
    shape = ibis.cases(
        (burst & (share_kept.round(ROUNDED) >= PLATEAU), "plateau"),
        (burst & share_kept.notnull(), "spike"),
        else_=ibis.null("string"),
    )
    always_listed = best.reference_listed == best.reference_days
    views = best.views.cast("float64")
    # The m of `magnitude` in the module's docstring: the largest number of views that noise explains.
    noise = ibis.greatest((best.expected + best.z * best.se).exp() - 1.0, 1.0)
    return best.select(
        "page",
        surprise_date=best.date,
        surprise_views=best.views,
        reference_days=best.reference_days,
        reference_listed=best.reference_listed,
        median_level=best.median,
        mad=best.mad,
        robust_z=(best.level - best.median) / best.sigma.nullif(0.0),
        usual_views=best.usual.exp() - 1.0,
        weekday_days=best.weekday_days,
        weekday_effect=best.weekday_effect,
        expected_views=best.expected.exp() - 1.0,
        surprise=best.surprise,
        spread=best.spread,
        confidence=confidence,
        score=best.surprise / best.spread * confidence,
        burst=burst,
        shape=shape,
        reference=best.reference,
        se=best.se,
        evidence=evidence,
        at_least=(best.surprise - best.z * best.se).exp(),
        at_most=ibis.ifelse(always_listed, (best.surprise + best.z * best.se).exp(), ibis.null("float64")),
        magnitude=ibis.ifelse(views > noise, views * (views / noise).ln() - (views - noise), 0.0),
        z=best.z,
        usual_source=best.usual_source,
        recent_level=best.recent_median,
        bound_views=best.bound_views,
        after_level=best.after,
    )


def _quantile(days: IntegerValue) -> FloatingValue:
    """Return the z that a normal variable exceeds with probability `UNCERTAINTY` / days."""
    t = (-2.0 * (UNCERTAINTY / days.cast("float64")).ln()).sqrt()
    numerator = 2.515517 + t * (0.802853 + t * 0.010328)
    denominator = 1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))
    return t - numerator / denominator
