"""Readers in other processes see no error, no empty table and no mixed windows while windows are published."""

import json
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from testing.marked_windows import TABLES, marker_of, publish
from testing.pg_server import postgres_server
from wiki_trends.warehouse import open_warehouse

ROOT = Path(__file__).parents[4]
READERS = 2


def start_reader(url, reads):
    script = Path(__file__).with_name("read_published.py")
    return subprocess.Popen(
        [sys.executable, str(script), url, str(reads)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
    )


def read_while_publishing(url, reads, publishes):
    """Publish windows while other processes read; return the seconds of each publish."""
    warehouse = open_warehouse(url)
    publish(warehouse, 1)
    readers = [start_reader(url, reads // READERS) for _ in range(READERS)]
    seconds, marker = [], 1
    while len(seconds) < publishes or any(reader.poll() is None for reader in readers):
        began, marker = time.monotonic(), marker + 1
        publish(warehouse, marker)
        seconds.append(time.monotonic() - began)
    seen = set()
    for reader in readers:
        out, err = reader.communicate()
        assert reader.returncode == 0, err
        found = json.loads(out)
        assert found["reads"] == reads // READERS
        seen |= set(found["markers"])
    print(f"{reads} reads saw {len(seen)} of {len(seconds)} windows; slowest publish {max(seconds):.2f} s")
    assert len(seen) > 1
    return seconds


@pytest.mark.slow
def test_readers_of_the_file_see_one_window_at_a_time(tmp_path):
    read_while_publishing(f"duckdb:///{tmp_path / 'w.duckdb'}", 30, 5)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_ten_thousand_reads_of_the_file_see_one_window_at_a_time(tmp_path):
    read_while_publishing(f"duckdb:///{tmp_path / 'w.duckdb'}", 10_000, 200)


def publish_beside_what_the_user_built(server, reads, publishes, held_for):
    """Publish while readers come and go and one reads for `held_for` seconds; the user's view, grant and comment remain."""
    url = server.new_database()
    publish(open_warehouse(url), 0)
    with psycopg.connect(url, autocommit=True) as mine:
        mine.execute("CREATE ROLE visitor")
        mine.execute(f"CREATE VIEW best AS SELECT page, views FROM {TABLES[2]} ORDER BY views DESC LIMIT 5")
        mine.execute(f"GRANT SELECT ON {TABLES[0]} TO visitor")
        mine.execute(f"COMMENT ON TABLE {TABLES[1]} IS 'as I like it'")
        before = oids(mine)
        with open_warehouse(url).reading() as patient:
            first = marker_of(patient)
            until = time.monotonic() + held_for
            beside = read_while_publishing(url, reads, publishes)
            time.sleep(max(0, until - time.monotonic()))
            assert marker_of(patient) == first
        assert oids(mine) == before
        assert mine.execute("SELECT count(*) FROM best").fetchall() == [(5,)]
        found = mine.execute(
            f"SELECT has_table_privilege('visitor', '{TABLES[0]}', 'SELECT'), obj_description('{TABLES[1]}'::regclass)"
        ).fetchall()
        assert found == [(True, "as I like it")]
        mine.execute("DROP OWNED BY visitor")
        mine.execute("DROP ROLE visitor")
    # A publish that waited for the slow reader would have taken as long as that reader.
    assert max(beside) < held_for


def oids(connection):
    return connection.execute(
        "SELECT oid FROM pg_class WHERE relname LIKE 'wiki%' ORDER BY relname"
    ).fetchall()


@pytest.mark.slow
def test_what_the_user_built_survives_and_a_patient_reader_delays_nothing(postgres):
    publish_beside_what_the_user_built(postgres, reads=40, publishes=8, held_for=3)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_ten_thousand_reads_of_postgresql_beside_a_reader_of_a_minute(postgres):
    publish_beside_what_the_user_built(postgres, reads=10_000, publishes=200, held_for=60)


def bytes_of(url):
    with psycopg.connect(url) as connection:
        names = ", ".join(f"pg_total_relation_size('{table}')" for table in TABLES)
        return sum(connection.execute(f"SELECT {names}").fetchall()[0])


def sizes_over(publishes):
    """The size of the tables in bytes after the first publish, and the largest size after any publish."""
    # Autovacuum runs each second and not each minute, because the publishes follow each other without a pause.
    with postgres_server(autovacuum_naptime="1s") as server:
        url = server.new_database()
        warehouse = open_warehouse(url)
        publish(warehouse, 0)
        first, most = bytes_of(url), 0
        for marker in range(1, publishes + 1):
            publish(warehouse, marker)
            most = max(most, bytes_of(url))
    print(f"{first} bytes after the first publish, never more than {most} in {publishes}")
    return first, most


@pytest.mark.long
@pytest.mark.timeout(600)
def test_tables_stay_bounded_over_many_publishes():
    first, most = sizes_over(200)
    assert most < 20 * first
