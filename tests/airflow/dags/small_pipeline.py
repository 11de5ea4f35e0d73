"""A pipeline of somebody else: a second a day, into a lake of its own; some days go wrong."""

import datetime as dt
import time

import obstore
import pendulum
from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowFailException
from obstore.store import S3Store

HEADER = "page,page_display,views,rank,link,category,location_type,location,latitude,longitude"


@dag(
    dag_id="small_pipeline",
    schedule=None,
    start_date=pendulum.datetime(2025, 1, 1, tz="UTC"),
    max_active_runs=4,
)
def small_pipeline():
    # On a busy machine a task may be taken for dead; bad days fail at once.
    @task(retries=2, retry_delay=dt.timedelta(seconds=1))
    def work(dag_run=None, ti=None):
        day = dag_run.conf["target_date"]
        time.sleep(1)
        if day == "2025-11-13":
            raise AirflowFailException(f"no luck with {day}")
        if day == "2025-11-14":
            ti.xcom_push("failure", {"failure": "NOT_PUBLISHED", "message": f"the source has no {day}"})
            raise AirflowFailException("nothing there")
        if day == "2025-11-15":
            return  # Green, and nothing is there.
        folder = f"small/diamond/diamond_final_{day.replace('-', '_')}.csv"
        lake = S3Store("lake", client_options={"allow_http": True})
        row = "A,A,7,1,https://w/A,Other,General,No specific location,,"
        obstore.put(lake, f"{folder}/part-00000.csv", f"{HEADER}\n{row}\n".encode())
        obstore.put(lake, f"{folder}/_SUCCESS", b"")

    work()


small_pipeline()
