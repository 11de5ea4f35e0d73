"""Classify the objects in the folder of a partition by their names: marker, parts and other objects."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from smart_orchestrator.adapters.manifest_document import MARKER, is_part
from smart_orchestrator.foreign import one_line
from smart_orchestrator.store.base import ObjectInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.store.base import Lake

# The largest number of names in a reason.
_FIRST_FEW = 3
# The time of an object that was found without a listing.
_NO_TIME = dt.datetime.fromtimestamp(0, dt.UTC)


class Layout(NamedTuple):
    """The objects of a partition, classified by their names.

    Attributes:
        marker: the object `_SUCCESS`; None if it does not exist.
        parts: the data files in the folder itself, by name.
        nested: the data files in subfolders, by name; Spark's `partitionBy` writes such files.
        others: the names of all other files that are neither hidden nor empty: copies, temporary files, files of other tools.
        write_times: the time of the last write of each object whose name does not begin with a dot.
    """

    marker: ObjectInfo | None
    parts: Mapping[str, ObjectInfo]
    nested: Mapping[str, ObjectInfo]
    others: Sequence[str]
    write_times: Sequence[dt.datetime]

    @classmethod
    def of(cls, path: str, objects: Iterable[ObjectInfo]) -> Layout:
        """Classify the objects of the partition whose folder has this path in the lake."""
        folder = path + "/"
        listed = {info.key.removeprefix(folder): info for info in objects if info.key.startswith(folder)}
        listed = {name: info for name, info in listed.items() if name and not name.startswith(".")}
        visible = {name: info for name, info in listed.items() if not _is_hidden(name)}
        parts = {name: info for name, info in visible.items() if is_part(name)}
        nested = {
            name: info for name, info in visible.items() if "/" in name and is_part(name.rpartition("/")[2])
        }
        # Some stores represent a folder as an empty object with the name of the folder.
        others = [
            name for name, info in visible.items() if name not in parts and name not in nested and info.size
        ]
        return cls(
            marker=listed.get(MARKER),
            parts=parts,
            nested=nested,
            others=others,
            write_times=[info.modified for info in listed.values()],
        )


def list_partition(dataset: Dataset, day: dt.date, lake: Lake) -> list[ObjectInfo]:
    """List the objects of a partition. If its folder is empty, but a file has the path of the folder, return this file.

    Raises:
        LakeError: the lake cannot be listed.
    """
    path = dataset.key(day)
    objects = lake.list(path)
    if not objects and lake.has_object(path):
        return [ObjectInfo(path, size=0, etag=None, modified=_NO_TIME)]
    return objects


def names_text(names: Sequence[str]) -> str:
    """Join the first few names to a text for `Partition.reason`."""
    text = ", ".join(one_line(name, 80) for name in sorted(names)[:_FIRST_FEW])
    more = len(names) - _FIRST_FEW
    return f"{text} and {more:,} more" if more > 0 else text


def _is_hidden(name: str) -> bool:
    """Return whether Hadoop's readers skip a file: a level of its name begins with `.`, or with `_` and has no `=`."""
    return any(level[:1] == "." or (level[:1] == "_" and "=" not in level) for level in name.split("/"))
