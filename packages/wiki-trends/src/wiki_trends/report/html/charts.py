"""The charts: pure functions from plain rows to Vega-Lite specifications, declared with Altair.

Colours are names of the page's design tokens (`var(--accent)`) or places in the range of categories that
`assets/charts.js` gives, so that a drawn chart follows the theme. Days are UTC. A day outside the list has
`views` and `rank` None: its line breaks there, it is never drawn as zero.

`compiled` makes of a specification what a page carries: Vega, so that the browser neither loads nor runs Vega-Lite.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from wiki_trends.report.assets import asset
from wiki_trends.report.text import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import altair as alt

    Row = Mapping[str, Any]

_VEGA_LITE = "6.4"
_HEIGHT = 320
_DAY_MS = 86_400_000
_TICKS = 8
_DAYS_WITH_DOTS = 45
_LABEL_GAP = 14
_LABEL_LENGTH = 34
_LABEL_ROOM = 0.34
# Of an equal-earth map without Antarctica: its width in units of the projection's scale, and in parts of this width the
# height and where the equator lies.
_MAP_WIDTH, _MAP_HEIGHT, _MAP_MIDDLE = 5.45, 0.44, 0.252


def rank_race(rows: Sequence[Row], height: int = 380) -> dict[str, Any]:
    """How a few pages moved through the ranks; the rank's scale is logarithmic, 1 at the top.

    Args:
        rows: a row a page and day used: `page_display`, `date` (a `datetime.date`), `rank` and `views`, both None where
            the page was outside the list. At most eight pages, in the order of the legend.
        height: pixels.
    """
    import altair as alt

    days = sorted({row["date"] for row in rows})
    pages = list(dict.fromkeys(row["page_display"] for row in rows))
    worst = max((row["rank"] or 1 for row in rows), default=1)
    scale = alt.Scale(
        type="log", domain=[_least_rank(height, worst), max(worst * 1.15, 2)], reverse=True, nice=False
    )
    ranks = [rank for rank in (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000) if rank <= worst] or [1]
    y = alt.Y("rank:Q", scale=scale, title="Rank", axis=alt.Axis(values=ranks, format="d", domain=False))
    colour = alt.Color("page:N", sort=pages, legend=None)
    values = [
        {
            "page": row["page_display"],
            "date": row["date"].isoformat(),
            "rank": row["rank"],
            "views": row["views"],
        }
        for row in rows
    ]
    base = alt.Chart(alt.NamedData("rows")).encode(
        x=_days(days), y=y, color=colour, tooltip=_tooltip("page", "date", "rank", "views")
    )
    lines = base.mark_line(strokeWidth=2.5, interpolate="monotone", strokeCap="round")
    dots = base.transform_filter("datum.rank != null").mark_point(size=_dots(days), filled=True, opacity=1)
    labels = (
        alt.Chart(alt.NamedData("labels"))
        .mark_text(
            align="left",
            dx=10,
            fontSize=12,
            fontWeight=600,
            limit=_expr(f"width * {_LABEL_ROOM} / {1 + _LABEL_ROOM}"),
        )
        .encode(x=_days(days), y=alt.Y("rank:Q", scale=scale), color=colour, text="label:N")
    )
    return _finished(
        alt.layer(lines, dots, labels),
        height,
        _span(days, _LABEL_ROOM),
        rows=values,
        labels=_end_labels(rows, height, worst),
    )


def page_series(
    rows: Sequence[Row],
    *,
    band: tuple[float, float] | None = None,
    window_start: dt.date | None = None,
    height: int = 280,
) -> dict[str, Any]:
    """The views of one page, with the band between which its usual day lies.

    Args:
        rows: a row a day that was read: `date`, `views` and `rank`, both None where the page was outside the list.
        band: lowest and highest views of a usual day; None without a baseline.
        window_start: first day of the window; what lies before is its baseline, and drawn fainter.
        height: pixels.
    """
    import altair as alt

    days = sorted({row["date"] for row in rows})
    values = [{"date": row["date"].isoformat(), "views": row["views"], "rank": row["rank"]} for row in rows]
    x = _days(days)
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
        y=alt.Y("views:Q", title="Views a day", axis=_views_axis()),
        tooltip=_tooltip("date", "views", "rank"),
    )
    layers.append(base.mark_line(strokeWidth=2.5, color="var(--accent)", strokeCap="round"))
    listed = base.transform_filter("datum.views != null")
    layers.append(listed.mark_point(size=_dots(days), filled=True, opacity=1, color="var(--accent)"))
    return _finished(alt.layer(*layers), height, _span(days), **datasets)


def categories_over_time(rows: Sequence[Row], height: int = _HEIGHT) -> dict[str, Any]:
    """The views of each category, stacked a day; a day that was not used has no bar.

    Args:
        rows: a row a category and day: `category`, `date` and `views`. At most eight categories, in the order of the stack;
            what is called `All others` comes last and is grey.
        height: pixels.
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
            y=alt.Y("sum(views):Q", title="Views of the listed pages", axis=_views_axis()),
            color=alt.Color(
                "category:N",
                sort=names,
                legend=alt.Legend(
                    title=None,
                    orient="bottom",
                    columns=_expr("width < 360 ? 1 : width < 480 ? 2 : 4"),
                    symbolType="square",
                ),
            ),
            order=alt.Order("place:Q"),
            tooltip=_tooltip("category", "date", "views"),
        )
        .transform_calculate(place=f"indexof({json.dumps(names)}, datum.category)")
    )
    return _finished(bars, height, {"x": [_moment(day) for day in _all_days(days)]}, rows=values)


