"""Classify the objects of a partition of any writer: data files, temporary files and other files."""

from __future__ import annotations

import fnmatch
import json
from typing import TYPE_CHECKING, NamedTuple

from smart_orchestrator.adapters.manifest_document import MARKER, is_auxiliary, is_part
from smart_orchestrator.model.partition import PartInfo, hex_digest

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.store.base import ObjectInfo

# The folders that contain the uncommitted files of a job of Hadoop, of Hadoop's S3A committers, and of Hive.
_JOB_FOLDERS = ("_temporary", "__magic", ".hive-staging")
# The names of files that common writers put beside complete data.
_METADATA_NAMES = (MARKER, "_metadata", "_common_metadata")
# The ending of the empty object that Hadoop's older S3 file systems write for a folder.
_FOLDER_MARKER = "_$folder$"
# The usual file name extensions of each format. The empty extension matches every name.
_EXTENSIONS = {
    "parquet": (".parquet", ".parq", ".pq"),
    "csv": (".csv", ".tsv", ".txt", ".csv.gz", ".csv.bz2", ".csv.zst"),
    "raw": ("",),
}


class DataFiles(NamedTuple):
    """The objects of a partition. Each name is relative to the folder of the partition.

    Attributes:
        data: the data files in the folder and its subfolders, by name.
        temporary: the hidden and temporary files, by name.
        unfinished: the files of jobs that have not committed, by name.
        other: the files that are neither data files nor temporary, by name.
        marker: the object `_SUCCESS`; None if it does not exist.
    """

    data: Mapping[str, ObjectInfo]
    temporary: Mapping[str, ObjectInfo]
    unfinished: Mapping[str, ObjectInfo]
    other: Mapping[str, ObjectInfo]
    marker: ObjectInfo | None

    @classmethod
    def of(cls, dataset: Dataset, folder: str, objects: Iterable[ObjectInfo]) -> DataFiles:
        """Classify the objects of the partition at `folder`."""
        prefix = folder + "/"
        listed = {info.key[len(prefix) :]: info for info in objects if info.key.startswith(prefix)}
        listed = _without_folders(listed)
        unfinished = {name: info for name, info in listed.items() if _is_unfinished(name)}
        temporary = {
            name: info for name, info in listed.items() if name not in unfinished and is_temporary(name)
        }
        visible = {
            name: info for name, info in listed.items() if name not in unfinished and name not in temporary
        }
        data = {name: info for name, info in sorted(visible.items()) if is_data(dataset, name)}
        other = {name: info for name, info in visible.items() if name not in data}
        return cls(data, temporary, unfinished, other, listed.get(MARKER))

    @property
    def write_times(self) -> Sequence[dt.datetime]:
        """The time of the last write of each file."""
        groups = (self.data, self.temporary, self.unfinished, self.other)
        return [info.modified for group in groups for info in group.values()]

    @property
    def ignored_names(self) -> list[str]:
        """The names of the files that a check ignores, without the marker and the usual metadata files."""
        names = [*self.other, *self.temporary, *self.unfinished]
        return sorted(name for name in names if name.rpartition("/")[2] not in _METADATA_NAMES)

    @property
    def parts(self) -> tuple[PartInfo, ...]:
        """The data files as parts of a partition."""
        return tuple(PartInfo(name, info.size, None, info.etag) for name, info in self.data.items())


def fingerprint_of(parts: Sequence[PartInfo]) -> str:
    """Return a digest of the names, sizes and ETags of the parts."""
    return hex_digest(json.dumps([[p.name, p.size, p.etag] for p in parts]).encode())[:32]


def is_temporary(name: str) -> bool:
    """Return whether a file is hidden or temporary.

    Hadoop's readers skip files and folders whose names begin with `_` or `.`. They read a folder such as `_column=value`, because it is a
    partition of Hive.
    """
    hidden = any(level[:1] == "." or (level[:1] == "_" and "=" not in level) for level in name.split("/"))
    return hidden or is_auxiliary(name)


def is_data(dataset: Dataset, name: str) -> bool:
    """Return whether a visible file is a data file.

    The name of a data file matches the glob of the dataset. Without a glob, the name begins with `part-` (see `is_part`), has no
    extension, or has a usual extension of the format.
    """
    base = name.rpartition("/")[2]
    if dataset.glob is not None:
        return fnmatch.fnmatchcase(name if "/" in dataset.glob else base, dataset.glob)
    return is_part(base) or "." not in base or base.lower().endswith(_EXTENSIONS[dataset.format])


def _is_unfinished(name: str) -> bool:
    return any(level.startswith(_JOB_FOLDERS) for level in name.split("/")[:-1])


def _without_folders(listed: Mapping[str, ObjectInfo]) -> dict[str, ObjectInfo]:
    """Return all objects except the empty ones that represent folders in some stores."""
    folders = {name[:end] for name in listed for end, letter in enumerate(name) if letter == "/"}
    return {
        name: info
        for name, info in listed.items()
        if name
        and (info.size or (name.rstrip("/") not in folders and not name.endswith(("/", _FOLDER_MARKER))))
    }
