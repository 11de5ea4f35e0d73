"""The errors of the configuration file and of saved plans. The docstring of the module `errors` shows all errors of the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.errors import SmartOrchestratorError
from smart_orchestrator.expected_error import PLAN_MOVED, USAGE

if TYPE_CHECKING:
    from collections.abc import Sequence


class ConfigError(SmartOrchestratorError):
    """The configuration file, or a value in the file, is invalid.

    Attributes:
        path: the path of the file.
        key: the full name of the key, such as `datasets.orders.grain`; empty when the error is about the complete file.
        problem: the description of the problem, without credentials.
        fix: the instruction for the user, a complete sentence.
    """

    transient = False
    exit_code = USAGE

    def __init__(self, path: str, key: str, problem: str, fix: str) -> None:
        self.path = path
        self.key = key
        self.problem = problem
        self.fix = fix
        super().__init__(f"{path}: {f'{key}: ' if key else ''}{problem}. {fix}")


class PlanMoved(SmartOrchestratorError):
    """The lake or the runs have changed since the plan was made.

    Attributes:
        plan: the path of the plan's file.
        changes: the changes, one sentence for each key.
    """

    exit_code = PLAN_MOVED

    def __init__(self, plan: str, changes: Sequence[str]) -> None:
        self.plan = plan
        self.changes = tuple(changes)
        listed = "; ".join(self.changes[:3])
        more = f" and {len(self.changes) - 3} more" if len(self.changes) > 3 else ""
        super().__init__(f"{plan} is outdated: {listed}{more}. Make a new plan.")
