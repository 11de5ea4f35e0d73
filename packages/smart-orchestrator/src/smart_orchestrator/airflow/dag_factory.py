"""The DAG that keeps the window of a daily lake whole, and lets a consumer run on nothing else."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, AsyncCallback, DeadlineAlert, DeadlineReference, Label, Param, TaskGroup

from smart_orchestrator.airflow.notifications import Notify, late
from smart_orchestrator.airflow.operators import (
    CHECK,
    CONSUME,
    START,
    WAIT,
    CheckCompleteness,
    RunConsumer,
    TriggerMissingDataFetches,
    WaitForDataReady,
)
from smart_orchestrator.airflow.orchestration import Orchestration
from smart_orchestrator.airflow.params import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Asset

    from smart_orchestrator.airflow.operators import Consumer
    from smart_orchestrator.model.dataset import DailyDataset

FIRST_DAY = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
# Starting, checking and the consumer have so long beside the wait before somebody is told.
BESIDE_THE_WAIT = dt.timedelta(minutes=30)
DOC = """
Looks at the last days of **{dataset}**, starts `{pipeline}` once for each that is missing, waits until the window is whole,
and runs the consumer on exactly the partitions that were checked. With nothing missing it goes straight to the consumer;
with a day that cannot be made, the run fails, says which and why, and what was published before stays.

| task | what it does |
|---|---|
| `check_completeness` | reports the window in its log, and branches |
| `trigger_missing_data_fetches` | starts a run a day, all at once; follows those that are in flight |
| `wait_for_data_ready` | waits in the triggerer, without a worker slot; ends early when there is no hope |
| `run_analytics` | checks again, and runs the consumer |
| `notify` | tells how it ended |

Parameters: `{{"days": 7}}`; or `{{"start": "2025-11-01", "end": "2025-11-07"}}`. `{{"dry_run": true}}` only says what would be done.
"""


def parameters(days: int, *names: str) -> dict[str, Param]:
    """The parameters of these names (default all) with their schemas; `days` is the default number of days."""
    defaults = {"days": days, "min_coverage": 100, "dry_run": False}
    return {name: Param(defaults.get(name), **SCHEMAS[name]) for name in names or SCHEMAS}


def orchestrator_dag(
    dataset: DailyDataset,
    pipeline_dag_id: str,
    consumer: Consumer,
    *,
    dag_id: str | None = None,
    schedule: str | None = "0 3 * * *",
    days: int = 5,
    lag: int = 3,
    attempts: int = 1,
    poll_seconds: float = 60.0,
    timeout: float = 7200.0,
    retries: int = 2,
    retry_seconds: float = 60.0,
    api_conn_id: str = "airflow_api",
    aws_conn_id: str = "lake",
    notify_conn_id: str = "notify",
    state: str = "",
    outlets: Sequence[Asset] = (),
    **dag_options: Any,
) -> DAG:
    """A DAG that checks the last days of a dataset, has what is missing made, waits, and runs the consumer.

    Args:
        dataset: a daily lake.
        pipeline_dag_id: the DAG that makes a day: it reads `target_date` (`YYYY-MM-DD`) from the conf of its run.
        consumer: called with the `Completeness` of a window that is ready; what it returns goes into log and XCom.
        dag_id: default the dataset's name with `_orchestrator`.
        schedule: cron, UTC; None for none.
        days: in the window, unless a run says otherwise.
        lag: whole days between a day and the first day on which the source has it.
        attempts: runs that are started for a day at most, in one run of this DAG.
        poll_seconds: between two looks of the wait.
        timeout: seconds after which the wait ends.
        retries: of a task whose lake or API did not answer.
        retry_seconds: before the first of them; they double.
        api_conn_id: connection to this Airflow's REST API: host, port, login, password.
        aws_conn_id: `aws` connection with the lake's keys; where there is none, `AWS_*` of the environment.
        notify_conn_id: connection or variable with Apprise URLs.
        state: folder in which a worker remembers days that had to be read; empty for none.
        outlets: assets that the consumer makes.
        dag_options: further arguments of the DAG.
    """
    orchestration = Orchestration(
        dataset=dataset,
        pipeline_dag_id=pipeline_dag_id,
        lag=lag,
        attempts=attempts,
        poll_seconds=poll_seconds,
        timeout=timeout,
        api_conn_id=api_conn_id,
        aws_conn_id=aws_conn_id,
        state=state,
    )
    in_time = dt.timedelta(seconds=timeout) + BESIDE_THE_WAIT
    failures_reported = {
        "dataset_name": dataset.name,
        "notify_conn_id": notify_conn_id,
        "seconds": in_time.total_seconds(),
    }
    options = {
        "doc_md": DOC.format(dataset=dataset.name, pipeline=pipeline_dag_id),
        "description": f"Keeps the last days of {dataset.name} whole, and runs analytics on nothing else",
        "tags": ["smart orchestrator"],
        "deadline": DeadlineAlert(
            reference=DeadlineReference.DAGRUN_QUEUED_AT,
            interval=in_time,
            callback=AsyncCallback(late, kwargs=failures_reported),
        ),
    } | dag_options
    default_args = {
        "retries": retries,
        "retry_delay": dt.timedelta(seconds=retry_seconds),
        "retry_exponential_backoff": True,
    }
    with DAG(
        dag_id or f"{dataset.name}_orchestrator",
        schedule=schedule,
        start_date=FIRST_DAY,
        catchup=False,
        max_active_runs=1,
        params=parameters(days),
        default_args=default_args,
        **options,
    ) as dag:
        check = CheckCompleteness(
            task_id=CHECK, orchestration=orchestration, doc_md="Reports the window, and branches."
        )
        with TaskGroup("fill", prefix_group_id=False, tooltip="Have what is missing made"):
            start = TriggerMissingDataFetches(
                task_id=START, orchestration=orchestration, doc_md="Starts a run a day, all at once."
            )
            wait = WaitForDataReady(
                task_id=WAIT,
                orchestration=orchestration,
                doc_md="Waits in the triggerer; says what became of each day.",
            )
            start >> wait
        consume = RunConsumer(
            task_id=CONSUME,
            orchestration=orchestration,
            consumer=consumer,
            outlets=list(outlets),
            trigger_rule="none_failed_min_one_success",
            doc_md="Checks again, and runs the consumer on exactly what was checked.",
        )
        check >> Label("missing") >> start
        check >> Label("nothing missing") >> consume
        wait >> consume
        # A teardown runs whatever came before, and does not decide whether the run has succeeded.
        (
            consume
            >> Notify(
                task_id="notify",
                dataset_name=dataset.name,
                notify_conn_id=notify_conn_id,
                retries=1,
                doc_md="Tells how the run has ended, whatever came before.",
            ).as_teardown()
        )
    return dag
