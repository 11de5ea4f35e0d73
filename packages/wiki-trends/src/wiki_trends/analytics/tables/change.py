"""Declare how a page changed over the window and towards the end of the window: halves, momentum and trend.

The halves and the momentum need a number of views for every day. If a page was not listed on a day, and its history does not have the day
(see `page_history`), they use the bound of the day: the views of the last page in the list. The page had at most this many views. So a page
that entered or left the list changed by at least the published amount. The trend ignores the days on which the page was not listed, because
a line through bounds would be flat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.analytics.tables.history import BASELINE_DAYS, as_bigint, day_number, exact_sum
from wiki_trends.analytics.tables.surprise import PRIOR_DAYS, ROUNDED, USUAL_NOISE

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import FloatingValue, IntegerValue

FAST_SPAN = 3
SLOW_SPAN = 14
TREND_DAYS = 14
MIN_TREND_DAYS = 7
# A trend is clear when its t value is at least this far from zero. Few pages without a trend reach this value, even if their days are
# correlated. `make bench-trends` measures how many do.
MIN_TREND_T = 3.0
MAX_CORRELATION = 0.9
# This number is added to the sum of the squared residuals. For points on a straight line, the correlation is then near zero instead of 0 / 0.
NO_RESIDUALS = 1e-4
# The smallest `momentum` of the labels `surging` and `rising`, and the largest `momentum` of the label `falling`.
SURGING = 1.0
RISING = 0.2
FALLING = -0.2


def halves(history: Table, available: Table, days: Table) -> Table:
    """Declare the Wikitrends score of each page: |h2 - h1| ln((h2 + 1) / (h1 + 1)), negative for a fall.

    h1 and h2 are the views in the first half and in the last half of the days used. With an odd number of days, the middle
    day is in neither half. The bound of a day replaces unknown views. For a window of one day, h1, h2 and the score are null.

    Columns: page, half_days, first_half_views (h1), last_half_views (h2), wikitrends_score.

    Source: J. Gunnarsson, description of Wikitrends on the list wikipedia-l, 2011-03-21
    (https://www.mail-archive.com/wikipedia-l@lists.wikimedia.org/msg00531.html). The source compares two weeks instead of
    the halves of a window.
    """
    import ibis

    used = available.filter(available.in_window)
    used = used.mutate(number=ibis.row_number().over(order_by="day").cast("int64"))
    day_count = days.count().as_scalar()
    half_length = (day_count / 2).floor().cast("int64")
    used = used.mutate(
        half=ibis.cases(
            (used.number < half_length, 1), (used.number >= day_count - half_length, 2), else_=0
        ).cast("int32")
    )
    bounds = used.agg(
        first_bound=used.bound.sum(where=used.half == 1).coalesce(0),
        last_bound=used.bound.sum(where=used.half == 2).coalesce(0),
        half_days=(used.half == 1).sum().cast("int32"),
    )
    # A page has the bounds of all days, plus the difference from the bound on each day with known views.
    rows = history.inner_join(used.select("day", "bound", "half"), "day")
    above = rows.views - rows.bound
    page = rows.group_by("page").agg(
        first_above=above.sum(where=rows.half == 1).coalesce(0),
        last_above=above.sum(where=rows.half == 2).coalesce(0),
    )
    page = page.cross_join(bounds)
    no_views = ibis.null("int64")
    page = page.select(
        "page",
        "half_days",
        first_half_views=ibis.ifelse(
            page.half_days > 0, as_bigint(page.first_above + page.first_bound), no_views
        ),
        last_half_views=ibis.ifelse(
            page.half_days > 0, as_bigint(page.last_above + page.last_bound), no_views
        ),
    )
    first, last = page.first_half_views.cast("float64"), page.last_half_views.cast("float64")
    return page.mutate(wikitrends_score=(last - first).abs() * ((last + 1.0) / (first + 1.0)).ln())


def momentum(history: Table, available: Table, days: Table) -> Table:
    """Declare the momentum of each page at the end of the window: fast average / slow average - 1.

    Both averages are exponentially weighted means over the available days among the 56 days that end with the last day used.
    The weight of a day is (1 - a)^age, divided by the sum of the weights. a is 2 / (span + 1), and age is the number of days
    before the last day used. The span is 3 days for the fast average and 14 days for the slow average. The bound of a day replaces
    unknown views.

    Columns: page, ewma_3, ewma_14 (views), momentum, momentum_label: `surging` from +1, `rising` from +0.2, `falling` up to
    -0.2, otherwise `steady`.

    Source: G. Appel's MACD (Technical Analysis, 2005), which also compares a fast and a slow average. The weights are those of
    NIST/SEMATECH, e-Handbook of Statistical Methods, 6.3.2.4 (EWMA), normalised because the number of days is finite.
    """
    import ibis

    end = day_number(days.date.max()).as_scalar()
    age = end - available.day
    # An earlier day has no weight, but stays: a page that was listed on earlier days only has averages of bounds.
    is_recent = (age < BASELINE_DAYS).cast("float64")
    weights = {"fast": _weight(age, FAST_SPAN) * is_recent, "slow": _weight(age, SLOW_SPAN) * is_recent}
    recent = available.select("day", "bound", **weights)
    sums = recent.agg(
        fast_weight=exact_sum(recent.fast),
        slow_weight=exact_sum(recent.slow),
        fast_bound=exact_sum(recent.fast * recent.bound),
        slow_bound=exact_sum(recent.slow * recent.bound),
    )
    # As in `halves`: the bounds of all days, plus the difference from the bound on each day with known views.
    rows = history.inner_join(recent, "day")
    above = (rows.views - rows.bound).cast("float64")
    page = rows.group_by("page").agg(
        fast_above=exact_sum(above * rows.fast), slow_above=exact_sum(above * rows.slow)
    )
    page = page.cross_join(sums)
    page = page.select(
        "page",
        ewma_3=(page.fast_above + page.fast_bound) / page.fast_weight,
        ewma_14=(page.slow_above + page.slow_bound) / page.slow_weight,
    )
    page = page.mutate(momentum=page.ewma_3 / page.ewma_14.nullif(0.0) - 1.0)
    label = ibis.cases(
        (page.momentum >= SURGING, "surging"),
        (page.momentum >= RISING, "rising"),
        (page.momentum <= FALLING, "falling"),
        (page.momentum.notnull(), "steady"),
        else_=ibis.null("string"),
    )
    return page.mutate(momentum_label=label)


def _weight(age: IntegerValue, span: int) -> FloatingValue:
    """Return (1 - a)^age with a = 2 / (span + 1), the weight of a day in an exponentially weighted mean."""
    import math

    return (age.cast("float64") * math.log(1.0 - 2.0 / (span + 1.0))).exp()


def trend_points(history: Table, days: Table) -> Table:
    """Declare the points of the trend lines. A page has a point for each day on which it was listed, among the last 14 days.

    Columns: page, x (0 for the last day used, -1 for the day before, and so on), y (the level of the page minus the mean level of the
    day). Without this subtraction, a weekend with fewer readers would be a decline of every page. The mean level is that of the pages
    that were listed on every available day of the 14 days. A page that was listed on fewer than seven days has no points.
    """
    import ibis

    end = day_number(days.date.max()).as_scalar()
    recent = history.filter(history.day > end - TREND_DAYS, history.day <= end)
    available_day_count = recent.day.nunique().as_scalar()
    recent = recent.mutate(listed=recent.count().over(ibis.window(group_by="page")))
    common = recent.filter(recent.listed == available_day_count)
    mean_levels = common.group_by("day").agg(mean_level=exact_sum(common.level) / common.count())
    joined = recent.filter(recent.listed >= MIN_TREND_DAYS).left_join(mean_levels, "day")
    return joined.select(
        "page", x=(joined.day - end).cast("float64"), y=joined.level - mean_levels.mean_level.coalesce(0.0)
    )


def trend_lines(points: Table) -> Table:
    """Declare the least-squares line through the points of each page.

    Columns: page, n (number of points), cxx (sum of the squared distances of x from its mean), slope, intercept.
    """
    page = points.group_by("page").agg(
        n=points.count().cast("float64"),
        sx=points.x.sum(),
        sy=exact_sum(points.y),
        sxx=(points.x * points.x).sum(),
        sxy=exact_sum(points.x * points.y),
    )
    page = page.mutate(cxx=page.sxx - page.sx * page.sx / page.n)
    page = page.mutate(slope=(page.sxy - page.sx * page.sy / page.n) / page.cxx)
    return page.select("page", "n", "cxx", "slope", intercept=(page.sy - page.slope * page.sx) / page.n)


def trends(points: Table, lines: Table) -> Table:
    """Declare the trend of each page over the 14 days that end with the last day used, and whether the trend is larger than noise.

    The trend is the slope of a least-squares line through the points of the page. The views of consecutive days are correlated. So the
    points contain less information than independent days would, and a page without a trend often seems to have one. The standard error
    of the slope is therefore multiplied by sqrt((1 + rho) / (1 - rho)). rho is the correlation of the residuals of consecutive days:

        r = sum(e_i e_(i-1)) / (sum(e_i^2) + 0.0001)
        rho = (r + 2.5 / n) / (1 - 5 / n), at least 0 and at most 0.9

    The second line corrects a bias: residuals of a line through n points have a smaller correlation than the series itself.

    Columns: page, trend_days (n), trend_pct_per_day = (e^slope - 1) * 100, trend_t = slope / trend_se, trend_slope (in
    ln(1 + views) a day), trend_rho, trend_se, has_trend (whether trend_t is at least 3 or at most -3). trend_se contains the variance of
    the residuals. It is the larger of two values: the variance of the page itself, sum(e_i^2) / (n - 2), and the mean of this variance and
    0.2^2, where 0.2^2 has the weight of 14 days.

    Source: ordinary least squares; NIST/SEMATECH, e-Handbook of Statistical Methods, 4.1.4.1. The factor is that of the
    effective number of independent observations of a first-order autoregressive series (G. V. Bayley and J. M. Hammersley,
    1946). The correction of the bias was fitted to simulated series. The prior is that of `surprise`.
    """
    import ibis

    fitted = points.inner_join(lines, "page")
    fitted = fitted.select("page", "x", residual=fitted.y - fitted.intercept - fitted.slope * fitted.x)
    in_order = ibis.window(group_by="page", order_by="x")
    fitted = fitted.mutate(
        before=fitted.residual.lag().over(in_order), x_before=fitted.x.lag().over(in_order)
    )
    is_next_day = fitted.x - fitted.x_before == 1.0
    product = ibis.ifelse(is_next_day, fitted.residual * fitted.before, 0.0)
    sums = fitted.group_by("page").agg(
        squares=exact_sum(fitted.residual * fitted.residual), products=exact_sum(product)
    )
    page = lines.inner_join(sums, "page")
    own = page.squares / (page.n - 2.0)
    shrunk = (page.squares + PRIOR_DAYS * USUAL_NOISE**2) / (page.n - 2.0 + PRIOR_DAYS)
    correlation = (page.products / (page.squares + NO_RESIDUALS) + 2.5 / page.n) / (1.0 - 5.0 / page.n)
    page = page.mutate(
        variance=ibis.greatest(own, shrunk), rho=ibis.least(ibis.greatest(correlation, 0.0), MAX_CORRELATION)
    )
    page = page.mutate(se=(page.variance / page.cxx * ((1.0 + page.rho) / (1.0 - page.rho))).sqrt())
    t = page.slope / page.se
    return page.select(
        "page",
        trend_days=page.n.cast("int32"),
        trend_pct_per_day=(page.slope.exp() - 1.0) * 100.0,
        trend_t=t,
        trend_slope=page.slope,
        trend_rho=page.rho,
        trend_se=page.se,
        has_trend=t.abs().round(ROUNDED) >= MIN_TREND_T,
    )
