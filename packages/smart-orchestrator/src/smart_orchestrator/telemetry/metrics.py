"""Metrics for Prometheus: the coverage, the oldest gap and the lateness of each dataset, and the runs and requests of this machine.

The labels are names of datasets and fixed words, never a partition key, so the number of series does not grow with time.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smart_orchestrator.extras import extra

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.freshness import FreshnessReport
    from smart_orchestrator.runners.ledger import Ledger

logger = logging.getLogger(__name__)

_PREFIX = "smart_orchestrator"


@dataclass(frozen=True, slots=True)
class DatasetMetrics:
    """The values from which the metrics of a dataset are computed.

    Attributes:
        completeness: a check of the default window of the dataset.
        zone: the time zone of the keys.
        freshness: the freshness of the dataset; None if it has no objective.
        checked_at: the time of the check.
    """

    completeness: Completeness
    zone: dt.tzinfo
    freshness: FreshnessReport | None
    checked_at: dt.datetime

    @property
    def oldest_gap_seconds(self) -> float:
        """The time since the end of the span of the oldest missing partition; 0 if no partition is missing."""
        missing = self.completeness.missing
        if not missing:
            return 0.0
        return (self.checked_at - self.completeness.window.grain.end(missing[0], self.zone)).total_seconds()


def metric_families(datasets: Sequence[DatasetMetrics], runs: Mapping[str, int]) -> Iterator[Any]:
    """Yield the metric families of the `prometheus_client` for datasets, and for `runs`, the numbers of this machine's runs by state.

    Raises:
        MissingExtra: the `prometheus_client` is not installed.
    """
    yield from _dataset_families(datasets)
    yield from _freshness_families([item.freshness for item in datasets if item.freshness is not None])
    yield _gauge("runs", "Runs of pipelines that this machine has recorded, by state.", "state", runs.items())


def _dataset_families(datasets: Sequence[DatasetMetrics]) -> Iterator[Any]:
    checks = [(item.completeness.dataset, item.completeness) for item in datasets]
    yield _gauge(
        "coverage_ratio",
        "Available partitions of the window, divided by the expected ones.",
        "dataset",
        ((name, check.coverage_pct / 100) for name, check in checks),
    )
    yield _gauge(
        "window_ready",
        "Whether the window is ready under its policy (1) or not (0).",
        "dataset",
        ((name, float(check.ready)) for name, check in checks),
    )
    yield _gauge(
        "missing_partitions",
        "Expected partitions of the window that are not available.",
        "dataset",
        ((name, len(check.missing)) for name, check in checks),
    )
    yield _gauge(
        "oldest_gap_seconds",
        "Time since the end of the span of the oldest missing partition; 0 without one.",
        "dataset",
        ((item.completeness.dataset, item.oldest_gap_seconds) for item in datasets),
    )
    yield _gauge(
        "last_check_timestamp_seconds",
        "Time of the check from which the metrics of the dataset were made.",
        "dataset",
        ((item.completeness.dataset, item.checked_at.timestamp()) for item in datasets),
    )
    requests = _gauge(
        "check_requests", "Requests of the last check to the lake, by kind.", "dataset,kind", ()
    )
    for name, check in checks:
        for kind, count in check.requests.items():
            requests.add_metric([name, kind], count)
    yield requests


def _freshness_families(reports: Sequence[FreshnessReport]) -> Iterator[Any]:
    yield _gauge(
        "late_partitions",
        "Judged partitions that missed their deadline and are not available.",
        "dataset",
        ((report.dataset, len(report.late)) for report in reports),
    )
    yield _gauge(
        "lateness_seconds",
        "Time since the earliest missed deadline of a late partition; 0 without one.",
        "dataset",
        ((report.dataset, report.lateness.total_seconds()) for report in reports),
    )
    yield _gauge(
        "freshness_objective_met",
        "Whether the objective of freshness is met (1) or not (0).",
        "dataset",
        ((report.dataset, float(report.met)) for report in reports),
    )


def _gauge(name: str, text: str, labels: str, values: Iterable[tuple[str, float]]) -> Any:
    """Return a gauge. `values` has the number for each value of the label.

    `labels` is the name of the label. If it names several labels, separated by commas, the caller adds the values.
    """
    with extra("prometheus"):
        from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(f"{_PREFIX}_{name}", text, labels=labels.split(","))
    for label, value in values:
        family.add_metric([label], value)
    return family


def count_runs(ledger: Ledger) -> dict[str, int]:
    """Count the runs in the ledger of this machine, by state.

    Raises:
        RunsError: the state folder or the ledger cannot be used.
    """
    with ledger.connection() as database:
        return dict(database.execute("SELECT state, count(*) FROM runs GROUP BY state").fetchall())


def registry_of(families: Iterable[Any]) -> Any:
    """Return a registry of the `prometheus_client` with fixed metric families."""
    with extra("prometheus"):
        from prometheus_client import CollectorRegistry

    class FixedCollector:
        def __init__(self) -> None:
            self._families = list(families)

        def collect(self) -> Iterable[Any]:
            return self._families

    registry = CollectorRegistry()
    registry.register(FixedCollector())
    return registry


def write_textfile(path: Path, families: Iterable[Any]) -> None:
    """Replace a file atomically by metrics in the text format of Prometheus, for the textfile collector of node_exporter.

    A file that cannot be written is logged as a warning, because metrics must not fail a run.

    Raises:
        MissingExtra: the `prometheus_client` is not installed.
    """
    with extra("prometheus"):
        from prometheus_client import write_to_textfile

    try:
        write_to_textfile(str(path), registry_of(families))
    except OSError as error:
        logger.warning("The metrics cannot be written to %s: %s.", path, error.strerror)
