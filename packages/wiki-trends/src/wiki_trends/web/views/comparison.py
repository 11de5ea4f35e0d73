"""The dashboard's page `/compare`: the pageviews of several articles in one chart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request  # noqa: TC002 - FastAPI reads annotations when it runs
from starlette.responses import Response  # noqa: TC002

from wiki_trends.queries.comparison import compare_pages
from wiki_trends.queries.published import plain
from wiki_trends.report.html.charts import page_comparison
from wiki_trends.report.html.vega import compiled
from wiki_trends.web.views.documents import PageDayDocument  # noqa: TC001 - pydantic reads annotations
from wiki_trends.web.views.page_list import PRINTABLE_PATTERN
from wiki_trends.web.views.rendering import PAGE_ROUTE, Content, csv_route, json_route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wiki_trends.queries.comparison import ComparedPage
    from wiki_trends.web.cache.dashboard_state import DashboardState
    from wiki_trends.web.data import Sources
    from wiki_trends.web.views.rendering import Renderer, Table

MAX_PAGES = 6
_SUMMARY = "The views of several pages on the same days"


class ComparisonQuery(BaseModel):
    """The parameters of `/compare`: the pages, and the scale of the chart."""

    title: Annotated[
        list[Annotated[str, Field(max_length=512, pattern=PRINTABLE_PATTERN)]],
        Field(max_length=MAX_PAGES, description="Titles of the pages, with spaces or underscores."),
    ] = []
    scale: Annotated[
        Literal["linear", "logarithmic"], Field(description="Scale of the views in the chart.")
    ] = "linear"


class ComparedPageDocument(BaseModel):
    """The published days of one of the compared pages."""

    page: str
    page_display: str
    category: str
    days: list[PageDayDocument] = Field(alias="series", description="days of the baseline and the window")


class ComparisonDocument(BaseModel):
    """The views of several pages on the same days."""

    pages: list[ComparedPageDocument]


@dataclass(frozen=True, slots=True)
class ComparisonContent:
    """The compared pages, with a chart.

    Attributes:
        pages: the pages with their days.
        chart: the chart of the views per day, compiled to Vega; None without pages.
    """

    pages: Sequence[ComparedPage]
    chart: dict[str, Any] | None

    @property
    def input_count(self) -> int:
        """The number of input fields for titles: one for each page, one more for another page, and at least two."""
        return min(MAX_PAGES, max(2, len(self.pages) + 1))


def router(state: DashboardState, renderer: Renderer) -> APIRouter:
    """Return the routes of the comparison."""
    router = APIRouter()

    @router.get("/compare", **PAGE_ROUTE)
    @router.get("/compare.json", **json_route(_SUMMARY, ComparisonDocument))
    @router.get("/compare.csv", **csv_route(_SUMMARY))
    async def compare(request: Request, query: Annotated[ComparisonQuery, Query()]) -> Response:
        return await renderer.response(
            request,
            "compare",
            query,
            partial(_content, state.sources, query),
            version=await state.published_version(),
            pool=state.warehouse_pool,
        )

    return router


def _content(sources: Sources, query: ComparisonQuery) -> Content:
    pages = compare_pages(sources.warehouse, query.title)
    series_by_title = {page.row["page_display"]: page.series for page in pages}
    logarithmic = query.scale == "logarithmic"
    chart = compiled(page_comparison(series_by_title, logarithmic=logarithmic)) if series_by_title else None

    def document() -> dict[str, Any]:
        names = ("page", "page_display", "category")
        return {
            "pages": [
                {name: page.row[name] for name in names} | {"series": [plain(day) for day in page.series]}
                for page in pages
            ]
        }

    def table() -> Table:
        rows = (
            (page.row["page"], day["date"], day["views"], day["rank"])
            for page in pages
            for day in page.series
        )
        return ("page", "date", "views", "rank"), rows

    return Content(ComparisonContent(pages, chart), document, table)
