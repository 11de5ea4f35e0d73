"""The calendar view of a window: one row per week, one column per weekday, one mark per day.

Each state has its own mark, so the view can be read without colours.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from smart_orchestrator.model.partition import Code, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.partition import Partition

Cell = tuple[str, str]
"""A mark and the name of its style; `text.reporter` defines the styles."""

_MARKS_OF_STATES: dict[State, Cell] = {
    State.COMPLETE: ("■", "good"),
    State.ABSENT: ("·", "bad"),
    State.UNCOMMITTED: ("◐", "warn"),
    State.INVALID: ("✗", "bad"),
}
_MARKS_OF_CODES: dict[Code, Cell] = {
    Code.UNUSUAL_VOLUME: ("▲", "warn"),
    Code.RESTATED: ("r", "warn"),
    Code.WITHIN_LAG: ("~", "dim"),
    Code.WAIVED: ("w", "dim"),
    Code.BEYOND_UPSTREAM_HISTORY: ("<", "dim"),
    Code.NOT_PUBLISHED: ("-", "bad"),
}
_OUTSIDE_WINDOW: Cell = (" ", "")
LEGEND: tuple[tuple[str, str, str], ...] = (
    ("■", "good", "complete"),
    ("▲", "warn", "unusual volume"),
    ("r", "warn", "restated"),
    ("◐", "warn", "uncommitted"),
    ("✗", "bad", "invalid"),
    ("·", "bad", "absent"),
    ("~", "dim", "within the lag"),
    ("w", "dim", "waived"),
    ("<", "dim", "before the upstream's history"),
    ("-", "bad", "not published"),
)


def mark(partition: Partition, state: State) -> Cell:
    """Return the mark and the style of a partition. `state` is the state of the partition under the policy of the check."""
    # Under a strict policy, an unusual volume counts as invalid.
    if partition.code is Code.UNUSUAL_VOLUME and state is State.INVALID:
        return _MARKS_OF_STATES[state]
    return _MARKS_OF_CODES.get(partition.code, _MARKS_OF_STATES[state])


def calendar_rows(completeness: Completeness) -> Iterator[tuple[str, list[Cell]]]:
    """Yield one row per week, oldest first: the ISO date of the Monday, and seven cells from Monday to Sunday."""
    window = completeness.window
    monday = window.start - dt.timedelta(days=window.start.weekday())
    while monday < window.stop:
        week = [monday + dt.timedelta(days=offset) for offset in range(7)]
        yield (
            monday.isoformat(),
            [_cell(completeness, day) if day in window else _OUTSIDE_WINDOW for day in week],
        )
        monday += dt.timedelta(weeks=1)


def _cell(completeness: Completeness, day: dt.date) -> Cell:
    partition = completeness[day]
    return mark(partition, completeness.policy.state_of(partition))


def watermark(completeness: Completeness) -> dt.date | None:
    """Return the last expected day before the first missing day, or the last expected day if no day is missing.

    Return None if the first expected day is missing, or if no day is expected.
    """
    missing = completeness.missing
    days = [day for day in completeness.expected if not missing or day < missing[0]]
    return days[-1] if days else None
