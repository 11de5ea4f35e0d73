"""Makes one day of Wikipedia's most-viewed pages: bronze, silver, gold, diamond.

Runs at 2:00 UTC for the newest day that Wikimedia has, and for any other day with `{"target_date": "2025-11-05"}`. Each task
is a step of the pipeline and can run again: it replaces or keeps its layer atomically. A day that Wikimedia does not have
fails at once; a request without an answer is retried.

Needs the pool `wikimedia` (`airflow pools set wikimedia 3 "requests to Wikimedia"`): Wikimedia allows three requests at a time.
Settings: `WIKI_TRENDS_…`; the connection `wiki_trends_lake` (type `aws`) for the lake's keys, unless `AWS_*` are set.
"""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Asset, Param, get_current_context, task

from smart_orchestrator.airflow import FAIL_AT_ONCE, aws_environment, day_of_run, push_failure
from wiki_trends.config.settings import load

if TYPE_CHECKING:
    from collections.abc import Sequence

StepReport = dict[str, Any]
DIAMOND = Asset("wiki_trends_diamond")
POOL = "wikimedia"


def pipeline_dag() -> DAG:
    """The Dag `wiki_trending_pipeline`, from the current settings."""
    settings = load()

    def run(name: str, *earlier: StepReport) -> StepReport:
        """Run a step for the day of this run; its report goes to the later steps."""
        from wiki_trends.pipeline import run_step

        context = get_current_context()
        with push_failure(context):
            os.environ.update(aws_environment("wiki_trends_lake"))
            return run_step(name, day_of_run(context, settings.lag), settings, earlier)

    with DAG(
        "wiki_trending_pipeline",
        schedule=settings.pipeline_schedule or None,
        start_date=dt.datetime(2025, 1, 1, tzinfo=dt.UTC),
        catchup=False,
        max_active_runs=settings.pipeline_runs,
        params={
            "target_date": Param(
                None,
                type=["null", "string"],
                format="date",
                description="The UTC day; by default the newest that Wikimedia has.",
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
            """Fetch Wikimedia's list of the day into bronze, unchanged."""
            return run("fetch_top_pages")

        @task
        def clean_top_pages(fetched: StepReport) -> StepReport:
            """Keep the articles that people read: silver."""
            return run("clean_top_pages", fetched)

        @task(pool=POOL)
        def fetch_wikipedia_categories(cleaned: StepReport) -> StepReport:
            """Fetch categories and coordinates of the pages that are not in the cache."""
            return run("fetch_wikipedia_categories", cleaned)

        @task
        def categorize_pages(categories: StepReport) -> StepReport:
            """Find the category and the place of each page: gold."""
            return run("categorize_pages", categories)

        @task(outlets=[DIAMOND])
        def clean_gold_layer(earlier: Sequence[StepReport]) -> StepReport:
            """Commit the ten documented columns: diamond. The day is complete from then on."""
            report = run("clean_gold_layer", *earlier)
            context = get_current_context()
            day = day_of_run(context, settings.lag)
            context["outlet_events"][DIAMOND].extra = {"day": day.isoformat(), "rows": report["rows_out"]}
            return report

        # `Any`: inside a Dag, a call of a task returns a reference to its future result.
        fetched: Any = fetch_top_pages()
        cleaned: Any = clean_top_pages(fetched)
        categories: Any = fetch_wikipedia_categories(cleaned)
        categorized: Any = categorize_pages(categories)
        clean_gold_layer([fetched, cleaned, categories, categorized])
    return dag
