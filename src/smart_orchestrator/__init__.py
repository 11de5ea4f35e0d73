"""Check the days of a daily lake, backfill exactly what is missing, and hold the consumer back until it is true.

The names below are the public ones. Each is loaded from its module when it is first asked for, so that a program which
only counts days does not pay for the lake.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smart_orchestrator.airflow_api import AirflowApi
    from smart_orchestrator.airflow_runs import AirflowRuns, PipelineDag
    from smart_orchestrator.backfill import Backfill, backfill, fetch
    from smart_orchestrator.calendar_view import watermark
    from smart_orchestrator.carrying import Limits, Outcome
    from smart_orchestrator.commit import Part, commit, write_frame
    from smart_orchestrator.completeness import Completeness, Policy, check
    from smart_orchestrator.console import Console, LineConsole
    from smart_orchestrator.contents import Code
    from smart_orchestrator.dataset import Column, DailyDataset
    from smart_orchestrator.errors import (
        CommitError,
        ContractError,
        DatasetError,
        LakeDenied,
        LakeError,
        LakeUnreachable,
        LakeUrlError,
        LostRace,
        NotPublished,
        ObjectConflict,
        ObjectMissing,
        PartitionChanged,
        RunsError,
        RunsUnreachable,
        SmartOrchestratorError,
        SourceRefused,
        SourceUnreachable,
        WaiverError,
        WindowError,
    )
    from smart_orchestrator.lake import Lake, open_lake
    from smart_orchestrator.local_runs import LocalRuns
    from smart_orchestrator.manifest import Manifest, Partition, State
    from smart_orchestrator.partition import Look, inspect, read_frame, read_parts
    from smart_orchestrator.plan import Action, Plan, due, make_plan
    from smart_orchestrator.runs import Failure, PipelineRuns, Run, RunHistory, RunState
    from smart_orchestrator.vacuum import Vacuumed, vacuum
    from smart_orchestrator.volume import with_volume
    from smart_orchestrator.waivers import Waiver, unwaive, waive, waivers
    from smart_orchestrator.window import Window, parse_day, today_utc

__all__ = [
    "Action",
    "AirflowApi",
    "AirflowRuns",
    "Backfill",
    "Code",
    "Column",
    "CommitError",
    "Completeness",
    "Console",
    "ContractError",
    "DailyDataset",
    "DatasetError",
    "Failure",
    "Lake",
    "LakeDenied",
    "LakeError",
    "LakeUnreachable",
    "LakeUrlError",
    "Limits",
    "LineConsole",
    "LocalRuns",
    "Look",
    "LostRace",
    "Manifest",
    "NotPublished",
    "ObjectConflict",
    "ObjectMissing",
    "Outcome",
    "Part",
    "Partition",
    "PartitionChanged",
    "PipelineDag",
    "PipelineRuns",
    "Plan",
    "Policy",
    "Run",
    "RunHistory",
    "RunState",
    "RunsError",
    "RunsUnreachable",
    "SmartOrchestratorError",
    "SourceRefused",
    "SourceUnreachable",
    "State",
    "Vacuumed",
    "Waiver",
    "WaiverError",
    "Window",
    "WindowError",
    "backfill",
    "check",
    "commit",
    "due",
    "fetch",
    "inspect",
    "make_plan",
    "open_lake",
    "parse_day",
    "read_frame",
    "read_parts",
    "today_utc",
    "unwaive",
    "vacuum",
    "waive",
    "waivers",
    "watermark",
    "with_volume",
    "write_frame",
]

_NAMES_OF = {
    "airflow_api": "AirflowApi",
    "airflow_runs": "AirflowRuns PipelineDag",
    "backfill": "Backfill backfill fetch",
    "calendar_view": "watermark",
    "carrying": "Limits Outcome",
    "commit": "Part commit write_frame",
    "completeness": "Completeness Policy check",
    "console": "Console LineConsole",
    "contents": "Code",
    "dataset": "Column DailyDataset",
    "errors": "CommitError ContractError DatasetError LakeDenied LakeError LakeUnreachable LakeUrlError LostRace"
    " NotPublished ObjectConflict ObjectMissing PartitionChanged RunsError RunsUnreachable SmartOrchestratorError"
    " SourceRefused SourceUnreachable WaiverError WindowError",
    "lake": "Lake open_lake",
    "local_runs": "LocalRuns",
    "manifest": "Manifest Partition State",
    "partition": "Look inspect read_frame read_parts",
    "plan": "Action Plan due make_plan",
    "runs": "Failure PipelineRuns Run RunHistory RunState",
    "vacuum": "Vacuumed vacuum",
    "volume": "with_volume",
    "waivers": "Waiver unwaive waive waivers",
    "window": "Window parse_day today_utc",
}
_MODULE_OF = {name: module for module, names in _NAMES_OF.items() for name in names.split()}


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    found: object = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__


class _Surface(ModuleType):
    """The package, in which `backfill` and `commit` are the functions, not the modules of these names."""

    def __setattr__(self, name: str, value: object) -> None:
        # Importing a submodule binds its name in the package.
        if not (isinstance(value, ModuleType) and name in _MODULE_OF):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Surface
