"""Read the rows of a window and of its baseline from exactly the partitions that were inspected.

Reading a partition of the window raises `PartitionChanged` when the partition has changed since the check, and `ContractError`
when its rows violate the contract. A partition of the baseline with one of these errors is omitted, because the window can be
analysed without it. Reading any partition raises `LakeError` when the lake does not respond.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from smart_orchestrator.checking import check
from smart_orchestrator.errors import ContractError, PartitionChanged
from smart_orchestrator.model.grain import ONE_DAY
from smart_orchestrator.model.window import Window
from wiki_trends.analytics.page_rules import PageRules
from wiki_trends.analytics.tables.declarations import ROW_TYPES
from wiki_trends.analytics.tables.history import BASELINE_DAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import polars as pl

    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.model.partition import Partition

_MAX_THREADS = 8
_BATCH_ROWS = 100_000
NO_RULES = PageRules()
_Result = TypeVar("_Result")


def baseline_of(dataset: DailyDataset, window: Window) -> tuple[Partition, ...]:
    """Return the usable partitions of the 56 days before the window, oldest first.

    Raises:
        LakeError: the lake does not respond, or rejects a request.
    """
    # No date is before 0001-01-01, whose ordinal is 1.
    day_count = min(BASELINE_DAYS, window.start.toordinal() - 1)
    if not day_count:
        return ()
    first_day = window.start - day_count * ONE_DAY
    completeness = check(
        dataset, Window.between(first_day, window.start - ONE_DAY, window.as_of, window.lag), strays=False
    )
    return completeness.usable


def read_window(
    dataset: DailyDataset, partitions: Sequence[Partition], rules: PageRules = NO_RULES
) -> Iterator[pl.DataFrame]:
    """Yield the rows of all partitions, oldest first, in frames of one or more days.

    A frame has the columns of `ROW_TYPES` and a row for each page and day. `date` is the UTC day of the partition.
    """
    return _in_batches(_read_ahead(lambda partition: read_day(dataset, partition, rules), partitions))


def read_baseline(
    dataset: DailyDataset,
    partitions: Sequence[Partition],
    readable: list[Partition],
    rules: PageRules = NO_RULES,
) -> Iterator[pl.DataFrame]:
    """Yield the rows of the partitions that can still be read, in the same form as `read_window`.

    Args:
        dataset: the diamond layer.
        partitions: the partitions of the baseline, oldest first.
        readable: a list to which the iteration appends each partition that it could read.
        rules: the rules for the rows.
    """

    def read_unless_changed(partition: Partition) -> pl.DataFrame | None:
        try:
            return read_day(dataset, partition, rules)
        except (ContractError, PartitionChanged):
            return None

    def readable_frames() -> Iterator[pl.DataFrame]:
        for partition, frame in zip(partitions, _read_ahead(read_unless_changed, partitions), strict=True):
            if frame is not None:
                readable.append(partition)
                yield frame

    return _in_batches(readable_frames())


def _read_ahead(read: Callable[[Partition], _Result], partitions: Sequence[Partition]) -> Iterator[_Result]:
    """Yield the result of `read` for each partition, in order. Up to `_MAX_THREADS` partitions are read concurrently."""
    from collections import deque
    from concurrent.futures import Future, ThreadPoolExecutor

    with ThreadPoolExecutor(_MAX_THREADS) as pool:
        pending: deque[Future[_Result]] = deque()
        for partition in partitions:
            if len(pending) == _MAX_THREADS:
                yield pending.popleft().result()
            pending.append(pool.submit(read, partition))
        while pending:
            yield pending.popleft().result()


def _in_batches(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Concatenate frames into batches, because each additional frame costs DuckDB as much time as some thousand rows."""
    import polars as pl

    batch: list[pl.DataFrame] = []
    row_count = 0
    for frame in frames:
        batch.append(frame)
        row_count += frame.height
        if row_count >= _BATCH_ROWS:
            yield pl.concat(batch)
            batch, row_count = [], 0
    if batch:
        yield pl.concat(batch)


def read_day(dataset: DailyDataset, partition: Partition, rules: PageRules = NO_RULES) -> pl.DataFrame:
    """Read the rows of one partition and apply the rules: a row for each page, with the columns of `ROW_TYPES`."""
    import polars as pl

    from smart_orchestrator.adapters.manifest import read_frame

    frame = rules.apply(read_frame(dataset, partition))
    return frame.with_columns(pl.lit(partition.day).alias("date")).select(list(ROW_TYPES))
