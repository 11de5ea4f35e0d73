"""Remove the leftovers of killed writers.

A vacuum removes two kinds of objects: parts whose names have the form of this program's writer, if no marker lists them; and the objects below
`_temporary/` of a partition with a marker, because Spark's jobs write there before they commit. A vacuum keeps the parts that a marker lists,
and reports all other objects as foreign. Objects that are not older than `older_than` stay, because their writer may still be running. A
vacuum lists the complete folder of the dataset, so
its cost grows with the lake.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.manifest import Depth, InspectOptions, inspect_listed
from smart_orchestrator.adapters.manifest_document import MARKER
from smart_orchestrator.errors import VacuumRefused
from smart_orchestrator.store.opening import lake_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.store.base import Lake, ObjectInfo

DEFAULT_AGE = dt.timedelta(days=1)
TEMPORARY_FOLDER = "_temporary/"


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """The objects that a vacuum has removed or, in a dry run, would remove.

    Attributes:
        keys: the keys of the objects, in order.
        size: the total size of the objects in bytes.
        dry_run: whether the objects were only listed and not removed.
        foreign: the keys of all other objects, except markers and the objects that markers name. If a marker cannot be read, all objects of
            its partition are foreign. A vacuum never removes foreign objects.
        manifests: the number of partitions with a manifest of this program.
    """

    keys: tuple[str, ...]
    size: int
    dry_run: bool
    foreign: tuple[str, ...] = ()
    manifests: int = 0

    def to_json(self) -> dict[str, object]:
        """Return the JSON document that `vacuum --json` prints."""
        return {
            "removed": list(self.keys),
            "bytes": self.size,
            "dry_run": self.dry_run,
            "foreign": list(self.foreign),
        }


def vacuum(
    dataset: Dataset,
    *,
    older_than: dt.timedelta = DEFAULT_AGE,
    dry_run: bool = False,
    lake: Lake | None = None,
    now: dt.datetime | None = None,
) -> Vacuumed:
    """Remove the leftovers that are older than `older_than` from the dataset's partitions.

    Raises:
        ValueError: `older_than` is negative.
        VacuumRefused: the dataset has objects but no manifest of this program, and `dry_run` is false.
        LakeError: the lake does not respond, or refuses a request.
    """
    lake = lake or lake_of(dataset)
    leftovers = find_leftovers(dataset, older_than=older_than, lake=lake, now=now)
    if dry_run:
        return leftovers
    refuse_unmarked(lake.url, [leftovers])
    return remove_leftovers(lake, leftovers)


def find_leftovers(
    dataset: Dataset,
    *,
    older_than: dt.timedelta = DEFAULT_AGE,
    lake: Lake | None = None,
    now: dt.datetime | None = None,
) -> Vacuumed:
    """List the leftovers and the foreign objects of a dataset, and remove nothing.

    Raises:
        ValueError: `older_than` is negative.
        LakeError: the lake does not respond, or refuses a request.
    """
    if older_than < dt.timedelta(0):
        message = f"older_than must not be negative, not {older_than}"
        raise ValueError(message)
    lake = lake or lake_of(dataset)
    now = now or dt.datetime.now(tz=dt.UTC)
    leftovers: list[ObjectInfo] = []
    foreign: list[str] = []
    manifests = 0
    for day, objects in _objects_by_day(dataset, lake):
        partition = inspect_listed(
            dataset, day, objects, lake=lake, options=InspectOptions(depth=Depth.METADATA)
        )
        manifests += partition.manifest is not None
        removable = _removable(dataset, partition, objects)
        kept = _keys_to_keep(dataset, partition)
        leftovers += [info for info in objects if info.key in removable and now - info.modified > older_than]
        foreign += [info.key for info in objects if info.key not in removable | kept]
    return Vacuumed(
        tuple(info.key for info in leftovers),
        sum(info.size for info in leftovers),
        dry_run=True,
        foreign=tuple(foreign),
        manifests=manifests,
    )


def refuse_unmarked(lake_url: str, leftovers: Sequence[Vacuumed]) -> None:
    """Refuse to vacuum a lake without a manifest of this program, because all its objects may belong to another program.

    Raises:
        VacuumRefused: the lake has objects and no manifest of this program.
    """
    objects = sum(len(listed.keys) + len(listed.foreign) for listed in leftovers)
    if objects and not any(listed.manifests for listed in leftovers):
        raise VacuumRefused(lake_url, objects)


def remove_leftovers(lake: Lake, leftovers: Vacuumed) -> Vacuumed:
    """Remove the objects that `find_leftovers` listed.

    Raises:
        LakeError: the lake does not respond, or refuses a request.
    """
    lake.delete(leftovers.keys)
    return replace(leftovers, dry_run=False)


def _objects_by_day(dataset: Dataset, lake: Lake) -> Iterator[tuple[dt.date, list[ObjectInfo]]]:
    """Yield each day of the dataset that has objects, oldest first, and the objects in the folder of the day at any depth."""
    depth = dataset.key_format.count("/") + 1  # the number of folder levels in the path of a partition
    days: dict[dt.date, list[ObjectInfo]] = {}
    for info in lake.list(dataset.folder):
        levels = info.key.split("/")
        day = dataset.day("/".join(levels[:depth])) if len(levels) > depth else None
        if day is not None:
            days.setdefault(day, []).append(info)
    yield from sorted(days.items())


def _removable(dataset: Dataset, partition: Partition, objects: Sequence[ObjectInfo]) -> set[str]:
    """Return the keys of this program's parts that no marker names. If there is a marker, also return the keys below `_temporary/`."""
    folder = dataset.key(partition.day) + "/"
    has_marker = any(info.key == folder + MARKER for info in objects)
    if has_marker and partition.manifest is None and not partition.parts:
        return set()  # A marker that cannot be read may name any object.
    own_part = re.compile(rf"part-[0-9]{{5}}-[0-9a-f]{{32}}{re.escape(dataset.suffix)}")
    committed = {part.name for part in partition.parts}
    names = {info.key.removeprefix(folder) for info in objects if not info.irregular}
    return {
        folder + name
        for name in names
        if (own_part.fullmatch(name) and name not in committed)
        or (has_marker and name.startswith(TEMPORARY_FOLDER))
    }


def _keys_to_keep(dataset: Dataset, partition: Partition) -> set[str]:
    """Return the keys of the marker and of the parts that the marker names; none if the marker cannot be read."""
    if partition.manifest is None and not partition.parts:
        return set()
    folder = dataset.key(partition.day)
    return {f"{folder}/{MARKER}", *(f"{folder}/{part.name}" for part in partition.parts)}
