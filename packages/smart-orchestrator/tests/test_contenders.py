"""Processes that contend for the same keys and are killed at random: no runner ever has two living runs of one key."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from testing.airflow_server import airflow_server

ROOT = Path(__file__).parents[3]
TESTS = str(Path(__file__).parent)
KEYS = ["2025-11-05", "2025-11-06", "2025-11-07"]
TRIALS = [pytest.param(3, 4, id="3"), pytest.param(200, 16, id="200", marks=pytest.mark.long)]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("trials", "contenders"), TRIALS)
@pytest.mark.parametrize("runner", ["local", "command", "airflow"])
def test_contenders_that_are_killed_never_run_a_key_twice_at_once(
    runner, trials, contenders, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(TESTS)
    from contended_run import run_key

    def pipeline(key):
        """A run of the server belongs to the trial that goes on: a trial ends when none of its keys is in flight."""
        live = tmp_path / (tmp_path / "current").read_text()
        run_key(str(live), str(live / "lake"), key)

    script = str(Path(TESTS, "contend_for_keys.py"))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), TESTS])}
    with airflow_server(pipeline) as airflow:
        arguments = [sys.executable, script, runner, str(tmp_path), str(trials), str(contenders), airflow.url]
        done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
        airflow.wait_until_idle()
    assert done.returncode == 0, done.stderr
    counts = Counter()
    for trial in range(trials):
        counts.update(examine(tmp_path / str(trial), runs_die_with_contenders=runner == "local"))
    # Every trial has met its kills, and many of its keys needed several runs.
    assert counts["keys"] == trials * len(KEYS)
    assert counts["runs"] > counts["keys"]
    if runner == "local" and trials > 3:
        assert counts["died"] > trials / 10


def examine(live: Path, *, runs_die_with_contenders) -> dict[str, int]:
    """Check the log of a trial: a key starts again only when its last run has ended, or has died with its process."""
    assert not (live / "twice.log").exists(), (live / "twice.log").read_text()
    killed = (live / "killed").read_text().split() if runs_die_with_contenders else []
    running: dict[str, str] = {}
    counts = Counter()
    for line in (live / "log").read_text().splitlines():
        event, process, key = line.split()
        if event == "end":
            assert running.pop(key) == process
            continue
        if key in running:
            assert running[key] in killed, (live, key, running[key])
            counts["died"] += 1
        running[key] = process
        counts["runs"] += 1
    assert all(process in killed for process in running.values()), running
    complete = [key for key in KEYS if (live / "lake" / "orders" / f"dt={key}" / "_SUCCESS").exists()]
    assert complete == KEYS
    return counts | {"keys": len(complete)}
