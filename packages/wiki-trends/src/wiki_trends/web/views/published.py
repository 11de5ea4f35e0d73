"""The views of the published window: overview, pages, one page, categories, one category."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request  # noqa: TC002 - FastAPI reads annotations when it runs
from starlette.responses import Response  # noqa: TC002

from wiki_trends.errors import SettingError
from wiki_trends.queries import categories as category_queries
from wiki_trends.queries import pages as page_queries
from wiki_trends.queries.links import page_link, project_of_dataset
from wiki_trends.queries.published import plain
from wiki_trends.report import build_report, to_json
from wiki_trends.report import calendar as report_calendar
from wiki_trends.report.html.charts import categories_over_time, page_series
from wiki_trends.report.html.vega import compiled
from wiki_trends.web.problems import KNOWN_ERRORS, Problem, problem_of
from wiki_trends.web.views import documents
from wiki_trends.web.views.lake import calendar_day
from wiki_trends.web.views.rendering import PAGE_ROUTE, Content, csv_route, json_route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wiki_trends.report.model import Report
    from wiki_trends.warehouse.base import RunRecord
    from wiki_trends.web.cache.dashboard_state import DashboardState
    from wiki_trends.web.data import Calendar, Sources
    from wiki_trends.web.views.rendering import Renderer, Table

logger = logging.getLogger(__name__)
PAGE_SIZE = 100
LIST_LENGTH = 10
# Half of the band's width, in units of the usual noise.
BAND_SPREADS = 2
_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
_OVERVIEW = "The report of the published window"
_PAGES = "The pages of the published window, searched and ordered"
_PAGE = "Everything that is published about one page: its days, ranks and scores"
_CATEGORIES = "The categories of the published window, most views first"
_CATEGORY = "One category: its days and its leading pages"


class PagesQuery(BaseModel):
    """A selection and order of pages."""

    q: Annotated[
        str, Field(max_length=255, pattern=_PRINTABLE, description="Part of a title; case is ignored.")
    ] = ""
    by: Annotated[
        Literal["at_least", "score", "growth", "views"], Field(description="The measure that orders them.")
    ] = "at_least"
    category: Annotated[str, Field(max_length=100, pattern=_PRINTABLE, description="Only this category.")] = (
        ""
    )
    skip: Annotated[int, Field(ge=0, le=1_000_000, description="Number of pages to skip.")] = 0


class PageQuery(BaseModel):
    """One page."""

    title: Annotated[
        str,
        Field(
            min_length=1, max_length=512, pattern=_PRINTABLE, description="Title, with spaces or underscores."
        ),
    ]


class CategoryQuery(BaseModel):
    """One category."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=_PRINTABLE, description="Its name.")]


