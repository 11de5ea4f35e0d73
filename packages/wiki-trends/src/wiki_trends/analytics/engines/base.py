"""The protocol of the engines that compute the tables of a window.

`analytics/tables` declares the tables as Ibis expressions. DuckDB computes them in this process. Spark computes them for lakes
that are too large for one machine. Both engines read exactly the partitions that were inspected, with the same reader.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from wiki_trends.analytics.page_history import PageHistory
from wiki_trends.analytics.page_rules import PageRules
from wiki_trends.config.projects import project_of_dataset

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
    """The inputs of the computation of a window's tables.

    Attributes:
        dataset: the diamond layer.
        window: the window to analyse.
        used: the available partitions of the window, oldest first.
        baseline: the available partitions of the 56 days before the window, which show the usual views of the pages.
        history: the exact views of some pages; by default none.
        rules: the pages to leave out, and the pages with a newer title; by default none.
    """

    dataset: DailyDataset
    window: Window
    used: Sequence[Partition]
    baseline: Sequence[Partition]
    history: PageHistory = field(default_factory=PageHistory)
    rules: PageRules = field(default_factory=PageRules)

    @property
    def project(self) -> str:
        """The project of the dataset, for example `fr.wikipedia`."""
        return project_of_dataset(self.dataset.name)

    @property
    def rows(self) -> int:
        """The number of rows in all partitions; a partition without a recorded number counts as empty."""
        return sum(partition.rows or 0 for partition in (*self.baseline, *self.used))


@dataclass(frozen=True, slots=True)
class Computed:
    """The result of an engine.

    Attributes:
        tables: the published tables, by name.
        baseline: the partitions of the baseline that could be read.
    """

    tables: Mapping[str, ArrowStream]
    baseline: Sequence[Partition]


class Engine(Protocol):
    """An engine that computes the tables of a window."""

    def compute(self, inputs: Inputs) -> AbstractContextManager[Computed]:
        """Compute the tables. Their streams can be read within the returned context.

        Raises:
            PartitionChanged: a partition of the window has changed since it was inspected.
            ContractError: the rows of a partition of the window violate the contract.
            LakeError: the lake does not respond, or rejects a request.
            EngineError: the engine is not installed, cannot be reached, or fails.
        """
        ...
