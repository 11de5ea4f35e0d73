"""The daily pipeline: bronze -> silver -> gold -> diamond, with one module and one function for each step."""

from wiki_trends.pipeline.run import DayResult, run_day
from wiki_trends.pipeline.single_step import STEPS, run_step
from wiki_trends.pipeline.step_result import StepResult
from wiki_trends.pipeline.steps.categorize_pages import categorize_pages
from wiki_trends.pipeline.steps.clean_gold_layer import clean_gold_layer
from wiki_trends.pipeline.steps.clean_top_pages import clean_top_pages
from wiki_trends.pipeline.steps.fetch_top_pages import fetch_top_pages
from wiki_trends.pipeline.steps.fetch_wikipedia_categories import fetch_wikipedia_categories

__all__ = [
    "STEPS",
    "DayResult",
    "StepResult",
    "categorize_pages",
    "clean_gold_layer",
    "clean_top_pages",
    "fetch_top_pages",
    "fetch_wikipedia_categories",
    "run_day",
    "run_step",
]
