"""Declare the charts with Altair. Each function makes a `ChartSpec` from plain rows; `vega.compiled` compiles it to Vega.

Colours are CSS variables of the page (`var(--accent)`) or the category colours that `assets/charts.js` defines, so that a
chart changes with the theme. Days are UTC. On a day on which the page was not listed, `views` and `rank` are None, and the line
has a gap.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from wiki_trends.report.assets import asset
from wiki_trends.report.formats import span_text, whole
from wiki_trends.report.html.axes import (
    all_days,
    day_axis,
    day_domain,
    dot_area,
    end_labels,
    expression,
    logarithmic_ticks,
    milliseconds,
    rank_scale_start,
    tooltip,
    views_axis,
)
from wiki_trends.report.html.vega import ChartSpec, chart_spec

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    Row = Mapping[str, Any]

_DEFAULT_HEIGHT_PIXELS = 320
# The distance of a label from the end of its line, in pixels.
_LABEL_GAP = 10
# The width for the labels beside the lines, in pixels: a quarter of the chart, but enough for a word of a title on a phone.
_LABEL_ROOM = "max(width / 4, min(width / 2, 120))"
# Measures of an equal-earth map without Antarctica: the width in units of the projection's scale, and the height of the map
# and the position of the equator as fractions of the width.
_MAP_WIDTH, _MAP_HEIGHT, _MAP_EQUATOR = 5.45, 0.44, 0.252


def rank_race(rows: Sequence[Row], height: int = 380) -> ChartSpec:
    """Chart the ranks of a few pages by day as lines, on a logarithmic scale with rank 1 at the top.

    Args:
        rows: a row for each page and day, with `page_display`, `date` (a `datetime.date`), `rank` and `views`. The latter
            two are None on a day on which the page was not listed. There are at most eight pages, in the order of their colours.
        height: the height of the chart, in pixels.
    """
    import altair as alt

    days = sorted({row["date"] for row in rows})
    pages = list(dict.fromkeys(row["page_display"] for row in rows))
    lowest_rank = max((row["rank"] or 1 for row in rows), default=1)
    # The scale ends 15 % below the lowest rank, so that its dots are not cut off.
    scale = alt.Scale(
        type="log",
        domain=[rank_scale_start(height, lowest_rank), max(lowest_rank * 1.15, 2)],
        reverse=True,
        nice=False,
    )
    ranks = [rank for rank in (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000) if rank <= lowest_rank] or [1]
    y = alt.Y("rank:Q", scale=scale, title="Rank", axis=alt.Axis(values=ranks, format="d", domain=False))
    colour = alt.Color("page_display:N", sort=pages, legend=None)
    values = [
        {
            "page_display": row["page_display"],
            "date": row["date"].isoformat(),
            "rank": row["rank"],
            "views": row["views"],
        }
        for row in rows
    ]
    base = alt.Chart(alt.NamedData("rows")).encode(
        x=day_axis(days, _LABEL_ROOM),
        y=y,
        color=colour,
        tooltip=tooltip("page_display", "date", "rank", "views"),
    )
    lines = base.mark_line(strokeWidth=2.5, strokeCap="round")
    dots = base.transform_filter("datum.rank != null").mark_point(size=dot_area(days), filled=True, opacity=1)
    # The dotted line to the label of a page that left the list before the last day.
    leaders = (
        alt.Chart(alt.NamedData("labels"))
        .transform_filter("datum.from_date != datum.date")
        .mark_rule(strokeWidth=1, strokeDash=[2, 3], opacity=0.6)
        .encode(
            x=alt.X("from_date:T"),
            x2="date:T",
            y=alt.Y("from_rank:Q", scale=scale),
            y2="rank:Q",
            color=colour,
        )
    )

    def labels(**options: Any) -> Any:
        return (
            alt.Chart(alt.NamedData("labels"))
            .mark_text(
                align="left",
                dx=_LABEL_GAP,
                fontSize=12,
                fontWeight=600,
                limit=expression(f"{_LABEL_ROOM} - {_LABEL_GAP}"),
                **options,
            )
            .encode(x=day_axis(days, _LABEL_ROOM), y=alt.Y("rank:Q", scale=scale), text="label:N")
        )

    # The labels have a border in the colour of the paper, so that grid lines do not touch the text.
    borders = labels(stroke="var(--paper)", strokeWidth=5, strokeJoin="round", fill="var(--paper)")
    return chart_spec(
        alt.layer(leaders, lines, dots, borders, labels().encode(color=colour)),
        height,
        day_domain(days),
        rows=values,
        labels=end_labels(rows, height, lowest_rank),
    )


def page_series(
    rows: Sequence[Row],
    *,
    band: tuple[float, float] | None = None,
    window_start: dt.date | None = None,
    height: int = 280,
) -> ChartSpec:
    """Chart the views of one page by day as a line, with a band for the usual noise around the expected views.

    Args:
        rows: a row for each day that was read, with `date`, `views` and `rank`. The latter two are None on a day on which the page was
            not listed.
        band: the lower and upper bound of the usual noise around the expected views; None if they are unknown.
        window_start: the first day of the window; the days before it are the baseline.
        height: the height of the chart, in pixels.
    """
    import altair as alt

    days = sorted({row["date"] for row in rows})
    values = [{"date": row["date"].isoformat(), "views": row["views"], "rank": row["rank"]} for row in rows]
    x = day_axis(days)
    layers: list[Any] = []
    datasets: dict[str, Any] = {"rows": values}
    if band is not None and days:
        edges = {
            "date": days[0].isoformat(),
            "end": days[-1].isoformat(),
            "low": max(band[0], 0.0),
            "high": band[1],
        }
        datasets["band"] = [edges]
        layers.append(
            alt.Chart(alt.NamedData("band"))
            .mark_rect(opacity=0.16, color="var(--accent)")
            .encode(x=x, x2="end:T", y=alt.Y("low:Q"), y2="high:Q")
        )
    if window_start is not None and days and window_start > days[0]:
        datasets["start"] = [{"date": window_start.isoformat()}]
        layers.append(
            alt.Chart(alt.NamedData("start")).mark_rule(strokeDash=[3, 3], color="var(--muted)").encode(x=x)
        )
    base = alt.Chart(alt.NamedData("rows")).encode(
        x=x,
        y=alt.Y("views:Q", title="Views a day", axis=views_axis()),
        tooltip=tooltip("date", "views", "rank"),
    )
    layers.append(base.mark_line(strokeWidth=2.5, color="var(--accent)", strokeCap="round"))
    listed = base.transform_filter("datum.views != null")
    layers.append(listed.mark_point(size=dot_area(days), filled=True, opacity=1, color="var(--accent)"))
    return chart_spec(alt.layer(*layers), height, day_domain(days), **datasets)


def score_history(rows: Sequence[Row], height: int = 200) -> ChartSpec:
    """Chart the factor `at_least` of one page by published window, at the last day of each window.

    Args:
        rows: a row for each window, oldest first, with `window_start`, `window_end` and `at_least`.
        height: the height of the chart, in pixels.
    """
    import altair as alt

    days = sorted({row["window_end"] for row in rows})
    values = [
        {
            "date": row["window_end"].isoformat(),
            "window": span_text(row["window_start"], row["window_end"]),
            "at_least": row["at_least"],
        }
        for row in rows
    ]
    base = alt.Chart(alt.NamedData("rows")).encode(
        x=day_axis(days),
        y=alt.Y("at_least:Q", title="At least ×", axis=alt.Axis(tickCount=4, domain=False, ticks=False)),
        tooltip=[
            alt.Tooltip("window:N", title="Window"),
            alt.Tooltip("at_least:Q", title="At least ×", format=",.1f"),
        ],
    )
    line = base.mark_line(strokeWidth=2.5, color="var(--accent)", strokeCap="round")
    dots = base.mark_point(size=dot_area(days), filled=True, opacity=1, color="var(--accent)")
    return chart_spec(alt.layer(line, dots), height, day_domain(days), rows=values)


def page_comparison(
    series_by_title: Mapping[str, Sequence[Row]], *, logarithmic: bool = False, height: int = 340
) -> ChartSpec:
    """Chart the views of several pages by day as lines; the tooltip of a day lists the views of every page.

    Args:
        series_by_title: for each displayed title, a row for each day, with `date` and `views`; `views` is None on a day on which the
            page was not listed. There are at most eight pages, and each has the same days.
        logarithmic: whether the scale of the views is logarithmic.
        height: the height of the chart, in pixels.
    """
    import altair as alt

    titles = list(series_by_title)
    days = sorted({row["date"] for rows in series_by_title.values() for row in rows})
    values = [
        {"page": title, "date": row["date"].isoformat(), "views": row["views"]}
        for title, rows in series_by_title.items()
        for row in rows
    ]
    texts_by_day: dict[str, dict[str, str]] = {day.isoformat(): {"date": day.isoformat()} for day in days}
    for number, rows in enumerate(series_by_title.values()):
        for row in rows:
            text = "outside the list" if row["views"] is None else whole(row["views"])
            texts_by_day[row["date"].isoformat()][f"page{number}"] = text
    x = day_axis(days)
    scale = alt.Scale(type="log", nice=True) if logarithmic else alt.Scale(zero=True)
    counts = [row["views"] for row in values if row["views"] is not None]
    axis = views_axis(logarithmic_ticks(counts) if logarithmic else None)
    base = alt.Chart(alt.NamedData("rows")).encode(
        x=x,
        y=alt.Y("views:Q", title="Views a day", axis=axis, scale=scale),
        color=alt.Color(
            "page:N", sort=titles, legend=alt.Legend(title=None, orient="bottom", columns=1, labelLimit=280)
        ),
    )
    listed = base.transform_filter("datum.views != null")
    # An almost invisible rule for each day, as wide as the day, which only shows the tooltip.
    hover = (
        alt.Chart(alt.NamedData("days"))
        .mark_rule(strokeWidth=expression(f"max(6, width / {max(len(days), 1)})"), opacity=0.001, clip=True)
        .encode(
            x=x,
            tooltip=[
                *tooltip("date"),
                *(alt.Tooltip(f"page{number}:N", title=title) for number, title in enumerate(titles)),
            ],
        )
    )
    layers = (
        base.mark_line(strokeWidth=2.5, strokeCap="round"),
        listed.mark_point(size=dot_area(days), filled=True, opacity=1),
        hover,
    )
    return chart_spec(
        alt.layer(*layers), height, day_domain(days), rows=values, days=list(texts_by_day.values())
    )


def categories_over_time(rows: Sequence[Row], height: int = _DEFAULT_HEIGHT_PIXELS) -> ChartSpec:
    """Chart the views of each category by day as stacked bars; a day that was not used has no bar.

    Args:
        rows: a row for each category and day, with `category`, `date` and `views`. There are at most eight categories, in
            the order of the stack.
        height: the height of the chart, in pixels.
    """
    import altair as alt

    days = sorted({row["date"] for row in rows})
    names = list(dict.fromkeys(row["category"] for row in rows))
    values = [
        {"category": row["category"], "date": row["date"].isoformat(), "views": row["views"]} for row in rows
    ]
    bars = (
        alt.Chart(alt.NamedData("rows"))
        .mark_bar(stroke="var(--paper)", strokeWidth=0.5)
        .encode(
            x=alt.X(
                "utcyearmonthdate(date):O",
                title=None,
                scale=alt.Scale(paddingInner=0.12),
                axis=alt.Axis(
                    format="%-d %b", labelAngle=0, labelOverlap=True, labelSeparation=14, ticks=False
                ),
            ),
            y=alt.Y("sum(views):Q", title="Views of the listed pages", axis=views_axis()),
            color=alt.Color(
                "category:N",
                sort=names,
                legend=alt.Legend(
                    title=None,
                    orient="bottom",
                    columns=expression("width < 360 ? 1 : width < 480 ? 2 : 4"),
                    symbolType="square",
                ),
            ),
            order=alt.Order("place:Q"),
            tooltip=tooltip("category", "date", "views"),
        )
        .transform_calculate(place=f"indexof({json.dumps(names)}, datum.category)")
    )
    return chart_spec(bars, height, {"x": [milliseconds(day) for day in all_days(days)]}, rows=values)


def places(rows: Sequence[Row]) -> ChartSpec:
    """Chart places as circles on a map. The area of a circle is proportional to the views of the place.

    The height of the chart is proportional to its width.

    Args:
        rows: a row for each place, with `latitude` and `longitude` in degrees, `label` (the pages of the place) and `views`.
    """
    import altair as alt

    outline = alt.Chart(
        alt.NamedData("world", format=alt.TopoDataFormat(type="topojson", feature="countries"))
    )
    land = outline.mark_geoshape(fill="var(--land)", stroke="var(--border)", strokeWidth=0.6)
    values = [
        {
            "latitude": row["latitude"],
            "longitude": row["longitude"],
            "label": row["label"],
            "views": row["views"],
        }
        for row in rows
    ]
    dots = (
        alt.Chart(alt.NamedData("rows"))
        .mark_circle(opacity=0.55, fill="var(--accent)", stroke="var(--accent)", strokeWidth=1)
        .encode(
            longitude="longitude:Q",
            latitude="latitude:Q",
            size=alt.Size(
                "views:Q",
                scale=alt.Scale(
                    type="sqrt", range=[8, expression("clamp(width * 0.7, 160, 700)")], zero=True
                ),
                legend=None,
            ),
            order=alt.Order("views:Q", sort="descending"),
            tooltip=tooltip("label", "views"),
        )
    )
    projected = alt.layer(land, dots).project(
        "equalEarth",
        scale=expression(f"width / {_MAP_WIDTH}"),
        translate=expression(f"[width / 2, width * {_MAP_EQUATOR}]"),
    )
    return chart_spec(projected, 400, height_expression=f"width * {_MAP_HEIGHT}", rows=values, world=_world())


@cache
def _world() -> dict[str, Any]:
    world: dict[str, Any] = json.loads(asset("vendor/world.json"))
    return world