def places(rows: Sequence[Row]) -> dict[str, Any]:
    """Where the pages of the window lie: a circle a place, its area the views. As high as the width allows.

    Args:
        rows: a row a place: `latitude` and `longitude` in degrees, `label` (its pages), `views`.
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
            "page": row["label"],
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
                scale=alt.Scale(type="sqrt", range=[8, _expr("clamp(width * 0.7, 160, 700)")], zero=True),
                legend=None,
            ),
            order=alt.Order("views:Q", sort="descending"),
            tooltip=_tooltip("page", "views"),
        )
    )
    projected = alt.layer(land, dots).project(
        "equalEarth",
        scale=_expr(f"width / {_MAP_WIDTH}"),
        translate=_expr(f"[width / 2, width * {_MAP_MIDDLE}]"),
    )
    spec = _finished(projected, 400, rows=values, world=_world())
    spec["usermeta"]["height"] = f"width * {_MAP_HEIGHT}"
    return spec


def compiled(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The specification as Vega, which `assets/charts.js` draws."""
    import vl_convert

    # The rows go round the compiler: it needs none of them, and they are most of the text.
    without = {name: value for name, value in spec.items() if name != "datasets"}
    result: dict[str, Any] = vl_convert.vegalite_to_vega(without, vl_version=_VEGA_LITE)
    for source in result["data"]:
        if source["name"] in spec["datasets"]:
            source["values"] = spec["datasets"][source["name"]]
    # Vega-Lite has no literal times in domains and axes: it writes expressions that the interpreter reads differently. Nor
    # can a height follow a width.
    after = result.pop("usermeta")
    for scale in result.get("scales", ()):
        if scale["name"] in after["domains"]:
            scale["domain"] = after["domains"][scale["name"]]
    for axis in result.get("axes", ()):
        if "values" in axis:
            axis["values"] = [_literal(value) for value in axis["values"]]
    if "height" in after:
        del result["height"]
        result.setdefault("signals", []).append({"name": "height", "update": after["height"]})
    return result


def _literal(value: Any) -> Any:
    """Milliseconds instead of the expression that makes a time of them; any other value as it is."""
    made = re.fullmatch(r"datetime\((-?\d+)\)", value["signal"]) if isinstance(value, dict) else None
    return int(made[1]) if made else value


def _finished(
    chart: Any, height: int, domains: Mapping[str, Sequence[int]] | None = None, **datasets: Any
) -> dict[str, Any]:
    """The chart as a specification; `domains` of its scales and the datasets by name are for `compiled`."""
    import altair as alt

    fitted = alt.AutoSizeParams(type="fit-x", contains="padding")
    spec: dict[str, Any] = chart.properties(width="container", height=height, autosize=fitted).to_dict()
    # What a chart says to a screen reader is the label of its place in the page, and a table below it.
    config = {"background": None, "view": {"stroke": None}, "aria": False}
    return spec | {"config": config, "datasets": datasets, "usermeta": {"domains": dict(domains or {})}}


