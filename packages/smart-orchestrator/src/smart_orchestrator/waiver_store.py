"""Store waivers in the lake. A waiver states that a partition will never come. It applies to every check of the dataset.

A waiver is a small object under `_waived/` beside the partitions. A waiver never overwrites another waiver. A waived partition
is not expected. If the data of a waived partition arrive later, the partition counts as expected again. A *day* stands for a key of any
grain.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.errors import ObjectConflict, ObjectMissing, ObjectUnusable, WaiverError, WindowError
from smart_orchestrator.foreign import (
    BadDocument,
    date_field,
    one_line,
    parse_document,
    text_field,
    timestamp_field,
)
from smart_orchestrator.model.grain import key_text, parse_key
from smart_orchestrator.model.window import parse_day

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection

    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.store.base import Lake, ObjectInfo

FOLDER = "_waived"
MAX_REASON_LENGTH = 500
MAX_AUTHOR_LENGTH = 200
MAX_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Waiver:
    """A statement that a partition will never come.

    Attributes:
        day: the key of the partition.
        reason: why the partition will never come.
        by: the author of the waiver; empty when unknown.
        until: the last as-of day on which the waiver is valid; None for a waiver without an end.
        waived_at: the time at which the waiver was recorded, in UTC.
        problem: why the stored waiver cannot be read; empty for a readable waiver. An unreadable waiver is never valid.
    """

    day: dt.date
    reason: str
    by: str
    until: dt.date | None
    waived_at: dt.datetime
    problem: str = ""

    def holds(self, as_of: dt.date) -> bool:
        """Return whether the day is waived on `as_of`."""
        # An hour counts as the day that contains the hour.
        return not self.problem and (self.until is None or key_text(as_of)[:10] <= self.until.isoformat())

    def to_json(self) -> dict[str, object]:
        """Return the waiver as a JSON object, for the lake and for `waive --list --json`."""
        problem = {"problem": self.problem} if self.problem else {}
        return {
            "day": key_text(self.day),
            "reason": self.reason,
            "by": self.by,
            "until": self.until.isoformat() if self.until else None,
            "waived_at": self.waived_at.isoformat(),
            **problem,
        }


def parse_until(text: str, today: dt.date) -> dt.date:
    """Parse the last as-of day of a waiver that is about to be recorded.

    Raises:
        WindowError: the text is not a day, or the day is past, so that the waiver would apply to no check.
    """
    until = parse_day(text, "until")
    if until < today:
        raise WindowError("until", until, "is in the past", f"Give {today} or a later day.")
    return until


def waive(dataset: Dataset, lake: Lake, waiver: Waiver) -> None:
    """Record a waiver.

    Raises:
        WaiverError: the day is waived already, or the reason is empty, too long or more than one line.
        LakeError: the lake does not respond, or refuses the request.
    """
    if not waiver.reason.strip():
        raise WaiverError(waiver.day, "a waiver needs a reason", 'Say why with --reason "…".')
    for name, text, limit in (
        ("reason", waiver.reason, MAX_REASON_LENGTH),
        ("by", waiver.by, MAX_AUTHOR_LENGTH),
    ):
        if not text.isprintable():
            raise WaiverError(
                waiver.day, f"{name} holds a line break or a control character", "Write one line."
            )
        if len(text) > limit:
            raise WaiverError(waiver.day, f"{name} is longer than {limit} characters", "Shorten it.")
    data = json.dumps(waiver.to_json(), ensure_ascii=False, indent=1).encode()
    try:
        lake.put_if(_key(dataset, waiver.day), data, None)
    except ObjectConflict:
        raise WaiverError(
            waiver.day,
            "it is already waived",
            "List the waivers with --list, and remove the old one with --remove.",
        ) from None


def unwaive(dataset: Dataset, lake: Lake, day: dt.date) -> None:
    """Remove a waiver.

    Raises:
        WaiverError: the day is not waived.
        LakeError: the lake does not respond, or refuses the request.
    """
    try:
        # The read only finds out whether there is a waiver. A waiver that cannot be read can be removed, too.
        with suppress(ObjectUnusable):
            lake.get(_key(dataset, day))
    except ObjectMissing:
        raise WaiverError(day, "it is not waived", "List the waivers to see which days are.") from None
    lake.delete([_key(dataset, day)])


def waivers(dataset: Dataset, lake: Lake, days: Collection[dt.date] | None = None) -> dict[dt.date, Waiver]:
    """Read the waivers of the given days, by default of all days. This needs one listing, and one small read for each waiver.

    A waiver that cannot be read has a `problem`. Files whose names are not keys are ignored.

    Raises:
        LakeError: the lake does not respond, or refuses the request.
    """
    by_day: dict[dt.date, Waiver] = {}
    for info in lake.list(_folder(dataset)):
        name = info.key.rpartition("/")[2].removesuffix(".json")
        try:
            day = parse_key(name)
        except ValueError:
            continue
        if days is None or day in days:
            waiver = _read(lake, info, day)
            if waiver is not None:
                by_day[day] = waiver
    return dict(sorted(by_day.items()))


def _folder(dataset: Dataset) -> str:
    return f"{dataset.folder}/{FOLDER}" if dataset.folder else FOLDER


def _key(dataset: Dataset, day: dt.date) -> str:
    return f"{_folder(dataset)}/{key_text(day)}.json"


def _read(lake: Lake, info: ObjectInfo, day: dt.date) -> Waiver | None:
    name = info.key.rpartition("/")[2]
    try:
        if info.size > MAX_BYTES:
            raise BadDocument(name, f"{info.size:,} bytes, at most {MAX_BYTES:,} are read")
        data, _ = lake.get(info.key)
        return _parse(day, data, name)
    except ObjectMissing:
        return None
    except (BadDocument, ObjectUnusable) as error:
        return Waiver(
            day, "", "", None, info.modified, problem=f"{info.key} is not a waiver ({error.problem})"
        )


def _parse(day: dt.date, data: bytes, name: str) -> Waiver:
    """Parse a stored waiver, and cut its texts to one line of bounded length.

    Raises:
        BadDocument: `data` is not a waiver of `day`.
    """
    document = parse_document(data, what=name, max_bytes=MAX_BYTES)
    if "day" in document and text_field(document, "day", what=name) != key_text(day):
        raise BadDocument(name, f"it is the waiver of {document['day']}")
    reason = one_line(text_field(document, "reason", what=name), MAX_REASON_LENGTH)
    if not reason:
        raise BadDocument(name, "it has no reason")
    return Waiver(
        day=day,
        reason=reason,
        by=one_line(document.get("by") or "", MAX_AUTHOR_LENGTH),
        until=date_field(document, "until", what=name) if document.get("until") else None,
        waived_at=timestamp_field(document, "waived_at", what=name),
    )
