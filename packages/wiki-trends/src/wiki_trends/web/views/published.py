"""The views of the published window: overview, pages, one page, categories, one category."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field

from wiki_trends.errors import SettingError
from wiki_trends.queries import browse
from wiki_trends.queries import pages as lookups
from wiki_trends.report import build, to_json
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

PAGES_AT_ONCE = 100
ROWS_IN_A_LIST = 10
# So many times the usual noise on both sides of what was expected.
BAND_SPREADS = 2
_TEXT = r"^[^\x00-\x1f\x7f]*$"


class PagesQuery(BaseModel):
    """Which pages, in which order."""

    q: Annotated[
        str, Field(max_length=255, pattern=_TEXT, description="Part of a title, whatever its case.")
    ] = ""
    by: Annotated[Literal["score", "growth", "views"], Field(description="The measure that orders them.")] = (
        "score"
    )
    category: Annotated[str, Field(max_length=100, pattern=_TEXT, description="Only this category.")] = ""
    skip: Annotated[int, Field(ge=0, le=1_000_000, description="How many to leave out before.")] = 0


class PageQuery(BaseModel):
    """One page."""

    title: Annotated[
        str,
        Field(min_length=1, max_length=512, pattern=_TEXT, description="Title, with spaces or underscores."),
    ]


class CategoryQuery(BaseModel):
    """One category."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=_TEXT, description="Its name.")]


@dataclass(frozen=True, slots=True)
class OverviewFound:
    """The report, and what the lake holds of the present window; `trouble` says why it could not be looked at."""

    report: Report
    calendar: Calendar | None
    trouble: Problem | None

    @property
    def made(self) -> drawn.Calendar | None:
        """The present window as it is drawn."""
        return drawn.calendar(map(shown, self.calendar.days)) if self.calendar else None

    @property
    def being_made(self) -> bool:
        """Whether a newer window than the published one is on its way."""
        if self.calendar is None:
            return False
        return (
            bool(self.calendar.in_flight)
            or self.calendar.plan.completeness.window.last > self.report.run.window_end
        )


def overview(
    held: DashboardState,
) -> View[NoQuery, tuple[str, Calendar | None, tuple[str, str, str] | None], OverviewFound]:
    """What the published window was about."""

    async def inputs(_: NoQuery) -> tuple[str, Calendar | None, tuple[str, str, str] | None]:
        mark = await held.published()
        try:
            return mark, await held.calendar(held.sources.window()), None
        except Exception as error:
            # The report is worth reading when the lake cannot be reached.
            problem = problem_of(error)
            if problem is None:
                raise
            return mark, None, (problem.code, problem.message, problem.fix)

    def make(_: NoQuery, found: tuple[str, Calendar | None, tuple[str, str, str] | None]) -> OverviewFound:
        calendar, trouble = found[1:]
        problem = Problem(503, *trouble) if trouble else None
        return OverviewFound(build(held.sources.warehouse, ROWS_IN_A_LIST), calendar, problem)

    def document(found: OverviewFound) -> dict[str, Any]:
        return to_json(found.report)

    def table(found: OverviewFound) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
        report = found.report
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
        summary="What the published window was about",
        query=NoQuery,
        inputs=inputs,
        make=make,
        document=document,
        schema=documents.ReportDocument,
        table=table,
    )


def pages(held: DashboardState) -> View[PagesQuery, str, PagesFound]:
    """The pages of the published window, searched and ordered."""

    async def inputs(_: PagesQuery) -> str:
        return await held.published()

    def make(query: PagesQuery, _: str) -> PagesFound:
        warehouse = held.sources.warehouse
        found = browse.pages(
            warehouse,
            by=query.by,
            containing=query.q,
            category=query.category,
            skip=query.skip,
            limit=PAGES_AT_ONCE,
        )
        return PagesFound(found, [row["category"] for row in browse.categories(warehouse)[1]])

    def document(found: PagesFound) -> dict[str, Any]:
        listed = found.list
        rows = [lookups.plain(row) for row in listed.pages]
        return {
            "window": _window(listed.run),
            "by": listed.by,
            "found": listed.found,
            "skipped": listed.skipped,
            "pages": rows,
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
        table=lambda found: _table(found.list.pages, _PAGE_COLUMNS),
    )


