"""Test the estimate of a backfill's time and cost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.scaling import Scenario

DOC = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text()


def test_runs_go_in_waves_until_the_rate_is_the_bound():
    few = Scenario(concurrency=4, run_seconds=20, overhead=10, requests=1, rate=1000, slot_hour=0.1)

    assert few.wall_seconds(30) == 10 + 8 * 20
    assert few.slot_hours(30) == pytest.approx(30 * 20 / 3600)

    throttled = Scenario(concurrency=16, run_seconds=20, overhead=10, requests=60, rate=60, slot_hour=0.1)
    assert throttled.wall_seconds(30) == 10 + 30 * 60
    assert throttled.slot_hours(30) == pytest.approx(3 * 30 * 60 / 3600)


def test_the_tables_of_the_docs_are_what_it_prints():
    shown = re.findall(r"--concurrency (\d+) --run-seconds ([\d.]+)\n(.*?)```", DOC, re.DOTALL)

    assert len(shown) == 3
    for concurrency, seconds, printed in shown:
        model = Scenario(int(concurrency), float(seconds), overhead=10, requests=13, rate=200, slot_hour=0.05)
        assert printed.splitlines() == model.lines()
