"""Build the DAG that fills the missing days of a window, and runs a consumer only if the window is ready."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import DAG, Label, Param, TaskGroup

from smart_orchestrator.adapters.manifest import DEFAULT_SETTLE
from smart_orchestrator.airflow.completeness_page.datasets import TAG, document_of
from smart_orchestrator.airflow.notifications import Notify
from smart_orchestrator.airflow.operators import (
    CHECK,
    CONSUME,
    START,
    UPSTREAM,
    WAIT,
    CheckCompleteness,
    RunConsumer,
    TriggerMissingDataFetches,
    WaitForDataReady,
)
from smart_orchestrator.airflow.orchestration import Orchestration
from smart_orchestrator.airflow.params import DEFAULTS, SCHEMAS
from smart_orchestrator.airflow.upstream import WaitForUpstream
from smart_orchestrator.config.upstream import DEFAULT_MAX_LAG
from smart_orchestrator.errors import OptionError
from smart_orchestrator.model.bounds import integer_problem, seconds_problem
from smart_orchestrator.model.window import MAX_KEYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Asset
    from airflow.sdk.definitions.dag import ScheduleArg

    from smart_orchestrator.airflow.operators import Consumer
    from smart_orchestrator.model.dataset import Dataset

START_DATE = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
DOC = """
Checks the last days of **{dataset}**, starts `{pipeline}` once for each missing day, waits until the window is complete, and
runs the consumer on exactly the partitions that were checked. If no day is missing, it goes straight to the consumer. If a
day cannot be produced, the run fails and names the day and the reason; the tables published before are unchanged.

| task | what it does |
|---|---|
| `check_completeness` | reports the window in its log, and branches |
| `trigger_missing_data_fetches` | starts one run for each missing day; follows the runs that are in flight |
| `wait_for_data_ready` | waits in the triggerer, without a worker slot; stops early if the window can no longer become ready |
| `run_analytics` | checks the window again, and runs the consumer |
| `notify` | sends the result |

