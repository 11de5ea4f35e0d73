"""Sort the objects of a partition that any writer wrote: data files, temporary files, and files of other kinds."""

from __future__ import annotations

import fnmatch
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.manifest_document import MARKER, is_auxiliary
from smart_orchestrator.model.partition import PartInfo

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.store.base import ObjectInfo

# Folders of jobs that have not committed their files: those of Hadoop, of its S3A committers, and of Hive.
_JOB_FOLDERS = ("_temporary", "__magic", ".hive-staging")
# Files that writers leave beside complete data.
_USUAL = (MARKER, "_metadata", "_common_metadata")
_FOLDER_MARKER = "_$folder$"
_ENDINGS = {
    "parquet": (".parquet", ".parq", ".pq"),
    "csv": (".csv", ".tsv", ".txt", ".csv.gz", ".csv.bz2", ".csv.zst"),
    "raw": ("",),
}


@dataclass(frozen=True, slots=True)
class DataFiles:
    """The objects of a partition, each by its name below the partition's folder.

    Attributes:
        data: data files, in the folder itself and in the folders below it.
        temporary: hidden and temporary files.
        unfinished: files of jobs that have not committed.
        other: files that are neither data nor temporary.
        marker: `_SUCCESS`, if there is one.
    """

    data: Mapping[str, ObjectInfo]
    temporary: Mapping[str, ObjectInfo]
    unfinished: Mapping[str, ObjectInfo]
    other: Mapping[str, ObjectInfo]
    marker: ObjectInfo | None

    @classmethod
    def of(cls, dataset: Dataset, folder: str, objects: Iterable[ObjectInfo]) -> DataFiles:
        """The files of the partition at `folder`."""
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
    def written(self) -> Sequence[dt.datetime]:
        """When each file was written."""
        groups = (self.data, self.temporary, self.unfinished, self.other)
        return [info.modified for group in groups for info in group.values()]

    @property
    def not_read(self) -> list[str]:
        """Names of the files that are not read, other than those that writers leave beside complete data."""
        names = [*self.other, *self.temporary, *self.unfinished]
        return sorted(name for name in names if name.rpartition("/")[2] not in _USUAL)

    @property
    def parts(self) -> tuple[PartInfo, ...]:
        """The data files as parts of a partition."""
        return tuple(PartInfo(name, info.size, None, info.etag) for name, info in self.data.items())


def fingerprint_of(parts: Sequence[PartInfo]) -> str:
    """A digest of names, sizes and ETags."""
    return hashlib.sha256(json.dumps([[p.name, p.size, p.etag] for p in parts]).encode()).hexdigest()[:32]


def is_temporary(name: str) -> bool:
    """Whether a file is hidden or temporary; readers of Hadoop skip names that begin with `_` or `.`."""
    hidden = any(level[:1] == "." or (level[:1] == "_" and "=" not in level) for level in name.split("/"))
    return hidden or is_auxiliary(name)


def is_data(dataset: Dataset, name: str) -> bool:
    """Whether a visible file is data: it matches the dataset's glob, or has a usual ending of the format or none."""
    base = name.rpartition("/")[2]
    if dataset.glob is not None:
        return fnmatch.fnmatchcase(name if "/" in dataset.glob else base, dataset.glob)
    return base.startswith("part-") or "." not in base or base.lower().endswith(_ENDINGS[dataset.format])


def _is_unfinished(name: str) -> bool:
    return any(level.startswith(_JOB_FOLDERS) for level in name.split("/")[:-1])


def _without_folders(listed: Mapping[str, ObjectInfo]) -> dict[str, ObjectInfo]:
    """The objects other than the empty ones that stores keep in place of folders."""
    folders = {name[:end] for name in listed for end, letter in enumerate(name) if letter == "/"}
    return {
        name: info
        for name, info in listed.items()
        if name
        and (info.size or (name.rstrip("/") not in folders and not name.endswith(("/", _FOLDER_MARKER))))
    }
