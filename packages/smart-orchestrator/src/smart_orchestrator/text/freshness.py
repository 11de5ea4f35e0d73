"""Render the freshness of datasets as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.model.freshness import Freshness
from smart_orchestrator.model.grain import key_text

if TYPE_CHECKING:
    from smart_orchestrator.model.freshness import FreshnessReport, PartitionFreshness
    from smart_orchestrator.text.reports import Line

_STYLES = {
    Freshness.FRESH: "good",
    Freshness.LATE: "bad",
    Freshness.RECOVERED: "warn",
    Freshness.UNKNOWN: "dim",
}


def freshness_lines(report: FreshnessReport) -> list[Line]:
    """Return the lines of one dataset: whether the objective is met, then the judged partitions, oldest first."""
    counts = [sum(p.state is state for p in report.partitions) for state in Freshness]
    summary = ", ".join(f"{count} {state}" for state, count in zip(Freshness, counts, strict=True) if count)
    verdict = "in time" if report.met else "late"
    lines: list[Line] = [(f"{report.dataset}  {verdict}: {summary}", "good" if report.met else "bad")]
    return lines + [_partition_line(partition) for partition in report.partitions]


def _partition_line(partition: PartitionFreshness) -> Line:
    text = (
        f"  {key_text(partition.key)}  {partition.state.value:<9}  "
        f"due {partition.deadline:%Y-%m-%d %H:%M} UTC: {partition.reason}"
    )
    return text, _STYLES[partition.state]
