"""Makes one day of Wikipedia's most-viewed pages: bronze, silver, gold, diamond.

Runs at 2:00 UTC for the newest day that Wikimedia has, and for any other with `{"target_date": "2025-11-05"}`. Each task is a
step of the pipeline and can be run again: a layer that is there is replaced, or kept, as one act. A day that Wikimedia does
not have fails at once; no answer is tried again.

Needs the pool `wikimedia` (`airflow pools set wikimedia 3 "requests to Wikimedia"`): Wikimedia allows three requests at a time.
Settings: `WIKI_TRENDS_…`; the connection `wiki_trends_lake` (type `aws`) for the lake's keys, where they are not `AWS_*`.
"""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Asset, Param, task

from smart_orchestrator.airflow import FAIL_AT_ONCE, aws_environment, day_of_run, failure_left
from wiki_trends.config.settings import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

Done = dict[str, Any]
DIAMOND = Asset("wiki_trends_diamond")
POOL = "wikimedia"


def pipeline_dag() -> DAG:
    """The Dag `wiki_trending_pipeline`, from the settings as they are now."""
    settings = load()

    def run(name: str, context: Context, before: Sequence[Done] = ()) -> Done:
        """Run a step for the day of this run; what it did goes to the next one."""
        from wiki_trends.pipeline import run_step

        with failure_left(context):
            os.environ.update(aws_environment("wiki_trends_lake"))
            return run_step(name, day_of_run(context, settings.lag), settings, before)

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
                description="The UTC day; default the newest there is.",
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
        def fetch_top_pages(**context: Any) -> Done:
            """Wikimedia's list of the day, kept in bronze as it came."""
            return run("fetch_top_pages", context)

        @task
        def clean_top_pages(fetched: Done, **context: Any) -> Done:
            """Articles only, read by people: silver."""
            return run("clean_top_pages", context, [fetched])

        @task(pool=POOL)
        def fetch_wikipedia_categories(cleaned: Done, **context: Any) -> Done:
            """What the wiki knows of pages that were not asked for lately."""
            return run("fetch_wikipedia_categories", context, [cleaned])

        @task
        def categorize_pages(known: Done, **context: Any) -> Done:
            """Category and place of each page: gold."""
            return run("categorize_pages", context, [known])

        @task(outlets=[DIAMOND])
        def clean_gold_layer(before: Sequence[Done], **context: Any) -> Done:
            """The ten columns that readers know: diamond. From here on the day counts."""
            done = run("clean_gold_layer", context, before)
            day = day_of_run(context, settings.lag)
            context["outlet_events"][DIAMOND].extra = {"day": day.isoformat(), "rows": done["rows_out"]}
            return done

        fetched = fetch_top_pages()
        cleaned = clean_top_pages(fetched)
        known = fetch_wikipedia_categories(cleaned)
        clean_gold_layer([fetched, cleaned, known, categorize_pages(known)])
    return dag
