"""Show the progress of a long analysis on stderr: log records of the packages in `LOGGERS`, at most one every few seconds.

In Airflow, the log of the task has the same records.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS_BETWEEN_LINES = 3.0

# At INFO, these packages log only their current step, such as "reading 30 days" or "computing wiki_trends_growth".
LOGGERS = ("wiki_trends.analytics", "wiki_trends.queries", "wiki_trends.warehouse")


def throttled_writer() -> Callable[[str], None]:
    """A function that writes a line to stderr, at most one in `SECONDS_BETWEEN_LINES`; it drops the others."""
    from smart_orchestrator.text.reporter import TextReporter

    last_written = time.monotonic()

    def write(text: str) -> None:
        nonlocal last_written
        if time.monotonic() - last_written >= SECONDS_BETWEEN_LINES:
            last_written = time.monotonic()
            TextReporter(sys.stderr).write([(text, "")])

    return write


def show_progress() -> None:
    """Write the current step of the analysis to stderr from now on, at most one line every few seconds."""
    handler = _LineHandler(throttled_writer())
    for name in LOGGERS:
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
