"""Build the axes, scales, tooltips and line labels that the charts share."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any

from wiki_trends.report.formats import short_day
from wiki_trends.report.text import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import altair as alt

    Row = Mapping[str, Any]

_MAX_TICKS = 8
_MAX_DAYS_WITH_LARGE_DOTS = 45
_LABEL_HEIGHT_PIXELS = 14
_MAX_TITLE_LENGTH = 34
# A logarithmic axis with more powers of ten than this has labels only at the powers. More labels would overlap.
_MAX_POWERS_WITH_STEPS = 4


def expression(text: str) -> Any:
    """Wrap a Vega expression as a value for Altair."""
    import altair as alt

    return alt.ExprRef(expr=text)


def day_axis(days: Sequence[dt.date], room: str = "0") -> alt.X:
    """Return an x axis of days with at most eight labels. A narrow chart shows only the labels that do not overlap.

    Args:
        days: the first and the last day are the ends of the axis.
        room: a Vega expression for the pixels to the right of the last day.
    """
    import altair as alt

    if not days:
        return alt.X("date:T", title=None)
    length = max((days[-1] - days[0]).days, 1)
    step = max(1, math.ceil((length + 1) / _MAX_TICKS))
    ticks = [days[0] + dt.timedelta(days=offset) for offset in range(0, length + 1, step)]
    return alt.X(
        "date:T",
        title=None,
        scale=alt.Scale(type="utc", nice=False, range=[0, expression(f"width - {room}")]),
        axis=alt.Axis(
            values=[milliseconds(day) for day in ticks],
            format="%-d %b",
            grid=False,
            labelFlush=False,
            labelOverlap="greedy",
            labelSeparation=6,
            domain=False,
        ),
    )


def milliseconds(day: dt.date) -> int:
    """Return the milliseconds from the beginning of 1970 to the beginning of a UTC day."""
    return round(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp() * 1000)


def day_domain(days: Sequence[dt.date]) -> dict[str, Any]:
    """Return the domain of the x scale: from the first day to the last."""
    if not days:
        return {}
    first, last = milliseconds(days[0]), milliseconds(days[-1])
    return {"x": [first, max(last, first + 1)]}


def all_days(days: Sequence[dt.date]) -> list[dt.date]:
    """Return every day from the first to the last of `days`."""
    return (
        [days[0] + dt.timedelta(days=offset) for offset in range((days[-1] - days[0]).days + 1)]
        if days
        else []
    )


def dot_area(days: Sequence[dt.date]) -> int:
    """Return the area of the dot of a day.

    With many days, the dot is only as wide as the line. It is then visible only on a day with gaps on both sides.
    """
    return 42 if len(days) <= _MAX_DAYS_WITH_LARGE_DOTS else 7


def logarithmic_ticks(counts: Sequence[int]) -> list[int]:
    """Return 1, 2 and 5 times each power of ten in the range of the counts. If there are many powers, return only the powers."""
    if not counts:
        return []
    first, last = (math.floor(math.log10(max(count, 1))) for count in (min(counts), max(counts)))
    steps = (1, 2, 5) if last - first < _MAX_POWERS_WITH_STEPS else (1,)
    return [step * 10**exponent for exponent in range(first, last + 2) for step in steps]


def views_axis(ticks: Sequence[int] | None = None) -> alt.Axis:
    """Return a y axis of views, with labels at these ticks; None for about five labels."""
    import altair as alt

    # The SI prefixes of d3 name a billion `G`.
    label = (
        "replace(replace(replace(format(datum.value, '~s'), 'G', ' billion'), 'M', ' million'), 'k', ' k')"
    )
    places = {"tickCount": 5} if ticks is None else {"values": list(ticks)}
    return alt.Axis(labelExpr=label, domain=False, ticks=False, **places)


def tooltip(*names: str) -> list[Any]:
    """Return the tooltip of a mark, with these fields of the mark's row."""
    import altair as alt

    fields = {
        "page_display": alt.Tooltip("page_display:N", title="Page"),
        "label": alt.Tooltip("label:N", title="Pages"),
        "category": alt.Tooltip("category:N", title="Category"),
        "date": alt.Tooltip("utcyearmonthdate(date):T", title="Day", format="%a %-d %b %Y"),
        "rank": alt.Tooltip("rank:Q", title="Rank", format=",d"),
        "views": alt.Tooltip("views:Q", title="Views", format=",d"),
    }
    return [fields[name] for name in names]


def rank_scale_start(height: int, lowest_rank: int) -> float:
    """Return the start of a logarithmic rank scale. It leaves ten pixels above rank 1, so that the dots of rank 1 are not cut off."""
    # On a scale from rank 1 to the lowest rank, a pixel is the factor `lowest_rank ** (1 / height)`.
    return float(max(lowest_rank, 2) ** (-10 / height))


def end_labels(rows: Sequence[Row], height: int, lowest_rank: int) -> list[dict[str, Any]]:
    """Return a label for each page, to the right of the last day. Labels that would overlap are moved apart.

    `from_date` is the last day on which the page was listed, and `from_rank` the rank on this day. If the page left the list before the
    last day, the label names this day, and a line can connect the end of the page's line with the label. `date` and `rank` are the
    position of the label: the last day, and the rank to whose height the label was moved.
    """
    last_rows: dict[str, Row] = {}
    for row in sorted((row for row in rows if row["rank"] is not None), key=lambda row: row["date"]):
        last_rows[row["page_display"]] = row
    last_day = max((row["date"] for row in rows), default=None)
    pixels_per_log_rank = height / math.log(max(lowest_rank, 2))
    ordered = sorted(last_rows.values(), key=lambda row: (row["rank"], row["page_display"]))
    offsets = _spread_out([math.log(row["rank"]) * pixels_per_log_rank for row in ordered], height)
    labels = []
    for row, offset in zip(ordered, offsets, strict=True):
        day = "" if row["date"] == last_day else f" · {short_day(row['date'])}"
        labels.append(
            {
                "page_display": row["page_display"],
                "label": f"{row['rank']}  {shortened(row['page_display'], _MAX_TITLE_LENGTH)}{day}",
                "date": last_day.isoformat() if last_day else None,
                "rank": math.exp(offset / pixels_per_log_rank),
                "from_date": row["date"].isoformat(),
                "from_rank": row["rank"],
            }
        )
    return labels


def _spread_out(offsets: Sequence[float], height: int) -> list[float]:
    """Move sorted offsets down until they are at least one line of text apart, then up where they exceed the height."""
    moved: list[float] = []
    for offset in offsets:
        moved.append(max(offset, moved[-1] + _LABEL_HEIGHT_PIXELS) if moved else offset)
    limit = float(height)
    for index in range(len(moved) - 1, -1, -1):
        moved[index] = min(moved[index], limit)
        limit = moved[index] - _LABEL_HEIGHT_PIXELS
    return moved
