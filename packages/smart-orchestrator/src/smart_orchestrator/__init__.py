"""Check the partitions of a lake, backfill exactly the missing ones, and run the consumer only on a complete window.

The public names are listed in `__all__`. Each name is loaded from its module on its first use, so `import smart_orchestrator` is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smart_orchestrator.adapters.manifest import Depth, InspectOptions, inspect, read_frame, read_parts
    from smart_orchestrator.backfilling.loop import Backfill, backfill, fetch
    from smart_orchestrator.backfilling.reporter import Reporter
    from smart_orchestrator.backfilling.state import Limits, Outcome
    from smart_orchestrator.checking import check
    from smart_orchestrator.committing.cleanup import Vacuumed, vacuum
    from smart_orchestrator.committing.writer import Part, commit, write_frame
    from smart_orchestrator.config.loading import load_config
    from smart_orchestrator.errors import (
        CommitError,
        ContractError,
        DatasetError,
        LakeDenied,
        LakeError,
        LakeUnreachable,
        LakeUrlError,
        LostRace,
        MissingExtra,
        NotPublished,
        ObjectConflict,
        ObjectMissing,
        OptionError,
        PartitionChanged,
        RunsError,
        RunsUnreachable,
        SmartOrchestratorError,
        SourceRefused,
        SourceUnreachable,
        WaiverError,
        WindowError,
    )
    from smart_orchestrator.model.cause import Cause
    from smart_orchestrator.model.completeness import Completeness, Policy
    from smart_orchestrator.model.dataset import Column, DailyDataset, Dataset
    from smart_orchestrator.model.grain import Grain
    from smart_orchestrator.model.partition import Code, Manifest, Partition, State
    from smart_orchestrator.model.plan import Action, Plan, due, make_plan
    from smart_orchestrator.model.run import Failure, Run, RunState
    from smart_orchestrator.model.window import Window, parse_day, today_utc
    from smart_orchestrator.project import Project
    from smart_orchestrator.project_errors import ConfigError, PlanMoved
    from smart_orchestrator.runners.airflow import AirflowRunner, PipelineDag
    from smart_orchestrator.runners.airflow_client import AirflowApi
    from smart_orchestrator.runners.base import RunHistory, Runner
    from smart_orchestrator.runners.command import CommandRunner
    from smart_orchestrator.runners.local import LocalRunner
    from smart_orchestrator.store.base import Lake
    from smart_orchestrator.store.opening import open_lake
    from smart_orchestrator.text.calendar import watermark
    from smart_orchestrator.text.reporter import TextReporter
    from smart_orchestrator.volume_check import with_volume
    from smart_orchestrator.waiver_store import Waiver, unwaive, waive, waivers

__all__ = [
    "Action",
    "AirflowApi",
    "AirflowRunner",
    "Backfill",
    "Cause",
    "Code",
    "Column",
    "CommandRunner",
    "CommitError",
    "Completeness",
    "ConfigError",
    "ContractError",
    "DailyDataset",
    "Dataset",
    "DatasetError",
    "Depth",
    "Failure",
    "Grain",
    "InspectOptions",
    "Lake",
    "LakeDenied",
    "LakeError",
    "LakeUnreachable",
    "LakeUrlError",
    "Limits",
    "LocalRunner",
    "LostRace",
    "Manifest",
    "MissingExtra",
    "NotPublished",
    "ObjectConflict",
    "ObjectMissing",
    "OptionError",
    "Outcome",
    "Part",
    "Partition",
    "PartitionChanged",
    "PipelineDag",
    "Plan",
    "PlanMoved",
    "Policy",
    "Project",
    "Reporter",
    "Run",
    "RunHistory",
    "RunState",
    "Runner",
    "RunsError",
    "RunsUnreachable",
    "SmartOrchestratorError",
    "SourceRefused",
    "SourceUnreachable",
    "State",
    "TextReporter",
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
    "load_config",
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
    "adapters.manifest": "Depth InspectOptions inspect read_frame read_parts",
    "backfilling.loop": "Backfill backfill fetch",
    "backfilling.reporter": "Reporter",
    "backfilling.state": "Limits Outcome",
    "checking": "check",
    "config.loading": "load_config",
    "committing.cleanup": "Vacuumed vacuum",
    "committing.writer": "Part commit write_frame",
    "errors": "CommitError ContractError DatasetError LakeDenied LakeError LakeUnreachable LakeUrlError LostRace"
    " MissingExtra NotPublished ObjectConflict ObjectMissing OptionError PartitionChanged RunsError RunsUnreachable"
    " SmartOrchestratorError"
    " SourceRefused SourceUnreachable WaiverError WindowError",
    "model.completeness": "Completeness Policy",
    "model.cause": "Cause",
    "model.dataset": "Column DailyDataset Dataset",
    "model.grain": "Grain",
    "model.partition": "Code Manifest Partition State",
    "model.plan": "Action Plan due make_plan",
    "model.run": "Failure Run RunState",
    "model.window": "Window parse_day today_utc",
    "runners.airflow": "AirflowRunner PipelineDag",
    "runners.airflow_client": "AirflowApi",
    "project": "Project",
    "project_errors": "ConfigError PlanMoved",
    "runners.command": "CommandRunner",
    "runners.base": "Runner RunHistory",
    "runners.local": "LocalRunner",
    "store.base": "Lake",
    "store.opening": "open_lake",
    "text.calendar": "watermark",
    "text.reporter": "TextReporter",
    "volume_check": "with_volume",
    "waiver_store": "Waiver unwaive waive waivers",
}
_MODULE_OF = {name: module for module, names in _NAMES_OF.items() for name in names.split()}


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value: object = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
