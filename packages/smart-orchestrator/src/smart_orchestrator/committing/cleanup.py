"""Remove the parts and temporary files that a killed writer left and no manifest names.

Parts that a marker names stay, and so does every object younger than `older_than`, since a writer may still be at work. The
dataset's complete folder is listed: the cost of a vacuum grows with the lake.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.manifest import InspectOptions, inspect_listed
from smart_orchestrator.adapters.manifest_document import MARKER
from smart_orchestrator.store.opening import lake_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.store.base import Lake, ObjectInfo

DEFAULT_AGE = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """The objects that a vacuum removed, or would have removed.

    Attributes:
        keys: the objects, in order.
        size: of all of them in bytes.
        dry_run: nothing was removed.
    """

    keys: tuple[str, ...]
    size: int
    dry_run: bool

    def to_json(self) -> dict[str, object]:
        """The document that `vacuum --json` prints."""
        return {"removed": list(self.keys), "bytes": self.size, "dry_run": self.dry_run}


def vacuum(
    dataset: DailyDataset,
    *,
    older_than: dt.timedelta = DEFAULT_AGE,
    dry_run: bool = False,
    lake: Lake | None = None,
    now: dt.datetime | None = None,
) -> Vacuumed:
    """Remove every object of the dataset's partitions that no marker names and that is older than `older_than`.

    Raises:
        LakeError: the lake does not answer or refuses.
    """
    lake = lake or lake_of(dataset)
    now = now or dt.datetime.now(tz=dt.UTC)
    leftovers: list[ObjectInfo] = []
    for day, objects in _objects_by_day(dataset, lake):
        named = _keys_to_keep(dataset, day, objects, lake)
        if named is not None:
            leftovers += [
                info for info in objects if info.key not in named and now - info.modified > older_than
            ]
    if not dry_run:
        lake.delete([info.key for info in leftovers])
    return Vacuumed(tuple(info.key for info in leftovers), sum(info.size for info in leftovers), dry_run)


def _objects_by_day(dataset: DailyDataset, lake: Lake) -> Iterator[tuple[dt.date, list[ObjectInfo]]]:
    depth = dataset.key_format.count("/") + 1
    days: dict[dt.date, list[ObjectInfo]] = {}
    for info in lake.list(dataset.folder):
        levels = info.key.split("/")
        day = dataset.day("/".join(levels[:depth])) if len(levels) > depth else None
        if day is not None:
            days.setdefault(day, []).append(info)
    yield from sorted(days.items())


def _keys_to_keep(
    dataset: DailyDataset, day: dt.date, objects: Sequence[ObjectInfo], lake: Lake
) -> set[str] | None:
    """The keys that must stay; None when the marker cannot be understood, and the complete partition must stay."""
    folder = dataset.key(day)
    marker = f"{folder}/{MARKER}"
    if not any(info.key == marker for info in objects):
        return set()
    partition = inspect_listed(dataset, day, objects, lake=lake, look=InspectOptions(shallow=True))
    if partition.manifest is None and not partition.parts:
        return None
    return {marker, *(f"{folder}/{part.name}" for part in partition.parts)}
