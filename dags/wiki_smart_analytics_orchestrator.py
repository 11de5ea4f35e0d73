"""The Dag `wiki_smart_analytics_orchestrator`."""

from wiki_trends.airflow import wiki_orchestrator_dag

dag = wiki_orchestrator_dag()
