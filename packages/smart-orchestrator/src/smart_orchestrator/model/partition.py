"""What the lake holds for one partition key, and the reason: plain values.

A partition's state follows from its code. Programs branch on the code, people read the reason.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

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


_STATES = {
    Code.MISSING: State.ABSENT,
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
        """The bytes of the marker."""
        document = {
            "version": MANIFEST_VERSION,
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
    """What the lake holds for one partition key, and why it counts or does not.

    Attributes:
        day: the UTC day.
        state: see `State`.
        code: stable reason for programs.
        reason: the code as a sentence.
        rows: of the committed parts, if known.
        volume: the day's sum of the dataset's volume column, if known.
        fingerprint: digest of the manifest (of part names, sizes and ETags for Spark's); None when not committed.
        parts: the committed data objects.
        manifest: of our writer; None for the markers of others.
        newest_write: when the youngest object of an uncommitted partition was written, UTC.
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
        """Whether the partition can be used."""
        return self.state is State.COMPLETE

    def to_json(self) -> dict[str, object]:
        """The partition as `check --json` lists it."""
        return {
            "day": key_text(self.day),
            "state": self.state.value,
            "code": self.code.value,
            "reason": self.reason,
            "rows": self.rows,
            "fingerprint": self.fingerprint,
        }


def verdict(day: dt.date, code: Code, reason: str, base: Partition | None = None) -> Partition:
    """A partition with the state that belongs to `code`; all other attributes come from `base`."""
    state = _STATES.get(code, State.INVALID)
    if base is None:
        return Partition(day, state, code, reason)
    return replace(base, state=state, code=code, reason=reason)


def rows_text(rows: int | None) -> str:
    """A number of rows as text."""
    return "rows not counted" if rows is None else f"{rows:,} row" + ("s" if rows != 1 else "")
