"""The dashboard as one ASGI app: `create_app(settings, guard=…)`, run by `wiki-trends serve` or mounted in another server.

Contract for whoever mounts it:

- It works under any prefix: every link is made from the `root_path` of the request's scope, as Starlette's `mount` sets it.
- It needs no lifespan: whatever it opens, it opens with the first request, and its threads end with the process.
- `guard` (see `guard.Guard`) decides about every request except static files and `/health`. Changing requests are refused
  before it is asked when their `Origin` is another host than they are sent to, unless they carry `Authorization`.
- `runs` are what starts and follows the pipeline (`smart_orchestrator.model.run.Runner`); by default what the settings
  name. Where they are `RunHistory` too, their past is shown; otherwise the latest run of each day.
- `framed` lets pages of the same origin show it in a frame; otherwise nobody may.
- Errors are answers: 404 for what is not there, 409 for what cannot be done now, 422 for bad values, 503 for a warehouse,
  lake or runs that do not answer, each as a page or as `ProblemDocument`. Only what nobody foresaw is a 500.
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
from wiki_trends.web.auth.guard import Guard, Visitor
from wiki_trends.web.auth.shield import Shield
from wiki_trends.web.backfills import Backfills
from wiki_trends.web.cache.dashboard_state import DashboardState
from wiki_trends.web.data import Sources
from wiki_trends.web.problems import Problem, problem_of
from wiki_trends.web.templating import STATIC, Pages
from wiki_trends.web.views import actions
from wiki_trends.web.views import lake as lake_views
from wiki_trends.web.views import published as published_views
from wiki_trends.web.views.feed import router as feed_router
from wiki_trends.web.views.view import Answers, View, mount

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from starlette.requests import Request

    from smart_orchestrator.runners.base import Runner
    from wiki_trends.config.settings import Settings

logger = logging.getLogger(__name__)
VIEWS: tuple[Callable[[DashboardState], View[Any, Any, Any]], ...] = (
    published_views.overview,
    published_views.pages,
    published_views.page,
    published_views.categories,
    published_views.category,
    lake_views.completeness,
    lake_views.day,
    lake_views.runs,
    lake_views.left_out,
)
_DATA = (".json", ".csv", ".atom")


def create_app(
    settings: Settings,
    *,
    guard: Guard,
    runs: Runner | None = None,
    framed: bool = False,
    today: Callable[[], dt.date] = today_utc,
) -> FastAPI:
    """The app; see the module for what it promises.

    Args:
        settings: where warehouse, lake and state are.
        guard: who may see and who may act.
        runs: what starts and follows the pipeline; default what the settings name.
        framed: whether pages of the same origin may show it in a frame.
        today: the present UTC day.
    """
    pages = Pages()
    sources = Sources(settings, runs, today)
    answers = Answers(pages)
    backfills = Backfills(sources)
    held = DashboardState(sources, backfills, answers)
    app = FastAPI(
        title="wiki-trends",
        version=version("wiki-trends"),
        description="The trends of Wikipedia's most-viewed pages, and the completeness of the lake behind them.",
        docs_url=None,
        redoc_url=None,
    )

    answer_problems = _Problems(pages, guard)
    answer_problems.register(app)

    for view in VIEWS:
        mount(app, view(held), answers)
    app.include_router(feed_router(held, answers))
    app.include_router(actions.router(held))
    own = guard.router()
    if own is not None:
        app.include_router(own)

    @app.get("/health", include_in_schema=False)
    async def health() -> Response:
        return PlainTextResponse("ok\n")

    app.mount("/static", _Forever(STATIC), name="static")
    app.add_middleware(Shield, guard=guard, refusal=answer_problems.answer, framed=framed)
    return app


class _Problems:
    """Answers with problems, in the form that was asked for."""

    def __init__(self, pages: Pages, guard: Guard) -> None:
        self._pages = pages
        self._guard = guard

    def register(self, app: FastAPI) -> None:
        """Have the app's errors answered here."""
        for kind in (Problem, WikiTrendsError, SmartOrchestratorError):
            app.add_exception_handler(kind, self._foreseen)
        app.add_exception_handler(RequestValidationError, self._invalid)
        app.add_exception_handler(HTTPException, self._http)

    def answer(self, request: Request, problem: Problem) -> Response:
        """A problem as a page, or as JSON."""
        headers = {"Cache-Control": "no-store"}
        if problem.retry_after is not None:
            headers["Retry-After"] = str(problem.retry_after)
        if problem.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Bearer realm="wiki-trends"'
        wants_page = "text/html" in request.headers.get("accept", "") and not request.url.path.endswith(_DATA)
        if not wants_page:
            return JSONResponse(problem.document().model_dump(), problem.status, headers)
        visitor = request.scope.get("state", {}).get("visitor", Visitor())
        root = request.scope.get("root_path", "")
        sign_in = self._guard.sign_in_url(request)
        wanted = _wanted(request, sign_in)
        text = self._pages.page("problem", root, visitor, sign_in=sign_in, problem=problem, next=wanted)
        # A new dashboard has nothing to show yet: its pages say so, and that is no error.
        status = HTTPStatus.OK if problem.code == "NOTHING_PUBLISHED" else problem.status
        return Response(text, status, headers, "text/html; charset=utf-8")

    async def _foreseen(self, request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        if problem is None:
            raise error
        if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.warning("%s: %s", request.url.path, error)
        return self.answer(request, problem)

    async def _invalid(self, request: Request, error: Exception) -> Response:
        return self.answer(request, _invalid(error))

    async def _http(self, request: Request, error: Exception) -> Response:
        answer = self.answer(request, _http(error))
        answer.headers.update(getattr(error, "headers", None) or {})
        return answer


def _wanted(request: Request, sign_in: str | None) -> str:
    """Where whoever signs in wanted to go; empty when only to the page that signs in."""
    if request.url.path == sign_in or request.method != "GET":
        return request.query_params.get("next", "")
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _invalid(error: Exception) -> Problem:
    assert isinstance(error, RequestValidationError)
    said = []
    for one in error.errors():
        where = ".".join(str(part) for part in one["loc"][1:])
        said.append(f"{where}: {one['msg']}" if where else str(one["msg"]))
    return Problem(422, "BAD_VALUE", f"{'; '.join(said)}.", "Correct it, and try again.")


def _http(error: Exception) -> Problem:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return Problem(
            404, "NO_SUCH_PAGE", "There is no page at this address.", "Choose one from the navigation."
        )
    return Problem(error.status_code, "HTTP", f"{error.detail}.", "Look at /openapi.json for what there is.")


class _Forever(StaticFiles):
    """Static files of several folders, whose addresses change with their content: a browser need never ask again."""

    def __init__(self, folders: Sequence[Path]) -> None:
        super().__init__(directory=folders[0])
        self.all_directories = list(folders)

    async def get_response(self, path: str, scope: Any) -> Response:
        """The file."""
        if path.endswith((".py", ".html")):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        response = await super().get_response(path, scope)
        if scope["query_string"].startswith(b"v=") and response.status_code == HTTPStatus.OK:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
