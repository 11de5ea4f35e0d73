import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from smart_orchestrator.adapters.manifest import inspect
from smart_orchestrator.checking import check
from smart_orchestrator.committing.writer import write_frame
from smart_orchestrator.errors import PartitionChanged
from smart_orchestrator.model.completeness import Policy
from smart_orchestrator.model.window import Window
from testing.window_data import (
    NOW,
    TYPES,
    checked_window,
    day_number,
    diamond_in,
    ranked,
    row,
    window_of,
    write_day,
)
from wiki_trends.analytics.analyze import analyze
from wiki_trends.analytics.engines import duckdb as duckdb_engine
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import load
from wiki_trends.errors import EngineError, NothingPublished, WindowNotReady
from wiki_trends.jobs import main as main_job
from wiki_trends.warehouse import open_warehouse


@pytest.fixture
def warehouse(tmp_path):
    return open_warehouse(f"duckdb:///{tmp_path / 'w.duckdb'}")


def test_the_run_says_what_was_read(tmp_path, warehouse):
    dataset, completeness = checked_window(tmp_path, [[row("A", 1)], [row("A", 2), row("B", 1, 2)]])
    analysis = analyze(dataset, completeness, warehouse, clock=lambda: NOW)
    with warehouse.reading() as reader:
        run = reader.last_run()
    assert run == analysis.run
    assert (run.window_start, run.window_end) == (day_number(0), day_number(1))
    assert run.days_used == analysis.days == (day_number(0), day_number(1))
    assert run.fingerprints == {part.day.isoformat(): part.fingerprint for part in completeness.partitions}
    assert run.rows == {
        "wiki_diamond": 3,
        "wiki_trends_timeseries": 3,
        "wiki_trends_common": 2,
        "wiki_trends_growth": 1,
        "wiki_trends_categories": 1,
        "wiki_trends_scores": 2,
        "wiki_page_history": 0,
        # Nothing was measured: the days were not written by the pipeline.
        "wiki_pipeline_runs": 0,
    }
    assert run.baseline == {}
    assert (run.coverage_pct, run.expected, run.published_at) == (100.0, 2, NOW)
    assert json.loads(run.policy) == completeness.policy.to_json()
    assert analysis.seconds >= run.seconds > 0


def test_a_window_with_a_hole_is_refused_and_nothing_is_published(tmp_path, warehouse):
    dataset = diamond_in(tmp_path)
    write_day(dataset, 0, [row("A", 1)])
    with pytest.raises(WindowNotReady, match=r"coverage 50.0 %, missing: 2025-11-06") as caught:
        analyze(dataset, check(dataset, window_of(2)), warehouse)
    assert caught.value.missing == ["2025-11-06"]
    with pytest.raises(NothingPublished), warehouse.reading():
        pass


def test_a_policy_that_allows_the_hole_is_obeyed_and_the_days_used_are_recorded(tmp_path, warehouse):
    dataset = diamond_in(tmp_path)
    write_day(dataset, 0, [row("A", 1), row("B", 1)])
    write_day(dataset, 2, [row("A", 4)])
    completeness = check(dataset, window_of(3), policy=Policy(min_coverage=60))
    analysis = analyze(dataset, completeness, warehouse)
    assert analysis.days == (day_number(0), day_number(2))
    assert (analysis.run.coverage_pct, analysis.run.expected) == (66.7, 3)
    # "Every day of the window" means every day used.
    assert analysis.rows["wiki_trends_growth"] == 1


def test_a_day_that_was_committed_anew_after_the_check_stops_the_analysis(tmp_path, warehouse):
    dataset, completeness = checked_window(tmp_path, [[row("A", 1)], [row("A", 2)]])
    analyze(dataset, completeness, warehouse)
    write_day(dataset, 1, [row("A", 3), row("B", 2)])
    with pytest.raises(PartitionChanged):
        analyze(dataset, completeness, warehouse)
    with warehouse.reading() as reader:
        assert reader.rows("SELECT count(*) AS runs FROM wiki_trends_runs") == [{"runs": 1}]
        assert reader.last_run().rows["wiki_trends_timeseries"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["duckdb", "postgresql"])
