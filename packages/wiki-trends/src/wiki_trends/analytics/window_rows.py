"""The rows of a window and of the baseline before it, read from exactly the partitions that were inspected.

Reading the window fails with `PartitionChanged` when a partition has changed since the check, with `ContractError` when
its rows break the contract, and with `LakeError` when the lake does not answer. Nothing is skipped. A day of the baseline
that has changed or cannot be read is left out instead: the baseline never prevents the analysis of the window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from smart_orchestrator.checking import check
from smart_orchestrator.errors import ContractError, PartitionChanged
from smart_orchestrator.model.grain import ONE_DAY
from smart_orchestrator.model.window import Window
from wiki_trends.analytics.tables.documented import ROW_TYPES
from wiki_trends.analytics.tables.history import BASELINE_DAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import polars as pl

    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.model.partition import Partition

_READERS = 8
_ROWS_AT_ONCE = 100_000
_Read = TypeVar("_Read")


def baseline_of(dataset: DailyDataset, window: Window) -> tuple[Partition, ...]:
    """The available partitions among the 56 days before the window, oldest first.

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
    return found.usable


def read_window(dataset: DailyDataset, partitions: Sequence[Partition]) -> Iterator[pl.DataFrame]:
    """The rows of every partition, a row a page and day, oldest first, with the columns of `ROW_TYPES`, some days at a time.

    `date` is the partition's UTC day.
    """
    return _together(_in_order(lambda partition: read_day(dataset, partition), partitions))


def read_baseline(
    dataset: DailyDataset, partitions: Sequence[Partition], used: list[Partition]
) -> Iterator[pl.DataFrame]:
    """The same for every partition that can still be read; each of these is appended to `used`."""

    def attempt(partition: Partition) -> pl.DataFrame | None:
        try:
            return read_day(dataset, partition)
        except (ContractError, PartitionChanged):
            return None

    def readable() -> Iterator[pl.DataFrame]:
        for partition, frame in zip(partitions, _in_order(attempt, partitions), strict=True):
            if frame is not None:
                used.append(partition)
                yield frame

    return _together(readable())


def _in_order(read: Callable[[Partition], _Read], partitions: Sequence[Partition]) -> Iterator[_Read]:
    """The results of `read` for each partition, in order, read concurrently but at most `_READERS` ahead."""
    from collections import deque
    from concurrent.futures import Future, ThreadPoolExecutor

    with ThreadPoolExecutor(_READERS) as readers:
        ahead: deque[Future[_Read]] = deque()
        for partition in partitions:
            if len(ahead) == _READERS:
                yield ahead.popleft().result()
            ahead.append(readers.submit(read, partition))
        while ahead:
            yield ahead.popleft().result()


def _together(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The same rows in fewer frames: passing a frame on costs as much as some thousand rows."""
    import polars as pl

    waiting: list[pl.DataFrame] = []
    for frame in frames:
        waiting.append(frame)
        if sum(each.height for each in waiting) >= _ROWS_AT_ONCE:
            yield pl.concat(waiting)
            waiting = []
    if waiting:
        yield pl.concat(waiting)


def read_day(dataset: DailyDataset, partition: Partition) -> pl.DataFrame:
    """The rows of one partition, a row a page and day, with the columns of `ROW_TYPES`."""
    import polars as pl

    from smart_orchestrator.adapters.manifest import read_frame

    frame = read_frame(dataset, partition)
    return frame.with_columns(pl.lit(partition.day).alias("date")).select(list(ROW_TYPES))