@dataclass(frozen=True, slots=True)
class PagesFound:
    """A piece of the list of pages, and the categories to choose from."""

    list: browse.PageList
    categories: Sequence[str]

    @property
    def before(self) -> int | None:
        """Where the piece before begins."""
        return max(0, self.list.skipped - PAGES_AT_ONCE) if self.list.skipped else None

    @property
    def after(self) -> int | None:
        """Where the next piece begins."""
        end = self.list.skipped + len(self.list.pages)
        return end if end < self.list.found else None


@dataclass(frozen=True, slots=True)
class OnePage:
    """A page with its chart."""

    found: lookups.PageDetails
    chart: dict[str, Any]
    band: tuple[float, float] | None


def page(held: DashboardState) -> View[PageQuery, str, OnePage]:
    """All that is published of one page."""

    async def inputs(_: PageQuery) -> str:
        return await held.published()

    def make(query: PageQuery, _: str) -> OnePage:
        found = lookups.page(held.sources.warehouse, query.title)
        band = _band(found.scores)
        spec = page_series(found.series, band=band, window_start=found.run.window_start)
        return OnePage(found, compiled(spec), band)

    def table(one: OnePage) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
        title = one.found.about["page"]
        return ("page", "date", "views", "rank"), (
            (title, d["date"], d["views"], d["rank"]) for d in one.found.series
        )

    return View(
        name="page",
        path="/page",
        summary="All that is published of one page: its days, ranks and scores",
        query=PageQuery,
        inputs=inputs,
        make=make,
        document=lambda one: one.found.to_json(),
        schema=documents.PageDocument,
        table=table,
    )


@dataclass(frozen=True, slots=True)
class Categories:
    """The categories of the published window, most views first."""

    run: RunRecord
    rows: Sequence[Mapping[str, Any]]


def categories(held: DashboardState) -> View[NoQuery, str, Categories]:
    """The categories of the published window."""

    async def inputs(_: NoQuery) -> str:
        return await held.published()

    def document(found: Categories) -> dict[str, Any]:
        return {"window": _window(found.run), "categories": [lookups.plain(row) for row in found.rows]}

    return View(
        name="categories",
        path="/categories",
        summary="The categories of the published window, most views first",
        query=NoQuery,
        inputs=inputs,
        make=lambda _, __: Categories(*browse.categories(held.sources.warehouse)),
        document=document,
        schema=documents.CategoriesDocument,
        table=lambda found: _table(found.rows, _CATEGORY_COLUMNS),
    )


@dataclass(frozen=True, slots=True)
class OneCategory:
    """A category with its chart."""

    found: browse.CategoryDetails
    chart: dict[str, Any]


def category(held: DashboardState) -> View[CategoryQuery, str, OneCategory]:
    """One category: its days and its leading pages."""

    async def inputs(_: CategoryQuery) -> str:
        return await held.published()

    def make(query: CategoryQuery, _: str) -> OneCategory:
        try:
            found = browse.category(held.sources.warehouse, query.name)
        except SettingError as error:
            message = f"The published window has no category {query.name!r}."
            raise Problem(404, "NO_SUCH_CATEGORY", message, error.fix) from None
        rows = [{"category": query.name, "date": day["date"], "views": day["views"]} for day in found.days]
        return OneCategory(found, compiled(categories_over_time(rows, height=240)))

    def document(one: OneCategory) -> dict[str, Any]:
        return {
            "window": _window(one.found.run),
            **lookups.plain(one.found.about),
            "days": [lookups.plain(day) for day in one.found.days],
            "leading": [lookups.plain(row) for row in one.found.leading.pages],
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
        table=lambda one: _table(one.found.days, ("date", "views", "pages")),
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
    """Views between which the usual noise lies, around what was expected on the page's most surprising day."""
    if scores is None or scores["expected_views"] is None or scores["spread"] is None:
        return None
    level, noise = 1 + scores["expected_views"], math.exp(BAND_SPREADS * scores["spread"])
    return max(0.0, level / noise - 1), level * noise - 1
