"""Compute the tables of a checked window and publish them atomically.

An error leaves the warehouse unchanged.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING

from smart_orchestrator.foreign import one_line
from wiki_trends.errors import NothingPublished, WindowNotReady
from wiki_trends.warehouse.base import EVIDENCE, REPLACEMENT_KEYS, RESTATEMENTS, RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.model.window import Window
    from wiki_trends.analytics.engines.base import Engine
    from wiki_trends.analytics.page_history import PageHistory
    from wiki_trends.analytics.page_rules import PageRules
    from wiki_trends.analytics.restatements import PublishedDay
    from wiki_trends.warehouse.base import ArrowStream, Warehouse

    EvidenceSource = Callable[[ArrowStream, str, dt.date, dt.date], ArrowStream | None]

_SCORES = "wiki_trends_scores"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Analysis:
    """The inputs and results of one analysis.

    Attributes:
        window: the window that was analysed.
        days: the days of the window that were read, oldest first.
        fingerprints: the fingerprint of the partition of each of these days, by ISO day.
        rows: the number of rows of each published table, by name.
        seconds: the duration from the first read to the end of the publish.
        run: the run that was added to `wiki_trends_runs`; the last published run when the publish changed nothing.
    """

    window: Window
    days: tuple[dt.date, ...]
    fingerprints: Mapping[str, str]
    rows: Mapping[str, int]
    seconds: float
    run: RunRecord

    def to_json(self) -> dict[str, object]:
        """Return the document that `analyze --json` prints."""
        return {
            "window": {"start": self.window.start.isoformat(), "end": self.window.last.isoformat()},
            "days": [day.isoformat() for day in self.days],
            "coverage_pct": self.run.coverage_pct,
            "fingerprints": dict(self.fingerprints),
            "rows": dict(self.rows),
            "seconds": round(self.seconds, 3),
        }


def now_utc() -> dt.datetime:
    """Return the current time in UTC."""
    return dt.datetime.now(tz=dt.UTC)


def analyze(
    dataset: DailyDataset,
    completeness: Completeness,
    warehouse: Warehouse,
    *,
    engine: Engine | None = None,
    history: PageHistory | None = None,
    renamed: Mapping[str, str] | None = None,
    evidence: EvidenceSource | None = None,
    recompute: bool = False,
    keep_newer: bool = False,
    clock: Callable[[], dt.datetime] = now_utc,
) -> Analysis:
    """Read the partitions of a checked window and of its baseline, compute all tables, and publish them.

    The baseline consists of the available partitions of the 56 days before the window. This function inspects them. With few or no
    available partitions, the scores are less certain, and their `confidence` is lower. The pages that `page_rules.pages_of_programs`
    returns are left out of all tables.

    Args:
        dataset: the diamond layer.
        completeness: the check of the window, which contains the partitions to read.
        warehouse: the warehouse to publish the tables to.
        engine: the engine that computes the tables; by default DuckDB.
        history: the exact views of some pages, which replace bounds and missing days; by default none.
        renamed: the newest title for each older title of a page; by default none. Both titles are analysed as one page.
        evidence: a function that makes the table `wiki_trends_evidence`. Its arguments are the scores, the name of the dataset, and the
            first and the last day of the window. Without a function, or if it returns None, no evidence is published.
        recompute: whether to publish only the rows of this window in the tables that keep earlier windows. The current tables then
            stay those of the window that was published last.
        keep_newer: whether to keep a published window of the same dataset that ends later.
        clock: a function that returns the current time, with a time zone.

    Raises:
        WindowNotReady: the window does not fulfil the policy of the check, or none of its days is available.
        PartitionChanged: a partition of the window has changed since the check, or a restated partition of the baseline while it was
            compared with the published values.
        ContractError: the rows of a partition of the window violate the contract.
        LakeError: the lake does not respond, or rejects a request.
        NewerPublished: `keep_newer` is set, and such a window is published.
        EngineError: the engine is not installed, cannot be reached, or fails.
        WarehouseError: the warehouse cannot be read, or the tables cannot be published. An unreadable warehouse is reported
            before the tables are computed.
    """
    from wiki_trends.analytics.engines.base import DUCKDB, Inputs
    from wiki_trends.analytics.engines.opening import open_engine
    from wiki_trends.analytics.page_history import PageHistory
    from wiki_trends.analytics.page_rules import PageRules, flagged_pages, pages_of_programs
    from wiki_trends.analytics.restatements import replaced_days, restatement_rows
    from wiki_trends.analytics.tables.pipeline_runs import NAME as PIPELINE_RUNS
    from wiki_trends.analytics.tables.pipeline_runs import pipeline_runs
    from wiki_trends.analytics.window_rows import baseline_of

    if not completeness.ready or not completeness.available:
        missing = [day.isoformat() for day in completeness.missing]
        raise WindowNotReady(
            window=str(completeness.window), missing=missing, coverage_pct=completeness.coverage_pct
        )
    start_time = time.monotonic()
    window = completeness.window
    partitions = completeness.usable
    available_baseline = baseline_of(dataset, window)
    replaced: Mapping[dt.date, PublishedDay] = {}
    # Open the warehouse first, so that an unreadable warehouse is reported before the tables are computed.
    with suppress(NothingPublished), warehouse.reading() as reader:
        replaced = replaced_days(reader, run_record(dataset, completeness, available_baseline))
    history = history or PageHistory()
    rules = PageRules(pages_of_programs([*available_baseline, *partitions]), renamed or {})
    if rules.left_out:
        logger.info("left out, probably read by programs: %s", one_line(", ".join(sorted(rules.left_out))))
    renamed_history = rename_pages_of_history(history, rules)
    inputs = Inputs(dataset, window, partitions, available_baseline, renamed_history, rules)
    logger.info("reading %d days", len(inputs.used) + len(inputs.baseline))
    with (engine or open_engine(DUCKDB)).compute(inputs) as computed:
        # The engine omits the partitions of `inputs.baseline` that it cannot read.
        baseline = computed.baseline
        run = run_record(dataset, completeness, baseline, clock(), history)
        run = replace(
            run,
            states=_with_waivers(dataset, completeness, run.states),
            recomputed=recompute,
            left_out=tuple(sorted(rules.left_out)),
            flagged=tuple(sorted(rules.newest_titles(flagged_pages(partitions) - rules.left_out))),
            renamed=_renamed_in(computed.tables, rules),
        )
        read_partitions = [*baseline, *partitions]
        tables: dict[str, ArrowStream] = {
            **computed.tables,
            PIPELINE_RUNS: pipeline_runs(read_partitions),
        }
        if replaced:
            restatements = restatement_rows(dataset, read_partitions, replaced, run.published_at, rules)
            tables |= {RESTATEMENTS: restatements} if restatements.height else {}
        if recompute:
            # The tables with replacement keys keep the rows of earlier windows. Each other table has the rows of one window.
            tables = {name: table for name, table in tables.items() if name in REPLACEMENT_KEYS}
        if evidence is not None:
            evidence_table = evidence(computed.tables[_SCORES], dataset.name, window.start, window.last)
            if evidence_table is not None:
                tables[EVIDENCE] = evidence_table
        run = replace(run, seconds=round(time.monotonic() - start_time, 3))
        published = warehouse.publish(tables, run, keep_newer=keep_newer)
    return Analysis(
        window=window,
        days=published.days_used,
        fingerprints=published.fingerprints,
        rows=published.rows,
        seconds=time.monotonic() - start_time,
        run=published,
    )


def _renamed_in(tables: Mapping[str, ArrowStream], rules: PageRules) -> dict[str, str]:
    """Return the newest title for each older title, for the pages that have scores. Other renamed pages are not in the tables."""
    if not rules.renamed:
        return {}
    import polars as pl

    from wiki_trends.warehouse.arrow import StreamOnly

    pages = set(pl.DataFrame(StreamOnly(tables[_SCORES]))["page"])
    return {old: new for old, new in sorted(rules.renamed.items()) if new in pages}


def rename_pages_of_history(history: PageHistory, rules: PageRules) -> PageHistory:
    """Return the history with the newest title of each page."""
    import polars as pl

    if history.rows is None or not rules.renamed:
        return history
    return replace(history, rows=rules.rename_history(pl.DataFrame(history.rows)))


def run_record(
    dataset: DailyDataset,
    completeness: Completeness,
    baseline: Iterable[Partition],
    now: dt.datetime | None = None,
    history: PageHistory | None = None,
) -> RunRecord:
    """Return the run that a publish of this window would add, without the values that only `analyze` or the publish sets.

    Args:
        dataset: the diamond layer.
        completeness: the check of the window.
        baseline: the partitions of the baseline.
        now: the time of the publish; by default the current time.
        history: the exact views of some pages; by default none.
    """
    partitions, baseline = completeness.usable, tuple(baseline)
    return RunRecord(
        dataset=dataset.name,
        window_start=completeness.window.start,
        window_end=completeness.window.last,
        as_of=completeness.window.as_of,
        lag_days=completeness.window.lag,
        days_used=tuple(partition.day for partition in partitions),
        expected=len(completeness.expected),
        coverage_pct=completeness.coverage_pct,
        policy=json.dumps(completeness.policy.to_json(), sort_keys=True),
        fingerprints=_fingerprints(partitions),
        baseline=_fingerprints(baseline),
        published_at=now or now_utc(),
        version=version("wiki-trends"),
        states={
            partition.day.isoformat(): {
                "state": partition.state,
                "code": partition.code,
                "reason": partition.reason,
            }
            for partition in completeness.partitions
        },
        history=dict(history.fingerprints) if history is not None else {},
        history_problem=history.problem if history is not None else "",
        contents={
            partition.day.isoformat(): partition.content
            for partition in (*baseline, *partitions)
            if partition.content is not None
        },
    )


def _with_waivers(
    dataset: DailyDataset, completeness: Completeness, states: Mapping[str, Mapping[str, str]]
) -> Mapping[str, Mapping[str, str]]:
    """Add `waived_by` to the state of each waived day, if the waiver has an author."""
    if not completeness.waived:
        return states
    from smart_orchestrator.store.opening import lake_of
    from smart_orchestrator.waiver_store import waivers

    recorded = waivers(dataset, lake_of(dataset), completeness.waived)
    authors = {day.isoformat(): waiver.by for day, waiver in recorded.items() if waiver.by}
    return {
        day: {**state, "waived_by": authors[day]} if day in authors else state
        for day, state in states.items()
    }


def _fingerprints(partitions: Iterable[Partition]) -> dict[str, str]:
    return {partition.day.isoformat(): partition.fingerprint or "" for partition in partitions}
