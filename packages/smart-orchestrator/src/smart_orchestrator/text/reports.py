"""Render the completeness of a window and a backfill plan as lines of text, for people and for logs.

For people, the oldest day comes first, and neighbouring days that are alike share a line. A log has a line for each day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.model.completeness import NOT_EXPECTED
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.model.partition import Code, State
from smart_orchestrator.model.plan import Action
from smart_orchestrator.text.spans import counted, counted_span, group_alike, span_text, weekday

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from smart_orchestrator.model.completeness import Completeness, Policy
    from smart_orchestrator.model.grain import Grain, Key
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.model.plan import Plan, PlanStep

Line = tuple[str, str]
"""A line of text and its style: `good`, `bad`, `warn`, `dim`, `strong`, `command` or the empty string.

A line of the style `command` is never wrapped.
"""

# The largest number of strays that a report names.
_MAX_STRAYS = 10


def completeness_lines(completeness: Completeness, *, most: int = 40) -> list[Line]:
    """Return the report of a window: the days, oldest first, then the totals.

    Neighbouring days that are alike share a line. If the window has more than `most` days, the report lists only the days that
    are not available, in at most `most` lines.
    """
    window, policy = completeness.window, completeness.policy
    listed = [p for p in completeness.partitions if len(window) <= most or not completeness.accepts(p)]
    groups = group_alike(
        listed, lambda p: p.day, lambda p: (policy.state_of(p), p.code, p.reason), window.grain
    )
    lines = [_heading(completeness)]
    lines += [_group_line(group, policy, window.grain) for group in groups[:most]]
    unlisted = sum(map(len, groups[most:]))
    return [*lines, *_closing_lines(completeness, unlisted)]


def log_lines(completeness: Completeness, *, most: int = 40) -> list[Line]:
    """Return the report of a window for a log: one line for each day, newest first, then the totals.

    If the window has more than `most` days, the report lists only the first `most` days that are not available.
    """
    window, policy = completeness.window, completeness.policy
    partitions = [
        p for p in reversed(completeness.partitions) if len(window) <= most or not completeness.accepts(p)
    ]
    lines = [_heading(completeness)]
    lines += [
        (
            f"  {key_text(p.day)}  {weekday(p.day):<9}  {policy.state_of(p):<11}  {_reason(p)}",
            _style(p, policy),
        )
        for p in partitions[:most]
    ]
    return [*lines, *_closing_lines(completeness, len(partitions[most:]))]


def _heading(completeness: Completeness) -> Line:
    window = completeness.window
    length = counted(len(window), window.grain)
    text = f"{completeness.dataset}  {window}  ({length}, as of {key_text(window.as_of)}, lag {window.lag})"
    return text, "strong"


def _closing_lines(completeness: Completeness, unlisted: int) -> list[Line]:
    """Return the number of days that were not listed, the totals, and the strays."""
    grain = completeness.window.grain.value
    lines: list[Line] = []
    if unlisted:
        lines.append((f"  … and {unlisted} more {grain}s that are not available", "dim"))
    lines.append(summary_line(completeness))
    lines += [
        (f"stray: {name} is not the key of a {grain} and does not count", "warn")
        for name in completeness.strays[:_MAX_STRAYS]
    ]
    if len(completeness.strays) > _MAX_STRAYS:
        lines.append((f"… and {len(completeness.strays) - _MAX_STRAYS} more strays", "warn"))
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


def _group_line(group: Sequence[Partition], policy: Policy, grain: Grain) -> Line:
    """Format neighbouring partitions that are alike.

    For example, `12–28 October 2025: 17 days absent, MISSING: nothing is there`, or `5–6 November 2025: 2 days complete, each 3 rows`.
    """
    first = group[0]
    span = span_text(grain, first.day, group[-1].day)
    number = "" if len(group) == 1 else f"{counted(len(group), grain)} "
    separator = ", " if first.code is not Code.OK else ", each " if number else ": "
    text = f"  {span}: {number}{policy.state_of(first)}{separator}{_reason(first)}"
    return text, _style(first, policy)


def _reason(partition: Partition) -> str:
    return partition.reason if partition.code is Code.OK else f"{partition.code}: {partition.reason}"


def _style(partition: Partition, policy: Policy) -> str:
    if partition.code in NOT_EXPECTED:
        return "dim"
    if partition.code in (Code.UNUSUAL_VOLUME, Code.RESTATED):
        return "warn"
    return "good" if policy.state_of(partition) is State.COMPLETE else "bad"


_MARKS_OF_ACTIONS = {
    Action.START: "+",
    Action.FOLLOW: ">",
    Action.WAIT: "~",
    Action.GIVE_UP: "x",
    Action.KEEP: " ",
}


def plan_lines(plan: Plan, *, every: bool = False) -> list[Line]:
    """Return the plan: the days that need an action, or with `every` all days of the window.

    Neighbouring days with the same action and reason share a line.
    """
    grain = plan.completeness.window.grain
    steps = [step for step in plan.steps if every or step.action is not Action.KEEP]
    if not steps:
        return [_nothing_to_do(plan)]
    groups = group_alike(steps, lambda step: step.day, lambda step: (step.action, step.why), grain)
    return [("plan:", "strong"), *(_plan_line(group, grain) for group in groups)]


def _plan_line(group: Sequence[PlanStep], grain: Grain) -> Line:
    step = group[0]
    span = span_text(grain, step.day, group[-1].day)
    number = "" if len(group) == 1 else f" {counted(len(group), grain)}"
    each = "each " if number and step.action is Action.KEEP else ""
    action = step.action.value.replace("_", " ")
    return f"  {_MARKS_OF_ACTIONS[step.action]} {span}: {action}{number}, {each}{step.why}", ""


def plan_log_lines(plan: Plan) -> list[Line]:
    """Return the plan for a log: one line for each day that needs an action, oldest first."""
    steps = [step for step in plan.steps if step.action is not Action.KEEP]
    if not steps:
        return [_nothing_to_do(plan)]
    return [
        ("plan:", "strong"),
        *(
            (f"  {_MARKS_OF_ACTIONS[step.action]} {key_text(step.day)}  {step.action:<7}  {step.why}", "")
            for step in steps
        ),
    ]


def _nothing_to_do(plan: Plan) -> Line:
    return f"plan: nothing to do, every {plan.completeness.window.grain} is kept", "good"


def unfinished_lines(unfinished: Iterable[tuple[Key, str]], grain: Grain) -> list[Line]:
    """Return a line for each key that was unfinished when the wait ended, with the reason. Neighbours with the same reason share a line."""
    groups = group_alike(unfinished, lambda item: item[0], lambda item: item[1], grain)
    return [
        (f"still in flight: {counted_span(grain, [key for key, _ in group])}: {group[0][1]}", "warn")
        for group in groups
    ]
