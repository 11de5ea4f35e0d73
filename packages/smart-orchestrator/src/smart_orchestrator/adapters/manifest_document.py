"""Parse the marker of a committed partition: a manifest of this package, or the marker of another writer.

The marker `_SUCCESS` of the writer of this package contains a `Manifest` as JSON. For an invalid manifest, `parse_manifest` raises
nothing; it returns an invalid `Partition` with the reason. Spark writes an empty marker, and some tools write one line break. Hadoop's S3A
committers write a JSON document of a different form.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from smart_orchestrator.foreign import (
    MAX_INTEGER,
    BadDocument,
    integer_field,
    parse_document,
    text_field,
    timestamp_field,
)
from smart_orchestrator.model.grain import parse_key
from smart_orchestrator.model.partition import (
    MANIFEST_VERSION,
    Code,
    Manifest,
    PartInfo,
    Partition,
    hex_digest,
)

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

MARKER = "_SUCCESS"
# The field `name` in the marker of Hadoop's S3A committers begins with this text.
_HADOOP = "org.apache.hadoop."
# The endings of file names that are not data: backups, copies, checksums, signatures, and files that are being written.
_AUXILIARY_ENDINGS = (
    *("~", ".bak", ".old", ".orig", ".swo", ".swp", ".lock", ".crc", ".md5", ".sha1", ".sha256", ".sha512"),
    *(".sig", ".asc", "._copying_"),
)
_UNFINISHED_ENDINGS = (
    *(".tmp", ".temp", ".partial", ".part", ".filepart", ".crdownload", ".download", ".aria2", ".wget-tmp"),
    *(".inprogress", ".incomplete", ".writing", ".uploading", ".failed"),
)
# The ending of the name of a copy, such as ` (1).csv`, ` copy 2` or ` - copy.csv`.
_COPY = r" (\(\d+\)|(- )?copy( \d+)?)(\.[^/]*)?$"
# A file is a part only if its name has no extension, or only the extensions of data below. A list of the extensions that are not data
# could not be complete, because every program that copies or edits files adds its own.
_FORMATS = (
    *("csv", "tsv", "psv", "txt", "text", "dat", "data", "json", "jsonl", "ndjson", "xml"),
    *("parquet", "parq", "pq", "orc", "avro", "arrow", "feather"),
)
_COMPRESSIONS = (
    *("gz", "gzip", "bz2", "zst", "zstd", "snappy", "sz", "lz4", "lzo", "br", "deflate", "xz", "zip", "z"),
)
_COPIES_OF_PARTS = ("_copy", "-copy", " (")


def parse_manifest(day: dt.date, data: bytes) -> Manifest | Partition:
    """Parse a marker. Return the manifest, or an invalid partition with the reason why the marker cannot be used."""
    try:
        document = parse_document(data, what=MARKER)
        if document.get("success") is False:
            raise BadDocument(MARKER, "the job that wrote it failed")
        version = integer_field(document, "version", what=MARKER, low=1)
        if version > MANIFEST_VERSION:
            reason = f"the manifest has version {version}, but this program reads version {MANIFEST_VERSION}: upgrade the program"
            return Partition(day, Code.NEWER_VERSION, reason)
        manifest = _manifest_from_document(document)
    except BadDocument as error:
        return Partition(day, Code.BAD_MANIFEST, f"{MARKER} is not a manifest ({error.problem})")
    if manifest.day != day:
        return Partition(day, Code.WRONG_DAY, f"the manifest is of {manifest.day}")
    return manifest


def _manifest_from_document(document: Mapping[str, Any]) -> Manifest:
    parts = tuple(_part_from_document(part) for part in _list_field(document, "parts"))
    if len({part.name for part in parts}) < len(parts):
        raise BadDocument(MARKER, "it names a part twice")
    columns = _list_field(document, "columns") if document.get("columns") is not None else []
    measured = document.get("measured") or {}
    if not isinstance(measured, dict):
        raise BadDocument(MARKER, "measured is not an object")
    return Manifest(
        day=_key_field(document),
        run_id=text_field(document, "run_id", what=MARKER),
        parts=parts,
        rows=None if _is_null(document, "rows") else integer_field(document, "rows", what=MARKER),
        columns=tuple(str(name) for name in columns),
        volume=None
        if document.get("volume") is None
        else integer_field(document, "volume", what=MARKER, low=-MAX_INTEGER),
        measured=measured,
        written_at=timestamp_field(document, "written_at", what=MARKER),
    )


def _key_field(document: Mapping[str, Any]) -> dt.date:
    text = text_field(document, "day", what=MARKER)
    try:
        return parse_key(text)
    except ValueError:
        raise BadDocument(MARKER, f"day is not a date ({text!r})") from None


def _is_null(document: Mapping[str, Any], name: str) -> bool:
    """Return whether the field exists and its value is null. A missing field is a fault of the manifest."""
    return name in document and document[name] is None


def _list_field(document: Mapping[str, Any], name: str) -> list[Any]:
    if name not in document:
        raise BadDocument(MARKER, f"{name} is missing")
    value = document[name]
    if not isinstance(value, list):
        raise BadDocument(MARKER, f"{name} is not a list")
    return value


def _part_from_document(part: Any) -> PartInfo:
    name = text_field(part, "name", what=MARKER)
    if not is_part(name):
        raise BadDocument(MARKER, f"{name!r} is not the name of a part")
    optional = {
        key: text_field(part, key, what=MARKER) for key in ("checksum", "etag") if part.get(key) is not None
    }
    return PartInfo(name, integer_field(part, "size", what=MARKER), **optional)


def parse_foreign_marker(data: bytes) -> tuple[str, ...] | None:
    """Return the names of the parts that a foreign marker lists; an empty tuple for a marker without names, such as Spark's marker.

    Return None for a manifest of this package, for the marker of an unknown writer, and for a failed job.
    """
    if not data.strip():
        return ()
    try:
        document = parse_document(data, what=MARKER)
        is_hadoop = text_field(document, "name", what=MARKER).startswith(_HADOOP)
        if not is_hadoop or document.get("success") is False:
            return None
    except BadDocument:
        return None
    names = document.get("filenames")
    return tuple(str(name).rpartition("/")[2] for name in names) if isinstance(names, list) else ()


def reports_failure(data: bytes) -> bool:
    """Return whether a marker is a JSON document whose field `success` is false. Hadoop can write such a marker."""
    try:
        return parse_document(data, what=MARKER).get("success") is False
    except BadDocument:
        return False


def is_part(name: str) -> bool:
    """Return whether an object is a part directly in the partition's folder. `name` is its key relative to this folder."""
    return (
        name.startswith("part-")
        and "/" not in name
        and not any(mark in name.lower() for mark in _COPIES_OF_PARTS)
        and _has_extensions_of_data(name)
        and not is_auxiliary(name)
    )


