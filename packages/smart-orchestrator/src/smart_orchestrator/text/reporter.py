"""Report checks, plans and backfills as lines of text: with colours on a terminal, plain in a pipe or a log.

`TextReporter` implements the `Reporter` protocol of `backfilling.reporter`. The caller chooses the stream: results go to
stdout, progress goes to stderr. On a terminal, long lines are wrapped at its width, except lines of the style `command`,
which stay whole so that they can be copied. Rich is imported only if the stream is a terminal.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TextIO

from smart_orchestrator.extras import extra
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.text.reports import completeness_lines, plan_lines, summary_line

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from rich.console import Console as Terminal

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.model.plan import Plan
    from smart_orchestrator.model.run import Run
    from smart_orchestrator.text.reports import Line

_STYLES = {
    "good": "green",
    "bad": "red",
    "warn": "yellow",
    "dim": "dim",
    "strong": "bold",
    "command": "",
    "": "",
}
_HANGING_INDENT = 4
SECONDS_BETWEEN_STATUS = 3.0


class TextReporter:
    """Writes lines to a stream, with colours if the stream is a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = _terminal(stream)
        self._last_status_at = time.monotonic()

    def write(self, lines: Iterable[Line]) -> None:
        """Write lines, each in its style."""
        self.write_rows([line] for line in lines)

    def write_rows(self, rows: Iterable[Sequence[Line]]) -> None:
        """Write lines that consist of pieces, each piece in its style."""
        for row in rows:
            if self._terminal is None:
                print("".join(printable_line(text) for text, _ in row), file=self._stream, flush=True)
            else:
                _print_wrapped(self._terminal, row)

    def checked(self, completeness: Completeness) -> None:
        """Write the completeness report of the window."""
        self.write(completeness_lines(completeness))

    def planned(self, plan: Plan) -> None:
        """Write the days of the plan that need an action, or one line if no day needs an action."""
        self.write(plan_lines(plan))

    def started(self, run: Run, progress: tuple[int, int]) -> None:
        """Report that this process started a run."""
        self.write([(f"{_counter(progress)} {key_text(run.day)} started (run {run.name})", "")])

    def followed(self, run: Run, progress: tuple[int, int]) -> None:
        """Report that this process follows a run of another process."""
        self.write(
            [
                (
                    f"{_counter(progress)} {key_text(run.day)} is being run by another process (run {run.name}): waiting for it",
                    "",
                )
            ]
        )

    def filled(self, partition: Partition, run: Run | None, progress: tuple[int, int]) -> None:
        """Report that a day is complete."""
        seconds = ""
        if run is not None and run.started_at is not None and run.ended_at is not None:
            seconds = f" in {(run.ended_at - run.started_at).total_seconds():.1f} s"
        self.write(
            [
                (
                    f"{_counter(progress)} {key_text(partition.day)} is complete: {partition.reason}{seconds}",
                    "good",
                )
            ]
        )

    def failed(self, run: Run, progress: tuple[int, int], *, again: bool) -> None:
        """Report that a run failed, and whether the day is retried."""
        next_step = "trying again" if again else "giving up"
        text = f"{_counter(progress)} {key_text(run.day)} failed (run {run.name}, {run.failure}): {run.message} -- {next_step}"
        self.write([(text, "warn" if again else "bad")])

    def step(self, key: dt.date, text: str) -> None:
        """Ignore the step of a run, because a line for each step would say too much."""

    def requested(self) -> None:
        """Ignore that a run sent a request to the upstream."""

    def status(self, text: str) -> None:
        """Report what this process does now. A report within `SECONDS_BETWEEN_STATUS` of the last one is omitted."""
        if time.monotonic() - self._last_status_at >= SECONDS_BETWEEN_STATUS:
            self._last_status_at = time.monotonic()
            self.write([(text, "")])

    def waiting(self, completeness: Completeness, seconds_to_check: float, seconds_left: float) -> None:
        """Report the totals of a window that is not ready yet. After this, the caller pauses until the next check."""
        del seconds_to_check, seconds_left
        self.write([summary_line(completeness)])


def _terminal(stream: TextIO) -> Terminal | None:
    """Return a Rich console for the stream if it is a terminal, otherwise None."""
    if not stream.isatty():
        return None
    with extra("console"):
        from rich.console import Console as Terminal

    return Terminal(file=stream, highlight=False)


def _print_wrapped(terminal: Terminal, row: Sequence[Line]) -> None:
    """Print a line that is wrapped at the width of the terminal. The following lines have a deeper indent than the first."""
    with extra("console"):
        from rich.text import Text

    line = Text.assemble(*((printable_line(text), _STYLES[style]) for text, style in row))
    is_command = any(style == "command" for _, style in row)
    if is_command or line.cell_len <= terminal.width:
        terminal.print(line, soft_wrap=True)
        return
    indent = len(line.plain) - len(line.plain.lstrip(" "))
    hanging = indent + _HANGING_INDENT
    pieces = line[indent:].wrap(terminal, terminal.width - hanging)
    for number, piece in enumerate(pieces):
        piece.rstrip()  # Unlike `str.rstrip`, this changes the piece.
        pieces[number] = Text(" " * (hanging if number else indent)).append_text(piece)
    terminal.print(Text("\n").join(pieces), soft_wrap=True)


def printable(text: str) -> str:
    """Replace control characters and direction overrides in untrusted text; keep newlines and tabs."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def printable_line(text: str) -> str:
    """Replace what `printable` replaces, and newlines by spaces, so that untrusted text cannot forge a line."""
    return " ".join(printable(text).split("\n"))


def _counter(progress: tuple[int, int]) -> str:
    """Format the progress as `[done/total]`."""
    done, total = progress
    return f"[{done}/{total}]"
