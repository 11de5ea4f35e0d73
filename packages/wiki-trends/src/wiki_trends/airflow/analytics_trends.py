"""Computes and publishes the trends of a window on demand, if the window is complete. This Dag starts no pipeline runs.

Select the window with `{"days": 7}`, or with `{"start": "2025-11-01", "end": "2025-11-07"}`. `{"min_coverage": 80}` accepts
missing days. `{"replace_newer": true}` replaces a published window even if the published window ends later.
"""

from __future__ import annotations

import datetime as dt

from airflow.sdk import DAG

from smart_orchestrator.airflow import Orchestration, RunConsumer, parameters
from wiki_trends.airflow.consumer import TABLES, replace_newer_parameter, trends_consumer
from wiki_trends.airflow.upstream import probe_of
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import load


def trends_dag() -> DAG:
    """Build the Dag `wiki_analytics_trends` from the current settings."""
    settings = load()
    orchestration = Orchestration(
        layers(settings).diamond,
        "wiki_trending_pipeline",
        lag=settings.max_lag,
        aws_conn_id="wiki_trends_lake",
        state=settings.state,
        settle_seconds=settings.writing_seconds,
        probe=probe_of(settings),
    )
    with DAG(
        "wiki_analytics_trends",
        schedule=None,
        start_date=dt.datetime(2025, 1, 1, tzinfo=dt.UTC),
        catchup=False,
        max_active_runs=1,
        # A dry run shows which runs would be started, and this Dag starts none.
        params={name: param for name, param in parameters(settings.days).items() if name != "dry_run"}
        | replace_newer_parameter(),
        tags=["wiki trends"],
        doc_md=__doc__,
    ) as dag:
        RunConsumer(
            task_id="run_analytics",
            orchestration=orchestration,
            consumer=trends_consumer(settings),
            outlets=[TABLES],
            retries=settings.task_retries,
            retry_delay=dt.timedelta(seconds=settings.task_retry_seconds),
            doc_md="Checks the window, and computes its trends from exactly the checked partitions.",
        )
    return dag
