"""The views of the published window: overview, pages, one page, categories, one category."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field

from wiki_trends.errors import SettingError
from wiki_trends.queries import categories as category_queries
from wiki_trends.queries import pages as page_queries
from wiki_trends.queries.links import page_link, project_of_dataset
from wiki_trends.queries.published import plain
from wiki_trends.report import build_report, to_json
from wiki_trends.report import calendar as drawn
from wiki_trends.report.html.charts import categories_over_time, page_series
from wiki_trends.report.html.vega import compiled
from wiki_trends.web.problems import Problem, problem_of
from wiki_trends.web.views import documents
from wiki_trends.web.views.lake import shown
from wiki_trends.web.views.view import NoQuery, View

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wiki_trends.report.model import Report
    from wiki_trends.warehouse.base import RunRecord
    from wiki_trends.web.cache.dashboard_state import DashboardState
    from wiki_trends.web.data import Calendar

logger = logging.getLogger(__name__)
PAGE_SIZE = 100
LIST_LENGTH = 10
# Half of the band's width, in units of the usual noise.
BAND_SPREADS = 2
_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"


class PagesQuery(BaseModel):
    """A selection and order of pages."""

    q: Annotated[
        str, Field(max_length=255, pattern=_PRINTABLE, description="Part of a title; case is ignored.")
    ] = ""
    by: Annotated[Literal["score", "growth", "views"], Field(description="The measure that orders them.")] = (
        "score"
    )
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


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """The report and the current window of the lake; `trouble` is the reason if the lake could not be read."""

    report: Report
    calendar: Calendar | None
    trouble: Problem | None

    @property
    def drawing(self) -> drawn.Calendar | None:
        """The drawing of the current window."""
        return drawn.calendar(map(shown, self.calendar.days)) if self.calendar else None

    @property
    def days_behind(self) -> int:
        """Days by which the published window ends before the current one."""
        if self.calendar is None:
            return 0
        return max(0, (self.calendar.plan.completeness.window.last - self.report.run.window_end).days)


def overview(
    state: DashboardState,
) -> View[NoQuery, tuple[str, Calendar | None, tuple[str, str, str] | None], OverviewPage]:
    """The report of the published window, and the state of the lake."""

    async def inputs(_: NoQuery) -> tuple[str, Calendar | None, tuple[str, str, str] | None]:
        version = await state.published()
        try:
            calendar = state.calendar(state.sources.window())
            return version, await state.soon(calendar, state.lake_pool, state.runs_pool), None
        except Exception as error:
            # The report is shown whatever is wrong with the lake.
            problem = problem_of(error)
            if problem is None:
                logger.exception("the current window cannot be read")
                problem = Problem(500, "UNEXPECTED", "Unexpected error.", "See the server's log.")
            return version, None, (problem.code, problem.message, problem.fix)

    def make(_: NoQuery, inputs: tuple[str, Calendar | None, tuple[str, str, str] | None]) -> OverviewPage:
        calendar, trouble = inputs[1:]
        problem = Problem(503, *trouble) if trouble else None
        return OverviewPage(build_report(state.sources.warehouse, LIST_LENGTH), calendar, problem)

    def document(page: OverviewPage) -> dict[str, Any]:
        return to_json(page.report)

    def table(page: OverviewPage) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
        report = page.report
        peaks = [("peak", p.page, p.date, p.views, p.rank, p.times) for p in report.peaks]
        lists = {"growing": report.growing, "declining": report.declining, "volatile": report.volatile}
        lists |= {"climber": report.climbers, "sustained": report.sustained}
        changes = [
            (name, c.page, c.last_date, c.last_views, c.last_rank, c.views_change_pct)
            for name, listed in lists.items()
            for c in listed
        ]
        return ("list", "page", "day", "views", "rank", "times_or_change_pct"), [*peaks, *changes]

    return View(
        name="overview",
        path="/",
        summary="The report of the published window",
        query=NoQuery,
        inputs=inputs,
        make=make,
        document=document,
        schema=documents.ReportDocument,
        table=table,
        reads_warehouse=True,
    )


def pages(state: DashboardState) -> View[PagesQuery, str, PageListing]:
    """The pages of the published window, searched and ordered."""

    async def inputs(_: PagesQuery) -> str:
        return await state.published()

    def make(query: PagesQuery, _: str) -> PageListing:
        warehouse = state.sources.warehouse
        selection = page_queries.PageSelection(
            by=query.by,
            containing=query.q,
            category=query.category or None,
            skip=query.skip,
            limit=PAGE_SIZE,
        )
        page_list = page_queries.list_pages(warehouse, selection)
        return PageListing(page_list, [row["category"] for row in category_queries.categories(warehouse)[1]])

    def document(listing: PageListing) -> dict[str, Any]:
        page_list = listing.list
        return {
            "window": _window(page_list.run),
            "by": page_list.by,
            "found": page_list.total,
            "skipped": page_list.skipped,
            "pages": [plain(row) for row in page_list.pages],
        }

    return View(
        name="pages",
        path="/pages",
        summary="The pages of the published window, searched and ordered",
        query=PagesQuery,
        inputs=inputs,
        make=make,
        document=document,
        schema=documents.PagesDocument,
        table=lambda listing: _table(listing.list.pages, _PAGE_COLUMNS),
        reads_warehouse=True,
    )


@dataclass(frozen=True, slots=True)
class PageListing:
    """One batch of the list of pages, and the categories of the filter."""

    list: page_queries.PageList
    categories: Sequence[str]

    @property
    def before(self) -> int | None:
        """Where the previous batch begins; None if this is the first."""
        return max(0, self.list.skipped - PAGE_SIZE) if self.list.skipped else None

    @property
    def after(self) -> int | None:
        """Where the next batch begins; None if this is the last."""
        end = self.list.skipped + len(self.list.pages)
        return end if end < self.list.total else None


@dataclass(frozen=True, slots=True)
class PageDetails:
    """A page with its chart."""

    result: page_queries.PageDetails
    chart: dict[str, Any]
    band: tuple[float, float] | None
    link: str | None


def page(state: DashboardState) -> View[PageQuery, str, PageDetails]:
    """Everything that is published about one page."""

    async def inputs(_: PageQuery) -> str:
        return await state.published()

    def make(query: PageQuery, _: str) -> PageDetails:
        result = page_queries.page_details(state.sources.warehouse, query.title)
        band = _band(result.scores)
        spec = page_series(result.series, band=band, window_start=result.run.window_start)
        link = page_link(result.about["link"] or "", project_of_dataset(result.run.dataset))
        return PageDetails(result, compiled(spec), band, link)

    def table(page: PageDetails) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
        title = page.result.about["page"]
        return ("page", "date", "views", "rank"), (
            (title, d["date"], d["views"], d["rank"]) for d in page.result.series
        )

    return View(
        name="page",
        path="/page",
        summary="Everything that is published about one page: its days, ranks and scores",
        query=PageQuery,
        inputs=inputs,
        make=make,
        document=lambda page: page.result.to_json(),
        schema=documents.PageDocument,
        table=table,
        reads_warehouse=True,
    )


@dataclass(frozen=True, slots=True)
class CategoryListing:
    """The categories of the published window, most views first."""

    run: RunRecord
    rows: Sequence[Mapping[str, Any]]


def categories(state: DashboardState) -> View[NoQuery, str, CategoryListing]:
    """The categories of the published window."""

    async def inputs(_: NoQuery) -> str:
        return await state.published()

    def document(listing: CategoryListing) -> dict[str, Any]:
        rows = [plain(row) for row in listing.rows]
        return {"window": _window(listing.run), "categories": rows}

    return View(
        name="categories",
        path="/categories",
        summary="The categories of the published window, most views first",
        query=NoQuery,
        inputs=inputs,
        make=lambda _, __: CategoryListing(*category_queries.categories(state.sources.warehouse)),
        document=document,
        schema=documents.CategoriesDocument,
        table=lambda listing: _table(listing.rows, _CATEGORY_COLUMNS),
        reads_warehouse=True,
    )


@dataclass(frozen=True, slots=True)
class CategoryDetails:
    """A category with its chart."""

    result: category_queries.CategoryDetails
    chart: dict[str, Any]


def category(state: DashboardState) -> View[CategoryQuery, str, CategoryDetails]:
    """One category: its days and its leading pages."""

    async def inputs(_: CategoryQuery) -> str:
        return await state.published()

    def make(query: CategoryQuery, _: str) -> CategoryDetails:
        try:
            result = category_queries.category(state.sources.warehouse, query.name)
        except SettingError as error:
            message = f"The published window has no category {query.name!r}."
            raise Problem(404, "NO_SUCH_CATEGORY", message, error.fix) from None
        rows = [{"category": query.name, "date": day["date"], "views": day["views"]} for day in result.days]
        return CategoryDetails(result, compiled(categories_over_time(rows, height=240)))

    def document(category: CategoryDetails) -> dict[str, Any]:
        return {
            "window": _window(category.result.run),
            **plain(category.result.about),
            "days": [plain(day) for day in category.result.days],
            "leading": [plain(row) for row in category.result.leading.pages],
        }

    return View(
        name="category",
        path="/category",
        summary="One category: its days and its leading pages",
        query=CategoryQuery,
        inputs=inputs,
        make=make,
        document=document,
        schema=documents.CategoryDocument,
        table=lambda category: _table(category.result.days, ("date", "views", "pages")),
        reads_warehouse=True,
    )


# fmt: off
_PAGE_COLUMNS = (
    "page", "page_display", "category", "location", "views", "days_listed", "days_used", "best_rank", "peak_date",
    "peak_views", "presence", "score", "confidence", "shape", "momentum_label", "views_change", "views_change_pct",
)
_CATEGORY_COLUMNS = (
    "category", "pages", "views", "share_pct", "first_views", "last_views", "views_change_pct", "entries", "exits",
)
# fmt: on


def _table(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str]
) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
    return columns, ([row[column] for column in columns] for row in rows)


def _window(run: RunRecord) -> dict[str, str]:
    return {"start": run.window_start.isoformat(), "end": run.window_end.isoformat()}


def _band(scores: Mapping[str, Any] | None) -> tuple[float, float] | None:
    """Lower and upper bound of the usual noise around the expected views of the page's most surprising day."""
    if scores is None or scores["expected_views"] is None or scores["spread"] is None:
        return None
    level, noise = 1 + scores["expected_views"], math.exp(BAND_SPREADS * scores["spread"])
    return max(0.0, level / noise - 1), level * noise - 1
