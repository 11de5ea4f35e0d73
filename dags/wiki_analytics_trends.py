"""The Dag `wiki_analytics_trends`, which the package wiki-trends makes."""

from wiki_trends.airflow import trends_dag

dag = trends_dag()
