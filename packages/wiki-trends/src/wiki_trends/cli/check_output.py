"""The output of `wiki-trends check` and of comparisons with the published tables, as lines and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.text.calendar import LEGEND, calendar_rows, watermark
from smart_orchestrator.text.reports import completeness_lines, summary_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.text.reports import Line
    from wiki_trends.warehouse.base import RunRecord


def to_json(completeness: Completeness) -> dict[str, object]:
    """The document that `check --json` prints."""
    last = watermark(completeness)
    return {**completeness.to_json(), "watermark": last.isoformat() if last else None}


def check_lines(completeness: Completeness) -> list[Line]:
    """The days with their reasons, the totals, and the command that fills gaps."""
    lines = completeness_lines(completeness)
    if not completeness.ready and completeness.missing:
        lines.append(
            (
                "To fill it: wiki-trends backfill, with the same options. To see the plan: wiki-trends plan",
                "dim",
            )
        )
    return lines


def calendar_pieces(completeness: Completeness) -> list[list[Line]]:
    """A calendar with a mark for each state, the totals, and the legend; a row is a list of styled pieces."""
    rows: list[list[Line]] = [[("            Mo Tu We Th Fr Sa Su", "dim")]]
    for monday, cells in calendar_rows(completeness):
        rows.append([(f"{monday}  ", "dim"), *((f" {mark} ", style) for mark, style in cells)])
    legend: list[Line] = []
    for mark, style, meaning in LEGEND:
        legend += [(mark, style), (f" {meaning}  ", "dim")]
    return [*rows, [summary_line(completeness)], legend]


def watermark_lines(completeness: Completeness) -> list[Line]:
    """The last day before the first missing one."""
    last = watermark(completeness)
    return [(last.isoformat() if last else "none: the first expected day of the window is missing", "")]


def request_lines(completeness: Completeness) -> list[Line]:
    """The number of requests to the lake, by kind."""
    lines = [_requests("requests to the lake", completeness.requests)]
    if completeness.volume_requests:
        lines.append(_requests("requests of the volume check", completeness.volume_requests))
    return lines


def _requests(label: str, counts: Mapping[str, int]) -> Line:
    return f"{label}: " + ", ".join(f"{number} {kind}" for kind, number in counts.items()), "dim"


def consumed_json(compared: tuple[RunRecord, dict[str, str]] | None) -> dict[str, object]:
    """The document that `check --consumed --json` prints."""
    if compared is None:
        return {"published": None, "changed": {}}
    run, changed = compared
    published = {
        "window": {"start": run.window_start.isoformat(), "end": run.window_end.isoformat()},
        "published_at": run.published_at.isoformat(),
        "fingerprints": dict(run.fingerprints),
    }
    return {"published": published, "changed": changed}


def consumed_lines(compared: tuple[RunRecord, dict[str, str]] | None) -> list[Line]:
    """The days that changed since the last publish, and what to do."""
    if compared is None:
        return [("nothing has been published yet: run `wiki-trends run`", "warn")]
    run, changed = compared
    publish = f"published {run.window_start} .. {run.window_end} on {run.published_at:%Y-%m-%d %H:%M} UTC"
    if not changed:
        return [(f"{publish}: no day has changed since", "good")]
    lines: list[Line] = [(f"{publish}; changed since:", "warn")]
    lines += [(f"  {day}: {why}", "warn") for day, why in sorted(changed.items())]
    return [*lines, ("Publish again with `wiki-trends run`, with the same window.", "")]


def changed_json(changed: Mapping[str, str], not_compared: str) -> dict[str, object]:
    """The key of `report --json` for days that changed since the publish; None when they were not compared."""
    return {"changed_since_publish": None if not_compared else dict(changed)}


def changed_lines(changed: Mapping[str, str], not_compared: str) -> list[Line]:
    """The lines of `report` about days that changed since the publish."""
    if not_compared:
        return [(f"not compared with the lake: {not_compared}", "dim")]
    lines: list[Line] = [
        (f"changed since this was published: {day}: {why}", "warn") for day, why in sorted(changed.items())
    ]
    if lines:
        lines.append(("Publish again with `wiki-trends run`, with the same window.", ""))
    return lines
