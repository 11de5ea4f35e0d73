"""The report, `top`, the feed and the dashboard have one ranking, in both warehouses, also before the first new publish."""

import random
from dataclasses import replace

import duckdb
import pytest

from testing.report_windows import publish, settings_in
from testing.window_data import ranked
from wiki_trends.analytics.tables.scores import ADDED
from wiki_trends.queries.categories import category
from wiki_trends.queries.pages import PageSelection, list_pages, page_details, top
from wiki_trends.queries.risers import risers
from wiki_trends.report import build_report
from wiki_trends.report.details import read_details
from wiki_trends.warehouse import open_warehouse
from wiki_trends.warehouse.comments import COLUMNS


def day(offset):
    """Forty pages with noise, of which ten leap on one of the days 4 to 8, two on day 9; a list leaves out the last ones."""
    rng = random.Random(offset)
    views = {
        f"Page_{number}": round(40_000 / (number + 3) * rng.lognormvariate(0, 0.2)) for number in range(40)
    }
    for number in range(0, 40, 4):
        if offset == 4 + number % 5:
            views[f"Page_{number}"] *= 3 + number
    if offset == 9:
        views["Page_1"] *= 4
        views["Page_2"] *= 5
    listed = sorted(views, key=lambda page: (-views[page], page))[:30]
    return ranked({page: views[page] for page in listed})


DAYS = {offset: day(offset) for offset in range(9)}


def pages(rows):
    return [row["page"] for row in rows]


def assert_in_order(some, ranking):
    places = [ranking.index(page) for page in some]
    assert places == sorted(places)


def assert_one_ranking(warehouse):
    ranking = pages(top(warehouse, limit=1000).pages)
    assert pages(list_pages(warehouse, PageSelection()).pages) == ranking
    report, details = build_report(warehouse, 20), read_details(warehouse, 20)
    assert len(report.peaks) > 3
    assert_in_order([peak.page for peak in report.peaks], ranking)
    assert details.report.peaks == report.peaks
    run, rows = risers(warehouse)
    of_the_window = [row for row in rows if row["window_end"] == run.window_end]
    assert of_the_window
    assert_in_order(pages(of_the_window), ranking)
    leading = category(warehouse, of_the_window[0]["category"], 10).leading.pages
    assert_in_order(pages(leading), ranking)
    return ranking


@pytest.fixture(params=["duckdb", "postgresql"])
def settings(request, tmp_path):
    of_files = settings_in(tmp_path)
    if request.param == "duckdb":
        return of_files
    return replace(of_files, warehouse=request.getfixturevalue("postgres_url"))


def test_the_report_top_the_feed_and_the_dashboard_have_one_ranking(settings):
    publish(settings, DAYS, window=5)
    warehouse = open_warehouse(settings.warehouse)
    assert_one_ranking(warehouse)
    rises = [row["at_least"] for row in top(warehouse, limit=1000).pages if row["at_least"] is not None]
    assert len(rises) > 20
    assert rises == sorted(rises, reverse=True)


def drop_added_columns(url):
    """Make the warehouse as an earlier version left it."""
    if url.startswith("duckdb"):
        connection = duckdb.connect(url.removeprefix("duckdb:///"))
    else:
        import psycopg

        connection = psycopg.connect(url, autocommit=True)
    with connection:
        for name in ADDED:
            connection.execute(f"ALTER TABLE wiki_trends_scores DROP COLUMN {name}")


def test_a_warehouse_of_an_earlier_version_is_read_by_score_and_extended_by_a_publish(settings):
    publish(settings, DAYS, window=5)
    drop_added_columns(settings.warehouse)
    warehouse = open_warehouse(settings.warehouse)
    first = assert_one_ranking(warehouse)[0]
    assert first == top(warehouse, "score", limit=1).pages[0]["page"]
    assert page_details(warehouse, first).scores["at_least"] is None
    publish(settings, DAYS | {9: day(9)}, window=5)
    assert_one_ranking(warehouse)
    details = page_details(warehouse, top(warehouse, limit=1).pages[0]["page"])
    assert details.scores["at_least"] > 1
    assert [row["at_least"] for row in details.windows] == [None]
    with warehouse.reading() as reader:
        columns = list(reader.rows("SELECT * FROM wiki_trends_scores LIMIT 1")[0])
        comments = comments_of(reader, settings.warehouse)
    assert tuple(columns[-len(ADDED) :]) == ADDED
    assert all(comments[name] == COLUMNS["wiki_trends_scores"][name] for name in ADDED)


def comments_of(reader, url):
    if url.startswith("duckdb"):
        sql = "SELECT column_name AS name, comment FROM duckdb_columns() WHERE table_name = 'wiki_trends_scores'"
    else:
        sql = (
            "SELECT attname AS name, col_description(attrelid, attnum) AS comment FROM pg_attribute "
            "WHERE attrelid = 'wiki_trends_scores'::regclass AND attnum > 0"
        )
    return {row["name"]: row["comment"] for row in reader.rows(sql)}
