"""The scores of a window say which run published them, and whether a later run read other data of its days."""

import pytest

from smart_orchestrator.checking import check
from smart_orchestrator.model.window import Window
from testing.window_data import day_number, diamond_in, row, write_day
from wiki_trends.analytics.analyze import analyze
from wiki_trends.queries.pages import page_details
from wiki_trends.report.lookup_text import page_lines
from wiki_trends.warehouse import open_warehouse


@pytest.fixture(params=["duckdb", "postgresql"])
def publish(request, tmp_path):
    """Publish the window from one day to another, and return the run and the staleness of each window in the warehouse."""
    url = f"duckdb:///{tmp_path}/w.duckdb"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    warehouse, dataset = open_warehouse(url), diamond_in(tmp_path)
    for offset in range(6):
        write_day(dataset, offset, [row("A", 10 + offset), row("B", 5, 2)])

    def publish(first, last):
        window = Window.between(day_number(first), day_number(last), day_number(last + 3))
        analyze(dataset, check(dataset, window), warehouse)
        with warehouse.reading() as reader:
            rows = reader.rows("SELECT DISTINCT window_start, window_end, run, stale FROM wiki_trends_scores")
        return {
            ((item["window_start"] - day_number(0)).days, (item["window_end"] - day_number(0)).days): (
                item["run"], item["stale"],
            )
            for item in rows
        }  # fmt: skip

    publish.warehouse, publish.dataset = warehouse, dataset
    return publish


@pytest.mark.slow
def test_a_window_whose_day_was_restated_since_is_stale_until_it_is_published_again(publish):
    publish(0, 1)
    publish(1, 2)
    assert publish(3, 4) == {(0, 1): (1, False), (1, 2): (2, False), (3, 4): (3, False)}
    write_day(publish.dataset, 1, [row("A", 99), row("B", 5, 2)])
    # The restated day is in the baseline of the last two windows.
    windows = publish(4, 5)
    assert windows == {(0, 1): (1, True), (1, 2): (2, True), (3, 4): (3, True), (4, 5): (4, False)}
    assert publish(0, 1)[0, 1] == (5, False)
    assert publish(4, 5)[1, 2] == (2, True)


def test_publishing_again_keeps_the_run_when_nothing_differs(publish):
    publish(0, 1)
    runs = publish(0, 1)
    with publish.warehouse.reading() as reader:
        (newest,) = reader.rows("SELECT max(run) AS run FROM wiki_trends_runs")
    assert runs == {(0, 1): (newest["run"], False)}


def test_unchanged_rows_of_a_window_get_the_run_of_the_window(publish):
    publish(0, 1)
    write_day(publish.dataset, 1, [row("A", 99), row("B", 5, 2)])
    assert publish(0, 1) == {(0, 1): (2, False)}


def test_windows_of_different_length_are_told_apart(publish):
    publish(0, 3)
    publish(2, 3)
    write_day(publish.dataset, 2, [row("A", 99), row("B", 5, 2)])
    publish(3, 5)
    page = page_details(publish.warehouse, "A")
    assert [(item["window_days"], item["stale"]) for item in page.windows] == [(2, True), (4, True)]
    assert {item["project"] for item in (page.scores, *page.windows)} == {"en.wikipedia"}
    lines = [text for text, _ in page_lines(page)]
    assert any(text.startswith(f"  {day_number(2)} .. {day_number(3)} (2 days): ") for text in lines)
    assert sum("days were restated since" in text for text in lines) == 2
