"""What a long analysis is at: log records of one logger, which Airflow shows as they are and the commands now and then."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS_BETWEEN_LINES = 3.0

progress = logging.getLogger(__name__)


def now_and_then() -> Callable[[str], None]:
    """Writes a line to stderr, unless one was written in the last few seconds: what is done in that time needs none."""
    from smart_orchestrator.text.reporter import LineConsole

    written = time.monotonic()

    def write(text: str) -> None:
        nonlocal written
        if time.monotonic() - written >= SECONDS_BETWEEN_LINES:
            written = time.monotonic()
            LineConsole(sys.stderr).write([(text, "")])

    return write


def show_progress() -> None:
    """From now on, say on stderr every few seconds what this process is at."""
    progress.handlers = [_Lines(now_and_then())]
    progress.setLevel(logging.INFO)
    progress.propagate = False


class _Lines(logging.Handler):
    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        self._write(record.getMessage())
