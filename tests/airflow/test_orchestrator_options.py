"""What `orchestrator_dag` takes and refuses. A wrong value is refused when the DAG file is parsed, and the error names it."""

from __future__ import annotations

import datetime as dt

import pytest
from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict

from smart_orchestrator import DailyDataset, OptionError
from smart_orchestrator.airflow import orchestrator_dag
from smart_orchestrator.airflow.orchestration import Orchestration
from smart_orchestrator.model.dataset import Dataset
from smart_orchestrator.model.grain import Grain


@pytest.fixture
def dataset(tmp_path):
    return DailyDataset("pages", str(tmp_path), "p_{day:%Y_%m_%d}.csv")


def test_an_orchestrator_takes_what_a_dag_takes(dataset):
    plain = orchestrator_dag(dataset, "pipeline", lambda _: None)
    assert (plain.max_active_runs, plain.catchup, plain.deadline or None) == (1, False, None)
    start = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
    dag = orchestrator_dag(
        dataset,
        "pipeline",
        lambda _: None,
        dag_id="mine",
        max_active_runs=3,
        catchup=True,
        start_date=start,
        params={"team": Param("data", type="string"), "min_coverage": 80},
        default_args={"owner": "data", "pool": "small", "queue": "slow", "retries": 7},
    )
    assert (dag.max_active_runs, dag.catchup, dag.start_date) == (3, True, start)
    assert (dag.params["team"], dag.params["min_coverage"], dag.params["days"]) == ("data", 80, 5)
    task = dag.get_task("run_analytics")
    assert (task.owner, task.pool, task.queue, task.retries) == ("data", "small", "slow", 7)
    assert task.retry_delay == dt.timedelta(seconds=60)


@pytest.mark.parametrize(
    "options",
    [
        {"poll_seconds": 0.0},
        {"poll_seconds": float("nan")},
        {"poll_seconds": "60"},
        {"timeout": 0.0},
        {"attempts": 0},
        {"lag": -1},
        {"lag": "3"},
        {"lag": 1.5},
        {"settle_seconds": -1.0},
        {"settle_seconds": float("nan")},
    ],
)
def test_an_orchestration_that_could_do_nothing_is_refused(dataset, options):
    [name] = options
    with pytest.raises(OptionError, match=f"^{name}: "):
        Orchestration(dataset, "pipeline", **options)


@pytest.mark.parametrize(
    "options",
    [
        {"days": 0},
        {"days": "7"},
        {"days": 10**6},
        {"retries": -1},
        {"retry_seconds": float("nan")},
        {"max_lag": -1},
        {"lag": "3"},
        {"lag": 1.5},
    ],
)
def test_a_number_of_an_orchestrator_that_is_wrong_is_named(dataset, options):
    [name] = options
    with pytest.raises(OptionError, match=f"^{name}: "):
        orchestrator_dag(dataset, "pipeline", lambda _: None, **options)


@pytest.mark.parametrize(
    ("grain", "key_format"),
    [
        (Grain.HOUR, "h/{start:%Y-%m-%dT%H}"),
        (Grain.WEEK, "w/{start:%G-%V}"),
        (Grain.MONTH, "m/{start:%Y-%m}"),
    ],
)
def test_a_dataset_that_is_not_daily_is_refused(tmp_path, grain, key_format):
    """Its window would have one key for each day, so 23 of 24 hours could be absent."""
    with pytest.raises(OptionError, match=f"dataset: pages has the grain {grain}"):
        orchestrator_dag(Dataset("pages", str(tmp_path), key_format, grain=grain), "pipeline", lambda _: None)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 2),
        ({"retries": 0}, 1),
        ({"default_args": {"retries": 7}}, 7),
        ({"default_args": {"retries": None}}, 1),
    ],
)
def test_the_message_is_tried_again_as_often_as_the_other_tasks(dataset, options, expected):
    """With one retry, the message of a run was lost when the API was away for longer than the pause before it."""
    dag = orchestrator_dag(dataset, "pipeline", lambda _: None, **options)
    assert dag.get_task("notify").retries == expected


def test_parameters_in_the_class_of_airflow_keep_their_schema(dataset):
    team = ParamsDict({"team": Param("data", type="string")})
    dag = orchestrator_dag(dataset, "pipeline", lambda _: None, params=team)
    assert dag.params.get_param("team").schema == {"type": "string"}
