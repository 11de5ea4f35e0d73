"""Check a partition by its data: read the parts, check the rows against the contract, and cache the result."""

from __future__ import annotations

import json
import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, Protocol

from smart_orchestrator.model.partition import Code, Partition, hex_digest, rows_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smart_orchestrator.contract.rows import Contents
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.store.base import Lake

# A part above this size is large. At most two partitions with large parts are read in parallel, because each needs much memory.
LARGE_PART_BYTES = 8 << 20
_large_parts = threading.BoundedSemaphore(2)
# Increase this number when the rules change. Cached results with another number are not used.
RULES_VERSION = 3


class Memory(Protocol):
    """A cache of results for partitions whose data were read."""

    def recall(self, key: str) -> str | None:
        """Return the value that is stored under `key`, or None."""
        ...

    def remember(self, key: str, value: str) -> None:
        """Store `value` under `key`."""
        ...


def inspect_data(
    dataset: Dataset,
    base: Partition,
    lake: Lake,
    memory: Memory | None,
    *,
    etags: Sequence[object] = (),
    recall: bool = True,
) -> Partition:
    """Check the data of a partition, or return the cached result of an earlier check.

    Args:
        dataset: the dataset with the contract.
        base: the partition according to its metadata.
        lake: the lake of the parts.
        memory: the cache; None without a cache.
        etags: the name and the current ETag of each part whose ETag differs from the one in the manifest.
        recall: whether to use a cached result. A new result is always stored.

    Raises:
        LakeError: the lake does not respond, or refuses the request.
    """
    key = f"{dataset.name} {base.day} {base.fingerprint} {_rules_digest(dataset, etags)}"
    if memory is not None and recall:
        partition = _parse_cached(base, memory.recall(key))
        if partition is not None:
            return partition
    checked = _check_data(dataset, base, lake)
    # A part that is gone can be the sign of a commit during this check. The caller then inspects the new partition.
    if memory is not None and checked.code is not Code.PART_GONE:
        memory.remember(key, json.dumps([checked.code, checked.reason, checked.rows, checked.volume]))
    return checked


def _rules_digest(dataset: Dataset, etags: Sequence[object]) -> str:
    """Return a digest of the rules and ETags that determine the result of a check for a given manifest."""
    reading = (dataset.format, dataset.header, dataset.compression)
    rules = (RULES_VERSION, reading, dataset.columns, dataset.min_rows, dataset.volume_column, etags)
    return hex_digest(repr(rules).encode())[:16]


def _parse_cached(base: Partition, cached: str | None) -> Partition | None:
    """Return the partition with a cached result, or None without a valid cached result."""
    if cached is None:
        return None
    try:
        code, reason, rows, volume = json.loads(cached)
        return base.with_counts(rows, volume).with_code(Code(code), str(reason))
    except (ValueError, TypeError, RecursionError):
        return None


def _check_data(dataset: Dataset, base: Partition, lake: Lake) -> Partition:
    is_large = max(part.size for part in base.parts) > LARGE_PART_BYTES
    with _large_parts if is_large else nullcontext():
        return _check_parts(dataset, base, lake)


def _check_parts(dataset: Dataset, base: Partition, lake: Lake) -> Partition:
    from smart_orchestrator.contract import rows as contents
    from smart_orchestrator.contract.reading import PartFault
    from smart_orchestrator.contract.sources import LakePart

    folder = dataset.key(base.day)
    parts = [LakePart(lake, folder, part) for part in base.parts]
    try:
        if dataset.format == "raw":
            # Reading all bytes compares the sizes and the checksums.
            for part in parts:
                for _ in part.chunks():
                    pass
            return base.with_code(Code.OK, rows_text(base.rows))
        return _check_contents(dataset, base, contents.examine(dataset, parts, foreign=is_foreign(base)))
    except PartFault as fault:
        return base.with_code(fault.code, fault.text)


def is_foreign(partition: Partition) -> bool:
    """Return whether another writer may have written the parts: there is no manifest, or the manifest has no number of rows."""
    return partition.manifest is None or partition.manifest.rows is None


def _check_contents(dataset: Dataset, base: Partition, examined: Contents) -> Partition:
    counted = base.with_counts(examined.rows, examined.volume if examined.volume is not None else base.volume)
    if examined.findings:
        from smart_orchestrator.contract.finding import FIRST_FEW

        first = examined.findings[0]
        texts = [finding.text for finding in examined.findings if finding.code is first.code]
        more = f" (and {len(texts) - FIRST_FEW} more)" if len(texts) > FIRST_FEW else ""
        return counted.with_code(first.code, "; ".join(texts[:FIRST_FEW]) + more)
    if examined.rows == 0:
        return counted.with_code(Code.EMPTY, "committed without a row")
    if base.rows is not None and base.rows != examined.rows:
        reason = f"{rows_text(examined.rows)} in the parts, {base.rows:,} were committed"
        return counted.with_code(Code.PART_CHANGED, reason)
    problem = check_contract(dataset, counted)
    return problem or counted.with_code(Code.OK, rows_text(examined.rows))


def check_contract(dataset: Dataset, base: Partition) -> Partition | None:
    """Return an invalid partition if the metadata violate the contract: too few rows, or a missing column."""
    if base.rows is not None and base.rows < dataset.min_rows:
        reason = f"{rows_text(base.rows)}, at least {dataset.min_rows:,} are required"
        return base.with_code(Code.SHORT, reason)
    columns = base.manifest.columns if base.manifest else ()
    missing = [column.name for column in dataset.columns if column.name not in columns]
    if columns and missing:
        return base.with_code(Code.COLUMNS, f"the column {', '.join(missing)} is missing")
    return None
