"""Replace a day of a dataset as one act.

The protocol (docs/SMART_ORCHESTRATOR.md) keeps every reader of manifests on the old day or the new one, whoever is killed
when: parts go under names never used before, then the marker is switched on condition that it is still the one that
was read, then what it no longer names is removed. A failure before the switch leaves what was visible; what a killed
writer left is removed by the next commit.
"""

from __future__ import annotations

import datetime as dt
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from smart_orchestrator import contents
from smart_orchestrator.contents import Code
from smart_orchestrator.errors import (
    CommitError,
    ContractError,
    LakeError,
    LostRace,
    ObjectConflict,
    ObjectMissing,
)
from smart_orchestrator.lake import lake_of
from smart_orchestrator.manifest import (
    MARKER,
    Manifest,
    PartInfo,
    Partition,
    State,
    checksum_of,
    digest_of,
    is_part,
    parse_manifest,
    rows_text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from smart_orchestrator.dataset import DailyDataset
    from smart_orchestrator.lake import Lake


@dataclass(frozen=True, slots=True)
class Part:
    """One data object to be committed: its bytes and how many rows they hold."""

    data: bytes
    rows: int


def commit(
    dataset: DailyDataset,
    day: dt.date,
    parts: Sequence[Part],
    *,
    columns: Sequence[str] = (),
    volume: int | None = None,
    measured: Mapping[str, Any] | None = None,
    lake: Lake | None = None,
) -> Partition:
    """Replace the day by `parts` as one act, and return it as it is then.

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
        LostRace: another writer committed the day meanwhile; its data stand.
        LakeError: the lake does not answer or refuses. What was visible before still is.
    """
    lake = lake or lake_of(dataset)
    rows = sum(part.rows for part in parts)
    if rows == 0:
        raise CommitError(dataset.name, day, "it has no rows")
    run_id = uuid.uuid4().hex
    folder = dataset.key(day)
    with lake.exclusive(folder):
        etag = _settle_old_marker(dataset, day, lake)
        infos: list[PartInfo] = []
        try:
            for number, part in enumerate(parts):
                name = f"part-{number:05d}-{run_id}{dataset.suffix}"
                infos.append(PartInfo(name, len(part.data), checksum_of(part.data)))
                lake.put(f"{folder}/{name}", part.data)
            listed = {info.key: info for info in lake.list(folder)}
            manifest = Manifest(
                day=day,
                run_id=run_id,
                parts=tuple(replace(p, etag=listed[f"{folder}/{p.name}"].etag) for p in infos),
                rows=rows,
                columns=tuple(columns),
                volume=volume,
                measured=measured or {},
                written_at=dt.datetime.now(tz=dt.UTC),
            )
            data = manifest.to_bytes()
            _switch(dataset, day, lake, data, etag, run_id)
        except BaseException:
            # The failure is what the caller must see; a part that stays behind is removed by the next commit.
            with suppress(LakeError):
                _delete_unless_named(dataset, day, lake, infos, run_id)
            raise
        ours = {f"{folder}/{info.name}" for info in infos}
        lake.delete([key for key in listed if key not in ours and is_part(key.removeprefix(folder + "/"))])
    digest = digest_of(data)
    reason = rows_text(rows)
    return Partition(day, State.COMPLETE, Code.OK, reason, rows, volume, digest, manifest.parts, manifest)


def _settle_old_marker(dataset: DailyDataset, day: dt.date, lake: Lake) -> str | None:
    """The ETag of the marker to be replaced, None when there is none.

    Spark's empty marker names every part beside it, so new parts would join the old day before the switch: it is
    replaced by a manifest of the parts that it names.
    """
    folder = dataset.key(day)
    key = f"{folder}/{MARKER}"
    try:
        data, etag = lake.get(key)
    except ObjectMissing:
        return None
    if data:
        found = parse_manifest(day, data)
        if isinstance(found, Partition) and found.code is Code.NEWER_VERSION:
            raise CommitError(dataset.name, day, found.reason, "Update this program.")
        return etag
    named = [info for info in lake.list(folder) if is_part(info.key.removeprefix(folder + "/"))]
    parts = tuple(PartInfo(info.key.removeprefix(folder + "/"), info.size, None, info.etag) for info in named)
    now = dt.datetime.now(tz=dt.UTC)
    manifest = Manifest(day, f"adopted-{uuid.uuid4().hex}", parts, None, (), None, {}, now)
    try:
        lake.put_if(key, manifest.to_bytes(), etag)
        data, etag = lake.get(key)
    except (ObjectConflict, ObjectMissing):
        raise LostRace(dataset.name, day, "of another writer") from None
    if parse_manifest(day, data) != manifest:
        raise LostRace(dataset.name, day, "of another writer")
    return etag


def _switch(
    dataset: DailyDataset, day: dt.date, lake: Lake, data: bytes, etag: str | None, run_id: str
) -> None:
    """Make the new manifest the marker, if the old one is still the one that was read."""
    key = f"{dataset.key(day)}/{MARKER}"
    try:
        lake.put_if(key, data, etag)
    except ObjectConflict:
        # An answer can be lost after the write went through, and the retry then meets our own manifest.
        winner = _marker_run(dataset, day, lake)
        if winner != run_id:
            raise LostRace(dataset.name, day, winner or "of another writer") from None


def _marker_run(dataset: DailyDataset, day: dt.date, lake: Lake) -> str | None:
    try:
        data, _ = lake.get(f"{dataset.key(day)}/{MARKER}")
    except ObjectMissing:
        return None
    found = parse_manifest(day, data) if data else None
    return found.run_id if isinstance(found, Manifest) else None


def _delete_unless_named(
    dataset: DailyDataset, day: dt.date, lake: Lake, infos: Sequence[PartInfo], run_id: str
) -> None:
    """Remove our parts after a failure, unless the marker turned out to be ours after all."""
    if _marker_run(dataset, day, lake) != run_id:
        lake.delete([f"{dataset.key(day)}/{info.name}" for info in infos])


def write_frame(
    dataset: DailyDataset,
    day: dt.date,
    frame: pl.DataFrame,
    *,
    measured: Mapping[str, Any] | None = None,
    lake: Lake | None = None,
) -> Partition:
    """Hold a frame against the dataset's contract and commit it as the day's single part.

    Raises:
        ContractError: the rows break the contract; nothing is written.
        CommitError, LakeError: as for `commit`.
    """
    found = contents.violations(dataset, frame)
    if found:
        raise ContractError(dataset.name, day, found[0].code, [finding.text for finding in found])
    volume = int(frame[dataset.volume_column].sum()) if dataset.volume_column and frame.height else None
    part = Part(contents.to_bytes(dataset, frame), frame.height)
    return commit(dataset, day, [part], columns=frame.columns, volume=volume, measured=measured, lake=lake)
