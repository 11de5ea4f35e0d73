"""The report that `print_date_report` prints, in the documented words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.text.spans import weekday

if TYPE_CHECKING:
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.text.reports import Line


def date_report_lines(completeness: Completeness, total_days: int, fix: str) -> list[Line]:
    """Return the documented report: the totals, the available days, and the missing days with `fix`, newest day first.

    Args:
        completeness: the result of a check.
        total_days: the number of days in the diamond layer, inside and outside the window.
        fix: the sentence that follows the missing days.
    """
    missing = list(reversed(completeness.missing))
    lines: list[Line] = [
        (f"Data completeness, {completeness.window} (as of {completeness.window.as_of})", "strong"),
        (f"Total files in the diamond bucket: {total_days}", ""),
        (f"Expected dates: {len(completeness.expected)}", ""),
        (f"Available dates: {len(completeness.available)}", ""),
        (f"Missing dates: {len(missing)}", ""),
        (f"Coverage: {completeness.coverage_pct:.1f} %", "good" if completeness.complete else "bad"),
    ]
    if completeness.available:
        lines.append(("Available:", "strong"))
        lines += [(f"  {day} ({weekday(day)})", "good") for day in reversed(completeness.available)]
    if missing:
        lines.append(("Missing:", "strong"))
        lines += [(f"  {day} ({weekday(day)}): {completeness[day].reason}", "bad") for day in missing]
        lines.append((fix, ""))
    if completeness.waived:
        lines.append(("Not expected:", "strong"))
        lines += [
            (f"  {day} ({weekday(day)}): {completeness[day].reason}", "dim")
            for day in reversed(completeness.waived)
        ]
    return lines
