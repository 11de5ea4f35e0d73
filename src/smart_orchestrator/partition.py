"""One day of a dataset in the lake: inspect it, commit it, read exactly what was inspected.

A partition is visible once its marker `_SUCCESS` names its parts. Our marker is a JSON manifest; an empty one is
Spark's and names every `part-*` beside it. The commit protocol (docs/SMART_ORCHESTRATOR.md) keeps every reader of
manifests on the old day or the new one, whoever is killed when. A lake that does not answer raises `LakeError`;
whatever is wrong with the day itself is a state with a code and a sentence.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from smart_orchestrator import contents
from smart_orchestrator.contents import Code, Contents
from smart_orchestrator.errors import (
    CommitError,
    ContractError,
    LakeError,
    LostRace,
    ObjectConflict,
    ObjectMissing,
    PartitionChanged,
)
from smart_orchestrator.lake import lake_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import polars as pl

    from smart_orchestrator.dataset import DailyDataset
    from smart_orchestrator.lake import Lake, ObjectInfo

MARKER = "_SUCCESS"
VERSION = 1
READS_BEFORE_GONE = 3
DEFAULT_YOUNG = dt.timedelta(minutes=10)


class State(StrEnum):
    """What the lake holds for a day."""

    ABSENT = "absent"
    UNCOMMITTED = "uncommitted"
    INVALID = "invalid"
    COMPLETE = "complete"


_STATES = {
    Code.MISSING: State.ABSENT,
    Code.NO_MARKER: State.UNCOMMITTED,
    Code.STILL_WRITING: State.UNCOMMITTED,
    Code.OK: State.COMPLETE,
    Code.UNUSUAL_VOLUME: State.COMPLETE,
}


@dataclass(frozen=True, slots=True)
class Part:
    """One data object to be committed: its bytes and how many rows they hold."""

    data: bytes
    rows: int


@dataclass(frozen=True, slots=True)
class PartInfo:
    """A part as a manifest (or a listing) names it; `checksum` is `sha256:…`, `etag` the store's own mark."""

    name: str
    size: int
    checksum: str | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a committed partition says of itself.

    Attributes:
        day: the UTC day.
        run_id: unique to the commit.
        parts: the data objects, in order.
        rows: of all parts; None when the parts were committed by someone who did not count.
        columns: of the parts, in order; empty when unknown.
        volume: the day's sum of the dataset's volume column.
        measured: whatever the run wanted to keep: requests, retries, seconds, sources.
        written_at: UTC.
    """

    day: dt.date
    run_id: str
    parts: tuple[PartInfo, ...]
    rows: int | None
    columns: tuple[str, ...]
    volume: int | None
    measured: Mapping[str, Any]
    written_at: dt.datetime

    def to_bytes(self) -> bytes:
        """The manifest as it is stored."""
        document = {
            "version": VERSION,
            "day": self.day.isoformat(),
            "run_id": self.run_id,
            "parts": [
                {"name": part.name, "size": part.size, "checksum": part.checksum, "etag": part.etag}
                for part in self.parts
            ],
            "rows": self.rows,
            "columns": list(self.columns),
            "volume": self.volume,
            "measured": dict(self.measured),
            "written_at": self.written_at.isoformat(),
        }
        return json.dumps(document, ensure_ascii=False, indent=1).encode()


@dataclass(frozen=True, slots=True)
class Partition:
    """What the lake holds for one day, and why it counts or does not.

    Attributes:
        day: the UTC day.
        state: see `State`.
        code: stable reason for programs.
        reason: the same as a sentence.
        rows: of the committed parts, if known.
        volume: the day's sum of the dataset's volume column, if known.
        fingerprint: digest of the manifest (of part names, sizes and ETags for Spark's); None when not committed.
        parts: the committed data objects.
        manifest: ours; None for Spark's marker.
        newest_write: when the youngest object of an uncommitted day was written, UTC.
    """

    day: dt.date
    state: State
    code: Code
    reason: str
    rows: int | None = None
    volume: int | None = None
    fingerprint: str | None = None
    parts: tuple[PartInfo, ...] = ()
    manifest: Manifest | None = None
    newest_write: dt.datetime | None = None

    @property
    def available(self) -> bool:
        """Whether the day can be used."""
        return self.state is State.COMPLETE

    def to_json(self) -> dict[str, object]:
        """The day as `check --json` lists it."""
        return {
            "day": self.day.isoformat(),
            "state": self.state.value,
            "code": self.code.value,
            "reason": self.reason,
            "rows": self.rows,
            "fingerprint": self.fingerprint,
        }


class Memory(Protocol):
    """Remembers what was found in days whose data had to be read, by fingerprint."""

    def recall(self, key: str) -> str | None:
        """What was remembered under `key`."""
        ...

    def remember(self, key: str, value: str) -> None:
        """Keep `value` under `key`."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """How closely days are inspected.

    Attributes:
        deep: read the rows of every day and hold them against the contract.
        shallow: do not read days without our manifest either; their rows stay unknown.
        young: unmarked parts younger than this are taken for being written.
        now: the present time, UTC.
        memory: what was found in days that were read before.
    """

    deep: bool = False
    shallow: bool = False
    young: dt.timedelta = DEFAULT_YOUNG
    now: dt.datetime = field(default_factory=lambda: dt.datetime.now(tz=dt.UTC))
    memory: Memory | None = None


def inspect(
    dataset: DailyDataset, day: dt.date, *, lake: Lake | None = None, look: Look | None = None
) -> Partition:
    """What the lake holds for `day`: one listing, one small read of the marker.

    Raises:
        LakeError: the lake does not answer or refuses.
    """
    lake = lake or lake_of(dataset)
    return inspect_listed(dataset, day, lake.list(dataset.key(day)), lake=lake, look=look or Look())


def inspect_listed(
    dataset: DailyDataset, day: dt.date, objects: Sequence[ObjectInfo], *, lake: Lake, look: Look
) -> Partition:
    """As `inspect`, for a day that has been listed already."""
    for _ in range(READS_BEFORE_GONE - 1):
        found = _inspect_once(dataset, day, objects, lake, look)
        if found is not None and found.code is not Code.PART_GONE:
            return found
        # A commit may have replaced manifest and parts between our listing and our reading.
        objects = lake.list(dataset.key(day))
    found = _inspect_once(dataset, day, objects, lake, look)
    return found or _partition(day, Code.PART_GONE, "marker and parts change faster than they can be read")


def _partition(day: dt.date, code: Code, reason: str, base: Partition | None = None) -> Partition:
    state = _STATES.get(code, State.INVALID)
    if base is None:
        return Partition(day, state, code, reason)
    return replace(base, state=state, code=code, reason=reason)


def _inspect_once(
    dataset: DailyDataset, day: dt.date, objects: Sequence[ObjectInfo], lake: Lake, look: Look
) -> Partition | None:
    """The day as listed, or None when the marker went away in between."""
    folder = dataset.key(day) + "/"
    listed = {info.key.removeprefix(folder): info for info in objects if info.key.startswith(folder)}
    listed = {name: info for name, info in listed.items() if not name.startswith(".")}
    marker = listed.get(MARKER)
    if marker is None:
        return _uncommitted(day, listed.values(), look)
    parts = {name: info for name, info in listed.items() if _is_part(name)}
    if marker.size == 0:
        return _inspect_spark(dataset, day, parts, lake, look)
    try:
        data, _ = lake.get(marker.key)
    except ObjectMissing:
        return None
    return _inspect_ours(dataset, day, data, parts, lake, look)


def _is_part(name: str) -> bool:
    return name.startswith("part-") and "/" not in name


def _uncommitted(day: dt.date, objects: Iterable[ObjectInfo], look: Look) -> Partition:
    written = [info.modified for info in objects]
    if not written:
        return _partition(day, Code.MISSING, "nothing is there")
    newest = max(written)
    age = look.now - newest
    if age < look.young:
        code = Code.STILL_WRITING
        reason = f"parts without {MARKER}, the youngest written {max(0, int(age.total_seconds()))} s ago"
    else:
        code = Code.NO_MARKER
        reason = f"parts without {MARKER}: a writer stopped half-way on {newest:%Y-%m-%d %H:%M} UTC"
    return replace(_partition(day, code, reason), newest_write=newest)


def _inspect_spark(
    dataset: DailyDataset, day: dt.date, parts: Mapping[str, ObjectInfo], lake: Lake, look: Look
) -> Partition:
    infos = tuple(PartInfo(name, info.size, None, info.etag) for name, info in sorted(parts.items()))
    digest = hashlib.sha256(json.dumps([[p.name, p.size, p.etag] for p in infos]).encode()).hexdigest()
    base = Partition(day, State.COMPLETE, Code.OK, "", fingerprint=digest[:32], parts=infos)
    if not infos:
        return _partition(day, Code.EMPTY, f"{MARKER} without any part", base)
    if look.shallow and not look.deep:
        return _partition(day, Code.OK, "committed without a row count, not read", base)
    return _judged(dataset, base, lake, look)


def _inspect_ours(
    dataset: DailyDataset, day: dt.date, data: bytes, parts: Mapping[str, ObjectInfo], lake: Lake, look: Look
) -> Partition:
    digest = hashlib.sha256(data).hexdigest()[:32]
    manifest = _parse_manifest(day, data)
    if isinstance(manifest, Partition):
        return replace(manifest, fingerprint=digest)
    base = Partition(
        day, State.COMPLETE, Code.OK, "", manifest.rows, manifest.volume, digest, manifest.parts, manifest
    )
    problem = _against_listing(base, parts) or _against_contract(dataset, base)
    if problem is not None:
        return problem
    doubtful = [p for p in manifest.parts if p.etag is not None and p.etag != parts[p.name].etag]
    if look.deep or (manifest.rows is None and not look.shallow):
        return _judged(dataset, base, lake, look)
    if doubtful and not look.shallow:
        # The store's mark differs: a copy of the lake, or other bytes of the same size. Only the checksum tells.
        marks = json.dumps([[p.name, parts[p.name].etag] for p in manifest.parts])
        return _judged(dataset, base, lake, look, marks=marks)
    return _partition(day, Code.OK, _rows_text(manifest.rows), base)


def _rows_text(rows: int | None) -> str:
    return "rows not counted" if rows is None else f"{rows:,} row" + ("s" if rows != 1 else "")


def _against_listing(base: Partition, parts: Mapping[str, ObjectInfo]) -> Partition | None:
    if not base.parts or base.rows == 0:
        return _partition(base.day, Code.EMPTY, "committed without a row", base)
    for part in base.parts:
        if part.name not in parts:
            return _partition(base.day, Code.PART_GONE, f"{part.name} is named and not there", base)
        size = parts[part.name].size
        if size != part.size:
            reason = f"{part.name} has {size:,} bytes, {part.size:,} were committed"
            return _partition(base.day, Code.PART_CHANGED, reason, base)
    return None


def _against_contract(dataset: DailyDataset, base: Partition) -> Partition | None:
    if base.rows is not None and base.rows < dataset.min_rows:
        reason = f"{_rows_text(base.rows)}, at least {dataset.min_rows:,} are asked for"
        return _partition(base.day, Code.SHORT, reason, base)
    columns = base.manifest.columns if base.manifest else ()
    missing = [column.name for column in dataset.columns if column.name not in columns]
    if columns and missing:
        return _partition(base.day, Code.COLUMNS, f"the column {', '.join(missing)} is missing", base)
    return None


def _judged(dataset: DailyDataset, base: Partition, lake: Lake, look: Look, *, marks: str = "") -> Partition:
    """The verdict on a day whose bytes have to be read; remembered, so that it is read once."""
    contract = hashlib.sha256(
        repr((dataset.format, dataset.columns, dataset.min_rows, marks)).encode()
    ).hexdigest()
    key = f"{dataset.name} {base.day} {base.fingerprint} {contract[:16]}"
    if look.memory is not None and not look.deep:
        remembered = look.memory.recall(key)
        if remembered is not None:
            code, reason, rows, volume = json.loads(remembered)
            return _partition(base.day, Code(code), reason, replace(base, rows=rows, volume=volume))
    verdict = _read_and_judge(dataset, base, lake)
    if look.memory is not None and verdict.code is not Code.PART_GONE:
        look.memory.remember(key, json.dumps([verdict.code, verdict.reason, verdict.rows, verdict.volume]))
    return verdict


def _read_and_judge(dataset: DailyDataset, base: Partition, lake: Lake) -> Partition:
    folder = dataset.key(base.day)
    read: list[tuple[str, bytes]] = []
    for part in base.parts:
        try:
            data, _ = lake.get(f"{folder}/{part.name}")
        except ObjectMissing:
            return _partition(base.day, Code.PART_GONE, f"{part.name} went away while it was read", base)
        if part.checksum is not None and part.checksum != _checksum(data):
            reason = f"{part.name} has other bytes than were committed, of the same size"
            return _partition(base.day, Code.PART_CHANGED, reason, base)
        read.append((part.name, data))
    if dataset.format == "raw":
        return _partition(base.day, Code.OK, _rows_text(base.rows), base)
    found = contents.examine(dataset, read, spark=base.manifest is None or base.rows is None)
    return _verdict_on_contents(dataset, base, found)


def _verdict_on_contents(dataset: DailyDataset, base: Partition, found: Contents) -> Partition:
    counted = replace(base, rows=found.rows, volume=found.volume if found.volume is not None else base.volume)
    if found.findings:
        first = found.findings[0]
        same = [finding.text for finding in found.findings if finding.code is first.code]
        more = f" (and {len(same) - contents.FIRST_FEW} more)" if len(same) > contents.FIRST_FEW else ""
        return _partition(base.day, first.code, "; ".join(same[: contents.FIRST_FEW]) + more, counted)
    if found.rows == 0:
        return _partition(base.day, Code.EMPTY, "committed without a row", counted)
    if base.rows is not None and base.rows != found.rows:
        reason = f"{_rows_text(found.rows)} in the parts, {base.rows:,} were committed"
        return _partition(base.day, Code.PART_CHANGED, reason, counted)
    short = _against_contract(dataset, counted)
    return short or _partition(base.day, Code.OK, _rows_text(found.rows), counted)


def _checksum(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _parse_manifest(day: dt.date, data: bytes) -> Manifest | Partition:
    """The manifest, or the verdict on a marker that cannot be used."""
    try:
        document = json.loads(data)
        version = int(document["version"])
        if version > VERSION:
            reason = f"the manifest has version {version}, this program knows {VERSION}: update it"
            return _partition(day, Code.NEWER_VERSION, reason)
        manifest = _manifest_of(document)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        shown = str(error).splitlines()[0] if str(error) else type(error).__name__
        return _partition(day, Code.BAD_MANIFEST, f"{MARKER} is not a manifest ({shown})")
    if manifest.day != day:
        return _partition(day, Code.WRONG_DAY, f"the manifest is of {manifest.day}")
    return manifest


def _manifest_of(document: Mapping[str, Any]) -> Manifest:
    rows = document["rows"]
    volume = document.get("volume")
    parts = tuple(
        PartInfo(str(p["name"]), int(p["size"]), p.get("checksum"), p.get("etag")) for p in document["parts"]
    )
    bad = [part.name for part in parts if not _is_part(part.name)]
    if bad:
        msg = f"{bad[0]!r} is not the name of a part"
        raise ValueError(msg)
    return Manifest(
        day=dt.date.fromisoformat(document["day"]),
        run_id=str(document["run_id"]),
        parts=parts,
        rows=None if rows is None else int(rows),
        columns=tuple(str(name) for name in document.get("columns", ())),
        volume=None if volume is None else int(volume),
        measured=dict(document.get("measured") or {}),
        written_at=dt.datetime.fromisoformat(document["written_at"]),
    )


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
                infos.append(PartInfo(name, len(part.data), _checksum(part.data)))
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
        lake.delete([key for key in listed if key not in ours and _is_part(key.removeprefix(folder + "/"))])
    digest = hashlib.sha256(data).hexdigest()[:32]
    reason = _rows_text(rows)
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
        found = _parse_manifest(day, data)
        if isinstance(found, Partition) and found.code is Code.NEWER_VERSION:
            raise CommitError(dataset.name, day, found.reason, "Update this program.")
        return etag
    named = [info for info in lake.list(folder) if _is_part(info.key.removeprefix(folder + "/"))]
    parts = tuple(PartInfo(info.key.removeprefix(folder + "/"), info.size, None, info.etag) for info in named)
    now = dt.datetime.now(tz=dt.UTC)
    manifest = Manifest(day, f"adopted-{uuid.uuid4().hex}", parts, None, (), None, {}, now)
    try:
        lake.put_if(key, manifest.to_bytes(), etag)
        data, etag = lake.get(key)
    except (ObjectConflict, ObjectMissing):
        raise LostRace(dataset.name, day, "of another writer") from None
    if _parse_manifest(day, data) != manifest:
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
    found = _parse_manifest(day, data) if data else None
    return found.run_id if isinstance(found, Manifest) else None


def _delete_unless_named(
    dataset: DailyDataset, day: dt.date, lake: Lake, infos: Sequence[PartInfo], run_id: str
) -> None:
    """Remove our parts after a failure, unless the marker turned out to be ours after all."""
    if _marker_run(dataset, day, lake) != run_id:
        lake.delete([f"{dataset.key(day)}/{info.name}" for info in infos])


def read_parts(dataset: DailyDataset, partition: Partition, *, lake: Lake | None = None) -> list[bytes]:
    """The bytes of exactly the parts that were inspected.

    Raises:
        PartitionChanged: a part is gone, or has other bytes than were committed.
        LakeError: the lake does not answer or refuses.
    """
    lake = lake or lake_of(dataset)
    folder = dataset.key(partition.day)
    read: list[bytes] = []
    for part in partition.parts:
        try:
            data, etag = lake.get(f"{folder}/{part.name}")
        except ObjectMissing:
            raise PartitionChanged(dataset.name, partition.day, f"{part.name} is gone") from None
        changed = (
            part.checksum != _checksum(data) if part.checksum else (len(data), etag) != (part.size, part.etag)
        )
        if changed:
            raise PartitionChanged(dataset.name, partition.day, f"{part.name} has other bytes")
        read.append(data)
    return read


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


def read_frame(dataset: DailyDataset, day: dt.date | Partition, *, lake: Lake | None = None) -> pl.DataFrame:
    """The rows of a day as a Polars frame with the contract's columns and types.

    Given a partition, exactly the parts that were inspected are read; given a day, it is inspected first.

    Raises:
        ContractError: the day is not available, or its rows break the contract.
        PartitionChanged: it is no longer the partition that was inspected.
        LakeError: the lake does not answer or refuses.
    """
    lake = lake or lake_of(dataset)
    partition = day if isinstance(day, Partition) else inspect(dataset, day, lake=lake)
    if not partition.available:
        raise ContractError(dataset.name, partition.day, partition.code, [partition.reason])
    parts = read_parts(dataset, partition, lake=lake)
    spark = partition.manifest is None or partition.manifest.rows is None
    try:
        return contents.to_frame(dataset, parts, spark=spark)
    except ValueError as error:
        raise ContractError(dataset.name, partition.day, Code.UNREADABLE, [str(error)]) from None
