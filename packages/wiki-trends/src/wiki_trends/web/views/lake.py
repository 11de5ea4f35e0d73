"""The views of the lake: completeness as a calendar, one day, runs, and rows left out of a day."""

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
from smart_orchestrator.text.calendar import watermark
from wiki_trends.config.window_options import FIRST_DAY
from wiki_trends.pipeline.lists.excluded import count_by_reason
from wiki_trends.report import calendar as report_calendar
from wiki_trends.web.problems import Problem
from wiki_trends.web.views import documents
from wiki_trends.web.views.rendering import PAGE_ROUTE, Content, csv_route, json_route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smart_orchestrator.model.run import Run
    from wiki_trends.pipeline.lists.excluded import Exclusion
    from wiki_trends.web.backfills import BackfillRequest, RunListing
    from wiki_trends.web.cache.dashboard_state import DashboardState
    from wiki_trends.web.data import Calendar, Day
    from wiki_trends.web.views.rendering import Renderer

MAX_DAYS = 1100
_COMPLETENESS = "The completeness of a window, with the reason for each missing day"
_DAY = "One day of the lake: its state, its runs, its parts"
_RUNS = "The pipeline's runs, newest first"
_LEFT_OUT = "Rows left out of a day's list, with the reason"


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


def router(state: DashboardState, renderer: Renderer) -> APIRouter:
    """The routes of the lake's views."""
    router = APIRouter()
    sources = state.sources

    @router.get("/completeness", **PAGE_ROUTE)
    @router.get("/completeness.json", **json_route(_COMPLETENESS, documents.CompletenessDocument))
    @router.get("/completeness.csv", **csv_route(_COMPLETENESS))
    async def completeness(request: Request, query: Annotated[WindowQuery, Query()]) -> Response:
        calendar = await state.calendar(sources.window(query.days, query.start, query.end))
        content = partial(_completeness, calendar)
        return await renderer.response(request, "completeness", query, content, version=calendar)

    @router.get("/day", **PAGE_ROUTE)
    @router.get("/day.json", **json_route(_DAY, documents.DayDocument))
    @router.get("/day.csv", **csv_route(_DAY))
    async def day(request: Request, query: Annotated[DayQuery, Query()]) -> Response:
        if not FIRST_DAY <= query.day <= sources.today():
            raise WindowError(
                "day",
                query.day,
                "is not a day that the upstream has",
                f"Give one from {FIRST_DAY} to {sources.today()}.",
            )
        calendar = await state.calendar(sources.window(None, query.day, query.day))
        runs = await state.runs_of(query.day)
        backfill = state.backfills.get(query.day)
        details = DayDetails(calendar.days[0], runs, backfill)
        return await renderer.response(request, "day", query, partial(_day, details), version=details)

    @router.get("/runs", **PAGE_ROUTE)
    @router.get("/runs.json", **json_route(_RUNS, documents.RunsDocument))
    @router.get("/runs.csv", **csv_route(_RUNS))
    async def runs(request: Request) -> Response:
        listing = await state.runs()
        return await renderer.response(request, "runs", None, partial(_runs, listing), version=listing)

    @router.get("/left-out", **PAGE_ROUTE)
    @router.get("/left-out.json", **json_route(_LEFT_OUT, documents.LeftOutDocument))
    @router.get("/left-out.csv", **csv_route(_LEFT_OUT))
    async def left_out(request: Request, query: Annotated[NewestDayQuery, Query()]) -> Response:
        day = query.day or sources.window().last
        try:
            rows = await state.left_out(day)
        except ContractError as error:
            message = f"The silver layer does not have {day}: {'; '.join(error.violations)}."
            raise Problem(404, "NO_SUCH_DAY", message, "Choose another day.") from None
        content = partial(_left_out, LeftOut(day, rows, count_by_reason(rows)))
        return await renderer.response(request, "left_out", query, content, version=(day, rows))

    return router


