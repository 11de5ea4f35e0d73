"""A pipeline that writes down each of its executions, and its orchestrator, whose consumer writes down what it was given.

The file that `HOSTILE_NUMBER` names holds the number of runs of the pipeline and of the orchestrator at a time.
"""

import datetime as dt
import json
import os
import time
from pathlib import Path

from airflow.sdk import dag, get_current_context, task

from smart_orchestrator import DailyDataset
from smart_orchestrator.airflow import orchestrator_dag

HOME = Path(os.environ["AIRFLOW_HOME"])
LAKE = HOME / "hostile-lake"
NUMBER = int(Path(os.environ["HOSTILE_NUMBER"]).read_text())


def record(kind, **fields):
    """Append a line to the file that the checks read. One write of a line is atomic."""
    with (HOME / "records.jsonl").open("a") as file:
        file.write(json.dumps({"kind": kind, "at": time.time(), **fields}) + "\n")


def always_fails(day):
    return day.toordinal() % 29 == 7


def fails_once(day):
    return day.toordinal() % 11 == 5


@dag("hostile_pipeline", schedule=None, max_active_runs=NUMBER)
def hostile_pipeline():
    # Airflow starts a task again that was killed with its scheduler.
    @task(retries=2, retry_delay=dt.timedelta(seconds=2))
    def write(dag_run=None, ti=None):
        from airflow.sdk.exceptions import AirflowFailException

        day = dt.date.fromisoformat(dag_run.conf["target_date"])
        folder = LAKE / f"day={day}"
        execution = {"day": str(day), "run": dag_run.run_id, "try": ti.try_number}
        record("began", **execution, was_complete=(folder / "_SUCCESS").exists())
        time.sleep(1 + day.toordinal() % 3)
        if always_fails(day) or (fails_once(day) and dag_run.run_id.endswith(".1")):
            record("ended", **execution, is_hopeless=always_fails(day))
            raise AirflowFailException(f"no luck with {day}")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "part-0.csv").write_text("n\n1\n")
        (folder / "_SUCCESS").touch()
        record("ended", **execution, is_hopeless=always_fails(day))

    write()


hostile_pipeline()


def consume(window):
    """The consumer: whether the days that it was given are there, and in which run."""
    gone = [str(day) for day in window.available if not (LAKE / f"day={day}/_SUCCESS").exists()]
    run = get_current_context()["dag_run"].run_id
    record("consumed", run=run, days=[str(day) for day in window.available], gone=gone)
    return {"days": len(window.available)}


hostile_orchestrator = orchestrator_dag(
    DailyDataset("hostile", str(LAKE), "day={day:%Y-%m-%d}"),
    "hostile_pipeline",
    consume,
    schedule="0 3 * * *",
    max_active_runs=NUMBER,
    days=3,
    lag=1,
    attempts=2,
    poll_seconds=2,
    timeout=180,
    retries=4,
    retry_seconds=2,
    api_conn_id="hostile_api",
    notify_conn_id="hostile_notify",
)
