"""The result of the inspection of a partition: a code, a state and a reason.

The code determines the state of a partition. Programs branch on the code, and people read the reason.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from smart_orchestrator.foreign import one_line
from smart_orchestrator.model.grain import key_text

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

MANIFEST_VERSION = 1
# The modules with SHA-256, in the order in which they are tried: Python's own (`_sha2` from 3.12 on, `_sha256` in 3.11), then `hashlib` for a
# Python that was built without them. `hashlib` comes last because it loads OpenSSL, which takes a twentieth of the time of a short command.
# For whole parts, `hashlib` is faster, and `checksum_of` uses it.
_SHA256_MODULES = ("_sha2", "_sha256", "hashlib")


class Code(StrEnum):
    """Why a partition is in its state. The values are stable, because programs branch on them."""

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
    RESTATED = "RESTATED"
    WITHIN_LAG = "WITHIN_LAG"
    WAIVED = "WAIVED"
    BEYOND_UPSTREAM_HISTORY = "BEYOND_UPSTREAM_HISTORY"
    BAD_WAIVER = "BAD_WAIVER"
    NOT_PUBLISHED = "NOT_PUBLISHED"


class State(StrEnum):
    """The state of a partition in the lake."""

    ABSENT = "absent"
    UNCOMMITTED = "uncommitted"
    INVALID = "invalid"
    COMPLETE = "complete"


# These codes say whether a partition is expected, and nothing about its data. For such a code, `Partition.lake_code` describes the data.
EXPECTATION_CODES = (
    Code.WITHIN_LAG,
    Code.WAIVED,
    Code.BEYOND_UPSTREAM_HISTORY,
    Code.BAD_WAIVER,
    Code.NOT_PUBLISHED,
)

# The state for all other codes is INVALID.
_STATES = {
    Code.MISSING: State.ABSENT,
    # For a partition with such a code and without a `lake_code`. It counts as absent.
    **dict.fromkeys(EXPECTATION_CODES, State.ABSENT),
    Code.NO_MARKER: State.UNCOMMITTED,
    Code.STILL_WRITING: State.UNCOMMITTED,
    Code.OK: State.COMPLETE,
    Code.UNUSUAL_VOLUME: State.COMPLETE,
    Code.RESTATED: State.COMPLETE,
}


class PartInfo(NamedTuple):
    """The name, size, checksum (`sha256:…`) and ETag of a part, according to a manifest or a listing."""

    name: str
    size: int
    checksum: str | None = None
    etag: str | None = None


class Manifest(NamedTuple):
    """The record of a commit: the parts of the partition, and facts about them.

    Attributes:
        day: the partition key.
        run_id: the unique id that the writer gave to this commit.
        parts: the data objects, in order.
        rows: the number of rows in all parts; None when the writer did not count the rows.
        columns: the names of the columns, in order; empty when unknown.
        volume: the sum of the dataset's volume column; None for a dataset without a volume column.
        measured: the measurements of the run: requests, retries, seconds, sources.
        written_at: the time of the commit, in UTC.
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
        """Return the manifest as JSON: the content of the marker `_SUCCESS`."""
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


class PartitionData(NamedTuple):
    """Facts about the data of a partition. They come from metadata, or from the data themselves.

    Attributes:
        parts: the committed data objects.
        rows: the number of rows in all parts, if known.
        volume: the sum of the dataset's volume column, if known.
    """

    parts: tuple[PartInfo, ...] = ()
    rows: int | None = None
    volume: int | None = None


NO_DATA = PartitionData()


@dataclass(frozen=True, slots=True)
class Partition:
    """The result of inspecting one partition.

    Attributes:
        day: the partition key.
        code: the reason as a stable code, for programs.
        reason: the reason as a sentence, in one line without control characters.
        data: the parts, the number of rows and the volume.
        fingerprint: a digest that shows a change of the data. The digest of the manifest, or of the names, sizes and ETags of the parts; for
            `sql`, of the number of rows and the largest value of the change column; for `iceberg` and `delta`, of the paths of the data
            files. None for an absent partition, and for most uncommitted ones.
        manifest: the manifest, if the writer of this package wrote the partition; otherwise None.
        newest_write: the time of the newest write to an uncommitted partition, in UTC.
        lake_code: the code for the data in the lake, if `code` is one of `EXPECTATION_CODES`.

    Raises:
        ValueError: `lake_code` is set, but `code` is not one of `EXPECTATION_CODES`.
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
            message = f"{self.code} describes the data in the lake, so there must be no lake_code"
            raise ValueError(message)
        if not self.reason.isprintable():
            # A line break in the name of a foreign object could forge a line of a report.
            object.__setattr__(self, "reason", one_line(self.reason, len(self.reason)))

    @property
    def state(self) -> State:
        """The state of the partition in the lake, as the code determines it."""
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
        """The number of rows in all parts, if known."""
        return self.data.rows

    @property
    def volume(self) -> int | None:
        """The sum of the dataset's volume column, if known."""
        return self.data.volume

    @property
    def content(self) -> str | None:
        """A digest of the columns and the bytes of the parts, which is the same after a rewrite with equal bytes.

        None for a partition without a manifest, or with a part without a checksum. Then only the fingerprint shows a change.
        """
        checksums = [part.checksum for part in self.parts]
        if self.manifest is None or not checksums or None in checksums:
            return None
        return hex_digest(json.dumps([self.manifest.columns, checksums]).encode())

    def with_counts(self, rows: int | None, volume: int | None) -> Partition:
        """Return a copy with this number of rows and this volume."""
        return replace(self, data=PartitionData(self.parts, rows, volume))

    def with_code(self, code: Code, reason: str) -> Partition:
        """Return a copy with this code and reason."""
        return replace(self, code=code, reason=reason)

    def with_expectation(self, code: Code, reason: str) -> Partition:
        """Return a copy with a code from `EXPECTATION_CODES`. The state does not change."""
        return replace(self, code=code, reason=reason, lake_code=self.lake_code or self.code)

    def to_json(self) -> dict[str, object]:
        """Return the partition as a JSON object, for `check --json`."""
        return {
            "day": key_text(self.day),
            "state": self.state.value,
            "code": self.code.value,
            "reason": self.reason,
            "rows": self.rows,
            "fingerprint": self.fingerprint,
        }


def rows_text(rows: int | None) -> str:
    """Format a number of rows."""
    return "rows not counted" if rows is None else f"{rows:,} row" + ("s" if rows != 1 else "")


@cache
def _sha256_module() -> Any:
    for name in _SHA256_MODULES[:-1]:
        with suppress(ImportError):
            return import_module(name)
    return import_module(_SHA256_MODULES[-1])


def hex_digest(data: bytes) -> str:
    """Return the SHA-256 digest of a short text, such as the contents of a fingerprint, as 64 hexadecimal digits."""
    digest: str = _sha256_module().sha256(data).hexdigest()
    return digest
