"""Judge a partition by its data: read the parts, check the rows against the contract, and remember the verdict."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, Protocol

from smart_orchestrator.contract import rows as contents
from smart_orchestrator.contract.finding import FIRST_FEW
from smart_orchestrator.contract.reading import PartFault
from smart_orchestrator.contract.sources import LakePart
from smart_orchestrator.model.partition import Code, Partition, rows_text, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smart_orchestrator.contract.rows import Contents
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.store.base import Lake

# Partitions with parts of more bytes than this are read two at a time, because each needs memory for its pieces.
LARGE_PART = 8 << 20
_large_parts = threading.BoundedSemaphore(2)
# Increase it when the rules change: verdicts that were remembered under another number are not used.
RULES_VERSION = 3


class Memory(Protocol):
    """Stores the verdicts on partitions whose data were read, so that the data are read once."""

    def recall(self, key: str) -> str | None:
        """Return the value stored under `key`, or None."""
        ...

    def remember(self, key: str, value: str) -> None:
        """Store `value` under `key`."""
        ...


def judge_once(
    dataset: Dataset,
    base: Partition,
    lake: Lake,
    memory: Memory | None,
    *,
    etags: Sequence[object] = (),
    recall: bool = True,
) -> Partition:
    """Return the verdict on a partition whose data must be read; it is remembered, so that they are read once.

    Args:
        dataset: the dataset with the contract.
        base: the partition as its metadata describe it.
        lake: the lake of its parts.
        memory: the verdicts on partitions that were read before.
        etags: the ETags of parts that differ from those in the manifest.
        recall: whether a remembered verdict is used; a new one is remembered in any case.

    Raises:
        LakeError: the lake does not answer or refuses.
    """
    key = f"{dataset.name} {base.day} {base.fingerprint} {_rules_digest(dataset, etags)}"
    if memory is not None and recall:
        partition = _recall(base, memory.recall(key))
        if partition is not None:
            return partition
    judged = _read_and_judge(dataset, base, lake)
    if memory is not None and judged.code is not Code.PART_GONE:
        memory.remember(key, json.dumps([judged.code, judged.reason, judged.rows, judged.volume]))
    return judged


def _rules_digest(dataset: Dataset, etags: Sequence[object]) -> str:
    """Return a digest of everything that a verdict depends on besides the manifest and the parts that it names."""
    reading = (dataset.format, dataset.header, dataset.compression)
    rules = (RULES_VERSION, reading, dataset.columns, dataset.min_rows, dataset.volume_column, etags)
    return hashlib.sha256(repr(rules).encode()).hexdigest()[:16]


def _recall(base: Partition, remembered: str | None) -> Partition | None:
    """Return the remembered verdict; None when there is none, or it cannot be parsed."""
    if remembered is None:
        return None
    try:
        code, reason, rows, volume = json.loads(remembered)
        return verdict(base.day, Code(code), str(reason), base.with_counts(rows, volume))
    except (ValueError, TypeError, RecursionError):
        return None


def _read_and_judge(dataset: Dataset, base: Partition, lake: Lake) -> Partition:
    large = max(part.size for part in base.parts) > LARGE_PART
    with _large_parts if large else nullcontext():
        return _judge_parts(dataset, base, lake)


def _judge_parts(dataset: Dataset, base: Partition, lake: Lake) -> Partition:
    folder = dataset.key(base.day)
    parts = [LakePart(lake, folder, part) for part in base.parts]
    try:
        if dataset.format == "raw":
            for part in parts:
                for _ in part.chunks():
                    pass
            return verdict(base.day, Code.OK, rows_text(base.rows), base)
        return _judge_contents(dataset, base, contents.examine(dataset, parts, foreign=is_foreign(base)))
    except PartFault as fault:
        return verdict(base.day, fault.code, fault.text, base)


def is_foreign(partition: Partition) -> bool:
    """Return whether another writer wrote the parts."""
    return partition.manifest is None or partition.manifest.rows is None


def _judge_contents(dataset: Dataset, base: Partition, examined: Contents) -> Partition:
    counted = base.with_counts(examined.rows, examined.volume if examined.volume is not None else base.volume)
    if examined.findings:
        first = examined.findings[0]
        texts = [finding.text for finding in examined.findings if finding.code is first.code]
        more = f" (and {len(texts) - FIRST_FEW} more)" if len(texts) > FIRST_FEW else ""
        return verdict(base.day, first.code, "; ".join(texts[:FIRST_FEW]) + more, counted)
    if examined.rows == 0:
        return verdict(base.day, Code.EMPTY, "committed without a row", counted)
    if base.rows is not None and base.rows != examined.rows:
        reason = f"{rows_text(examined.rows)} in the parts, {base.rows:,} were committed"
        return verdict(base.day, Code.PART_CHANGED, reason, counted)
    short = check_contract(dataset, counted)
    return short or verdict(base.day, Code.OK, rows_text(examined.rows), counted)


def check_contract(dataset: Dataset, base: Partition) -> Partition | None:
    """Return the verdict when the partition has too few rows, or lacks a column of the contract by its manifest."""
    if base.rows is not None and base.rows < dataset.min_rows:
        reason = f"{rows_text(base.rows)}, at least {dataset.min_rows:,} are required"
        return verdict(base.day, Code.SHORT, reason, base)
    columns = base.manifest.columns if base.manifest else ()
    missing = [column.name for column in dataset.columns if column.name not in columns]
    if columns and missing:
        return verdict(base.day, Code.COLUMNS, f"the column {', '.join(missing)} is missing", base)
    return None
