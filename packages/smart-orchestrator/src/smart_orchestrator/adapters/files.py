"""Inspect a partition that has no marker: only its data files are considered.

A partition is complete if it has enough data files and rows, every file can be read, and no file was written within the last
`settle` seconds. For a Parquet file, the adapter reads only the footer, usually with one range request; a check with the depth
`rows` reads the complete file. For CSV files, the adapter checks all rows against the contract. A cache (`Memory`) keeps the results
of files with their sizes and ETags, so an unchanged file is read only once.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from smart_orchestrator.adapters.data_files import DataFiles, fingerprint_of
from smart_orchestrator.adapters.layout import names_text
from smart_orchestrator.adapters.manifest import Depth
from smart_orchestrator.adapters.objects import ObjectAdapter
from smart_orchestrator.adapters.parquet_footer import SIGNATURE, footer_length, parse_footer
from smart_orchestrator.contract.finding import FIRST_FEW, difference_text
from smart_orchestrator.contract.folders import folder_columns, folders_problem
from smart_orchestrator.contract.reading import PartFault, Unreadable
from smart_orchestrator.errors import LakeUnreachable, ObjectConflict, ObjectMissing
from smart_orchestrator.foreign import BadDocument, parse_document
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.model.partition import Code, Partition, PartitionData, hex_digest, rows_text
from smart_orchestrator.store.base import PLAIN_FILE

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.adapters.manifest import InspectOptions
    from smart_orchestrator.model.partition import PartInfo
    from smart_orchestrator.store.base import ObjectInfo

# The number of bytes that the first request reads at the end of a Parquet file. Most footers are shorter.
TAIL_BYTES = 64 << 10
# Increase this number when the rules in this module change, so that cached results of earlier rules are ignored.
RULES_VERSION = 2
# If more footers of one partition have to be read than this, several threads read them.
MAX_FOOTERS_IN_ONE_THREAD = 16


class FooterResult(NamedTuple):
    """The result of reading the footer of one file.

    Attributes:
        rows: the number of rows in the file.
        columns: the columns in the file with their types, and the columns that the folders in its path name (`country=de`), sorted.
        code: the code of the fault of the file; empty if the file has no fault.
        problem: the description of the fault.
    """

    rows: int
    columns: tuple[str, ...] = ()
    code: str = ""
    problem: str = ""


class FilesAdapter(ObjectAdapter):
    """An adapter for partitions of any writer that does not write a marker."""

    def reads_little(self, listings: Mapping[dt.date, Sequence[ObjectInfo]], options: InspectOptions) -> bool:
        """Return whether inspecting a partition reads only footers. One thread then inspects the partitions of a local lake."""
        del listings
        return self.dataset.format == "parquet" and options.depth is not Depth.ROWS

    def inspect_objects(
        self, key: dt.date, objects: Sequence[ObjectInfo], options: InspectOptions
    ) -> Partition:
        """Inspect a partition whose objects are already listed.

        Raises:
            LakeError: the lake does not answer, or refuses access.
        """
        folder = self.dataset.key(key)
        misplaced = _misplaced(key, folder, objects)
        if misplaced is not None:
            return misplaced
        files = DataFiles.of(self.dataset, folder, objects)
        return _with_ignored_names(self.inspect_files(key, files, options), files.ignored_names)

    def inspect_files(self, key: dt.date, files: DataFiles, options: InspectOptions) -> Partition:
        """Inspect a partition with these files.

        Raises:
            LakeError: the lake does not answer, or refuses access.
        """
        return self._uncommitted(key, files, options) or self.inspect_data(key, files, options)

    def _uncommitted(self, key: dt.date, files: DataFiles, options: InspectOptions) -> Partition | None:
        """Return the result for a partition that has no files, or whose writer has not finished. Otherwise, return None."""
        if not files.write_times:
            return Partition(key, Code.MISSING, "nothing is there")
        if not (files.data or files.temporary or files.unfinished):
            return Partition(key, Code.MISSING, "there is no data file")
        newest = max(files.write_times)
        seconds = self.settle_seconds(options)
        # The age is negative if the clock of the store is ahead.
        age = (options.now - newest).total_seconds()
        if abs(age) < seconds:
            reason = (
                f"the newest file was written {max(0, int(age))} s ago; "
                f"the partition must stay unchanged for {seconds:g} s"
            )
            fingerprint = fingerprint_of(files.parts) if files.data else None
            writing = Partition(key, Code.STILL_WRITING, reason)
            return replace(writing, newest_write=newest, fingerprint=fingerprint)
        # The job has not committed, or wrote only files that are not data.
        if files.unfinished or (files.ignored_names and not files.data):
            reason = f"a writer stopped half-way on {newest:%Y-%m-%d %H:%M} UTC and left temporary files"
            return replace(Partition(key, Code.NO_MARKER, reason), newest_write=newest)
        return None

    def settle_seconds(self, options: InspectOptions) -> float:
        """Return the number of seconds for which a partition must stay unchanged before it counts as complete."""
        return self.dataset.settle if self.dataset.settle is not None else options.settle.total_seconds()

    def inspect_data(self, key: dt.date, files: DataFiles, options: InspectOptions) -> Partition:
        """Check the number of data files, and the content of the files.

        Raises:
            LakeError: the lake does not answer, or refuses access.
        """
        parts = files.parts
        base = Partition(key, Code.OK, "", PartitionData(parts), fingerprint_of(parts))
        if not parts:
            return base.with_code(Code.EMPTY, "there is no data file")
        irregular = next((name for name, info in files.data.items() if info.irregular), None)
        if irregular is not None:
            reason = f"{irregular} is {files.data[irregular].irregular}"
            return base.with_code(Code.UNREADABLE, reason)
        if len(parts) < self.dataset.min_files:
            reason = f"{_files_text(len(parts))}, at least {self.dataset.min_files:,} are required"
            return base.with_code(Code.SHORT, reason)
        if self.dataset.format == "csv" and (problem := folders_problem(files.data)):
            return base.with_code(Code.COLUMNS, problem)
        if options.depth is Depth.METADATA:
            return base.with_code(Code.OK, f"{_files_text(len(parts))}, not read")
        if self.dataset.format == "raw":
            empty = not any(part.size for part in parts)
            text = "every file is empty" if empty else f"{_files_text(len(parts))}, rows not counted"
            return base.with_code(Code.EMPTY if empty else Code.OK, text)
        return self._inspect_content(base, options)

    def _inspect_content(self, base: Partition, options: InspectOptions) -> Partition:
        """Return the cached result if no file has changed; otherwise read and check the files, and cache the result.

        With the depth `rows`, all files are read.
        """
        memory_key = f"{self.dataset.name} {key_text(base.day)} files {self._rules_digest()}"
        cached = _parse_memory(options.memory.recall(memory_key)) if options.memory is not None else {}
        if options.depth is not Depth.ROWS:
            partition = _recall(base, cached)
            if partition is not None:
                return partition
        footers: dict[str, FooterResult] = {}
        try:
            if self.dataset.format == "parquet" and options.depth is not Depth.ROWS:
                footers = self._footers(base, _recall_footers(base, cached))
                partition = self._check_footers(base, footers)
            else:
                partition = self._check_rows(base)
        except PartFault as fault:
            return base.with_code(Code.STILL_WRITING, fault.text)
        if options.memory is not None and options.depth is not Depth.ROWS:
            options.memory.remember(memory_key, _memory_text(partition, base.parts, footers))
        return partition

    def _rules_digest(self) -> str:
        """Return a digest of all rules and settings that the result depends on, besides the files."""
        dataset = self.dataset
        rules = (dataset.lake, dataset.key_format, dataset.format, dataset.header, dataset.compression)
        contract = (dataset.columns, dataset.min_rows, dataset.volume_column)
        return hex_digest(repr((RULES_VERSION, rules, contract)).encode())[:16]

    def _footers(self, base: Partition, recalled: Mapping[str, FooterResult]) -> dict[str, FooterResult]:
        """Return the footer of every file, in the order of the files. Only the footers that are not in `recalled` are read."""
        unread = [part for part in base.parts if part.name not in recalled]
        folder = self.dataset.key(base.day)
        if len(unread) > MAX_FOOTERS_IN_ONE_THREAD:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(self.lake.concurrency, thread_name_prefix="footers") as pool:
                results = list(pool.map(lambda part: self._read_footer(folder, part), unread))
        else:
            results = [self._read_footer(folder, part) for part in unread]
        footers = dict(recalled) | dict(zip((part.name for part in unread), results, strict=True))
        return {part.name: footers[part.name] for part in base.parts}

    def _read_footer(self, folder: str, part: PartInfo) -> FooterResult:
        """Read the footer of one file, and check its columns.

        Raises:
            PartFault: the file was removed or replaced after it was listed.
            LakeError: the lake does not answer, or refuses access.
        """
        try:
            tail = self._read_tail(folder, part, min(part.size, TAIL_BYTES)) if part.size else b""
            length = footer_length(tail, part.size)
            if length > len(tail):
                tail = self._read_tail(folder, part, length)
            footer = parse_footer(tail, part.size)
            if len(tail) == part.size and tail[:4] != SIGNATURE:
                raise Unreadable("it does not begin as a Parquet file")
        except Unreadable as error:
            problem = f"{part.name} cannot be read: {error}"
            return FooterResult(rows=0, code=Code.UNREADABLE, problem=problem)
        columns_in_path = {*folder_columns(f"{folder}/{part.name}")}
        missing = [
            column.name
            for column in self.dataset.columns
            if column.name not in footer.columns and column.name not in columns_in_path
        ]
        if missing:
            problem = f"{part.name} lacks the column {', '.join(missing)}"
            return FooterResult(footer.rows, (), Code.COLUMNS, problem)
        stored = [f"{name} {kind}" for name, kind in zip(footer.columns, footer.types, strict=True)]
        in_subfolders = [name for name in folder_columns(part.name) if name not in footer.columns]
        return FooterResult(footer.rows, tuple(sorted([*stored, *in_subfolders])))

    def _read_tail(self, folder: str, part: PartInfo, length: int) -> bytes:
        """Read the last `length` bytes of a file."""
        key = f"{folder}/{part.name}"
        try:
            data, _ = self.lake.get_range(key, part.size - length, length, part.etag)
        except (ObjectMissing, ObjectConflict):
            raise PartFault(Code.STILL_WRITING, f"{part.name} changed while it was read") from None
        if len(data) != length:
            problem = f"a request for {length:,} bytes of {key} returned {len(data):,} bytes"
            raise LakeUnreachable(self.lake.url, problem, "Check again.")
        return data

    def _check_footers(self, base: Partition, footers: Mapping[str, FooterResult]) -> Partition:
        """Combine the footers of all files. If the contract names no columns, all files must have the same columns."""
        rows = sum(footer.rows for footer in footers.values())
        counted = base.with_counts(rows, base.volume)
        faults = [footer for footer in footers.values() if footer.code]
        if not faults and not self.dataset.columns:
            faults = _different_footers(footers)
        if faults:
            problems = [fault.problem for fault in faults if fault.code == faults[0].code]
            more = f" (and {len(problems) - FIRST_FEW} more)" if len(problems) > FIRST_FEW else ""
            is_unreadable = any(fault.code == Code.UNREADABLE for fault in faults)
            reason = "; ".join(problems[:FIRST_FEW]) + more
            # The number of rows is unknown if a file cannot be read.
            partition = base if is_unreadable else counted
            return partition.with_code(Code(faults[0].code), reason)
        return self._check_count(counted)

    def _check_rows(self, base: Partition) -> Partition:
        """Read every row and check it against the contract.

        Raises:
            PartFault: a file was removed or replaced after it was listed.
            LakeError: the lake does not answer, or refuses access.
        """
        from smart_orchestrator.contract import rows as contents
        from smart_orchestrator.contract.sources import LakePart

        folder = self.dataset.key(base.day)
        # Hive does not store a partition column in the files, only in the name of the folder.
        in_path = folder_columns(f"{folder}/")
        columns = tuple(column for column in self.dataset.columns if column.name not in in_path)
        dataset = replace(self.dataset, columns=columns)
        examined = contents.examine(
            dataset, [LakePart(self.lake, folder, part) for part in base.parts], foreign=True
        )
        counted = base.with_counts(examined.rows, examined.volume)
        if examined.findings:
            first = examined.findings[0]
            problems = [finding.text for finding in examined.findings if finding.code is first.code]
            more = f" (and {len(problems) - FIRST_FEW} more)" if len(problems) > FIRST_FEW else ""
            return counted.with_code(first.code, "; ".join(problems[:FIRST_FEW]) + more)
        return self._check_count(counted)

    def _check_count(self, counted: Partition) -> Partition:
        """Check the number of rows of a partition without other faults."""
        rows = counted.rows or 0
        if not rows:
            return counted.with_code(Code.EMPTY, "its data files have no rows")
        if rows < self.dataset.min_rows:
            reason = f"{rows_text(rows)}, at least {self.dataset.min_rows:,} are required"
            return counted.with_code(Code.SHORT, reason)
        return counted.with_code(Code.OK, rows_text(rows))


def _misplaced(key: dt.date, folder: str, objects: Sequence[ObjectInfo]) -> Partition | None:
    """Return the result for a partition whose path is not a folder. Return None if the path is a folder."""
    info = next((info for info in objects if info.key == folder), None)
    if info is None:
        return None
    if info.irregular in ("", PLAIN_FILE):
        return Partition(
            key, Code.MISSING, f"a file lies at {folder}, where the folder of the partition belongs"
        )
    return Partition(key, Code.UNREADABLE, f"the partition is {info.irregular}")


def _with_ignored_names(partition: Partition, names: Sequence[str]) -> Partition:
    """Return the partition with the names of the ignored files added to its reason."""
    if not names:
        return partition
    return replace(partition, reason=f"{partition.reason}; not read: {names_text(names)}")


def _files_text(number: int) -> str:
    return f"{number:,} data file" + ("s" if number != 1 else "")


def _parse_memory(text: str | None) -> dict[str, Any]:
    """Parse a document of the cache. Return an empty dict if there is no document, or if the document cannot be parsed."""
    if text is None:
        return {}
    try:
        return parse_document(text.encode(), what="cached result")
    except BadDocument:
        return {}


def _recall(base: Partition, cached: Mapping[str, Any]) -> Partition | None:
    """Return the partition with the cached result. Return None if the cached result is not of the same files."""
    if cached.get("fingerprint") != base.fingerprint:
        return None
    try:
        code, reason, rows, volume = cached["result"]
        return base.with_counts(rows, volume).with_code(Code(code), str(reason))
    except (KeyError, ValueError, TypeError):
        return None


def _different_footers(footers: Mapping[str, FooterResult]) -> list[FooterResult]:
    """Return a fault for each file whose columns are not those of the first file."""
    if not footers:
        return []
    first_name, first = next(iter(footers.items()))
    return [
        footer._replace(
            code=Code.COLUMNS, problem=difference_text(name, footer.columns, first_name, first.columns)
        )
        for name, footer in footers.items()
        if footer.columns != first.columns
    ]


def _memory_text(partition: Partition, parts: Sequence[PartInfo], footers: Mapping[str, FooterResult]) -> str:
    """Return the document for the cache: the result of the partition, and the footer of every file."""
    # Most files have the same columns. So the columns are stored once, and each file has their number.
    distinct_columns = dict.fromkeys(footer.columns for footer in footers.values())
    schema_numbers = {columns: number for number, columns in enumerate(distinct_columns)}
    files = {
        part.name: [
            part.size,
            part.etag,
            footer.rows,
            schema_numbers[footer.columns],
            footer.code,
            footer.problem,
        ]
        for part in parts
        if (footer := footers.get(part.name)) is not None
    }
    return json.dumps(
        {
            "fingerprint": fingerprint_of(parts),
            "result": [partition.code, partition.reason, partition.rows, partition.volume],
            "columns": list(schema_numbers),
            "files": files,
        }
    )


def _recall_footers(base: Partition, cached: Mapping[str, Any]) -> dict[str, FooterResult]:
    """Return the cached footers of the files with unchanged size and ETag, by file name."""
    try:
        schemas = [tuple(map(str, columns)) for columns in cached["columns"]]
        files = cached["files"]
        return {
            part.name: FooterResult(int(rows), schemas[number], str(code), str(problem))
            for part in base.parts
            if part.name in files
            # The six values of a file in `_memory_text`.
            for size, etag, rows, number, code, problem in [files[part.name]]
            if (size, etag) == (part.size, part.etag) and (not code or code in Code.__members__)
        }
    except (LookupError, TypeError, ValueError):
        return {}
