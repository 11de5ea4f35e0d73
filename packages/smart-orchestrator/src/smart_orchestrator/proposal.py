"""Propose a configuration for a lake from the names of its objects.

The module lists a bounded sample of folders: the first and the last folders of each level. The key format and the grain come from
dates in the names. The adapter and the format come from markers, Delta logs and file endings. The minimum number of rows comes from
a check of the newest partitions. Every proposal contains the evidence, so that a person can confirm it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from smart_orchestrator.checking import check
from smart_orchestrator.contract.csv_parts import header_problem
from smart_orchestrator.contract.sources import LakePart
from smart_orchestrator.errors import DatasetError
from smart_orchestrator.foreign import one_line
from smart_orchestrator.model.dataset import Dataset
from smart_orchestrator.model.grain import Grain, key_text
from smart_orchestrator.model.window import Window

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from smart_orchestrator.model.dataset import Adapter, Format
    from smart_orchestrator.model.grain import Key
    from smart_orchestrator.store.base import Lake

# The maximum number of names in one folder that are listed.
_MAX_NAMES = 20_000
# The maximum number of subfolders of one folder that are listed, half from the start and half from the end.
_MAX_CHILDREN = 40
_MAX_DEPTH = 8
_MAX_FILES = 5_000
# The number of newest partitions whose rows are counted.
_CHECKED_PARTITIONS = 5
# A proposal from fewer partitions is never marked as sure.
_MIN_PARTITIONS = 3
# The adapters of tables, each with the folder and the ending of the files that describe a table.
_TABLE_METADATA: tuple[tuple[Adapter, str, str], ...] = (
    ("delta", "/_delta_log/", ""),
    ("iceberg", "/metadata/", ".metadata.json"),
)

# The forms of a date within one folder name, with their directives; the most specific form comes first.
_DATE_FORMS = (
    (re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}T\d{2}(?!\d)"), "%Y-%m-%dT%H"),
    (re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}-(?:[01]\d|2[0-3])(?!\d)"), "%Y-%m-%d-%H"),
    (re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}_(?:[01]\d|2[0-3])(?!\d)"), "%Y-%m-%d_%H"),
    (re.compile(r"(?<!\d)(?:19|20)\d{6}(?:[01]\d|2[0-3])(?!\d)"), "%Y%m%d%H"),
    (re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)"), "%Y-%m-%d"),
    (re.compile(r"(?<!\d)\d{4}\.\d{2}\.\d{2}(?!\d)"), "%Y.%m.%d"),
    (re.compile(r"(?<!\d)\d{2}\.\d{2}\.\d{4}(?!\d)"), "%d.%m.%Y"),
    (re.compile(r"(?<!\d)\d{4}_\d{2}_\d{2}(?!\d)"), "%Y_%m_%d"),
    (re.compile(r"(?<!\d)(?:19|20)\d{6}(?!\d)"), "%Y%m%d"),
    (re.compile(r"(?<!\d)\d{4}-W\d{2}(?!\d)"), "%G-W%V"),
    (re.compile(r"(?<!\d)\d{4}-[0-3]\d{2}(?![\d-])"), "%Y-%j"),
    (re.compile(r"(?<!\d)(?:19|20)\d{2}[0-3]\d{2}(?!\d)"), "%Y%j"),
    (re.compile(r"(?<!\d)\d{4}-\d{2}(?![\d-])"), "%Y-%m"),
)
# Folder names that contain one part of a date, such as `month=11`, with their directives.
_NAMED_DATE_PARTS = (
    (re.compile(r"(?:year|yyyy|y)=\d{4}", re.IGNORECASE), "%Y"),
    (re.compile(r"(?:month|mon|mm|m)=\d{1,2}", re.IGNORECASE), "%m"),
    (re.compile(r"(?:day|dd|d)=\d{1,2}", re.IGNORECASE), "%d"),
    (re.compile(r"(?:hour|hr|hh|h)=\d{1,2}", re.IGNORECASE), "%H"),
    (re.compile(r"(?:day|dd|d|j|dayofyear|day_of_year|doy|yday)=\d{3}", re.IGNORECASE), "%j"),
    (re.compile(r"(?:week|wk|ww|w)=\d{1,2}", re.IGNORECASE), "%V"),
)
# The directives of folder names that are only numbers, in the order of the levels, with their numbers of digits.
_UNNAMED_DATE_PARTS = {"%Y": 4, "%m": 2, "%d": 2, "%H": 2}


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposed dataset.

    Attributes:
        dataset: the proposed configuration of the dataset.
        first: the oldest key in the sample.
        last: the newest key in the sample.
        notes: the evidence for the proposal, one sentence each.
        is_sure: whether the sample is large enough, all its folders fit the key format, either all or none of its folders have a
            marker, and one of the newest partitions is complete.
    """

    dataset: Dataset
    first: Key
    last: Key
    notes: tuple[str, ...]
    is_sure: bool

    def to_json(self) -> dict[str, object]:
        """Return the proposal as a JSON object."""
        dataset = self.dataset
        return {
            "dataset": dataset.name,
            "key": dataset.key_format,
            "grain": dataset.grain.value,
            "adapter": dataset.adapter,
            "format": dataset.format,
            "min_rows": dataset.min_rows,
            "first": key_text(self.first),
            "last": key_text(self.last),
            "sure": self.is_sure,
            "notes": list(self.notes),
        }


