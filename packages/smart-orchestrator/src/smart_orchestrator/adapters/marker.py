"""Inspect a partition that its writer commits with a marker, the object `_SUCCESS`.

Spark writes an empty marker; other writers write a line break. Hadoop's S3A committers and the writer of this package write a
JSON document with the names of the committed files. The adapter `marker` reads data files in the same way as the adapter `files`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.files import FilesAdapter
from smart_orchestrator.adapters.layout import names_text
from smart_orchestrator.adapters.manifest_document import MARKER, parse_foreign_marker, parse_manifest
from smart_orchestrator.errors import ObjectMissing
from smart_orchestrator.foreign import MAX_BYTES
from smart_orchestrator.model.partition import Code, Manifest, verdict

if TYPE_CHECKING:
    import datetime as dt

    from smart_orchestrator.adapters.data_files import DataFiles
    from smart_orchestrator.adapters.manifest import InspectOptions
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.store.base import ObjectInfo


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
            return verdict(key, Code.BAD_MANIFEST, f"{MARKER} has more than {MAX_BYTES:,} bytes")
        if files.marker.irregular:
            return verdict(key, Code.UNREADABLE, f"{MARKER} is {files.marker.irregular}")
        try:
            file_names = self._named_files(key, files.marker)
        except ObjectMissing:
            return verdict(key, Code.STILL_WRITING, f"{MARKER} was removed while it was read")
        missing = sorted(file_names - {name.rpartition("/")[2] for name in files.data})
        if missing:
            reason = f"{MARKER} names {names_text(missing)}, but the partition does not contain it"
            return verdict(key, Code.PART_GONE, reason)
        return self.inspect_data(key, files, options)

    def _without_marker(self, key: dt.date, files: DataFiles, options: InspectOptions) -> Partition:
        partition = self._uncommitted(key, files, options)
        if partition is not None:
            return partition
        newest = max(files.written)
        reason = f"data files without {MARKER}: a writer stopped half-way on {newest:%Y-%m-%d %H:%M} UTC"
        return replace(verdict(key, Code.NO_MARKER, reason), newest_write=newest)

    def _named_files(self, key: dt.date, marker: ObjectInfo) -> set[str]:
        """Return the names of the files in the marker; an empty set if the marker has no names.

        Raises:
            ObjectMissing: the marker does not exist any more.
            LakeError: the lake does not answer, or refuses access.
        """
        data = self.lake.get(marker.key)[0] if marker.size else b""
        names = parse_foreign_marker(data)
        if names is not None:
            return set(names)
        manifest = parse_manifest(key, data)
        return {part.name for part in manifest.parts} if isinstance(manifest, Manifest) else set()
