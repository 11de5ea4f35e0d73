"""Read the rows of many committed days together, and confirm those that keep the contract.

Only ever says that a day is right. Whatever is not confirmed here (a broken rule, a part that is gone or changed, days
without our manifest) is inspected by itself, which says what is wrong and where.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from smart_orchestrator import contents
from smart_orchestrator.errors import PartitionChanged
from smart_orchestrator.manifest import rows_text, verdict
from smart_orchestrator.partition import read_parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smart_orchestrator.dataset import DailyDataset
    from smart_orchestrator.lake import Lake
    from smart_orchestrator.manifest import Partition

# Days held in memory at once: a thousand rows each are some megabytes.
TOGETHER = 64
_READERS = 8


def confirmed(dataset: DailyDataset, days: Sequence[Partition], lake: Lake) -> Iterator[Partition]:
    """Those of `days` whose bytes are as they were committed and whose rows keep the contract.

    Raises:
        LakeError: the lake does not answer or refuses.
    """
    ours = [p for p in days if p.available and p.manifest is not None and p.rows is not None]
    if dataset.format == "raw" or not dataset.columns:
        return
    with ThreadPoolExecutor(_READERS, thread_name_prefix="deep") as pool:
        for start in range(0, len(ours), TOGETHER):
            some = ours[start : start + TOGETHER]
            read = pool.map(lambda day: _as_committed(dataset, day, lake), some)
            known = [(day, parts) for day, parts in zip(some, read, strict=True) if parts]
            found = contents.judge_together(dataset, [parts for _, parts in known])
            for (partition, _), result in zip(known, found, strict=True):
                if result == (partition.rows, partition.volume):
                    yield verdict(partition.day, partition.code, rows_text(partition.rows), partition)


def _as_committed(dataset: DailyDataset, partition: Partition, lake: Lake) -> list[bytes]:
    """The bytes of a day's parts; none when they are not those that were committed."""
    try:
        return read_parts(dataset, partition, lake=lake)
    except PartitionChanged:
        return []
