"""Runs one step of a day by its name, for schedulers that run each step in its own process.

Each step reads rows from the lake and writes rows to the lake. The scheduler passes the results of the steps, which are small JSON
objects, to the last step. The last step writes all results into the manifest of the diamond partition. With the setting `recheck`,
the first step also rechecks the last days, so that an orchestrator finds the restated days.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wiki_trends.pipeline.lists.recheck import recheck_last_days
from wiki_trends.pipeline.step_result import StepResult
from wiki_trends.pipeline.steps.categorize_pages import categorize_pages
from wiki_trends.pipeline.steps.clean_gold_layer import clean_gold_layer
from wiki_trends.pipeline.steps.clean_top_pages import clean_top_pages
from wiki_trends.pipeline.steps.fetch_top_pages import fetch_top_pages
from wiki_trends.pipeline.steps.fetch_wikipedia_categories import fetch_wikipedia_categories
from wiki_trends.wikimedia import WikimediaClient

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Mapping

    from wiki_trends.config.settings import Settings

_STEP_FUNCTIONS: dict[str, Callable[[dt.date, Settings, WikimediaClient], StepResult]] = {
    "fetch_top_pages": fetch_top_pages,
    "clean_top_pages": clean_top_pages,
    "fetch_wikipedia_categories": fetch_wikipedia_categories,
    "categorize_pages": categorize_pages,
}
_LAST_STEP = "clean_gold_layer"
STEPS = (*_STEP_FUNCTIONS, _LAST_STEP)


def run_step(
    name: str, day: dt.date, settings: Settings, earlier: Iterable[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Run one step for a UTC day, and return its `StepResult.to_json()`. Run the steps in the order of `STEPS`.

    Args:
        name: the name of the step, from `STEPS`.
        day: the day of the page views.
        settings: the settings, with project, access method, lake and limits.
        earlier: the values that `run_step` returned for the earlier steps; only the last step reads them.

    Raises:
        KeyError: no step has this name.
        WikiTrendsError, SmartOrchestratorError: the step failed; the layer that the step writes is unchanged.
    """
    if name == _LAST_STEP:
        return clean_gold_layer(day, settings, [StepResult.from_json(result) for result in earlier]).to_json()
    step = _STEP_FUNCTIONS[name]
    with WikimediaClient(settings) as client:
        result = step(day, settings, client).to_json()
    if step is fetch_top_pages:
        recheck_last_days(settings)
    return result
