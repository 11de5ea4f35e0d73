"""Declare how a page changed over the window and towards the end of the window: halves, momentum and trend.

Halves and momentum need a number of views for every day. For a day that did not list the page, they use the bound of the
day: the views of the last listed page, which are at least the page's own views. So when a page entered or left the list, its
views rose or fell by at least the published amount. The trend omits the days that did not list the page, because a line
through bounds would be flat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.analytics.tables.history import BASELINE_DAYS, as_bigint, day_number, exact_sum
from wiki_trends.analytics.tables.surprise import PRIOR_DAYS, USUAL_NOISE

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import FloatingValue, IntegerValue

FAST_SPAN = 3
SLOW_SPAN = 14
TREND_DAYS = 14
MIN_TREND_DAYS = 7
# The smallest `momentum` of the labels `surging` and `rising`, and the largest `momentum` of the label `falling`.
SURGING = 1.0
RISING = 0.2
FALLING = -0.2


def halves(history: Table, available: Table, days: Table) -> Table:
    """Declare the Wikitrends score of each page: |h2 - h1| ln((h2 + 1) / (h1 + 1)), negative for a fall.

    h1 and h2 are the views in the first half and in the last half of the days used. With an odd number of days, the middle
    day is in neither half. On a day that did not list the page, the bound of the day counts. h1, h2 and the score are null
    for a window of one day.

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
    before the last day used. The span is 3 days for the fast average and 14 days for the slow average. On a day that did not
    list the page, the bound of the day counts.

    Columns: page, ewma_3, ewma_14 (views), momentum, momentum_label: `surging` from +1, `rising` from +0.2, `falling` up to
    -0.2, otherwise `steady`.

    Source: G. Appel's MACD (Technical Analysis, 2005), which also compares a fast and a slow average. The weights are those of
    NIST/SEMATECH, e-Handbook of Statistical Methods, 6.3.2.4 (EWMA), normalised because the number of days is finite.
    """
    import ibis

    end = day_number(days.date.max()).as_scalar()
    recent = available.filter(available.day > end - BASELINE_DAYS)
    age = end - recent.day
    recent = recent.select("day", "bound", fast=_weight(age, FAST_SPAN), slow=_weight(age, SLOW_SPAN))
    sums = recent.agg(
        fast_weight=exact_sum(recent.fast),
        slow_weight=exact_sum(recent.slow),
        fast_bound=exact_sum(recent.fast * recent.bound),
        slow_bound=exact_sum(recent.slow * recent.bound),
    )
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
    import math

    return (age.cast("float64") * math.log(1.0 - 2.0 / (span + 1.0))).exp()


def trends(history: Table, days: Table) -> Table:
    """Declare the trend of each page over the 14 days that end with the last day used.

    The trend is the slope of a least-squares line through the levels of the page. The mean level of the day is subtracted from
    each level, so that a weekend with fewer readers is not a decline of every page. The mean is taken over the pages that
    were listed on every available day of the 14 days. Days that did not list the page are omitted. A page with fewer than
    seven listed days has no row.

    Columns: page, trend_days (listed days), trend_pct_per_day = (e^slope - 1) * 100, trend_t = slope / standard error of the
    slope. The residual variance in the standard error is shrunk towards 0.2^2 with the weight of 14 days.

    Source: ordinary least squares; NIST/SEMATECH, e-Handbook of Statistical Methods, 4.1.4.1. The prior is that of `surprise`.
    """
    import ibis

    end = day_number(days.date.max()).as_scalar()
    recent = history.filter(history.day > end - TREND_DAYS, history.day <= end)
    available_day_count = recent.day.nunique().as_scalar()
    listed = recent.group_by("page").agg(listed=recent.count())
    always_listed = listed.filter(listed.listed == available_day_count)
    common = recent.semi_join(always_listed, "page")
    mean_levels = common.group_by("day").agg(mean_level=exact_sum(common.level) / common.count())
    joined = recent.left_join(mean_levels, "day")
    points = joined.select(
        "page", x=(recent.day - end).cast("float64"), y=recent.level - mean_levels.mean_level.coalesce(0.0)
    )
    page = points.group_by("page").agg(
        n=points.count().cast("float64"),
        sx=points.x.sum(),
        sy=exact_sum(points.y),
        sxx=(points.x * points.x).sum(),
        sxy=exact_sum(points.x * points.y),
        syy=exact_sum(points.y * points.y),
    )
    page = page.filter(page.n >= MIN_TREND_DAYS)
    page = page.mutate(
        cxx=page.sxx - page.sx * page.sx / page.n,
        cxy=page.sxy - page.sx * page.sy / page.n,
        cyy=page.syy - page.sy * page.sy / page.n,
    )
    page = page.mutate(slope=page.cxy / page.cxx)
    residual = ibis.greatest(page.cyy - page.slope * page.cxy, 0.0)
    variance = (residual + PRIOR_DAYS * USUAL_NOISE**2) / (page.n - 2.0 + PRIOR_DAYS)
    return page.select(
        "page",
        trend_days=page.n.cast("int32"),
        trend_pct_per_day=(page.slope.exp() - 1.0) * 100.0,
        trend_t=page.slope / (variance / page.cxx).sqrt(),
    )
