"""A small pipeline of yesterday, and its orchestrator with an automatic lag: it asks the sample Wikimedia whether yesterday is there."""

import os
from pathlib import Path

from airflow.sdk import Asset, dag, task

from smart_orchestrator import DailyDataset
from smart_orchestrator.airflow import orchestrator_dag

LAKE = Path(os.environ["AIRFLOW_HOME"]) / "landing-lake"


@dag("landing_pipeline", schedule=None)
def landing_pipeline():
    @task
    def write(dag_run=None):
        folder = LAKE / f"day={dag_run.conf['target_date']}"
        folder.mkdir(parents=True)  # Fails when a day is run twice.
        (folder / "part-0.csv").write_text("n\n1\n")
        (folder / "_SUCCESS").touch()

    write()


landing_pipeline()
landing = orchestrator_dag(
    DailyDataset("landing", str(LAKE), "day={day:%Y-%m-%d}"),
    "landing_pipeline",
    lambda window: {"days": [str(day) for day in window.available]},
    # A run without a person: for each event.
    schedule=[Asset("a_new_day")],
    days=1,
    lag="auto",
    probe="wiki_trends.airflow.upstream:ask_wikimedia",
    poll_seconds=1,
    api_conn_id="wiki_trends_airflow_api",
)
