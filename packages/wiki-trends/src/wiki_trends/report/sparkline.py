"""Draw sparklines as text, with one bar for each day. A day outside the list is `·`: its views are unknown, not zero."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"
OUTSIDE = "·"


def sparkline(views: Sequence[int | None]) -> str:
    """One bar for each day, scaled from the lowest views to the highest; `·` for None."""
    counts = [count for count in views if count is not None]
    if not counts:
        return OUTSIDE * len(views)
    low, high = min(counts), max(counts)
    step = (high - low) / (len(_BARS) - 1) or 1.0
    return "".join(OUTSIDE if count is None else _BARS[round((count - low) / step)] for count in views)


def fitted(views: Sequence[int | None], width: int) -> list[int | None]:
    """Combine consecutive days to at most `width` values: the highest of each group, None for a group of None."""
    if len(views) <= width:
        return list(views)
    edges = [round(index * len(views) / width) for index in range(width + 1)]
    parts = [[count for count in views[start:stop] if count is not None] for start, stop in pairwise(edges)]
    return [max(part) if part else None for part in parts]