@dataclass(slots=True)
class _Group:
    """The partitions of a sample whose paths have the same key format.

    Attributes:
        paths: the paths of the partitions.
        has_unpadded_numbers: whether a path contains a number of one digit, such as `month=1`.
        endings: the number of data files for each file ending.
        marked_paths: the paths of the partitions that have a `_SUCCESS` marker.
    """

    paths: set[str] = field(default_factory=set)
    has_unpadded_numbers: bool = False
    endings: Counter[str] = field(default_factory=Counter)
    marked_paths: set[str] = field(default_factory=set)


def propose(lake: Lake, url: str, now: dt.datetime) -> list[Proposal]:
    """Propose the datasets of a lake, with distinct names.

    Raises:
        LakeError: the lake does not respond, or refuses the request.
    """
    groups: dict[str, _Group] = {}
    tables: dict[str, Adapter] = {}
    for path in _sample_paths(lake):
        for adapter, folder, ending in _TABLE_METADATA:
            table, separator, _ = f"/{path}".rpartition(folder)
            if separator and path.endswith(ending):
                tables[table.lstrip("/")] = adapter
        folders, name = path.split("/")[:-1], path.rpartition("/")[2]
        key_format, depth = _key_format_of(folders)
        if not depth:
            continue
        group = groups.setdefault(key_format, _Group())
        partition = "/".join(folders[:depth])
        group.paths.add(partition)
        group.has_unpadded_numbers |= bool(re.search(r"=\d(?:/|$)", partition))
        if name == "_SUCCESS":
            group.marked_paths.add(partition)
        elif not name.startswith(("_", ".")):
            group.endings[_ending(name)] += 1
    proposals: list[Proposal] = []
    for key_format, group in groups.items():
        proposal = _propose_dataset(key_format, group, url)
        if proposal is not None:
            proposals.append(_with_min_rows(_as_table(proposal, tables), lake, now))
    return _with_names(proposals)


def to_toml(proposals: Sequence[Proposal], command: Sequence[str]) -> str:
    """Return the text of a configuration file with the proposed datasets and, if `command` is not empty, a runner."""
    lines: list[str] = []
    for proposal in proposals:
        dataset = proposal.dataset
        lines += [f"# {one_line(note)}" for note in proposal.notes]
        options: dict[str, object] = {
            "url": dataset.lake,
            **({"key": dataset.key_format} if dataset.key_format else {}),
            **({"key_column": dataset.key_column} if dataset.key_column else {}),
            "grain": dataset.grain.value,
            "adapter": dataset.adapter,
            "format": dataset.format,
            "lag": dataset.lag,
            **({"settle": 600} if dataset.key_format else {}),
            "min_rows": dataset.min_rows,
            "history_start": key_text(proposal.first),
        }
        if command:
            options["runner"] = "pipeline"
        lines.append(f"[datasets.{dataset.name}]")
        lines += [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in options.items()]
        lines.append("")
    if command:
        lines += [
            "[runners.pipeline]",
            f"command = {json.dumps(list(command), ensure_ascii=False)}",
            "jobs = 4",
        ]
    else:
        lines += [
            '# The command that makes one partition. Add runner = "pipeline" to the dataset that uses it.',
            "# [runners.pipeline]",
            '# command = ["python", "etl.py", "--day", "{key}"]',
        ]
    return "\n".join(lines) + "\n"


def _sample_paths(lake: Lake) -> Iterator[str]:
    """Yield the paths of a sample of objects: from the first and last folders of every level, without folders such as `_temporary`."""
    pending: list[tuple[str, int]] = [("", 0)]
    count = 0
    while pending and count < _MAX_FILES:
        folder, depth = pending.pop()
        parent = f"{folder}/" if folder else ""
        names = sorted(lake.names(folder, _MAX_NAMES))
        children = [name for name in names if name.endswith("/") and not name.startswith(("_t", "."))]
        for name in names:
            if not name.endswith("/"):
                count += 1
                yield parent + name
        if depth < _MAX_DEPTH:
            half = _MAX_CHILDREN // 2
            if len(children) > _MAX_CHILDREN:
                children = children[:half] + children[-half:]
            pending += [(parent + name.rstrip("/"), depth + 1) for name in children]


