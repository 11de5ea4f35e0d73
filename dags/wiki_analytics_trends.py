"""The Dag `wiki_analytics_trends`."""

from wiki_trends.airflow import trends_dag

dag = trends_dag()
