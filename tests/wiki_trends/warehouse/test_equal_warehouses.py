"""One window published to DuckDB and to PostgreSQL is the same window, in every table and in the report."""

import math
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.wiki_trends.analytics.test_window_tables import days, rows_of
from tests.wiki_trends.window_data import NOW, checked_window
from wiki_trends.analytics.analyze import analyze
from wiki_trends.report.build import build
from wiki_trends.warehouse import open_warehouse
from wiki_trends.warehouse.base import KEPT_BY, KEYS


def same(one, other):
    """Equal, numbers that are not whole within the 1e-9 that adding up in another order costs."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return one == other and type(one) is type(other)


def table_of(reader, name, dataset):
    """The rows of this dataset, by key."""
    of = f" WHERE dataset = '{dataset}'" if "dataset" in KEPT_BY.get(name, ()) else ""
    return {
        tuple(row[column] for column in KEYS[name]): row for row in reader.rows(f"SELECT * FROM {name}{of}")
    }


def reported(warehouse):
    """The report without the one figure that differs from run to run."""
    made = build(warehouse)
    return asdict(replace(made, run=replace(made.run, seconds=0.0)))


def publish_twice_and_compare(window, postgres_url):
    with tempfile.TemporaryDirectory() as folder:
        dataset, completeness = checked_window(folder, [rows_of(day) for day in window])
        embedded, server = (
            open_warehouse(f"duckdb:///{Path(folder) / 'w.duckdb'}"),
            open_warehouse(postgres_url),
        )
        done = analyze(dataset, completeness, embedded, clock=lambda: NOW)
        assert analyze(dataset, completeness, server, clock=lambda: NOW).rows == done.rows
        with embedded.reading() as one, server.reading() as other:
            for name in done.rows:
                if name == "wiki_diamond":
                    # It holds the days of earlier examples too.
                    continue
                expected, found = table_of(one, name, dataset.name), table_of(other, name, dataset.name)
                if name not in KEPT_BY:
                    assert found.keys() == expected.keys()
                for key, row in expected.items():
                    differing = [
                        column for column, value in row.items() if not same(value, found[key][column])
                    ]
                    assert not differing, (name, key, row, found[key])
        assert same(reported(server), reported(embedded)), (reported(server), reported(embedded))


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
