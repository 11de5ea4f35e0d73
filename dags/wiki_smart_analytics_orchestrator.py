"""Every night at 3:00 UTC: the last days are whole, and the trends are computed from nothing else.

Settings: `WIKI_TRENDS_ORCHESTRATOR_SCHEDULE`, `…_POLL`, `…_TIMEOUT`, and `WIKI_TRENDS_DAYS` for the days of a run that names none.
Connections: `wiki_trends_airflow_api` (this Airflow's API), and where there are any `wiki_trends_lake` (type `aws`),
`wiki_trends_warehouse` (type `postgres`) and `wiki_trends_notify` (Apprise URLs as its password, or a variable of that name).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import Asset

from smart_orchestrator.airflow import orchestrator_dag, postgres_url
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import load

if TYPE_CHECKING:
    from smart_orchestrator.model.completeness import Completeness

SETTINGS = load()


def trends(window: Completeness) -> dict[str, object]:
    """Compute and publish the tables of the window that was checked."""
    from wiki_trends.jobs.main import publish_trends

    return publish_trends(SETTINGS, window, postgres_url("wiki_trends_warehouse"))


dag = orchestrator_dag(
    layers(SETTINGS).diamond,
    "wiki_trending_pipeline",
    trends,
    dag_id="wiki_smart_analytics_orchestrator",
    schedule=SETTINGS.orchestrator_schedule or None,
    days=SETTINGS.days,
    lag=SETTINGS.lag,
    poll_seconds=SETTINGS.orchestrator_poll,
    timeout=SETTINGS.orchestrator_timeout,
    retries=SETTINGS.task_retries,
    retry_seconds=SETTINGS.task_retry_seconds,
    api_conn_id="wiki_trends_airflow_api",
    aws_conn_id="wiki_trends_lake",
    notify_conn_id="wiki_trends_notify",
    state=SETTINGS.state,
    outlets=[Asset("wiki_trends_tables")],
    tags=["smart orchestrator", "wiki trends"],
)
