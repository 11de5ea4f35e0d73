"""Produces the four layers of one day of Wikipedia's most-viewed pages: bronze, silver, gold and diamond.

This Dag runs at 2:00 UTC for the newest day that Wikimedia has; with `WIKI_TRENDS_LAG=auto`, it has no schedule, because the
orchestrator starts it when a day lands. To produce another day, trigger it with
`{"target_date": "2025-11-05"}`. Each task is a step of the pipeline. A task can be repeated: it replaces its layer as a whole, or keeps a
layer that is complete. If Wikimedia does not have the day, the task fails without a retry. If a request gets no response, the task is retried.

The Dag needs the pool `wikimedia` (`airflow pools set wikimedia 3 "requests to Wikimedia"`), because Wikimedia allows three concurrent
requests. Its settings are `WIKI_TRENDS_…`. The connection `wiki_trends_lake` (type `aws`) holds the keys of the lake; without this
connection, `AWS_*` of the environment apply.
"""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Asset, Param, get_current_context, task

from smart_orchestrator.airflow import (
    FAIL_AT_ONCE,
    aws_environment,
    day_of_run,
    emit_partitions,
    partitioned_outlets,
    push_failure,
)
from smart_orchestrator.model.window import Window
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import load

if TYPE_CHECKING:
    from collections.abc import Sequence

StepReport = dict[str, Any]
DIAMOND = Asset("wiki_trends_diamond")
POOL = "wikimedia"


def pipeline_dag() -> DAG:
    """Build the Dag `wiki_trending_pipeline` from the current settings."""
    settings = load()

    def run(name: str, *earlier: StepReport) -> StepReport:
        """Run a step for the day of this run, and return its report for the later steps."""
        from wiki_trends.pipeline import run_step

        context = get_current_context()
        with push_failure(context):
            os.environ.update(aws_environment("wiki_trends_lake"))
            return run_step(name, day_of_run(context, settings.max_lag), settings, earlier)

    with DAG(
        "wiki_trending_pipeline",
        # With an automatic lag, the orchestrator starts each day when it lands; a schedule would make the day a second time.
        schedule=None if settings.lag == "auto" else settings.pipeline_schedule or None,
        start_date=dt.datetime(2025, 1, 1, tzinfo=dt.UTC),
        catchup=False,
        max_active_runs=settings.pipeline_runs,
        params={
            "target_date": Param(
                None,
                type=["null", "string"],
                format="date",
                description="The UTC day to produce; by default, the newest day that Wikimedia has.",
            )
        },
        default_args={
            "retries": settings.task_retries,
            "retry_delay": dt.timedelta(seconds=settings.task_retry_seconds),
            "retry_exponential_backoff": True,
            "retry_policy": FAIL_AT_ONCE,
            "execution_timeout": dt.timedelta(hours=2),
        },
        tags=["wiki trends"],
        doc_md=__doc__,
    ) as dag:

        @task(pool=POOL)
        def fetch_top_pages() -> StepReport:
            """Fetch Wikimedia's list of the day, and store it unchanged in the bronze layer."""
            return run("fetch_top_pages")

        @task
        def clean_top_pages(fetched: StepReport) -> StepReport:
            """Remove rows that are not articles or not read by people, and write the silver layer."""
            return run("clean_top_pages", fetched)

        @task(pool=POOL)
        def fetch_wikipedia_categories(cleaned: StepReport) -> StepReport:
            """Fetch the categories and coordinates of pages that are not in the cache."""
            return run("fetch_wikipedia_categories", cleaned)

        @task
        def categorize_pages(categories: StepReport) -> StepReport:
            """Determine the category and the location of each page, and write the gold layer."""
            return run("categorize_pages", categories)

        @task(outlets=partitioned_outlets([DIAMOND]))
        def clean_gold_layer(earlier: Sequence[StepReport]) -> StepReport:
            """Clean the rows of the gold layer, and commit them as the diamond layer, with ten columns. Then the day is complete."""
            from smart_orchestrator.checking import check

            report = run("clean_gold_layer", *earlier)
            context = get_current_context()
            day = day_of_run(context, settings.max_lag)
            as_of = context["dag_run"].run_after.astimezone(dt.UTC).date()
            window = Window.between(day, day, as_of=as_of, lag=0)
            context["outlet_events"][DIAMOND].extra = {"day": day.isoformat()}
            emit_partitions(context, DIAMOND, check(layers(settings).diamond, window))
            return report

        # `Any`, because calling a task inside a Dag returns a reference to the later result of the task.
        fetched: Any = fetch_top_pages()
        cleaned: Any = clean_top_pages(fetched)
        categories: Any = fetch_wikipedia_categories(cleaned)
        categorized: Any = categorize_pages(categories)
        clean_gold_layer([fetched, cleaned, categories, categorized])
    return dag
