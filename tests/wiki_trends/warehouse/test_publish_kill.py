import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from tests.wiki_trends.window_data import run_record
from wiki_trends.warehouse import open_warehouse

ROOT = Path(__file__).parents[3]


@contextmanager
def publisher(url):
    """Publish for so many seconds, then kill the publisher: a function that starts it, and one that waits."""
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
        answers = process.stdout

        def start(seconds):
            process.stdin.write(f"{seconds}\n")
            process.stdin.flush()

        def wait():
            assert int(answers.readline()) == -9

        yield start, wait
        process.stdin.close()


def published_marker(warehouse):
    """The one marker of all rows in all tables, and the number of runs."""
    with warehouse.reading() as reader:
        found = [
            reader.rows(f"SELECT marker, count(*) AS rows FROM {table} GROUP BY marker")
            for table in ("wiki_trends_timeseries", "wiki_trends_growth")
        ]
        runs = reader.rows("SELECT count(*) AS runs FROM wiki_trends_runs")[0]["runs"]
    assert found[0] == found[1] == [{"marker": found[0][0]["marker"], "rows": 2000}]
    return found[0][0]["marker"], runs


def first_publish(folder):
    warehouse = open_warehouse(f"duckdb:///{folder / 'w.duckdb'}")
    frame = pl.DataFrame({"marker": [0] * 2000})
    warehouse.publish({"wiki_trends_timeseries": frame, "wiki_trends_growth": frame}, run_record())
    return warehouse


def check_whole_after_kills(folder, rounds):
    warehouse = first_publish(folder)
    seen, interrupted, before = set(), 0, 1
    with publisher(warehouse.url) as (start, wait):
        for _ in range(rounds):
            start(random.uniform(0.01, 0.15))
            wait()
            interrupted += any(folder.glob(".*.publishing"))
            marker, runs = published_marker(warehouse)
            assert runs >= before
            before = runs
            seen.add(marker)
    first_publish(folder)
    assert sorted(item.name for item in folder.iterdir()) == [".w.duckdb.lock", "w.duckdb"]
    # The rounds mean something only if some were killed in the middle and some got through.
    assert interrupted
    assert len(seen) > 1


def test_a_killed_publisher_leaves_the_old_tables_or_the_new_ones_whole(tmp_path):
    check_whole_after_kills(tmp_path, 20)


@pytest.mark.long
def test_many_killed_publishers_leave_the_old_tables_or_the_new_ones_whole(tmp_path):
    check_whole_after_kills(tmp_path, 200)


def test_readers_see_one_window_at_a_time_while_another_process_publishes(tmp_path):
    warehouse = first_publish(tmp_path)
    with publisher(warehouse.url) as (start, wait), ThreadPoolExecutor(1) as thread:
        start(1.5)
        waiting = thread.submit(wait)
        seen = set()
        while not waiting.done():
            seen.add(published_marker(warehouse))
        waiting.result()
    assert len(seen) > 3
