"""Store the results of rechecks: whether the upstream has changed a key after it landed, and which partitions are restated.

A partition is *restated* when the upstream has changed its key since the partition was written. The store then contains the fingerprint of
the outdated partition. A new partition of the key has another fingerprint, so it is not restated. The store is one JSON object of bounded
size, in the lake of the dataset or in its `recheck_lake`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from smart_orchestrator.foreign import (
    BadDocument,
    integer_field,
    one_line,
    parse_document,
    text_field,
    timestamp_field,
)
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.model.partition import Code
from smart_orchestrator.store.opening import lake_of, open_lake
from smart_orchestrator.upstream.shared_document import SharedDocument, object_key

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.grain import Grain, Key
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.store.base import Lake

MAX_RECHECKS = 400
MAX_BYTES = 1 << 20
_VERSION = 1


class Change(StrEnum):
    """How the data of the upstream differ from those in the lake. The values are stable, because programs branch on them."""

    NONE = "none"
    COSMETIC = "cosmetic"
    MATERIAL = "material"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Recheck:
    """The last recheck of one key.

    Attributes:
        landed_at: the time that counts as the landing of the key.
        age: the newest of the configured times (`Dataset.recheck`, in days after the landing) that was rechecked; 0 for none.
        next_at: the time before which the key is not rechecked again.
        asked_at: the time of the last request; None if there was none, or if it had no answer and need not be repeated.
        change: the result of the last recheck.
        detail: the result as a part of a sentence.
        etag: the ETag of the key's data at the last recheck; empty without one.
        fingerprint: the fingerprint of the restated partition; empty if the partition is not restated.
    """

    landed_at: dt.datetime
    age: int
    next_at: dt.datetime
    asked_at: dt.datetime | None = None
    change: Change = Change.UNKNOWN
    detail: str = ""
    etag: str = ""
    fingerprint: str = ""

    @property
    def had_no_answer(self) -> bool:
        """Whether the upstream was asked, and its response did not show whether the data have changed."""
        return self.asked_at is not None and self.change is Change.UNKNOWN

    def marks_as_restated(self, partition: Partition) -> bool:
        """Return whether this recheck found that the data of a partition, which the lake still has, are outdated."""
        return partition.available and bool(self.fingerprint) and self.fingerprint == partition.fingerprint

    def to_json(self, key: Key) -> dict[str, object]:
        """Return the recheck as a JSON object."""
        return {
            "key": key_text(key),
            "landed_at": self.landed_at.isoformat(),
            "age_days": self.age,
            "asked_at": None if self.asked_at is None else self.asked_at.isoformat(),
            "change": self.change.value,
            "detail": self.detail,
            "etag": self.etag or None,
        }


@dataclass(frozen=True, slots=True)
class RecheckHistory:
    """The content of the stored object: the last recheck of each key."""

    rechecks: Mapping[Key, Recheck] = field(default_factory=dict)

    def with_recheck(self, key: Key, recheck: Recheck) -> RecheckHistory:
        """Return a copy with a new recheck of one key. The newest `MAX_RECHECKS` keys are kept."""
        return RecheckHistory(dict(sorted({**self.rechecks, key: recheck}.items())[-MAX_RECHECKS:]))

    def to_bytes(self) -> bytes:
        """Return the content of the object."""
        items = [
            {
                **recheck.to_json(key),
                "next_at": recheck.next_at.isoformat(),
                "fingerprint": recheck.fingerprint or None,
            }
            for key, recheck in self.rechecks.items()
        ]
        return json.dumps({"version": _VERSION, "rechecks": items}, ensure_ascii=False, indent=1).encode()


def recheck_document(dataset: Dataset, lake: Lake | None = None) -> SharedDocument[RecheckHistory]:
    """Return the stored rechecks of a dataset. `lake` is the open lake of the dataset; by default, this function opens it."""
    if dataset.recheck_lake is not None:
        lake = open_lake(dataset.recheck_lake)
    elif lake is None:
        lake = lake_of(dataset)
    name = object_key(dataset, "rechecks.json", in_dataset=dataset.recheck_lake is None)
    return SharedDocument(lake, name, lambda data: _parse(data, name, dataset.grain), RecheckHistory())


def mark_restated(
    dataset: Dataset, partitions: Sequence[Partition], lake: Lake | None = None
) -> list[Partition]:
    """Return the partitions. A restated partition gets the code `RESTATED`.

    Raises:
        LakeError: the stored rechecks cannot be read.
    """
    if not dataset.recheck or not any(partition.available for partition in partitions):
        return list(partitions)
    known = recheck_document(dataset, lake).read().rechecks
    return [
        partition.with_code(Code.RESTATED, f"the upstream has changed it: {known[partition.day].detail}")
        if partition.day in known and known[partition.day].marks_as_restated(partition)
        else partition
        for partition in partitions
    ]


def is_restated(dataset: Dataset, partition: Partition, lake: Lake | None = None) -> bool:
    """Return whether a partition is restated.

    Raises:
        LakeError: the stored rechecks cannot be read.
    """
    return mark_restated(dataset, [partition], lake)[0].code is Code.RESTATED


def resolve(dataset: Dataset, partition: Partition, lake: Lake | None = None) -> None:
    """Record that a run has succeeded for a restated partition. The partition is then no longer restated.

    This is needed only if the run wrote the same data again. A partition with other data has another fingerprint, so it is not restated.

    Raises:
        LakeError: the stored rechecks cannot be read or written.
    """

    def clear_fingerprint(history: RecheckHistory) -> RecheckHistory | None:
        recheck = history.rechecks.get(partition.day)
        if recheck is None or not recheck.marks_as_restated(partition):
            return None
        return history.with_recheck(partition.day, replace(recheck, fingerprint=""))

    recheck_document(dataset, lake).update(clear_fingerprint)


def _parse(data: bytes, name: str, grain: Grain) -> RecheckHistory:
    """Parse the content of the object.

    Raises:
        BadDocument: the content was written by another program.
    """
    document = parse_document(data, what=name, max_bytes=MAX_BYTES)
    items = document.get("rechecks")
    if not isinstance(items, list):
        raise BadDocument(name, "it has no rechecks")
    try:
        rechecks = dict(_parse_recheck(item, name, grain) for item in items)
    except (ValueError, TypeError, AttributeError) as error:
        raise BadDocument(name, str(error)) from None
    return RecheckHistory(dict(sorted(rechecks.items())[-MAX_RECHECKS:]))


def _parse_recheck(item: Mapping[str, Any], name: str, grain: Grain) -> tuple[Key, Recheck]:
    return grain.parse(text_field(item, "key", what=name)), Recheck(
        landed_at=timestamp_field(item, "landed_at", what=name),
        age=integer_field(item, "age_days", what=name),
        next_at=timestamp_field(item, "next_at", what=name),
        asked_at=timestamp_field(item, "asked_at", what=name) if item.get("asked_at") else None,
        change=Change(text_field(item, "change", what=name)),
        detail=one_line(item.get("detail") or "", 500),
        etag=one_line(item.get("etag") or ""),
        fingerprint=one_line(item.get("fingerprint") or ""),
    )
