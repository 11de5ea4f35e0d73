import random
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.wiki_trends.window_data import run_record
from wiki_trends.warehouse import open_warehouse

ROOT = Path(__file__).parents[3]


def killed_publishers(url, rounds):
    """After each kill of a publisher at a random moment, how many rounds there have been."""
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
        for number in range(rounds):
            process.stdin.write(f"{random.uniform(0.01, 0.15)}\n")
            process.stdin.flush()
            assert int(process.stdout.readline()) == -9
            yield number
        process.stdin.close()


def check_whole_after_kills(folder, rounds):
    warehouse = open_warehouse(f"duckdb:///{folder / 'w.duckdb'}")
    frame = pl.DataFrame({"marker": [0] * 2000})
    warehouse.publish({"wiki_trends_timeseries": frame, "wiki_trends_growth": frame}, run_record())
    seen, interrupted = set(), 0
    for _ in killed_publishers(warehouse.url, rounds):
        with warehouse.reading() as reader:
            found = [
                reader.rows(f"SELECT marker, count(*) AS rows FROM {table} GROUP BY marker")
                for table in ("wiki_trends_timeseries", "wiki_trends_growth")
            ]
            runs = reader.rows("SELECT count(*) AS runs FROM wiki_trends_runs")
        assert found[0] == found[1] == [{"marker": found[0][0]["marker"], "rows": 2000}]
        assert runs[0]["runs"] >= len(seen)
        seen.add(found[0][0]["marker"])
        interrupted += any(folder.glob(".*.publishing"))
    warehouse.publish({"wiki_trends_timeseries": frame, "wiki_trends_growth": frame}, run_record())
    assert sorted(item.name for item in folder.iterdir()) == [".w.duckdb.lock", "w.duckdb"]
    # The rounds mean something only if some were killed in the middle and some got through.
    assert interrupted
    assert len(seen) > 1


def test_a_killed_publisher_leaves_the_old_tables_or_the_new_ones_whole(tmp_path):
    check_whole_after_kills(tmp_path, 20)


@pytest.mark.long
def test_many_killed_publishers_leave_the_old_tables_or_the_new_ones_whole(tmp_path):
    check_whole_after_kills(tmp_path, 200)
