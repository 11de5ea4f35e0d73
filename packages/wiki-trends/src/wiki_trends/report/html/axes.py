"""Build the axes, scales, tooltips and line labels that the charts share."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any

from wiki_trends.report.text import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import altair as alt

    Row = Mapping[str, Any]

_DAY_MS = 86_400_000
_MAX_TICKS = 8
_DAYS_WITH_DOTS = 45
_LABEL_GAP = 14
_LABEL_LENGTH = 34


def expression(text: str) -> Any:
    """Wrap a Vega expression as a value for Altair."""
    import altair as alt

    return alt.ExprRef(expr=text)


def day_axis(days: Sequence[dt.date]) -> alt.X:
    """The x axis of days, with at most eight labels."""
    import altair as alt

    if not days:
        return alt.X("date:T", title=None)
    length = max((days[-1] - days[0]).days, 1)
    step = max(1, math.ceil((length + 1) / _MAX_TICKS))
    ticks = [days[0] + dt.timedelta(days=offset) for offset in range(0, length + 1, step)]
    return alt.X(
        "date:T",
        title=None,
        scale=alt.Scale(type="utc", nice=False),
        axis=alt.Axis(
            values=[milliseconds(day) for day in ticks],
            format="%-d %b",
            grid=False,
            labelFlush=False,
            domain=False,
        ),
    )


def milliseconds(day: dt.date) -> int:
    """Milliseconds from 1970 to the beginning of a UTC day."""
    return round(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp() * 1000)


def day_domain(days: Sequence[dt.date], room: float = 0.0) -> dict[str, Any]:
    """The domain of the x scale from the first day to the last, extended by `room` times its length."""
    if not days:
        return {}
    first, last = milliseconds(days[0]), milliseconds(days[-1])
    return {"x": [first, last + round(room * max(last - first, _DAY_MS))]}


def all_days(days: Sequence[dt.date]) -> list[dt.date]:
    """Every day from the first of these to the last."""
    return (
        [days[0] + dt.timedelta(days=offset) for offset in range((days[-1] - days[0]).days + 1)]
        if days
        else []
    )


def dot_area(days: Sequence[dt.date]) -> int:
    """The area of a day's dot. With many days it is as small as the line, and still shows a single day between gaps."""
    return 42 if len(days) <= _DAYS_WITH_DOTS else 7


def views_axis() -> alt.Axis:
    """The y axis of views."""
    import altair as alt

    return alt.Axis(format="~s", tickCount=5, domain=False, ticks=False)


def tooltip(*names: str) -> list[Any]:
    """The tooltip of a mark, with these fields of its row."""
    import altair as alt

    kinds = {
        "page": alt.Tooltip("page:N", title="Page"),
        "category": alt.Tooltip("category:N", title="Category"),
        "date": alt.Tooltip("utcyearmonthdate(date):T", title="Day", format="%a %-d %b %Y"),
        "rank": alt.Tooltip("rank:Q", title="Rank", format=",d"),
        "views": alt.Tooltip("views:Q", title="Views", format=",d"),
    }
    return [kinds[name] for name in names]


def rank_scale_start(height: int, lowest_rank: int) -> float:
    """The start of the scale of ranks, slightly above rank 1, so that the dots of rank 1 are not cut."""
    return float(max(lowest_rank, 2) ** (-10 / height))


def end_labels(rows: Sequence[Row], height: int, lowest_rank: int) -> list[dict[str, Any]]:
    """The label of each page at its last listed day; labels on the same day are moved apart."""
    last: dict[str, Row] = {}
    for row in sorted((row for row in rows if row["rank"] is not None), key=lambda row: row["date"]):
        last[row["page_display"]] = row
    scale = height / math.log(max(lowest_rank, 2))
    by_day: dict[dt.date, list[Row]] = {}
    for row in last.values():
        by_day.setdefault(row["date"], []).append(row)
    labels = []
    for day, ends in by_day.items():
        ends.sort(key=lambda row: (row["rank"], row["page_display"]))
        heights = _spread_out([math.log(row["rank"]) * scale for row in ends], height)
        for row, offset in zip(ends, heights, strict=True):
            labels.append(
                {
                    "page": row["page_display"],
                    "label": f"{row['rank']}  {shortened(row['page_display'], _LABEL_LENGTH)}",
                    "date": day.isoformat(),
                    "rank": math.exp(offset / scale),
                }
            )
    return labels


def _spread_out(heights: Sequence[float], room: int) -> list[float]:
    """Move sorted heights apart by at least one line of text, and back when they exceed the room."""
    placed: list[float] = []
    for offset in heights:
        placed.append(max(offset, placed[-1] + _LABEL_GAP) if placed else offset)
    limit = float(room)
    for index in range(len(placed) - 1, -1, -1):
        placed[index] = min(placed[index], limit)
        limit = placed[index] - _LABEL_GAP
    return placed
