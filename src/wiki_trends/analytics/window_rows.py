"""The rows of a window and of the baseline before it, read from exactly the partitions that were inspected.

Reading the window fails with `PartitionChanged` when a partition is no longer the one of the check, with `ContractError`
when its rows break the contract, and with `LakeError` when the lake does not answer. Nothing is skipped. A day of the baseline
that has changed or cannot be read is left out instead: the baseline never stands in the way of the window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from smart_orchestrator.completeness import check
from smart_orchestrator.errors import ContractError, PartitionChanged
from smart_orchestrator.window import ONE_DAY, Window
from wiki_trends.analytics.history import BASELINE_DAYS
from wiki_trends.analytics.tables import ROW_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import polars as pl

    from smart_orchestrator.dataset import DailyDataset
    from smart_orchestrator.manifest import Partition

_READERS = 8
_Read = TypeVar("_Read")


def baseline_of(dataset: DailyDataset, window: Window) -> tuple[Partition, ...]:
    """The available partitions of the up to 56 days before the window, oldest first.

    Raises:
        LakeError: the lake does not answer or refuses.
    """
    days = min(BASELINE_DAYS, window.start.toordinal() - 1)
    if not days:
        return ()
    first = window.start - days * ONE_DAY
    found = check(
        dataset, Window.between(first, window.start - ONE_DAY, window.as_of, window.lag), strays=False
    )
    return tuple(partition for partition in found.days if partition.available)


def read_window(dataset: DailyDataset, partitions: Sequence[Partition]) -> pl.DataFrame:
    """A row a page and day of every partition, oldest first, with the columns of `tables.ROW_TYPES`.

    `date` is the partition's UTC day.
    """
    return _together(_in_parallel(lambda partition: read_day(dataset, partition), partitions))


def read_baseline(
    dataset: DailyDataset, partitions: Sequence[Partition]
) -> tuple[pl.DataFrame, tuple[Partition, ...]]:
    """The same of every partition that can still be read, and those partitions."""

    def attempt(partition: Partition) -> pl.DataFrame | None:
        try:
            return read_day(dataset, partition)
        except (ContractError, PartitionChanged):
            return None

    frames = _in_parallel(attempt, partitions)
    used = tuple(partition for partition, frame in zip(partitions, frames, strict=True) if frame is not None)
    return _together(frame for frame in frames if frame is not None), used


def _in_parallel(read: Callable[[Partition], _Read], partitions: Sequence[Partition]) -> list[_Read]:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_READERS) as readers:
        return list(readers.map(read, partitions))


def _together(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    import polars as pl

    types = {
        "date": pl.Date,
        "string": pl.String,
        "int64": pl.Int64,
        "int32": pl.Int64,
        "float64": pl.Float64,
    }
    nothing = pl.DataFrame(schema={name: types[kind] for name, kind in ROW_TYPES.items()})
    return pl.concat([nothing, *frames])


def read_day(dataset: DailyDataset, partition: Partition) -> pl.DataFrame:
    """The same of one partition."""
    import polars as pl

    from smart_orchestrator.partition import read_frame

    frame = read_frame(dataset, partition)
    return frame.with_columns(pl.lit(partition.day).alias("date")).select(list(ROW_TYPES))
