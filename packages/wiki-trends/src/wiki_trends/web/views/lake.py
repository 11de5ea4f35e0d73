"""The views of the lake: its completeness as a calendar, one day, the runs, and what was left out of a day."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field, model_validator

from smart_orchestrator.errors import ContractError, WindowError
from smart_orchestrator.model.plan import Action
from smart_orchestrator.text.calendar import watermark
from wiki_trends.config.window_options import FIRST_DAY
from wiki_trends.pipeline.lists.excluded import counts
from wiki_trends.report import calendar as drawn
from wiki_trends.web.problems import Problem, without_paths
from wiki_trends.web.views import documents
from wiki_trends.web.views.view import NoQuery, View

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from smart_orchestrator.model.run import Run
    from wiki_trends.pipeline.lists.excluded import Exclusion
    from wiki_trends.web.backfills import Asked
    from wiki_trends.web.cache.dashboard_state import DashboardState
    from wiki_trends.web.data import Calendar, Day, RunsFound

MOST_DAYS = 1100


class WindowQuery(BaseModel):
    """Which days: the last so many, or from one to another; by default as many as the settings say."""

    days: Annotated[
        int | None, Field(ge=1, le=MOST_DAYS, description="The last N days that the source has.")
    ] = None
    start: Annotated[dt.date | None, Field(description="First day of an explicit window.")] = None
    end: Annotated[dt.date | None, Field(description="Its last day, included.")] = None

    @model_validator(mode="after")
    def _not_too_long(self) -> WindowQuery:
        if self.start and self.end and (self.end - self.start).days >= MOST_DAYS:
            msg = f"the window is longer than {MOST_DAYS} days"
            raise ValueError(msg)
        return self


class DayQuery(BaseModel):
    """One UTC day."""

    day: Annotated[dt.date, Field(description="YYYY-MM-DD, a UTC day.")]


class NewestDayQuery(BaseModel):
    """One UTC day, by default the newest that the source has."""

    day: Annotated[dt.date | None, Field(description="YYYY-MM-DD, a UTC day.")] = None


@dataclass(frozen=True, slots=True)
class CalendarFound:
    """The window as it was looked at, and as it is drawn."""

    calendar: Calendar
    made: drawn.Calendar

    @property
    def completeness(self) -> Any:
        """The check behind it."""
        return self.calendar.plan.completeness


def completeness(held: DashboardState) -> View[WindowQuery, Calendar, CalendarFound]:
    """Which days of a window are there, and why not."""

    async def inputs(query: WindowQuery) -> Calendar:
        return await held.calendar(held.sources.window(query.days, query.start, query.end))

    def make(_: WindowQuery, calendar: Calendar) -> CalendarFound:
        return CalendarFound(calendar, drawn.calendar(map(shown, calendar.days)))

    def document(found: CalendarFound) -> dict[str, Any]:
        last = watermark(found.completeness)
        listed = found.completeness.to_json()
        days = [_day_json(day) for day in found.calendar.days]
        in_flight = [day.isoformat() for day in found.calendar.in_flight]
        due = [day.isoformat() for day in found.calendar.due]
        mark = last.isoformat() if last else None
        return {**listed, "days": days, "due": due, "in_flight": in_flight, "watermark": mark}

    def table(found: CalendarFound) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
        rows = (
            (d.partition.day, d.partition.state, d.partition.code, without_paths(d.partition.reason), d.partition.rows,
             d.step.action, d.partition.fingerprint)
            for d in found.calendar.days
        )  # fmt: skip
        return ("day", "state", "code", "reason", "rows", "action", "fingerprint"), rows

    return View(
        name="completeness",
        path="/completeness",
        summary="Which days of a window are there, and why not",
        query=WindowQuery,
        inputs=inputs,
        make=make,
        document=document,
        schema=documents.CompletenessDocument,
        table=table,
    )


@dataclass(frozen=True, slots=True)
class DayFound:
    """One day with its runs, newest first, and what was asked for it here."""

    day: Day
    runs: tuple[Run, ...]
    asked: Asked | None
    may_start: bool

    @property
    def shown(self) -> drawn.CalendarDay:
        """The day as the calendar shows it."""
        return shown(self.day)

    @property
    def before(self) -> dt.date:
        """The day before."""
        return self.day.partition.day - dt.timedelta(days=1)

    @property
    def after(self) -> dt.date:
        """The day after."""
        return self.day.partition.day + dt.timedelta(days=1)


def day(held: DashboardState) -> View[DayQuery, tuple[Calendar, tuple[Run, ...], Asked | None], DayFound]:
    """One day: state, reason, runs, parts."""

    async def inputs(query: DayQuery) -> tuple[Calendar, tuple[Run, ...], Asked | None]:
        at = query.day
        if not FIRST_DAY <= at <= held.sources.today():
            raise WindowError(
                "day",
                at,
                "is no day that the source has",
                f"Give one from {FIRST_DAY} to {held.sources.today()}.",
            )
        calendar = await held.calendar(held.sources.window(None, at, at))
        return calendar, tuple(await held.in_thread(held.sources.runs_of, at)), held.backfills.of(at)

    def make(_: DayQuery, found: tuple[Calendar, tuple[Run, ...], Asked | None]) -> DayFound:
        calendar, runs, asked = found
        due = bool(calendar.due) and not (asked is not None and asked.under_way)
        return DayFound(calendar.days[0], runs, asked, due)

    def document(found: DayFound) -> dict[str, Any]:
        partition = found.day.partition
        return {
            **_day_json(found.day),
            "volume": partition.volume,
            "written_at": partition.manifest.written_at.isoformat() if partition.manifest else None,
            "parts": [
                {"name": part.name, "size": part.size, "checksum": part.checksum} for part in partition.parts
            ],
            "runs": [run_json(run) for run in found.runs],
            "asked": asked_json(found.asked) if found.asked else None,
            "may_start": found.may_start,
        }

    def table(found: DayFound) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
        at = found.day.partition.day
        return ("day", "part", "bytes", "checksum"), (
            (at, p.name, p.size, p.checksum) for p in found.day.partition.parts
        )

    return View(
        name="day",
        path="/day",
        summary="One day of the lake: its state, its runs, its parts",
        query=DayQuery,
        inputs=inputs,
        make=make,
        document=document,
        schema=documents.DayDocument,
        table=table,
    )


def runs(held: DashboardState) -> View[NoQuery, RunsFound, RunsFound]:
    """The pipeline's runs, newest first."""

    async def inputs(_: NoQuery) -> RunsFound:
        return await held.runs()

    def document(found: RunsFound) -> dict[str, Any]:
        return {
            "runs": [run_json(run) for run in found.runs],
            "asked": [asked_json(one) for one in found.asked],
        }

    def table(found: RunsFound) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
        rows = (
            (r.name, r.day, r.attempt, r.state, r.failure, without_paths(r.message), r.started_at, r.ended_at)
            for r in found.runs
        )
        return ("run", "day", "attempt", "state", "failure", "message", "started_at", "ended_at"), rows

    return View(
        name="runs",
        path="/runs",
        summary="The pipeline's runs, newest first",
        query=NoQuery,
        inputs=inputs,
        make=lambda _, found: found,
        document=document,
        schema=documents.RunsDocument,
        table=table,
    )


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was left out of a day, or merged, by original rank."""

    day: dt.date
    rows: tuple[Exclusion, ...]
    by_reason: Mapping[str, int]


def left_out(held: DashboardState) -> View[NewestDayQuery, LeftOut, LeftOut]:
    """What is in a day's list and not in its partition, and why."""

    async def inputs(query: NewestDayQuery) -> LeftOut:
        at = query.day or held.sources.window().last
        try:
            rows = tuple(await held.in_thread(held.sources.excluded, at))
        except ContractError as error:
            why = without_paths("; ".join(error.violations))
            raise Problem(
                404,
                "NO_SUCH_DAY",
                f"The silver layer does not have {at}: {why}.",
                "InspectOptions at another day.",
            ) from None
        return LeftOut(at, rows, counts(rows))

    def document(found: LeftOut) -> dict[str, Any]:
        return {
            "day": found.day.isoformat(),
            "by_reason": dict(found.by_reason),
            "rows": [row.to_json() for row in found.rows],
        }

    def table(found: LeftOut) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
        return ("rank", "page", "views", "reason"), ((r.rank, r.page, r.views, r.text()) for r in found.rows)

    return View(
        name="left_out",
        path="/left-out",
        summary="What was left out of a day's list, and why",
        query=NewestDayQuery,
        inputs=inputs,
        make=lambda _, found: found,
        document=document,
        schema=documents.LeftOutDocument,
        table=table,
    )


def shown(day: Day) -> drawn.CalendarDay:
    """A day as the calendar draws it; one that a run is working on has a mark of its own."""
    found = day.partition
    running = day.step.action is Action.FOLLOW
    kind = "running" if running else drawn.kind_of(found.state, found.code, available=found.available)
    reason = day.step.why if running else found.reason
    return drawn.CalendarDay(found.day, kind, found.code.value, without_paths(reason), found.available)


def run_json(run: Run) -> dict[str, Any]:
    """A run as the API shows it."""
    return {**run.to_json(), "message": without_paths(run.message)}


def asked_json(asked: Asked) -> dict[str, Any]:
    """A day that was asked for, as the API shows it."""
    return {
        "day": asked.day.isoformat(),
        "state": asked.state,
        "message": asked.message,
        "asked_at": asked.asked_at.isoformat(),
    }


def _day_json(found: Day) -> dict[str, Any]:
    listed = found.partition.to_json()
    return {
        **listed,
        "reason": without_paths(found.partition.reason),
        "action": found.step.action.value,
        "why": without_paths(found.step.why),
        "run": run_json(found.run) if found.run else None,
    }
