"""The `[runners.NAME]` table of a Python function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.config.functions import parse_function_name
from smart_orchestrator.config.runner_options import RunnerConfig, parse_attempts, parse_jobs

if TYPE_CHECKING:
    from smart_orchestrator.config.tables import ConfigTable


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionConfig(RunnerConfig):
    """A Python function that runs the pipeline of a dataset for one key, in a thread of the orchestrator's process.

    Attributes:
        function: the function as `module:function`. The folder of the configuration file is searched for the module first.
    """

    function: str


def parse_function(name: str, table: ConfigTable) -> FunctionConfig:
    """Parse the table of a function."""
    return FunctionConfig(
        name=name, function=parse_function_name(table), jobs=parse_jobs(table), attempts=parse_attempts(table)
    )
