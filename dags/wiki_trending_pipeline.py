"""The Dag `wiki_trending_pipeline`."""

from wiki_trends.airflow import pipeline_dag

dag = pipeline_dag()
