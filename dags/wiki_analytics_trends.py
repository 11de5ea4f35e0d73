"""The analytics alone, on demand: computes and publishes the trends of a window, if it is whole. Starts nothing.

`{"days": 7}`, or `{"start": "2025-11-01", "end": "2025-11-07"}`; `{"min_coverage": 80}` lets days be missing.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from airflow.sdk import DAG, Asset

from smart_orchestrator.airflow import Orchestration, RunConsumer, parameters, postgres_url
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import load

if TYPE_CHECKING:
    from smart_orchestrator.model.completeness import Completeness

SETTINGS = load()
HERE = Orchestration(
    layers(SETTINGS).diamond,
    "wiki_trending_pipeline",
    lag=SETTINGS.lag,
    aws_conn_id="wiki_trends_lake",
    state=SETTINGS.state,
)


def trends(window: Completeness) -> dict[str, object]:
    """Compute and publish the tables of the window that was checked."""
    from wiki_trends.jobs.main import publish_trends

    return publish_trends(SETTINGS, window, postgres_url("wiki_trends_warehouse"))


with DAG(
    "wiki_analytics_trends",
    schedule=None,
    start_date=dt.datetime(2025, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    max_active_runs=1,
    params=parameters(SETTINGS.days, "days", "as_of", "start", "end", "min_coverage"),
    tags=["wiki trends"],
    doc_md=__doc__,
) as dag:
    RunConsumer(
        task_id="run_analytics",
        orchestration=HERE,
        consumer=trends,
        outlets=[Asset("wiki_trends_tables")],
        retries=SETTINGS.task_retries,
        retry_delay=dt.timedelta(seconds=SETTINGS.task_retry_seconds),
        doc_md="Looks at the window, and computes its trends from exactly what is there.",
    )
