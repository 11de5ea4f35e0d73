"""Exports of tables that are read in several batches, from both warehouses."""

import io

import polars as pl
import psycopg
import pytest

from testing.marked_windows import publish
from wiki_trends.queries import export as exports
from wiki_trends.queries.export import export
from wiki_trends.warehouse import open_warehouse

PAGES = 25_000
ROWS_AT_ONCE = 10_000
READ = {"csv": pl.read_csv, "parquet": pl.read_parquet, "json": pl.read_json}


@pytest.fixture(params=["duckdb", "postgresql"])
def long_table(request, tmp_path):
    """A warehouse whose table has more rows than a batch of either warehouse."""
    url = f"duckdb:///{tmp_path}/w.duckdb"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    warehouse = open_warehouse(url)
    publish(warehouse, 7, pages=PAGES)
    return warehouse


def test_pieces_together_are_the_rows(long_table):
    sql = "SELECT page, views FROM wiki_trends_growth WHERE views = ? ORDER BY page"
    with long_table.reading() as reader:
        batches = list(reader.batches(sql, 7))
        assert len(batches) > 1
        assert [row for batch in batches for row in batch] == reader.rows(sql, 7)


@pytest.fixture(autouse=True)
def short_frames(monkeypatch):
    monkeypatch.setattr(exports, "_BATCH_ROWS", ROWS_AT_ONCE)


@pytest.mark.parametrize("form", READ)
def test_a_table_of_many_pieces_is_exported_whole_and_in_order(long_table, form):
    stream = io.BytesIO()
    export(long_table, "wiki_trends_growth", form, stream)
    stream.seek(0)
    frame = READ[form](stream)
    pages = frame["page"].to_list()
    assert (len(pages), len(set(pages))) == (PAGES, PAGES)
    with long_table.reading() as reader:
        assert pages == [
            row["page"] for row in reader.rows("SELECT page FROM wiki_trends_growth ORDER BY page")
        ]
    assert frame["views"].to_list() == [7] * PAGES


def test_a_users_column_that_is_null_at_first_is_exported(postgres_url):
    warehouse = open_warehouse(postgres_url)
    publish(warehouse, 7, pages=PAGES)
    with psycopg.connect(postgres_url) as connection:
        connection.execute("ALTER TABLE wiki_trends_growth ADD COLUMN mine numeric")
        connection.execute("UPDATE wiki_trends_growth SET mine = 1.5 WHERE page = 'P9999'")
    stream = io.BytesIO()
    export(warehouse, "wiki_trends_growth", "parquet", stream)
    stream.seek(0)
    frame = pl.read_parquet(stream)
    assert frame.height == PAGES
    assert frame.drop_nulls("mine").select("page", "mine").rows() == [("P9999", 1.5)]


def test_a_target_below_a_file_is_told(place):
    place.write_days("2025-11-05")
    assert place.run("analyze", "--days", "1", "--as-of", "2025-11-08").code == 0
    (place.folder / "file").write_text("mine")
    ran = place.run("export", "wiki_diamond", "--output", "file/out.csv")
    assert (ran.code, ran.out) == (1, "")
    assert "file/out.csv cannot be written: Not a directory" in ran.err


def test_an_empty_list_of_json_is_a_list(place):
    place.write_days("2025-11-05")
    assert place.run("analyze", "--days", "1", "--as-of", "2025-11-08").code == 0
    assert place.process("export", "wiki_pipeline_runs", "--format", "json").json == []
