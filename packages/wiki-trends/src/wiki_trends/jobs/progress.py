"""Report the progress of the pipeline and of a long analysis, measure the phases of a job, and write its summary.

The progress of an analysis is the log records of the packages in `LOGGER_NAMES`.
In Airflow, nothing calls this module, and the log of the task contains these records.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Protocol

from smart_orchestrator.backfilling.reporter import Reporter

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.text.reports import Line
    from wiki_trends.jobs.main import MainJob

# At INFO, these packages log only their current step, such as "reading 30 days" or "computing wiki_trends_growth".
LOGGER_NAMES = (
    "wiki_trends.analytics",
    "wiki_trends.pipeline.history",
    "wiki_trends.queries",
    "wiki_trends.warehouse",
)


class PipelineReporter(Reporter, Protocol):
    """A `Reporter` that also gets the steps and the requests of the runs in this process, from the threads of the runs."""

    def step(self, key: dt.date, text: str) -> None:
        """Report that a run reached a step; `text` describes the step."""
        ...

    def requested(self) -> None:
        """Report that a run sends a request to Wikimedia."""
        ...


def show_progress(write: Callable[[str], None] | None = None) -> None:
    """Write each later log record of the packages in `LOGGER_NAMES`.

    By default, the records are written to stderr, at most one every few seconds.
    """
    if write is None:
        from smart_orchestrator.text.reporter import TextReporter

        write = TextReporter(sys.stderr).status
    handler = _LineHandler(write)
    for name in LOGGER_NAMES:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False


class _LineHandler(logging.Handler):
    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        self._write(record.getMessage())


class PhaseTimer:
    """Measures the seconds that each phase of the main job takes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._phase_started_at = time.monotonic()
        self._timed_seconds = 0.0

    def timed(self, name: str, function: Callable[[], Completeness]) -> Callable[[], Completeness]:
        """Return a function that calls `function`, and counts the time of the call for phase `name`, not for the current phase."""

        def call() -> Completeness:
            started_at = time.monotonic()
            try:
                return function()
            finally:
                elapsed = time.monotonic() - started_at
                self._timed_seconds += elapsed
                self.seconds[name] = self.seconds.get(name, 0.0) + elapsed

        return call

    def end_phase(self, name: str) -> None:
        """End the current phase, and record its time as phase `name`, without the time in `timed` functions."""
        now = time.monotonic()
        self.seconds[name] = now - self._phase_started_at - self._timed_seconds
        self._phase_started_at, self._timed_seconds = now, 0.0


def summary_lines(job: MainJob) -> list[Line]:
    """Return the summary of a main job, which `run` prints before the report."""
    from smart_orchestrator.model.partition import Code
    from smart_orchestrator.text.reports import unfinished_lines

    after = job.backfill.completeness
    outcome = job.backfill.outcome
    lines: list[Line] = []
    if outcome.started or outcome.followed or outcome.failed:
        text = f"backfill: {len(outcome.filled)} filled, {len(outcome.failed)} failed; runs started "
        text += f"{len(outcome.started)}, followed {len(outcome.followed)}"
        lines.append((text, ""))
    lines += unfinished_lines(outcome.abandoned, after.window.grain)
    lines.append((f"coverage {after.coverage_pct:.1f} %", "good" if after.complete else "bad"))
    unusual = [partition for partition in after.partitions if partition.code is Code.UNUSUAL_VOLUME]
    lines += [(f"unusual volume: {partition.day}: {partition.reason}", "warn") for partition in unusual]
    lines += [(f"restated: {restatement.text}", "warn") for restatement in job.restatements]
    if job.recomputed:
        first, last = job.recomputed[0], job.recomputed[-1]
        windows = f"{len(job.recomputed)} earlier window{'' if len(job.recomputed) == 1 else 's'}"
        text = f"computed again: the scores of {windows}, {first.window_start} .. {last.window_end}"
        lines.append((text, ""))
    if job.history is not None:
        from wiki_trends.jobs.history import history_lines

        lines += history_lines(job.history)
    if job.published is not None:
        rows = ", ".join(f"{table} {count:,}" for table, count in job.published.rows.items())
        verb = "already published, and nothing has changed since" if job.unchanged_run else "published"
        lines.append((f"{verb}: {rows} rows", ""))
    else:
        lines.append(
            ("The window is not ready, so nothing was analysed. The published tables are unchanged.", "bad")
        )
    phase_times = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in job.seconds.items())
    lines.append((phase_times, "dim"))
    return lines
