"""The routes that start backfills, and the stream of change events."""

from __future__ import annotations

import asyncio
import datetime as dt  # noqa: TC003 - FastAPI reads annotations when it runs
import json
import logging
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from fastapi import APIRouter, Query
from starlette.requests import Request  # noqa: TC002
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from wiki_trends.web.auth.caller import caller, client_address
from wiki_trends.web.auth.rate_limit import RateLimiter
from wiki_trends.web.backfills import MAX_IN_PROGRESS
from wiki_trends.web.problems import KNOWN_ERRORS, Problem
from wiki_trends.web.views.documents import BackfillDocument, BackfillsDocument
from wiki_trends.web.views.lake import WindowQuery, backfill_json
from wiki_trends.web.views.rendering import PROBLEMS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from smart_orchestrator.model.run import RunState
    from wiki_trends.web.auth.guard import Visitor
    from wiki_trends.web.cache.dashboard_state import DashboardState

logger = logging.getLogger(__name__)
BACKFILL_REQUESTS_PER_MINUTE = 60
# The maximum numbers of open event streams.
MAX_STREAMS, MAX_STREAMS_PER_CALLER = 64, 16
# The pause between two polls of the state, whose changes the stream announces.
_POLL_SECONDS = 0.5
# After this time without an event, a comment shows that the connection is open.
_KEEPALIVE_SECONDS = 15.0
# An event names at most this number of requested backfills.
_MAX_BACKFILLS_IN_EVENT = 50


def router(state: DashboardState) -> APIRouter:
    """Return the routes that start backfills, and the route of the event stream."""
    router = APIRouter()
    rate_limiter = RateLimiter(BACKFILL_REQUESTS_PER_MINUTE)
    stream_counts: Counter[str] = Counter()

    @router.post(
        "/backfill",
        summary="Start the backfill of a day that needs it",
        response_class=Response,
        responses={
            202: {
                "model": BackfillDocument,
                "description": "The backfill was started, or was already in progress.",
            },
            303: {"description": "The response to a browser: a redirect to the page of the day."},
            **PROBLEMS,
        },
        status_code=202,
    )
    async def start(
        request: Request, day: Annotated[dt.date, Query(description="A UTC day, YYYY-MM-DD.")]
    ) -> Response:
        visitor = limited_visitor(request, rate_limiter)
        window = state.backfills.window(day)
        step = (await state.check_window(window)).days[0].step
        backfill = state.backfills.start(day, visitor.name, step)
        logger.info("backfill of %s requested, from %s", day, client_address(request))
        state.forget()
        return action_response(request, f"/day?day={day.isoformat()}", backfill_json(backfill), 202)

    @router.post(
        "/backfills",
        summary="Start the backfill of every due day of a window",
        response_class=Response,
        responses={
            202: {"model": BackfillsDocument, "description": "The backfills were started."},
            303: {"description": "The response to a browser: a redirect to the runs."},
            **PROBLEMS,
        },
        status_code=202,
    )
    async def start_due(request: Request, query: Annotated[WindowQuery, Query()]) -> Response:
        visitor = limited_visitor(request, rate_limiter)
        window = state.sources.window(query.days, query.start, query.end)
        checked_window = await state.check_window(window)
        steps = [day.step for day in checked_window.days if day.step.day in checked_window.due]
        if not steps:
            raise Problem(409, "NOTHING_TO_START", f"No day of {window} is due.", "Choose another window.")
        if len(steps) > MAX_IN_PROGRESS:
            message = f"{len(steps)} days are due, and at most {MAX_IN_PROGRESS} can be started at once."
            raise Problem(422, "BAD_VALUE", message, "Choose a shorter window.")
        backfills = [state.backfills.start(step.day, visitor.name, step) for step in steps]
        logger.info(
            "backfill of %d due days of %s requested by %s, from %s",
            len(backfills), window, visitor.name, client_address(request),
        )  # fmt: skip
        state.forget()
        return action_response(
            request, "/runs", {"asked": [backfill_json(backfill) for backfill in backfills]}, 202
        )

    @router.get("/events", include_in_schema=False)
    async def events(request: Request) -> Response:
        stream_caller = caller.get()
        if stream_counts.total() >= MAX_STREAMS or stream_counts[stream_caller] >= MAX_STREAMS_PER_CALLER:
            raise Problem(
                429,
                "TOO_MANY",
                "Too many open event streams.",
                "Close some pages, and try again.",
                retry_after=30,
            )
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        if getattr(request.state, "head", False):
            return Response(media_type="text/event-stream", headers=headers)
        return StreamingResponse(
            _event_stream(state, stream_counts, stream_caller),
            media_type="text/event-stream",
            headers=headers,
        )

    return router


def limited_visitor(request: Request, rate_limiter: RateLimiter) -> Visitor:
    """Count an action of the visitor, and return the visitor.

    Raises:
        Problem: the visitor has used up the limit.
    """
    visitor: Visitor = request.state.visitor
    rate_limiter.check(visitor.name)
    rate_limiter.spend(visitor.name)
    return visitor


def action_response(request: Request, path: str, document: dict[str, Any], status: int) -> Response:
    """Return the response to an action: a redirect for a browser, a JSON document for a program."""
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(f"{request.scope.get('root_path', '')}{path}", status_code=303)
    return JSONResponse(document, status_code=status)


async def _event_stream(
    state: DashboardState, stream_counts: Counter[str], stream_caller: str
) -> AsyncIterator[str]:
    """Poll the state, and yield a `changed` event whenever the runs, the requested backfills or the published window change."""
    stream_counts[stream_caller] += 1
    loop = asyncio.get_running_loop()
    last_snapshot: _Snapshot | None = None
    last_sent_at = loop.time()
    try:
        yield "retry: 2000\n\n"
        while True:
            snapshot = await _read_snapshot(state)
            if snapshot is None:
                pass  # The pages show the error; the next poll tries again.
            elif snapshot != last_snapshot:
                # After the first snapshot, the cached states are still valid. The event is sent, because the page can be older than the stream.
                if last_snapshot is not None:
                    state.forget()
                last_snapshot, last_sent_at = snapshot, loop.time()
                yield f"event: changed\ndata: {json.dumps(_event_data(snapshot))}\n\n"
            elif loop.time() - last_sent_at > _KEEPALIVE_SECONDS:
                last_sent_at = loop.time()
                yield ": keep-alive\n\n"
            await asyncio.sleep(_POLL_SECONDS)
    finally:
        stream_counts[stream_caller] -= 1
        if not stream_counts[stream_caller]:
            del stream_counts[stream_caller]


class _Snapshot(NamedTuple):
    """The name and state of each run, the day and state of each requested backfill, and the version of the published tables."""

    runs: tuple[tuple[str, RunState], ...]
    backfills: tuple[tuple[dt.date, str], ...]
    published_version: str


async def _read_snapshot(state: DashboardState) -> _Snapshot | None:
    """Return the values whose changes cause an event; None if a value cannot be read."""
    try:
        listing, published = await state.runs(), await state.published_version()
    except KNOWN_ERRORS:
        return None
    return _Snapshot(
        tuple((run.name, run.state) for run in listing.runs),
        tuple((backfill.day, backfill.state) for backfill in listing.backfills),
        published,
    )


def _event_data(snapshot: _Snapshot) -> dict[str, Any]:
    backfills = snapshot.backfills[:_MAX_BACKFILLS_IN_EVENT]
    return {
        "in_flight": [name for name, state in snapshot.runs if state in ("queued", "running")],
        "asked": [{"day": day.isoformat(), "state": state} for day, state in backfills],
    }
