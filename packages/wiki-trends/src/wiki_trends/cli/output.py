"""Output that several commands share: the report of the published tables, the summary of a main job, and the logs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from smart_orchestrator.cli.printing import err, print_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from smart_orchestrator.text.reports import Line
    from wiki_trends.config.settings import Settings
    from wiki_trends.jobs.main import MainJob
    from wiki_trends.warehouse.base import RunRecord


def print_report(
    warehouse: str, *, limit: int = 10, as_json: bool = False, extra_keys: Mapping[str, object] | None = None
) -> RunRecord:
    """Print the report of the published tables, as text or as one JSON document to which `extra_keys` are added.

    Returns:
        The run that published the tables.
    """
    from wiki_trends.report.build import build_report
    from wiki_trends.report.model import to_json
    from wiki_trends.report.terminal import write
    from wiki_trends.warehouse import open_warehouse

    report = build_report(open_warehouse(warehouse), limit)
    if as_json:
        print_json({**to_json(report), **(extra_keys or {})})
    else:
        write(report, sys.stdout)
    return report.run


def write_html_report(settings: Settings, target: Path, *, limit: int, force: bool, as_json: bool) -> None:
    """Write the report of the published tables to an HTML file, and print a summary.

    The summary contains the path and the size of the file, the seconds that writing took, and the parts of the report that
    could not be read from the lake.
    """
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
    started_at = time.monotonic()
    written = write_report(target, settings, changes_for_report(settings), limit, force=force)
    seconds = time.monotonic() - started_at
    if as_json:
        print_json(
            {
                "file": str(target),
                "bytes": written.size,
                "unknown": list(written.unread_parts),
                "seconds": round(seconds, 3),
            }
        )
    else:
        err([(text, "warn") for text in written.unread_parts])
        err([(f"{target}: {written.size / 1e6:.2f} MB in {seconds:.1f} s; open it in a browser", "")])


def print_to_stderr_if_stdout_failed(lines: Iterable[Line]) -> None:
    """Print `lines` to stderr if writing to stdout has failed, so that the lines are not lost."""
    from smart_orchestrator.cli.streams import output_failure

    if output_failure() is not None:
        err(lines)


def log_to_stderr(*, verbose: bool) -> None:
    """Send the log of all modules to stderr: only errors, or with `verbose` also information about each run."""
    import logging

    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if verbose else logging.ERROR,
        format="%(asctime)s %(name)s %(message)s",
    )
    logging.getLogger("httpx2").setLevel(logging.WARNING)


def summary_lines(job: MainJob) -> list[Line]:
    """Return the summary of a main job, which `run` prints before the report."""
    from smart_orchestrator.model.partition import Code
    from smart_orchestrator.text.reports import unfinished_lines

    after = job.backfill.completeness
    outcome = job.backfill.outcome
    lines: list[Line] = []
    if outcome.started or outcome.followed or outcome.failed:
        text = f"backfill: {len(outcome.filled)} filled, {len(outcome.failed)} failed; runs started "
        text += f"{len(outcome.started)}, followed {len(outcome.followed)}"
        lines.append((text, ""))
    lines += unfinished_lines(outcome.abandoned, after.window.grain)
    lines.append((f"coverage {after.coverage_pct:.1f} %", "good" if after.complete else "bad"))
    unusual = [partition for partition in after.partitions if partition.code is Code.UNUSUAL_VOLUME]
    lines += [(f"unusual volume: {partition.day}: {partition.reason}", "warn") for partition in unusual]
    lines += [(f"restated: {restatement.text}", "warn") for restatement in job.restatements]
    if job.recomputed:
        first, last = job.recomputed[0], job.recomputed[-1]
        windows = f"{len(job.recomputed)} earlier window{'' if len(job.recomputed) == 1 else 's'}"
        text = f"computed again: the scores of {windows}, {first.window_start} .. {last.window_end}"
        lines.append((text, ""))
    if job.history is not None:
        from wiki_trends.jobs.history import history_lines

        lines += history_lines(job.history)
    if job.published is not None:
        rows = ", ".join(f"{table} {count:,}" for table, count in job.published.rows.items())
        verb = "already published, and nothing has changed since" if job.unchanged_run else "published"
        lines.append((f"{verb}: {rows} rows", ""))
    else:
        lines.append(
            ("The window is not ready, so nothing was analysed. The published tables are unchanged.", "bad")
        )
    phase_times = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in job.seconds.items())
    lines.append((phase_times, "dim"))
    return lines
