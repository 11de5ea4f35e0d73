"""Report the progress of the pipeline and of a long analysis, and measure the phases of a job.

The progress of an analysis is the log records of the packages in `LOGGER_NAMES`. In Airflow, nothing calls this module, and the
log of the task contains these records.
"""

from __future__ import annotations

import logging
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from smart_orchestrator.backfilling.reporter import Reporter

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator

    from smart_orchestrator.model.completeness import Completeness

# At INFO, these packages log only their current step, such as "reading 30 days" or "computing the tables, step 3 of 9".
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


@contextmanager
def show_progress(write: Callable[[str], None] | None = None) -> Iterator[None]:
    """Write each log record of the packages in `LOGGER_NAMES` during the block.

    By default, the records are written to stderr, at most one every few seconds.
    """
    if write is None:
        from smart_orchestrator.text.reporter import TextReporter

        write = TextReporter(sys.stderr).status
    handler = _LineHandler(write)
    loggers = [logging.getLogger(name) for name in LOGGER_NAMES]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False  # A handler of a parent logger must not write the record again.
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
            logger.setLevel(logging.NOTSET)
            logger.propagate = True


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
        """Return a function that calls `function`. The time of the call is added to phase `name` instead of the current phase."""

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
