"""Thirty missing days: thirty runs, no more at a time than the pipeline allows, and no worker slot for the wait. Prints the figures."""

from __future__ import annotations

import time
from statistics import median

import pytest

from tests.airflow.orchestrated import (
    ENDED,
    ORCHESTRATOR,
    PIPELINE,
    days_between,
    moment,
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


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("orchestrator", "pipeline"),
    [("orders_orchestrator", "orders_pipeline"), (ORCHESTRATOR, PIPELINE)],
)
def test_thirty_missing_days(stack, capsys, orchestrator, pipeline):
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

    seconds = [(moment(item["end_date"]) - moment(item["start_date"])).total_seconds() for item in runs]
    facts = run.facts
    total = (moment(facts["end_date"]) - moment(facts["queued_at"])).total_seconds()
    with capsys.disabled():
        print(
            f"\n    {pipeline}: {len(days)} runs in {total:.1f} s, at most {most_at_once(runs)} of {at_once} at a time, "
            f"{median(seconds):.1f} s each; samples of the wait {len(waiting)}, slots held by it 0",
            end="",
        )
