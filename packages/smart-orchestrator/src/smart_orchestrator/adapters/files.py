"""Judge a partition without a marker by its data files.

It is complete when it has enough data files, none of them was written within the last `settle` seconds, each can be read, and
they have enough rows. Of a Parquet file the footer is read by one range request; the rows of CSV are checked against the
contract. A file is read once: `Memory` keeps its verdict for as long as its size and ETag stay. Bytes between the start
and the footer of a Parquet file are read by a deep check alone.
"""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from smart_orchestrator.adapters.data_files import DataFiles, fingerprint_of
from smart_orchestrator.adapters.layout import names_text
from smart_orchestrator.adapters.manifest import Depth
from smart_orchestrator.adapters.objects import ObjectAdapter
from smart_orchestrator.adapters.parquet_footer import SIGNATURE, footer_length, parse_footer
from smart_orchestrator.contract import rows as contents
from smart_orchestrator.contract.finding import FIRST_FEW
from smart_orchestrator.contract.reading import PartFault, Unreadable
from smart_orchestrator.contract.sources import LakePart
from smart_orchestrator.contract.tables import folder_columns
from smart_orchestrator.errors import LakeUnreachable, ObjectConflict, ObjectMissing
from smart_orchestrator.foreign import BadDocument, parse_document
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.model.partition import Code, Partition, PartitionData, rows_text, verdict
from smart_orchestrator.store.base import PLAIN_FILE

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.adapters.manifest import InspectOptions
    from smart_orchestrator.model.partition import PartInfo
    from smart_orchestrator.store.base import ObjectInfo

# Bytes at the end of a file that are read first; most footers are shorter.
TAIL = 64 << 10
# Changes whenever the rules of judging change: verdicts remembered under another number are not used.
JUDGEMENT = 1
# More files than this in one partition are read by several threads.
FILES_READ_ONE_BY_ONE = 16


class FileFacts(NamedTuple):
    """What the footer of a file says: its rows, or the code and the reason of its fault."""

    rows: int
    code: str = ""
    problem: str = ""


