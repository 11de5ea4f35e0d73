"""Consumers of the product's assets, as a team would add them: by asset, and by partition. Paused until a test needs them."""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, PartitionedAssetTimetable

DIAMOND, TABLES = Asset("wiki_trends_diamond"), Asset("wiki_trends_tables")
SCHEDULES = {
    "on_diamond": [DIAMOND],
    "on_tables": [TABLES],
    "on_days_of_diamond": PartitionedAssetTimetable(assets=DIAMOND),
    "on_days_of_tables": PartitionedAssetTimetable(assets=TABLES),
}
for dag_id, schedule in SCHEDULES.items():
    with DAG(dag_id, schedule=schedule, is_paused_upon_creation=True, max_active_runs=16) as dag:
        EmptyOperator(task_id="consume")
    globals()[dag_id] = dag
