"""The queries about pages when the warehouse has more windows, or the list fewer pages, than a part of a result contains."""

from dataclasses import replace
from types import SimpleNamespace

import duckdb
import pytest

from testing.report_windows import publish, settings_in
from testing.window_data import day_number, row
from wiki_trends.queries.pages import PageSelection, page_details, read_page_list
from wiki_trends.queries.published import run_with_scores
from wiki_trends.warehouse import open_warehouse
from wiki_trends.web.problems import Problem
from wiki_trends.web.views.page_list import PagesQuery, pages_content

LATER_WINDOWS = 120


@pytest.fixture(params=["duckdb", "postgresql"])
def settings(request, tmp_path):
    settings = settings_in(tmp_path)
    if request.param == "postgresql":
        settings = replace(settings, warehouse=request.getfixturevalue("postgres_url"))
    publish(settings, {offset: [row("A", 20 + offset), row("B", 5, 2)] for offset in range(3)}, window=2)
    return settings


def add_later_windows(url):
    """Add the scores of later windows, as if these windows had been published before the current window."""
    if url.startswith("duckdb"):
        connection = duckdb.connect(url.removeprefix("duckdb:///"))
    else:
        import psycopg

        connection = psycopg.connect(url, autocommit=True)
    with connection:
        connection.execute("CREATE TEMP TABLE later AS SELECT * FROM wiki_trends_scores")
        for _ in range(LATER_WINDOWS):
            connection.execute(
                "UPDATE later SET window_start = window_start + 1, window_end = window_end + 1"
            )
            connection.execute("INSERT INTO wiki_trends_scores SELECT * FROM later")


def test_a_page_has_the_scores_of_the_published_window_when_many_windows_are_later(settings):
    add_later_windows(settings.warehouse)
    page = page_details(open_warehouse(settings.warehouse), "A")
    assert page.scores["window_end"] == day_number(2) == page.run.window_end
    assert [row["window_end"] for row in page.windows] == [
        day_number(2 + LATER_WINDOWS - place) for place in range(19)
    ]


def test_a_published_window_can_be_selected_when_a_hundred_windows_are_later(settings):
    add_later_windows(settings.warehouse)
    sources = SimpleNamespace(warehouse=open_warehouse(settings.warehouse))
    listing = pages_content(sources, PagesQuery(window=f"{day_number(2)}..{day_number(3)}")).result
    assert {row["page"] for row in listing.page_list.pages} == {"A", "B"}
    assert len(listing.windows) == 101
    assert listing.windows[-1] == listing.page_list.window
    with pytest.raises(Problem):
        pages_content(sources, PagesQuery(window=f"{day_number(1)}..{day_number(3)}"))


@pytest.mark.parametrize(("containing", "total"), [("", 2), ("b", 1), ("c", 0)])
def test_a_part_behind_the_end_of_a_list_has_the_total_of_the_list(settings, containing, total):
    warehouse = open_warehouse(settings.warehouse)
    with warehouse.reading() as reader:
        selection = PageSelection(containing=containing, skip=1000, limit=100)
        page_list = read_page_list(reader, run_with_scores(reader, warehouse), selection)
    assert (page_list.pages, page_list.total) == ([], total)
