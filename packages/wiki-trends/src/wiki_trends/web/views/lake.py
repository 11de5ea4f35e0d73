"""The views of the lake: completeness as a calendar, one day, runs, and rows left out of a day."""

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
from wiki_trends.web.problems import Problem
from wiki_trends.web.views import documents
from wiki_trends.web.views.view import NoQuery, View

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from smart_orchestrator.model.run import Run
    from wiki_trends.pipeline.lists.excluded import Exclusion
    from wiki_trends.web.backfills import BackfillRequest, RunListing
    from wiki_trends.web.cache.dashboard_state import DashboardState
    from wiki_trends.web.data import Calendar, Day

MAX_DAYS = 1100


class WindowQuery(BaseModel):
    """A window: the last N days, or from one day to another; by default as many days as the settings say."""

    days: Annotated[
        int | None, Field(ge=1, le=MAX_DAYS, description="The last N days that the upstream has published.")
    ] = None
    start: Annotated[dt.date | None, Field(description="First day of an explicit window.")] = None
    end: Annotated[dt.date | None, Field(description="Its last day, included.")] = None

    @model_validator(mode="after")
    def _not_too_long(self) -> WindowQuery:
        if self.start and self.end and (self.end - self.start).days >= MAX_DAYS:
            msg = f"the window is longer than {MAX_DAYS} days"
            raise ValueError(msg)
        return self


class DayQuery(BaseModel):
    """One UTC day."""

    day: Annotated[dt.date, Field(description="YYYY-MM-DD, a UTC day.")]


class NewestDayQuery(BaseModel):
    """One UTC day, by default the newest that the upstream has published."""

    day: Annotated[dt.date | None, Field(description="YYYY-MM-DD, a UTC day.")] = None


@dataclass(frozen=True, slots=True)
class CompletenessPage:
    """A checked window and the drawing of it."""

    calendar: Calendar
    drawing: drawn.Calendar

    @property
    def completeness(self) -> Any:
        """The result of the check."""
        return self.calendar.plan.completeness


def completeness(state: DashboardState) -> View[WindowQuery, Calendar, CompletenessPage]:
    """The completeness of a window, with the reason for each missing day."""

    async def inputs(query: WindowQuery) -> Calendar:
        return await state.calendar(state.sources.window(query.days, query.start, query.end))

    def make(_: WindowQuery, calendar: Calendar) -> CompletenessPage:
        return CompletenessPage(calendar, drawn.calendar(map(shown, calendar.days)))

    def document(page: CompletenessPage) -> dict[str, Any]:
        last = watermark(page.completeness)
        checked = page.completeness.to_json()
        days = [_day_json(day) for day in page.calendar.days]
        in_flight = [day.isoformat() for day in page.calendar.in_flight]
        due = [day.isoformat() for day in page.calendar.due]
        newest = last.isoformat() if last else None
        return {**checked, "days": days, "due": due, "in_flight": in_flight, "watermark": newest}

    def table(page: CompletenessPage) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
        rows = (
            (d.partition.day, d.partition.state, d.partition.code, d.partition.reason, d.partition.rows,
             d.step.action, d.partition.fingerprint)
            for d in page.calendar.days
        )  # fmt: skip
        return ("day", "state", "code", "reason", "rows", "action", "fingerprint"), rows

    return View(
        name="completeness",
        path="/completeness",
        summary="The completeness of a window, with the reason for each missing day",
        query=WindowQuery,
        inputs=inputs,
        make=make,
        document=document,
        schema=documents.CompletenessDocument,
        table=table,
    )


@dataclass(frozen=True, slots=True)
class DayDetails:
    """One day with its runs, newest first, and its requested backfill."""

    day: Day
    runs: tuple[Run, ...]
    request: BackfillRequest | None
    may_start: bool

    @property
    def shown(self) -> drawn.CalendarDay:
        """The day as drawn in a calendar."""
        return shown(self.day)

    @property
    def before(self) -> dt.date:
        """The day before."""
        return self.day.partition.day - dt.timedelta(days=1)

    @property
    def after(self) -> dt.date:
        """The day after."""
        return self.day.partition.day + dt.timedelta(days=1)


