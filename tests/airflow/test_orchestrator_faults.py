"""Airflow's parts and the S3 server are killed while a backfill runs: afterwards the window is whole, and no day was run twice."""

from __future__ import annotations

import datetime as dt
import os
import signal
import time

import pytest

from smart_orchestrator.checking import check
from smart_orchestrator.model.window import Window
from tests.airflow.orchestrated import ENDED, ORCHESTRATOR, PIPELINE, days_between, runs_of, trigger
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import load

WAIT = "wait_for_data_ready"
# How long a dead part stays dead.
SECONDS_DEAD = 3.0


def killed(stack, part):
    """Kill a part, and start it again a little later."""
    process = stack.s3 if part == "s3" else stack.components[part]
    if part != "s3":
        # With all that it has started, as a container ends: workers that outlive their scheduler keep its connection to
        # PostgreSQL open, and with it the locks of what it was doing, so that no other scheduler gets on.
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    time.sleep(SECONDS_DEAD)
    process.start()


def whole(stack, days):
    window = Window.between(
        dt.date.fromisoformat(days[0]), dt.date.fromisoformat(days[-1]), dt.date(2026, 1, 1)
    )
    return check(layers(load(environ=stack.settings)).diamond, window).complete


def backfilled_while(stack, first, last, *parts):
    days = days_between(first, last)
    run = trigger(stack, ORCHESTRATOR, {"start": first, "end": last, "as_of": "2025-12-01"})
    run.until(lambda run: run.tasks[WAIT] == "deferred")
    for part in parts:
        in_flight = [item for item in runs_of(stack, PIPELINE, first, last) if item["state"] not in ENDED]
        assert in_flight, "the backfill was over too submit"
        killed(stack, part)
        if part == "api-server":
            stack.until_healthy()
    run.ended(600)
    stack.until_healthy()
    assert run.state == "success", run.logs()
    assert whole(stack, days)
    assert sorted(item["dag_run_id"] for item in runs_of(stack, PIPELINE, first, last)) == [
        f"{day}.1" for day in days
    ]
    return run


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("product")
def test_everything_is_killed_once(stack):
    run = backfilled_while(stack, "2025-09-01", "2025-09-08", "triggerer", "scheduler", "s3", "api-server")
    assert run.xcom(WAIT, "outcome")["filled"] == days_between("2025-09-01", "2025-09-08")


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("product")
@pytest.mark.parametrize(
    ("part", "first", "last"),
    [
        ("triggerer", "2025-09-11", "2025-09-14"),
        ("scheduler", "2025-09-16", "2025-09-19"),
        ("api-server", "2025-09-21", "2025-09-24"),
        ("s3", "2025-09-26", "2025-09-29"),
    ],
)
def test_each_is_killed_by_itself(stack, part, first, last):
    backfilled_while(stack, first, last, part)