def router(state: DashboardState, renderer: Renderer) -> APIRouter:
    """The routes of the published window's views."""
    router = APIRouter()
    sources = state.sources

    @router.get("/", **PAGE_ROUTE)
    @router.get("/overview.json", **json_route(_OVERVIEW, documents.ReportDocument))
    @router.get("/overview.csv", **csv_route(_OVERVIEW))
    async def overview(request: Request) -> Response:
        version = await state.published()
        calendar, problem = await _current_window(state)
        content = partial(_overview, sources, calendar, problem)
        reason = str(problem) if problem else None
        return await renderer.response(
            request, "overview", None, content, version=(version, calendar, reason), pool=state.warehouse_pool
        )

    async def response(
        request: Request, view: str, query: BaseModel | None, content: Callable[[], Content]
    ) -> Response:
        version = await state.published()
        return await renderer.response(
            request, view, query, content, version=version, pool=state.warehouse_pool
        )

    @router.get("/pages", **PAGE_ROUTE)
    @router.get("/pages.json", **json_route(_PAGES, documents.PagesDocument))
    @router.get("/pages.csv", **csv_route(_PAGES))
    async def pages(request: Request, query: Annotated[PagesQuery, Query()]) -> Response:
        return await response(request, "pages", query, partial(_pages, sources, query))

    @router.get("/page", **PAGE_ROUTE)
    @router.get("/page.json", **json_route(_PAGE, documents.PageDocument))
    @router.get("/page.csv", **csv_route(_PAGE))
    async def page(request: Request, query: Annotated[PageQuery, Query()]) -> Response:
        return await response(request, "page", query, partial(_page, sources, query))

    @router.get("/categories", **PAGE_ROUTE)
    @router.get("/categories.json", **json_route(_CATEGORIES, documents.CategoriesDocument))
    @router.get("/categories.csv", **csv_route(_CATEGORIES))
    async def categories(request: Request) -> Response:
        return await response(request, "categories", None, partial(_categories, sources))

    @router.get("/category", **PAGE_ROUTE)
    @router.get("/category.json", **json_route(_CATEGORY, documents.CategoryDocument))
    @router.get("/category.csv", **csv_route(_CATEGORY))
    async def category(request: Request, query: Annotated[CategoryQuery, Query()]) -> Response:
        return await response(request, "category", query, partial(_category, sources, query))

    return router


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """The report and the current window of the lake; `problem` is the reason if the lake could not be read."""

    report: Report
    calendar: Calendar | None
    problem: Problem | None

    @property
    def drawing(self) -> report_calendar.Calendar | None:
        """The drawing of the current window."""
        return report_calendar.calendar(map(calendar_day, self.calendar.days)) if self.calendar else None

    @property
    def project(self) -> str:
        """The wiki, for example `en.wikipedia`."""
        return project_of_dataset(self.report.run.dataset)

    @property
    def days_behind(self) -> int:
        """Days by which the published window ends before the current one."""
        if self.calendar is None:
            return 0
        return max(0, (self.calendar.plan.completeness.window.last - self.report.run.window_end).days)


async def _current_window(state: DashboardState) -> tuple[Calendar | None, Problem | None]:
    """The calendar of the current window, or the reason why the lake cannot be read: the report is shown in any case."""
    try:
        calendar = state.calendar(state.sources.window())
        return await state.within_patience(calendar, state.lake_pool, state.runs_pool), None
    except KNOWN_ERRORS as error:
        problem = problem_of(error)
        logger.warning("the current window cannot be read: %s", error)
        return None, problem and state.sources.public.problem(problem)


def _overview(sources: Sources, calendar: Calendar | None, problem: Problem | None) -> Content:
    report = build_report(sources.warehouse, LIST_LENGTH)

    def table() -> Table:
        peaks = [("peak", p.page, p.date, p.views, p.rank, p.times) for p in report.peaks]
        lists = {"growing": report.growing, "declining": report.declining, "volatile": report.volatile}
        lists |= {"climber": report.climbers, "sustained": report.sustained}
        changes = [
            (name, c.page, c.last_date, c.last_views, c.last_rank, c.views_change_pct)
            for name, rows in lists.items()
            for c in rows
        ]
        return ("list", "page", "day", "views", "rank", "times_or_change_pct"), [*peaks, *changes]

    return Content(OverviewPage(report, calendar, problem), lambda: to_json(report), table)


@dataclass(frozen=True, slots=True)
class PageListing:
    """One batch of the list of pages, and the categories of the filter."""

    list: page_queries.PageList
    categories: Sequence[str]

    @property
    def before(self) -> int | None:
        """The offset of the previous batch; None if this is the first."""
        return max(0, self.list.skipped - PAGE_SIZE) if self.list.skipped else None

    @property
    def after(self) -> int | None:
        """The offset of the next batch; None if this is the last."""
        end = self.list.skipped + len(self.list.pages)
        return end if end < self.list.total else None


