"""Inspect a partition that its writer commits with a marker, the object `_SUCCESS`.

Spark writes an empty marker; other writers write a line break. Hadoop's S3A committers and the writer of this package write a
JSON document with the names of the committed files. The adapter `marker` reads data files in the same way as the adapter `files`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.files import FilesAdapter
from smart_orchestrator.adapters.layout import names_text
from smart_orchestrator.adapters.manifest_document import (
    MARKER,
    parse_foreign_marker,
    parse_manifest,
    reports_failure,
)
from smart_orchestrator.errors import ObjectMissing
from smart_orchestrator.foreign import MAX_BYTES
from smart_orchestrator.model.partition import Code, Manifest, Partition

if TYPE_CHECKING:
    import datetime as dt

    from smart_orchestrator.adapters.data_files import DataFiles
    from smart_orchestrator.adapters.manifest import InspectOptions


class MarkerAdapter(FilesAdapter):
    """An adapter for partitions of any writer that writes a marker."""

    def inspect_files(self, key: dt.date, files: DataFiles, options: InspectOptions) -> Partition:
        """Inspect a partition with these files.

        Raises:
            LakeError: the lake does not respond, or refuses the request.
        """
        if files.marker is None:
            return self._without_marker(key, files, options)
        if files.marker.size > MAX_BYTES:
            return Partition(key, Code.BAD_MANIFEST, f"{MARKER} has more than {MAX_BYTES:,} bytes")
        if files.marker.irregular:
            return Partition(key, Code.UNREADABLE, f"{MARKER} is {files.marker.irregular}")
        try:
            data = self.lake.get(files.marker.key)[0] if files.marker.size else b""
        except ObjectMissing:
            return Partition(key, Code.STILL_WRITING, f"{MARKER} was removed while it was read")
        if reports_failure(data):
            return Partition(key, Code.BAD_MANIFEST, f"{MARKER} says that the job that wrote it failed")
        file_names = _named_files(key, data)
        missing = sorted(file_names - {name.rpartition("/")[2] for name in files.data})
        if missing:
            reason = f"{MARKER} names {names_text(missing)}, but the partition does not contain it"
            return Partition(key, Code.PART_GONE, reason)
        return self.inspect_data(key, files, options)

    def _without_marker(self, key: dt.date, files: DataFiles, options: InspectOptions) -> Partition:
        partition = self._uncommitted(key, files, options)
        if partition is not None:
            return partition
        newest = max(files.write_times)
        reason = f"data files without {MARKER}: a writer stopped half-way on {newest:%Y-%m-%d %H:%M} UTC"
        return replace(Partition(key, Code.NO_MARKER, reason), newest_write=newest)


def _named_files(key: dt.date, data: bytes) -> set[str]:
    """Return the names of the files in the bytes of a marker; an empty set if the marker has no names."""
    names = parse_foreign_marker(data)
    if names is not None:
        return set(names)
    manifest = parse_manifest(key, data)
    return {part.name for part in manifest.parts} if isinstance(manifest, Manifest) else set()
