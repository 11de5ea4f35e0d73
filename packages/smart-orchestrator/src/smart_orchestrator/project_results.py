"""The results of `Project.run` and `Project.explain`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smart_orchestrator.backfilling.loop import Backfill
    from smart_orchestrator.consumers import ConsumerResult
    from smart_orchestrator.model.cause import Explanation
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.plan import Plan
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
