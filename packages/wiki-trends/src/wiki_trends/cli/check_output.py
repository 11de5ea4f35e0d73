"""The output of `wiki-trends check`, and of the comparison of the lake with the last publish, as lines and as JSON.

`check --consumed` and `report` list the days whose partitions have changed since the last publish read them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from smart_orchestrator.cli.next_command import next_command
from smart_orchestrator.cli.upstream_output import recheck_line, upstream_line
from smart_orchestrator.model.completeness import Policy
from smart_orchestrator.text.calendar import LEGEND, calendar_rows, watermark
from smart_orchestrator.text.reports import completeness_lines, summary_line
from smart_orchestrator.text.spans import changed_texts
from wiki_trends.cli.program import WIKI_TRENDS_PROGRAM

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.text.reports import Line
    from smart_orchestrator.upstream.recheck_store import Recheck
    from smart_orchestrator.upstream.watch import UpstreamStatus
    from wiki_trends.jobs.publish_state import PublishComparison
    from wiki_trends.warehouse.base import RunRecord


def check_lines(
    completeness: Completeness,
    upstream: UpstreamStatus | None = None,
    rechecks: Mapping[dt.date, Recheck] | None = None,
) -> list[Line]:
    """Return the days with the reasons for their states, the totals, and the commands that plan and fill the missing days.

    Args:
        completeness: the checked window.
        upstream: what is known about the publication of Wikimedia's lists; None for a fixed lag.
        rechecks: for each day, Wikimedia's answer to whether it has changed the day; None without the setting `recheck`.
    """
    lines = completeness_lines(completeness)
    if upstream is not None:
        lines.append(upstream_line(upstream))
    if rechecks is not None:
        lines.append(recheck_line(rechecks))
    if completeness.restated:
        lines.append(("To run the restated days again: wiki-trends run, with the same options.", "dim"))
    if not completeness.ready and completeness.missing:
        lines += [("To see the plan:", "dim"), next_command(WIKI_TRENDS_PROGRAM, "plan")]
        lines += [("To fill the missing days:", "dim"), next_command(WIKI_TRENDS_PROGRAM, "backfill")]
    return lines


def styled_calendar_rows(completeness: Completeness) -> list[list[Line]]:
    """Return the rows of the calendar with a mark for each day, then the totals, then the legend. A row consists of texts with styles."""
    # The spaces before the weekdays are as wide as a date with two spaces.
    rows: list[list[Line]] = [[("            Mo Tu We Th Fr Sa Su", "dim")]]
    for monday, cells in calendar_rows(completeness):
        rows.append([(f"{monday}  ", "dim"), *((f" {mark} ", style) for mark, style in cells)])
    legend: list[Line] = []
    for mark, style, meaning in LEGEND:
        legend += [(mark, style), (f" {meaning}  ", "dim")]
    return [*rows, [summary_line(completeness)], legend]


def watermark_lines(completeness: Completeness) -> list[Line]:
    """Return the watermark: the last expected day before the first missing day."""
    last_day = watermark(completeness)
    if last_day is not None:
        return [(last_day.isoformat(), "")]
    reason = (
        "the first expected day of the window is missing" if completeness.expected else "no day is expected"
    )
    return [(f"none: {reason}", "")]


def request_lines(completeness: Completeness) -> list[Line]:
    """Return the number of requests to the lake, by kind."""
    lines = [_request_line("requests to the lake", completeness.requests)]
    if completeness.volume_requests:
        lines.append(_request_line("requests of the volume check", completeness.volume_requests))
    return lines


def _request_line(label: str, counts: Mapping[str, int]) -> Line:
    return f"{label}: " + ", ".join(f"{number} {kind}" for kind, number in counts.items()), "dim"


def consumed_json(comparison: PublishComparison | None) -> dict[str, object]:
    """Return the JSON document of `check --consumed`: the last publish, and the reason for each day that has changed since.

    `comparison` is None if nothing has been published.
    """
    if comparison is None:
        return {"published": None, "changed": {}}
    publish, reason_by_changed_day = comparison
    publish_json = {
        "window": {"start": publish.window_start.isoformat(), "end": publish.window_end.isoformat()},
        "published_at": publish.published_at.isoformat(),
        "fingerprints": dict(publish.fingerprints),
    }
    return {"published": publish_json, "changed": reason_by_changed_day}


def consumed_lines(comparison: PublishComparison | None) -> list[Line]:
    """Return the lines of `check --consumed`: the last publish, the days that have changed since, and the next command.

    `comparison` is None if nothing has been published.
    """
    if comparison is None:
        return [
            ("Nothing has been published yet. To publish:", "warn"),
            next_command(WIKI_TRENDS_PROGRAM, "run"),
        ]
    publish, reason_by_changed_day = comparison
    window_text = f"{publish.window_start} .. {publish.window_end}"
    published_text = f"published {window_text} on {publish.published_at:%Y-%m-%d %H:%M} UTC"
    if not reason_by_changed_day:
        return [(f"{published_text}: no day has changed since", "good")]
    lines: list[Line] = [(f"{published_text}; changed since:", "warn")]
    lines += [(f"  {text}", "warn") for text in changed_texts(reason_by_changed_day)]
    return [*lines, *_publish_again_lines(publish)]


def changed_json(reason_by_changed_day: Mapping[str, str], compare_error: str) -> dict[str, object]:
    """Return what `report --json` adds: the reason for each changed day, or None if the comparison failed."""
    return {"changed_since_publish": None if compare_error else dict(reason_by_changed_day)}


def changed_lines(
    publish: RunRecord, reason_by_changed_day: Mapping[str, str], compare_error: str
) -> list[Line]:
    """Return the lines that `report` adds: the reason for each changed day, or why the comparison failed."""
    if compare_error:
        return [(f"not compared with the lake: {compare_error}", "dim")]
    lines: list[Line] = [
        (f"changed since this was published: {text}", "warn") for text in changed_texts(reason_by_changed_day)
    ]
    return [*lines, *_publish_again_lines(publish)] if lines else []


def _publish_again_lines(publish: RunRecord) -> list[Line]:
    """Return the command that repeats a publish: the same window under the same policy."""
    defaults = Policy().to_json()
    policy = json.loads(publish.policy)
    other_than_default = {name: value for name, value in policy.items() if value != defaults.get(name)}
    # None removes the option `days` of the present command, which excludes `start` and `end`.
    window = {"start": publish.window_start, "end": publish.window_end, "days": None}
    command = next_command(WIKI_TRENDS_PROGRAM, "run", **window, **other_than_default)
    return [("To publish the window again:", ""), command]
