"""Draw sparklines as text, with one bar for each day.

A day on which the page was not listed is `·`, because its views are unknown, not zero. A day that was not read is `–`.
"""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BARS = "▁▂▃▄▅▆▇█"
OUTSIDE = "·"
UNREAD = "–"


def sparkline(views: Sequence[int | None]) -> str:
    """Draw one bar for each day, scaled from the lowest views to the highest, and `·` for None."""
    counts = [count for count in views if count is not None]
    if not counts:
        return OUTSIDE * len(views)
    low, high = min(counts), max(counts)
    step = (high - low) / (len(_BARS) - 1) or 1.0
    return "".join(OUTSIDE if count is None else _BARS[round((count - low) / step)] for count in views)


def dated_sparkline(
    views: Mapping[dt.date, int | None], first: dt.date, last: dt.date, days_per_line: int = 35
) -> list[str]:
    """Draw one mark for each day from `first` to `last`, in lines that start and end with a date.

    Args:
        views: the views on the days that were read; None on a day on which the page was not listed.
        first: the first day.
        last: the last day.
        days_per_line: the largest number of days in a line.
    """
    days = [first + dt.timedelta(days=offset) for offset in range((last - first).days + 1)]
    bars = sparkline([views.get(day) for day in days])
    marks = "".join(bar if day in views else UNREAD for day, bar in zip(days, bars, strict=True))
    starts = range(0, len(days), days_per_line)
    return [
        f"{days[start]} {marks[start : start + days_per_line]} {days[start : start + days_per_line][-1]}"
        for start in starts
    ]


def fitted(views: Sequence[int | None], width: int) -> list[int | None]:
    """Reduce the views to at most `width` values: each value is the highest of a group of consecutive days.

    The value of a group is None if no day of the group has views.
    """
    if len(views) <= width:
        return list(views)
    edges = [round(index * len(views) / width) for index in range(width + 1)]
    groups = [[count for count in views[start:stop] if count is not None] for start, stop in pairwise(edges)]
    return [max(group) if group else None for group in groups]