def _pages(sources: Sources, query: PagesQuery) -> Content:
    selection = page_queries.PageSelection(
        by=query.by,
        containing=query.q,
        category=query.category or None,
        skip=query.skip,
        limit=PAGE_SIZE,
    )
    page_list = page_queries.list_pages(sources.warehouse, selection)
    names = [row["category"] for row in category_queries.categories(sources.warehouse)[1]]

    def document() -> dict[str, Any]:
        return {
            "window": _window(page_list.run),
            "by": page_list.by,
            "found": page_list.total,
            "skipped": page_list.skipped,
            "pages": [plain(row) for row in page_list.pages],
        }

    return Content(PageListing(page_list, names), document, lambda: _table(page_list.pages, _PAGE_COLUMNS))


@dataclass(frozen=True, slots=True)
class PageDetails:
    """A page with its chart."""

    result: page_queries.PageDetails
    chart: dict[str, Any]
    band: tuple[float, float] | None
    link: str | None


def _page(sources: Sources, query: PageQuery) -> Content:
    result = page_queries.page_details(sources.warehouse, query.title)
    band = _band(result.scores)
    spec = page_series(result.series, band=band, window_start=result.run.window_start)
    link = page_link(result.about["link"] or "", project_of_dataset(result.run.dataset))
    title = result.about["page"]
    rows = ((title, day["date"], day["views"], day["rank"]) for day in result.series)
    page = PageDetails(result, compiled(spec), band, link)
    return Content(page, result.to_json, lambda: (("page", "date", "views", "rank"), rows))


@dataclass(frozen=True, slots=True)
class CategoryListing:
    """The categories of the published window, most views first."""

    run: RunRecord
    rows: Sequence[Mapping[str, Any]]


def _categories(sources: Sources) -> Content:
    listing = CategoryListing(*category_queries.categories(sources.warehouse))

    def document() -> dict[str, Any]:
        rows = [plain(row) for row in listing.rows]
        return {"window": _window(listing.run), "categories": rows}

    return Content(listing, document, lambda: _table(listing.rows, _CATEGORY_COLUMNS))


@dataclass(frozen=True, slots=True)
class CategoryDetails:
    """A category with its chart."""

    result: category_queries.CategoryDetails
    chart: dict[str, Any]


def _category(sources: Sources, query: CategoryQuery) -> Content:
    try:
        result = category_queries.category(sources.warehouse, query.name)
    except SettingError as error:
        message = f"The published window has no category {query.name!r}."
        raise Problem(404, "NO_SUCH_CATEGORY", message, error.fix) from None
    series = [{"category": query.name, "date": day["date"], "views": day["views"]} for day in result.days]
    chart = compiled(categories_over_time(series, height=240))

    def document() -> dict[str, Any]:
        return {
            "window": _window(result.run),
            **plain(result.about),
            "days": [plain(day) for day in result.days],
            "leading": [plain(row) for row in result.leading.pages],
        }

    columns = ("date", "views", "pages")
    return Content(CategoryDetails(result, chart), document, lambda: _table(result.days, columns))


# fmt: off
_PAGE_COLUMNS = (
    "page", "page_display", "category", "location", "views", "days_listed", "days_used", "best_rank", "peak_date",
    "peak_views", "presence", "score", "confidence", "shape", "momentum_label", "views_change", "views_change_pct",
    "at_least", "evidence",
)
_CATEGORY_COLUMNS = (
    "category", "pages", "views", "share_pct", "first_views", "last_views", "views_change_pct", "entries", "exits",
)
# fmt: on


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Table:
    return columns, ([row[column] for column in columns] for row in rows)


def _window(run: RunRecord) -> dict[str, str]:
    return {"start": run.window_start.isoformat(), "end": run.window_end.isoformat()}


def _band(scores: Mapping[str, Any] | None) -> tuple[float, float] | None:
    """Lower and upper bound of the usual noise around the expected views of the page's most surprising day."""
    if scores is None or scores["expected_views"] is None or scores["spread"] is None:
        return None
    level, noise = 1 + scores["expected_views"], math.exp(BAND_SPREADS * scores["spread"])
    return max(0.0, level / noise - 1), level * noise - 1
