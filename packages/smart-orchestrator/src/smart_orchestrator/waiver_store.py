"""Waivers: recorded statements that a partition will never come, kept in the lake for all who check it.

A waiver is one small object under `_waived/` beside the partitions, created only if it is absent: no waiver overwrites another.
A waived partition is not expected. When its data arrive after all, it counts again.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.errors import ObjectConflict, ObjectMissing, WaiverError

if TYPE_CHECKING:
    from collections.abc import Collection

    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.store.base import Lake

FOLDER = "_waived"


@dataclass(frozen=True, slots=True)
class Waiver:
    """A statement that a partition will never come.

    Attributes:
        day: the UTC day.
        reason: why it will never come.
        by: the author; empty when unknown.
        until: the last as-of day on which the waiver holds; None when it does not expire.
        waived_at: UTC.
    """

    day: dt.date
    reason: str
    by: str
    until: dt.date | None
    waived_at: dt.datetime

    def holds(self, as_of: dt.date) -> bool:
        """Whether the day is waived on `as_of`."""
        return self.until is None or as_of <= self.until

    def to_json(self) -> dict[str, object]:
        """The waiver as it is stored and listed."""
        return {
            "day": self.day.isoformat(),
            "reason": self.reason,
            "by": self.by,
            "until": self.until.isoformat() if self.until else None,
            "waived_at": self.waived_at.isoformat(),
        }


def waive(dataset: DailyDataset, lake: Lake, waiver: Waiver) -> None:
    """Record a waiver.

    Raises:
        WaiverError: the day is waived already, or the reason is empty.
        LakeError: the lake does not answer or refuses.
    """
    if not waiver.reason.strip():
        raise WaiverError(waiver.day, "a waiver needs a reason", 'Say why with --reason "…".')
    data = json.dumps(waiver.to_json(), ensure_ascii=False, indent=1).encode()
    try:
        lake.put_if(_key(dataset, waiver.day), data, None)
    except ObjectConflict:
        raise WaiverError(
            waiver.day, "it is waived already", "List the waivers, and take the old one back first."
        ) from None


def unwaive(dataset: DailyDataset, lake: Lake, day: dt.date) -> None:
    """Remove a waiver.

    Raises:
        WaiverError: the day is not waived.
        LakeError: the lake does not answer or refuses.
    """
    try:
        lake.get(_key(dataset, day))
    except ObjectMissing:
        raise WaiverError(day, "it is not waived", "List the waivers to see which days are.") from None
    lake.delete([_key(dataset, day)])


def waivers(
    dataset: DailyDataset, lake: Lake, days: Collection[dt.date] | None = None
) -> dict[dt.date, Waiver]:
    """The waivers of these days (default: all), by day: one listing, and one small read per waiver.

    Raises:
        WaiverError: a waiver cannot be read.
        LakeError: the lake does not answer or refuses.
    """
    waived: dict[dt.date, Waiver] = {}
    for info in lake.list(_folder(dataset)):
        name = info.key.rpartition("/")[2].removesuffix(".json")
        try:
            day = dt.date.fromisoformat(name)
        except ValueError:
            continue
        if days is None or day in days:
            waiver = _read(dataset, lake, day)
            if waiver is not None:
                waived[day] = waiver
    return dict(sorted(waived.items()))


def _folder(dataset: DailyDataset) -> str:
    return f"{dataset.folder}/{FOLDER}" if dataset.folder else FOLDER


def _key(dataset: DailyDataset, day: dt.date) -> str:
    return f"{_folder(dataset)}/{day.isoformat()}.json"


def _read(dataset: DailyDataset, lake: Lake, day: dt.date) -> Waiver | None:
    try:
        data, _ = lake.get(_key(dataset, day))
    except ObjectMissing:
        return None
    try:
        document = json.loads(data)
        until = document.get("until")
        return Waiver(
            day=day,
            reason=str(document["reason"]),
            by=str(document.get("by") or ""),
            until=dt.date.fromisoformat(until) if until else None,
            waived_at=dt.datetime.fromisoformat(document["waived_at"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise WaiverError(
            day,
            f"{_key(dataset, day)} is not a waiver ({error})",
            "Remove the object, and waive the day again.",
        ) from None
