"""The Dag `wiki_trending_pipeline`, which the package wiki-trends makes."""

from wiki_trends.airflow import pipeline_dag

dag = pipeline_dag()
