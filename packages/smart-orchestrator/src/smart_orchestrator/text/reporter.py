"""What people see of a check, a plan and a backfill: on a terminal with colours, in a pipe or log as plain lines, or not.

The layer itself is silent; it tells a `Reporter` what happens. Results (`write_…`) are text for stdout, progress is
lines for stderr; which stream a console writes to is its caller's choice. Rich is imported by the terminal form only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TextIO

from smart_orchestrator.extras import extra
from smart_orchestrator.text.reports import completeness_lines, plan_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console as Terminal

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.model.plan import Plan
    from smart_orchestrator.model.run import Run
    from smart_orchestrator.text.reports import Line

# C0 and C1 control characters, marks and overrides of direction, and lone surrogates.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_STYLES = {"good": "green", "bad": "red", "warn": "yellow", "dim": "dim", "strong": "bold", "": ""}


class TextReporter:
    """Writes lines to a stream: with colours where it is a terminal, plain elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = _terminal(stream)

    def write(self, lines: Iterable[Line]) -> None:
        """Write lines in their styles."""
        self.write_rows([line] for line in lines)

    def write_rows(self, rows: Iterable[Sequence[Line]]) -> None:
        """Write lines made of pieces, each in its style."""
        for row in rows:
            if self._terminal is None:
                print("".join(printable_line(text) for text, _ in row), file=self._stream, flush=True)
            else:
                with extra("console"):
                    from rich.text import Text

                pieces = [(printable_line(text), _STYLES[style]) for text, style in row]
                self._terminal.print(Text.assemble(*pieces), soft_wrap=True)

    def checked(self, completeness: Completeness) -> None:
        """The report of the window."""
        self.write(completeness_lines(completeness))

    def planned(self, plan: Plan) -> None:
        """The plan, when there is something to do."""
        self.write(plan_lines(plan))

    def started(self, run: Run, progress: tuple[int, int]) -> None:
        """One line."""
        self.write([(f"{_counter(progress)} {run.day} started (run {run.name})", "")])

    def followed(self, run: Run, progress: tuple[int, int]) -> None:
        """One line."""
        self.write(
            [(f"{_counter(progress)} {run.day} is run by another process (run {run.name}): following it", "")]
        )

    def filled(self, partition: Partition, run: Run | None, progress: tuple[int, int]) -> None:
        """One line."""
        seconds = ""
        if run is not None and run.started_at is not None and run.ended_at is not None:
            seconds = f" in {(run.ended_at - run.started_at).total_seconds():.1f} s"
        self.write(
            [(f"{_counter(progress)} {partition.day} is complete: {partition.reason}{seconds}", "good")]
        )

    def failed(self, run: Run, progress: tuple[int, int], *, again: bool) -> None:
        """One line."""
        then = "trying again" if again else "giving it up"
        text = (
            f"{_counter(progress)} {run.day} failed (run {run.name}, {run.failure}): {run.message} -- {then}"
        )
        self.write([(text, "warn" if again else "bad")])


def _terminal(stream: TextIO) -> Terminal | None:
    if not stream.isatty():
        return None
    with extra("console"):
        from rich.console import Console as Terminal

    return Terminal(file=stream, highlight=False)


def printable(text: str) -> str:
    """Text from outside without what a terminal would obey: control characters and direction overrides."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def printable_line(text: str) -> str:
    """Text from outside as one line: as `printable`, with spaces for line breaks, so that it cannot forge a line."""
    return " ".join(printable(text).split("\n"))


def _counter(progress: tuple[int, int]) -> str:
    done, total = progress
    return f"[{done}/{total}]"