def _has_extensions_of_data(name: str) -> bool:
    """Return whether all extensions of a name are those of data, as in `part-0.csv.gz`, `part-0.snappy.parquet` and `part-1.c000.csv`.

    The order is: numbers and compressions, then a format, then at most one compression.
    """
    extensions = name.lower().split(".")[1:]
    end = next(
        (number for number, extension in enumerate(extensions) if extension in _FORMATS), len(extensions)
    )
    before, after = extensions[:end], extensions[end + 1 :]
    return (
        all(extension in _COMPRESSIONS or extension.removeprefix("c").isdecimal() for extension in before)
        and len(after) <= 1
        and all(extension in _COMPRESSIONS for extension in after)
    )


def is_auxiliary(name: str) -> bool:
    """Return whether a name is that of a file without data: a backup, copy, checksum, signature, or a file that is being written."""
    lowercase = name.lower()
    if lowercase.endswith(_AUXILIARY_ENDINGS) or (" " in name and re.search(_COPY, lowercase)):
        return True
    # Another ending, such as a number, may follow the ending of a file that is being written.
    file_name = lowercase.rpartition("/")[2] + "."
    return any(ending + "." in file_name or ending + "-" in file_name for ending in _UNFINISHED_ENDINGS)


def checksum_of(data: bytes) -> str:
    """Return the checksum of a part in the form that a manifest records."""
    import hashlib  # For whole parts, faster than `hex_digest`.

    return "sha256:" + hashlib.sha256(data).hexdigest()


def partition_fingerprint(manifest_bytes: bytes) -> str:
    """Return the fingerprint of a partition, which is a digest of the bytes of its manifest."""
    return hex_digest(manifest_bytes)[:32]
