"""Progress of a long analysis: the commands write log records of some packages to stderr, at most every few seconds.

Airflow shows the same records in the log of its task.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS_BETWEEN_LINES = 3.0

# At INFO, these packages log only the table or the number of days in progress.
LOGGERS = ("wiki_trends.analytics", "wiki_trends.queries", "wiki_trends.warehouse")


def throttled_writer() -> Callable[[str], None]:
    """A function that writes a line to stderr, unless one was written (or the function made) in the last few seconds."""
    from smart_orchestrator.text.reporter import TextReporter

    written = time.monotonic()

    def write(text: str) -> None:
        nonlocal written
        if time.monotonic() - written >= SECONDS_BETWEEN_LINES:
            written = time.monotonic()
            TextReporter(sys.stderr).write([(text, "")])

    return write


def show_progress() -> None:
    """From now on, write to stderr every few seconds the table or the number of days in progress."""
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
