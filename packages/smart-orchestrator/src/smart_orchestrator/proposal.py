"""Propose a configuration for a lake from the names of its objects.

A bounded sample of folders is listed, from both ends of each level. Dates in the names give the key format and the grain; markers, logs and
endings give the adapter and the format; a check of the newest partitions gives the smallest number of rows. The proposal says how
sure it is, and a person confirms it: nothing else is written.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from smart_orchestrator.checking import check
from smart_orchestrator.errors import DatasetError
from smart_orchestrator.foreign import one_line
from smart_orchestrator.model.dataset import Dataset
from smart_orchestrator.model.grain import Grain, key_text
from smart_orchestrator.model.window import Window

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Sequence

    from smart_orchestrator.model.dataset import Adapter, Format
    from smart_orchestrator.model.grain import Key
    from smart_orchestrator.store.base import Lake

# Folders of one level that are listed: as many from the start as from the end.
_CHILDREN = 40
_MAX_DEPTH = 8
_MAX_FILES = 5_000
# The newest partitions whose rows are counted.
_CHECKED = 5
# Fewer partitions are not enough to be sure.
_SURE = 3
_DELTA_LOG = "/_delta_log/"

# The forms of a date within one name, the most specific first.
_DATES = (
    (re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}T\d{2}(?!\d)"), "%Y-%m-%dT%H"),
    (re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)"), "%Y-%m-%d"),
    (re.compile(r"(?<!\d)\d{4}_\d{2}_\d{2}(?!\d)"), "%Y_%m_%d"),
    (re.compile(r"(?<!\d)(?:19|20)\d{6}(?!\d)"), "%Y%m%d"),
    (re.compile(r"(?<!\d)\d{4}-W\d{2}(?!\d)"), "%G-W%V"),
    (re.compile(r"(?<!\d)\d{4}-\d{2}(?![\d-])"), "%Y-%m"),
)
# Names of the levels of a date, and the directive of each.
_LEVELS = (
    (re.compile(r"(?:year|yyyy|y)=\d{4}", re.IGNORECASE), "%Y"),
    (re.compile(r"(?:month|mon|mm|m)=\d{1,2}", re.IGNORECASE), "%m"),
    (re.compile(r"(?:day|dd|d)=\d{1,2}", re.IGNORECASE), "%d"),
    (re.compile(r"(?:hour|hr|hh|h)=\d{1,2}", re.IGNORECASE), "%H"),
)
_PLAIN = ("%Y", "%m", "%d", "%H")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A dataset that a lake seems to hold.

    Attributes:
        dataset: its description.
        first: the oldest key in the sample.
        last: the newest key in the sample.
        notes: what the description rests on, one sentence each.
        sure: whether every folder of the sample fits, and there are enough of them.
    """

    dataset: Dataset
    first: Key
    last: Key
    notes: tuple[str, ...]
    sure: bool

    def to_json(self) -> dict[str, object]:
        """The proposal as a JSON object."""
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
            "sure": self.sure,
            "notes": list(self.notes),
        }


@dataclass(slots=True)
class _Group:
    """The partitions of a sample whose paths have the same form."""

    paths: set[str] = field(default_factory=set)
    unpadded: bool = False
    endings: Counter[str] = field(default_factory=Counter)
    marked: set[str] = field(default_factory=set)


def propose(lake: Lake, url: str, now: dt.datetime) -> list[Proposal]:
    """The datasets that a lake seems to hold, by name.

    Raises:
        LakeError: the lake does not answer or refuses.
    """
    groups: dict[str, _Group] = {}
    logs: set[str] = set()
    for path in _sample(lake):
        table, log, _ = path.rpartition(_DELTA_LOG)
        if log:
            logs.add(table)
        folders, name = path.split("/")[:-1], path.rpartition("/")[2]
        template, depth = _template(folders)
        if not depth:
            continue
        group = groups.setdefault(template, _Group())
        partition = "/".join(folders[:depth])
        group.paths.add(partition)
        group.unpadded |= bool(re.search(r"=\d(?:/|$)", partition))
        if name == "_SUCCESS":
            group.marked.add(partition)
        elif not name.startswith(("_", ".")):
            group.endings[_ending(name)] += 1
    proposals: list[Proposal] = []
    for template, group in groups.items():
        proposal = _proposal(template, group, url)
        if proposal is not None:
            folder = proposal.dataset.folder
            proposal = _as_delta_table(proposal, folder) if folder in logs else proposal
            proposals.append(_with_rows(proposal, lake, now))
    return _named(proposals)


