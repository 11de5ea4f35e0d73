"""Runs all steps of the pipeline for one day in this process.

A step that fails ends the run: what earlier steps committed stays, and the diamond partition is unchanged.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from wiki_trends.pipeline.cache.prefetch import PagePrefetch
from wiki_trends.pipeline.steps.categorize_pages import categorize_pages
from wiki_trends.pipeline.steps.clean_gold_layer import clean_gold_layer
from wiki_trends.pipeline.steps.clean_top_pages import clean_top_pages
from wiki_trends.pipeline.steps.fetch_top_pages import fetch_top_pages
from wiki_trends.pipeline.steps.fetch_wikipedia_categories import fetch_wikipedia_categories
from wiki_trends.wikimedia import WikimediaClient

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from wiki_trends.config.settings import Settings
    from wiki_trends.pipeline.step_result import StepResult
    from wiki_trends.pipeline.steps.fetch_top_pages import RowsCallback


class Fetch(Protocol):
    """The first step: commits a day's list to bronze, and calls `on_rows` with its rows before that."""

    def __call__(
        self,
        day: dt.date,
        settings: Settings,
        client: WikimediaClient,
        *,
        on_rows: RowsCallback | None = None,
    ) -> StepResult:
        """Run the step."""
        ...


@dataclass(frozen=True, slots=True)
class DayResult:
    """Result of the pipeline for one day.

    Attributes:
        day: UTC.
        rows: rows of the diamond partition.
        seconds: duration of each step, by its name.
        requests: requests to Wikimedia, including repeats.
        retries: how many of the requests were repeats.
        cache_hits: pages that needed no request.
        steps: result of each step, in order.
    """

    day: dt.date
    rows: int
    seconds: Mapping[str, float]
    requests: int
    retries: int
    cache_hits: int
    steps: tuple[StepResult, ...]


def run_day(
    day: dt.date, settings: Settings, *, client: WikimediaClient | None = None, fetch: Fetch = fetch_top_pages
) -> DayResult:
    """Fetch, clean, enrich, categorise and commit one UTC day.

    The list is not fetched again when bronze has it; the other layers are rebuilt.

    Args:
        day: the day of the page views.
        settings: project, access method, lake and limits.
        client: an open client, shared between days; by default a new client for this day.
        fetch: the first step, which commits the day to bronze: `fetch_top_pages`, or `fetch_from_dump` with its dump.

    Raises:
        WikiTrendsError, SmartOrchestratorError: a step failed; the diamond partition is unchanged.
    """
    with ExitStack() as stack:
        client = client or stack.enter_context(WikimediaClient(settings))
        prefetch = stack.enter_context(PagePrefetch(settings, client))
        steps = [
            fetch(day, settings, client, on_rows=prefetch.begin),
            clean_top_pages(day, settings, client),
            fetch_wikipedia_categories(day, settings, client, prefetch=prefetch),
            categorize_pages(day, settings, client),
        ]
    steps.append(clean_gold_layer(day, settings, steps))
    return DayResult(
        day=day,
        rows=steps[-1].rows_out,
        seconds={step.name: step.seconds for step in steps},
        requests=sum(step.requests for step in steps),
        retries=sum(step.retries for step in steps),
        cache_hits=sum(step.cache_hits for step in steps),
        steps=tuple(steps),
    )
