"""An orchestrator whose tasks do what a test has ordered: `orders/RUN/TASK` in Airflow's home holds `fail`, `skip`, `retry` or `hold`.

An order holds until its file is removed, and is obeyed before the task does its own work. With `hold`, the task waits for the removal.
"""

import datetime as dt
import os
import time
from pathlib import Path

from airflow.sdk import RetryDecision, RetryPolicy, dag, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from smart_orchestrator import DailyDataset
from smart_orchestrator.airflow import orchestrator_dag

HOME = Path(os.environ["AIRFLOW_HOME"])
LAKE = HOME / "clearing-lake"


class Ordered(Exception):
    """The error of a task that is up for a retry."""


class RetryMuchLater(RetryPolicy):
    """A task that was ordered to be retried stays up for it; one that a busy machine has killed is retried at once."""

    def evaluate(self, exception, try_number, max_tries, context=None):
        del try_number, max_tries, context
        if isinstance(exception, Ordered):
            return RetryDecision.retry(dt.timedelta(hours=1))
        return RetryDecision.default()


ERRORS = {"fail": AirflowFailException, "skip": AirflowSkipException, "retry": Ordered}


def obey(context):
    """Do what the order of this task says."""
    path = HOME / "orders" / context["dag_run"].run_id / context["ti"].task_id
    if not path.exists():
        return
    order = path.read_text()
    while order == "hold" and path.exists():
        time.sleep(0.2)
    if order != "hold":
        raise ERRORS[order]("as ordered")


@dag("clearing_pipeline", schedule=None, max_active_runs=16)
def clearing_pipeline():
    # On a busy machine a task may be taken for dead.
    @task(retries=3, retry_delay=dt.timedelta(seconds=1))
    def write(dag_run=None):
        folder = LAKE / f"day={dag_run.conf['target_date']}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "part-0.csv").write_text("n\n1\n")
        (folder / "_SUCCESS").touch()

    write()


clearing_pipeline()
clearing_orchestrator = orchestrator_dag(
    DailyDataset("clearing", str(LAKE), "day={day:%Y-%m-%d}"),
    "clearing_pipeline",
    lambda window: {"days": len(window.available)},
    schedule=None,
    max_active_runs=32,
    poll_seconds=1,
    retries=5,
    retry_seconds=1,
    api_conn_id="wiki_trends_airflow_api",
)
for each in clearing_orchestrator.tasks:
    each._pre_execute_hook = obey
    each.retry_policy = RetryMuchLater()
