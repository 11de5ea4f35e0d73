"""The public names of the product, held, so that the surface does not grow by accident."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import wiki_trends

HELD = {
    "wiki_trends.airflow": ["pipeline_dag", "trends_dag", "wiki_orchestrator_dag"],
    "wiki_trends.pipeline": [
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
    ],
    "wiki_trends.report": ["Report", "build_report", "render", "to_json"],
    "wiki_trends.sample": ["Exchange", "SampleOptions", "SampleServer", "parse_faults", "serve", "truth"],
    "wiki_trends.warehouse": ["open_warehouse"],
    "wiki_trends.web": ["Guard", "Visitor", "create_app"],
    "wiki_trends.wikimedia": ["PageFacts", "RawAnswer", "SiteInfo", "WikimediaClient"],
}


def packages() -> list[str]:
    found = pkgutil.iter_modules(wiki_trends.__path__, "wiki_trends.")
    return [item.name for item in found if item.ispkg]


def test_public_names_are_those_that_are_held() -> None:
    modules = [importlib.import_module(name) for name in packages()]

    assert {module.__name__: list(module.__all__) for module in modules if hasattr(module, "__all__")} == HELD


# Names that load Airflow are held in its own environment.
@pytest.mark.parametrize("package", sorted(HELD.keys() - {"wiki_trends.airflow"}))
def test_every_public_name_is_there(package: str) -> None:
    module = importlib.import_module(package)

    assert [name for name in HELD[package] if not hasattr(module, name)] == []
