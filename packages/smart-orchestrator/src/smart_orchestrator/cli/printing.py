"""Print results to stdout and progress to stderr, and end a command with the exit code of its outcome."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn, TextIO

import typer

from smart_orchestrator.cli.exit_codes import DONE, INCOMPLETE, UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smart_orchestrator.backfilling.state import Outcome
    from smart_orchestrator.text.reporter import TextReporter
    from smart_orchestrator.text.reports import Line


def exit_after(outcome: Outcome, *, ready: bool) -> NoReturn:
    """End with 0 when the window is ready, 3 when a partition failed because a service did not answer, and 1 otherwise."""
    from smart_orchestrator.model.run import Failure

    if ready:
        raise typer.Exit(DONE)
    unreachable = any(run.failure is Failure.UNREACHABLE for run in outcome.failed)
    raise typer.Exit(UNREACHABLE if unreachable else INCOMPLETE)


def print_json(document: object) -> None:
    """Print one JSON document to stdout."""
    import json

    # In other encodings, characters outside ASCII are written as escapes.
    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    sys.stdout.write(json.dumps(document, ensure_ascii=not is_utf8, indent=2) + "\n")


def reporter_on(stream: TextIO) -> TextReporter:
    """A reporter that writes to `stream`, with colours on a terminal."""
    from smart_orchestrator.text.reporter import TextReporter

    return TextReporter(stream)


def out(lines: Iterable[Line]) -> None:
    """Print lines to stdout."""
    reporter_on(sys.stdout).write(lines)


def err(lines: Iterable[Line]) -> None:
    """Print lines to stderr."""
    reporter_on(sys.stderr).write(lines)
