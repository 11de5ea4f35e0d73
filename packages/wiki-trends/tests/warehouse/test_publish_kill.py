"""SIGKILL of a publisher, and of PostgreSQL itself: afterwards the old window or the new one, whole."""

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from testing.marked_windows import marker_of, publish, runs
from testing.pg_server import postgres_server
from wiki_trends.errors import WarehouseError
from wiki_trends.warehouse import open_warehouse

ROOT = Path(__file__).parents[4]


@contextmanager
def publisher(url):
    """Publish for so many seconds, then kill the publisher: a function that does it."""
    script = Path(__file__).with_name("publish_until_killed.py")
    with subprocess.Popen(
        [sys.executable, str(script), url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def publish_for(seconds):
            process.stdin.write(f"{seconds}\n")
            process.stdin.flush()
            assert int(process.stdout.readline()) == -9

        yield publish_for
        process.stdin.close()


def first_publishes(warehouse):
    """Publish twice; how many seconds the second took, by which the moments of the kills are chosen."""
    publish(warehouse, 0)
    began = time.monotonic()
    publish(warehouse, 1)
    return time.monotonic() - began


def kill_publishers(url, rounds, was_interrupted):
    """The markers that were seen, a round each, and in how many rounds the publisher was in the middle of its work."""
    warehouse = open_warehouse(url)
    usual = first_publishes(warehouse)
    seen, interrupted, before = [], 0, 1
    with publisher(url) as publish_for:
        for _ in range(rounds):
            publish_for(random.uniform(0, 3 * usual))
            interrupted += was_interrupted()
            with warehouse.reading() as reader:
                seen.append(marker_of(reader))
                assert runs(reader) >= before
                before = runs(reader)
    publish(warehouse, max(seen) + 1)
    with warehouse.reading() as reader:
        assert marker_of(reader) == max(seen) + 1
    # The rounds mean something only if some were killed in the middle and some got through.
    assert len(set(seen)) > 1
    return interrupted


def duckdb_killed(folder, rounds):
    url = f"duckdb:///{folder / 'w.duckdb'}"
    assert kill_publishers(url, rounds, lambda: any(folder.glob(".*.publishing")))
    assert sorted(item.name for item in folder.iterdir()) == [".w.duckdb.lock", "w.duckdb"]


def staging_tables(url):
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT relname FROM pg_class WHERE relname LIKE 'publishing%'").fetchall()


def postgres_killed(url, rounds):
    # What was staged is seen by nobody else: the publishers that were cut off are counted by the server.
    kill_publishers(url, rounds, lambda: False)
    assert staging_tables(url) == []
    with psycopg.connect(url) as connection:
        count = "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()"
        assert connection.execute(count).fetchall()[0][0] > 0


def test_a_killed_publisher_leaves_the_old_file_or_the_new_one_whole(tmp_path):
    duckdb_killed(tmp_path, 10)


def test_a_killed_publisher_leaves_the_old_rows_or_the_new_ones_whole(postgres_url):
    postgres_killed(postgres_url, 10)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_many_killed_publishers_leave_the_old_file_or_the_new_one_whole(tmp_path):
    duckdb_killed(tmp_path, 200)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_many_killed_publishers_leave_the_old_rows_or_the_new_ones_whole(postgres_url):
    postgres_killed(postgres_url, 200)


def publish_until_refused(url):
    """Publish over and over until the server is gone; how often, and what was said."""
    warehouse = open_warehouse(url)
    first = time.monotonic_ns() // 1000
    for marker in range(first, first + 100_000):
        try:
            publish(warehouse, marker)
        except WarehouseError as error:
            return marker - first, str(error)
    raise AssertionError("the server was never killed")


def kill_a_backend(url):
    """SIGKILL for the publisher's own server process, after which the server starts all of them anew."""
    with psycopg.connect(url, autocommit=True) as connection:
        find = "SELECT pid FROM pg_stat_activity WHERE application_name = 'wiki-trends'"
        while True:
            for (pid,) in connection.execute(find).fetchall():
                # Between two publishes it may have ended by itself: then the next one's.
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    return


def servers_killed(rounds):
    published = 0
    with postgres_server() as server, ThreadPoolExecutor(1) as thread:
        url = server.new_database()
        warehouse = open_warehouse(url)
        usual = first_publishes(warehouse)
        before = 1
        for number in range(rounds):
            publishing = thread.submit(publish_until_refused, url)
            time.sleep(random.uniform(0, 3 * usual))
            if number % 2:
                server.kill()
            else:
                kill_a_backend(url)
            times, error = publishing.result()
            assert error.startswith(warehouse.url)
            assert "hunter" not in error
            published += times
            server.start()
            with warehouse.reading() as reader:
                marker = marker_of(reader)
            assert marker >= before
            before = marker
        publish(warehouse, before + 1)
        assert staging_tables(url) == []
    assert published


def test_a_killed_server_leaves_the_old_rows_or_the_new_ones_whole():
    servers_killed(4)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_many_killed_servers_leave_the_old_rows_or_the_new_ones_whole():
    servers_killed(200)
