"""The action that starts a backfill, and the stream of change events."""

from __future__ import annotations

import asyncio
import datetime as dt  # noqa: TC003 - FastAPI reads annotations when it runs
import json
import logging
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request  # noqa: TC002
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from wiki_trends.web.auth.caller import caller, client_address
from wiki_trends.web.auth.rate_limit import RateLimiter
from wiki_trends.web.problems import KNOWN_ERRORS, Problem
from wiki_trends.web.views.documents import BackfillDocument
from wiki_trends.web.views.lake import request_json
from wiki_trends.web.views.rendering import PROBLEMS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wiki_trends.web.auth.guard import Visitor
    from wiki_trends.web.cache.dashboard_state import DashboardState

logger = logging.getLogger(__name__)
ACTIONS_A_MINUTE = 60
MAX_LISTENERS, MAX_LISTENERS_PER_CALLER = 64, 16
_POLL_SECONDS = 0.5
_KEEPALIVE_SECONDS = 15.0


def router(state: DashboardState) -> APIRouter:
    """The routes of the actions."""
    router = APIRouter()
    rate = RateLimiter(ACTIONS_A_MINUTE)
    listeners: Counter[str] = Counter()

    @router.post(
        "/backfill",
        summary="Start the backfill of a day that needs it",
        response_class=Response,
        responses={
            202: {"model": BackfillDocument, "description": "Started, or already in progress."},
            303: {"description": "The same for a browser: a redirect to the page of the day."},
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
        window = state.backfills.window(day)
        step = (await state.read_calendar(window)).days[0].step
        backfill = state.backfills.start(day, visitor.name, step)
        logger.info("backfill of %s requested, from %s", day, client_address(request))
        state.forget()
        if "text/html" in request.headers.get("accept", ""):
            root = request.scope.get("root_path", "")
            return RedirectResponse(f"{root}/day?day={day.isoformat()}", status_code=303)
        return JSONResponse(request_json(backfill), status_code=202)

    @router.get("/events", include_in_schema=False)
    async def events(request: Request) -> Response:
        listener = caller.get()
        if listeners.total() >= MAX_LISTENERS or listeners[listener] >= MAX_LISTENERS_PER_CALLER:
            raise Problem(
                429, "TOO_MANY", "Too many open event streams.", "Close some pages, and try again.", 30
            )
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        if getattr(request.state, "head", False):
            return Response(media_type="text/event-stream", headers=headers)
        return StreamingResponse(
            _events(state, listeners, listener), media_type="text/event-stream", headers=headers
        )

    return router


async def _events(state: DashboardState, listeners: Counter[str], listener: str) -> AsyncIterator[str]:
    """A `changed` event whenever runs, requested backfills or the published window have changed."""
    listeners[listener] += 1
    loop = asyncio.get_running_loop()
    last: tuple[Any, ...] = ()
    last_sent = loop.time()
    try:
        yield "retry: 2000\n\n"
        while True:
            snapshot = await _snapshot(state)
            if snapshot is None:
                pass  # The pages show the error; the stream tries again.
            elif snapshot != last:
                if last:
                    state.forget()
                last, last_sent = snapshot, loop.time()
                yield f"event: changed\ndata: {json.dumps(_event_data(snapshot))}\n\n"
            elif loop.time() - last_sent > _KEEPALIVE_SECONDS:
                last_sent = loop.time()
                yield ": keep-alive\n\n"
            await asyncio.sleep(_POLL_SECONDS)
    finally:
        listeners[listener] -= 1
        if not listeners[listener]:
            del listeners[listener]


async def _snapshot(state: DashboardState) -> tuple[Any, ...] | None:
    """The values whose change is announced; None if they cannot be read."""
    try:
        listing, published = await state.runs(), await state.published()
    except KNOWN_ERRORS:
        return None
    return (
        tuple((run.name, run.state) for run in listing.runs),
        tuple((backfill.day, backfill.state) for backfill in listing.requests),
        published,
    )


def _event_data(snapshot: tuple[Any, ...]) -> dict[str, Any]:
    runs, requests, _ = snapshot
    return {
        "in_flight": [name for name, state in runs if state in ("queued", "running")],
        "asked": [{"day": day.isoformat(), "state": state} for day, state in requests[:50]],
    }
