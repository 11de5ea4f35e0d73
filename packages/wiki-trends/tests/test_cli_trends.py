"""Test the commands `export`, `top` and `page`."""

from __future__ import annotations

import io
import json

import duckdb
import polars as pl
import pytest

WINDOW = ("--start", "2025-11-05", "--end", "2025-11-07", "--as-of", "2025-11-12")
TABLES = [
    "wiki_diamond",
    "wiki_trends_timeseries",
    "wiki_trends_common",
    "wiki_trends_growth",
    "wiki_trends_categories",
    "wiki_trends_scores",
    "wiki_pipeline_runs",
    "wiki_page_history",
    "wiki_trends_runs",
]


@pytest.fixture
def published(place):
    place.write_days("2025-11-03", "2025-11-04", "2025-11-05", "2025-11-06", pages=3)
    place.write_days("2025-11-07", pages=4)
    assert place.run("analyze", *WINDOW).code == 0
    return place


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    ("form", "read"), [("csv", pl.read_csv), ("parquet", pl.read_parquet), ("json", pl.read_json)]
)
def test_every_table_in_every_format_has_all_its_rows(published, table, form, read):
    target = published.folder / f"out.{form}"
    ran = published.run("export", table, "--format", form, "--output", str(target))
    assert ran.code == 0, ran.err
    rows = {
        "wiki_diamond": 16,
        "wiki_trends_timeseries": 10,
        "wiki_trends_common": 9,
        "wiki_trends_scores": 4,
        # The days were written without the pipeline.
        "wiki_pipeline_runs": 0,
        # Nothing was requested.
        "wiki_page_history": 0,
    }
    expected = rows.get(table, {"wiki_trends_growth": 3}.get(table, 1))
    assert read(target).height == expected


def test_a_table_without_rows_has_its_columns(published):
    exported = published.process("export", "wiki_pipeline_runs").out
    assert (
        exported == "date,step,place,run_id,written_at,rows_in,rows_out,requests,retries,cache_hits,seconds\n"
    )


def test_a_table_that_an_earlier_version_did_not_publish_is_told(published):
    with duckdb.connect("data/warehouse.duckdb") as connection:
        connection.execute("DROP TABLE wiki_pipeline_runs")
    ran = published.run("export", "wiki_pipeline_runs")
    assert ran.code == 3
    assert "which had no wiki_pipeline_runs. Run `wiki-trends analyze`" in ran.err


def test_csv_on_stdout_is_only_the_table(published):
    ran = published.process("export", "wiki_trends_growth")
    assert pl.read_csv(io.StringIO(ran.out))["page"].to_list() == ["Page_1", "Page_2", "Page_3"]


def test_a_target_that_exists_stays_unless_forced(published):
    target = published.folder / "out.csv"
    target.write_text("mine")
    ran = published.run("export", "wiki_trends_growth", "--output", str(target))
    assert (ran.code, target.read_text()) == (2, "mine")
    assert "is there already. Name another file, or give --force" in ran.err
    assert published.run("export", "wiki_trends_growth", "--output", str(target), "--force").code == 0
    assert target.read_text().startswith("page,")
    assert [name for name in published.all_paths() if name.endswith(".part")] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["export", "nix"], 2, "TABLE: 'nix' is not known. Give one of wiki_diamond"),
        (["export", "wiki_diamond", "--format", "xls"], 2, "--format: 'xls' is not known"),
        (["export", "wiki_diamond", "--output", "none/x.csv"], 1, "none/x.csv cannot be written"),
        (
            ["top", "--by", "luck"],
            2,
            "--by: 'luck' is not a measure. Give one of at_least, at_most, score, growth, views.",
        ),
        (["top", "--category", "nix"], 2, "Give one of Other."),
        (["page", "page 3x"], 1, "See `wiki-trends top`."),
        (["page", "age_3"], 1, "Did you mean 'Page 3'?"),
    ],
)
def test_what_cannot_be_had_is_said_with_its_fix(published, words, code, says):
    ran = published.run(*words)
    assert ran.code == code
    assert says in ran.err


def test_nothing_published_is_no_table(place):
    for words in (["export", "wiki_diamond"], ["top"], ["page", "A"]):
        ran = place.run(*words)
        assert (ran.code, ran.out) == (1, "")
        assert "nothing has been published yet" in ran.err


def test_top_leads_with_what_came_from_outside_the_list(published):
    document = published.run("top", "--json").json
    assert document["pages"][0]["page"] == "Page_4"
    assert document["pages"][0]["presence"] == "new"
    assert document["window"] == {"start": "2025-11-05", "end": "2025-11-07"}
    shown = published.run("top", "--by", "views", "--limit", "1", "--category", "other")
    assert "Page 3  (Other)" in shown.out
    assert "9,000 views" in shown.out


def test_a_page_is_shown_with_its_unknown_days(published):
    ran = published.run("page", "Page 4")
    assert "2025-11-03 ····▁ 2025-11-07" in ran.out
    assert "–6 November 2025 (" in ran.out
    assert " days): outside the list\n" in ran.out
    document = json.loads(published.run("page", "Page_4", "--json").out)
    assert [day["views"] for day in document["series"]] == [None, None, None, None, 4000]
    assert document["scores"]["baseline_days"] == 2