@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT list(i) FROM range(200000000) t(i)", "DuckDB: memory and disk do not suffice (OutOfMemory"),
        ("SELECT error('no such page')", "DuckDB: it failed (InvalidInputException: "),
    ],
)
def test_a_table_that_fails_while_it_is_published_is_the_engines_failure(
    tmp_path, warehouse, request, monkeypatch, kind, sql, told
):
    if kind == "postgresql":
        warehouse = open_warehouse(request.getfixturevalue("postgres_url"))
    dataset, completeness = checked_window(tmp_path, [[row("A", 1)]])
    analyze(dataset, completeness, warehouse)
    statements = duckdb_engine.duckdb_sql()
    monkeypatch.setattr(duckdb_engine, "MIN_MEMORY_BYTES", 100_000_000)
    monkeypatch.setattr(duckdb_engine, "duckdb_sql", lambda: {**statements, "wiki_trends_growth": sql})
    dataset, completeness = checked_window(tmp_path, [[row("A", 1), row("B", 1)]])
    with pytest.raises(EngineError) as caught:
        analyze(dataset, completeness, warehouse)
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)
    with warehouse.reading() as reader:
        assert reader.last_run().rows["wiki_trends_timeseries"] == 1
        assert reader.rows("SELECT count(*) AS pages FROM wiki_trends_timeseries") == [{"pages": 1}]


ROOT = Path(__file__).parents[4]

_QUIET = """
import sys
from testing.window_data import checked_window, row
from wiki_trends.analytics.analyze import analyze
from wiki_trends.warehouse import open_warehouse
dataset, completeness = checked_window(sys.argv[1], [[row("A", 1)], [row("A", 2)]])
analyze(dataset, completeness, open_warehouse(f"duckdb:///{sys.argv[1]}/w.duckdb"))
print(sorted({"ibis", "numpy", "pandas", "pyarrow", "sqlglot"} & set(sys.modules)))
"""


def test_analysis_needs_no_slow_import_and_says_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _QUIET, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


def test_the_baseline_is_recorded_and_a_broken_day_of_it_stands_in_nobodys_way(tmp_path, warehouse):
    dataset = diamond_in(tmp_path)
    for offset in range(4):
        write_day(dataset, offset, [row("A", 10 + offset)])
    part = next(Path(tmp_path).glob("diamond/diamond_final_2025_11_05.csv/part-*"))
    part.write_bytes(part.read_bytes().replace(b"10", b"xx"))
    window = Window.between(day_number(2), day_number(3), day_number(6))
    analysis = analyze(dataset, check(dataset, window), warehouse)
    assert list(analysis.run.baseline) == [day_number(1).isoformat()]
    with warehouse.reading() as reader:
        found = reader.rows("SELECT baseline_days, presence FROM wiki_trends_scores")
        assert found == [{"baseline_days": 1, "presence": "regular"}]
        assert reader.rows("SELECT count(*) AS days FROM wiki_diamond") == [{"days": 3}]


def test_a_restated_baseline_day_that_changes_after_the_check_keeps_its_published_values(tmp_path, warehouse):
    dataset = diamond_in(tmp_path)
    for offset in range(4):
        write_day(dataset, offset, [row("A", 10 + offset)])
    analyze(dataset, check(dataset, window_of(2)), warehouse)
    write_day(dataset, 0, [row("A", 77)])

    class Engine(duckdb_engine.DuckDBEngine):
        def compute(self, inputs):
            (part,) = Path(tmp_path).glob("diamond/diamond_final_2025_11_05.csv/part-*")
            part.write_bytes(part.read_bytes().replace(b"77", b"xx"))
            return super().compute(inputs)

    window = Window.between(day_number(2), day_number(3), day_number(6))
    analysis = analyze(dataset, check(dataset, window), warehouse, engine=Engine())
    assert list(analysis.run.baseline) == [day_number(1).isoformat()]
    assert "wiki_trends_restatements" not in analysis.rows
    with warehouse.reading() as reader:
        assert reader.rows("SELECT views FROM wiki_diamond ORDER BY date LIMIT 1") == [{"views": 10}]


@pytest.mark.slow
def test_what_the_pipeline_measured_of_each_day_is_published_and_stays(place, sample_api):
    sample_api()
    for end in ("2025-11-06", "2025-11-07"):
        ran = place.run("run", "--start", "2025-11-05", "--end", end, "--as-of", "2025-11-12", "--json")
        assert ran.code == 0, ran.err
    diamond = layers(load()).diamond
    days = [day_number(offset) for offset in range(3)]
    with open_warehouse(load().warehouse).reading() as reader:
        found = reader.rows("SELECT * FROM wiki_pipeline_runs ORDER BY date, place")
    assert [row["date"] for row in found] == [day for day in days for _ in range(5)]
    for day in days:
        manifest = inspect(diamond, day).manifest
        rows = [row for row in found if row["date"] == day]
        measured = manifest.measured["steps"]
        names = ("step", "rows_in", "rows_out", "requests", "retries", "cache_hits", "seconds")
        assert [[row[name] for name in names] for row in rows] == [
            [step[name] for name in names] for step in measured
        ]
        assert {(row["run_id"], row["written_at"].replace(tzinfo=dt.UTC)) for row in rows} == {
            (manifest.run_id, manifest.written_at)
        }
    assert sum(row["requests"] for row in found) > 0


