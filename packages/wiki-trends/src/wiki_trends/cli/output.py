"""Output of several commands: the report of the published tables, and logs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from smart_orchestrator.cli.printing import err, print_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from smart_orchestrator.text.reports import Line
    from wiki_trends.config.settings import Settings


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


def err_if_output_failed(lines: Iterable[Line]) -> None:
    """Print lines to stderr if stdout could not be written, so that they are not lost."""
    from smart_orchestrator.cli.streams import output_failure

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
