"""A reporter that writes its lines to the log of an Airflow task. This module does not import Airflow."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from smart_orchestrator.text.reporter import TextReporter, printable_line
from smart_orchestrator.text.reports import log_lines, plan_log_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.plan import Plan
    from smart_orchestrator.text.reports import Line

# The styles of texts that a terminal shows in red and in yellow.
_WARNING_STYLES = ("bad", "warn")


class Log(Protocol):
    """The method of a task's logger that the reporter calls."""

    def log(self, level: int, msg: str, /, *args: object) -> object:
        """Write one log record."""
        ...


class LogReporter(TextReporter):
    """A reporter that writes each line as a log record. A line that a terminal shows in red or yellow is a warning."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def write_rows(self, rows: Iterable[Iterable[Line]]) -> None:
        """Write one log record for each row. A row is a sequence of texts with styles."""
        for row in rows:
            pieces = list(row)
            is_warning = any(style in _WARNING_STYLES for _, style in pieces)
            level = logging.WARNING if is_warning else logging.INFO
            self._log.log(level, "%s", "".join(printable_line(text) for text, _ in pieces))

    def checked(self, completeness: Completeness) -> None:
        """Write a record for each day of the window, newest first, and the totals."""
        self.write(log_lines(completeness))

    def planned(self, plan: Plan) -> None:
        """Write a record for each day of the plan that needs an action, or one record if no day needs an action."""
        self.write(plan_log_lines(plan))
