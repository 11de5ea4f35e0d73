"""The dashboard as one ASGI app: `create_app(settings, guard=…)`, run by `wiki-trends serve` or mounted in another server.

The contract for apps that mount the dashboard:

- The app works under any path prefix: every link starts with the `root_path` of the request's scope, which Starlette's `mount`
  sets.
- The app needs no lifespan events: it opens connections at the first request, and its threads end with the process. A server that
  sends lifespan events lets the app close its connections at the shutdown.
- `guard` (see `guard.Guard`) decides about every request except requests for static files and `/health`. A state-changing request whose
  `Origin` differs from the host is refused, unless the guard has verified a bearer token.
- `runs` is the runner of the pipeline (`smart_orchestrator.runners.base.Runner`); by default, the runner that the settings
  name. If the runner implements `RunHistory`, the dashboard shows all runs of a day; otherwise, only the latest run.
- With `framed`, pages of the same origin may show the dashboard in a frame. Without `framed`, no page may.
- The response to a failed request is either a page or a `ProblemDocument`. The status is 404 for an unknown object, 409 for an action that
  is not possible now, and 422 for an invalid value. The status is 503 if the warehouse, the lake or the runner fails or does
  not answer, and 500 after an unexpected error of the dashboard itself.
"""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request  # noqa: TC002 - FastAPI reads annotations when it runs
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles

from smart_orchestrator.errors import SmartOrchestratorError
from smart_orchestrator.model.window import today_utc
from wiki_trends.errors import WikiTrendsError
from wiki_trends.web.auth.caller import return_path
from wiki_trends.web.auth.guard import Guard, Visitor
from wiki_trends.web.auth.shield import SecurityMiddleware
from wiki_trends.web.auth.sign_in import METRICS_PATH
from wiki_trends.web.backfills import Backfills
from wiki_trends.web.cache.cache import Cache
from wiki_trends.web.cache.dashboard_state import DashboardState
from wiki_trends.web.data import Sources
from wiki_trends.web.metrics import RequestCounter, metrics_response
from wiki_trends.web.problems import Problem, problem_of
from wiki_trends.web.templating import STATIC_FOLDERS, PageTemplates
from wiki_trends.web.views import actions, cancellation, comparison, feed, history, lake, published, waivers
from wiki_trends.web.views.rendering import Renderer

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import AsyncIterator, Callable, Collection, Sequence
    from pathlib import Path

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
    """Create the app. The docstring of this module describes the contract of the app.

    Args:
        settings: the settings of the warehouse, the lake and the runs.
        guard: the guard, which decides who may see and who may act.
        runs: the runner of the pipeline; None stands for the runner that the settings name.
        framed: whether pages of the same origin may show the dashboard in a frame.
        today: a function that returns the current UTC day.
    """
    pages = PageTemplates()
    sources = Sources(settings, runs, today)
    cache = Cache()
    state = DashboardState(sources, Backfills(sources), cache)
    renderer = Renderer(pages, cache)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        sources.close()

    app = FastAPI(
        lifespan=lifespan,
        title="wiki-trends",
        version=version("wiki-trends"),
        description="The trends of Wikipedia's most-viewed pages, and the completeness of the lake behind them.",
        docs_url=None,
        redoc_url=None,
    )

    problem_responses = ProblemResponses(pages, guard, sources.public_text)
    problem_responses.register(app)

    routers = (
        published.router(state, renderer),
        comparison.router(state, renderer),
        lake.router(state, renderer),
        history.router(state, renderer),
        feed.router(state),
        actions.router(state),
        cancellation.router(state),
        waivers.router(state),
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

    counts: Counter[str] = Counter()

    @app.get(METRICS_PATH, include_in_schema=False)
    async def metrics(request: Request) -> Response:
        return await metrics_response(state, counts, request.headers.get("accept", ""))

    app.mount("/static", ImmutableStaticFiles(STATIC_FOLDERS, pages.static_names), name="static")
    app.add_middleware(
        SecurityMiddleware, guard=guard, problem_response=problem_responses.response, framed=framed
    )
    # Added last, so that it also counts the requests that the security middleware refuses.
    app.add_middleware(RequestCounter, counts=counts)
    return app


class ProblemResponses:
    """Turns problems and exceptions into responses, as a page or as JSON."""

    def __init__(self, pages: PageTemplates, guard: Guard, public_text: PublicText) -> None:
        self._pages = pages
        self._public_text = public_text
        self._guard = guard

    def register(self, app: FastAPI) -> None:
        """Register the exception handlers."""
        for error_type in (Problem, WikiTrendsError, SmartOrchestratorError):
            app.add_exception_handler(error_type, self._on_known_error)
        app.add_exception_handler(RequestValidationError, self._on_validation_error)
        app.add_exception_handler(HTTPException, self._on_http_error)

    def response(self, request: Request, problem: Problem) -> Response:
        """Return the problem as a page if the client accepts HTML, otherwise as JSON."""
        problem = self._public_text.clean_problem(problem)
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
        text = self._pages.render("problem", root, visitor, **values)
        # Before the first publish, every page shows this problem, so it must not count as an error.
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
        _source, *path = detail["loc"]  # `_source` is the part of the request, such as `query`.
        field = ".".join(map(str, path))
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
    """Serves the named files of the folders. Browsers may cache a file forever, because its URL changes with its content."""

    def __init__(self, folders: Sequence[Path], names: Collection[str]) -> None:
        super().__init__(directory=folders[0])
        self.all_directories = list(folders)
        self._names = names

    async def get_response(self, path: str, scope: Any) -> Response:
        """Return the response to the request for a file; the status is 404 for a file that is not named."""
        if path not in self._names:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        response = await super().get_response(path, scope)
        if scope["query_string"].startswith(b"v=") and response.status_code == HTTPStatus.OK:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
