"""Arrange the days of a window in a calendar of weeks, with the state and reason of each day. Pure functions.

Each kind of day has a mark with its own shape (`templates/marks.svg`) and a word, so that no reader depends on colours.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.model.partition import Code, State
from smart_orchestrator.model.window import Window
from wiki_trends.queries.series import days_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wiki_trends.warehouse.base import RunRecord

# A calendar with more weeks is dense: its weeks are columns, side by side.
MAX_STACKED_WEEKS = 9

KINDS: dict[str, str] = {
    "complete": "complete",
    "unusual": "complete, unusual volume",
    "running": "in flight",
    "uncommitted": "uncommitted",
    "invalid": "invalid",
    "absent": "absent",
    "lag": "not expected",
    "waived": "waived",
}
_KIND_BY_CODE = {
    Code.UNUSUAL_VOLUME: "unusual",
    Code.WITHIN_LAG: "lag",
    Code.BEYOND_UPSTREAM_HISTORY: "lag",
    Code.WAIVED: "waived",
}
_KIND_BY_STATE = {
    State.COMPLETE: "complete",
    State.ABSENT: "absent",
    State.UNCOMMITTED: "uncommitted",
    State.INVALID: "invalid",
}


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One day of a calendar.

    Attributes:
        day: the date, UTC.
        kind: one of `KINDS`, which is also the name of its mark.
        code: the stable code of the reason, one of `Code`; empty when unknown.
        reason: the reason as a sentence.
        available: whether the day is available.
    """

    day: dt.date
    kind: str
    code: str
    reason: str
    available: bool

    @property
    def label(self) -> str:
        """The label for screen readers: the date, the state and the reason."""
        reason = f": {self.reason}" if self.reason and self.kind != "complete" else ""
        return f"{self.day:%A} {self.day.day} {self.day:%B %Y}, {KINDS[self.kind]}{reason}"


@dataclass(frozen=True, slots=True)
class DayRange:
    """Consecutive days with the same state and reason."""

    first: CalendarDay
    last: CalendarDay

    @property
    def length(self) -> int:
        """The number of days."""
        return (self.last.day - self.first.day).days + 1


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of a window in weeks.

    Attributes:
        weeks: seven entries each, Monday to Sunday; None for a day outside the window. Oldest week first.
        dense: whether there are so many weeks that they are drawn as columns.
    """

    weeks: tuple[tuple[CalendarDay | None, ...], ...]
    dense: bool

    @property
    def days(self) -> tuple[CalendarDay, ...]:
        """The days of the window, oldest first."""
        return tuple(day for week in self.weeks for day in week if day is not None)

    @property
    def flagged(self) -> tuple[CalendarDay, ...]:
        """The days to point out: those that are not available, and those with a warning."""
        return tuple(day for day in self.days if day.kind != "complete")

    @property
    def ranges(self) -> tuple[DayRange, ...]:
        """The flagged days as ranges of consecutive days with the same state and reason."""
        ranges: list[DayRange] = []
        for day in self.flagged:
            last = ranges[-1].last if ranges else None
            if last is not None and _continues(day, last):
                ranges[-1] = DayRange(ranges[-1].first, day)
            else:
                ranges.append(DayRange(day, day))
        return tuple(ranges)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that occur, in the order of the legend."""
        occurring = {day.kind for day in self.days}
        return tuple(kind for kind in KINDS if kind in occurring)

    @property
    def months(self) -> tuple[tuple[str, int], ...]:
        """The months of a dense calendar, each with the number of weeks that begin in it."""
        months: list[tuple[str, int]] = []
        for week in self.weeks:
            first = next(day for day in week if day is not None)
            name = f"{first.day:%b %Y}"
            months.append((name, 1))
            if len(months) > 1 and months[-2][0] == name:
                months[-2:] = [(name, months[-2][1] + 1)]
        return tuple(months)


def _continues(day: CalendarDay, before: CalendarDay) -> bool:
    same = (before.kind, before.code, before.reason) == (day.kind, day.code, day.reason)
    return same and (day.day - before.day).days == 1


def kind_of(state: str, code: str, *, available: bool) -> str:
    """The kind of a day with this state and code."""
    if code == Code.UNUSUAL_VOLUME and not available:
        return "invalid"
    return _KIND_BY_CODE[Code(code)] if code in _KIND_BY_CODE else _KIND_BY_STATE[State(state)]


def of_run(run: RunRecord) -> Calendar:
    """The calendar of a published window as it was when the window was checked.

    Runs of earlier versions did not record the states; their calendars have no reasons.
    """
    return calendar(_published_day(run, day) for day in days_of(run))


def _published_day(run: RunRecord, day: dt.date) -> CalendarDay:
    used = day in run.days_used
    state = run.states.get(day.isoformat())
    if state is not None:
        kind = kind_of(state["state"], state["code"], available=used)
        return CalendarDay(day, kind, state["code"], state["reason"], available=used)
    if used:
        return CalendarDay(day, "complete", "", "", available=True)
    window = Window.between(run.window_start, run.window_end, run.as_of, run.lag_days)
    reason = f"not used; version {run.version} did not record the reason"
    return CalendarDay(day, "lag" if window.within_lag(day) else "absent", "", reason, available=False)


def calendar(days: Iterable[CalendarDay]) -> Calendar:
    """Arrange consecutive days in weeks."""
    ordered = sorted(days, key=lambda item: item.day)
    if not ordered:
        return Calendar((), dense=False)
    by_day = {item.day: item for item in ordered}
    monday = ordered[0].day - dt.timedelta(days=ordered[0].day.weekday())
    weeks: list[Sequence[CalendarDay | None]] = []
    while monday <= ordered[-1].day:
        weeks.append([by_day.get(monday + dt.timedelta(days=offset)) for offset in range(7)])
        monday += dt.timedelta(weeks=1)
    return Calendar(tuple(map(tuple, weeks)), dense=len(weeks) > MAX_STACKED_WEEKS)
