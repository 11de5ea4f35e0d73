"""Test ten processes that backfill the same two days at the same time: each day is fetched once, and all processes succeed."""

from __future__ import annotations

import json
from collections import Counter

import pytest

WINDOW = ("--start", "2025-11-05", "--end", "2025-11-06")


@pytest.mark.slow
def test_ten_backfills_of_the_same_days_fetch_each_of_them_once(place, sample_api):
    server = sample_api(latency=0.02)
    processes = [place.start("backfill", *WINDOW, "--json") for _ in range(10)]
    ended = [(process.communicate(timeout=120), process.returncode) for process in processes]
    assert [code for _, code in ended] == [0] * 10, [err for (_, err), _ in ended]
    lists = Counter(path for _, path, _ in server.requests if "/pageviews/top/" in path)
    assert {path[-10:] for path in lists} == {"2025/11/05", "2025/11/06"}
    assert set(lists.values()) == {1}
    documents = [json.loads(out) for (out, _), _ in ended]
    assert all(document["completeness"]["coverage_pct"] == 100.0 for document in documents)
    started = [run["run"] for document in documents for run in document["runs_started"]]
    assert sorted(started) == ["2025-11-05.1", "2025-11-06.1"]
    # At least one process must have followed the run of another process; otherwise, there was no race.
    assert any(document["runs_followed"] for document in documents)
