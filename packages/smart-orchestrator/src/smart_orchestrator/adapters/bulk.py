"""Read the rows of many days together: one pass over all rows instead of one a day.

The pass only ever says that a day is right. Whatever it does not confirm (a broken rule, a part that is gone or changed,
days without our manifest) is inspected by itself, which says what is wrong and where.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.manifest import read_parts
from smart_orchestrator.contract import rows as contents
from smart_orchestrator.errors import PartitionChanged
from smart_orchestrator.model.partition import rows_text, verdict

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Executor

    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.store.base import Lake

# Days in memory at once: a thousand rows each are some megabytes.
HELD = 64
# Days judged in one pass: enough to be worth one, few enough for the next ones to be read meanwhile.
TOGETHER = 32


def inspect_deeply(
    dataset: DailyDataset,
    days: Sequence[dt.date],
    lake: Lake,
    pool: Executor,
    glance: Callable[[dt.date], Partition],
    closely: Callable[[dt.date], Partition],
) -> Iterator[Partition]:
    """Every day after its rows were read, in the order of `days`.

    Args:
        dataset: what the rows are held against.
        days: which days.
        lake: where their parts are.
        pool: what reads them.
        glance: a day by listing and manifest alone.
        closely: a day by its rows, with all that is wrong in them.

    Raises:
        LakeError: the lake does not answer or refuses.
    """

    def read(day: dt.date) -> tuple[Partition, list[bytes]]:
        found = glance(day)
        return found, _as_committed(dataset, found, lake)

    for start in range(0, len(days), HELD):
        seen: list[Partition] = []
        right = {
            p.day: p for p in _confirmed(dataset, _noted(pool.map(read, days[start : start + HELD]), seen))
        }
        doubtful = [found.day for found in seen if found.available and found.day not in right]
        right |= zip(doubtful, pool.map(closely, doubtful), strict=True)
        yield from (right.get(found.day, found) for found in seen)


def _noted(
    read: Iterable[tuple[Partition, list[bytes]]], seen: list[Partition]
) -> Iterator[tuple[Partition, list[bytes]]]:
    for found, parts in read:
        seen.append(found)
        if parts:
            yield found, parts


def _as_committed(dataset: DailyDataset, partition: Partition, lake: Lake) -> list[bytes]:
    """The bytes of a day's parts; none when they are not those that were committed, or there is nothing to confirm.

    Raises:
        LakeError: the lake does not answer or refuses.
    """
    ours = partition.available and partition.manifest is not None and partition.rows is not None
    if not ours or dataset.format == "raw" or not dataset.columns:
        return []
    try:
        return read_parts(dataset, partition, lake=lake)
    except PartitionChanged:
        return []


def _confirmed(dataset: DailyDataset, read: Iterator[tuple[Partition, list[bytes]]]) -> Iterator[Partition]:
    """Those of the days, given with the bytes of their parts, whose rows keep the contract."""
    while some := list(islice(read, TOGETHER)):
        found = contents.judge_together(dataset, [parts for _, parts in some])
        for (partition, _), result in zip(some, found, strict=True):
            if result == (partition.rows, partition.volume):
                yield verdict(partition.day, partition.code, rows_text(partition.rows), partition)
