"""Check the rows of many partitions together, in one query instead of one query for each partition.

The query can confirm that a partition is complete. Every partition that it does not confirm (a violated rule, a part that is
gone or changed, no manifest of ours) is inspected by itself, which names the fault and its place.
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

# The number of partitions in memory at once; with a thousand rows each they need some megabytes.
BATCH = 64
# The number of partitions in one query. More would delay the start of the first query.
QUERY = 32
# Partitions of more bytes are inspected in pieces instead.
LARGEST = 1 << 20


def inspect_deeply(
    dataset: Dataset,
    days: Sequence[dt.date],
    lake: Lake,
    pool: Executor,
    inspect_metadata: Callable[[dt.date], Partition],
    inspect_rows: Callable[[dt.date], Partition],
) -> Iterator[Partition]:
    """Yield the verdict on every partition by its rows, in the order of `days`.

    Args:
        dataset: the dataset with the contract.
        days: the partition keys.
        lake: the lake of the partitions.
        pool: the threads that read the parts.
        inspect_metadata: inspects a partition by listing and manifest alone.
        inspect_rows: inspects a partition by its rows, and names all faults in them.

    Raises:
        LakeError: the lake does not answer or refuses.
    """

    def read(day: dt.date) -> tuple[Partition, list[bytes]]:
        partition = inspect_metadata(day)
        return partition, _read_committed(dataset, partition, lake)

    for start in range(0, len(days), BATCH):
        partitions: list[Partition] = []
        reads = _record(pool.map(read, days[start : start + BATCH]), partitions)
        checked = {partition.day: partition for partition in _confirm(dataset, reads)}
        doubtful = [p.day for p in partitions if p.available and p.day not in checked]
        checked |= zip(doubtful, pool.map(inspect_rows, doubtful), strict=True)
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
    """Return the bytes of a partition's parts; empty when they are not those committed, or the query cannot confirm the partition.

    Raises:
        LakeError: the lake does not answer or refuses.
    """
    is_counted = partition.available and partition.manifest is not None and partition.rows is not None
    large = sum(part.size for part in partition.parts) > LARGEST
    if not is_counted or large or dataset.format == "raw" or not dataset.columns:
        return []
    try:
        return read_parts(dataset, partition, lake=lake)
    except PartitionChanged:
        return []


def _confirm(dataset: Dataset, reads: Iterator[tuple[Partition, list[bytes]]]) -> Iterator[Partition]:
    """Yield the partitions whose rows keep the contract and whose number of rows and volume are those committed."""
    while batch := list(islice(reads, QUERY)):
        results = contents.judge_together(dataset, [parts for _, parts in batch])
        for (partition, _), result in zip(batch, results, strict=True):
            if result == (partition.rows, partition.volume):
                yield verdict(partition.day, partition.code, rows_text(partition.rows), partition)
