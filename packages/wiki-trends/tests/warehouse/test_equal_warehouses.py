"""DuckDB and PostgreSQL have equal tables, reports, comments and constraints after the same publish."""

import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from testing.equal_tables import assert_same_tables, values_match
from testing.random_days import days, rows_of
from testing.window_data import NOW, checked_window, row
from wiki_trends.analytics.analyze import analyze
from wiki_trends.evidence.collect import Collected
from wiki_trends.evidence.model import Finding
from wiki_trends.evidence.table import evidence_table
from wiki_trends.report.build import build_report
from wiki_trends.warehouse import open_warehouse
from wiki_trends.warehouse.base import NULLABLE, RESTATEMENTS, RUN_COLUMNS
from wiki_trends.warehouse.comments import COLUMNS, TABLES


def no_explanation(_scores, dataset, first, last):
    """The table of the evidence, with a page without evidence."""
    return evidence_table([Finding("A", last)], Collected(), dataset, first, last)


def reported(warehouse):
    """The report without what differs from run to run: `seconds`, and the replaced rows of earlier examples.

    If an example has the same contents as the one before, the server keeps the earlier run, and with it the earlier fingerprints.
    """
    made = build_report(warehouse)
    rows = {name: count for name, count in made.run.rows.items() if name != RESTATEMENTS}
    fingerprints = dict.fromkeys(made.run.fingerprints, "")
    run = replace(made.run, seconds=0.0, rows=rows, fingerprints=fingerprints)
    return asdict(replace(made, run=run, restatements=()))


def publish_twice_and_compare(window, postgres_url):
    with tempfile.TemporaryDirectory() as folder:
        dataset, completeness = checked_window(folder, [rows_of(day) for day in window])
        embedded, server = (
            open_warehouse(f"duckdb:///{Path(folder) / 'w.duckdb'}"),
            open_warehouse(postgres_url),
        )
        done = analyze(dataset, completeness, embedded, clock=lambda: NOW)
        # The server also has the rows that earlier examples replaced.
        rows = dict(analyze(dataset, completeness, server, clock=lambda: NOW).rows)
        rows.pop(RESTATEMENTS, None)
        assert rows == done.rows
        with embedded.reading() as embedded_reader, server.reading() as other:
            # wiki_diamond also has the days of earlier examples.
            names = [name for name in done.rows if name != "wiki_diamond"]
            assert_same_tables(embedded_reader, other, names, dataset.name)
        assert values_match(reported(server), reported(embedded)), (reported(server), reported(embedded))


@pytest.mark.slow
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(window=days)
def test_every_table_is_the_same_in_both_warehouses(postgres_url, window):
    publish_twice_and_compare(window, postgres_url)


@pytest.mark.long
@pytest.mark.timeout(900)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(window=days)
def test_every_table_is_the_same_in_both_warehouses_on_many_lakes(postgres_url, window):
    publish_twice_and_compare(window, postgres_url)


@pytest.mark.parametrize("kind", ["duckdb", "postgresql"])
def test_every_table_and_column_has_a_comment_of_its_own(tmp_path, request, kind):
    url = (
        f"duckdb:///{tmp_path / 'w.duckdb'}" if kind == "duckdb" else request.getfixturevalue("postgres_url")
    )
    dataset, completeness = checked_window(tmp_path, [[row("A", 1)], [row("A", 2)]])
    warehouse = open_warehouse(url)
    analyze(dataset, completeness, warehouse, evidence=no_explanation, clock=lambda: NOW)
    with warehouse.reading() as reader:
        comments = {
            (line["table_name"], line["column_name"]): line["comment"]
            for line in reader.rows(_COMMENTS[kind])
        }
        names = {name for name, _ in comments}
    # The table of restatements is made when a value is replaced.
    assert names == set(TABLES) - {RESTATEMENTS}
    assert comments == {
        (table, column): text
        for table, texts in COLUMNS.items()
        if table != RESTATEMENTS
        for column, text in texts.items()
    }


@pytest.mark.parametrize("kind", ["duckdb", "postgresql"])
def test_columns_are_not_null_unless_they_may_be(tmp_path, request, kind):
    url = (
        f"duckdb:///{tmp_path / 'w.duckdb'}" if kind == "duckdb" else request.getfixturevalue("postgres_url")
    )
    dataset, completeness = checked_window(tmp_path, [[row("A", 1)], [row("A", 2)]])
    warehouse = open_warehouse(url)
    tables = analyze(dataset, completeness, warehouse, evidence=no_explanation, clock=lambda: NOW).rows
    with warehouse.reading() as reader:
        columns = reader.rows(
            "SELECT table_name, column_name, is_nullable FROM information_schema.columns "
            "WHERE table_schema = current_schema()"
        )
    nullable = {name: set[str]() for name in tables}
    for column in columns:
        if column["table_name"] in tables and column["is_nullable"] == "YES":
            nullable[column["table_name"]].add(column["column_name"])
    assert nullable == {
        name: NULLABLE.get(name, frozenset()) | RUN_COLUMNS.get(name, {}).keys() for name in tables
    }


_COMMENTS = {
    "duckdb": "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE table_name LIKE 'wiki%'",
    "postgresql": """
        SELECT table_name, column_name,
               col_description(table_name::regclass, ordinal_position::int) AS comment
        FROM information_schema.columns WHERE table_schema = current_schema() AND table_name LIKE 'wiki%'
    """,
}
