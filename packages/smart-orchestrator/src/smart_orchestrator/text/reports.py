"""Render the completeness of a window and a backfill plan as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.model.completeness import NOT_EXPECTED
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.model.partition import Code, State
from smart_orchestrator.model.plan import Action

if TYPE_CHECKING:
    import datetime as dt

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.model.plan import Plan

Line = tuple[str, str]
"""A line of text and its style: `good`, `bad`, `warn`, `dim`, `strong`, `command` or the empty string.

A line of the style `command` is never wrapped.
"""


def weekday(day: dt.date) -> str:
    """Return the English name of the weekday, independent of the locale."""
    return ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")[day.weekday()]


def completeness_lines(completeness: Completeness, *, most: int = 40) -> list[Line]:
    """Return the report of a window: the days, newest first, then the totals.

    If the window has more than `most` days, the report lists only the first `most` days that are not available.
    """
    window = completeness.window
    grain = window.grain.value
    length = f"1 {grain}" if len(window) == 1 else f"{len(window)} {grain}s"
    lines: list[Line] = [
        (
            f"{completeness.dataset}  {window}  ({length}, as of {key_text(window.as_of)}, lag {window.lag})",
            "strong",
        )
    ]
    partitions = [
        p for p in reversed(completeness.partitions) if len(window) <= most or not completeness.accepts(p)
    ]
    lines += [
        _day_line(partition, completeness.policy.state_of(partition)) for partition in partitions[:most]
    ]
    if len(partitions) > most:
        lines.append((f"  … and {len(partitions) - most} more {grain}s that are not available", "dim"))
    lines.append(summary_line(completeness))
    lines += [
        (f"stray: {name} is not the key of a {grain} and does not count", "warn")
        for name in completeness.strays[:10]
    ]
    if len(completeness.strays) > 10:
        lines.append((f"… and {len(completeness.strays) - 10} more strays", "warn"))
    return lines


def summary_line(completeness: Completeness) -> Line:
    """Format the totals of a window in one line."""
    parts = [
        f"expected {len(completeness.expected)}",
        f"available {len(completeness.available)}",
        f"missing {len(completeness.missing)}",
        f"coverage {completeness.coverage_pct:.1f} %",
    ]
    if completeness.restated:
        parts.append(f"restated {len(completeness.restated)}")
    if completeness.not_yet:
        parts.append(f"within the lag {len(completeness.not_yet)}")
    if completeness.waived:
        parts.append(f"waived {len(completeness.waived)}")
    if completeness.beyond_history:
        parts.append(f"before the upstream's history {len(completeness.beyond_history)}")
    return ", ".join(parts), "good" if completeness.complete else "bad"


def _day_line(partition: Partition, state: State) -> Line:
    """Format one day of the report: date, weekday, state and reason."""
    style = "good" if state is State.COMPLETE else "bad"
    if partition.code in NOT_EXPECTED:
        style = "dim"
    elif partition.code in (Code.UNUSUAL_VOLUME, Code.RESTATED):
        style = "warn"
    why = partition.reason if partition.code is Code.OK else f"{partition.code}: {partition.reason}"
    return f"  {key_text(partition.day)}  {weekday(partition.day):<9}  {state:<11}  {why}", style


_MARKS_OF_ACTIONS = {
    Action.START: "+",
    Action.FOLLOW: ">",
    Action.WAIT: "~",
    Action.GIVE_UP: "x",
    Action.KEEP: " ",
}


def plan_lines(plan: Plan, *, every: bool = False) -> list[Line]:
    """Return the plan with one line for each day that needs an action, or for each day of the window with `every`."""
    steps = [step for step in plan.steps if every or step.action is not Action.KEEP]
    if not steps:
        return [(f"plan: nothing to do, every {plan.completeness.window.grain} is kept", "good")]
    lines: list[Line] = [("plan:", "strong")]
    lines += [
        (f"  {_MARKS_OF_ACTIONS[step.action]} {key_text(step.day)}  {step.action:<7}  {step.why}", "")
        for step in steps
    ]
    return lines
