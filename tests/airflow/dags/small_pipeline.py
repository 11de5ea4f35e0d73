"""A pipeline of somebody else: a few seconds a day, some days go wrong. What a day does stands in its conf."""

import time

import pendulum
from airflow.sdk import dag, task


@dag(
    dag_id="small_pipeline",
    schedule=None,
    start_date=pendulum.datetime(2025, 1, 1, tz="UTC"),
    max_active_runs=2,
)
def small_pipeline():
    @task
    def work(dag_run=None, ti=None):
        day = dag_run.conf["target_date"]
        time.sleep(1)
        if day.endswith("-13"):
            raise ValueError(f"no luck with {day}")
        if day.endswith("-14"):
            ti.xcom_push("failure", {"failure": "NOT_PUBLISHED", "message": f"the source has no {day}"})
            raise RuntimeError("nothing there")

    work()


small_pipeline()
