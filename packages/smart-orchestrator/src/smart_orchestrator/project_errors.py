"""The errors of the configuration file and of saved plans; `errors` has the tree of all errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.errors import SmartOrchestratorError
from smart_orchestrator.expected_error import PLAN_MOVED, USAGE

if TYPE_CHECKING:
    from collections.abc import Sequence


class ConfigError(SmartOrchestratorError):
    """A value of the configuration file cannot be used.

    Attributes:
        path: the file.
        key: the key in it, with the names of its tables: `datasets.orders.grain`; empty for the file itself.
        problem: the value, without credentials, and what is wrong with it.
        fix: what to write instead, as a sentence.
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
    """The lake or the runs are no longer as they were when the plan was made.

    Attributes:
        plan: the file of the plan.
        changes: what differs, one sentence for each key.
    """

    exit_code = PLAN_MOVED

    def __init__(self, plan: str, changes: Sequence[str]) -> None:
        self.plan = plan
        self.changes = tuple(changes)
        listed = "; ".join(self.changes[:3])
        more = f" and {len(self.changes) - 3} more" if len(self.changes) > 3 else ""
        super().__init__(f"{plan} no longer holds: {listed}{more}. Make a new plan.")
