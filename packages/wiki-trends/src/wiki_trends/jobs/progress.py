"""Progress of a long analysis: log records of the packages that work, which the commands write to stderr now and then.

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

# These log at INFO which table or how many days they are working on, and nothing else.
WORKING = ("wiki_trends.analytics", "wiki_trends.queries", "wiki_trends.warehouse")


def now_and_then() -> Callable[[str], None]:
    """Writes a line to stderr, unless one was written in the last few seconds: what is done in that time needs none."""
    from smart_orchestrator.text.reporter import TextReporter

    written = time.monotonic()

    def write(text: str) -> None:
        nonlocal written
        if time.monotonic() - written >= SECONDS_BETWEEN_LINES:
            written = time.monotonic()
            TextReporter(sys.stderr).write([(text, "")])

    return write


def show_progress() -> None:
    """From now on, write to stderr every few seconds which table or how many days this process is working on."""
    handler = _Lines(now_and_then())
    for name in WORKING:
        working = logging.getLogger(name)
        working.handlers = [handler]
        working.setLevel(logging.INFO)
        working.propagate = False


class _Lines(logging.Handler):
    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        self._write(record.getMessage())
