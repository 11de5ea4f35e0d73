"""The views of the lake: the completeness of a window, a day, the runs, and the rows left out of a day."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, model_validator
from starlette.requests import Request  # noqa: TC002 - FastAPI reads annotations when it runs
from starlette.responses import Response  # noqa: TC002

from smart_orchestrator.errors import ContractError, WindowError
from smart_orchestrator.model.plan import Action
from smart_orchestrator.model.run import RunState
from smart_orchestrator.text.calendar import watermark
from wiki_trends.config.window_options import FIRST_DAY
from wiki_trends.pipeline.lists.excluded import count_by_reason
from wiki_trends.report import calendar as report_calendar
from wiki_trends.web.problems import Problem
from wiki_trends.web.views import documents
from wiki_trends.web.views.rendering import PAGE_ROUTE, Content, csv_route, json_route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.run import Run
    from wiki_trends.pipeline.lists.excluded import Exclusion
    from wiki_trends.web.backfills import RequestedBackfill, RunListing
    from wiki_trends.web.cache.dashboard_state import DashboardState
    from wiki_trends.web.data import CheckedDay, CheckedWindow
    from wiki_trends.web.views.rendering import Renderer

MAX_DAYS = 1100
FAILED_STATES = (RunState.FAILED, RunState.LOST)
_COMPLETENESS_SUMMARY = "The completeness of a window, with the reason for each missing day"
_DAY_SUMMARY = "One day of the lake: its state, runs and parts"
_RUNS_SUMMARY = "The pipeline's runs, newest first"
_LEFT_OUT_SUMMARY = "The rows left out of a day's list, with the reasons"


class WindowQuery(BaseModel):
    """The parameters of a window: the last N days, or an explicit window. The settings define the default of N."""

    days: Annotated[
        int | None, Field(ge=1, le=MAX_DAYS, description="The last N days that the upstream has published.")
    ] = None
    start: Annotated[dt.date | None, Field(description="First day of an explicit window.")] = None
    end: Annotated[dt.date | None, Field(description="Last day of an explicit window (inclusive).")] = None

    @model_validator(mode="after")
    def _check_length(self) -> WindowQuery:
        if self.start and self.end and (self.end - self.start).days >= MAX_DAYS:
            msg = f"the window is longer than {MAX_DAYS} days"
            raise ValueError(msg)
        return self


class DayQuery(BaseModel):
    """The parameter of `/day`: a UTC day."""

    day: Annotated[dt.date, Field(description="A UTC day, YYYY-MM-DD.")]


class NewestDayQuery(BaseModel):
    """The parameter of `/left-out`: a UTC day; by default, the newest day that the upstream has published."""

    day: Annotated[dt.date | None, Field(description="A UTC day, YYYY-MM-DD.")] = None


def router(state: DashboardState, renderer: Renderer) -> APIRouter:
    """Return the routes of the views of the lake."""
    router = APIRouter()
    sources = state.sources

    @router.get("/completeness", **PAGE_ROUTE)
    @router.get("/completeness.json", **json_route(_COMPLETENESS_SUMMARY, documents.CompletenessDocument))
    @router.get("/completeness.csv", **csv_route(_COMPLETENESS_SUMMARY))
    async def completeness(request: Request, query: Annotated[WindowQuery, Query()]) -> Response:
        checked_window = await state.checked_window(sources.window(query.days, query.start, query.end))
        compute_content = partial(_completeness_content, checked_window)
        return await renderer.response(
            request, "completeness", query, compute_content, version=checked_window
        )

    @router.get("/day", **PAGE_ROUTE)
    @router.get("/day.json", **json_route(_DAY_SUMMARY, documents.DayDocument))
    @router.get("/day.csv", **csv_route(_DAY_SUMMARY))
    async def day(request: Request, query: Annotated[DayQuery, Query()]) -> Response:
        if not FIRST_DAY <= query.day <= sources.today():
            raise WindowError(
                "day",
                query.day,
                "is not a day that the upstream has",
                f"Give a day from {FIRST_DAY} to {sources.today()}.",
            )
        checked_window = await state.checked_window(sources.window(None, query.day, query.day))
        runs = await state.runs_of(query.day)
        backfill = state.backfills.get(query.day)
        is_missing = query.day in checked_window.plan.completeness.missing
        details = DayContent(
            day=checked_window.days[0],
            runs=runs,
            backfill=backfill,
            is_missing=is_missing,
            runner_can_cancel=await state.can_cancel(),
            today=sources.today(),
        )
        return await renderer.response(request, "day", query, partial(_day_content, details), version=details)

    @router.get("/runs", **PAGE_ROUTE)
    @router.get("/runs.json", **json_route(_RUNS_SUMMARY, documents.RunsDocument))
    @router.get("/runs.csv", **csv_route(_RUNS_SUMMARY))
    async def runs(request: Request) -> Response:
        listing = await state.runs()
        return await renderer.response(
            request, "runs", None, partial(_runs_content, listing), version=listing
        )

    @router.get("/left-out", **PAGE_ROUTE)
    @router.get("/left-out.json", **json_route(_LEFT_OUT_SUMMARY, documents.LeftOutDocument))
    @router.get("/left-out.csv", **csv_route(_LEFT_OUT_SUMMARY))
    async def left_out(request: Request, query: Annotated[NewestDayQuery, Query()]) -> Response:
        day = query.day or sources.window().last
        try:
            rows = await state.left_out(day)
        except ContractError as error:
            message = f"The silver layer does not have {day}: {'; '.join(error.violations)}."
            raise Problem(404, "NO_SUCH_DAY", message, "Choose another day.") from None
        compute_content = partial(_left_out_content, LeftOutContent(day, rows, count_by_reason(rows)))
        return await renderer.response(request, "left_out", query, compute_content, version=(day, rows))

    return router


@dataclass(frozen=True, slots=True)
class CompletenessContent:
    """A checked window, and the calendar that shows it."""

    checked_window: CheckedWindow
    calendar: report_calendar.Calendar

    @property
    def completeness(self) -> Completeness:
        """The completeness of the checked window."""
        return self.checked_window.plan.completeness


def _completeness_content(checked_window: CheckedWindow) -> Content:
    calendar = report_calendar.calendar(map(calendar_cell_of, checked_window.days))
    content = CompletenessContent(checked_window, calendar)

    def document() -> dict[str, Any]:
        watermark_day = watermark(content.completeness)
        return {
            **content.completeness.to_json(),
            "days": [_day_json(day) for day in checked_window.days],
            "due": [day.isoformat() for day in checked_window.due],
            "in_flight": [day.isoformat() for day in checked_window.in_flight],
            "watermark": watermark_day.isoformat() if watermark_day else None,
        }

    rows = (
        (day.partition.day, day.partition.state, day.partition.code, day.partition.reason, day.partition.rows,
         day.step.action, day.partition.fingerprint)
        for day in checked_window.days
    )  # fmt: skip
    columns = ("day", "state", "code", "reason", "rows", "action", "fingerprint")
    return Content(content, document, lambda: (columns, rows))


@dataclass(frozen=True, slots=True)
class DayContent:
    """One day of the lake.

    Attributes:
        day: the day, as it was checked.
        runs: the runs of the day, newest first.
        backfill: the backfill that a visitor requested; None without one.
        is_missing: whether the day is missing.
        runner_can_cancel: whether the runner can end runs from outside.
        today: the current UTC day.
    """

    day: CheckedDay
    runs: tuple[Run, ...]
    backfill: RequestedBackfill | None
    is_missing: bool
    runner_can_cancel: bool
    today: dt.date

    @property
    def can_start_backfill(self) -> bool:
        """Whether a backfill would start a run for the day, and no requested backfill of the day is in progress."""
        return self.day.step.action is Action.START and not (self.backfill and self.backfill.in_progress)

    @property
    def can_cancel(self) -> bool:
        """Whether a run of the day is in flight or a backfill waits, and the runner can end runs from outside."""
        is_busy = any(run.in_flight for run in self.runs) or bool(self.backfill and self.backfill.in_progress)
        return self.runner_can_cancel and is_busy

    @property
    def calendar_cell(self) -> report_calendar.CalendarDay:
        """The cell of the day in a calendar."""
        return calendar_cell_of(self.day)

    @property
    def previous_day(self) -> dt.date | None:
        """The calendar day before this day; None if the upstream has no such day."""
        day = self.day.partition.day
        return day - dt.timedelta(days=1) if day > FIRST_DAY else None

    @property
    def next_day(self) -> dt.date | None:
        """The calendar day after this day; None if that day has not begun."""
        day = self.day.partition.day
        return day + dt.timedelta(days=1) if day < self.today else None


def _day_content(details: DayContent) -> Content:
    partition = details.day.partition

    def document() -> dict[str, Any]:
        return {
            **_day_json(details.day),
            "volume": partition.volume,
            "written_at": partition.manifest.written_at.isoformat() if partition.manifest else None,
            "parts": [
                {"name": part.name, "size": part.size, "checksum": part.checksum} for part in partition.parts
            ],
            "runs": [run_json(run) for run in details.runs],
            "asked": backfill_json(details.backfill) if details.backfill else None,
            "may_start": details.can_start_backfill,
        }

    rows = ((partition.day, part.name, part.size, part.checksum) for part in partition.parts)
    return Content(details, document, lambda: (("day", "part", "bytes", "checksum"), rows))


def _runs_content(listing: RunListing) -> Content:
    def document() -> dict[str, Any]:
        return {
            "runs": [run_json(run) for run in listing.runs],
            "asked": [backfill_json(backfill) for backfill in listing.backfills],
        }

    columns = ("run", "day", "attempt", "state", "failure", "message", "started_at", "ended_at")
    rows = (
        (run.name, run.day, run.attempt, run.state, run.failure, run.message, run.started_at, run.ended_at)
        for run in listing.runs
    )
    return Content(listing, document, lambda: (columns, rows))


@dataclass(frozen=True, slots=True)
class LeftOutContent:
    """The rows that were left out of the list of a day or merged into another row, ordered by original rank."""

    day: dt.date
    rows: tuple[Exclusion, ...]
    by_reason: Mapping[str, int]


def _left_out_content(left_out: LeftOutContent) -> Content:
    def document() -> dict[str, Any]:
        return {
            "day": left_out.day.isoformat(),
            "by_reason": dict(left_out.by_reason),
            "rows": [row.to_json() for row in left_out.rows],
        }

    rows = ((row.rank, row.page, row.views, row.text()) for row in left_out.rows)
    return Content(left_out, document, lambda: (("rank", "page", "views", "reason"), rows))


def calendar_cell_of(day: CheckedDay) -> report_calendar.CalendarDay:
    """Return the cell of a day in a calendar.

    A day with a run in flight has the kind `running`. A missing day whose latest run failed has the kind `failed`, so it differs
    from a day that was never attempted.
    """
    partition = day.partition
    if day.step.action is Action.FOLLOW:
        kind, reason = "running", day.step.why
    elif day.step.action is Action.START and day.run is not None and day.run.state in FAILED_STATES:
        error = (
            f"{day.run.failure}: {day.run.message}" if day.run.failure else day.run.message or day.run.state
        )
        kind, reason = "failed", f"{partition.reason}; run {day.run.name} failed: {error}"
    else:
        kind = report_calendar.kind_of(partition.state, partition.code, available=partition.available)
        reason = partition.reason
    return report_calendar.CalendarDay(partition.day, kind, partition.code.value, reason, partition.available)


def run_json(run: Run) -> dict[str, Any]:
    """Return the JSON document of a run."""
    return {**run.to_json(), "message": run.message}


def backfill_json(backfill: RequestedBackfill) -> dict[str, Any]:
    """Return the JSON document of a requested backfill."""
    return {
        "day": backfill.day.isoformat(),
        "state": backfill.state,
        "message": backfill.message,
        "asked_at": backfill.requested_at.isoformat(),
    }


def _day_json(day: CheckedDay) -> dict[str, Any]:
    return {
        **day.partition.to_json(),
        "reason": day.partition.reason,
        "action": day.step.action.value,
        "why": day.step.why,
        "run": run_json(day.run) if day.run else None,
    }
