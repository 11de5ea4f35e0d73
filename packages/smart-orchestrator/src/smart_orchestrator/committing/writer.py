"""Replace a partition of a dataset atomically.

A reader of manifests sees either the old partition or the new one, even when a writer is killed. A commit has these steps:

    1. `_read_marker`      read the marker `_SUCCESS` and its ETag
    2. `_adopt_parts`      replace a foreign marker by a manifest of the parts that the marker commits, and read this manifest and its ETag
    3. `_put_parts`        put the new parts under fresh names
    4. `_list_parts`       list the partition's parts, new and old
    5. `_replace_marker`   replace the marker by the new manifest, if the marker still has the ETag of step 1 or 2
    6. `_delete_old_parts` delete all other parts

After a failure before step 5, readers still see the old partition. The next commit deletes the leftovers of a killed writer.
"""

from __future__ import annotations

import datetime as dt
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from smart_orchestrator.adapters.manifest import committed_partition
from smart_orchestrator.adapters.manifest_document import (
    MARKER,
    checksum_of,
    is_part,
    parse_foreign_marker,
    parse_manifest,
    partition_fingerprint,
)
from smart_orchestrator.contract import rows as contents
from smart_orchestrator.errors import (
    CommitError,
    ContractError,
    LakeError,
    LostRace,
    ObjectConflict,
    ObjectMissing,
)
from smart_orchestrator.foreign import MAX_INTEGER
from smart_orchestrator.model.partition import Code, Manifest, PartInfo, Partition
from smart_orchestrator.store.opening import lake_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import polars as pl

    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.store.base import Lake, ObjectInfo


# The end of the sentence "run … committed it" in a `LostRace` error, when the winner is not known.
UNKNOWN_WRITER = "of another writer"


@dataclass(frozen=True, slots=True)
class Part:
    """One data object of a commit: the bytes and the number of rows."""

    data: bytes
    rows: int

    def __post_init__(self) -> None:
        if self.rows < 0:
            message = f"the number of rows must not be negative, not {self.rows}"
            raise ValueError(message)


class _Marker(NamedTuple):
    """The bytes and the ETag of a marker, as they were read."""

    data: bytes
    etag: str | None


@dataclass(frozen=True, slots=True)
class _Target:
    """The partition that a commit replaces."""

    dataset: Dataset
    day: dt.date
    lake: Lake

    @property
    def folder(self) -> str:
        """The path of the partition in the lake."""
        return self.dataset.key(self.day)

    @property
    def marker_key(self) -> str:
        """The key of the marker."""
        return f"{self.folder}/{MARKER}"

    def lost_race(self, winner: str | None) -> LostRace:
        """Return the error for a partition that another writer committed during this commit. `winner` is the `run_id` of that commit."""
        return LostRace(self.dataset.name, self.day, winner or UNKNOWN_WRITER)


def commit(
    dataset: Dataset,
    day: dt.date,
    parts: Sequence[Part],
    *,
    columns: Sequence[str] = (),
    volume: int | None = None,
    measured: Mapping[str, Any] | None = None,
    lake: Lake | None = None,
) -> Partition:
    """Replace the partition of `day` by `parts` atomically, and return the new partition.

    Args:
        dataset: the dataset of the partition.
        day: the partition key.
        parts: the data objects. Together they must have at least one row.
        columns: the columns of the parts, in order.
        volume: the sum of the dataset's volume column.
        measured: measurements of the run for the manifest, as JSON values.
        lake: an open lake; by default, the lake that the dataset names.

    Raises:
        CommitError: there are no rows, or a newer version of this program wrote the partition.
        LostRace: another writer committed the partition during this commit. The data of the other writer stay.
        LakeError: the lake does not respond, or refuses a request. Usually the old partition stays visible; if the lake stored the
            manifest but its response was lost, the new partition is visible.
    """
    target = _Target(dataset, day, lake or lake_of(dataset))
    rows = sum(part.rows for part in parts)
    if rows == 0:
        raise CommitError(dataset.name, day, "it has no rows")
    run_id = uuid.uuid4().hex
    new_keys = [f"{target.folder}/part-{number:05d}-{run_id}{dataset.suffix}" for number in range(len(parts))]
    with target.lake.exclusive(target.folder):
        marker = _adopt_parts(target, _read_marker(target))
        with _delete_on_failure(target.lake, new_keys):
            _put_parts(target.lake, new_keys, parts)
            listed = _list_parts(target, new_keys)
            manifest = Manifest(
                day=day,
                run_id=run_id,
                parts=tuple(_part_info(listed[key], part) for key, part in zip(new_keys, parts, strict=True)),
                rows=rows,
                columns=tuple(columns),
                volume=volume,
                measured=measured or {},
                written_at=dt.datetime.now(tz=dt.UTC),
            )
            data = manifest.to_bytes()
        _replace_marker(target, manifest.run_id, data, marker, new_keys)
        _delete_old_parts(target.lake, listed, new_keys)
    return committed_partition(manifest, partition_fingerprint(data))


def _read_marker(target: _Target) -> _Marker | None:
    """Step 1: read the marker and its ETag. Return None if there is no marker."""
    try:
        return _Marker(*target.lake.get(target.marker_key))
    except ObjectMissing:
        return None


