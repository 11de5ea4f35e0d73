"""What a committed day says of itself, and what an inspection says of a day: plain values, no I/O.

A marker `_SUCCESS` that is ours holds a `Manifest` as JSON. `parse_manifest` never raises for what it finds: a marker
that cannot be used is a verdict on the day, a `Partition` with a code and a sentence.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from smart_orchestrator.contract.rows import Code

if TYPE_CHECKING:
    from collections.abc import Mapping

MARKER = "_SUCCESS"
VERSION = 1


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


def verdict(day: dt.date, code: Code, reason: str, base: Partition | None = None) -> Partition:
    """The day with the state that belongs to `code`; what else is known of it is taken from `base`."""
    state = _STATES.get(code, State.INVALID)
    if base is None:
        return Partition(day, state, code, reason)
    return replace(base, state=state, code=code, reason=reason)


def parse_manifest(day: dt.date, data: bytes) -> Manifest | Partition:
    """The manifest, or the verdict on a marker that cannot be used."""
    try:
        document = json.loads(data)
        version = int(document["version"])
        if version > VERSION:
            reason = f"the manifest has version {version}, this program knows {VERSION}: update it"
            return verdict(day, Code.NEWER_VERSION, reason)
        manifest = _manifest_of(document)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        shown = str(error).splitlines()[0] if str(error) else type(error).__name__
        return verdict(day, Code.BAD_MANIFEST, f"{MARKER} is not a manifest ({shown})")
    if manifest.day != day:
        return verdict(day, Code.WRONG_DAY, f"the manifest is of {manifest.day}")
    return manifest


def _manifest_of(document: Mapping[str, Any]) -> Manifest:
    rows = document["rows"]
    volume = document.get("volume")
    parts = tuple(
        PartInfo(str(p["name"]), int(p["size"]), p.get("checksum"), p.get("etag")) for p in document["parts"]
    )
    bad = [part.name for part in parts if not is_part(part.name)]
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


def is_part(name: str) -> bool:
    """Whether an object of a day's folder is data, by its name below the folder."""
    return name.startswith("part-") and "/" not in name


def rows_text(rows: int | None) -> str:
    """A number of rows as people read it."""
    return "rows not counted" if rows is None else f"{rows:,} row" + ("s" if rows != 1 else "")


def checksum_of(data: bytes) -> str:
    """A part's checksum as a manifest holds it."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_of(manifest: bytes) -> str:
    """The fingerprint of a partition that has this manifest."""
    return hashlib.sha256(manifest).hexdigest()[:32]
