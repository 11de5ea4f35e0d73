"""The rows of a window, read from exactly the partitions that were checked.

Fails with `PartitionChanged` when a partition is no longer the one of the check, with `ContractError` when its rows
break the contract, and with `LakeError` when the lake does not answer. Nothing is skipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.analytics.tables import ROW_TYPES

if TYPE_CHECKING:
    import polars as pl

    from smart_orchestrator.completeness import Completeness
    from smart_orchestrator.dataset import DailyDataset
    from smart_orchestrator.manifest import Partition

_READERS = 8


def read_window(dataset: DailyDataset, completeness: Completeness) -> pl.DataFrame:
    """A row a page and day of every available day of the check, oldest first, with the columns of `tables.ROW_TYPES`.

    `date` is the partition's UTC day.
    """
    from concurrent.futures import ThreadPoolExecutor

    import polars as pl

    available = [partition for partition in completeness.days if partition.available]
    with ThreadPoolExecutor(_READERS) as readers:
        frames = list(readers.map(lambda partition: _read_day(dataset, partition), available))
    return pl.concat(frames)


def _read_day(dataset: DailyDataset, partition: Partition) -> pl.DataFrame:
    import polars as pl

    from smart_orchestrator.partition import read_frame

    frame = read_frame(dataset, partition)
    return frame.with_columns(pl.lit(partition.day).alias("date")).select(list(ROW_TYPES))