def _adopt_parts(target: _Target, marker: _Marker | None) -> _Marker | None:
    """Step 2: replace a foreign marker by a manifest. Return the marker that step 5 may replace.

    A marker of another writer, which is often an empty file, names no parts: it commits every part in the folder. Without this step,
    readers would take the new parts of step 3 for parts of the old partition.

    Raises:
        CommitError: a newer version of this program wrote the manifest.
        LostRace: another writer replaced the marker during this step.
    """
    if marker is None:
        return None
    if parse_foreign_marker(marker.data) is None:
        parsed = parse_manifest(target.day, marker.data)
        if isinstance(parsed, Partition) and parsed.code is Code.NEWER_VERSION:
            raise CommitError(target.dataset.name, target.day, parsed.reason, "Then run the day again.")
        return marker
    prefix = target.folder + "/"
    names = {info.key.removeprefix(prefix): info for info in target.lake.list(target.folder)}
    parts = tuple(PartInfo(name, info.size, None, info.etag) for name, info in names.items() if is_part(name))
    now = dt.datetime.now(tz=dt.UTC)
    manifest = Manifest(
        day=target.day,
        run_id=f"adopted-{uuid.uuid4().hex}",
        parts=parts,
        rows=None,
        columns=(),
        volume=None,
        measured={},
        written_at=now,
    )
    # The client of the lake repeats a write whose response was lost. The second write then conflicts with the manifest of the first.
    with suppress(ObjectConflict):
        target.lake.put_if(target.marker_key, manifest.to_bytes(), marker.etag)
    adopted = _read_marker(target)
    if adopted is None or parse_manifest(target.day, adopted.data) != manifest:
        raise target.lost_race(None)
    return adopted


@contextmanager
def _delete_on_failure(lake: Lake, keys: Sequence[str]) -> Iterator[None]:
    """Delete the new parts if the block fails. Parts that cannot be deleted now are deleted by the next commit."""
    try:
        yield
    except BaseException:
        with suppress(LakeError):
            lake.delete(keys)
        raise


def _put_parts(lake: Lake, keys: Sequence[str], parts: Sequence[Part]) -> None:
    """Step 3: put the new parts under fresh names."""
    for key, part in zip(keys, parts, strict=True):
        lake.put(key, part.data)


def _list_parts(target: _Target, new_keys: Sequence[str]) -> dict[str, ObjectInfo]:
    """Step 4: list the parts of the partition, new and old. Return them by key.

    Raises:
        LostRace: a new part is gone, because another commit deleted it.
    """
    prefix = target.folder + "/"
    objects = target.lake.list(target.folder)
    listed = {info.key: info for info in objects if is_part(info.key.removeprefix(prefix))}
    if not listed.keys() >= set(new_keys):
        marker = _read_marker(target)
        raise target.lost_race(_run_id_of(target, marker))
    return listed


def _part_info(listed: ObjectInfo, part: Part) -> PartInfo:
    return PartInfo(listed.key.rpartition("/")[2], len(part.data), checksum_of(part.data), listed.etag)


def _replace_marker(
    target: _Target, run_id: str, data: bytes, marker: _Marker | None, new_keys: Sequence[str]
) -> None:
    """Step 5: replace the marker by the new manifest, if the marker has not changed since it was read.

    If the lake does not respond, the new parts stay, because the lake may have stored the new manifest.

    Raises:
        LostRace: another writer replaced the marker during this commit.
    """
    try:
        target.lake.put_if(target.marker_key, data, marker.etag if marker is not None else None)
    except ObjectConflict:
        # The client of the lake repeats a write whose response was lost. The second write then conflicts with the manifest of the first.
        winner = _run_id_of(target, _read_marker(target))
        if winner == run_id:
            return
        # A marker without a run may be this commit's own manifest, cut off. So delete the new parts only if the marker names another run.
        if winner is not None:
            with suppress(LakeError):
                target.lake.delete(new_keys)
        raise target.lost_race(winner) from None


def _delete_old_parts(lake: Lake, listed: Mapping[str, ObjectInfo], new_keys: Sequence[str]) -> None:
    """Step 6: delete the parts that the new manifest does not name."""
    lake.delete([key for key in listed if key not in new_keys])


def _run_id_of(target: _Target, marker: _Marker | None) -> str | None:
    """Return the `run_id` of a manifest, or None for any other marker."""
    if marker is None or not marker.data:
        return None
    manifest = parse_manifest(target.day, marker.data)
    return manifest.run_id if isinstance(manifest, Manifest) else None


def write_frame(
    dataset: Dataset,
    day: dt.date,
    frame: pl.DataFrame,
    *,
    measured: Mapping[str, Any] | None = None,
    lake: Lake | None = None,
) -> Partition:
    """Check a frame against the dataset's contract and commit it as the partition's single part.

    Raises:
        ContractError: the rows violate the contract; nothing is written.
        CommitError: the frame has no rows, or a newer version of this program wrote the partition.
        LostRace: another writer committed the partition during this commit.
        LakeError: the lake does not respond, or refuses a request.
    """
    findings = contents.violations(dataset, frame)
    if findings:
        raise ContractError(dataset.name, day, findings[0].code, [finding.text for finding in findings])
    volume = contents.volume_of(dataset, frame)
    if volume is not None and abs(volume) > MAX_INTEGER:
        text = f"the sum of column {dataset.volume_column} is out of range ({volume:,})"
        raise ContractError(dataset.name, day, Code.BAD_VALUES, [text])
    part = Part(contents.to_bytes(dataset, frame), frame.height)
    return commit(dataset, day, [part], columns=frame.columns, volume=volume, measured=measured, lake=lake)
