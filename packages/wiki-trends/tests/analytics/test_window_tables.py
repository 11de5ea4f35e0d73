"""The published tables equal a second computation from their definitions in plain Python."""

import datetime as dt
import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings

from testing.random_days import days, rows_of
from testing.window_data import NOW, checked_window, day_number, row
from wiki_trends.analytics.analyze import analyze
from wiki_trends.warehouse import open_warehouse


def reference(window):
    """The three tables of a list of days, each a list of rows, as dictionaries by their unique key."""
    series, by_page = {}, {}
    for offset, day in enumerate(window):
        for item in day:
            series_row = {**item, "date": day_number(offset)}
            series[item["page"], series_row["date"]] = series_row
            by_page.setdefault(item["page"], []).append(series_row)
    always = {page: listed for page, listed in by_page.items() if len(listed) == len(window)}
    common = {(page, item["date"]): item for page, listed in always.items() for item in listed}
    return series, common, {page: grown(listed) for page, listed in always.items()}


def grown(listed):
    first, last = listed[0], listed[-1]
    counts = [item["views"] for item in listed]
    change = last["views"] - first["views"]
    return {
        "page": last["page"],
        "page_display": last["page_display"],
        "category": last["category"],
        "location": last["location"],
        "first_date": first["date"],
        "last_date": last["date"],
        "first_views": first["views"],
        "last_views": last["views"],
        "views_change": change,
        "views_change_pct": None if first["views"] == 0 else change / first["views"] * 100,
        "first_rank": first["rank"],
        "last_rank": last["rank"],
        "rank_change": first["rank"] - last["rank"],
        "avg_views": sum(counts) / len(counts),
        "max_views": max(counts),
        "min_views": min(counts),
        "volatility": max(counts) - min(counts),
        "days_tracked": len(listed),
    }


def same(published, expected):
    assert published.keys() == expected.keys()
    for key, actual_row in published.items():
        for name, value in actual_row.items():
            wanted = expected[key][name]
            if isinstance(value, float) and wanted is not None:
                assert math.isclose(value, wanted, rel_tol=1e-9, abs_tol=1e-9), (key, name)
            else:
                assert value == wanted, (key, name)


def publish_and_compare(window):
    with tempfile.TemporaryDirectory() as folder:
        rows = [rows_of(day) for day in window]
        dataset, completeness = checked_window(folder, rows)
        warehouse = open_warehouse(f"duckdb:///{Path(folder) / 'w.duckdb'}")
        analysis = analyze(dataset, completeness, warehouse, clock=lambda: NOW)
        with warehouse.reading() as reader:
            series = reader.rows("FROM wiki_trends_timeseries")
            common = reader.rows("FROM wiki_trends_common")
            growth = reader.rows("FROM wiki_trends_growth")
    counted = {"timeseries": series, "common": common, "growth": growth}
    assert all(analysis.rows[f"wiki_trends_{name}"] == len(rows) for name, rows in counted.items())
    wanted_series, wanted_common, wanted_growth = reference(rows)
    for rows, expected_rows in ((series, wanted_series), (common, wanted_common)):
        keyed = {(item["page"], item["date"]): item for item in rows}
        assert len(keyed) == len(rows)
        same(keyed, expected_rows)
        assert rows == sorted(rows, key=lambda item: (item["date"], item["rank"], item["page"]))
    assert len({item["page"] for item in growth}) == len(growth)
    same({item["page"]: item for item in growth}, wanted_growth)


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(days)
def test_tables_are_what_their_definitions_say(window):
    publish_and_compare(window)


@pytest.mark.long
@settings(max_examples=200, deadline=None)
@given(days)
def test_tables_are_what_their_definitions_say_on_many_lakes(window):
    publish_and_compare(window)


@pytest.fixture
def published(tmp_path):
    def publish(*window):
        dataset, completeness = checked_window(tmp_path, window)
        warehouse = open_warehouse(f"duckdb:///{tmp_path / 'w.duckdb'}")
        analyze(dataset, completeness, warehouse, clock=lambda: NOW)
        return warehouse

    return publish


def test_columns_and_their_types_are_the_documented_ones(published):
    with published([row("A", 1)]).reading() as reader:
        described = {
            table: {item["column_name"]: item["column_type"] for item in reader.rows(f"DESCRIBE {table}")}
            for table in ("wiki_trends_timeseries", "wiki_trends_common", "wiki_trends_growth")
        }
    text = dict.fromkeys(("page", "page_display", "category", "location_type", "location"), "VARCHAR")
    daily = text | {
        "date": "DATE",
        "views": "BIGINT",
        "rank": "INTEGER",
        "latitude": "DOUBLE",
        "longitude": "DOUBLE",
    }
    assert described["wiki_trends_timeseries"] == daily
    left_out = ("location_type", "latitude", "longitude")
    assert described["wiki_trends_common"] == {
        name: kind for name, kind in daily.items() if name not in left_out
    }
    assert list(described["wiki_trends_growth"].items()) == [
        ("page", "VARCHAR"),
        ("page_display", "VARCHAR"),
        ("category", "VARCHAR"),
        ("location", "VARCHAR"),
        ("first_date", "DATE"),
        ("last_date", "DATE"),
        ("first_views", "BIGINT"),
        ("last_views", "BIGINT"),
        ("views_change", "BIGINT"),
        ("views_change_pct", "DOUBLE"),
        ("first_rank", "INTEGER"),
        ("last_rank", "INTEGER"),
        ("rank_change", "INTEGER"),
        ("avg_views", "DOUBLE"),
        ("max_views", "BIGINT"),
        ("min_views", "BIGINT"),
        ("volatility", "BIGINT"),
        ("days_tracked", "INTEGER"),
    ]


def test_growth_from_zero_views_has_no_percentage(published):
    with published([row("A", 0)], [row("A", 7)]).reading() as reader:
        assert reader.rows("SELECT views_change, views_change_pct FROM wiki_trends_growth") == [
            {"views_change": 7, "views_change_pct": None}
        ]


def test_a_page_that_was_outside_the_list_once_is_not_common_but_in_the_series(published):
    window = ([row("A", 5), row("B", 4)], [row("A", 6)], [row("A", 7), row("B", 9)])
    with published(*window).reading() as reader:
        assert {item["page"] for item in reader.rows("FROM wiki_trends_common")} == {"A"}
        assert [item["page"] for item in reader.rows("FROM wiki_trends_growth")] == ["A"]
        series = reader.rows("SELECT date FROM wiki_trends_timeseries WHERE page = 'B' ORDER BY date")
    assert [item["date"] for item in series] == [dt.date(2025, 11, 5), dt.date(2025, 11, 7)]
