"""A window's history at a glance: weeks by weekdays, a mark a state, so that colour is never the only sign."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from smart_orchestrator.model.partition import Code, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.partition import Partition

Cell = tuple[str, str]
"""A mark and its style, as in `reporter`."""

_MARKS: dict[State, Cell] = {
    State.COMPLETE: ("■", "good"),
    State.ABSENT: ("·", "bad"),
    State.UNCOMMITTED: ("◐", "warn"),
    State.INVALID: ("✗", "bad"),
}
_SPECIAL: dict[Code, Cell] = {
    Code.UNUSUAL_VOLUME: ("▲", "warn"),
    Code.WITHIN_LAG: ("~", "dim"),
    Code.WAIVED: ("w", "dim"),
    Code.BEYOND_UPSTREAM_HISTORY: ("<", "dim"),
}
_OUTSIDE: Cell = (" ", "")
LEGEND: tuple[tuple[str, str, str], ...] = (
    ("■", "good", "complete"),
    ("▲", "warn", "unusual volume"),
    ("◐", "warn", "uncommitted"),
    ("✗", "bad", "invalid"),
    ("·", "bad", "absent"),
    ("~", "dim", "within the lag"),
    ("w", "dim", "waived"),
    ("<", "dim", "before the upstream's history"),
)


def mark(partition: Partition) -> Cell:
    """The mark of one day."""
    if partition.code is Code.UNUSUAL_VOLUME and not partition.available:
        return _MARKS[State.INVALID]
    return _SPECIAL.get(partition.code, _MARKS[partition.state])


def calendar_rows(completeness: Completeness) -> Iterator[tuple[str, list[Cell]]]:
    """One row a week, oldest first: its Monday as ISO text, and seven cells from Monday to Sunday."""
    window = completeness.window
    monday = window.start - dt.timedelta(days=window.start.weekday())
    while monday < window.stop:
        week = [monday + dt.timedelta(days=offset) for offset in range(7)]
        yield monday.isoformat(), [mark(completeness[day]) if day in window else _OUTSIDE for day in week]
        monday += dt.timedelta(weeks=1)


def watermark(completeness: Completeness) -> dt.date | None:
    """The last day of the window up to which nothing is missing; None when its first expected day is."""
    missing = completeness.missing
    before = [day for day in completeness.expected if not missing or day < missing[0]]
    return before[-1] if before else None