class FilesAdapter(ObjectAdapter):
    """Judges partitions of any writer that leaves no marker."""

    def judge(self, key: dt.date, objects: Sequence[ObjectInfo], options: InspectOptions) -> Partition:
        """The verdict on a partition whose objects are listed.

        Raises:
            LakeError: the lake does not answer or refuses.
        """
        folder = self.dataset.key(key)
        misplaced = _misplaced(key, folder, objects)
        if misplaced is not None:
            return misplaced
        files = DataFiles.of(self.dataset, folder, objects)
        return _with_names(self.judge_files(key, files, options), files.not_read)

    def judge_files(self, key: dt.date, files: DataFiles, options: InspectOptions) -> Partition:
        """The verdict on a partition with these files."""
        return self._uncommitted(key, files, options) or self.judge_data(key, files, options)

    def _uncommitted(self, key: dt.date, files: DataFiles, options: InspectOptions) -> Partition | None:
        """The verdict when the files are not there, or not yet all there."""
        if not files.written:
            return verdict(key, Code.MISSING, "nothing is there")
        if not (files.data or files.temporary or files.unfinished):
            return verdict(key, Code.MISSING, "there is no data file")
        newest = max(files.written)
        seconds = self.settle_seconds(options)
        age = (options.now - newest).total_seconds()
        if abs(age) < seconds:
            reason = f"the youngest file was written {max(0, int(age))} s ago, {seconds:g} s must pass without a change"
            return replace(verdict(key, Code.STILL_WRITING, reason), newest_write=newest)
        if files.unfinished or (files.not_read and not files.data):
            reason = f"a writer stopped half-way on {newest:%Y-%m-%d %H:%M} UTC and left temporary files"
            return replace(verdict(key, Code.NO_MARKER, reason), newest_write=newest)
        return None

    def settle_seconds(self, options: InspectOptions) -> float:
        """Seconds without a change before the partition counts."""
        return self.dataset.settle if self.dataset.settle is not None else options.settle.total_seconds()

    def judge_data(self, key: dt.date, files: DataFiles, options: InspectOptions) -> Partition:
        """The verdict by the number of data files and their content.

        Raises:
            LakeError: the lake does not answer or refuses.
        """
        parts = files.parts
        base = Partition(key, Code.OK, "", PartitionData(parts), fingerprint_of(parts))
        if not parts:
            return verdict(key, Code.EMPTY, "there is no data file", base)
        irregular = next((name for name, info in files.data.items() if info.irregular), None)
        if irregular is not None:
            reason = f"{irregular} is {files.data[irregular].irregular}"
            return verdict(key, Code.UNREADABLE, reason, base)
        if len(parts) < self.dataset.min_files:
            reason = f"{_files_text(len(parts))}, at least {self.dataset.min_files:,} are asked for"
            return verdict(key, Code.SHORT, reason, base)
        if options.depth is Depth.METADATA:
            return verdict(key, Code.OK, f"{_files_text(len(parts))}, not read", base)
        if self.dataset.format == "raw":
            empty = not any(part.size for part in parts)
            text = "every file is empty" if empty else f"{_files_text(len(parts))}, rows not counted"
            return verdict(key, Code.EMPTY if empty else Code.OK, text, base)
        return self._judge_once(base, options)

    def _judge_once(self, base: Partition, options: InspectOptions) -> Partition:
        """The verdict on a partition that has to be read; remembered, to read each file only once."""
        name = f"{self.dataset.name} {key_text(base.day)} files {self._rules_digest()}"
        remembered = _parse_memory(options.memory.recall(name)) if options.memory is not None else {}
        if options.depth is not Depth.ROWS:
            partition = _recall(base, remembered)
            if partition is not None:
                return partition
        remembered_files = remembered.get("files")
        facts: dict[str, FileFacts] = {}
        try:
            if self.dataset.format == "parquet" and options.depth is not Depth.ROWS:
                facts = self._footers(base, remembered_files if isinstance(remembered_files, dict) else {})
                partition = self._judge_footers(base, facts)
            else:
                partition = self._judge_rows(base)
        except PartFault as fault:
            return verdict(base.day, Code.STILL_WRITING, fault.text, base)
        if options.memory is not None and options.depth is not Depth.ROWS:
            sizes = {part.name: (part.size, part.etag) for part in base.parts}
            document = {
                "fingerprint": base.fingerprint,
                "verdict": [partition.code, partition.reason, partition.rows, partition.volume],
                "files": {part: [*sizes[part], *fact] for part, fact in facts.items()},
            }
            options.memory.remember(name, json.dumps(document))
        return partition

    def _rules_digest(self) -> str:
        """A digest of everything that a verdict depends on besides the files."""
        dataset = self.dataset
        rules = (dataset.lake, dataset.key_format, dataset.format, dataset.header, dataset.compression)
        contract = (dataset.columns, dataset.min_rows, dataset.volume_column)
        return hashlib.sha256(repr((JUDGEMENT, rules, contract)).encode()).hexdigest()[:16]

    def _footers(self, base: Partition, remembered_files: Mapping[str, object]) -> dict[str, FileFacts]:
        """The facts of every file; only files that are not remembered are read."""
        facts = {part.name: _recall_facts(part, remembered_files.get(part.name)) for part in base.parts}
        unread = [part for part in base.parts if facts[part.name] is None]
        folder = self.dataset.key(base.day)
        if len(unread) > FILES_READ_ONE_BY_ONE:
            with ThreadPoolExecutor(self.lake.concurrency, thread_name_prefix="footers") as pool:
                read = list(pool.map(lambda part: self._read_footer(folder, part), unread))
        else:
            read = [self._read_footer(folder, part) for part in unread]
        facts |= zip((part.name for part in unread), read, strict=True)
        return {name: fact for name, fact in facts.items() if fact is not None}

    def _read_footer(self, folder: str, part: PartInfo) -> FileFacts:
        """The facts of one file.

        Raises:
            PartFault: it was removed or replaced since it was listed.
            LakeError: the lake does not answer or refuses.
        """
        try:
            tail = self._range(folder, part, min(part.size, TAIL)) if part.size else b""
            length = footer_length(tail, part.size)
            if length > len(tail):
                tail = self._range(folder, part, length)
            footer = parse_footer(tail, part.size)
            if len(tail) == part.size and tail[:4] != SIGNATURE:
                raise Unreadable("it does not begin as a Parquet file")
        except Unreadable as error:
            return FileFacts(0, Code.UNREADABLE, f"{part.name} cannot be read: {error}")
        columns = {*footer.columns, *folder_columns(f"{folder}/{part.name}")}
        missing = [column.name for column in self.dataset.columns if column.name not in columns]
        if missing:
            return FileFacts(footer.rows, Code.COLUMNS, f"{part.name} lacks the column {', '.join(missing)}")
        return FileFacts(footer.rows)

    def _range(self, folder: str, part: PartInfo, length: int) -> bytes:
        """The last `length` bytes of a file."""
        key = f"{folder}/{part.name}"
        try:
            data, _ = self.lake.get_range(key, part.size - length, length, part.etag)
        except (ObjectMissing, ObjectConflict):
            raise PartFault(Code.STILL_WRITING, f"{part.name} changed while it was read") from None
        if len(data) != length:
            problem = f"{key} gave {len(data):,} bytes, {length:,} were asked for"
            raise LakeUnreachable(self.lake.url, problem, "Check again.")
        return data

    def _judge_footers(self, base: Partition, facts: Mapping[str, FileFacts]) -> Partition:
        rows = sum(fact.rows for fact in facts.values())
        counted = base.with_counts(rows, base.volume)
        faults = [fact for fact in facts.values() if fact.code]
        if faults:
            same = [fact.problem for fact in faults if fact.code == faults[0].code]
            more = f" (and {len(same) - FIRST_FEW} more)" if len(same) > FIRST_FEW else ""
            unreadable = any(fact.code == Code.UNREADABLE for fact in faults)
            reason = "; ".join(same[:FIRST_FEW]) + more
            return verdict(base.day, Code(faults[0].code), reason, base if unreadable else counted)
        return self._judge_count(counted)

    def _judge_rows(self, base: Partition) -> Partition:
        """The verdict after every row was read and checked against the contract.

        Raises:
            PartFault: a file was removed or replaced since it was listed.
            LakeError: the lake does not answer or refuses.
        """
        folder = self.dataset.key(base.day)
        # Hive writes the columns that name folders into no file.
        in_path = folder_columns(f"{folder}/")
        columns = tuple(column for column in self.dataset.columns if column.name not in in_path)
        dataset = replace(self.dataset, columns=columns) if columns else self.dataset
        judged = contents.examine(
            dataset, [LakePart(self.lake, folder, part) for part in base.parts], foreign=True
        )
        counted = base.with_counts(judged.rows, judged.volume)
        if judged.findings:
            first = judged.findings[0]
            same = [finding.text for finding in judged.findings if finding.code is first.code]
            more = f" (and {len(same) - FIRST_FEW} more)" if len(same) > FIRST_FEW else ""
            return verdict(base.day, first.code, "; ".join(same[:FIRST_FEW]) + more, counted)
        return self._judge_count(counted)

    def _judge_count(self, counted: Partition) -> Partition:
        rows = counted.rows or 0
        if not rows:
            return verdict(counted.day, Code.EMPTY, "its data files have no row", counted)
        if rows < self.dataset.min_rows:
            reason = f"{rows_text(rows)}, at least {self.dataset.min_rows:,} are asked for"
            return verdict(counted.day, Code.SHORT, reason, counted)
        return verdict(counted.day, Code.OK, rows_text(rows), counted)


