"""The results of `Project.run` and `Project.explain`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from smart_orchestrator.model.cause import Cause
from smart_orchestrator.model.plan import Action

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smart_orchestrator.backfilling.loop import Backfill
    from smart_orchestrator.consumers import ConsumerResult
    from smart_orchestrator.model.cause import Explanation
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.plan import Plan, PlanStep
    from smart_orchestrator.model.run import Run
    from smart_orchestrator.upstream.store import KnownAnswer


@dataclass(frozen=True, slots=True)
class ProjectRun:
    """The result of `Project.run`.

    Attributes:
        backfill: the backfill of the dataset.
        needs: the backfills of the datasets that the dataset needs, by name.
        consumers: the results of the consumers that read the dataset.
    """

    backfill: Backfill
    needs: Mapping[str, Backfill] = field(default_factory=dict)
    consumers: tuple[ConsumerResult, ...] = ()


@dataclass(frozen=True, slots=True)
class PartitionExplanation:
    """The completeness, cause, latest runs and plan of one key. The cause is None if the partition is available.

    Attributes:
        upstream: the last answer of the upstream about the key; None if it was not asked.
    """

    completeness: Completeness
    cause: Explanation | None
    runs: tuple[Run, ...]
    plan: Plan
    upstream: KnownAnswer | None = None

    @property
    def step(self) -> PlanStep:
        """The planned action. After exhausted attempts, the reason says that the next backfill counts its attempts anew."""
        step = self.plan.steps[0]
        is_exhausted = self.cause is not None and self.cause.cause is Cause.ATTEMPTS_EXHAUSTED
        if step.action is not Action.START or not is_exhausted:
            return step
        return replace(step, why=f"{step.why}; a new `run` counts its attempts from the start")
