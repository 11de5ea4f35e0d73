"""The completeness calendar: weeks by weekdays, a day with its mark, and its reason as text. Pure.

Colour is never the only sign: each kind of day has a mark of its own shape (`templates/marks.svg`) and a word.
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

# More weeks than these stand side by side, a small square a day.
WEEKS_BELOW_EACH_OTHER = 9

KINDS: dict[str, str] = {
    "complete": "complete",
    "unusual": "complete, unusual volume",
    "running": "in flight",
    "uncommitted": "uncommitted",
    "invalid": "invalid",
    "absent": "absent",
    "lag": "not yet expected",
    "waived": "waived",
}
_OF_CODE = {Code.UNUSUAL_VOLUME: "unusual", Code.WITHIN_LAG: "lag", Code.WAIVED: "waived"}
_OF_STATE = {
    State.COMPLETE: "complete",
    State.ABSENT: "absent",
    State.UNCOMMITTED: "uncommitted",
    State.INVALID: "invalid",
}


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day as the calendar shows it.

    Attributes:
        day: UTC.
        kind: one of `KINDS`, which is also the name of its mark.
        code: stable reason, one of `Code`; empty where none is known.
        reason: the same as a sentence.
        available: whether it counts.
    """

    day: dt.date
    kind: str
    code: str
    reason: str
    available: bool

    @property
    def label(self) -> str:
        """What a screen reader says: the day, its state, and why."""
        why = f": {self.reason}" if self.reason and self.kind != "complete" else ""
        return f"{self.day:%A} {self.day.day} {self.day:%B %Y}, {KINDS[self.kind]}{why}"


@dataclass(frozen=True, slots=True)
class Spell:
    """Days in a row that do not count for the same reason, or that count with the same warning."""

    first: CalendarDay
    last: CalendarDay

    @property
    def length(self) -> int:
        """How many days."""
        return (self.last.day - self.first.day).days + 1


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of a window in weeks.

    Attributes:
        weeks: Monday to Sunday each, oldest first; None for a day outside the window.
        dense: whether weeks stand side by side, because there are many.
    """

    weeks: tuple[tuple[CalendarDay | None, ...], ...]
    dense: bool

    @property
    def days(self) -> tuple[CalendarDay, ...]:
        """The days of the window, oldest first."""
        return tuple(day for week in self.weeks for day in week if day is not None)

    @property
    def holes(self) -> tuple[CalendarDay, ...]:
        """The days that do not count, and those that count with a warning."""
        return tuple(day for day in self.days if day.kind != "complete")

    @property
    def spells(self) -> tuple[Spell, ...]:
        """The holes, those that follow each other for the same reason as one."""
        found: list[Spell] = []
        for day in self.holes:
            last = found[-1].last if found else None
            if last is not None and _goes_on(last, day):
                found[-1] = Spell(found[-1].first, day)
            else:
                found.append(Spell(day, day))
        return tuple(found)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that occur, in the order of the legend."""
        there = {day.kind for day in self.days}
        return tuple(kind for kind in KINDS if kind in there)

    @property
    def months(self) -> tuple[tuple[str, int], ...]:
        """For a dense calendar: each month's name with the number of weeks that begin in it."""
        found: list[tuple[str, int]] = []
        for week in self.weeks:
            first = next(day for day in week if day is not None)
            name = f"{first.day:%b %Y}"
            found.append((name, 1))
            if len(found) > 1 and found[-2][0] == name:
                found[-2:] = [(name, found[-2][1] + 1)]
        return tuple(found)


def _goes_on(before: CalendarDay, day: CalendarDay) -> bool:
    same = (before.kind, before.code, before.reason) == (day.kind, day.code, day.reason)
    return same and (day.day - before.day).days == 1


def kind_of(state: str, code: str, *, available: bool) -> str:
    """The kind of a day in a state, for a reason."""
    if code == Code.UNUSUAL_VOLUME and not available:
        return "invalid"
    return _OF_CODE[Code(code)] if code in _OF_CODE else _OF_STATE[State(state)]


def of_run(run: RunRecord) -> Calendar:
    """The days of a published window as they were when it was checked; without reasons where a run has kept none."""
    return calendar(_of_run(run, day) for day in days_of(run))


def _of_run(run: RunRecord, day: dt.date) -> CalendarDay:
    used = day in run.days_used
    found = run.states.get(day.isoformat())
    if found is not None:
        kind = kind_of(found["state"], found["code"], available=used)
        return CalendarDay(day, kind, found["code"], found["reason"], available=used)
    if used:
        return CalendarDay(day, "complete", "", "", available=True)
    window = Window.between(run.window_start, run.window_end, run.as_of, run.lag_days)
    reason = f"not used; version {run.version} did not keep why"
    return CalendarDay(day, "lag" if window.within_lag(day) else "absent", "", reason, available=False)


def calendar(days: Iterable[CalendarDay]) -> Calendar:
    """The days, which follow each other without a gap, in weeks."""
    ordered = sorted(days, key=lambda one: one.day)
    if not ordered:
        return Calendar((), dense=False)
    by_day = {one.day: one for one in ordered}
    monday = ordered[0].day - dt.timedelta(days=ordered[0].day.weekday())
    weeks: list[Sequence[CalendarDay | None]] = []
    while monday <= ordered[-1].day:
        weeks.append([by_day.get(monday + dt.timedelta(days=offset)) for offset in range(7)])
        monday += dt.timedelta(weeks=1)
    return Calendar(tuple(map(tuple, weeks)), dense=len(weeks) > WEEKS_BELOW_EACH_OTHER)
