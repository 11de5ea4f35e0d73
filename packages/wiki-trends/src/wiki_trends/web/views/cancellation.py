"""The route that cancels the runs and the waiting backfill of a day in Airflow."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - FastAPI reads annotations when it runs
import logging
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request  # noqa: TC002 - FastAPI reads annotations when it runs
from starlette.responses import Response

from wiki_trends.web.auth.caller import client_address
from wiki_trends.web.auth.rate_limit import RateLimiter
from wiki_trends.web.problems import Problem
from wiki_trends.web.views.actions import action_response, limited_visitor
from wiki_trends.web.views.rendering import PROBLEMS

if TYPE_CHECKING:
    from wiki_trends.web.cache.dashboard_state import DashboardState

logger = logging.getLogger(__name__)
CANCELLATIONS_PER_MINUTE = 60


class CancellationDocument(BaseModel):
    """The runs and the backfill of a day that a visitor cancelled."""

    day: dt.date
    runs: list[str] = Field(description="names of the runs that were set to failed")
    backfill: bool = Field(description="whether a backfill of the day was waiting, which now does not start")


def router(state: DashboardState) -> APIRouter:
    """Return the route that cancels the runs of a day."""
    router = APIRouter()
    rate_limiter = RateLimiter(CANCELLATIONS_PER_MINUTE)

    @router.post(
        "/cancel",
        summary="Cancel what is queued or runs for a day in Airflow",
        response_class=Response,
        responses={
            200: {"model": CancellationDocument, "description": "The runs were set to failed."},
            303: {"description": "The response to a browser: a redirect to the page of the day."},
            **PROBLEMS,
        },
    )
    async def cancel(
        request: Request, day: Annotated[dt.date, Query(description="A UTC day, YYYY-MM-DD.")]
    ) -> Response:
        visitor = limited_visitor(request, rate_limiter)
        state.backfills.window(day)  # Rejects a day that the upstream cannot have published.
        if not await state.can_cancel():
            message = "Only runs in Airflow can be cancelled here."
            raise Problem(409, "NOT_CANCELLABLE", message, "Stop the program that executes the run.")
        had_waiting = state.backfills.cancel(day, visitor.name)
        names = await state.runs_pool.read(state.sources.cancel_runs, day)
        if not names and not had_waiting:
            message = f"Nothing is queued or runs for {day}."
            raise Problem(409, "NOTHING_TO_CANCEL", message, "Open the day to see its runs.")
        logger.info(
            "cancellation for %s requested by %s, from %s: %s",
            day, visitor.name, client_address(request), ", ".join(names) or "the waiting backfill",
        )  # fmt: skip
        state.forget()
        document = {"day": day.isoformat(), "runs": names, "backfill": had_waiting}
        return action_response(request, f"/day?day={day.isoformat()}", document, 200)

    return router