def _expr(text: str) -> Any:
    import altair as alt

    return alt.ExprRef(expr=text)


def _days(days: Sequence[dt.date]) -> alt.X:
    """The axis of days: at most eight labels."""
    import altair as alt

    if not days:
        return alt.X("date:T", title=None)
    length = max((days[-1] - days[0]).days, 1)
    step = max(1, math.ceil((length + 1) / _TICKS))
    marks = [days[0] + dt.timedelta(days=offset) for offset in range(0, length + 1, step)]
    return alt.X(
        "date:T",
        title=None,
        scale=alt.Scale(type="utc", nice=False),
        axis=alt.Axis(
            values=[_moment(day) for day in marks],
            format="%-d %b",
            grid=False,
            labelFlush=False,
            domain=False,
        ),
    )


def _moment(day: dt.date) -> int:
    """Milliseconds from 1970 to the beginning of a UTC day."""
    return round(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp() * 1000)


def _span(days: Sequence[dt.date], room: float = 0.0) -> dict[str, Any]:
    """What `_finished` needs for an axis from the first day to the last, with room behind it for a part of its length."""
    if not days:
        return {}
    first, last = _moment(days[0]), _moment(days[-1])
    return {"x": [first, last + round(room * max(last - first, _DAY_MS))]}


def _all_days(days: Sequence[dt.date]) -> list[dt.date]:
    return (
        [days[0] + dt.timedelta(days=offset) for offset in range((days[-1] - days[0]).days + 1)]
        if days
        else []
    )


def _dots(days: Sequence[dt.date]) -> int:
    """The area of a day's dot: where days are many, only that of the line, so that a lone day still shows."""
    return 42 if len(days) <= _DAYS_WITH_DOTS else 7


def _views_axis() -> alt.Axis:
    import altair as alt

    return alt.Axis(format="~s", tickCount=5, domain=False, ticks=False)


def _tooltip(*names: str) -> list[Any]:
    import altair as alt

    kinds = {
        "page": alt.Tooltip("page:N", title="Page"),
        "category": alt.Tooltip("category:N", title="Category"),
        "date": alt.Tooltip("utcyearmonthdate(date):T", title="Day", format="%a %-d %b %Y"),
        "rank": alt.Tooltip("rank:Q", title="Rank", format=",d"),
        "views": alt.Tooltip("views:Q", title="Views", format=",d"),
    }
    return [kinds[name] for name in names]


def _least_rank(height: int, worst: int) -> float:
    # A little room above rank 1, so that its dots are not cut.
    return float(max(worst, 2) ** (-10 / height))


def _end_labels(rows: Sequence[Row], height: int, worst: int) -> list[dict[str, Any]]:
    """A label at each page's last listed day, those of one day moved apart."""
    last: dict[str, Row] = {}
    for row in sorted((row for row in rows if row["rank"] is not None), key=lambda row: row["date"]):
        last[row["page_display"]] = row
    scale = height / math.log(max(worst, 2))
    by_day: dict[dt.date, list[Row]] = {}
    for row in last.values():
        by_day.setdefault(row["date"], []).append(row)
    labels = []
    for day, ends in by_day.items():
        ends.sort(key=lambda row: (row["rank"], row["page_display"]))
        heights = _apart([math.log(row["rank"]) * scale for row in ends], height)
        for row, at in zip(ends, heights, strict=True):
            labels.append(
                {
                    "page": row["page_display"],
                    "label": f"{row['rank']}  {shortened(row['page_display'], _LABEL_LENGTH)}",
                    "date": day.isoformat(),
                    "rank": math.exp(at / scale),
                }
            )
    return labels


def _apart(heights: Sequence[float], room: int) -> list[float]:
    """Sorted heights, moved so that no two are nearer than a line of text, and pushed back up where they leave the room."""
    placed: list[float] = []
    for at in heights:
        placed.append(max(at, placed[-1] + _LABEL_GAP) if placed else at)
    limit = float(room)
    for index in range(len(placed) - 1, -1, -1):
        placed[index] = min(placed[index], limit)
        limit = placed[index] - _LABEL_GAP
    return placed


@cache
def _world() -> dict[str, Any]:
    world: dict[str, Any] = json.loads(asset("vendor/world.json"))
    return world
