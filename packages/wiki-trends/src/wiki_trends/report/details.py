"""Read the data of the HTML report from one snapshot: the lists of the report, and the data of its charts and tables.

The functions raise `NothingPublished` when nothing was published. They raise another `WarehouseError` when the warehouse cannot
be read, or when the window has no scores because an earlier version published it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wiki_trends.config.projects import project_of_dataset
from wiki_trends.pipeline.rules.countries import country_names
from wiki_trends.queries.links import page_link
from wiki_trends.queries.pages import PageSelection, read_pages
from wiki_trends.queries.published import RANKING, run_with_scores, scores_table
from wiki_trends.queries.series import days_of, read_series
from wiki_trends.report.build import read_report
from wiki_trends.report.formats import counted

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from wiki_trends.report.model import Report
    from wiki_trends.warehouse.base import Reader, RunRecord, Warehouse

# The largest number of pages in the chart of ranks (`race`).
RACERS = 8
# The number of categories with a series of their own; `ALL_OTHERS` is the sum of the other categories.
SEPARATE_CATEGORIES = 7
ALL_OTHERS = "All others"
_MAX_PLACES = 300
_MAX_TITLES_IN_LABEL = 3

_SELECT_TOTALS = """
SELECT count(DISTINCT page) AS pages, CAST(coalesce(sum(views), 0) AS BIGINT) AS views FROM wiki_trends_timeseries
"""
_SELECT_ONE_LINK = "SELECT page, link FROM wiki_diamond WHERE date = ? ORDER BY rank, page LIMIT 1"
_SELECT_CATEGORY_DAYS = """
SELECT category, date, CAST(sum(views) AS BIGINT) AS views FROM wiki_trends_timeseries
GROUP BY category, date ORDER BY date, category
"""
_SELECT_PAGES_WITH_PLACE = """
SELECT page_display, latitude, longitude, CAST(sum(views) AS BIGINT) AS views FROM wiki_trends_timeseries
WHERE latitude IS NOT NULL AND longitude IS NOT NULL
GROUP BY page_display, latitude, longitude ORDER BY views DESC, page_display
"""
_SELECT_COUNTRIES = """
SELECT location, count(DISTINCT page) AS pages, CAST(sum(views) AS BIGINT) AS views FROM wiki_trends_timeseries
GROUP BY location ORDER BY views DESC, location
"""
_SELECT_SURPRISING_PAGES = """
SELECT page FROM {scores} AS scores WHERE dataset = ? AND window_start = ? AND window_end = ?
ORDER BY {ranking} LIMIT ?
"""
_SELECT_TITLES = """
SELECT page, max(page_display) AS page_display FROM wiki_trends_timeseries
WHERE page IN ({placeholders}) GROUP BY page
"""
# In the query of `read_pages`, `s` is the table of scores, and `g` the table of growth.
_PAGE_COLUMNS = """
s.page, s.page_display, s.category, s.location, s.presence, s.days_listed, s.views, s.peak_date, s.peak_views,
s.best_rank, s.at_least, s.at_most, g.views_change_pct
"""


@dataclass(frozen=True, slots=True)
class Details:
    """All data of the HTML report of one published window.

    Attributes:
        report: the headline and the lists of the window.
        pages: the number of pages that were listed on at least one day used.
        views: the sum of the views of all pages on all days used.
        race: the rows of the chart `charts.rank_race`, see the function `race`.
        category_days: the rows of the chart `charts.categories_over_time`: the categories with the most views, then the sum
            of all other categories.
        places: the rows of the chart `charts.places`, most views first.
        countries: the `location`, the number of `pages` and the `views` of the countries with the most views.
        every_page: a row for each page, most views first, with the columns of `_PAGE_COLUMNS`.
        link_base: the part of the wiki's URLs before the encoded title; empty when the wiki's URLs are unknown.
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
        """The run that published the window."""
        return self.report.run

    @property
    def days(self) -> tuple[dt.date, ...]:
        """Every day of the window, including the days that were not used."""
        return days_of(self.run)


