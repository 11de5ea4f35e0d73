"""The views of the published window: the overview, the pages, a page, the categories, a category."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - FastAPI reads annotations when it runs
import logging
import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request  # noqa: TC002 - FastAPI reads annotations when it runs
from starlette.responses import Response  # noqa: TC002

from wiki_trends.config.projects import project_of_dataset
from wiki_trends.errors import SettingError
from wiki_trends.queries import categories as category_queries
from wiki_trends.queries import pages as page_queries
from wiki_trends.queries.links import page_link, pageviews_link
from wiki_trends.queries.published import plain
from wiki_trends.report import build_report, to_json
from wiki_trends.report import calendar as report_calendar
from wiki_trends.report.html.charts import categories_over_time, page_series, score_history
from wiki_trends.report.html.vega import compiled
from wiki_trends.web.problems import KNOWN_ERRORS, Problem, problem_of
from wiki_trends.web.views import documents
from wiki_trends.web.views.device_views import DeviceViews, device_views
from wiki_trends.web.views.lake import calendar_cell_of
from wiki_trends.web.views.page_list import (
    PRINTABLE_PATTERN,
    PagesQuery,
    pages_content,
    rows_table,
    window_document,
)
from wiki_trends.web.views.rendering import PAGE_ROUTE, Content, csv_route, json_route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wiki_trends.report.model import Report
    from wiki_trends.warehouse.base import RunRecord
    from wiki_trends.web.cache.dashboard_state import DashboardState
    from wiki_trends.web.data import CheckedWindow, Sources
    from wiki_trends.web.views.rendering import Renderer, Table

logger = logging.getLogger(__name__)
# The number of pages in each list of the overview.
OVERVIEW_LIST_LENGTH = 10
# Half the width of the band around the expected views, in units of the column `spread` of the scores.
BAND_HALF_WIDTH_SPREADS = 2
_OVERVIEW_SUMMARY = "The report of the published window"
_PAGES_SUMMARY = "The pages of the published window, searched and ordered"
_PAGE_WINDOWS_SUMMARY = "The scores of a page by published window"
_PAGE_SUMMARY = "The published days, ranks and scores of a page"
_CATEGORIES_SUMMARY = "The categories of the published window, most views first"
_CATEGORY_SUMMARY = "The days and the leading pages of a category"


class PageQuery(BaseModel):
    """The parameter of `/page`: the title of a page."""

    title: Annotated[
        str,
        Field(
            min_length=1,
            max_length=512,
            pattern=PRINTABLE_PATTERN,
            description="Title of the page, with spaces or underscores.",
        ),
    ]


class CategoryQuery(BaseModel):
    """The parameter of `/category`: the name of a category."""

    name: Annotated[
        str,
        Field(min_length=1, max_length=100, pattern=PRINTABLE_PATTERN, description="Name of the category."),
    ]


class PageWindowDocument(BaseModel):
    """The score of a page in one published window."""

    start: dt.date
    end: dt.date
    certain_factor: float | None = Field(
        alias="at_least", description="factor by which the views certainly exceeded the expected views"
    )
    views: int
    peak_date: dt.date


class PageWindowsDocument(BaseModel):
    """The scores of a page by published window, oldest first."""

    page: str
    windows: list[PageWindowDocument]


def router(state: DashboardState, renderer: Renderer) -> APIRouter:
    """Return the routes of the views of the published window."""
    router = APIRouter()
    sources = state.sources

    @router.get("/", **PAGE_ROUTE)
    @router.get("/overview.json", **json_route(_OVERVIEW_SUMMARY, documents.ReportDocument))
    @router.get("/overview.csv", **csv_route(_OVERVIEW_SUMMARY))
    async def overview(request: Request) -> Response:
        version = await state.published_version()
        checked_window, lake_problem = await _current_window(state)
        compute_content = partial(_overview_content, sources, checked_window, lake_problem)
        problem_text = str(lake_problem) if lake_problem else None
        return await renderer.response(
            request,
            "overview",
            None,
            compute_content,
            version=(version, checked_window, problem_text),
            pool=state.warehouse_pool,
        )

    async def response(
        request: Request, view: str, query: BaseModel | None, compute_content: Callable[[], Content]
    ) -> Response:
        """Return the response of a view whose content comes only from the published tables."""
        version = await state.published_version()
        return await renderer.response(
            request, view, query, compute_content, version=version, pool=state.warehouse_pool
        )

    @router.get("/pages", **PAGE_ROUTE)
    @router.get("/pages.json", **json_route(_PAGES_SUMMARY, documents.PagesDocument))
    @router.get("/pages.csv", **csv_route(_PAGES_SUMMARY))
    async def pages(request: Request, query: Annotated[PagesQuery, Query()]) -> Response:
        return await response(request, "pages", query, partial(pages_content, sources, query))

    @router.get("/page", **PAGE_ROUTE)
    @router.get("/page.json", **json_route(_PAGE_SUMMARY, documents.PageDocument))
    @router.get("/page.csv", **csv_route(_PAGE_SUMMARY))
    async def page(request: Request, query: Annotated[PageQuery, Query()]) -> Response:
        version = await state.published_version()
        details = await state.page(query.title)
        devices = await device_views(state, details)
        compute_content = partial(_page_content, details, devices)
        return await renderer.response(request, "page", query, compute_content, version=(version, devices))

    @router.get("/page-windows.json", **json_route(_PAGE_WINDOWS_SUMMARY, PageWindowsDocument))
    @router.get("/page-windows.csv", **csv_route(_PAGE_WINDOWS_SUMMARY))
    async def page_windows(request: Request, query: Annotated[PageQuery, Query()]) -> Response:
        details = await state.page(query.title)
        compute_content = partial(_page_windows_content, details)
        version = await state.published_version()
        return await renderer.response(request, "page_windows", query, compute_content, version=version)

    @router.get("/categories", **PAGE_ROUTE)
    @router.get("/categories.json", **json_route(_CATEGORIES_SUMMARY, documents.CategoriesDocument))
    @router.get("/categories.csv", **csv_route(_CATEGORIES_SUMMARY))
    async def categories(request: Request) -> Response:
        return await response(request, "categories", None, partial(_categories_content, sources))

    @router.get("/category", **PAGE_ROUTE)
    @router.get("/category.json", **json_route(_CATEGORY_SUMMARY, documents.CategoryDocument))
    @router.get("/category.csv", **csv_route(_CATEGORY_SUMMARY))
    async def category(request: Request, query: Annotated[CategoryQuery, Query()]) -> Response:
        return await response(request, "category", query, partial(_category_content, sources, query))

    return router


@dataclass(frozen=True, slots=True)
class OverviewContent:
    """The report of the published window, and the current window of the lake.

    Attributes:
        report: the report of the published window.
        checked_window: the current window; None if the lake or the runs could not be read.
        lake_problem: the reason why `checked_window` is None.
    """

    report: Report
    checked_window: CheckedWindow | None
    lake_problem: Problem | None

    @property
    def calendar(self) -> report_calendar.Calendar | None:
        """The calendar of the current window; None if the lake could not be read."""
        if self.checked_window is None:
            return None
        return report_calendar.calendar(map(calendar_cell_of, self.checked_window.days))

    @property
    def project(self) -> str:
        """The wiki of the report, for example `en.wikipedia`."""
        return project_of_dataset(self.report.run.dataset)

    @property
    def days_behind(self) -> int:
        """The number of days by which the published window ends before the current window."""
        if self.checked_window is None:
            return 0
        return max(0, (self.checked_window.plan.completeness.window.last - self.report.run.window_end).days)


async def _current_window(state: DashboardState) -> tuple[CheckedWindow | None, Problem | None]:
    """Return the checked current window, or the problem with which reading the lake or the runs failed.

    The overview shows the report even if the lake cannot be read.
    """
    try:
        check = state.checked_window(state.sources.window())
        return await state.wait_briefly(check, state.lake_pool, state.runs_pool), None
    except KNOWN_ERRORS as error:
        logger.warning("the current window cannot be read: %s", error)
        problem = problem_of(error)
        return None, state.sources.public_text.clean_problem(problem) if problem else None


def _overview_content(
    sources: Sources, checked_window: CheckedWindow | None, lake_problem: Problem | None
) -> Content:
    report = build_report(sources.warehouse, OVERVIEW_LIST_LENGTH)

    def table() -> Table:
        peak_rows = [
            ("peak", peak.page, peak.date, peak.views, peak.rank, peak.times) for peak in report.peaks
        ]
        fall_rows = [("fall", fall.page, fall.date, fall.views, None, fall.at_most) for fall in report.falls]
        changes_by_list = {
            "growing": report.growing,
            "declining": report.declining,
            "volatile": report.volatile,
            "climber": report.climbers,
            "sustained": report.sustained,
        }
        change_rows = [
            (
                name,
                change.page,
                change.last_date,
                change.last_views,
                change.last_rank,
                change.views_change_pct,
            )
            for name, changes in changes_by_list.items()
            for change in changes
        ]
        return ("list", "page", "day", "views", "rank", "times_or_change_pct"), [
            *peak_rows,
            *fall_rows,
            *change_rows,
        ]

    return Content(OverviewContent(report, checked_window, lake_problem), lambda: to_json(report), table)


@dataclass(frozen=True, slots=True)
class PageContent:
    """The details of one Wikipedia page, with a chart.

    Attributes:
        details: the days, ranks and scores of the page.
        chart: the Vega-Lite chart of the views per day, compiled to Vega.
        history: the chart of `at_least` by published window; None if fewer than two windows have this factor.
        band: the lower and upper bound of the usual noise around the expected views; None if the page has no score.
        link: the URL of the article; None if the URL is unknown.
        pageviews_link: the URL of the page's views in Wikimedia's Pageviews tool; None without `link`.
        devices: the views from desktops and from mobile devices on the best day; None if they are unknown.
    """

    details: page_queries.PageDetails
    chart: dict[str, Any]
    history: dict[str, Any] | None
    band: tuple[float, float] | None
    link: str | None
    pageviews_link: str | None
    devices: DeviceViews | None


def _page_content(details: page_queries.PageDetails, devices: DeviceViews | None) -> Content:
    band = _band(details.scores)
    chart_spec = page_series(details.series, band=band, window_start=details.run.window_start)
    title, project = details.row["page"], project_of_dataset(details.run.dataset)
    link = page_link(details.row["link"] or "", project)
    first, last = details.series[0]["date"], details.series[-1]["date"]
    pageviews = pageviews_link(title, project, first, last) if link else None
    rows = ((title, day["date"], day["views"], day["rank"]) for day in details.series)
    page_content = PageContent(
        details=details,
        chart=compiled(chart_spec),
        history=_history(details),
        band=band,
        link=link,
        pageviews_link=pageviews,
        devices=devices,
    )
    return Content(page_content, details.to_json, lambda: (("page", "date", "views", "rank"), rows))


@dataclass(frozen=True, slots=True)
class CategoryListing:
    """The categories of the published window, most views first."""

    run: RunRecord
    rows: Sequence[Mapping[str, Any]]


def _categories_content(sources: Sources) -> Content:
    listing = CategoryListing(*category_queries.categories(sources.warehouse))

    def document() -> dict[str, Any]:
        rows = [plain(row) for row in listing.rows]
        return {"window": window_document(listing.run), "categories": rows}

    return Content(listing, document, lambda: rows_table(listing.rows, _CATEGORY_COLUMNS))


@dataclass(frozen=True, slots=True)
class CategoryContent:
    """The details of a category, with a chart of the views per day."""

    details: category_queries.CategoryDetails
    chart: dict[str, Any]


def _category_content(sources: Sources, query: CategoryQuery) -> Content:
    try:
        details = category_queries.category(sources.warehouse, query.name)
    except SettingError as error:  # `category` rejects an unknown name like an invalid value of an option.
        message = f"The published window has no category {query.name!r}."
        raise Problem(404, "NO_SUCH_CATEGORY", message, error.fix) from None
    series = [{"category": query.name, "date": day["date"], "views": day["views"]} for day in details.days]
    chart = compiled(categories_over_time(series, height=240))

    def document() -> dict[str, Any]:
        return {
            "window": window_document(details.run),
            **plain(details.row),
            "days": [plain(day) for day in details.days],
            "leading": [plain(row) for row in details.leading.pages],
        }

    columns = ("date", "views", "pages")
    return Content(CategoryContent(details, chart), document, lambda: rows_table(details.days, columns))


# fmt: off
_CATEGORY_COLUMNS = (
    "category", "pages", "views", "share_pct", "first_views", "last_views", "views_change_pct", "entries", "exits",
)
# fmt: on


def _windows(details: page_queries.PageDetails) -> list[Mapping[str, Any]]:
    """Return the scores of a page by published window, oldest first."""
    windows = [*([details.scores] if details.scores is not None else []), *details.windows]
    return sorted(windows, key=lambda row: (row["window_end"], row["window_start"]))


def _page_windows_content(details: page_queries.PageDetails) -> Content:
    names = ("window_start", "window_end", "at_least", "views", "peak_date")
    rows = [[row[name] for name in names] for row in _windows(details)]
    columns = ("start", "end", *names[2:])

    def document() -> dict[str, Any]:
        return {
            "page": details.row["page"],
            "windows": [plain(dict(zip(columns, row, strict=True))) for row in rows],
        }

    return Content(details, document, lambda: (columns, rows))


def _history(details: page_queries.PageDetails) -> dict[str, Any] | None:
    rows = [row for row in _windows(details) if row["at_least"] is not None]
    return compiled(score_history(rows)) if len(rows) > 1 else None


def _band(scores: Mapping[str, Any] | None) -> tuple[float, float] | None:
    """Return the bounds of the usual noise around the expected views of the page's most surprising day."""
    if scores is None or scores["expected_views"] is None or scores["spread"] is None:
        return None
    # The spread is a distance between values of ln(1 + views). So the bounds are 1 + views, divided and multiplied by a factor.
    center, factor = 1 + scores["expected_views"], math.exp(BAND_HALF_WIDTH_SPREADS * scores["spread"])
    return max(0.0, center / factor - 1), center * factor - 1
