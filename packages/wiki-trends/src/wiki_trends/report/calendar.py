"""Arrange the days of a window in a calendar of weeks, with the state and the reason of each day.

Each kind of day has its own word and its own mark (`templates/marks.svg`). The marks differ in shape, so that readers can
distinguish them without colours. The functions of this module are pure.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.model.partition import Code, State
from smart_orchestrator.model.window import Window
from wiki_trends.queries.series import days_of
from wiki_trends.report.formats import day_text, month

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wiki_trends.warehouse.base import RunRecord

# A calendar with more weeks than this is dense: its weeks are columns instead of rows.
MAX_STACKED_WEEKS = 9

# The word for each kind of day, by the name of its mark.
KINDS: dict[str, str] = {
    "complete": "complete",
    "unusual": "complete, unusual volume",
    "restated": "complete, restated by the upstream",
    "running": "in flight",
    "failed": "last run failed",
    "uncommitted": "uncommitted",
    "invalid": "invalid",
    "absent": "absent",
    "lag": "not expected",
    "waived": "waived",
}
_KIND_BY_CODE = {
    Code.UNUSUAL_VOLUME: "unusual",
    Code.RESTATED: "restated",
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
        kind: the kind of the day, one of `KINDS`.
        code: the code of the reason, one of `Code`; empty when the code was not recorded.
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
        return f"{day_text(self.day, weekday=True)}, {KINDS[self.kind]}{reason}"


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
        weeks: the weeks, oldest first. Each has seven entries, Monday to Sunday; an entry is None outside the window.
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
        """The days that are not available or have a warning."""
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
        """The months of a dense calendar, each with the number of weeks whose first day in the window is in the month."""
        months: list[tuple[str, int]] = []
        for week in self.weeks:
            first = next(day for day in week if day is not None)
            name = month(first.day)
            months.append((name, 1))
            if len(months) > 1 and months[-2][0] == name:
                months[-2:] = [(name, months[-2][1] + 1)]
        return tuple(months)


def _continues(day: CalendarDay, previous: CalendarDay) -> bool:
    """Return whether `day` is the day after `previous` and has the same state and reason."""
    has_same_reason = (previous.kind, previous.code, previous.reason) == (day.kind, day.code, day.reason)
    return has_same_reason and (day.day - previous.day).days == 1


def kind_of(state: str, code: str, *, available: bool) -> str:
    """Return the kind of a day with this state and code."""
    # A day with an unusual volume can be available with a warning, or not available.
    if code == Code.UNUSUAL_VOLUME and not available:
        return "invalid"
    return _KIND_BY_CODE[Code(code)] if code in _KIND_BY_CODE else _KIND_BY_STATE[State(state)]


def of_run(run: RunRecord) -> Calendar:
    """Return the calendar of a published window, with the states that its days had when the window was checked.

    Earlier versions did not record the states, so the calendars of their windows contain no reasons from the check.
    """
    return calendar(_published_day(run, day) for day in days_of(run))


def _published_day(run: RunRecord, day: dt.date) -> CalendarDay:
    is_used = day in run.days_used
    state = run.states.get(day.isoformat())
    if state is not None:
        kind = kind_of(state["state"], state["code"], available=is_used)
        return CalendarDay(day, kind, state["code"], state["reason"], available=is_used)
    if is_used:
        return CalendarDay(day, "complete", "", "", available=True)
    window = Window.between(run.window_start, run.window_end, as_of=run.as_of, lag=run.lag_days)
    reason = f"not used; version {run.version} did not record the reason"
    return CalendarDay(day, "lag" if window.within_lag(day) else "absent", "", reason, available=False)


def calendar(days: Iterable[CalendarDay]) -> Calendar:
    """Arrange consecutive days in weeks."""
    by_date = {day.day: day for day in days}
    if not by_date:
        return Calendar((), dense=False)
    first, last = min(by_date), max(by_date)
    monday = first - dt.timedelta(days=first.weekday())
    weeks: list[Sequence[CalendarDay | None]] = []
    while monday <= last:
        weeks.append([by_date.get(monday + dt.timedelta(days=offset)) for offset in range(7)])
        monday += dt.timedelta(weeks=1)
    return Calendar(tuple(map(tuple, weeks)), dense=len(weeks) > MAX_STACKED_WEEKS)
