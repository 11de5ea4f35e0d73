"""What the lake holds for one partition key, and the reason: plain values.

A partition's state follows from its code. Programs branch on the code, people read the reason.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from smart_orchestrator.foreign import one_line
from smart_orchestrator.model.grain import key_text

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

MANIFEST_VERSION = 1


class Code(StrEnum):
    """Why a partition is in its state. Stable: programs branch on it."""

    MISSING = "MISSING"
    NO_MARKER = "NO_MARKER"
    STILL_WRITING = "STILL_WRITING"
    EMPTY = "EMPTY"
    SHORT = "SHORT"
    PART_GONE = "PART_GONE"
    PART_CHANGED = "PART_CHANGED"
    COLUMNS = "COLUMNS"
    UNREADABLE = "UNREADABLE"
    BAD_VALUES = "BAD_VALUES"
    DUPLICATE_ROWS = "DUPLICATE_ROWS"
    WRONG_DAY = "WRONG_DAY"
    BAD_MANIFEST = "BAD_MANIFEST"
    NEWER_VERSION = "NEWER_VERSION"
    OK = "OK"
    UNUSUAL_VOLUME = "UNUSUAL_VOLUME"
    WITHIN_LAG = "WITHIN_LAG"
    WAIVED = "WAIVED"
    BEYOND_UPSTREAM_HISTORY = "BEYOND_UPSTREAM_HISTORY"
    BAD_WAIVER = "BAD_WAIVER"


class State(StrEnum):
    """What the lake holds for a partition."""

    ABSENT = "absent"
    UNCOMMITTED = "uncommitted"
    INVALID = "invalid"
    COMPLETE = "complete"


# Codes that say whether a partition is expected. `Partition.lake_code` then has the code of what the lake holds.
EXPECTATION_CODES = (Code.WITHIN_LAG, Code.WAIVED, Code.BEYOND_UPSTREAM_HISTORY, Code.BAD_WAIVER)

# Every other code belongs to INVALID.
_STATES = {
    Code.MISSING: State.ABSENT,
    **dict.fromkeys(EXPECTATION_CODES, State.ABSENT),
    Code.NO_MARKER: State.UNCOMMITTED,
    Code.STILL_WRITING: State.UNCOMMITTED,
    Code.OK: State.COMPLETE,
    Code.UNUSUAL_VOLUME: State.COMPLETE,
}


@dataclass(frozen=True, slots=True)
class PartInfo:
    """A part as a manifest or a listing names it; `checksum` is `sha256:…`, `etag` is the store's version."""

    name: str
    size: int
    checksum: str | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a writer recorded about the partition that it committed.

    Attributes:
        day: the UTC day.
        run_id: unique to the commit.
        parts: the data objects, in order.
        rows: of all parts; None when the writer did not count them.
        columns: of the parts, in order; empty when unknown.
        volume: the day's sum of the dataset's volume column.
        measured: facts that the run recorded: requests, retries, seconds, sources.
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
        """Return the bytes of the marker."""
        document = {
            "version": MANIFEST_VERSION,
            "day": key_text(self.day),
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
class PartitionData:
    """The data of a partition, as its adapter knows them from metadata or has read them.

    Attributes:
        parts: the committed data objects.
        rows: the number of rows of all parts, if known.
        volume: the sum of the dataset's volume column, if known.
    """

    parts: tuple[PartInfo, ...] = ()
    rows: int | None = None
    volume: int | None = None


NO_DATA = PartitionData()


@dataclass(frozen=True, slots=True)
class Partition:
    """What the lake holds for one partition key, and why it counts or does not.

    Attributes:
        day: the partition key.
        code: stable reason for programs.
        reason: the code as a sentence, in one line without control characters.
        data: its parts, rows and volume.
        fingerprint: a digest of the manifest, or of the names, sizes and ETags of the parts; None when not committed.
        manifest: the manifest of our writer; None for the markers of others.
        newest_write: when the youngest object of an uncommitted partition was written, UTC.
        lake_code: the code of what the lake holds, when `code` is one of `EXPECTATION_CODES`.

    Raises:
        ValueError: there is a `lake_code` beside a code that is not about the expectation.
    """

    day: dt.date
    code: Code
    reason: str
    data: PartitionData = NO_DATA
    fingerprint: str | None = None
    manifest: Manifest | None = None
    newest_write: dt.datetime | None = None
    lake_code: Code | None = None

    def __post_init__(self) -> None:
        if self.lake_code is not None and self.code not in EXPECTATION_CODES:
            message = f"{self.code} says what the lake holds, so there is no other code for it"
            raise ValueError(message)
        if not self.reason.isprintable():
            # A reason may contain the name of a foreign object, and a line break in it would forge a line of a report.
            object.__setattr__(self, "reason", one_line(self.reason, len(self.reason)))

    @property
    def state(self) -> State:
        """What the lake holds; follows from the code."""
        return _STATES.get(self.lake_code or self.code, State.INVALID)

    @property
    def available(self) -> bool:
        """Whether the data of the partition can be used."""
        return self.state is State.COMPLETE

    @property
    def parts(self) -> tuple[PartInfo, ...]:
        """The committed data objects."""
        return self.data.parts

    @property
    def rows(self) -> int | None:
        """The number of rows of all parts, if known."""
        return self.data.rows

    @property
    def volume(self) -> int | None:
        """The sum of the dataset's volume column, if known."""
        return self.data.volume

    def with_counts(self, rows: int | None, volume: int | None) -> Partition:
        """Return a copy with the number of rows and the volume that were read."""
        return replace(self, data=PartitionData(self.parts, rows, volume))

    def with_expectation(self, code: Code, reason: str) -> Partition:
        """Return a copy whose code says why the partition is not expected, or that its waiver cannot be read; its state stays."""
        return replace(self, code=code, reason=reason, lake_code=self.lake_code or self.code)

    def to_json(self) -> dict[str, object]:
        """Return the partition as `check --json` lists it."""
        return {
            "day": key_text(self.day),
            "state": self.state.value,
            "code": self.code.value,
            "reason": self.reason,
            "rows": self.rows,
            "fingerprint": self.fingerprint,
        }


def verdict(day: dt.date, code: Code, reason: str, base: Partition | None = None) -> Partition:
    """Return a partition with this code; all other attributes come from `base`."""
    if base is None:
        return Partition(day, code, reason)
    return replace(base, code=code, reason=reason)


def rows_text(rows: int | None) -> str:
    """Return a number of rows as text."""
    return "rows not counted" if rows is None else f"{rows:,} row" + ("s" if rows != 1 else "")
