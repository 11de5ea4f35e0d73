"""An orchestrator whose tasks do what a test has ordered: `orders/RUN/TASK` in Airflow's home holds `fail`, `skip`, `retry` or `hold`.

An order is obeyed once, before the task does its own work. With `hold`, the task waits until the file is removed.
"""

import os
import time
from pathlib import Path

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from smart_orchestrator import DailyDataset
from smart_orchestrator.airflow import orchestrator_dag

HOME = Path(os.environ["AIRFLOW_HOME"])
LAKE = HOME / "clearing-lake"
ERRORS = {"fail": AirflowFailException, "skip": AirflowSkipException, "retry": AirflowException}


def obey(context):
    """Do what the order of this task says."""
    path = HOME / "orders" / context["dag_run"].run_id / context["ti"].task_id
    if not path.exists():
        return
    order = path.read_text()
    while order == "hold" and path.exists():
        time.sleep(0.2)
    if order != "hold":
        path.unlink()
        raise ERRORS[order]("as ordered")


@dag("clearing_pipeline", schedule=None, max_active_runs=16)
def clearing_pipeline():
    @task
    def write(dag_run=None):
        folder = LAKE / f"day={dag_run.conf['target_date']}"
        folder.mkdir(parents=True)  # Fails when a day is run twice.
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
    # A task that is up for a retry stays so until it is cleared.
    retries=1,
    retry_seconds=3600,
    api_conn_id="wiki_trends_airflow_api",
)
for each in clearing_orchestrator.tasks:
    each._pre_execute_hook = obey
