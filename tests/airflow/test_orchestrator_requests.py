"""What a run may be asked for: what cannot be is refused before any run of the pipeline is started."""

from __future__ import annotations

import pytest

from smart_orchestrator.runners.airflow_client import Refused
from tests.airflow.orchestrated import ORCHESTRATOR, PIPELINE, TASKS, runs_of, trigger

APRIL = {"start": "2025-04-01", "end": "2025-04-03"}


@pytest.mark.parametrize(
    "conf",
    [
        {"days": "x"},
        {"days": -1},
        {"days": 0},
        {"days": 99999},
        {"days": 2.5},
        {"as_of": "2025-13-01"},
        {"as_of": 7},
        {"start": "yesterday"},
        {"min_coverage": 101},
        {"min_coverage": "all"},
        {"dry_run": "perhaps"},
        {"depth": "deepest"},
        {"min_days": -1},
    ],
)
def test_types_and_ranges_are_refused_at_the_trigger(stack, conf):
    with pytest.raises(Refused) as refused:
        trigger(stack, ORCHESTRATOR, conf)
    assert refused.value.status in (400, 422)
    assert next(iter(conf)) in str(refused.value)


def test_the_command_line_refuses_them_as_well(stack):
    done = stack.airflow("dags", "trigger", ORCHESTRATOR, "--conf", '{"days": 99999}')
    assert done.returncode != 0
    assert "3660" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("conf", "said"),
    [
        ({"as_of": "2099-01-01"}, "as_of: 2099-01-01 is after"),
        ({"dayz": 7}, "conf: 'dayz' is not a parameter of this DAG. Did you mean days?"),
        ({"start": "2025-04-01"}, "start: 2025-04-01 was given without end"),
        ({"start": "2025-04-03", "end": "2025-04-01"}, "end: 2025-04-01 is before the start"),
    ],
)
def test_what_makes_no_window_fails_before_anything_is_started(stack, conf, said):
    run = trigger(stack, ORCHESTRATOR, conf).ended()
    assert run.state == "failed"
    assert run.tasks["check_completeness"] == "failed"
    assert run.instances["check_completeness"]["try_number"] == 1
    assert run.tasks["trigger_missing_data_fetches"] == run.tasks["run_analytics"] == "upstream_failed"
    assert said in run.xcom("check_completeness", "problem")
    assert said in run.log("notify")


def test_a_dry_run_only_says_what_would_be_done(stack):
    run = trigger(stack, ORCHESTRATOR, {**APRIL, "dry_run": True}).ended()
    assert run.state == "success"
    assert "+ 2025-04-02  start    MISSING: nothing is there" in run.log("check_completeness")
    assert "Runs that would be started: 2025-04-01, 2025-04-02, 2025-04-03;" in run.log("check_completeness")
    assert "the analytics would run if these runs succeed" in run.log("check_completeness")
    assert {run.tasks[name] for name in TASKS[1:4]} == {"skipped"}
    assert runs_of(stack, PIPELINE, "2025-04-01", "2025-04-03") == []


@pytest.mark.parametrize(
    ("dag_id", "said"),
    [
        ("of_a_paused_pipeline", "the DAG paused_pipeline is paused, so its runs would wait for ever."),
        ("of_no_pipeline", "there is no DAG no_such_pipeline"),
    ],
)
def test_a_pipeline_that_cannot_run_is_an_error_at_once(stack, dag_id, said):
    run = trigger(stack, dag_id, APRIL).ended(60)
    assert run.state == "failed"
    failed = [name for name, state in run.tasks.items() if state == "failed"]
    assert failed[0] in TASKS[:2]
    assert said in run.log(failed[0])
    assert run.instances[failed[0]]["try_number"] == 1


def test_the_trigger_form_has_all_parameters_with_their_schemas(stack):
    params = stack.api.get(f"/dags/{ORCHESTRATOR}/details")["params"]
    assert list(params) == [
        "days",
        "as_of",
        "start",
        "end",
        "min_coverage",
        "min_days",
        "allow_lag",
        "strict",
        "depth",
        "dry_run",
        "replace_newer",
    ]
    assert params["days"]["value"] == 5
    assert (params["days"]["schema"]["minimum"], params["days"]["schema"]["maximum"]) == (1, 3660)
    assert all(param["description"] for param in params.values())
