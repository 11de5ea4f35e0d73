"""The report, `top`, the feed and the dashboard have one ranking, in both warehouses, also before the first new publish."""

import random
from dataclasses import replace

import duckdb
import pytest

from testing.report_windows import publish, settings_in
from testing.window_data import ranked
from wiki_trends.analytics.tables.scores import ADDED
from wiki_trends.queries.categories import category
from wiki_trends.queries.pages import PageSelection, page_details, read_page_list, top
from wiki_trends.queries.published import run_with_scores
from wiki_trends.queries.risers import fallers, risers
from wiki_trends.report import build_report
from wiki_trends.report.details import read_details
from wiki_trends.report.lookup_text import top_lines
from wiki_trends.report.terminal import render as render_text
from wiki_trends.warehouse import open_warehouse
from wiki_trends.warehouse.base import RUN_COLUMNS
from wiki_trends.warehouse.comments import COLUMNS
from wiki_trends.web.views.feed import FALLS, render_feed


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


def listed(warehouse, selection):
    with warehouse.reading() as reader:
        return read_page_list(reader, run_with_scores(reader, warehouse), selection)


def assert_in_order(some, ranking):
    places = [ranking.index(page) for page in some]
    assert places == sorted(places)


def assert_one_ranking(warehouse):
    ranking = pages(top(warehouse, limit=1000).pages)
    assert pages(listed(warehouse, PageSelection()).pages) == ranking
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


def falling_day(offset):
    """Pages of which some fall to a part of their views from day 20 on, and one leaps a little from many views."""
    rng = random.Random(offset)
    views = {
        f"Page_{number}": round(2_000 * (number + 1) * rng.lognormvariate(0, 0.1)) for number in range(20)
    }
    if offset >= 20:
        for number, part in ((5, 20), (9, 6), (12, 3)):
            views[f"Page_{number}"] //= part
    if offset == 22:
        views["Page_19"] *= 4
        views["Page_3"] *= 6
    return ranked(views)


def test_falls_are_ranked_by_the_fall_that_is_sure_everywhere(settings):
    publish(settings, {offset: falling_day(offset) for offset in range(23)}, window=3)
    warehouse = open_warehouse(settings.warehouse)
    rows = top(warehouse, "at_most", limit=1000).pages
    assert pages(rows) == ["Page_5", "Page_9", "Page_12"]
    assert [1 / row["at_most"] for row in rows] == pytest.approx([20, 6, 3], rel=0.45)
    assert all(row["at_most"] < 1 for row in rows)
    report = build_report(warehouse, 20)
    assert [fall.page for fall in report.falls] == pages(rows)
    assert read_details(warehouse, 20).report.falls == report.falls
    assert pages(listed(warehouse, PageSelection(by="at_most")).pages) == pages(rows)
    run, fallen = fallers(warehouse)
    assert pages(fallen) == pages(rows)
    feed = render_feed(run, fallen, "http://x", FALLS)
    assert "Page 5" in feed
    assert f"certainly at most {rows[0]['at_most']:,.2f} times as many" in feed
    assert f"×{rows[0]['at_most']:,.2f}" in render_text(report)
    texts = [text for text, _ in top_lines(top(warehouse, "at_most", limit=1))]
    assert f"fall to at most ×{rows[0]['at_most']:,.2f} of the expected views" in texts[2]


def test_the_headline_orders_the_sure_rises_by_size(settings):
    publish(settings, {offset: falling_day(offset) for offset in range(23)}, window=3)
    warehouse = open_warehouse(settings.warehouse)
    report = build_report(warehouse, 1)
    # Page 3 rose by the larger factor, Page 19 by more views.
    assert [peak.page for peak in report.peaks] == ["Page_3"]
    assert [sentence.page for sentence in report.headline[:2]] == ["Page_19", "Page_3"]
    assert {"Page_19", "Page_3"} <= {row["page"] for row in read_details(warehouse, 1).race}


def test_a_page_that_was_outside_the_list_once_in_its_reference_has_no_sure_fall(settings):
    days = {offset: falling_day(offset) for offset in range(23)}
    days[10] = [row for row in days[10] if row["page"] != "Page_5"]
    publish(settings, days, window=3)
    assert "Page_5" not in pages(top(open_warehouse(settings.warehouse), "at_most", limit=1000).pages)


def drop_added_columns(url):
    """Make the warehouse as an earlier version left it."""
    if url.startswith("duckdb"):
        connection = duckdb.connect(url.removeprefix("duckdb:///"))
    else:
        import psycopg

        connection = psycopg.connect(url, autocommit=True)
    with connection:
        for name in (*ADDED, *RUN_COLUMNS["wiki_trends_scores"]):
            connection.execute(f"ALTER TABLE wiki_trends_scores DROP COLUMN {name}")


@pytest.mark.slow
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
    added = (*ADDED, *RUN_COLUMNS["wiki_trends_scores"])
    assert tuple(columns[-len(added) :]) == added
    assert all(comments[name] == COLUMNS["wiki_trends_scores"][name] for name in added)


def comments_of(reader, url):
    if url.startswith("duckdb"):
        sql = "SELECT column_name AS name, comment FROM duckdb_columns() WHERE table_name = 'wiki_trends_scores'"
    else:
        sql = (
            "SELECT attname AS name, col_description(attrelid, attnum) AS comment FROM pg_attribute "
            "WHERE attrelid = 'wiki_trends_scores'::regclass AND attnum > 0"
        )
    return {row["name"]: row["comment"] for row in reader.rows(sql)}