def test_a_window_of_which_a_day_was_committed_anew_is_checked_again(place):
    place.write_days("2025-11-05", "2025-11-06")
    settings = load()
    window = Window.between(day_number(0), day_number(1), day_number(4))
    stale = main_job.checker_of_window(settings, window)()
    place.write_days("2025-11-06", pages=5)
    done = main_job.analyze_window(
        settings, completeness=stale, check_window=main_job.checker_of_window(settings, window)
    )
    assert done.rows["wiki_trends_timeseries"] == 3 + 5
    fresh = main_job.checker_of_window(settings, window)()
    assert done.fingerprints == {part.day.isoformat(): part.fingerprint for part in fresh.partitions}
    (part,) = place.folder.glob("data/lake/diamond/diamond_final_2025_11_06.csv/part-*")
    part.write_bytes(part.read_bytes().replace(b"1000", b"1001"))
    with pytest.raises(WindowNotReady, match="missing: 2025-11-06"):
        main_job.analyze_window(
            settings, completeness=fresh, check_window=main_job.checker_of_window(settings, window)
        )


def scored_pages(warehouse):
    with warehouse.reading() as reader:
        return {scored["page"] for scored in reader.rows("SELECT page FROM wiki_trends_scores")}


def test_a_page_with_two_signs_of_programs_is_in_no_table_and_one_with_a_single_sign_stays(
    tmp_path, warehouse
):
    dataset = diamond_in(tmp_path)
    for offset, news in enumerate((900, 400, 150, 60)):
        views = {"Flat_crawl": 1000 + offset, "News": news, "Flat_evergreen": 500}
        frame = pl.DataFrame(ranked(views), schema=TYPES)
        suspect = [{"page": page, "views": views[page]} for page in ("Flat_crawl", "News")]
        write_frame(dataset, day_number(offset), frame, measured={"suspect": suspect})
    done = analyze(dataset, check(dataset, window_of(4)), warehouse)
    assert scored_pages(warehouse) == {"News", "Flat_evergreen"}
    assert done.rows["wiki_diamond"] == 8
    # Three days do not show whether the views are flat.
    analyze(dataset, check(dataset, window_of(3)), warehouse)
    with warehouse.reading() as reader:
        days = reader.rows("SELECT views FROM wiki_trends_timeseries WHERE page = 'Flat_crawl'")
    assert len(days) == 3


def test_pages_that_are_in_no_table_and_older_titles_are_no_restatements(tmp_path, warehouse):
    dataset = diamond_in(tmp_path)

    def write(offset, news):
        views = {"Flat_crawl": 1000 + offset, "Old_name": 700, "News": news}
        frame = pl.DataFrame(ranked(views), schema=TYPES)
        suspect = [{"page": "Flat_crawl", "views": views["Flat_crawl"]}]
        write_frame(dataset, day_number(offset), frame, measured={"suspect": suspect})

    for offset in range(4):
        write(offset, news=100)
    renamed = {"Old_name": "New_name"}
    analyze(dataset, check(dataset, window_of(4)), warehouse, renamed=renamed)
    write(2, news=150)
    analyze(dataset, check(dataset, window_of(4)), warehouse, renamed=renamed)
    with warehouse.reading() as reader:
        rows = reader.rows("SELECT date, page, views, new_views FROM wiki_trends_restatements")
    assert rows == [{"date": day_number(2), "page": "News", "views": 100, "new_views": 150}]


def test_a_page_that_was_renamed_within_the_window_has_one_row_under_its_newest_title(tmp_path, warehouse):
    days = [ranked({"Old_name": 100, "Other": 50})] * 2 + [ranked({"New_name": 110, "Other": 50})] * 2
    dataset, completeness = checked_window(tmp_path, days)
    analyze(dataset, completeness, warehouse, renamed={"Old_name": "New_name"})
    assert scored_pages(warehouse) == {"New_name", "Other"}
    with warehouse.reading() as reader:
        rows = reader.rows(
            "SELECT page_display, views FROM wiki_trends_timeseries WHERE page = 'New_name' ORDER BY date"
        )
    assert rows == [{"page_display": "New name", "views": views} for views in (100, 100, 110, 110)]