@dataclass(frozen=True, slots=True)
class CompletenessPage:
    """A checked window and the drawing of it."""

    calendar: Calendar
    drawing: report_calendar.Calendar

    @property
    def completeness(self) -> Any:
        """The result of the check."""
        return self.calendar.plan.completeness


def _completeness(calendar: Calendar) -> Content:
    page = CompletenessPage(calendar, report_calendar.calendar(map(calendar_day, calendar.days)))

    def document() -> dict[str, Any]:
        last = watermark(page.completeness)
        return {
            **page.completeness.to_json(),
            "days": [_day_json(day) for day in calendar.days],
            "due": [day.isoformat() for day in calendar.due],
            "in_flight": [day.isoformat() for day in calendar.in_flight],
            "watermark": last.isoformat() if last else None,
        }

    rows = (
        (d.partition.day, d.partition.state, d.partition.code, d.partition.reason, d.partition.rows,
         d.step.action, d.partition.fingerprint)
        for d in calendar.days
    )  # fmt: skip
    columns = ("day", "state", "code", "reason", "rows", "action", "fingerprint")
    return Content(page, document, lambda: (columns, rows))


@dataclass(frozen=True, slots=True)
class DayDetails:
    """One day with its runs, newest first, and its requested backfill."""

    day: Day
    runs: tuple[Run, ...]
    request: BackfillRequest | None

    @property
    def may_start(self) -> bool:
        """Whether the day is due, and no backfill of it is in progress."""
        return self.day.step.action is Action.START and not (self.request and self.request.in_progress)

    @property
    def shown(self) -> report_calendar.CalendarDay:
        """The day as drawn in a calendar."""
        return calendar_day(self.day)

    @property
    def before(self) -> dt.date:
        """The day before."""
        return self.day.partition.day - dt.timedelta(days=1)

    @property
    def after(self) -> dt.date:
        """The day after."""
        return self.day.partition.day + dt.timedelta(days=1)


def _day(details: DayDetails) -> Content:
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
            "asked": request_json(details.request) if details.request else None,
            "may_start": details.may_start,
        }

    rows = ((partition.day, part.name, part.size, part.checksum) for part in partition.parts)
    return Content(details, document, lambda: (("day", "part", "bytes", "checksum"), rows))


def _runs(listing: RunListing) -> Content:
    def document() -> dict[str, Any]:
        return {
            "runs": [run_json(run) for run in listing.runs],
            "asked": [request_json(request) for request in listing.requests],
        }

    columns = ("run", "day", "attempt", "state", "failure", "message", "started_at", "ended_at")
    rows = (
        (r.name, r.day, r.attempt, r.state, r.failure, r.message, r.started_at, r.ended_at)
        for r in listing.runs
    )
    return Content(listing, document, lambda: (columns, rows))


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows that were left out of a day or merged, by original rank."""

    day: dt.date
    rows: tuple[Exclusion, ...]
    by_reason: Mapping[str, int]


def _left_out(left_out: LeftOut) -> Content:
    def document() -> dict[str, Any]:
        return {
            "day": left_out.day.isoformat(),
            "by_reason": dict(left_out.by_reason),
            "rows": [row.to_json() for row in left_out.rows],
        }

    rows = ((row.rank, row.page, row.views, row.text()) for row in left_out.rows)
    return Content(left_out, document, lambda: (("rank", "page", "views", "reason"), rows))


def calendar_day(day: Day) -> report_calendar.CalendarDay:
    """A day as drawn in a calendar; a day with a run in flight has its own mark."""
    partition = day.partition
    if day.step.action is Action.FOLLOW:
        kind, reason = "running", day.step.why
    else:
        kind = report_calendar.kind_of(partition.state, partition.code, available=partition.available)
        reason = partition.reason
    return report_calendar.CalendarDay(partition.day, kind, partition.code.value, reason, partition.available)


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
