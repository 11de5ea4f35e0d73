"""Show the progress of a long analysis on stderr: the log records of the packages in `LOGGER_NAMES`, one every few seconds.

In Airflow, nothing calls this module, and the log of the task contains these records.
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
