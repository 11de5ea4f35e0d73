"""Every task of an orchestrator run can be cleared, alone or with those after it, in every state of the run."""

from __future__ import annotations

import pytest

from tests.airflow.orchestrated import TASKS, runs_of, trigger

START, WAIT = "trigger_missing_data_fetches", "wait_for_data_ready"


@pytest.fixture(autouse=True)
def parsed(stack):
    stack.until_parsed("orders_orchestrator", "slow_orchestrator")


def window(start, end):
    return {"start": start, "end": end, "as_of": "2025-10-01"}


def clear(run, task, *, downstream=False):
    """Clear a task as the UI does; the names of the cleared tasks."""
    body = {
        "dag_run_id": run.run_id,
        "task_ids": [task],
        "dry_run": False,
        "only_failed": False,
        "include_downstream": downstream,
        "reset_dag_runs": True,
    }
    cleared = run.api.post(f"/dags/{run.dag_id}/clearTaskInstances", body)["task_instances"]
    return {item["task_id"] for item in cleared}


def pipeline_runs(stack, dag_id, start, end):
    return sorted(item["dag_run_id"] for item in runs_of(stack, dag_id, start, end))


def tried_again(run, task, tries):
    """The run when the task has been executed again and the run has ended."""
    run.until(lambda run: run.instances[task]["try_number"] > tries)
    return run.ended()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_each_task_of_a_run_that_succeeded(stack):
    start, end = "2025-04-01", "2025-04-02"
    run = trigger(stack, "orders_orchestrator", window(start, end)).ended()
    assert run.state == "success", run.logs()
    for task in TASKS:
        tries = run.instances[task]["try_number"]
        assert clear(run, task) == {task}
        assert tried_again(run, task, tries).state == "success", run.logs()
    assert pipeline_runs(stack, "orders_pipeline", start, end) == ["2025-04-01.1", "2025-04-02.1"]
    assert clear(run, TASKS[0], downstream=True) == set(TASKS)
    assert run.ended().state == "success", run.logs()
    assert run.tasks[WAIT] == "skipped"


@pytest.mark.long
@pytest.mark.timeout(600)
def test_each_task_of_a_run_that_failed(stack):
    day = "2025-04-13"
    run = trigger(stack, "orders_orchestrator", window(day, day)).ended()
    assert (run.state, run.tasks[WAIT]) == ("failed", "failed")
    for task in (TASKS[0], WAIT, "notify"):
        tries = run.instances[task]["try_number"]
        assert clear(run, task) == {task}
        assert tried_again(run, task, tries).state == "failed"
    # The wait alone started the day again, which fails always.
    assert pipeline_runs(stack, "orders_pipeline", day, day) == ["2025-04-13.1", "2025-04-13.2"]
    assert clear(run, "run_analytics") == {"run_analytics"}
    assert run.ended().state == "failed"


@pytest.mark.timeout(600)
def test_a_cleared_wait_starts_what_is_due_again(stack):
    start, end = "2025-04-11", "2025-04-12"
    run = trigger(stack, "orders_orchestrator", window(start, end)).ended()
    assert (run.state, run.tasks[WAIT], run.tasks["run_analytics"]) == ("failed", "failed", "upstream_failed")
    assert run.xcom(WAIT, "outcome")["failed"][0]["run"] == "2025-04-12.1"

    assert clear(run, WAIT, downstream=True) == {WAIT, "run_analytics", "notify"}
    assert tried_again(run, WAIT, 1).state == "success", run.logs()

    assert "2025-04-12 started (run 2025-04-12.2)" in run.log(WAIT)
    assert run.xcom(WAIT, "outcome")["filled"] == ["2025-04-12"]
    assert pipeline_runs(stack, "orders_pipeline", start, end) == [
        "2025-04-11.1",
        "2025-04-12.1",
        "2025-04-12.2",
    ]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_start_and_a_wait_that_are_cleared_together_start_a_day_once(stack):
    day = "2025-05-13"
    run = trigger(stack, "orders_orchestrator", window(day, day)).ended()
    assert run.state == "failed"
    assert clear(run, START, downstream=True) == {START, WAIT, "run_analytics", "notify"}
    assert tried_again(run, WAIT, 1).state == "failed"
    assert pipeline_runs(stack, "orders_pipeline", day, day) == ["2025-05-13.1", "2025-05-13.2"]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_wait_that_is_cleared_while_it_waits_follows_the_run(stack):
    day = "2025-08-21"
    run = trigger(stack, "slow_orchestrator", window(day, day))
    run.until(lambda run: run.tasks[WAIT] == "deferred")
    for task in (WAIT, TASKS[0]):
        assert clear(run, task) == {task}
    assert run.ended().state == "success", run.logs()
    assert pipeline_runs(stack, "slow_pipeline", day, day) == ["2025-08-21.1"]
    assert "2025-08-21" in run.log(WAIT)
