"""The route that waives a missing day."""

from __future__ import annotations

import datetime as dt  # noqa: TC003
import logging
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request  # noqa: TC002 - FastAPI reads annotations when it runs
from starlette.responses import Response

from smart_orchestrator.model.window import parse_day
from smart_orchestrator.waiver_store import MAX_REASON_LENGTH
from wiki_trends.jobs import maintenance
from wiki_trends.web.auth.caller import client_address
from wiki_trends.web.auth.form import parse_form
from wiki_trends.web.auth.rate_limit import RateLimiter
from wiki_trends.web.problems import Problem
from wiki_trends.web.views.actions import action_response, limited_visitor
from wiki_trends.web.views.documents import WaiverDocument
from wiki_trends.web.views.rendering import PROBLEMS

if TYPE_CHECKING:
    from wiki_trends.web.cache.dashboard_state import DashboardState

logger = logging.getLogger(__name__)
WAIVERS_PER_MINUTE = 60
_WAIVER_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["reason"],
                    "properties": {
                        "reason": {"type": "string", "maxLength": MAX_REASON_LENGTH},
                        "until": {"type": "string", "format": "date"},
                    },
                }
            }
        },
    }
}


def router(state: DashboardState) -> APIRouter:
    """Return the route that waives a missing day."""
    router = APIRouter()
    rate_limiter = RateLimiter(WAIVERS_PER_MINUTE)

    @router.post(
        "/waive",
        summary="Waive a missing day: record that its data will never come",
        response_class=Response,
        responses={
            201: {"model": WaiverDocument, "description": "The waiver was recorded."},
            303: {"description": "The response to a browser: a redirect to the page of the day."},
            **PROBLEMS,
        },
        status_code=201,
        openapi_extra=_WAIVER_FORM,
    )
    async def waive(
        request: Request, day: Annotated[dt.date, Query(description="A UTC day, YYYY-MM-DD.")]
    ) -> Response:
        visitor = limited_visitor(request, rate_limiter)
        form = parse_form(await request.body())
        reason, until = form.get("reason", "").strip(), _until(form.get("until", ""), state.sources.today())
        _check_reason(reason)
        checked_window = await state.check_window(state.backfills.window(day))
        if day not in checked_window.plan.completeness.missing:
            message = f"{day} is not waived: it is not a missing day."
            raise Problem(409, "NOTHING_TO_WAIVE", message, "Open the day to see its state.")
        waiver = await state.lake_pool.read(
            maintenance.waive_day, state.sources.settings, day, reason, visitor.name, until
        )
        logger.info(
            "waiver of %s recorded by %s, from %s, until %s: %s",
            day, visitor.name, client_address(request), until or "further notice", reason,
        )  # fmt: skip
        state.forget()
        return action_response(request, f"/day?day={day.isoformat()}", waiver.to_json(), 201)

    return router


def _check_reason(reason: str) -> None:
    if not reason or not reason.isprintable() or len(reason) > MAX_REASON_LENGTH:
        fix = f"Say in one line of at most {MAX_REASON_LENGTH} characters why the data will never come."
        problem = "is too long or not printable" if reason else "a waiver needs a reason"
        raise Problem(422, "BAD_VALUE", f"reason: {problem}.", fix)


def _until(text: str, today: dt.date) -> dt.date | None:
    """Parse the last day of a waiver; None for a waiver without an end."""
    if not text:
        return None
    until = parse_day(text, "until")
    if until < today:
        raise Problem(422, "BAD_VALUE", f"until: {until} is in the past.", f"Give {today} or a later day.")
    return until
