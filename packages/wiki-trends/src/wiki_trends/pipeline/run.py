"""Runs all steps of the pipeline for one day in this process.

If a step fails, the run ends. The commits of the earlier steps stay, and the diamond partition is unchanged.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
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
    from collections.abc import Callable, Mapping

    from wiki_trends.config.settings import Settings
    from wiki_trends.pipeline.step_result import StepResult
    from wiki_trends.pipeline.steps.fetch_top_pages import RowsCallback


class Fetch(Protocol):
    """The first step: calls `on_rows` with the rows of a day's list, then commits the list to bronze."""

    def __call__(
        self,
        day: dt.date,
        settings: Settings,
        client: WikimediaClient,
        *,
        on_rows: RowsCallback | None = None,
    ) -> StepResult:
        """Fetch the list of a day, and commit it to bronze."""
        ...


@dataclass(frozen=True, slots=True)
class DayResult:
    """The result of the pipeline for one day.

    Attributes:
        day: the UTC day.
        rows: the number of rows in the diamond partition.
        seconds: the duration of each step in seconds, by the name of the step.
        requests: the number of requests to Wikimedia, including retries.
        retries: the number of retries.
        cache_hits: the number of pages whose facts were cached.
        steps: the results of the steps, in order.
    """

    day: dt.date
    rows: int
    seconds: Mapping[str, float]
    requests: int
    retries: int
    cache_hits: int
    steps: tuple[StepResult, ...]


STEP_TEXTS = (
    "requesting the list",
    "cleaning the list",
    "requesting facts about pages",
    "choosing categories",
    "writing the day",
)


def run_day(
    day: dt.date,
    settings: Settings,
    *,
    client: WikimediaClient | None = None,
    fetch: Fetch = fetch_top_pages,
    on_step: Callable[[str], None] | None = None,
) -> DayResult:
    """Fetch, clean, enrich, categorise and commit one UTC day.

    If bronze has the list, `fetch_top_pages` fetches it again only if it is restated. The other layers are always rebuilt.

    Args:
        day: the day of the page views.
        settings: the settings, with project, access method, lake and limits.
        client: an open client that several days can share; by default, the run opens its own client.
        fetch: the first step: `fetch_top_pages`, or `fetch_from_dump` with a bound `dump`.
        on_step: a callback that gets the text of each step before the step starts.

    Raises:
        WikiTrendsError, SmartOrchestratorError: a step failed; the diamond partition is unchanged.
    """
    steps: list[StepResult] = []

    def run_step(run: Callable[[], StepResult]) -> None:
        if on_step is not None:
            number = len(steps) + 1
            on_step(f"step {number} of {len(STEP_TEXTS)}: {STEP_TEXTS[number - 1]}")
        steps.append(run())

    with ExitStack() as stack:
        client = client or stack.enter_context(WikimediaClient(settings))
        prefetch = stack.enter_context(PagePrefetch(settings, client))
        run_step(partial(fetch, day, settings, client, on_rows=prefetch.begin))
        run_step(partial(clean_top_pages, day, settings, client))
        run_step(partial(fetch_wikipedia_categories, day, settings, client, prefetch=prefetch))
        run_step(partial(categorize_pages, day, settings, client))
    # `clean_gold_layer` is named after the layer that it reads. It writes the diamond partition.
    run_step(partial(clean_gold_layer, day, settings, steps))
    return DayResult(
        day=day,
        rows=steps[-1].rows_out,
        seconds={step.name: step.seconds for step in steps},
        requests=sum(step.requests for step in steps),
        retries=sum(step.retries for step in steps),
        cache_hits=sum(step.cache_hits for step in steps),
        steps=tuple(steps),
    )