Parameters: `{{"days": 7}}`; or `{{"start": "2025-11-01", "end": "2025-11-07"}}`. `{{"dry_run": true}}` only reports what would be done.
"""


def parameters(days: int, *names: str) -> dict[str, Param]:
    """Return the parameters of an orchestrator DAG, for its argument `params`.

    Args:
        days: the default of the parameter `days`.
        names: the names of the parameters to return; by default, all of them.

    Returns:
        The name of each parameter, with its default, its JSON schema and its description.
    """
    defaults = {"days": days, **DEFAULTS}
    return {name: Param(defaults.get(name), **SCHEMAS[name]) for name in names or SCHEMAS}


def orchestrator_dag(
    dataset: Dataset,
    pipeline_dag_id: str,
    consumer: Consumer,
    *,
    dag_id: str | None = None,
    schedule: ScheduleArg = "0 3 * * *",
    days: int = 5,
    lag: int | Literal["auto"] = 3,
    max_lag: int = DEFAULT_MAX_LAG,
    probe: str = "",
    attempts: int = 1,
    poll_seconds: float = 60.0,
    timeout: float = 7200.0,
    retries: int = 2,
    retry_seconds: float = 60.0,
    api_conn_id: str = "airflow_api",
    aws_conn_id: str = "lake",
    notify_conn_id: str = "notify",
    notify_on: str = "always",
    state: str = "",
    settle_seconds: float = DEFAULT_SETTLE.total_seconds(),
    outlets: Sequence[Asset] = (),
    details_url: str = "",
    **dag_options: Any,
) -> DAG:
    """Build a DAG that checks the last days of a dataset, starts runs for missing days, waits, and runs the consumer.

    Args:
        dataset: the daily dataset in the lake.
        pipeline_dag_id: the id of the DAG that produces one day. This DAG reads `target_date` (`YYYY-MM-DD`) from the conf
            of its run.
        consumer: the function that processes a ready window. It receives the `Completeness` of the window, and its result is
            written to the log and to an XCom. If it raises `AirflowSkipException` with a reason, the assets are not updated.
        dag_id: the id of the DAG; by default, the name of the dataset followed by `_orchestrator`.
        schedule: the schedule of the DAG: a cron expression in UTC, a timetable or assets; None for no schedule.
        days: the default number of days in the window.
        lag: the publication lag: the number of days from a day to the first day on which the source has it. With `"auto"`, a
            day is expected as soon as the probe finds that the source has it. The first task of the DAG is then `wait_for_upstream`.
            It waits in the triggerer until the source has the day before the as-of day. Each run waits for its own day, so up to
            `max_lag` runs of the DAG are active at a time.
        max_lag: with `lag="auto"`, the number of days after which a day is expected even if the source does not have it.
        probe: with `lag="auto"`, how to ask the source whether it has a day. Either a URL with `{start:…}`, such as
            `https://upstream.example/{start:%Y/%m/%d}`. Or the name of a function (`module:function`) that takes the day and returns
            True, False, or None for unknown.
        attempts: the largest number of pipeline runs that one run of this DAG starts for a day.
        poll_seconds: the number of seconds between two polls of the pipeline runs.
        timeout: the time-out of the wait, in seconds. The wait lasts at least until its first poll, 5 to 10 seconds after its start.
        retries: the number of retries of a task after the lake or the API did not answer.
        retry_seconds: the number of seconds before the first retry; each further retry doubles this pause.
        api_conn_id: the id of the connection to this Airflow's REST API, with host, port, login and password.
        aws_conn_id: the id of the `aws` connection with the lake's keys. If this connection does not exist, `AWS_*` of the
            environment apply.
        notify_conn_id: the id of the connection, or the name of the variable, with Apprise URLs.
        notify_on: the runs that are reported: `failure`, `change` or `always`. With `change`, a run is not reported if it waited for no
            day, its consumer returned `"changed": False`, and no failed run came directly before it. All other runs are reported.
        state: the folder in which a worker caches the results of data files that it has read; empty for no cache.
        settle_seconds: the age in seconds below which data files without a marker count as being written.
        outlets: the assets that the consumer updates.
        details_url: the address of a page with more about the dataset, to which the page "Data completeness" links. A relative
            address is relative to `/dataset-completeness/` of the api-server.
        dag_options: any other argument of a DAG. `default_args`, `params` and `tags` are merged with those of this function, so
            `default_args={"owner": …}` keeps the retries; any other argument replaces the value of this function. The DAG
            has no `deadline` by default, because Airflow 3.3 cannot clear a task of a run that has a deadline relative to
            `DAGRUN_QUEUED_AT`.

    Raises:
        OptionError: the dataset is not daily, a number is out of range, `lag="auto"` has no probe, a fixed lag has one, or `notify_on` is not a choice.
    """
    if (lag == "auto") != bool(probe):
        problem = "needs a probe" if lag == "auto" else "is fixed, but there is a probe"
        raise OptionError("lag", repr(lag), problem, 'Give both lag="auto" and probe, or neither.')
    for name, value, problem in (
        ("days", days, integer_problem(days, 1, MAX_KEYS)),
        ("max_lag", max_lag, integer_problem(max_lag)),
        ("retries", retries, integer_problem(retries)),
        ("retry_seconds", retry_seconds, seconds_problem(retry_seconds, zero=True)),
    ):
        if problem:
            raise OptionError(name, repr(value), problem, "Leave it out for the default.")
    orchestration = Orchestration(
        dataset=dataset,
        pipeline_dag_id=pipeline_dag_id,
        lag=max_lag if lag == "auto" else lag,
        attempts=attempts,
        poll_seconds=poll_seconds,
        timeout=timeout,
        api_conn_id=api_conn_id,
        aws_conn_id=aws_conn_id,
        state=state,
        settle_seconds=settle_seconds,
        probe=probe,
    )
    default_args: dict[str, Any] = {
        "retries": retries,
        "retry_delay": dt.timedelta(seconds=retry_seconds),
        "retry_exponential_backoff": True,
    }
    default_args |= dict(dag_options.get("default_args") or {})
    options = {
        "doc_md": DOC.format(dataset=dataset.name, pipeline=pipeline_dag_id),
        "description": f"Keeps the last days of {dataset.name} complete, and runs analytics on a complete window only",
        "start_date": START_DATE,
        "catchup": False,
        "max_active_runs": max(1, max_lag) if probe else 1,
        **dag_options,
        "default_args": default_args,
        "params": parameters(days) | dict((dag_options.get("params") or {}).items()),
        # The page "Data completeness" finds the DAG by its tag.
        "tags": sorted({TAG, *(dag_options.get("tags") or ())}),
    }
    with DAG(dag_id or f"{dataset.name}_orchestrator", schedule=schedule, **options) as dag:
        check = CheckCompleteness(
            task_id=CHECK,
            orchestration=orchestration,
            doc_md="Checks the window, reports it, and branches.",
            doc_json=document_of(orchestration, details_url),
        )
        with TaskGroup("fill", prefix_group_id=False, tooltip="Produce the missing days"):
            start = TriggerMissingDataFetches(
                task_id=START,
                orchestration=orchestration,
                doc_md="Starts one run for each missing day, all at once.",
            )
            wait = WaitForDataReady(
                task_id=WAIT,
                orchestration=orchestration,
                doc_md="Waits in the triggerer; reports the result of each day.",
            )
            start >> wait
        consume = RunConsumer(
            task_id=CONSUME,
            orchestration=orchestration,
            consumer=consumer,
            outlets=list(outlets),
            # If no day is missing, `wait` is skipped. The default rule would then skip this task too.
            trigger_rule="none_failed_min_one_success",
            doc_md="Checks the window again, and runs the consumer on exactly the checked partitions.",
        )
        if probe:
            upstream = WaitForUpstream(
                task_id=UPSTREAM,
                orchestration=orchestration,
                doc_md="Waits in the triggerer until the upstream has the newest day.",
            )
            upstream >> check
        check >> Label("missing") >> start
        check >> Label("nothing missing") >> consume
        wait >> consume
        # A teardown always runs, and its own result does not change the state of the run.
        (
            consume
            >> Notify(
                task_id="notify",
                dataset_name=dataset.name,
                notify_conn_id=notify_conn_id,
                on=notify_on,
                # At least one retry, so that a short outage of the API does not lose the message.
                retries=max(1, default_args["retries"] or 0),
                doc_md="Sends the result of the run, also after a failure.",
            ).as_teardown()
        )
    return dag
