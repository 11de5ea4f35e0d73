"""PostgreSQL has jsonb and timestamptz; the first publish changes the types that an earlier version published."""

import datetime as dt

import psycopg
import pytest

from testing.window_data import NOW, checked_window, row
from wiki_trends.analytics.analyze import analyze
from wiki_trends.errors import WarehouseError
from wiki_trends.warehouse import open_warehouse
from wiki_trends.warehouse.runs_table import JSON_COLUMNS

TIMES = {("wiki_trends_runs", "published_at"), ("wiki_pipeline_runs", "written_at")}


@pytest.fixture
def publish(tmp_path, postgres_url):
    dataset, completeness = checked_window(tmp_path, [[row("A", 5)], [row("A", 7)]])
    warehouse = open_warehouse(postgres_url)
    return lambda: analyze(dataset, completeness, warehouse, clock=lambda: NOW).run


def types_of(url):
    sql = """
        SELECT table_name, column_name, data_type FROM information_schema.columns
        WHERE table_schema = current_schema() AND table_name LIKE 'wiki%'
    """
    with psycopg.connect(url) as connection:
        return {(table, column): kind for table, column, kind in connection.execute(sql)}


def make_older(url):
    """Give the tables the types of an earlier version."""
    with psycopg.connect(url) as connection:
        for name in JSON_COLUMNS:
            connection.execute(f"ALTER TABLE wiki_trends_runs ALTER COLUMN {name} TYPE text")
        for table, column in TIMES:
            connection.execute(
                f"ALTER TABLE {table} ALTER COLUMN {column} TYPE timestamp USING {column} AT TIME ZONE 'UTC'"
            )


def execute(url, statement):
    with psycopg.connect(url) as connection:
        return (
            connection.execute(statement).fetchall()
            if statement.startswith("SELECT")
            else connection.execute(statement)
        )


def test_json_is_jsonb_and_times_have_a_time_zone(publish, postgres_url):
    publish()
    types = types_of(postgres_url)
    assert {column for (table, column), kind in types.items() if kind == "jsonb"} == JSON_COLUMNS
    assert {place for place, kind in types.items() if kind.startswith("timestamp")} == TIMES
    assert {types[place] for place in TIMES} == {"timestamp with time zone"}
    ((published_at,),) = execute(postgres_url, "SELECT published_at FROM wiki_trends_runs")
    assert published_at == NOW
    assert execute(postgres_url, "SELECT table_rows->>'wiki_diamond' FROM wiki_trends_runs") == [("2",)]


def test_the_types_of_an_earlier_version_are_changed_once(publish, postgres_url):
    first = publish()
    types = types_of(postgres_url)
    make_older(postgres_url)
    assert types_of(postgres_url) != types
    with open_warehouse(postgres_url).reading() as reader:
        assert reader.last_run() == first
    second = publish()
    assert types_of(postgres_url) == types
    assert (second.published_at, second.fingerprints) == (NOW, first.fingerprints)
    assert execute(postgres_url, "SELECT published_at FROM wiki_trends_runs WHERE run = 1") == [(NOW,)]
    # Now nothing differs: the same window again adds no run.
    runs = execute(postgres_url, "SELECT count(*) FROM wiki_trends_runs")
    assert publish() == second
    assert execute(postgres_url, "SELECT count(*) FROM wiki_trends_runs") == runs


def test_times_are_utc_whatever_the_time_zone_of_the_session(publish, postgres_url, monkeypatch):
    monkeypatch.setenv("PGTZ", "Asia/Tokyo")
    publish()
    with open_warehouse(postgres_url).reading() as reader:
        assert reader.last_run().published_at == NOW
        (published,) = reader.rows("SELECT published_at FROM wiki_trends_runs")
    assert published == {"published_at": NOW.replace(tzinfo=None)}
    assert execute(postgres_url, "SELECT extract(epoch FROM published_at)::bigint FROM wiki_trends_runs") == [
        (int(NOW.timestamp()),)
    ]
    assert NOW.tzinfo == dt.UTC


def test_views_that_use_the_columns_are_named_before_anything_is_changed(publish, postgres_url):
    publish()
    make_older(postgres_url)
    execute(postgres_url, "CREATE VIEW newest AS SELECT max(published_at) AS at FROM wiki_trends_runs")
    execute(postgres_url, "CREATE MATERIALIZED VIEW steps AS SELECT date, written_at FROM wiki_pipeline_runs")
    execute(postgres_url, "CREATE VIEW unconcerned AS SELECT run, dataset FROM wiki_trends_runs")
    types = types_of(postgres_url)
    with pytest.raises(WarehouseError, match=r"newest, .*steps.*Drop these views, publish once") as caught:
        publish()
    assert "unconcerned" not in str(caught.value)
    assert types_of(postgres_url) == types
    execute(postgres_url, "DROP VIEW newest")
    execute(postgres_url, "DROP MATERIALIZED VIEW steps")
    publish()
    assert types_of(postgres_url) != types
    assert execute(postgres_url, "SELECT run FROM unconcerned WHERE run = 1") == [(1,)]
