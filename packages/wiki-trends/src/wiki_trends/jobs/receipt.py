"""Find the record of a published window, and make its receipt: what was read, checked and decided, and by which version."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from smart_orchestrator.model.window import parse_day
from wiki_trends.config.layers import layers
from wiki_trends.errors import SettingError
from wiki_trends.warehouse import open_warehouse
from wiki_trends.warehouse.runs_table import from_row

if TYPE_CHECKING:
    from smart_orchestrator.text.reports import Line
    from wiki_trends.config.settings import Settings
    from wiki_trends.warehouse.base import Reader, RunRecord

_SELECT_RUN = """
SELECT * FROM wiki_trends_runs
WHERE dataset = ? AND window_start = ? AND window_end = ? ORDER BY run DESC LIMIT 1
"""


def published_run(settings: Settings, window: str | None) -> RunRecord:
    """Return the record of the last publish of a window.

    Args:
        settings: the settings of the warehouse and the project.
        window: the first and the last day as `START..END`; None for the window that was published last.

    Raises:
        SettingError: `window` is not a window, or was not published for the project of the settings, or the published tables
            are of another project.
        NothingPublished: nothing has been published yet.
        WarehouseError: the warehouse cannot be read.
    """
    with open_warehouse(settings.warehouse).reading() as reader:
        return find_run(reader, settings, window)


def find_run(reader: Reader, settings: Settings, window: str | None) -> RunRecord:
    """Return the record that `published_run` returns, from an open reader."""
    dataset = layers(settings).diamond.name
    if window is None:
        run = reader.last_run()
        if run.dataset != dataset:
            raise SettingError(
                name="project",
                value=settings.project,
                origin="--project",
                problem=f"is not the published project: the tables are of {run.dataset}",
                fix="Name the published project.",
            )
        return run
    start, separator, end = window.partition("..")
    if not separator:
        raise _window_error(window, "is not a window", "Give START..END, for example 2025-11-05..2025-11-11.")
    days = parse_day(start, "WINDOW"), parse_day(end, "WINDOW")
    rows = reader.rows(_SELECT_RUN, dataset, *days)
    if not rows:
        fix = "List the published windows: wiki-trends export wiki_trends_runs."
        raise _window_error(window, f"was not published for {dataset}", fix)
    # The URL in the settings may contain a password, but the URL of the opened warehouse does not.
    return from_row(rows[0], open_warehouse(settings.warehouse).url)


def _window_error(window: str, problem: str, fix: str) -> SettingError:
    return SettingError(name="window", value=window, origin="WINDOW", problem=problem, fix=fix)


def receipt_json(run: RunRecord) -> dict[str, object]:
    """Return the document that `receipt --json` prints."""
    days = sorted({*run.states, *run.fingerprints})
    return {
        "dataset": run.dataset,
        "window": {"start": run.window_start.isoformat(), "end": run.window_end.isoformat()},
        "as_of": run.as_of.isoformat(),
        "lag_days": run.lag_days,
        "published_at": run.published_at.isoformat(),
        "version": run.version,
        "policy": json.loads(run.policy),
        "expected": run.expected,
        "coverage_pct": run.coverage_pct,
        "days": {day: {**run.states.get(day, {}), "fingerprint": run.fingerprints.get(day)} for day in days},
        "baseline": dict(sorted(run.baseline.items())),
        "history": _history(run),
        "left_out": list(run.left_out),
        "flagged": list(run.flagged),
        "renamed": dict(run.renamed),
        "rows": dict(run.rows),
    }


def _history(run: RunRecord) -> dict[str, str]:
    """Return the fingerprints of the partitions of the page history that were read."""
    return {day: fingerprint for day, fingerprint in sorted(run.history.items()) if fingerprint}


def receipt_lines(run: RunRecord) -> list[Line]:
    """Return the receipt as lines for the terminal."""
    policy = ", ".join(f"{name} {json.dumps(value)}" for name, value in json.loads(run.policy).items())
    lines: list[Line] = [
        (f"{run.dataset} {run.window_start} .. {run.window_end}, as of {run.as_of}, lag {run.lag_days}", ""),
        (f"published {run.published_at:%Y-%m-%d %H:%M:%S} UTC by wiki-trends {run.version}", ""),
        (f"policy: {policy}", ""),
        (f"read: {len(run.days_used)} of {run.expected} days, coverage {run.coverage_pct:.1f} %", ""),
    ]
    for day in sorted({*run.states, *run.fingerprints}):
        state = run.states.get(day, {})
        verdict = f"{state.get('code', '')}: {state.get('reason', '')}" if state else "verdict not recorded"
        if state.get("waived_by"):
            verdict += f" (waived by {state['waived_by']})"
        fingerprint = run.fingerprints.get(day)
        lines.append((f"  {day}  {fingerprint or 'not read'}  {verdict}", "" if fingerprint else "warn"))
    lines.append((f"baseline: {len(run.baseline)} days", ""))
    lines += [(f"  {day}  {fingerprint}", "dim") for day, fingerprint in sorted(run.baseline.items())]
    history = _history(run)
    if history:
        lines.append((f"page history: {len(history)} partitions", ""))
        lines += [(f"  {day}  {fingerprint}", "dim") for day, fingerprint in history.items()]
    if run.left_out:
        lines.append((f"left out, probably read by programs: {', '.join(run.left_out)}", ""))
    if run.flagged:
        lines.append((f"flagged, with an unusual share of desktops: {', '.join(run.flagged)}", ""))
    if run.renamed:
        renamed = ", ".join(f"{old} → {new}" for old, new in run.renamed.items())
        lines.append((f"renamed: {renamed}", ""))
    lines.append(("rows: " + ", ".join(f"{table} {count:,}" for table, count in run.rows.items()), ""))
    return lines
