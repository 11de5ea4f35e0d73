"""Draw sparklines as text, with one bar for each day.

A day that did not list the page is `·`, because its views are unknown, not zero.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"
OUTSIDE = "·"


def sparkline(views: Sequence[int | None]) -> str:
    """Draw one bar for each day, scaled from the lowest views to the highest, and `·` for None."""
    counts = [count for count in views if count is not None]
    if not counts:
        return OUTSIDE * len(views)
    low, high = min(counts), max(counts)
    step = (high - low) / (len(_BARS) - 1) or 1.0
    return "".join(OUTSIDE if count is None else _BARS[round((count - low) / step)] for count in views)


def fitted(views: Sequence[int | None], width: int) -> list[int | None]:
    """Reduce the views to at most `width` values: each value is the highest of a group of consecutive days.

    The value of a group is None if no day of the group has views.
    """
    if len(views) <= width:
        return list(views)
    edges = [round(index * len(views) / width) for index in range(width + 1)]
    groups = [[count for count in views[start:stop] if count is not None] for start, stop in pairwise(edges)]
    return [max(group) if group else None for group in groups]