def read_details(warehouse: Warehouse, limit: int = 10) -> Details:
    """Read the data of the published window, with at most `limit` rows in each list."""
    with warehouse.reading() as reader:
        run = run_with_scores(reader, warehouse)
        report = read_report(reader, limit)
        every_page, _ = read_pages(reader, run, PageSelection(by="views"), _PAGE_COLUMNS)
        return Details(
            report=report,
            **reader.rows(_SELECT_TOTALS)[0],
            race=race(reader, report),
            category_days=category_days(reader),
            places=group_by_place(reader.rows(_SELECT_PAGES_WITH_PLACE)),
            countries=_countries(reader.rows(_SELECT_COUNTRIES))[:limit],
            every_page=every_page,
            link_base=_read_link_base(reader, run),
        )


def _countries(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows whose `location` is a country. In the other rows, it is the name of a city or landmark whose country is unknown."""
    names = country_names()
    return [row for row in rows if row["location"] in names]


def race(reader: Reader, report: Report) -> list[dict[str, Any]]:
    """Return the views and ranks of up to `RACERS` pages on every day of the window.

    The pages in the report's headline come first, then the most surprising pages.
    """
    run = report.run
    headline_pages = [sentence.page for sentence in report.headline if sentence.page]
    sql = _SELECT_SURPRISING_PAGES.format(ranking=RANKING, scores=scores_table(reader))
    surprising_rows = reader.rows(sql, run.dataset, run.window_start, run.window_end, RACERS)
    pages = list(dict.fromkeys(headline_pages + [row["page"] for row in surprising_rows]))[:RACERS]
    series = read_series(reader, run, pages)
    titles = {row["page"]: row["page_display"] for row in _read_titles(reader, pages)}
    return [
        {"page": page, "page_display": titles[page], "date": day, "views": views, "rank": rank}
        for page in pages
        for day, views, rank in zip(days_of(run), series[page].views, series[page].ranks, strict=True)
    ]


def category_days(reader: Reader) -> list[dict[str, Any]]:
    """Return the views of the largest categories on each day, and the sum of the views of all other categories."""
    rows = reader.rows(_SELECT_CATEGORY_DAYS)
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["category"]] = totals.get(row["category"], 0) + row["views"]
    largest = sorted(totals, key=lambda name: (-totals[name], name))[:SEPARATE_CATEGORIES]
    sums: dict[tuple[str, dt.date], int] = {}
    for row in rows:
        key = (row["category"] if row["category"] in largest else ALL_OTHERS, row["date"])
        sums[key] = sums.get(key, 0) + row["views"]
    days = sorted({row["date"] for row in rows})
    return [
        {"category": category, "date": day, "views": sums[category, day]}
        for category in [*largest, ALL_OTHERS]
        for day in days
        if (category, day) in sums
    ]


def group_by_place(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Group pages by place, with coordinates rounded to a tenth of a degree; return the places, most views first.

    The `label` of a place contains the titles of the three pages with the most views.
    """
    by_place: dict[tuple[float, float], list[Mapping[str, Any]]] = {}
    for row in rows:
        by_place.setdefault((round(row["latitude"], 1), round(row["longitude"], 1)), []).append(row)
    places = [
        {
            "latitude": latitude,
            "longitude": longitude,
            "label": _place_label([row["page_display"] for row in pages]),
            "views": sum(row["views"] for row in pages),
            "pages": len(pages),
        }
        for (latitude, longitude), pages in by_place.items()
    ]
    return sorted(places, key=lambda place: (-place["views"], place["label"]))[:_MAX_PLACES]


def _place_label(titles: Sequence[str]) -> str:
    unnamed_count = len(titles) - _MAX_TITLES_IN_LABEL
    first_titles = ", ".join(titles[:_MAX_TITLES_IN_LABEL])
    return f"{first_titles} and {counted(unnamed_count, 'other')}" if unnamed_count > 0 else first_titles


def _read_titles(reader: Reader, pages: Sequence[str]) -> list[dict[str, Any]]:
    placeholders = ", ".join("?" for _ in pages)
    sql = _SELECT_TITLES.format(placeholders=placeholders)
    return reader.rows(sql, *pages) if pages else []


def _read_link_base(reader: Reader, run: RunRecord) -> str:
    """Return the start of the wiki's URLs, from a link of the last day used; empty without a link to a host of the project."""
    rows = reader.rows(_SELECT_ONE_LINK, run.days_used[-1]) if run.days_used else []
    link = rows[0]["link"] if rows else None
    safe_link = page_link(link, project_of_dataset(run.dataset)) if link else None
    # The first "/wiki/" is that of the address; a title can contain another one.
    before, separator, _title = (safe_link or "").partition("/wiki/")
    return f"{before}{separator}" if separator else ""
