"""Check the rows of many partitions together: one query over all rows instead of one a partition.

The query can only confirm a partition. Every partition that it does not confirm (a broken rule, a part that is gone or
changed, no manifest of ours) is inspected by itself, which names the fault and its place.
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

    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.store.base import Lake

# Partitions in memory at once: a thousand rows each are some megabytes.
BATCH = 64
# Partitions of one query: enough to pay for it, few enough to read the next ones meanwhile.
QUERY = 32
# Larger partitions are not read as one: they are inspected in pieces.
LARGEST = 1 << 20


def inspect_deeply(
    dataset: Dataset,
    days: Sequence[dt.date],
    lake: Lake,
    pool: Executor,
    inspect_shallow: Callable[[dt.date], Partition],
    inspect_deep: Callable[[dt.date], Partition],
) -> Iterator[Partition]:
    """Every partition after its rows were read, in the order of `days`.

    Args:
        dataset: its contract is what the rows are checked against.
        days: the partition keys.
        lake: where their parts are.
        pool: reads the parts.
        inspect_shallow: inspects a partition by listing and manifest alone.
        inspect_deep: inspects a partition by its rows, and names all faults in them.

    Raises:
        LakeError: the lake does not answer or refuses.
    """

    def read(day: dt.date) -> tuple[Partition, list[bytes]]:
        partition = inspect_shallow(day)
        return partition, _read_committed(dataset, partition, lake)

    for start in range(0, len(days), BATCH):
        partitions: list[Partition] = []
        reads = _record(pool.map(read, days[start : start + BATCH]), partitions)
        checked = {partition.day: partition for partition in _confirm(dataset, reads)}
        doubtful = [p.day for p in partitions if p.available and p.day not in checked]
        checked |= zip(doubtful, pool.map(inspect_deep, doubtful), strict=True)
        yield from (checked.get(partition.day, partition) for partition in partitions)


def _record(
    reads: Iterable[tuple[Partition, list[bytes]]], partitions: list[Partition]
) -> Iterator[tuple[Partition, list[bytes]]]:
    """Append every partition to `partitions`, and pass on those whose bytes were read."""
    for partition, parts in reads:
        partitions.append(partition)
        if parts:
            yield partition, parts


def _read_committed(dataset: Dataset, partition: Partition, lake: Lake) -> list[bytes]:
    """The bytes of a partition's parts; none when they differ from those committed, or nothing is to be confirmed.

    Raises:
        LakeError: the lake does not answer or refuses.
    """
    counted = partition.available and partition.manifest is not None and partition.rows is not None
    large = sum(part.size for part in partition.parts) > LARGEST
    if not counted or large or dataset.format == "raw" or not dataset.columns:
        return []
    try:
        return read_parts(dataset, partition, lake=lake)
    except PartitionChanged:
        return []


def _confirm(dataset: Dataset, reads: Iterator[tuple[Partition, list[bytes]]]) -> Iterator[Partition]:
    """The partitions whose rows keep the contract and are as many as were committed."""
    while batch := list(islice(reads, QUERY)):
        results = contents.judge_together(dataset, [parts for _, parts in batch])
        for (partition, _), result in zip(batch, results, strict=True):
            if result == (partition.rows, partition.volume):
                yield verdict(partition.day, partition.code, rows_text(partition.rows), partition)
