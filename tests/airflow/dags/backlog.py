"""A pipeline whose schedule has a backlog of past days when a test switches it on, and its orchestrator."""

import datetime as dt
import os
from pathlib import Path

from airflow.sdk import dag, task

from smart_orchestrator import DailyDataset
from smart_orchestrator.airflow import orchestrator_dag

LAKE = Path(os.environ["AIRFLOW_HOME"]) / "backlog-lake"
TODAY = dt.datetime.now(tz=dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@dag(
    "backlog_pipeline",
    schedule="0 0 * * *",
    start_date=TODAY - dt.timedelta(days=5),
    catchup=True,
    max_active_runs=1,
    is_paused_upon_creation=True,
)
def backlog_pipeline():
    @task
    def write(dag_run=None):
        day = (dag_run.conf or {}).get("target_date") or str(dag_run.run_after.date() - dt.timedelta(days=1))
        folder = LAKE / f"day={day}"
        folder.mkdir(parents=True)  # Fails when a day is run twice.
        (folder / "part-0.csv").write_text("n\n1\n")
        (folder / "_SUCCESS").touch()

    write()


backlog_pipeline()
backlog = orchestrator_dag(
    DailyDataset("backlog", str(LAKE), "day={day:%Y-%m-%d}"),
    "backlog_pipeline",
    lambda window: {"days": len(window.available)},
    schedule=None,
    days=4,
    lag=1,
    poll_seconds=1,
    api_conn_id="wiki_trends_airflow_api",
)