def _misplaced(key: dt.date, folder: str, objects: Sequence[ObjectInfo]) -> Partition | None:
    """The verdict when something else than a folder lies at the partition's path."""
    info = next((info for info in objects if info.key == folder), None)
    if info is None:
        return None
    if info.irregular in ("", PLAIN_FILE):
        return verdict(
            key, Code.MISSING, f"a file lies at {folder}, where the folder of the partition belongs"
        )
    return verdict(key, Code.UNREADABLE, f"the partition is {info.irregular}")


def _with_names(partition: Partition, names: Sequence[str]) -> Partition:
    """The partition with a reason that names the files that were not read."""
    if not names:
        return partition
    return replace(partition, reason=f"{partition.reason}; not read: {names_text(names)}")


def _files_text(number: int) -> str:
    return f"{number:,} data file" + ("s" if number != 1 else "")


def _parse_memory(text: str | None) -> dict[str, object]:
    """The remembered document; empty where there is none, or it cannot be read."""
    if text is None:
        return {}
    try:
        return parse_document(text.encode(), what="remembered verdict")
    except BadDocument:
        return {}


def _recall(base: Partition, remembered: Mapping[str, object]) -> Partition | None:
    """The remembered verdict on the same files, if there is one."""
    if remembered.get("fingerprint") != base.fingerprint:
        return None
    try:
        remembered_verdict: Any = remembered["verdict"]
        code, reason, rows, volume = remembered_verdict
        return verdict(base.day, Code(code), str(reason), base.with_counts(rows, volume))
    except (KeyError, ValueError, TypeError):
        return None


def _recall_facts(part: PartInfo, remembered: object) -> FileFacts | None:
    """The remembered facts of a file, where its size and ETag are the same."""
    if not isinstance(remembered, list) or len(remembered) != 5 or remembered[:2] != [part.size, part.etag]:
        return None
    rows, code, problem = remembered[2:]
    if not isinstance(rows, int) or (code and code not in Code.__members__):
        return None
    return FileFacts(rows, str(code), str(problem))
