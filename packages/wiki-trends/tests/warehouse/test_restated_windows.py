"""The scores of a window say which run published them, and whether a later run read other data of its days."""

import pytest

from smart_orchestrator.checking import check
from smart_orchestrator.model.window import Window
from testing.window_data import day_number, diamond_in, row, write_day
from wiki_trends.analytics.analyze import analyze
from wiki_trends.queries.pages import page_details
from wiki_trends.queries.restatements import restatements_of_window
from wiki_trends.report.lookup_text import page_lines
from wiki_trends.warehouse import comments, open_warehouse


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


@pytest.mark.slow
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


def test_an_identical_rewrite_makes_no_window_stale(publish):
    publish(0, 1)
    write_day(publish.dataset, 1, [row("A", 11), row("B", 5, 2)])
    assert publish(1, 2)[0, 1] == (1, False)


@pytest.mark.slow
def test_an_earlier_window_is_computed_again_without_a_change_of_the_current_tables(publish):
    publish(0, 1)
    write_day(publish.dataset, 1, [row("A", 99), row("B", 5, 2)])
    publish(4, 5)
    version = publish.warehouse.version()
    window = Window.between(day_number(0), day_number(1), day_number(4))
    run = analyze(publish.dataset, check(publish.dataset, window), publish.warehouse, recompute=True).run
    assert (run.recomputed, sorted(run.rows)) == (
        True,
        ["wiki_diamond", "wiki_page_history", "wiki_pipeline_runs", "wiki_trends_scores"],
    )
    assert publish.warehouse.version() != version
    with publish.warehouse.reading() as reader:
        assert reader.last_run().window_start == day_number(4)
        rows = reader.rows("SELECT DISTINCT window_end, run, stale FROM wiki_trends_scores ORDER BY run")
        days = reader.rows("SELECT DISTINCT date FROM wiki_trends_timeseries")
    assert [(item["window_end"], item["run"], item["stale"]) for item in rows] == [
        (day_number(5), 2, False),
        (day_number(1), 3, False),
    ]
    assert {item["date"] for item in days} == {day_number(4), day_number(5)}


@pytest.mark.slow
def test_the_earlier_values_of_a_restated_day_are_kept_as_versions(publish):
    publish(0, 1)
    write_day(publish.dataset, 1, [row("A", 5, 2), row("C", 7)])
    # The day is only in the baseline of the window that is published next.
    publish(2, 3)
    write_day(publish.dataset, 1, [row("A", 6, 2), row("C", 7)])
    publish(0, 1)
    columns = "page, views, rank, new_views, new_rank, fingerprint, new_fingerprint"
    with publish.warehouse.reading() as reader:
        versions = reader.rows(f"SELECT {columns} FROM wiki_trends_restatements ORDER BY replaced_at, page")
        restatements = restatements_of_window(reader, reader.last_run())
    assert [tuple(version.values())[:5] for version in versions] == [
        ("A", 11, 1, 5, 2),
        ("B", 5, 2, None, None),
        ("C", None, None, 7, 1),
        ("A", 5, 2, 6, 2),
    ]
    assert versions[0]["new_fingerprint"] == versions[3]["fingerprint"] != versions[0]["fingerprint"]
    assert [restatement.text for restatement in restatements] == [
        f"{day_number(1)}: 3 pages (1 new, 1 gone), −54.5 % views; rank of A 1 → 2",
        f"{day_number(1)}: 1 page, +20.0 % views",
    ]


@pytest.mark.slow
def test_the_table_of_restatements_has_comments_for_all_columns(publish):
    publish(0, 1)
    write_day(publish.dataset, 1, [row("A", 99)])
    publish(0, 1)
    with publish.warehouse.reading() as reader:
        (first, *_) = reader.rows("SELECT * FROM wiki_trends_restatements")
    assert first.keys() == comments.COLUMNS["wiki_trends_restatements"].keys()
