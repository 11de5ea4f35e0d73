"""A pipeline that takes its time, and orchestrators with little patience."""

import os
import time
from datetime import timedelta
from pathlib import Path

from airflow.sdk import AsyncCallback, DeadlineAlert, DeadlineReference, dag, task

from smart_orchestrator import DailyDataset
from smart_orchestrator.airflow import orchestrator_dag
from smart_orchestrator.airflow.notifications import late

LAKE = Path(os.environ["AIRFLOW_HOME"]) / "slow-lake"
SECONDS = 25
# Nobody waits for the end of these: on a busy machine they must still outlast the tasks of an orchestrator, or be cancelled.
LONGEST = dict.fromkeys(["2025-08-05", "2025-08-11", "2025-08-13", "2025-08-14", "2025-08-15"], 180)


@dag("slow_pipeline", schedule=None, max_active_runs=4)
def slow_pipeline():
    @task
    def write(dag_run=None):
        folder = LAKE / f"day={dag_run.conf['target_date']}"
        folder.mkdir(parents=True)
        time.sleep(LONGEST.get(dag_run.conf["target_date"], SECONDS))
        (folder / "part-0.csv").write_text("n\n1\n")
        (folder / "_SUCCESS").touch()

    write()


slow_pipeline()

slow = DailyDataset("slow", str(LAKE), "day={day:%Y-%m-%d}")
same = {"schedule": None, "poll_seconds": 1, "api_conn_id": "wiki_trends_airflow_api"}
patient = orchestrator_dag(slow, "slow_pipeline", lambda _: None, **same)
impatient = orchestrator_dag(
    slow, "slow_pipeline", lambda _: None, dag_id="impatient_orchestrator", timeout=3, **same
)
with_deadline = orchestrator_dag(
    slow,
    "slow_pipeline",
    lambda _: None,
    dag_id="late_orchestrator",
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(seconds=5),
        callback=AsyncCallback(
            late, kwargs={"dataset_name": "slow", "notify_conn_id": "notify", "seconds": 5.0}
        ),
    ),
    **same,
)
