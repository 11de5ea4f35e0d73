"""The Dags of wiki-trends for Airflow 3. Each function reads the settings and returns one Dag.

`wiki-trends airflow dags` writes one file for each Dag into the DAG folder, and each file calls one of the functions. This package
imports a module when a function is first used, so the command also works on a machine without Airflow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wiki_trends.airflow.analytics_trends import trends_dag
    from wiki_trends.airflow.smart_analytics_orchestrator import wiki_orchestrator_dag
    from wiki_trends.airflow.trending_pipeline import pipeline_dag

__all__ = ["pipeline_dag", "trends_dag", "wiki_orchestrator_dag"]

_MODULE_OF = {
    "pipeline_dag": "trending_pipeline",
    "trends_dag": "analytics_trends",
    "wiki_orchestrator_dag": "smart_analytics_orchestrator",
}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
