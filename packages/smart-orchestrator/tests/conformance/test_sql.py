"""Partitions that are rows of a database's table: grains, time zones, errors and cost."""

from __future__ import annotations

import datetime as dt
import os
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing

import duckdb
import psycopg
import pytest

from smart_orchestrator.adapters.base import adapter_of
from smart_orchestrator.adapters.manifest import InspectOptions
from smart_orchestrator.errors import DatasetError, LakeDenied, LakeUnreachable
from smart_orchestrator.model.dataset import Dataset
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.runners.local import LocalRunner, dataset_identifier
from testing.pg_server import ENCODED_PASSWORD, PASSWORD

DAY = dt.date(2025, 11, 5)
# The hours of two days in UTC, one row each; the second day has one hour fewer.
HOURS = [dt.datetime(2025, 11, 5, tzinfo=dt.UTC) + dt.timedelta(hours=number) for number in range(47)]


def fill(execute, kind):
    execute(f"CREATE TABLE events (id INTEGER, occurred {kind}, day DATE, text VARCHAR, changed TIMESTAMP)")
    offset = "+00" if kind == "TIMESTAMPTZ" else ""
    rows = ",".join(
        f"({number}, '{hour:%Y-%m-%d %H}:30:00{offset}', '{hour:%Y-%m-%d}', '{hour:%Y-%m-%d}', '2025-12-01')"
        for number, hour in enumerate(HOURS)
    )
    execute(f"INSERT INTO events VALUES {rows}")


