"""A console of the layer whose lines go into a task's log. Needs no Airflow."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from smart_orchestrator.text.reporter import TextReporter, printable_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smart_orchestrator.text.reports import Line

_WORTH_A_WARNING = ("bad", "warn")


class Log(Protocol):
    """What the logger of a task can do."""

    def log(self, level: int, msg: str, *args: object) -> object:
        """Write a record."""
        ...


class LogReporter(TextReporter):
    """Writes each line as a record; a warning, where a terminal would show it in red or yellow."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def write_rows(self, rows: Iterable[Iterable[Line]]) -> None:
        """Write lines made of pieces."""
        for row in rows:
            pieces = list(row)
            warned = any(style in _WORTH_A_WARNING for _, style in pieces)
            level = logging.WARNING if warned else logging.INFO
            self._log.log(level, "%s", "".join(printable_line(text) for text, _ in pieces))