def day(
    state: DashboardState,
) -> View[DayQuery, tuple[Calendar, tuple[Run, ...], BackfillRequest | None], DayDetails]:
    """One day: state, reason, runs, parts."""

    async def inputs(query: DayQuery) -> tuple[Calendar, tuple[Run, ...], BackfillRequest | None]:
        requested = query.day
        if not FIRST_DAY <= requested <= state.sources.today():
            raise WindowError(
                "day",
                requested,
                "is not a day that the upstream has",
                f"Give one from {FIRST_DAY} to {state.sources.today()}.",
            )
        calendar = await state.calendar(state.sources.window(None, requested, requested))
        runs = tuple(await state.runs_pool.run(state.sources.runs_of, requested))
        return calendar, runs, state.backfills.get(requested)

    def make(_: DayQuery, inputs: tuple[Calendar, tuple[Run, ...], BackfillRequest | None]) -> DayDetails:
        calendar, runs, request = inputs
        due = bool(calendar.due) and not (request is not None and request.in_progress)
        return DayDetails(calendar.days[0], runs, request, due)

    def document(details: DayDetails) -> dict[str, Any]:
        partition = details.day.partition
        return {
            **_day_json(details.day),
            "volume": partition.volume,
            "written_at": partition.manifest.written_at.isoformat() if partition.manifest else None,
            "parts": [
                {"name": part.name, "size": part.size, "checksum": part.checksum} for part in partition.parts
            ],
            "runs": [run_json(run) for run in details.runs],
            "asked": request_json(details.request) if details.request else None,
            "may_start": details.may_start,
        }

    def table(details: DayDetails) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
        day = details.day.partition.day
        return ("day", "part", "bytes", "checksum"), (
            (day, part.name, part.size, part.checksum) for part in details.day.partition.parts
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


def runs(state: DashboardState) -> View[NoQuery, RunListing, RunListing]:
    """The pipeline's runs, newest first."""

    async def inputs(_: NoQuery) -> RunListing:
        return await state.runs()

    def document(listing: RunListing) -> dict[str, Any]:
        return {
            "runs": [run_json(run) for run in listing.runs],
            "asked": [request_json(request) for request in listing.requests],
        }

    def table(listing: RunListing) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
        rows = (
            (r.name, r.day, r.attempt, r.state, r.failure, r.message, r.started_at, r.ended_at)
            for r in listing.runs
        )
        return ("run", "day", "attempt", "state", "failure", "message", "started_at", "ended_at"), rows

    return View(
        name="runs",
        path="/runs",
        summary="The pipeline's runs, newest first",
        query=NoQuery,
        inputs=inputs,
        make=lambda _, inputs: inputs,
        document=document,
        schema=documents.RunsDocument,
        table=table,
    )


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows that were left out of a day or merged, by original rank."""

    day: dt.date
    rows: tuple[Exclusion, ...]
    by_reason: Mapping[str, int]


def left_out(state: DashboardState) -> View[NewestDayQuery, LeftOut, LeftOut]:
    """Rows of a day's list that are not in its partition, with the reason."""

    async def inputs(query: NewestDayQuery) -> LeftOut:
        day = query.day or state.sources.window().last
        try:
            rows = tuple(await state.lake_pool.run(state.sources.excluded, day))
        except ContractError as error:
            reason = "; ".join(error.violations)
            raise Problem(
                404,
                "NO_SUCH_DAY",
                f"The silver layer does not have {day}: {reason}.",
                "Choose another day.",
            ) from None
        return LeftOut(day, rows, counts(rows))

    def document(left_out: LeftOut) -> dict[str, Any]:
        return {
            "day": left_out.day.isoformat(),
            "by_reason": dict(left_out.by_reason),
            "rows": [row.to_json() for row in left_out.rows],
        }

    def table(left_out: LeftOut) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
        return ("rank", "page", "views", "reason"), (
            (r.rank, r.page, r.views, r.text()) for r in left_out.rows
        )

    return View(
        name="left_out",
        path="/left-out",
        summary="Rows left out of a day's list, with the reason",
        query=NewestDayQuery,
        inputs=inputs,
        make=lambda _, inputs: inputs,
        document=document,
        schema=documents.LeftOutDocument,
        table=table,
    )


def shown(day: Day) -> drawn.CalendarDay:
    """A day as drawn in a calendar; a day with a run in flight has its own mark."""
    partition = day.partition
    running = day.step.action is Action.FOLLOW
    kind = (
        "running"
        if running
        else drawn.kind_of(partition.state, partition.code, available=partition.available)
    )
    reason = day.step.why if running else partition.reason
    return drawn.CalendarDay(partition.day, kind, partition.code.value, reason, partition.available)


def run_json(run: Run) -> dict[str, Any]:
    """A run as a JSON document."""
    return {**run.to_json(), "message": run.message}


def request_json(request: BackfillRequest) -> dict[str, Any]:
    """A requested backfill as a JSON document."""
    return {
        "day": request.day.isoformat(),
        "state": request.state,
        "message": request.message,
        "asked_at": request.asked_at.isoformat(),
    }


def _day_json(day: Day) -> dict[str, Any]:
    return {
        **day.partition.to_json(),
        "reason": day.partition.reason,
        "action": day.step.action.value,
        "why": day.step.why,
        "run": run_json(day.run) if day.run else None,
    }