@pytest.fixture
def postgres_events(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        fill(connection.execute, "TIMESTAMPTZ")
    return postgres_url


@pytest.fixture(params=["postgresql", "duckdb"])
def events(request, tmp_path):
    """The URL of a database with the table `events`."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_events")
    with closing(duckdb.connect(str(tmp_path / "events.duckdb"))) as connection:
        fill(connection.execute, "TIMESTAMP")
    return f"duckdb:///{tmp_path}/events.duckdb"


def described(url, **options):
    defaults = {"table": "events", "key_column": "occurred"}
    if "query" in options:
        defaults.pop("table")
    return Dataset("events", url, adapter="sql", **(defaults | options))


def rows(url, keys, **options):
    partitions = adapter_of(described(url, **options)).inspect(keys, InspectOptions())
    return [partitions[key].rows for key in keys]


@pytest.mark.parametrize("column", ["occurred", "day", "text"])
def test_days_of_times_dates_and_texts(events, column):
    keys = [DAY + dt.timedelta(days=number) for number in range(-1, 3)]
    assert rows(events, keys, key_column=column) == [None, 24, 23, None]


def test_hours_weeks_and_months(events):
    assert rows(events, [HOURS[0], HOURS[46], HOURS[46] + dt.timedelta(hours=1)], grain=Grain.HOUR) == [
        1,
        1,
        None,
    ]
    assert rows(events, [dt.date(2025, 10, 27), dt.date(2025, 11, 3)], grain=Grain.WEEK) == [None, 47]
    assert rows(events, [dt.date(2025, 10, 1), dt.date(2025, 11, 1)], grain=Grain.MONTH) == [None, 47]


def test_local_days_are_counted_in_the_time_zone_of_the_dataset(postgres_events):
    keys = [DAY, dt.date(2025, 11, 6), dt.date(2025, 11, 7)]
    assert rows(postgres_events, keys, timezone="Europe/Berlin") == [23, 24, None]
    assert rows(postgres_events, keys, timezone="America/New_York") == [24, 18, None]


def test_a_window_costs_one_query(events):
    adapter = adapter_of(described(events))
    adapter.inspect([DAY + dt.timedelta(days=number) for number in range(365)], InspectOptions())
    assert adapter.requests == {"query": 1}


def test_a_query_takes_the_place_of_a_table(events):
    query = "SELECT occurred AS moment FROM events WHERE text LIKE '2025-11-0%' AND id::text <> ':name' AND occurred > '2025-11-05 10:15:00';"
    assert rows(events, [DAY], query=query, key_column="moment") == [14]


def test_a_table_of_a_schema(events):
    schema = "public" if events.startswith("postgres") else "main"
    assert rows(events, [DAY], table=f"{schema}.events") == [24]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_days_of_times_with_a_time_zone_are_the_same_on_every_machine(tmp_path, zone):
    path = tmp_path / "zoned.duckdb"
    with closing(duckdb.connect(str(path))) as connection:
        fill(connection.execute, "TIMESTAMPTZ")
        connection.execute("ALTER TABLE events ALTER changed TYPE TIMESTAMPTZ")
    code = (
        "import datetime as dt\n"
        "from smart_orchestrator.adapters.base import adapter_of\n"
        "from smart_orchestrator.adapters.manifest import InspectOptions\n"
        "from smart_orchestrator.model.dataset import Dataset\n"
        f"dataset = Dataset('events', 'duckdb:///{path}', adapter='sql', table='events', key_column='occurred',"
        " change_column='changed')\n"
        "days = [dt.date(2025, 11, day) for day in (4, 5, 6, 7)]\n"
        "partitions = adapter_of(dataset).inspect(days, InspectOptions())\n"
        "print([partitions[day].rows for day in days])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"TZ": zone},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[None, 24, 23, None]\n"


@pytest.mark.parametrize("driver", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_change_column_changes_the_fingerprint(postgres_events, driver):
    url = postgres_events.replace("postgresql", driver)
    dataset = described(url, change_column="changed")
    before = adapter_of(dataset).inspect([DAY], InspectOptions())[DAY].fingerprint
    with psycopg.connect(postgres_events, autocommit=True) as connection:
        connection.execute("UPDATE events SET changed = '2025-12-02' WHERE id = 1")
    assert adapter_of(dataset).inspect([DAY], InspectOptions())[DAY].fingerprint != before
    assert adapter_of(described(url)).inspect([DAY], InspectOptions())[DAY].fingerprint


@pytest.mark.parametrize(
    "options",
    [
        {"table": "no_such_table"},
        {"table": "no_such_schema.events"},
        {"key_column": "no_such_column"},
        {"change_column": "no_such_column"},
        {"query": "SELECT no sense at all FROM"},
        {"key_column": "id", "grain": Grain.HOUR},
    ],
)
def test_a_description_that_does_not_fit_is_refused(events, options):
    with pytest.raises(DatasetError, match=r"Dataset events: the query on .* failed"):
        rows(events, [HOURS[0] if "grain" in options else DAY], **options)


def test_a_query_cannot_write(events):
    query = "DELETE FROM events RETURNING occurred"
    with pytest.raises(DatasetError):
        rows(events, [DAY], query=query)
    assert rows(events, [DAY]) == [24]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key_column": None}, "needs a key_column"),
        ({"table": None}, "either a table or a query"),
        ({"query": "SELECT 1", "table": "events"}, "either a table or a query"),
        ({"lake": "no url"}, "is not that of a database"),
        ({"lake": "postgresql://[host/db"}, "is not that of a database"),
        ({"lake": "postgresql://me@127.0.0.1:99999/db"}, "cannot be used .*invalid port number"),
        ({"lake": "postgresql://me@127.0.0.1/db?sslmode=no"}, "cannot be used .*invalid sslmode value"),
        (
            {"lake": "unknown://host/database"},
            "no SQLAlchemy dialect for unknown://host/database is installed",
        ),
        ({"lake": "mysql+pymysql://host/database"}, "the database driver pymysql is not installed"),
        ({"lake": "duckdb:///x.duckdb", "timezone": "Europe/Berlin"}, "a time zone needs PostgreSQL"),
    ],
)
def test_a_description_that_cannot_work_is_refused(options, message):
    url = options.pop("lake", "postgresql://localhost/orders")
    with pytest.raises(DatasetError, match=message):
        rows(url, [DAY], **({"table": "events", "key_column": "occurred"} | options))


def test_a_database_without_dates_is_an_error(tmp_path):
    with closing(sqlite3.connect(tmp_path / "events.sqlite")) as connection:
        connection.execute("CREATE TABLE events (day DATE)")
        connection.execute("INSERT INTO events VALUES ('2025-11-05')")
        connection.commit()
    with pytest.raises(DatasetError, match="sqlite gives no dates"):
        rows(f"sqlite:///{tmp_path}/events.sqlite", [DAY], key_column="day")


def test_a_password_that_is_refused_is_not_shown(postgres_events):
    for url in (
        postgres_events.replace(ENCODED_PASSWORD, "an0ther-secret"),
        postgres_events.replace("/trends", "/no_such"),
    ):
        with pytest.raises(LakeDenied) as caught:
            rows(url, [DAY])
        text = str(caught.value) + repr(caught.value)
        assert "an0ther-secret" not in text
        assert PASSWORD not in text
        assert ENCODED_PASSWORD not in text
        assert text.startswith("Lake postgresql://127.0.0.1:")


def test_a_password_is_neither_in_the_text_of_a_dataset_nor_in_the_history_of_its_runs(tmp_path):
    dataset = described("postgresql://user:s3cret@host/orders")
    assert "s3cret" not in repr(dataset)
    LocalRunner(dataset, lambda _: None, tmp_path).latest([DAY])
    assert "s3cret" not in dataset_identifier(dataset)
    assert b"s3cret" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_right_that_is_missing_is_a_refusal(postgres_events, postgres):
    with psycopg.connect(postgres_events, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute("CREATE ROLE reader LOGIN PASSWORD 'reading'")
    database = postgres_events.rpartition("/")[2]
    with pytest.raises(LakeDenied, match="permission denied"):
        rows(postgres.url(database, user="reader", password="reading"), [DAY])


def test_a_server_that_is_not_there_is_an_error():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        with pytest.raises(LakeUnreachable) as caught:
            rows(f"postgresql://user:s3cret@127.0.0.1:{port}/orders", [DAY])
    assert "s3cret" not in str(caught.value)


def test_a_server_that_accepts_and_never_answers_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(LakeUnreachable):
            rows(f"postgresql://user:s3cret@127.0.0.1:{port}/orders", [DAY], timeout=1.0)


def test_a_query_beyond_its_time_out_is_an_error(postgres_events):
    query = "SELECT occurred FROM events, pg_sleep(60)"
    with pytest.raises(LakeUnreachable, match=r"took longer than 0.6 s. Raise the dataset's timeout"):
        rows(postgres_events, [DAY], query=query, timeout=0.1)


def test_a_database_file_that_does_not_exist_is_not_made(tmp_path):
    with pytest.raises(LakeDenied, match="the database does not exist"):
        rows(f"duckdb:///{tmp_path}/nothing.duckdb", [DAY])
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_not_a_database_is_an_error(tmp_path):
    (tmp_path / "x.duckdb").write_bytes(b"not a database" * 1000)
    with pytest.raises((LakeUnreachable, DatasetError)):
        rows(f"duckdb:///{tmp_path}/x.duckdb", [DAY])


def test_a_database_file_that_another_process_writes_is_an_error_that_may_pass(tmp_path):
    path = tmp_path / "events.duckdb"
    code = "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print('open', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"open\n"
        with pytest.raises(LakeUnreachable, match="lock"):
            rows(f"duckdb:///{path}", [DAY])
        writer.kill()


def test_a_database_file_that_this_process_writes_is_an_error_that_may_pass(tmp_path):
    path = tmp_path / "events.duckdb"
    with closing(duckdb.connect(str(path))), pytest.raises(LakeUnreachable):
        rows(f"duckdb:///{path}", [DAY])
