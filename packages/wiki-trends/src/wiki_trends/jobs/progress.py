"""Show the progress of a long analysis on stderr, and measure the phases of a job.

The progress consists of the log records of the packages in `LOGGER_NAMES`, one every few seconds.

In Airflow, nothing calls this module, and the log of the task contains these records.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from smart_orchestrator.model.completeness import Completeness

SECONDS_BETWEEN_LINES = 3.0

# At INFO, these packages log only their current step, such as "reading 30 days" or "computing wiki_trends_growth".
LOGGER_NAMES = (
    "wiki_trends.analytics",
    "wiki_trends.pipeline.history",
    "wiki_trends.queries",
    "wiki_trends.warehouse",
)


def throttled_writer() -> Callable[[str], None]:
    """Return a function that writes a line to stderr, unless it wrote one less than `SECONDS_BETWEEN_LINES` ago."""
    from smart_orchestrator.text.reporter import TextReporter

    last_written_at = time.monotonic()

    def write(text: str) -> None:
        nonlocal last_written_at
        if time.monotonic() - last_written_at >= SECONDS_BETWEEN_LINES:
            last_written_at = time.monotonic()
            TextReporter(sys.stderr).write([(text, "")])

    return write


def show_progress() -> None:
    """Write each later log record of the packages in `LOGGER_NAMES` to stderr, at most one every few seconds."""
    handler = _LineHandler(throttled_writer())
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
