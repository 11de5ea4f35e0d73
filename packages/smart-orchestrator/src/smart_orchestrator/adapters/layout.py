"""Sort the objects of a partition's folder by their names: the marker, the parts, and what lies beside them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.manifest_document import MARKER, is_part
from smart_orchestrator.foreign import one_line
from smart_orchestrator.store.base import ObjectInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.store.base import Lake

# Names that a reason lists.
_FIRST_FEW = 3
_NO_TIME = dt.datetime.fromtimestamp(0, dt.UTC)


@dataclass(frozen=True, slots=True)
class Layout:
    """The objects of a partition.

    Attributes:
        marker: `_SUCCESS`, if there is one.
        parts: data in the folder itself, by name.
        nested: data in folders below it, as `partitionBy` of Spark writes them.
        others: names that are neither data nor hidden: copies, temporary files, files of other tools.
        written: when each object was written, other than those whose names begin with a dot.
    """

    marker: ObjectInfo | None
    parts: Mapping[str, ObjectInfo]
    nested: Mapping[str, ObjectInfo]
    others: Sequence[str]
    written: Sequence[dt.datetime]

    @classmethod
    def of(cls, key: str, objects: Iterable[ObjectInfo]) -> Layout:
        """The layout of the partition at `key`."""
        folder = key + "/"
        listed = {info.key.removeprefix(folder): info for info in objects if info.key.startswith(folder)}
        listed = {name: info for name, info in listed.items() if name and not name.startswith(".")}
        visible = {name: info for name, info in listed.items() if not _is_hidden(name)}
        parts = {name: info for name, info in visible.items() if is_part(name)}
        nested = {
            name: info for name, info in visible.items() if "/" in name and is_part(name.rpartition("/")[2])
        }
        # Stores keep a folder as an empty object of its name.
        others = [
            name for name, info in visible.items() if name not in parts and name not in nested and info.size
        ]
        return cls(
            marker=listed.get(MARKER),
            parts=parts,
            nested=nested,
            others=others,
            written=[info.modified for info in listed.values()],
        )


def list_partition(dataset: Dataset, day: dt.date, lake: Lake) -> list[ObjectInfo]:
    """The objects of a partition; the object at its key itself only where there is nothing below.

    Raises:
        LakeError: the lake cannot be listed.
    """
    key = dataset.key(day)
    objects = lake.list(key)
    if not objects and lake.has_object(key):
        return [ObjectInfo(key, 0, None, _NO_TIME)]
    return objects


def names_text(names: Sequence[str]) -> str:
    """The first few names, as text for a reason."""
    shown = ", ".join(one_line(name, 80) for name in sorted(names)[:_FIRST_FEW])
    more = len(names) - _FIRST_FEW
    return f"{shown} and {more:,} more" if more > 0 else shown


def _is_hidden(name: str) -> bool:
    """Whether readers of Hadoop skip the name: `_` and `.` begin names that are not data, other than `_column=value`."""
    return any(level[:1] == "." or (level[:1] == "_" and "=" not in level) for level in name.split("/"))
