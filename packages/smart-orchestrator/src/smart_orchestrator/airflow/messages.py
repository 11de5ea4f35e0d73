"""Texts of an orchestrator run: the error for a window that is not ready, and the final notification.

This module does not import Airflow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.backfilling.state import Outcome
    from smart_orchestrator.model.completeness import Completeness

# The largest number of days that a message names. For the remaining days, the message has only their number.
MAX_LISTED = 10


def abbreviated(items: Sequence[str], limit: int = MAX_LISTED) -> str:
    """Join the first items with commas, and append the number of the remaining items."""
    more = f" and {len(items) - limit} more" if len(items) > limit else ""
    return ", ".join(items[:limit]) + more


def problem_lines(outcome: Mapping[str, Any]) -> list[str]:
    """Return one line for each failed or abandoned day of an outcome, with the reason and the URL of the log.

    Args:
        outcome: the JSON document of an `Outcome`.
    """
    in_flight = {
        run["day"]: run
        for run in (*outcome["runs_started"], *outcome["runs_followed"])
        if run["state"] in ("queued", "running")
    }
    lines = [
        f"{run['day']} failed (run {run['run']}, {run['failure'] or run['state']}): {run['message']}"
        + (f" -- {run['url']}" if run["url"] else "")
        for run in outcome["failed"]
    ]
    return lines + [_abandoned_line(item, in_flight.get(item["day"])) for item in outcome["abandoned"]]


def _abandoned_line(item: Mapping[str, Any], run: Mapping[str, Any] | None) -> str:
    """Return the line for a day that the wait abandoned. The run of this day may still succeed."""
    if run is None:
        return f"{item['day']} is not there yet: {item['why']}"
    return f"{item['day']} is not there yet, its run {run['run']} is {run['state']}: {item['why']}" + (
        f" -- {run['url']}" if run["url"] else ""
    )


def not_ready_text(completeness: Completeness, outcome: Outcome | None = None) -> str:
    """Return the error message for a window that is not ready."""
    missing = [day.isoformat() for day in completeness.missing]
    text = f"The window {completeness.window} is not ready: coverage {completeness.coverage_pct:.1f} %"
    if missing:
        text += f", missing {abbreviated(missing)}"
    if completeness.not_yet:
        text += f", within the lag {abbreviated([day.isoformat() for day in completeness.not_yet])}"
    lines = problem_lines(outcome.to_json()) if outcome is not None else []
    return "\n".join(
        [
            f"{text}. The analytics were not run; the tables published before are unchanged.",
            *lines[:MAX_LISTED],
        ]
    )


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The result of an orchestrator run, from which its notification is built.

    Attributes:
        dataset: the name of the dataset.
        consumer_ran: whether the consumer processed the window.
        skip_reason: the reason why the consumer skipped the window; None if it did not skip the window.
        window: the first and the last day of the window, as text.
        coverage_pct: the coverage of the window, in percent.
        outcome: the JSON document of the outcome of the backfill.
        problems: the error messages of the tasks.
        changed: whether the consumer changed its results; True if the consumer does not report this.
        recovered_from: the id of the failed run, if this is the first run whose consumer processed a window after that failure;
            otherwise None.
        url: the URL of the run in Airflow's UI.
    """

    dataset: str
    consumer_ran: bool = False
    skip_reason: str | None = None
    window: str | None = None
    coverage_pct: float | None = None
    outcome: Mapping[str, Any] | None = None
    problems: Sequence[str] = ()
    changed: bool = True
    recovered_from: str | None = None
    url: str | None = None

    @property
    def failed(self) -> bool:
        """Whether the consumer neither processed nor skipped the window."""
        return not self.consumer_ran and not self.skip_reason

    def is_reported(self, on: str) -> bool:
        """Return whether a notification is sent, given the choice `on`: `failure`, `change` or `always`."""
        if on == "failure":
            return self.failed
        is_change = self.failed or bool(self.skip_reason) or bool(self.outcome) or self.changed
        return is_change or self.recovered_from is not None or on != "change"


def notification(summary: RunSummary) -> tuple[str, str]:
    """Return the title and the text of the notification at the end of a run."""
    state = "analytics skipped" if summary.skip_reason else "analytics done"
    if summary.failed:
        state = "FAILED, nothing was published"
    lines = [f"Skipped: {summary.skip_reason}"] if summary.skip_reason else []
    if summary.recovered_from is not None:
        lines.append(f"Recovered: the run {summary.recovered_from} had failed")
    if summary.window:
        lines.append(f"Window: {summary.window}")
    if summary.coverage_pct is not None:
        lines.append(f"Coverage: {summary.coverage_pct:.1f} %")
    if summary.outcome:
        failed = [run["day"] for run in summary.outcome["failed"]]
        lines.append(f"Days filled: {abbreviated(summary.outcome['filled']) or 'none'}")
        lines.append(f"Days failed: {abbreviated(failed) or 'none'}")
        lines += [f"  {line}" for line in problem_lines(summary.outcome)[:MAX_LISTED]]
    lines += [f"Problem: {problem}" for problem in summary.problems]
    if summary.url:
        lines.append(f"Run: {summary.url}")
    return f"{summary.dataset}: {state}", "\n".join(lines)
