"""Integration with Airflow 3: operators, a trigger and a DAG factory.

`orchestrator_dag` builds the complete DAG for any daily dataset. The operators only translate between Airflow and the other
packages of `smart_orchestrator`, which check the lake and fill missing days.

This package imports a module when one of its names is first used. `provider_info` therefore works without Airflow; all other
names need Airflow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smart_orchestrator.airflow.connections import aws_environment, postgres_url
    from smart_orchestrator.airflow.dag_factory import orchestrator_dag, parameters
    from smart_orchestrator.airflow.notifications import CheckFreshness
    from smart_orchestrator.airflow.operators import RunConsumer
    from smart_orchestrator.airflow.orchestration import Orchestration
    from smart_orchestrator.airflow.partition_events import emit_partitions, partitioned_outlets
    from smart_orchestrator.airflow.pipeline_state import FAIL_AT_ONCE, day_of_run, push_failure
    from smart_orchestrator.airflow.provider import provider_info

__all__ = [
    "FAIL_AT_ONCE",
    "CheckFreshness",
    "Orchestration",
    "RunConsumer",
    "aws_environment",
    "day_of_run",
    "emit_partitions",
    "orchestrator_dag",
    "parameters",
    "partitioned_outlets",
    "postgres_url",
    "provider_info",
    "push_failure",
]

_MODULE_OF = {
    "FAIL_AT_ONCE": "pipeline_state",
    "CheckFreshness": "notifications",
    "Orchestration": "orchestration",
    "RunConsumer": "operators",
    "aws_environment": "connections",
    "day_of_run": "pipeline_state",
    "emit_partitions": "partition_events",
    "partitioned_outlets": "partition_events",
    "push_failure": "pipeline_state",
    "orchestrator_dag": "dag_factory",
    "parameters": "dag_factory",
    "postgres_url": "connections",
    "provider_info": "provider",
}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
