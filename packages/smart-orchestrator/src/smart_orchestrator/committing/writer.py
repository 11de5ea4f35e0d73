"""Replace a partition of a dataset atomically.

With the protocol (docs/SMART_ORCHESTRATOR.md) every reader of manifests sees the old partition or the new one, even when a
writer is killed. Parts are put under fresh names. Then the marker is replaced, on condition that it is still the one that was
read. Then the parts that it no longer names are removed. A failure before the replacement changes nothing that is visible, and
the next commit removes the leftovers of a killed writer.
"""

from __future__ import annotations

import datetime as dt
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smart_orchestrator.adapters.manifest_document import (
    MARKER,
    checksum_of,
    digest_of,
    is_part,
    parse_foreign_marker,
    parse_manifest,
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
from smart_orchestrator.model.partition import Code, Manifest, PartInfo, Partition, State, rows_text
from smart_orchestrator.store.opening import lake_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import polars as pl

    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.store.base import Lake


# Names the winner of a lost race when its marker has no run.
UNKNOWN_WRITER = "of another writer"


@dataclass(frozen=True, slots=True)
class Part:
    """One data object of a commit: its bytes and its number of rows."""

    data: bytes
    rows: int

    def __post_init__(self) -> None:
        if self.rows < 0:
            message = f"a part has 0 rows or more, not {self.rows}"
            raise ValueError(message)


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
    """Replace the partition by `parts` atomically, and return the new partition.

    Args:
        dataset: where, and in which format.
        day: the UTC day.
        parts: the data objects; none, or only empty ones, is refused.
        columns: of the parts, in order.
        volume: the day's sum of the dataset's volume column.
        measured: facts of the run to keep in the manifest; JSON values.
        lake: an open lake; default the dataset's own.

    Raises:
        CommitError: there are no rows, or a newer program wrote the day.
        LostRace: another writer committed the day meanwhile; its data stay.
        LakeError: the lake does not answer or refuses. What was visible before still is.
    """
    lake = lake or lake_of(dataset)
    rows = sum(part.rows for part in parts)
    if rows == 0:
        raise CommitError(dataset.name, day, "it has no rows")
    folder = dataset.key(day)
    run_id = uuid.uuid4().hex
    ours = [f"{folder}/part-{number:05d}-{run_id}{dataset.suffix}" for number in range(len(parts))]
    with lake.exclusive(folder):
        etag = _prepare_marker(dataset, day, lake)
        with _delete_on_failure(lake, ours):
            for key, part in zip(ours, parts, strict=True):
                lake.put(key, part.data)
            listed = {info.key: info for info in lake.list(folder)}
            if not listed.keys() >= set(ours):
                # A commit removes the parts of writers that have not committed yet.
                raise LostRace(dataset.name, day, _marker_run(dataset, day, lake) or UNKNOWN_WRITER)
            manifest = Manifest(
                day=day,
                run_id=run_id,
                parts=tuple(
                    PartInfo(key.rpartition("/")[2], len(part.data), checksum_of(part.data), listed[key].etag)
                    for key, part in zip(ours, parts, strict=True)
                ),
                rows=rows,
                columns=tuple(columns),
                volume=volume,
                measured=measured or {},
                written_at=dt.datetime.now(tz=dt.UTC),
            )
            data = manifest.to_bytes()
        _replace_marker(dataset, manifest, lake, data, etag, ours)
        lake.delete([key for key in listed if key not in ours and is_part(key.removeprefix(folder + "/"))])
    return Partition(
        day, State.COMPLETE, Code.OK, rows_text(rows), rows, volume, digest_of(data), manifest.parts, manifest
    )


@contextmanager
def _delete_on_failure(lake: Lake, keys: Sequence[str]) -> Iterator[None]:
    """Remove our parts when not all could be written; the next commit removes what stays behind."""
    try:
        yield
    except BaseException:
        with suppress(LakeError):
            lake.delete(keys)
        raise


def _prepare_marker(dataset: Dataset, day: dt.date, lake: Lake) -> str | None:
    """The ETag of the marker that will be replaced, None when there is none.

    Spark's empty marker names every part beside it, so new parts would join the old partition before the commit. It is
    therefore replaced by a manifest of the parts that it names.
    """
    folder = dataset.key(day)
    key = f"{folder}/{MARKER}"
    try:
        data, etag = lake.get(key)
    except ObjectMissing:
        return None
    if parse_foreign_marker(data) is None:
        parsed = parse_manifest(day, data)
        if isinstance(parsed, Partition) and parsed.code is Code.NEWER_VERSION:
            raise CommitError(dataset.name, day, parsed.reason, "Update this program.")
        return etag
    adopted = [info for info in lake.list(folder) if is_part(info.key.removeprefix(folder + "/"))]
    parts = tuple(
        PartInfo(info.key.removeprefix(folder + "/"), info.size, None, info.etag) for info in adopted
    )
    now = dt.datetime.now(tz=dt.UTC)
    manifest = Manifest(day, f"adopted-{uuid.uuid4().hex}", parts, None, (), None, {}, now)
    # The answer of a successful write can get lost; the retry then meets our own manifest.
    with suppress(ObjectConflict):
        lake.put_if(key, manifest.to_bytes(), etag)
    try:
        data, etag = lake.get(key)
    except ObjectMissing:
        raise LostRace(dataset.name, day, UNKNOWN_WRITER) from None
    if parse_manifest(day, data) != manifest:
        raise LostRace(dataset.name, day, UNKNOWN_WRITER)
    return etag


def _replace_marker(
    dataset: Dataset, manifest: Manifest, lake: Lake, data: bytes, etag: str | None, ours: Sequence[str]
) -> None:
    """Make the new manifest the marker, if the marker is still the one that was read.

    Without an answer the new manifest may or may not be the marker; our parts then stay.
    """
    try:
        lake.put_if(f"{dataset.key(manifest.day)}/{MARKER}", data, etag)
    except ObjectConflict:
        # The answer of a successful write can get lost; the retry then meets our own manifest.
        winner = _marker_run(dataset, manifest.day, lake)
        if winner != manifest.run_id:
            # Only when the winner is certain: a truncated marker may name our parts.
            if winner is not None:
                with suppress(LakeError):
                    lake.delete(ours)
            raise LostRace(dataset.name, manifest.day, winner or UNKNOWN_WRITER) from None


def _marker_run(dataset: Dataset, day: dt.date, lake: Lake) -> str | None:
    try:
        data, _ = lake.get(f"{dataset.key(day)}/{MARKER}")
    except ObjectMissing:
        return None
    manifest = parse_manifest(day, data) if data else None
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
        ContractError: the rows break the contract; nothing is written.
        CommitError, LakeError: as for `commit`.
    """
    findings = contents.violations(dataset, frame)
    if findings:
        raise ContractError(dataset.name, day, findings[0].code, [finding.text for finding in findings])
    volume = int(frame[dataset.volume_column].sum()) if dataset.volume_column and frame.height else None
    part = Part(contents.to_bytes(dataset, frame), frame.height)
    return commit(dataset, day, [part], columns=frame.columns, volume=volume, measured=measured, lake=lake)