def _key_format_of(folders: Sequence[str]) -> tuple[str, int]:
    """Return the key format of a path, and the number of its folders that belong to the key.

    The number is 0 when no folder name contains a date.
    """
    names: list[str] = []
    used_directives: set[str] = set()
    depth = 0
    for number, folder in enumerate(folders, 1):
        name = _date_field_name(folder, used_directives)
        if name is not None:
            depth = number
        names.append(name or folder)
    key_format = "/".join(names[:depth])
    # A week belongs to a year of weeks, which can differ from the year of the calendar.
    return key_format.replace("%Y", "%G") if "%V" in used_directives else key_format, depth


def _date_field_name(folder: str, used_directives: set[str]) -> str | None:
    """Replace the date in a folder name by a field of the key format, and add its directives to `used_directives`.

    Return None when the name contains no date, or when a directive of the date is already used.
    """
    if "{" in folder or "}" in folder:
        return None
    for pattern, directives in _DATE_FORMS:
        match = pattern.search(folder)
        if match is not None and not used_directives & {"%Y", "%G"}:
            used_directives.update(re.findall(r"%.", directives))
            return f"{folder[: match.start()]}{{start:{directives}}}{folder[match.end() :]}"
    for pattern, directive in _NAMED_DATE_PARTS:
        if pattern.fullmatch(folder) and directive not in used_directives:
            used_directives.add(directive)
            return f"{folder.partition('=')[0]}={{start:{directive}}}"
    week = re.fullmatch(r"([Ww])\d{2}", folder)
    if week is not None and used_directives == {"%Y"}:
        used_directives.add("%V")
        return f"{week[1]}{{start:%V}}"
    if re.fullmatch(r"\d{3}", folder) and used_directives == {"%Y"}:
        used_directives.add("%j")
        return "{start:%j}"
    # The number of the day in the year takes the place of the month and the day.
    known = used_directives | ({"%m", "%d"} if "%j" in used_directives else set())
    expected = next((directive for directive in _UNNAMED_DATE_PARTS if directive not in known), None)
    if expected is not None and re.fullmatch(rf"\d{{{_UNNAMED_DATE_PARTS[expected]}}}", folder):
        used_directives.add(expected)
        return f"{{start:{expected}}}"
    return None


def _propose_dataset(key_format: str, group: _Group, url: str) -> Proposal | None:
    """Propose a dataset with the coarsest grain that fits all paths, or else the finest. Return None when no path is that of a key."""
    if group.has_unpadded_numbers:
        key_format = re.sub(r"=\{start:%([mdHV])\}", r"={start:%-\1}", key_format)
    grains = _possible_grains(key_format)
    if len(group.paths) < _MIN_PARTITIONS:
        # Assume the finest grain. A few dates can be Mondays by chance, so they do not prove that the grain is the week.
        grains = grains[-1:]
    for grain in grains:
        try:
            dataset = Dataset(
                "dataset", url, key_format, _choose_format(group), adapter=_choose_adapter(group), grain=grain
            )
        except DatasetError:
            continue
        keys = sorted(key for path in group.paths if (key := dataset.day(path)) is not None)
        if len(keys) == len(group.paths) or (keys and grain is grains[-1]):
            return _describe(dataset, keys, group)
    return None


def _as_table(proposal: Proposal, tables: Mapping[str, Adapter]) -> Proposal:
    """Propose a table of Iceberg or Delta instead of its files, because only its metadata show which of them are current."""
    dataset = proposal.dataset
    data_folder = dataset.folder
    # An Iceberg table has its partitions below the folder `data`.
    folder = f"/{data_folder}".removesuffix("/data").lstrip("/")
    is_iceberg = folder != data_folder and tables.get(folder) == "iceberg"
    if not is_iceberg and tables.get(data_folder) != "delta":
        return proposal
    table = replace(
        dataset,
        lake=f"{dataset.lake.rstrip('/')}/{folder if is_iceberg else data_folder}".rstrip("/"),
        key_format="",
        adapter="iceberg" if is_iceberg else "delta",
    )
    if is_iceberg:
        note = f"{folder or '.'}/metadata exists: adapter iceberg"
    else:
        column = dataset.key_format.removeprefix(f"{data_folder}/").partition("=")[0]
        table = replace(table, key_column=column)
        note = f"{data_folder or '.'}/_delta_log exists: adapter delta, by the column {column}"
    return replace(proposal, dataset=table, notes=(*proposal.notes[:2], note))


