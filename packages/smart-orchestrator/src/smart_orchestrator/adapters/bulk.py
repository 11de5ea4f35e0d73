"""Check the rows of many partitions in one query, which is faster than one query for each partition.

The query can only confirm that a partition is complete. It confirms only a partition with a manifest of the writer of this package,
whose parts have not changed and whose rows violate no rule. Every other partition is inspected separately, so that its
result names the fault.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.manifest import read_parts
from smart_orchestrator.errors import PartitionChanged

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Executor

    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.store.base import Lake

# The number of partitions that are in memory at a time. Partitions of a thousand rows need some megabytes together.
PARTITIONS_IN_MEMORY = 64
# The number of partitions in one query. A larger number would delay the first query.
PARTITIONS_PER_QUERY = 32
# Larger partitions are inspected separately, in pieces.
MAX_PARTITION_BYTES = 1 << 20


def inspect_deeply(
    dataset: Dataset,
    days: Sequence[dt.date],
    lake: Lake,
    pool: Executor,
    inspect_metadata: Callable[[dt.date], Partition],
    inspect_rows: Callable[[dt.date], Partition],
) -> Iterator[Partition]:
    """Inspect every partition and its rows, and yield the results in the order of `days`.

    Args:
        dataset: the dataset with the contract.
        days: the partition keys.
        lake: the lake of the partitions.
        pool: the threads that read the parts.
        inspect_metadata: the function that inspects the listing and the manifest of a partition.
        inspect_rows: the function that inspects the metadata and the rows of one partition. Its result names the fault, if any.

    Raises:
        LakeError: the lake does not respond, or refuses the request.
    """

    def read(day: dt.date) -> tuple[Partition, list[bytes]]:
        partition = inspect_metadata(day)
        return partition, _read_committed(dataset, partition, lake)

    for start in range(0, len(days), PARTITIONS_IN_MEMORY):
        partitions: list[Partition] = []
        reads = _record(pool.map(read, days[start : start + PARTITIONS_IN_MEMORY]), partitions)
        # `_confirm` reads the iterator `reads` to its end, which appends every partition to `partitions`.
        checked = {partition.day: partition for partition in _confirm(dataset, reads)}
        unconfirmed = [p.day for p in partitions if p.available and p.day not in checked]
        checked |= zip(unconfirmed, pool.map(inspect_rows, unconfirmed), strict=True)
        yield from (checked.get(partition.day, partition) for partition in partitions)


def _record(
    reads: Iterable[tuple[Partition, list[bytes]]], partitions: list[Partition]
) -> Iterator[tuple[Partition, list[bytes]]]:
    """Append every partition to `partitions`, and yield each partition whose bytes were read, with the bytes of its parts."""
    for partition, parts in reads:
        partitions.append(partition)
        if parts:
            yield partition, parts


def _read_committed(dataset: Dataset, partition: Partition, lake: Lake) -> list[bytes]:
    """Read the parts of a partition. Return an empty list if a part has changed, or if a query cannot confirm the partition.

    Raises:
        LakeError: the lake does not respond, or refuses the request.
    """
    is_counted = partition.available and partition.manifest is not None and partition.rows is not None
    is_large = sum(part.size for part in partition.parts) > MAX_PARTITION_BYTES
    if not is_counted or is_large or dataset.format == "raw" or not dataset.columns:
        return []
    try:
        return read_parts(dataset, partition, lake=lake)
    except PartitionChanged:
        return []


def _confirm(dataset: Dataset, reads: Iterator[tuple[Partition, list[bytes]]]) -> Iterator[Partition]:
    """Yield the partitions that follow the contract and have the committed number of rows and volume."""
    from smart_orchestrator.contract import rows as contents

    while batch := list(islice(reads, PARTITIONS_PER_QUERY)):
        results = contents.check_together(dataset, [parts for _, parts in batch])
        for (partition, _), result in zip(batch, results, strict=True):
            if result == (partition.rows, partition.volume):
                yield partition
