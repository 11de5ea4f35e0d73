"""The dashboard as one ASGI app: `create_app(settings, guard=…)`, run by `wiki-trends serve` or mounted in another server.

Contract for apps that mount it:

- It works under any prefix: every link is made from the `root_path` of the request's scope, as Starlette's `mount` sets it.
- It needs no lifespan: connections are opened with the first request, and threads end with the process.
- `guard` (see `guard.Guard`) decides about every request except static files and `/health`. State-changing requests are
  refused before it is asked when their `Origin` differs from the host, unless the guard has verified a bearer token.
- `runs` is the runner of the pipeline (`smart_orchestrator.runners.base.Runner`); by default the one that the settings
  name. If it implements `RunHistory`, its history is shown; otherwise the latest run of each day.
- `framed` lets pages of the same origin show it in a frame; otherwise no page may.
- Errors are responses, each as a page or as `ProblemDocument`: 404 for unknown things, 409 for actions that are impossible
  now, 422 for bad values, 503 for a warehouse, lake or runner that does not answer or that fails in any other way. 500 means
  a fault of the dashboard itself.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles

from smart_orchestrator.errors import SmartOrchestratorError
from smart_orchestrator.model.window import today_utc
from wiki_trends.errors import WikiTrendsError
from wiki_trends.web.auth.caller import return_path
from wiki_trends.web.auth.guard import Guard, Visitor
from wiki_trends.web.auth.shield import SecurityMiddleware
from wiki_trends.web.backfills import Backfills
from wiki_trends.web.cache.cache import Cache
from wiki_trends.web.cache.dashboard_state import DashboardState
from wiki_trends.web.data import Sources
from wiki_trends.web.problems import Problem, problem_of
from wiki_trends.web.templating import STATIC, Pages
from wiki_trends.web.views import actions, feed, lake, published
from wiki_trends.web.views.rendering import Renderer

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from starlette.requests import Request

    from smart_orchestrator.runners.base import Runner
    from wiki_trends.config.settings import Settings
    from wiki_trends.web.public_text import PublicText

logger = logging.getLogger(__name__)
_DATA_SUFFIXES = (".json", ".csv", ".atom")


def create_app(
    settings: Settings,
    *,
    guard: Guard,
    runs: Runner | None = None,
    framed: bool = False,
    today: Callable[[], dt.date] = today_utc,
) -> FastAPI:
    """Build the app; its contract is in the docstring of this module.

    Args:
        settings: where warehouse, lake and state are.
        guard: decides who may see and who may act.
        runs: the runner of the pipeline; default: the one that the settings name.
        framed: whether pages of the same origin may show it in a frame.
        today: returns the current UTC day.
    """
    pages = Pages()
    sources = Sources(settings, runs, today)
    cache = Cache()
    state = DashboardState(sources, Backfills(sources), cache)
    renderer = Renderer(pages, cache)
    app = FastAPI(
        title="wiki-trends",
        version=version("wiki-trends"),
        description="The trends of Wikipedia's most-viewed pages, and the completeness of the lake behind them.",
        docs_url=None,
        redoc_url=None,
    )

    problem_responses = ProblemResponses(pages, guard, sources.public)
    problem_responses.register(app)

    routers = (
        published.router(state, renderer),
        lake.router(state, renderer),
        feed.router(state),
        actions.router(state),
        guard.router(),
    )
    for router in routers:
        if router is not None:
            app.include_router(router)

    @app.get("/health", include_in_schema=False)
    async def health() -> Response:
        failures = await state.health()
        text = "".join(f"{name}: {reason}\n" for name, reason in failures.items()) or "ok\n"
        status = HTTPStatus.SERVICE_UNAVAILABLE if failures else HTTPStatus.OK
        return PlainTextResponse(text, status, {"Cache-Control": "no-store"})

    app.mount("/static", ImmutableStaticFiles(STATIC, pages.static_names), name="static")
    app.add_middleware(SecurityMiddleware, guard=guard, refusal=problem_responses.response, framed=framed)
    return app


class ProblemResponses:
    """Turns problems and exceptions into responses, as a page or as JSON."""

    def __init__(self, pages: Pages, guard: Guard, public: PublicText) -> None:
        self._pages = pages
        self._public = public
        self._guard = guard

    def register(self, app: FastAPI) -> None:
        """Register the exception handlers."""
        for kind in (Problem, WikiTrendsError, SmartOrchestratorError):
            app.add_exception_handler(kind, self._on_known_error)
        app.add_exception_handler(RequestValidationError, self._on_validation_error)
        app.add_exception_handler(HTTPException, self._on_http_error)

    def response(self, request: Request, problem: Problem) -> Response:
        """The problem as a page if the client accepts HTML, otherwise as JSON."""
        problem = self._public.problem(problem)
        headers = {"Cache-Control": "no-store"}
        if problem.retry_after is not None:
            headers["Retry-After"] = str(problem.retry_after)
        if problem.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Bearer realm="wiki-trends"'
        wants_page = "text/html" in request.headers.get("accept", "") and not request.url.path.endswith(
            _DATA_SUFFIXES
        )
        if not wants_page:
            return JSONResponse(problem.document().model_dump(), problem.status, headers)
        visitor = request.scope.get("state", {}).get("visitor", Visitor())
        root = request.scope.get("root_path", "")
        sign_in = self._guard.sign_in_url(request)
        values: dict[str, Any] = {
            "sign_in": sign_in,
            "problem": problem,
            "next": return_path(request, sign_in),
        }
        text = self._pages.page("problem", root, visitor, **values)
        # A new dashboard has nothing to show yet: its pages say so, and that is not an error.
        status = HTTPStatus.OK if problem.code == "NOTHING_PUBLISHED" else problem.status
        return Response(text, status, headers, "text/html; charset=utf-8")

    async def _on_known_error(self, request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        if problem is None:
            raise error
        if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.warning("%.200r: %s", request.url.path, error)
        return self.response(request, problem)

    async def _on_validation_error(self, request: Request, error: Exception) -> Response:
        return self.response(request, _validation_problem(error))

    async def _on_http_error(self, request: Request, error: Exception) -> Response:
        response = self.response(request, _http_problem(error))
        response.headers.update(getattr(error, "headers", None) or {})
        return response


def _validation_problem(error: Exception) -> Problem:
    assert isinstance(error, RequestValidationError)
    messages = []
    for detail in error.errors():
        field = ".".join(str(part) for part in detail["loc"][1:])
        messages.append(f"{field}: {detail['msg']}" if field else str(detail["msg"]))
    return Problem(422, "BAD_VALUE", f"{'; '.join(messages)}.", "Correct the value, and try again.")


def _http_problem(error: Exception) -> Problem:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return Problem(
            404, "NO_SUCH_PAGE", "There is no page at this address.", "Choose one from the navigation."
        )
    return Problem(
        error.status_code, "HTTP", f"{error.detail}.", "See /openapi.json for the available operations."
    )


class ImmutableStaticFiles(StaticFiles):
    """Static files that are on a list, cached by browsers for ever: their URLs change with their content."""

    def __init__(self, folders: Sequence[Path], names: Collection[str]) -> None:
        super().__init__(directory=folders[0])
        self.all_directories = list(folders)
        self._names = names

    async def get_response(self, path: str, scope: Any) -> Response:
        """The response for one file."""
        if path not in self._names:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        response = await super().get_response(path, scope)
        if scope["query_string"].startswith(b"v=") and response.status_code == HTTPStatus.OK:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
