"""The Dag that fills missing days every night at 3:00 UTC, and then computes the trends of the complete window.

With `WIKI_TRENDS_LAG=auto`, a run first waits until Wikimedia has the list of the day before.

Settings: `WIKI_TRENDS_ORCHESTRATOR_SCHEDULE`, `…_POLL`, `…_TIMEOUT`, `…_NOTIFY_ON`, and `WIKI_TRENDS_DAYS` for the default of the parameter `days`.

Connections: `wiki_trends_airflow_api` (this Airflow's REST API) is required. Optional are `wiki_trends_lake` (type `aws`),
`wiki_trends_warehouse` (type `postgres`) and `wiki_trends_notify`, whose password holds Apprise URLs. A variable with the name
`wiki_trends_notify` can replace the last connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.airflow import orchestrator_dag
from wiki_trends.airflow.consumer import TABLES, replace_newer_parameter, trends_consumer
from wiki_trends.airflow.upstream import probe_of
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import load

if TYPE_CHECKING:
    from airflow.sdk import DAG


def wiki_orchestrator_dag() -> DAG:
    """Build the Dag `wiki_smart_analytics_orchestrator` from the current settings."""
    settings = load()
    return orchestrator_dag(
        layers(settings).diamond,
        "wiki_trending_pipeline",
        trends_consumer(settings),
        dag_id="wiki_smart_analytics_orchestrator",
        schedule=settings.orchestrator_schedule or None,
        days=settings.days,
        lag=settings.lag,
        max_lag=settings.max_lag,
        probe=probe_of(settings),
        attempts=settings.attempts or 1,
        poll_seconds=settings.orchestrator_poll,
        timeout=settings.orchestrator_timeout,
        retries=settings.task_retries,
        retry_seconds=settings.task_retry_seconds,
        api_conn_id="wiki_trends_airflow_api",
        aws_conn_id="wiki_trends_lake",
        notify_conn_id="wiki_trends_notify",
        notify_on=settings.orchestrator_notify_on,
        state=settings.state,
        settle_seconds=settings.writing_seconds,
        outlets=[TABLES],
        details_url="../data-completeness/completeness",
        params=replace_newer_parameter(),
        tags=["wiki trends"],
    )