def toml_of(proposals: Sequence[Proposal], command: Sequence[str]) -> str:
    """The text of a configuration file with the proposed datasets and, if there is a command, a runner for it."""
    lines: list[str] = []
    for proposal in proposals:
        dataset = proposal.dataset
        lines += [f"# {one_line(note)}" for note in proposal.notes]
        options: dict[str, object] = {
            "url": dataset.lake,
            **({"key": dataset.key_format} if dataset.key_format else {"key_column": dataset.key_column}),
            "grain": dataset.grain.value,
            "adapter": dataset.adapter,
            "format": dataset.format,
            "lag": dataset.lag,
            **({} if dataset.adapter == "delta" else {"settle": 600}),
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
            '# The command that makes one partition; then add runner = "pipeline" to its dataset.',
            "# [runners.pipeline]",
            '# command = ["python", "etl.py", "--day", "{key}"]',
        ]
    return "\n".join(lines) + "\n"


def _sample(lake: Lake) -> Iterator[str]:
    """The keys of a bounded sample of objects, from both ends of every level."""
    pending: list[tuple[str, int]] = [("", 0)]
    count = 0
    while pending and count < _MAX_FILES:
        folder, depth = pending.pop()
        above = f"{folder}/" if folder else ""
        names = sorted(lake.names(folder, 1000))
        children = [name for name in names if name.endswith("/") and not name.startswith(("_t", "."))]
        for name in names:
            if not name.endswith("/"):
                count += 1
                yield above + name
        if depth < _MAX_DEPTH:
            half = _CHILDREN // 2
            chosen = children if len(children) <= _CHILDREN else children[:half] + children[-half:]
            pending += [(above + name.rstrip("/"), depth + 1) for name in chosen]


def _template(folders: Sequence[str]) -> tuple[str, int]:
    """The key format of a path, and how many of its folders belong to the key; 0 when no folder holds a date."""
    names: list[str] = []
    seen: set[str] = set()
    depth = 0
    for number, folder in enumerate(folders, 1):
        name = _templated(folder, seen)
        if name is not None:
            depth = number
        names.append(name or folder)
    return "/".join(names[:depth]), depth


def _templated(folder: str, seen: set[str]) -> str | None:
    """The name of a folder with the date in it as a field; None when it holds no date. `seen` gathers directives."""
    if "{" in folder or "}" in folder:
        return None
    for pattern, directives in _DATES:
        match = pattern.search(folder)
        if match is not None and not seen & {"%Y", "%G"}:
            seen.update(re.findall(r"%.", directives))
            return f"{folder[: match.start()]}{{start:{directives}}}{folder[match.end() :]}"
    for pattern, directive in _LEVELS:
        if pattern.fullmatch(folder) and directive not in seen:
            seen.add(directive)
            return f"{folder.partition('=')[0]}={{start:{directive}}}"
    expected = next((directive for directive in _PLAIN if directive not in seen), None)
    digits = 4 if expected == "%Y" else 2
    if expected is not None and re.fullmatch(rf"\d{{{digits}}}", folder):
        seen.add(expected)
        return f"{{start:{expected}}}"
    return None


def _proposal(template: str, group: _Group, url: str) -> Proposal | None:
    """The proposal for partitions of one form; None when their names are not keys of any grain."""
    if group.unpadded:
        template = re.sub(r"=\{start:%([mdH])\}", r"={start:%-\1}", template)
    grains = _grains(template)
    if len(group.paths) < _SURE:
        # A single Monday does not make weeks.
        grains = grains[-1:]
    for grain in grains:
        try:
            dataset = Dataset("dataset", url, template, _format(group), adapter=_adapter(group), grain=grain)
        except DatasetError:
            continue
        keys = sorted(key for path in group.paths if (key := dataset.day(path)) is not None)
        if len(keys) == len(group.paths) or (keys and grain is grains[-1]):
            return _described(dataset, keys, group)
    return None


