"""Runs of a pipeline DAG through the REST API of a real Airflow."""

from __future__ import annotations

import datetime as dt
import time
import uuid

import pytest

from smart_orchestrator.errors import RunsError
from smart_orchestrator.model.dataset import DailyDataset
from smart_orchestrator.model.run import Failure, RunState
from smart_orchestrator.runners.airflow import AirflowRunner, PipelineDag
from smart_orchestrator.runners.airflow_client import AirflowApi, Refused

NOVEMBER = dt.date(2025, 11, 1)


@pytest.fixture
def dataset():
    return DailyDataset("rows", f"memory://{uuid.uuid4().hex}", "rows_{day:%Y_%m_%d}.csv")


@pytest.fixture(autouse=True)
def parsed(stack):
    stack.until_parsed("small_pipeline")


@pytest.fixture
def runs(stack, dataset):
    return AirflowRunner(dataset, stack.api, "small_pipeline", poll_seconds=1)


def ended(runs, started):
    end = time.monotonic() + 120
    now = runs.poll(started)
    while any(run.in_flight for run in now):
        assert time.monotonic() < end, now
        runs.wait(1)
        now = runs.poll(now)
    return now


def test_a_pipeline_that_can_run_says_how_many_runs_work_at_once(runs):
    assert runs.ready() == PipelineDag("small_pipeline", max_active_runs=4)


def test_a_run_is_named_by_day_and_attempt_and_started_once(runs):
    day = NOVEMBER

    first, again = runs.start(day), runs.start(day)

    assert (first.name, first.ours, again.name, again.ours) == ("2025-11-01.1", True, "2025-11-01.1", False)
    (done,) = ended(runs, [first])
    assert done.state is RunState.SUCCEEDED
    assert done.ours
    # Ended without data: the next start is the next attempt.
    assert runs.start(day).name == "2025-11-01.2"


def test_failed_runs_say_which_task_why_and_where_its_log_is(runs, stack):
    wrong, absent = dt.date(2025, 11, 13), dt.date(2025, 11, 14)

    failed, unpublished = ended(runs, [runs.start(wrong), runs.start(absent)])

    assert (failed.state, failed.failure) == (RunState.FAILED, Failure.ERROR)
    assert failed.message == "task work failed: AirflowFailException: no luck with 2025-11-13"
    assert failed.url == f"{stack.url}/dags/small_pipeline/runs/{failed.name}/tasks/work?try_number=1"
    assert unpublished.failure is Failure.NOT_PUBLISHED
    assert unpublished.message == "task work failed: the source has no 2025-11-14"


def test_a_run_made_by_hand_is_followed_and_one_that_is_gone_is_lost(runs, stack):
    day = dt.date(2025, 11, 20)
    body = {"dag_run_id": "by hand", "logical_date": None, "conf": {"target_date": "2025-11-20"}}
    with pytest.raises(Refused):
        stack.api.post("/dags/small_pipeline/dagRuns", body)
    body["dag_run_id"] = "by-hand"
    stack.api.post("/dags/small_pipeline/dagRuns", body)

    followed = runs.start(day)

    assert (followed.name, followed.attempt, followed.ours) == ("by-hand", 0, False)
    # The scheduler can start the run between two requests, so they are compared after its end.
    (done,) = ended(runs, [followed])
    assert runs.latest([day]) == {day: done}
    stack.api.request("DELETE", "/api/v2/dags/small_pipeline/dagRuns/by-hand")
    assert runs.poll([followed])[0].state is RunState.LOST


def test_what_cannot_run_is_told_at_once_with_the_fix(stack, dataset):
    absent = AirflowRunner(dataset, stack.api, "no_such_dag")
    with pytest.raises(RunsError, match=r"there is no DAG no_such_dag\. Put the DAG's file into"):
        absent.start(NOVEMBER)
    with pytest.raises(RunsError, match="there is no DAG no_such_dag"):
        absent.latest([NOVEMBER])


def test_wrong_credentials_are_told_without_them(stack, dataset):
    wrong = AirflowApi(stack.url, user="admin", password="not-the-one")
    with pytest.raises(RunsError) as caught:
        AirflowRunner(dataset, wrong, "small_pipeline").ready()
    assert "user admin cannot sign in" in str(caught.value)
    assert "not-the-one" not in str(caught.value) + repr(wrong)


def test_who_may_only_look_cannot_start(stack, dataset):
    viewer = AirflowApi(stack.url, user="viewer", password=stack.passwords["viewer"])
    runner = AirflowRunner(dataset, viewer, "small_pipeline")
    runner.latest([NOVEMBER])
    with pytest.raises(Refused) as caught:
        runner.start(dt.date(2025, 11, 27))
    assert caught.value.status == 403
