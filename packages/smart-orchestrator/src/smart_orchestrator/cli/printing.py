"""Print results to stdout and progress to stderr, and end a command with an exit code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn, TextIO

import typer

from smart_orchestrator.cli.exit_codes import DONE, INCOMPLETE, UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from smart_orchestrator.backfilling.state import Outcome
    from smart_orchestrator.text.reporter import TextReporter
    from smart_orchestrator.text.reports import Line


def exit_after(outcome: Outcome, *, ready: bool) -> NoReturn:
    """End the command: with 0 for a ready window, 3 when a run failed because a service did not answer, otherwise 1."""
    from smart_orchestrator.model.run import Failure

    if ready:
        raise typer.Exit(DONE)
    is_unreachable = any(run.failure is Failure.UNREACHABLE for run in outcome.failed)
    raise typer.Exit(UNREACHABLE if is_unreachable else INCOMPLETE)


def print_json(document: object) -> None:
    """Print one JSON document to stdout."""
    import json

    # An encoding other than UTF-8 may lack some characters, so non-ASCII characters are then escaped.
    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    sys.stdout.write(json.dumps(document, ensure_ascii=not is_utf8, indent=2) + "\n")


def reporter_on(stream: TextIO) -> TextReporter:
    """Return a reporter that writes to `stream`, with colours if the stream is a terminal."""
    from smart_orchestrator.text.reporter import TextReporter

    return TextReporter(stream)


def progress_reporter(
    *, plain: bool, requests_per_minute: int | None = None
) -> AbstractContextManager[TextReporter]:
    """Return a context manager that yields a reporter on stderr: with a live display on a terminal, otherwise with plain lines.

    Args:
        plain: whether to write plain lines on a terminal too.
        requests_per_minute: the limit of the requests that the runs send; None if the runs report no requests.
    """
    from contextlib import nullcontext

    from smart_orchestrator.text.live import LiveReporter, has_live_display

    if plain or not has_live_display(sys.stderr):
        return nullcontext(reporter_on(sys.stderr))
    return LiveReporter(sys.stderr, requests_per_minute)


def out(lines: Iterable[Line]) -> None:
    """Print lines to stdout."""
    reporter_on(sys.stdout).write(lines)


def err(lines: Iterable[Line]) -> None:
    """Print lines to stderr."""
    reporter_on(sys.stderr).write(lines)
