"""With an automatic lag, the pipeline starts when the upstream has the day, and nothing takes a worker slot before."""

from __future__ import annotations

import datetime as dt
import json
import time
from pathlib import Path

import pytest

from tests.airflow.conftest import LATE
from tests.airflow.orchestrated import DagRun, runs_of

PIPELINE, ORCHESTRATOR = "landing_pipeline", "landing_orchestrator"
UPSTREAM = "wait_for_upstream"


def memory_of(stack):
    return Path(stack.environment["AIRFLOW_HOME"]) / "landing-lake/_upstream/landing.json"


def expire_answers(stack):
    """Let the time pass in which the upstream must not be asked again."""
    path = memory_of(stack)
    document = json.loads(path.read_text())
    for answer in document["answers"]:
        answer["next_probe_at"] = answer["valid_until"] = answer["asked_at"]
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(document))
    temporary.replace(path)


def questions(stack, day):
    return [
        status
        for method, path, status in stack.sample.requests
        if method == "GET" and path.endswith(f"/top/en.wikipedia/all-access/{day:%Y/%m/%d}")
    ]


# Long: the run waits twice, and neither wait of Airflow is shorter than ten seconds. `test_upstream_wait.py` tests the parts.
@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("same_day")
def test_the_pipeline_starts_when_the_day_lands(stack):
    stack.until_parsed(PIPELINE, ORCHESTRATOR)
    yesterday = dt.datetime.now(tz=dt.UTC).date() - dt.timedelta(days=1)
    LATE[yesterday] = 1
    try:
        run = only_run(stack)
        run.until(lambda run: run.tasks.get(UPSTREAM) == "deferred")
        assert "the upstream does not have it yet" in run.log(UPSTREAM)
        assert questions(stack, yesterday) == [404]
        states = set(run.tasks.values())
        assert states <= {"deferred", None}, "nothing but the deferred task has begun"
        # The trigger has asked, and keeps to the answer.
        run.until(lambda run: run.log(UPSTREAM).count("the upstream does not have it yet") == 2)
        assert questions(stack, yesterday) == [404]
        assert runs_of(stack, PIPELINE, yesterday, yesterday) == []
    finally:
        del LATE[yesterday]
    expire_answers(stack)
    run.ended()
    assert run.state == "success", run.logs()
    assert questions(stack, yesterday) == [404, 200], "one question for each answer that has expired"
    [started] = runs_of(stack, PIPELINE, yesterday, yesterday)
    assert (started["dag_run_id"], started["state"]) == (f"{yesterday}.1", "success")
    assert run.xcom("run_analytics", "return_value") == {"days": [str(yesterday)]}


def only_run(stack):
    """The run that Airflow creates for an event, as it does for a schedule."""
    [asset] = stack.api.pages("/assets", "assets", name_pattern="a_new_day")
    stack.api.post("/assets/events", {"asset_id": asset["id"]})
    deadline = time.monotonic() + 60
    while not (runs := list(stack.api.pages(f"/dags/{ORCHESTRATOR}/dagRuns", "dag_runs", order_by="id"))):
        assert time.monotonic() < deadline, "the event has started no run"
        time.sleep(0.5)
    [found] = runs
    return DagRun(stack.api, ORCHESTRATOR, found["dag_run_id"])
