"""Inspect a partition of the lake, and read the objects that were inspected.

The marker `_SUCCESS` commits a partition. The writer of this package writes a JSON manifest, which names the parts. Other writers
write an empty marker, a line break, or Hadoop's JSON document. Such a marker commits every `part-*` in its folder and the subfolders.
The functions raise `LakeError` if the lake does not respond. A fault of the partition raises no error: the result has the code and
the reason.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.data_inspection import check_contract, inspect_data, is_foreign
from smart_orchestrator.adapters.layout import Layout, list_partition, names_text
from smart_orchestrator.adapters.manifest_document import (
    MARKER,
    checksum_of,
    is_part,
    parse_foreign_marker,
    parse_manifest,
    partition_fingerprint,
)
from smart_orchestrator.contract.folders import folders_problem
from smart_orchestrator.errors import (
    ContractError,
    LakeUnreachable,
    ObjectMissing,
    OptionError,
    PartitionChanged,
)
from smart_orchestrator.foreign import MAX_BYTES
from smart_orchestrator.model.partition import (
    Code,
    Manifest,
    PartInfo,
    Partition,
    PartitionData,
    hex_digest,
    rows_text,
)
from smart_orchestrator.store.base import PLAIN_FILE
from smart_orchestrator.store.opening import lake_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from smart_orchestrator.adapters.data_inspection import Memory
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.store.base import Lake, ObjectInfo

# The largest number of inspections of a partition that changes during the inspection.
MAX_INSPECTIONS = 3
# A partition without a marker counts as being written until it has not changed for this time.
DEFAULT_SETTLE = dt.timedelta(minutes=10)


class Depth(Enum):
    """The data that an inspection reads."""

    METADATA = "metadata"
    """Only listings and markers. Without a manifest of the writer of this package, the number of rows remains unknown."""
    AS_NEEDED = "as needed"
    """Also the data of a partition if its metadata do not prove that the partition is complete."""
    ROWS = "rows"
    """The rows of every partition, to check them against the contract."""


@dataclass(frozen=True, slots=True)
class InspectOptions:
    """Options of an inspection.

    Attributes:
        depth: the data to read.
        settle: the settle time. Parts without a marker count as being written until they are older than this time.
        now: the current time, in UTC.
        memory: the cache of results for partitions whose data were read; None without a cache.

    Raises:
        OptionError: `settle` is negative, or `now` has no time zone.
    """

    depth: Depth = Depth.AS_NEEDED
    settle: dt.timedelta = DEFAULT_SETTLE
    now: dt.datetime = field(default_factory=lambda: dt.datetime.now(tz=dt.UTC))
    memory: Memory | None = None

    def __post_init__(self) -> None:
        if self.settle < dt.timedelta(0):
            raise OptionError("settle", self.settle, "is negative", "Give 0 seconds or more.")
        if self.now.tzinfo is None:
            raise OptionError("now", self.now, "has no time zone", "Give a time in UTC.")


def inspect(
    dataset: Dataset, day: dt.date, *, lake: Lake | None = None, options: InspectOptions | None = None
) -> Partition:
    """Inspect the partition of `day`. This needs one listing, and one small read of the marker.

    Raises:
        LakeError: the lake does not respond, or refuses the request.
    """
    lake = lake or lake_of(dataset)
    objects = list_partition(dataset, day, lake)
    return inspect_listed(dataset, day, objects, lake=lake, options=options or InspectOptions())


def inspect_listed(
    dataset: Dataset, day: dt.date, objects: Sequence[ObjectInfo], *, lake: Lake, options: InspectOptions
) -> Partition:
    """Inspect a partition whose objects have already been listed."""
    for _ in range(MAX_INSPECTIONS - 1):
        partition = _inspect_once(dataset, day, objects, lake, options)
        if partition is not None and partition.code is not Code.PART_GONE:
            return partition
        # A commit may have replaced the manifest and the parts after the listing.
        objects = list_partition(dataset, day, lake)
    partition = _inspect_once(dataset, day, objects, lake, options)
    if partition is None:
        problem = f"{dataset.key(day)}/{MARKER} does not have the size in the listing"
        raise LakeUnreachable(lake.url, problem, "Check again.")
    return partition


def _inspect_once(
    dataset: Dataset, day: dt.date, objects: Sequence[ObjectInfo], lake: Lake, options: InspectOptions
) -> Partition | None:
    """Inspect the listed objects. Return None if the marker has changed since the listing."""
    misplaced = _misplaced(day, dataset.key(day) + "/", objects)
    if misplaced is not None:
        return misplaced
    layout = Layout.of(dataset.key(day), objects)
    if layout.marker is None:
        return _uncommitted(day, layout, options)
    if layout.marker.size > MAX_BYTES:
        reason = f"{MARKER} is not a manifest ({layout.marker.size:,} bytes, at most {MAX_BYTES:,} are read)"
        return Partition(day, Code.BAD_MANIFEST, reason)
    data = b""
    if layout.marker.size:
        try:
            data, _ = lake.get(layout.marker.key)
        except ObjectMissing:
            return None
    if len(data) != layout.marker.size:
        return None
    names_in_foreign_marker = parse_foreign_marker(data)
    if names_in_foreign_marker is None:
        # The marker is a manifest of this package, or cannot be used. `parse_manifest` finds the reason.
        partition = _inspect_ours(dataset, day, data, layout.parts, lake, options)
        if partition.manifest is None:
            return partition
        beside = [name for name in layout.parts if name not in {part.name for part in partition.parts}]
        return _with_unread_names(partition, [*beside, *layout.nested, *layout.others])
    return _with_unread_names(
        _inspect_foreign(dataset, day, layout, names_in_foreign_marker, lake, options), layout.others
    )


def _misplaced(day: dt.date, folder: str, objects: Sequence[ObjectInfo]) -> Partition | None:
    """Return the result for a partition whose folder, marker or part is not a regular object. Otherwise, return None."""
    for info in objects:
        name = info.key.removeprefix(folder)
        is_in_place_of_folder = info.key == folder.removesuffix("/")
        if is_in_place_of_folder and info.irregular in ("", PLAIN_FILE):
            return Partition(
                day, Code.MISSING, f"a file lies at {info.key}, where the folder of the partition belongs"
            )
        if info.irregular and (is_in_place_of_folder or name == MARKER or is_part(name.rpartition("/")[2])):
            subject = "the partition" if is_in_place_of_folder else name
            return Partition(day, Code.UNREADABLE, f"{subject} is {info.irregular}")
    return None


def _with_unread_names(partition: Partition, others: Sequence[str]) -> Partition:
    """Return the partition with the names of unread objects in its reason."""
    if not others:
        return partition
    reason = f"{partition.reason}; not read are {names_text(others)} beside the parts"
    return replace(partition, reason=reason)


def _uncommitted(day: dt.date, layout: Layout, options: InspectOptions) -> Partition:
    if not layout.write_times:
        return Partition(day, Code.MISSING, "nothing is there")
    newest = max(layout.write_times)
    age = options.now - newest
    if abs(age) < options.settle:
        code = Code.STILL_WRITING
        reason = f"parts without {MARKER}, the youngest written {max(0, int(age.total_seconds()))} s ago"
    elif age.total_seconds() < 0:
        code = Code.NO_MARKER
        reason = f"parts without {MARKER}, the youngest dated in the future ({newest:%Y-%m-%d %H:%M} UTC)"
    else:
        code = Code.NO_MARKER
        reason = f"parts without {MARKER}: a writer stopped half-way on {newest:%Y-%m-%d %H:%M} UTC"
    return replace(Partition(day, code, reason), newest_write=newest)


def _inspect_foreign(
    dataset: Dataset,
    day: dt.date,
    layout: Layout,
    part_names: Sequence[str],
    lake: Lake,
    options: InspectOptions,
) -> Partition:
    """Inspect a partition with the marker of another writer. `part_names` are the names that the marker lists."""
    parts = {**layout.parts, **layout.nested}
    infos = tuple(PartInfo(name, info.size, None, info.etag) for name, info in sorted(parts.items()))
    digest = hex_digest(json.dumps([[p.name, p.size, p.etag] for p in infos]).encode())
    base = Partition(day, Code.OK, "", PartitionData(infos), digest[:32])
    gone = sorted(
        {name for name in part_names if is_part(name)} - {name.rpartition("/")[2] for name in parts}
    )
    if gone:
        return base.with_code(Code.PART_GONE, f"{names_text(gone)} is named and not there")
    if not infos:
        return base.with_code(Code.EMPTY, f"{MARKER} without any part")
    if layout.parts and layout.nested:
        reason = f"parts lie in folders as well as beside them ({names_text(list(layout.nested))})"
        return base.with_code(Code.COLUMNS, reason)
    if problem := folders_problem(parts):
        return base.with_code(Code.COLUMNS, problem)
    if options.depth is Depth.METADATA:
        return base.with_code(Code.OK, "committed without a row count, not read")
    return inspect_data(dataset, base, lake, options.memory, recall=options.depth is not Depth.ROWS)


def _inspect_ours(
    dataset: Dataset,
    day: dt.date,
    data: bytes,
    parts: Mapping[str, ObjectInfo],
    lake: Lake,
    options: InspectOptions,
) -> Partition:
    """Inspect a partition with a manifest of the writer of this package. `data` is the manifest, `parts` are the listed parts."""
    fingerprint = partition_fingerprint(data)
    manifest = parse_manifest(day, data)
    if isinstance(manifest, Partition):
        return replace(manifest, fingerprint=fingerprint)
    base = committed_partition(manifest, fingerprint)
    problem = _check_listing(base, parts) or check_contract(dataset, base)
    if problem is not None:
        return problem
    # A part with another ETag was copied or overwritten. Only its checksum shows which of the two.
    etags = [[p.name, parts[p.name].etag] for p in manifest.parts if p.etag not in (None, parts[p.name].etag)]
    is_unproven = bool(etags) or manifest.rows is None
    if options.depth is Depth.ROWS or (is_unproven and options.depth is Depth.AS_NEEDED):
        recall = options.depth is not Depth.ROWS
        return inspect_data(dataset, base, lake, options.memory, etags=etags, recall=recall)
    return base


def committed_partition(manifest: Manifest, digest: str) -> Partition:
    """Return the partition that a manifest describes. `digest` is the fingerprint of the partition."""
    data = PartitionData(manifest.parts, manifest.rows, manifest.volume)
    return Partition(
        day=manifest.day,
        code=Code.OK,
        reason=rows_text(manifest.rows),
        data=data,
        fingerprint=digest,
        manifest=manifest,
    )


def _check_listing(base: Partition, parts: Mapping[str, ObjectInfo]) -> Partition | None:
    """Return an invalid partition if the listed parts are not those of the manifest. Otherwise, return None."""
    if not base.parts or base.rows == 0:
        return base.with_code(Code.EMPTY, "committed without a row")
    for part in base.parts:
        if part.name not in parts:
            return base.with_code(Code.PART_GONE, f"{part.name} is named and not there")
        size = parts[part.name].size
        if size != part.size:
            reason = f"{part.name} has {size:,} bytes, {part.size:,} were committed"
            return base.with_code(Code.PART_CHANGED, reason)
    return None


def read_parts(dataset: Dataset, partition: Partition, *, lake: Lake | None = None) -> list[bytes]:
    """Read the parts that were inspected, and verify that they have not changed.

    Raises:
        PartitionChanged: a part is gone, or its bytes are not the bytes that were committed.
        LakeError: the lake does not respond, or refuses the request.
    """
    lake = lake or lake_of(dataset)
    folder = dataset.key(partition.day)
    contents_of_parts: list[bytes] = []
    for part in partition.parts:
        try:
            data, etag = lake.get(f"{folder}/{part.name}")
        except ObjectMissing:
            raise PartitionChanged(dataset.name, partition.day, f"{part.name} is gone") from None
        has_changed = (
            part.checksum != checksum_of(data)
            if part.checksum
            else (len(data), etag) != (part.size, part.etag)
        )
        if has_changed:
            raise PartitionChanged(dataset.name, partition.day, f"{part.name} has other bytes")
        contents_of_parts.append(data)
    return contents_of_parts


def read_frame(dataset: Dataset, day: dt.date | Partition, *, lake: Lake | None = None) -> pl.DataFrame:
    """Read the rows of a partition as a Polars frame with the contract's columns and types.

    `day` is a key, whose partition is inspected first, or an inspected `Partition`, which must not have changed since then.

    Raises:
        ContractError: the partition is not available, or its rows violate the contract.
        PartitionChanged: the partition changed after it was inspected.
        LakeError: the lake does not respond, or refuses the request.
    """
    from smart_orchestrator.contract import rows as contents
    from smart_orchestrator.contract.sources import BytesPart

    lake = lake or lake_of(dataset)
    partition = day if isinstance(day, Partition) else inspect(dataset, day, lake=lake)
    if not partition.available:
        raise ContractError(dataset.name, partition.day, partition.code, [partition.reason])
    parts = read_parts(dataset, partition, lake=lake)
    sources = [BytesPart(info.name, data) for info, data in zip(partition.parts, parts, strict=True)]
    try:
        return contents.to_frame(dataset, sources, foreign=is_foreign(partition))
    except ValueError as error:
        raise ContractError(dataset.name, partition.day, Code.UNREADABLE, [str(error)]) from None
