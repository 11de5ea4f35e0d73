"""Somebody else's pipeline: 20 lines that know nothing of an orchestrator. Spark's way to commit: an empty `_SUCCESS`."""

import obstore
from airflow.sdk import dag, task
from obstore.store import S3Store

HEADER = "page,page_display,views,rank,link,category,location_type,location,latitude,longitude"


@dag("foreign_pipeline", schedule=None, max_active_runs=3)
def foreign_pipeline():
    @task
    def write(dag_run=None):
        day = dag_run.conf["target_date"]
        folder = f"foreign/diamond_final_{day.replace('-', '_')}.csv"
        rows = [
            f"Page_{n},Page {n},{1000 - n},{n},https://w/{n},Other,General,No specific location,,"
            for n in (1, 2)
        ]
        lake = S3Store("lake", client_options={"allow_http": True})
        obstore.put(lake, f"{folder}/part-00000.csv", "\n".join([HEADER, *rows, ""]).encode())
        obstore.put(lake, f"{folder}/_SUCCESS", b"")

    write()


foreign_pipeline()
