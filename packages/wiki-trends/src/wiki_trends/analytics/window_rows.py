"""Read the rows of a window and of its baseline from exactly the partitions that were inspected.

Reading the window fails with `PartitionChanged` when a partition has changed since the check, with `ContractError` when
its rows break the contract, and with `LakeError` when the lake does not answer. A day of the baseline that has changed or
breaks the contract is left out instead, so that it does not prevent the analysis of the window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from smart_orchestrator.checking import check
from smart_orchestrator.errors import ContractError, PartitionChanged
from smart_orchestrator.model.grain import ONE_DAY
from smart_orchestrator.model.window import Window
from wiki_trends.analytics.tables.declarations import ROW_TYPES
from wiki_trends.analytics.tables.history import BASELINE_DAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import polars as pl

    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.model.partition import Partition

_READERS = 8
_BATCH_ROWS = 100_000
_Result = TypeVar("_Result")


def baseline_of(dataset: DailyDataset, window: Window) -> tuple[Partition, ...]:
    """The available partitions among the 56 days before the window, oldest first.

    Raises:
        LakeError: the lake does not answer or refuses.
    """
    days = min(BASELINE_DAYS, window.start.toordinal() - 1)
    if not days:
        return ()
    first = window.start - days * ONE_DAY
    completeness = check(
        dataset, Window.between(first, window.start - ONE_DAY, window.as_of, window.lag), strays=False
    )
    return completeness.usable


def read_window(dataset: DailyDataset, partitions: Sequence[Partition]) -> Iterator[pl.DataFrame]:
    """Yield the rows of all partitions, oldest first, in frames of some days with the columns of `ROW_TYPES`.

    A frame has a row for each page and day; `date` is the partition's UTC day.
    """
    return _concatenated(_read_ahead(lambda partition: read_day(dataset, partition), partitions))


def read_baseline(
    dataset: DailyDataset, partitions: Sequence[Partition], used: list[Partition]
) -> Iterator[pl.DataFrame]:
    """Yield the rows of the partitions that can still be read, like `read_window`, and append these partitions to `used`."""

    def attempt(partition: Partition) -> pl.DataFrame | None:
        try:
            return read_day(dataset, partition)
        except (ContractError, PartitionChanged):
            return None

    def readable() -> Iterator[pl.DataFrame]:
        for partition, frame in zip(partitions, _read_ahead(attempt, partitions), strict=True):
            if frame is not None:
                used.append(partition)
                yield frame

    return _concatenated(readable())


def _read_ahead(read: Callable[[Partition], _Result], partitions: Sequence[Partition]) -> Iterator[_Result]:
    """Yield the results of `read` in the order of the partitions; up to `_READERS` of them are read concurrently."""
    from collections import deque
    from concurrent.futures import Future, ThreadPoolExecutor

    with ThreadPoolExecutor(_READERS) as readers:
        pending: deque[Future[_Result]] = deque()
        for partition in partitions:
            if len(pending) == _READERS:
                yield pending.popleft().result()
            pending.append(readers.submit(read, partition))
        while pending:
            yield pending.popleft().result()


def _concatenated(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Concatenate frames to larger ones, because handing over a frame costs as much as some thousand rows."""
    import polars as pl

    batch: list[pl.DataFrame] = []
    rows = 0
    for frame in frames:
        batch.append(frame)
        rows += frame.height
        if rows >= _BATCH_ROWS:
            yield pl.concat(batch)
            batch, rows = [], 0
    if batch:
        yield pl.concat(batch)


def read_day(dataset: DailyDataset, partition: Partition) -> pl.DataFrame:
    """The rows of one partition, a row for each page, with the columns of `ROW_TYPES`."""
    import polars as pl

    from smart_orchestrator.adapters.manifest import read_frame

    frame = read_frame(dataset, partition)
    return frame.with_columns(pl.lit(partition.day).alias("date")).select(list(ROW_TYPES))
