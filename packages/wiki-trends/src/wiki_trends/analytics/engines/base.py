"""The protocol of an engine, which computes the declared tables: DuckDB in this process, or Spark for very large lakes.

Both engines read exactly the partitions that were inspected, with the same reader, and compute the same declarations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.model.window import Window
    from wiki_trends.warehouse.base import ArrowStream

DUCKDB = "duckdb"
SPARK = "spark"


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs that the tables of a window are computed from.

    Attributes:
        dataset: the diamond layer.
        window: the window to analyse.
        used: the available partitions of the window, oldest first.
        baseline: the available partitions before it, which the scores are compared with.
    """

    dataset: DailyDataset
    window: Window
    used: Sequence[Partition]
    baseline: Sequence[Partition]

    @property
    def rows(self) -> int:
        """The number of rows of all partitions; a partition without a row count adds none."""
        return sum(partition.rows or 0 for partition in (*self.baseline, *self.used))


@dataclass(frozen=True, slots=True)
class Computed:
    """The tables by published name, and the partitions of the baseline that could be read."""

    tables: Mapping[str, ArrowStream]
    baseline: Sequence[Partition]


class Engine(Protocol):
    """An engine that computes the declared tables."""

    def compute(self, inputs: Inputs) -> AbstractContextManager[Computed]:
        """Compute the tables, whose streams can be read within the returned context.

        Raises:
            PartitionChanged, ContractError, LakeError: a partition of the window cannot be read as it was inspected.
            EngineError: the engine is not installed or not reachable, or it fails.
        """
        ...
