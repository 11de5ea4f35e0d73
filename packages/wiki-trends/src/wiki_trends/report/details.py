"""Read the data of the HTML report from one snapshot: the report's lists, and the data of its charts and tables.

Fails as `build` does, and with `WarehouseError` when a version without scores published the window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wiki_trends.queries.links import page_link, project_of_dataset
from wiki_trends.queries.pages import PageSelection, read_pages
from wiki_trends.queries.published import RANKING, run_with_scores, scores_table
from wiki_trends.queries.series import days_of, read_series
from wiki_trends.report.build import read_report
from wiki_trends.report.text import counted

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from wiki_trends.report.model import Change, Peak, Report
    from wiki_trends.warehouse.base import Reader, RunRecord, Warehouse

RACERS = 8
SEPARATE_CATEGORIES = 7
ALL_OTHERS = "All others"
_MAX_PLACES = 300
_TITLES_IN_LABEL = 3

_TOTALS = """
SELECT count(DISTINCT page) AS pages, CAST(coalesce(sum(views), 0) AS BIGINT) AS views FROM wiki_trends_timeseries
"""
_ONE_LINK = "SELECT page, link FROM wiki_diamond WHERE date = ? ORDER BY rank, page LIMIT 1"
_CATEGORY_DAYS = """
SELECT category, date, CAST(sum(views) AS BIGINT) AS views FROM wiki_trends_timeseries
GROUP BY category, date ORDER BY date, category
"""
_PAGES_WITH_PLACE = """
SELECT page_display, latitude, longitude, CAST(sum(views) AS BIGINT) AS views FROM wiki_trends_timeseries
WHERE latitude IS NOT NULL AND longitude IS NOT NULL
GROUP BY page_display, latitude, longitude ORDER BY views DESC, page_display
"""
_COUNTRIES = """
SELECT location, count(DISTINCT page) AS pages, CAST(sum(views) AS BIGINT) AS views FROM wiki_trends_timeseries
WHERE location <> 'No specific location' GROUP BY location ORDER BY views DESC, location LIMIT ?
"""
_SURPRISING = """
SELECT page FROM {scores} AS scores WHERE dataset = ? AND window_start = ? AND window_end = ?
ORDER BY {ranking} LIMIT ?
"""
_PAGE_COLUMNS = """
s.page, s.page_display, s.category, s.location, s.presence, s.days_listed, s.views, s.peak_date, s.peak_views,
s.best_rank, s.at_least, g.views_change_pct
"""


@dataclass(frozen=True, slots=True)
class Details:
    """All data of the HTML report of one published window.

    Attributes:
        report: its lists and findings.
        pages: number of pages that were listed on at least one day used.
        views: sum of the views of all listed rows.
        race: the rows of `charts.rank_race`.
        category_days: the rows of `charts.categories_over_time`: the categories with the most views, then the sum of all
            others.
        places: the rows of `charts.places`, most views first.
        countries: `location`, `pages` and `views` of the countries with the most views.
        every_page: a row for each page, most views first, with the columns of `_PAGE_COLUMNS`.
        link_base: the part of the wiki's URLs before the encoded title; empty when it is unknown.
    """

    report: Report
    pages: int
    views: int
    race: Sequence[Mapping[str, Any]]
    category_days: Sequence[Mapping[str, Any]]
    places: Sequence[Mapping[str, Any]]
    countries: Sequence[Mapping[str, Any]]
    every_page: Sequence[Mapping[str, Any]]
    link_base: str

    @property
    def run(self) -> RunRecord:
        """The published window."""
        return self.report.run

    @property
    def days(self) -> tuple[dt.date, ...]:
        """Every day of the window, used or not."""
        return days_of(self.run)


def read_details(warehouse: Warehouse, limit: int = 10) -> Details:
    """Read the published window, with at most `limit` rows in each list."""
    with warehouse.reading() as reader:
        run = run_with_scores(reader, warehouse)
        report = read_report(reader, limit)
        every_page, _ = read_pages(reader, run, PageSelection(by="views"), _PAGE_COLUMNS)
        return Details(
            report=report,
            **reader.rows(_TOTALS)[0],
            race=race(reader, report),
            category_days=category_days(reader),
            places=group_by_place(reader.rows(_PAGES_WITH_PLACE)),
            countries=reader.rows(_COUNTRIES, limit),
            every_page=every_page,
            link_base=_link_base(reader, run),
        )


def race(reader: Reader, report: Report) -> list[dict[str, Any]]:
    """Views and ranks on every day of the window of up to `RACERS` pages: those in the findings, then the most surprising."""
    run = report.run
    named = {sentence.subject for sentence in report.headline}
    candidates: list[Peak | Change] = [*report.peaks, *report.climbers]
    from_headline = [row for row in candidates if row.page_display in named]
    sql = _SURPRISING.format(ranking=RANKING, scores=scores_table(reader))
    surprising = reader.rows(sql, run.dataset, run.window_start, run.window_end, RACERS)
    pages = list(dict.fromkeys([row.page for row in from_headline] + [row["page"] for row in surprising]))[
        :RACERS
    ]
    series = read_series(reader, run, pages)
    titles = {row["page"]: row["page_display"] for row in _titles(reader, pages)}
    return [
        {"page": page, "page_display": titles[page], "date": day, "views": views, "rank": rank}
        for page in pages
        for day, views, rank in zip(days_of(run), series[page].views, series[page].ranks, strict=True)
    ]


def category_days(reader: Reader) -> list[dict[str, Any]]:
    """The views of the largest categories on each day, and the sum of all others."""
    rows = reader.rows(_CATEGORY_DAYS)
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["category"]] = totals.get(row["category"], 0) + row["views"]
    largest = sorted(totals, key=lambda name: (-totals[name], name))[:SEPARATE_CATEGORIES]
    sums: dict[tuple[str, dt.date], int] = {}
    for row in rows:
        key = (row["category"] if row["category"] in largest else ALL_OTHERS, row["date"])
        sums[key] = sums.get(key, 0) + row["views"]
    order = [*largest, ALL_OTHERS]
    return [
        {"category": category, "date": day, "views": views}
        for (category, day), views in sorted(
            sums.items(), key=lambda item: (order.index(item[0][0]), item[0][1])
        )
    ]


def group_by_place(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Group pages by place, to a tenth of a degree; `label` names the three pages with the most views. Most views first."""
    by_place: dict[tuple[float, float], list[Mapping[str, Any]]] = {}
    for row in rows:
        by_place.setdefault((round(row["latitude"], 1), round(row["longitude"], 1)), []).append(row)
    places = [
        {
            "latitude": latitude,
            "longitude": longitude,
            "label": _label([row["page_display"] for row in here]),
            "views": sum(row["views"] for row in here),
            "pages": len(here),
        }
        for (latitude, longitude), here in by_place.items()
    ]
    return sorted(places, key=lambda place: (-place["views"], place["label"]))[:_MAX_PLACES]


def _label(titles: Sequence[str]) -> str:
    more = len(titles) - _TITLES_IN_LABEL
    named = ", ".join(titles[:_TITLES_IN_LABEL])
    return f"{named} and {counted(more, 'other')}" if more > 0 else named


def _titles(reader: Reader, pages: Sequence[str]) -> list[dict[str, Any]]:
    marks = ", ".join("?" for _ in pages)
    sql = f"SELECT page, max(page_display) AS page_display FROM wiki_trends_timeseries WHERE page IN ({marks}) GROUP BY page"  # noqa: S608 - marks
    return reader.rows(sql, *pages) if pages else []


def _link_base(reader: Reader, run: RunRecord) -> str:
    """The start of the wiki's URLs, from a link of the last day used; empty when its host is not the project's."""
    rows = reader.rows(_ONE_LINK, run.days_used[-1]) if run.days_used else []
    link = rows[0]["link"] if rows else None
    before, separator, _ = (page_link(link or "", project_of_dataset(run.dataset)) or "").rpartition("/wiki/")
    return f"{before}{separator}"
