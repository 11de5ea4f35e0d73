"""Thirty missing days: thirty runs, no more at a time than the pipeline allows, and no worker slot for the wait."""

from __future__ import annotations

import time

import pytest

from tests.airflow.orchestrated import (
    ENDED,
    ORCHESTRATOR,
    PIPELINE,
    days_between,
    most_at_once,
    runs_of,
    trigger,
)

WAIT = "wait_for_data_ready"
MONTH = {"start": "2024-09-01", "end": "2024-09-30", "as_of": "2025-12-01"}


def watched(run, seconds):
    """Wait for the end; the states of the orchestrator's tasks that were seen while the wait was deferred."""
    seen = []
    deadline = time.monotonic() + seconds
    while run.state not in ENDED and time.monotonic() < deadline:
        seen.append(run.tasks)
        time.sleep(0.5)
    return [states for states in seen if states[WAIT] == "deferred"]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("orchestrator", "pipeline"),
    [
        ("orders_orchestrator", "orders_pipeline"),
        pytest.param(ORCHESTRATOR, PIPELINE, marks=pytest.mark.long),
    ],
)
def test_thirty_missing_days(stack, orchestrator, pipeline):
    days = days_between(MONTH["start"], MONTH["end"])
    # Those two go wrong in the other pipeline.
    bad = {"2024-09-13", "2024-09-14"} if pipeline != PIPELINE else set()
    conf = MONTH | ({"min_coverage": 90} if bad else {})
    at_once = stack.api.get(f"/dags/{pipeline}")["max_active_runs"]

    run = trigger(stack, orchestrator, conf)
    waiting = watched(run, 1000)
    assert run.state == "success", run.logs()

    runs = runs_of(stack, pipeline, *days[:: len(days) - 1])
    assert sorted(item["dag_run_id"] for item in runs) == [f"{day}.1" for day in days]
    assert run.xcom(WAIT, "outcome")["filled"] == [day for day in days if day not in bad]
    assert 1 < most_at_once(runs) <= at_once
    assert len(waiting) > 5
    holding = {state for states in waiting for state in states.values()} & {"running", "queued"}
    assert holding == set(), "a task of the orchestrator held a slot while it waited"
