"""Output of the commands: results to stdout, progress and logs to stderr, and the shared exit codes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn, TextIO

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from smart_orchestrator.backfilling.state import Outcome
    from smart_orchestrator.text.reporter import TextReporter
    from smart_orchestrator.text.reports import Line
    from wiki_trends.config.settings import Settings

DONE, INCOMPLETE, USAGE, UNREACHABLE = 0, 1, 2, 3


def exit_after(outcome: Outcome, *, ready: bool) -> NoReturn:
    """End with 0 when the window is ready, 3 when a day failed because a service did not answer, and 1 otherwise."""
    from smart_orchestrator.model.run import Failure

    if ready:
        raise typer.Exit(DONE)
    unreachable = any(run.failure is Failure.UNREACHABLE for run in outcome.failed)
    raise typer.Exit(UNREACHABLE if unreachable else INCOMPLETE)


def print_report(
    warehouse: str, *, limit: int = 10, as_json: bool = False, extra: Mapping[str, object] | None = None
) -> None:
    """Print the report of the published tables; in JSON with the keys of `extra` added."""
    from wiki_trends.report.build import build_report
    from wiki_trends.report.model import to_json
    from wiki_trends.report.terminal import write
    from wiki_trends.warehouse import open_warehouse

    report = build_report(open_warehouse(warehouse), limit)
    if as_json:
        print_json({**to_json(report), **(extra or {})})
    else:
        write(report, sys.stdout)


def write_html_report(settings: Settings, target: Path, *, limit: int, force: bool, as_json: bool) -> None:
    """Write the report of the published tables as HTML, then print its path, its size and the seconds it took."""
    import time

    from wiki_trends.errors import SettingError

    try:
        from wiki_trends.jobs.publish_state import changes_for_report
        from wiki_trends.report.html.document import write_report
    except ModuleNotFoundError as error:
        raise SettingError(
            name="html",
            value=str(target),
            origin="--html",
            problem=f"needs the package {error.name}, which is not installed",
            fix="Install the extra: pip install 'wiki-trends[web]'.",
        ) from error
    began = time.monotonic()
    written = write_report(target, settings, changes_for_report(settings), limit, force=force)
    seconds = time.monotonic() - began
    if as_json:
        print_json(
            {
                "file": str(target),
                "bytes": written.size,
                "unknown": list(written.unknown),
                "seconds": round(seconds, 3),
            }
        )
    else:
        err([(text, "warn") for text in written.unknown])
        err([(f"{target}: {written.size / 1e6:.2f} MB in {seconds:.1f} s; open it in a browser", "")])


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


def err_if_output_failed(lines: Iterable[Line]) -> None:
    """Print lines to stderr if stdout could not be written, so that they are not lost."""
    from wiki_trends.cli.streams import output_failure

    if output_failure() is not None:
        err(lines)


def log_to_stderr(*, verbose: bool) -> None:
    """Send the logs of all modules to stderr: errors, and with `-v` the log of each run."""
    import logging

    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if verbose else logging.ERROR,
        format="%(asctime)s %(name)s %(message)s",
    )
    logging.getLogger("httpx2").setLevel(logging.WARNING)
