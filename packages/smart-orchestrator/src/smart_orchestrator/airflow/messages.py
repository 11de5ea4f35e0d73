"""Texts about an orchestrator run: the error of a window that is not ready, and the final notification.

Does not import Airflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.backfilling.state import Outcome
    from smart_orchestrator.model.completeness import Completeness

# The largest number of days that a text lists; it only counts the others.
MAX_LISTED = 10


def abbreviated(items: Sequence[str], most: int = MAX_LISTED) -> str:
    """Join the first items with commas, and append the number of the others."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def problem_lines(outcome: Mapping[str, Any]) -> list[str]:
    """One line for each failed or abandoned day of an outcome in JSON form, with the reason and the address of the log."""
    lines = [
        f"{run['day']} failed (run {run['run']}, {run['failure'] or run['state']}): {run['message']}"
        + (f" -- {run['url']}" if run["url"] else "")
        for run in outcome["failed"]
    ]
    return lines + [f"{item['day']} is not there yet: {item['why']}" for item in outcome["abandoned"]]


def not_ready_text(completeness: Completeness, outcome: Outcome | None = None) -> str:
    """The error text for a window that is not ready: why the consumer must not run."""
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


def notification(facts: Mapping[str, Any]) -> tuple[str, str]:
    """The title and the text of the notification at the end of a run.

    Args:
        facts: `name` of the dataset, `done` (the consumer ran), `skipped` (why the consumer changed nothing), `window`, `coverage_pct`, `outcome` of the backfill,
            `problems` and `url` of the run; an unknown fact is None or empty.
    """
    outcome = facts.get("outcome")
    skipped = facts.get("skipped")
    state = "FAILED, nothing was published"
    if facts.get("done"):
        state = "analytics done"
    elif skipped:
        state = "analytics skipped"
    title = f"{facts['name']}: {state}"
    lines = [f"Skipped: {skipped}"] if skipped else []
    if facts.get("window"):
        lines.append(f"Window: {facts['window']}")
    if facts.get("coverage_pct") is not None:
        lines.append(f"Coverage: {facts['coverage_pct']:.1f} %")
    if outcome:
        lines.append(f"Days filled: {abbreviated(outcome['filled']) or 'none'}")
        lines.append(f"Days failed: {abbreviated([run['day'] for run in outcome['failed']]) or 'none'}")
        lines += [f"  {line}" for line in problem_lines(outcome)[:MAX_LISTED]]
    else:
        lines += [f"Problem: {problem}" for problem in facts.get("problems") or ()]
    if facts.get("url"):
        lines.append(f"Run: {facts['url']}")
    return title, "\n".join(lines)
