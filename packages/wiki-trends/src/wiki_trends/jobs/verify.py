"""Recompute a published window from the partitions that its publish read, and compare the tables.

`verify` reads every byte of these partitions. If a partition is gone or has changed, the tables cannot be recomputed, and are not
compared. A table is compared in memory, one table at a time.
"""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smart_orchestrator.adapters.manifest import Depth, InspectOptions
from smart_orchestrator.checking import check
from smart_orchestrator.model.window import Window
from wiki_trends.config.layers import layers
from wiki_trends.jobs.history import history_of_run
from wiki_trends.jobs.receipt import find_run
from wiki_trends.warehouse import open_warehouse
from wiki_trends.warehouse.base import KEYS, REPLACEMENT_KEYS, RUN_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.text.reports import Line
    from wiki_trends.analytics.page_history import PageHistory
    from wiki_trends.config.settings import Settings
    from wiki_trends.warehouse.base import Reader, RunRecord

_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Verification:
    """The comparison of a published window with its recomputation.

    Attributes:
        run: the record of the publish.
        changed: the reason for each partition that is gone or has changed. The keys are ISO days, and texts such as
            `page history of 2025-11-05` for the exact views of pages.
        differing_rows: the number of differing rows of each compared table; empty if a partition has changed.
    """

    run: RunRecord
    changed: Mapping[str, str]
    differing_rows: Mapping[str, int] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Whether no partition has changed and every compared table is equal."""
        return not self.changed and not any(self.differing_rows.values())

    def to_json(self) -> dict[str, object]:
        """Return the document that `verify --json` prints."""
        return {
            "window": {"start": self.run.window_start.isoformat(), "end": self.run.window_end.isoformat()},
            "version": self.run.version,
            "equal": self.equal,
            "changed": dict(self.changed),
            "differing_rows": dict(self.differing_rows),
        }


def verify(settings: Settings, window: str | None) -> Verification:
    """Compare a published window with a recomputation from the same partitions.

    All tables of the window that was published last are compared. Of an earlier window, only the scores are compared, because
    the other tables are replaced by each publish.

    Args:
        settings: the settings of the lake, the project, the engine and the warehouse.
        window: the first and the last day as `START..END`; None for the window that was published last.

    Raises:
        SettingError: the window was not published, or the published tables are of another project than the settings.
        LakeError: the lake cannot be read.
        EngineError: the tables cannot be computed.
        WarehouseError: the warehouse cannot be read.
    """
    dataset = layers(settings).diamond
    with open_warehouse(settings.warehouse).reading() as reader:
        run = find_run(reader, settings, window)
        recorded = {**run.baseline, **run.fingerprints}
        partitions = _read_partitions(dataset, run, recorded)
        history = history_of_run(settings, run)
        changed = _changed_partitions(partitions, recorded, run) | _changed_history(run, history)
        if changed:
            return Verification(run, changed)
        names = list(run.rows)
        if run != reader.last_run():
            names = [name for name in names if "window_start" in REPLACEMENT_KEYS.get(name, ())]
        return Verification(run, {}, _compare_tables(settings, reader, run, partitions, history, names))


def _read_partitions(dataset: DailyDataset, run: RunRecord, recorded: Iterable[str]) -> dict[str, Partition]:
    """Inspect all days from the first to the last recorded day, and read the rows of their partitions."""
    first_day = min(date.fromisoformat(day) for day in recorded)
    window = Window.between(first_day, run.window_end, as_of=run.as_of, lag=run.lag_days)
    completeness = check(dataset, window, options=InspectOptions(Depth.ROWS), strays=False)
    return {partition.day.isoformat(): partition for partition in completeness.partitions}


def _changed_partitions(
    partitions: Mapping[str, Partition], recorded: Mapping[str, str], run: RunRecord
) -> dict[str, str]:
    reasons = {}
    for day, fingerprint in sorted(recorded.items()):
        partition = partitions[day]
        if not partition.available:
            reasons[day] = f"{partition.code}: {partition.reason}"
        elif partition.fingerprint != fingerprint:
            equal = partition.content is not None and partition.content == run.contents.get(day)
            reasons[day] = "it was written again, with equal data" if equal else "its data have changed"
    return reasons


def _changed_history(run: RunRecord, history: PageHistory) -> dict[str, str]:
    recorded = {day: fingerprint for day, fingerprint in run.history.items() if fingerprint}
    if history.problem and recorded:
        return {"page history": history.problem}
    days = sorted(recorded.keys() | history.partitions.keys())
    return {
        f"page history of {day}": "its data have changed"
        for day in days
        if recorded.get(day) != history.partitions.get(day)
    }


def _compare_tables(
    settings: Settings,
    reader: Reader,
    run: RunRecord,
    partitions: Mapping[str, Partition],
    history: PageHistory,
    names: Iterable[str],
) -> dict[str, int]:
    """Recompute the tables of a run in a temporary warehouse; return the number of differing rows of each table."""
    from wiki_trends.analytics.analyze import rename_pages_of_history
    from wiki_trends.analytics.engines.base import Inputs
    from wiki_trends.analytics.engines.opening import open_engine
    from wiki_trends.analytics.page_rules import PageRules
    from wiki_trends.analytics.tables.pipeline_runs import NAME as PIPELINE_RUNS
    from wiki_trends.analytics.tables.pipeline_runs import pipeline_runs

    used = [partitions[day] for day in sorted(run.fingerprints)]
    baseline = [partitions[day] for day in sorted(run.baseline)]
    window = Window.between(run.window_start, run.window_end, as_of=run.as_of, lag=run.lag_days)
    rules = PageRules(frozenset(run.left_out), run.renamed)
    renamed_history = rename_pages_of_history(history, rules)
    inputs = Inputs(
        dataset=layers(settings).diamond,
        window=window,
        used=used,
        baseline=baseline,
        history=renamed_history,
        rules=rules,
    )
    with tempfile.TemporaryDirectory() as folder:
        recomputed = open_warehouse(f"duckdb:///{Path(folder) / 'recomputed.duckdb'}")
        with open_engine(settings.engine).compute(inputs) as computed:
            tables = {**computed.tables, PIPELINE_RUNS: pipeline_runs([*computed.baseline, *used])}
            # The temporary warehouse has only this publish, so it must count as the publish of the current tables.
            recomputed.publish(tables, replace(run, recomputed=False))
        with recomputed.reading() as recomputed_reader:
            return {
                name: _count_differing_rows(recomputed_reader, reader, name, run)
                for name in names
                if name in tables
            }


def _count_differing_rows(recomputed: Reader, published: Reader, name: str, run: RunRecord) -> int:
    condition, values = _rows_of_run(name, run)
    sql = f"SELECT * FROM {name} WHERE {condition}"  # noqa: S608 - the names are those of `KEYS`
    ignored = RUN_COLUMNS.get(name, {}).keys()
    expected = {_key(name, row): row for batch in recomputed.batches(sql, *values) for row in batch}
    # A publish replaces single rows of some tables. In these tables, rows that the recomputation does not have are those of other runs.
    replaces_rows = REPLACEMENT_KEYS.get(name) == KEYS[name]
    differing = 0
    for batch in published.batches(sql, *values):
        for row in batch:
            if replaces_rows and _key(name, row) not in expected:
                continue
            recomputed_row = expected.pop(_key(name, row), None)
            if recomputed_row is None or not _rows_match(recomputed_row, row, ignored):
                differing += 1
    # The remaining recomputed rows have no published row.
    return differing + len(expected)


def _rows_of_run(name: str, run: RunRecord) -> tuple[str, list[object]]:
    """Return the condition and its values that select the rows of a run, because a table may keep rows of earlier runs."""
    columns = REPLACEMENT_KEYS.get(name, ())
    if "window_start" in columns:
        return " AND ".join(f"{column} = ?" for column in columns), [
            getattr(run, column) for column in columns
        ]
    if columns == ("date",):
        days = [date.fromisoformat(day) for day in sorted({*run.baseline, *run.fingerprints})]
        return f"date IN ({', '.join('?' for _ in days)})", list(days)
    return "1 = 1", []


def _key(name: str, row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[column] for column in KEYS[name])


def _rows_match(expected: Mapping[str, Any], row: Mapping[str, Any], ignored: Iterable[str]) -> bool:
    """Return whether a published row has the recomputed values. Columns that a user added are ignored."""
    compared = expected.keys() - set(ignored)
    return all(column in row and _values_match(expected[column], row[column]) for column in compared)


def _values_match(expected: Any, value: Any) -> bool:
    """Return whether two values are equal. Floats may differ by 1e-9, because engines add numbers in different orders."""
    if isinstance(expected, float) and isinstance(value, float):
        return math.isclose(expected, value, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    if isinstance(expected, list | tuple) and isinstance(value, list | tuple):
        return len(expected) == len(value) and all(map(_values_match, expected, value))
    if isinstance(expected, dict) and isinstance(value, dict):
        return expected.keys() == value.keys() and all(
            _values_match(item, value[key]) for key, item in expected.items()
        )
    return bool(expected == value)


def verification_lines(verification: Verification) -> list[Line]:
    """Return the comparison as lines for the terminal."""
    run = verification.run
    lines: list[Line] = [
        (f"{run.window_start} .. {run.window_end}, published by wiki-trends {run.version}", "")
    ]
    lines += [(f"  {day}: {reason}", "bad") for day, reason in verification.changed.items()]
    if verification.changed:
        lines.append(("The tables were not compared, because their partitions have changed.", "warn"))
    for name, count in verification.differing_rows.items():
        lines.append((f"  {name}: {count:,} rows differ", "bad") if count else (f"  {name}: equal", "good"))
    return lines
