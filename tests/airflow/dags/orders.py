"""A second daily lake, a folder, and its orchestrator from the factory. What its pipeline does with a day stands in the day."""

import datetime as dt
import os
from pathlib import Path

from airflow.sdk import dag, task

from smart_orchestrator import DailyDataset
from smart_orchestrator.airflow import orchestrator_dag
from wiki_trends.config.layers import DIAMOND_COLUMNS

LAKE = Path(os.environ["AIRFLOW_HOME"]) / "orders-lake"


@dag("orders_pipeline", schedule=None, max_active_runs=8)
def orders_pipeline():
    @task
    def write(dag_run=None):
        day = dt.date.fromisoformat(dag_run.conf["target_date"])
        if day.day == 13 or (str(day) == "2025-04-12" and dag_run.run_id.endswith(".1")):
            raise ValueError(f"no luck with {day}")
        if day.day == 14:
            return  # Green, and nothing is there.
        folder = LAKE / f"orders/dt={day}"
        folder.mkdir(parents=True)
        (folder / "part-0.csv").write_text("order,euros\n1,12.5\n2,3.0\n")
        (folder / "_SUCCESS").touch()

    write()


orders_pipeline()

orders = DailyDataset("orders", str(LAKE), "orders/dt={day:%Y-%m-%d}")
orders_orchestrator = orchestrator_dag(
    orders,
    "orders_pipeline",
    lambda window: {"orders": sum(partition.rows for partition in window.partitions if partition.available)},
    schedule=None,
    days=3,
    lag=0,
    poll_seconds=1,
    retry_seconds=1,
    api_conn_id="wiki_trends_airflow_api",
)
paused = orchestrator_dag(
    orders, "paused_pipeline", lambda _: None, dag_id="of_a_paused_pipeline", schedule=None, poll_seconds=1,
    api_conn_id="wiki_trends_airflow_api", retries=0,
)  # fmt: skip
absent = orchestrator_dag(
    orders, "no_such_pipeline", lambda _: None, dag_id="of_no_pipeline", schedule=None, poll_seconds=1,
    api_conn_id="wiki_trends_airflow_api", retries=0,
)  # fmt: skip
quiet = orchestrator_dag(
    orders, "orders_pipeline", lambda _: {"changed": False}, dag_id="quiet_orchestrator", schedule=None, poll_seconds=1,
    api_conn_id="wiki_trends_airflow_api", notify_on="change",
)  # fmt: skip
foreign = orchestrator_dag(
    DailyDataset("foreign", "s3://lake/foreign", "diamond_final_{day:%Y_%m_%d}.csv", columns=DIAMOND_COLUMNS),
    "foreign_pipeline",
    lambda window: {"pages": sum(partition.rows for partition in window.partitions if partition.available)},
    schedule=None,
    poll_seconds=1,
    api_conn_id="wiki_trends_airflow_api",
)


@dag("paused_pipeline", schedule=None, is_paused_upon_creation=True)
def paused_pipeline():
    @task
    def nothing():
        """Never runs."""

    nothing()


paused_pipeline()
