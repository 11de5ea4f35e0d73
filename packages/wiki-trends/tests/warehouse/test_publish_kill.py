"""After SIGKILL of a publisher or of PostgreSQL, the warehouse has the complete old window or the complete new one."""

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
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
    """A function that starts a publisher and kills it after a number of seconds."""
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
    """Publish twice, and return the seconds that the second publish took, from which the times of the kills are derived."""
    publish(warehouse, 0)
    began = time.monotonic()
    publish(warehouse, 1)
    return time.monotonic() - began


def kill_publishers(url, rounds, was_interrupted):
    """The marker seen in each round, and the number of rounds in which the publisher was killed while publishing."""
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
    # Some publishers must have been killed while publishing, and some must have finished.
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
    # Staged rows are invisible to other sessions, so the interrupted publishers are counted by the server.
    kill_publishers(url, rounds, lambda: False)
    assert staging_tables(url) == []
    with psycopg.connect(url) as connection:
        count = "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()"
        assert connection.execute(count).fetchall()[0][0] > 0


@pytest.mark.slow
def test_a_killed_publisher_leaves_the_old_file_or_the_new_one_whole(tmp_path):
    duckdb_killed(tmp_path, 10)


@pytest.mark.slow
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
    """Publish repeatedly until the server is gone; return the number of publishes and the message."""
    warehouse = open_warehouse(url)
    first = time.monotonic_ns() // 1000
    for marker in range(first, first + 100_000):
        try:
            publish(warehouse, marker)
        except WarehouseError as error:
            return marker - first, str(error)
    raise AssertionError("the server was never killed")


def kill_a_backend(url):
    """Send SIGKILL to the publisher's server process, after which the server restarts all of them."""
    with psycopg.connect(url, autocommit=True) as connection:
        find = "SELECT pid FROM pg_stat_activity WHERE application_name = 'wiki-trends'"
        while True:
            for (pid,) in connection.execute(find).fetchall():
                # The process may have ended between two publishes; then the next one is killed.
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
        # On a busy machine a few rounds may all end before the first publish: more rounds follow until one was published.
        for number in count():
            if number >= rounds and (published or number >= 10 * rounds):
                break
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


@pytest.mark.slow
def test_a_killed_server_leaves_the_old_rows_or_the_new_ones_whole():
    servers_killed(4)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_many_killed_servers_leave_the_old_rows_or_the_new_ones_whole():
    servers_killed(200)