def _describe(dataset: Dataset, keys: Sequence[Key], group: _Group) -> Proposal:
    """Make the proposal of a dataset, with notes about the sample."""
    fit_note = f"{len(keys)} of {len(group.paths)} folders of the sample fit the key format"
    marker_note = (
        f"{len(group.marked_paths)} of {len(group.paths)} have a _SUCCESS marker: adapter {dataset.adapter}"
    )
    notes = [fit_note, f"grain {dataset.grain}: {key_text(keys[0])} to {key_text(keys[-1])}", marker_note]
    if dataset.format == "raw" and group.endings:
        ending = group.endings.most_common(1)[0][0]
        notes.append(f"the most common ending is {ending or 'none'}: format raw, so its rows are not counted")
    only_some_marked = 0 < len(group.marked_paths) < len(group.paths)
    is_sure = len(keys) == len(group.paths) >= _MIN_PARTITIONS and not only_some_marked
    return Proposal(dataset, keys[0], keys[-1], tuple(notes), is_sure)


def _possible_grains(key_format: str) -> list[Grain]:
    """Return the grains that a key format can have, the coarsest first. For example, dates that are all Mondays can be weeks."""
    if "%H" in key_format or "%-H" in key_format:
        return [Grain.HOUR]
    if "%V" in key_format or "%-V" in key_format:
        return [Grain.WEEK]
    if any(directive in key_format for directive in ("%d", "%-d", "%j")):
        return [Grain.MONTH, Grain.WEEK, Grain.DAY]
    return [Grain.MONTH]


def _choose_adapter(group: _Group) -> Adapter:
    """Choose `marker` when more than half of the partitions have a marker."""
    return "marker" if 2 * len(group.marked_paths) > len(group.paths) else "files"


def _choose_format(group: _Group) -> Format:
    """Choose the format of the most common file ending."""
    ending = group.endings.most_common(1)[0][0] if group.endings else ""
    return "parquet" if ending == "parquet" else "csv" if ending == "csv" else "raw"


def _ending(name: str) -> str:
    """Return the ending of a data file's name, without the ending of the compression."""
    return re.sub(r"\.(gz|bz2|zst|snappy)$", "", name.lower()).rpartition(".")[2]


def _with_min_rows(proposal: Proposal, lake: Lake, now: dt.datetime) -> Proposal:
    """Set `min_rows` of a proposal to half the number of rows in the smallest of the newest partitions."""
    dataset = replace(proposal.dataset, settle=0.0)
    grain = dataset.grain
    count = min(_CHECKED_PARTITIONS, grain.index(proposal.last) - grain.index(proposal.first) + 1)
    first = grain.key_at(grain.index(proposal.last) - count + 1)
    window = Window.between(first, proposal.last, max(grain.floor(now), proposal.last), lag=0, grain=grain)
    try:
        completeness = check(dataset, window, lake=lake, strays=False)
    except DatasetError as error:
        return replace(proposal, notes=(*proposal.notes, one_line(error)), is_sure=False)
    row_counts = [p.rows for p in completeness.partitions if p.available and p.rows is not None]
    unavailable = [p for p in completeness.partitions if not p.available]
    notes = list(proposal.notes)
    if row_counts:
        notes.append(
            f"the newest {len(row_counts)} partitions have {min(row_counts):,} to {max(row_counts):,} rows"
        )
    notes += [f"{key_text(p.day)} is {p.state.value}: {p.reason}" for p in unavailable[:3]]
    example = next((p for p in completeness.partitions if p.parts and dataset.format == "csv"), None)
    problem = header_problem(LakePart(lake, dataset.key(example.day), example.parts[0])) if example else ""
    notes += [problem] if problem else []
    min_rows = max(1, min(row_counts) // 2) if row_counts else 1
    # If none of the newest partitions is complete, the format or the key format may be wrong.
    is_sure = proposal.is_sure and not problem and len(unavailable) < len(completeness.partitions)
    dataset = replace(proposal.dataset, min_rows=min_rows)
    return replace(proposal, dataset=dataset, notes=tuple(notes), is_sure=is_sure)


def _with_names(proposals: Iterable[Proposal]) -> list[Proposal]:
    """Give each proposal a distinct name. The name is made from the last folder before the first date in the key format."""
    proposals_by_name: dict[str, Proposal] = {}
    for proposal in sorted(proposals, key=lambda each: each.dataset.key_format):
        folder_name = (
            proposal.dataset.folder.rpartition("/")[2] or proposal.dataset.lake.rstrip("/").rpartition("/")[2]
        )
        base = re.sub(r"[^A-Za-z0-9_-]+", "_", folder_name).strip("_") or "dataset"
        name, number = base, 2
        while name in proposals_by_name:
            name, number = f"{base}_{number}", number + 1
        proposals_by_name[name] = replace(proposal, dataset=replace(proposal.dataset, name=name))
    return list(proposals_by_name.values())
