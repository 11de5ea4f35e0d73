"""What changes something: starting the backfill of a day; and the stream that tells when something has changed."""

from __future__ import annotations

import asyncio
import datetime as dt  # noqa: TC003 - FastAPI reads annotations when it runs
import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request  # noqa: TC002
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from smart_orchestrator.errors import SmartOrchestratorError
from wiki_trends.errors import WikiTrendsError
from wiki_trends.web.auth.rate_limit import Rate
from wiki_trends.web.problems import Problem
from wiki_trends.web.views.documents import AskedDocument
from wiki_trends.web.views.lake import asked_json
from wiki_trends.web.views.view import PROBLEMS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wiki_trends.web.auth.guard import Visitor
    from wiki_trends.web.cache.dashboard_state import DashboardState

ACTIONS_A_MINUTE = 60
MOST_LISTENERS = 64
_LOOK_SECONDS = 0.5
_SIGN_OF_LIFE_SECONDS = 15.0


def router(held: DashboardState) -> APIRouter:
    """The routes of the actions."""
    router = APIRouter()
    rate = Rate(ACTIONS_A_MINUTE)
    listeners = [0]

    @router.post(
        "/backfill",
        summary="Start the backfill of a day that needs it",
        response_class=Response,
        responses={
            202: {"model": AskedDocument, "description": "Started, or under way already."},
            303: {"description": "The same for a browser: to the page of the day."},
            **PROBLEMS,
        },
        status_code=202,
    )
    async def start(
        request: Request, day: Annotated[dt.date, Query(description="YYYY-MM-DD, a UTC day.")]
    ) -> Response:
        visitor: Visitor = request.state.visitor
        rate.check(visitor.name)
        rate.spend(visitor.name)
        asked = await held.in_thread(held.backfills.start, day, visitor.name)
        held.forget()
        if "text/html" in request.headers.get("accept", ""):
            root = request.scope.get("root_path", "")
            return RedirectResponse(f"{root}/day?day={day.isoformat()}", status_code=303)
        return JSONResponse(asked_json(asked), status_code=202)

    @router.get("/events", include_in_schema=False)
    async def events() -> Response:
        if listeners[0] >= MOST_LISTENERS:
            raise Problem(429, "TOO_MANY", "Too many pages are listening.", "Close some, and try again.", 30)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_events(held, listeners), media_type="text/event-stream", headers=headers)

    return router


async def _events(held: DashboardState, listeners: list[int]) -> AsyncIterator[str]:
    """A `changed` event with the runs in flight whenever runs, asked days or the published window are others than before."""
    listeners[0] += 1
    loop = asyncio.get_running_loop()
    last: tuple[Any, ...] = ()
    spoken = loop.time()
    try:
        yield "retry: 2000\n\n"
        while True:
            state = await _state(held)
            if state is None:
                pass  # Whoever opens a page is told; here it is looked at again.
            elif state != last:
                if last:
                    held.forget()
                last, spoken = state, loop.time()
                yield f"event: changed\ndata: {json.dumps(_told(state))}\n\n"
            elif loop.time() - spoken > _SIGN_OF_LIFE_SECONDS:
                spoken = loop.time()
                yield ": still here\n\n"
            await asyncio.sleep(_LOOK_SECONDS)
    finally:
        listeners[0] -= 1


async def _state(held: DashboardState) -> tuple[Any, ...] | None:
    """What a change shows in; None while it cannot be read."""
    try:
        found, published = await held.runs(), await held.published()
    except (SmartOrchestratorError, WikiTrendsError):
        return None
    return (
        tuple((run.name, run.state) for run in found.runs),
        tuple((one.day, one.state) for one in found.asked),
        published,
    )


def _told(seen: tuple[Any, ...]) -> dict[str, Any]:
    runs, asked, _ = seen
    return {
        "in_flight": [name for name, state in runs if state in ("queued", "running")],
        "asked": [{"day": day.isoformat(), "state": now} for day, now in asked[:50]],
    }
