"""Runs that the pipeline's schedule has yet to create are followed, and no day is run twice."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.airflow.orchestrated import trigger

PIPELINE = "backlog_pipeline"


@pytest.mark.timeout(600)
def test_days_that_catchup_will_create_are_followed(stack):
    stack.until_parsed(PIPELINE, "backlog_orchestrator")
    stack.api.request("PATCH", f"/api/v2/dags/{PIPELINE}", body={"is_paused": False})
    run = trigger(stack, "backlog_orchestrator").ended()
    assert run.state == "success", run.logs()
    assert run.xcom("run_analytics", "return_value") == {"days": 4}

    runs = list(stack.api.pages(f"/dags/{PIPELINE}/dagRuns", "dag_runs", order_by="id"))
    days = [dt.datetime.fromisoformat(item["run_after"]).date() for item in runs]
    assert len(set(days)) == len(days) == 6, "one run by the schedule for each day of the backlog"
    assert {item["run_type"] for item in runs} == {"scheduled"}
    assert {item["state"] for item in runs} <= {"success"}
    outcome = run.xcom("wait_for_data_ready", "outcome")
    assert (outcome["runs_started"], outcome["failed"]) == ([], [])
    assert all(item["run"].startswith("scheduled__") for item in outcome["runs_followed"])
    stack.api.request("PATCH", f"/api/v2/dags/{PIPELINE}", body={"is_paused": True})