def _as_delta_table(proposal: Proposal, folder: str) -> Proposal:
    """The proposal for a Delta table whose partition column is in the names of its folders."""
    dataset = proposal.dataset
    column = dataset.key_format.removeprefix(f"{folder}/").partition("=")[0]
    table = replace(
        dataset,
        lake=f"{dataset.lake.rstrip('/')}/{folder}",
        key_format="",
        adapter="delta",
        key_column=column,
    )
    notes = (*proposal.notes[:2], f"{folder}/_delta_log is there: adapter delta, by the column {column}")
    return replace(proposal, dataset=table, notes=notes)


def _described(dataset: Dataset, keys: Sequence[Key], group: _Group) -> Proposal:
    fit = f"{len(keys)} of {len(group.paths)} folders of the sample fit the key format"
    marked = f"{len(group.marked)} of {len(group.paths)} have a _SUCCESS marker: adapter {dataset.adapter}"
    notes = (fit, f"grain {dataset.grain}: {key_text(keys[0])} to {key_text(keys[-1])}", marked)
    sure = len(keys) == len(group.paths) >= _SURE and len(group.marked) in (0, len(group.paths))
    return Proposal(dataset, keys[0], keys[-1], notes, sure)


def _grains(template: str) -> list[Grain]:
    """The grains that a key format can have, the coarsest first: days that are all Mondays are weeks."""
    if "%H" in template or "%-H" in template:
        return [Grain.HOUR]
    if "%V" in template:
        return [Grain.WEEK]
    if "%d" in template or "%-d" in template:
        return [Grain.MONTH, Grain.WEEK, Grain.DAY]
    return [Grain.MONTH]


def _adapter(group: _Group) -> Adapter:
    return "marker" if 2 * len(group.marked) > len(group.paths) else "files"


def _format(group: _Group) -> Format:
    ending = group.endings.most_common(1)[0][0] if group.endings else ""
    return "parquet" if ending == "parquet" else "csv" if ending == "csv" else "raw"


def _ending(name: str) -> str:
    """The ending of a data file's name without that of its compression."""
    return re.sub(r"\.(gz|bz2|zst|snappy)$", "", name.lower()).rpartition(".")[2]


def _with_rows(proposal: Proposal, lake: Lake, now: dt.datetime) -> Proposal:
    """The proposal with half of the fewest rows of its newest partitions as `min_rows`."""
    dataset = replace(proposal.dataset, settle=0.0)
    grain = dataset.grain
    count = min(_CHECKED, grain.index(proposal.last) - grain.index(proposal.first) + 1)
    first = grain.key_at(grain.index(proposal.last) - count + 1)
    window = Window.between(first, proposal.last, max(grain.floor(now), proposal.last), 0, grain)
    completeness = check(dataset, window, lake=lake, strays=False)
    rows = [p.rows for p in completeness.partitions if p.available and p.rows is not None]
    problems = [p for p in completeness.partitions if not p.available]
    notes = list(proposal.notes)
    if rows:
        notes.append(f"the newest {len(rows)} partitions have {min(rows):,} to {max(rows):,} rows")
    notes += [f"{key_text(p.day)} is {p.state.value}: {p.reason}" for p in problems[:3]]
    min_rows = max(1, min(rows) // 2) if rows else 1
    return replace(proposal, dataset=replace(proposal.dataset, min_rows=min_rows), notes=tuple(notes))


def _named(proposals: Iterable[Proposal]) -> list[Proposal]:
    """The proposals with a name each, made from the last fixed folder of the key."""
    named: dict[str, Proposal] = {}
    for proposal in sorted(proposals, key=lambda each: each.dataset.key_format):
        fixed = (
            proposal.dataset.folder.rpartition("/")[2] or proposal.dataset.lake.rstrip("/").rpartition("/")[2]
        )
        base = re.sub(r"[^A-Za-z0-9_-]+", "_", fixed).strip("_") or "dataset"
        name, number = base, 2
        while name in named:
            name, number = f"{base}_{number}", number + 1
        named[name] = replace(proposal, dataset=replace(proposal.dataset, name=name))
    return list(named.values())
