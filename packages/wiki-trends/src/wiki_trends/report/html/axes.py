"""Axes, domains and tooltips that the charts share, and the labels at the ends of their lines."""

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
_TICKS = 8
_DAYS_WITH_DOTS = 45
_LABEL_GAP = 14
_LABEL_LENGTH = 34


def expression(text: str) -> Any:
    """A Vega expression as a value of Altair."""
    import altair as alt

    return alt.ExprRef(expr=text)


def day_axis(days: Sequence[dt.date]) -> alt.X:
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
            values=[milliseconds(day) for day in marks],
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
    """The domain of an axis from the first day to the last; `room` is extra length behind it, as a part of its length."""
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
    """The area of a day's dot: with many days as small as the line, so that a single day between gaps still shows."""
    return 42 if len(days) <= _DAYS_WITH_DOTS else 7


def views_axis() -> alt.Axis:
    """The axis of views."""
    import altair as alt

    return alt.Axis(format="~s", tickCount=5, domain=False, ticks=False)


def tooltip(*names: str) -> list[Any]:
    """The tooltip of a row, with these of its fields."""
    import altair as alt

    kinds = {
        "page": alt.Tooltip("page:N", title="Page"),
        "category": alt.Tooltip("category:N", title="Category"),
        "date": alt.Tooltip("utcyearmonthdate(date):T", title="Day", format="%a %-d %b %Y"),
        "rank": alt.Tooltip("rank:Q", title="Rank", format=",d"),
        "views": alt.Tooltip("views:Q", title="Views", format=",d"),
    }
    return [kinds[name] for name in names]


def least_rank(height: int, worst: int) -> float:
    """The upper end of a scale of ranks: a little room above rank 1, so that its dots are not cut."""
    return float(max(worst, 2) ** (-10 / height))


def end_labels(rows: Sequence[Row], height: int, worst: int) -> list[dict[str, Any]]:
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
    """Move sorted heights apart by at least a line of text, and back up when they exceed the room."""
    placed: list[float] = []
    for at in heights:
        placed.append(max(at, placed[-1] + _LABEL_GAP) if placed else at)
    limit = float(room)
    for index in range(len(placed) - 1, -1, -1):
        placed[index] = min(placed[index], limit)
        limit = placed[index] - _LABEL_GAP
    return placed
