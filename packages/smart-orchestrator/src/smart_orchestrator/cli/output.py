"""Output of the commands: results to stdout, progress to stderr."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, NoReturn, TextIO

import typer

from smart_orchestrator.cli.exit_codes import DONE, INCOMPLETE, UNREACHABLE
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.text.calendar import watermark

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from smart_orchestrator.backfilling.loop import Backfill
    from smart_orchestrator.backfilling.state import Outcome
    from smart_orchestrator.consumers import ConsumerResult
    from smart_orchestrator.model.cause import Explanation
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.grain import Key
    from smart_orchestrator.model.plan import Plan
    from smart_orchestrator.project import PartitionExplanation, ProjectRun
    from smart_orchestrator.text.reporter import TextReporter
    from smart_orchestrator.text.reports import Line


def check_document(completeness: Completeness) -> dict[str, object]:
    """The document that `check --json` prints."""
    last = watermark(completeness)
    return {**completeness.to_json(), "watermark": key_text(last) if last else None}


def causes_document(causes: Mapping[Key, Explanation]) -> list[dict[str, object]]:
    """The causes of the partitions that are not available, oldest first."""
    return [cause.to_json() for _, cause in sorted(causes.items())]


def plan_document(plan: Plan) -> dict[str, object]:
    """The document that `plan --json` prints."""
    return {**plan.to_json(), "available": plan.completeness.to_json()["available"]}


def backfill_document(backfill: Backfill) -> dict[str, object]:
    """The document that `apply --json` prints: the check at the end, the plan and its outcome."""
    return {**check_document(backfill.completeness), **backfill.to_json()}


def run_document(done: ProjectRun) -> dict[str, object]:
    """The document that `run --json` prints."""
    return {
        **backfill_document(done.backfill),
        "needs": {name: backfill_document(backfill) for name, backfill in done.needs.items()},
        "consumers": [consumer.to_json() for consumer in done.consumers],
    }


def cause_lines(completeness: Completeness, causes: Mapping[Key, Explanation]) -> list[Line]:
    """The causes of the partitions that are not available; neighbours with the same cause share a line."""
    groups: list[list[Explanation]] = []
    for partition in completeness.partitions:
        cause = causes.get(partition.day)
        if cause is None:
            groups.append([])
        elif groups and groups[-1] and _same_cause(groups[-1][-1], cause):
            groups[-1].append(cause)
        else:
            groups.append([cause])
    return [_cause_line(group) for group in groups if group]


def _same_cause(first: Explanation, second: Explanation) -> bool:
    return (first.cause, first.evidence) == (second.cause, second.evidence)


def _cause_line(group: Sequence[Explanation]) -> Line:
    first, last = group[0], group[-1]
    keys = key_text(first.key)
    if len(group) > 1:
        keys = f"{keys} .. {key_text(last.key)} ({len(group)})"
    return f"  {keys}  {first.cause.value}: {first.evidence}", ""


def consumer_lines(consumers: Iterable[ConsumerResult]) -> list[Line]:
    """One line for each consumer: whether its command ran, and how it ended."""
    lines: list[Line] = []
    for consumer in consumers:
        if consumer.exit_code is None:
            lines.append((f"consumer {consumer.name} was not started: {consumer.reason}", "warn"))
        elif consumer.exit_code:
            lines.append((f"consumer {consumer.name} failed: {consumer.reason}", "bad"))
        else:
            lines.append((f"consumer {consumer.name} is done", "good"))
    return lines


def explanation_document(explanation: PartitionExplanation) -> dict[str, object]:
    """The document that `explain --json` prints."""
    partition = explanation.completeness.partitions[0]
    return {
        "dataset": explanation.completeness.dataset,
        **partition.to_json(),
        "cause": explanation.cause.to_json() if explanation.cause else None,
        "runs": [run.to_json() for run in explanation.runs],
        "plan": explanation.plan.steps[0].to_json(),
    }


def explanation_lines(explanation: PartitionExplanation) -> list[Line]:
    """The state of a partition, the cause, its runs and what would be done."""
    partition = explanation.completeness.partitions[0]
    step = explanation.plan.steps[0]
    lines: list[Line] = [
        (f"{explanation.completeness.dataset}  {key_text(partition.day)}", "strong"),
        (f"  state   {partition.state.value} ({partition.code.value}): {partition.reason}", ""),
    ]
    if explanation.cause is not None:
        lines.append((f"  cause   {explanation.cause.cause.value}: {explanation.cause.evidence}", ""))
    lines += [
        (f"  run     {run.name}: {run.state.value}{f', {run.message}' if run.message else ''}", "")
        for run in explanation.runs
    ]
    return [*lines, (f"  plan    {step.action.value}: {step.why}", "")]


def exit_after(outcome: Outcome, *, ready: bool) -> NoReturn:
    """End with 0 when the window is ready, 3 when a partition failed because a service did not answer, and 1 otherwise."""
    from smart_orchestrator.model.run import Failure

    if ready:
        raise typer.Exit(DONE)
    unreachable = any(run.failure is Failure.UNREACHABLE for run in outcome.failed)
    raise typer.Exit(UNREACHABLE if unreachable else INCOMPLETE)


def print_json(document: object) -> None:
    """Print one JSON document to stdout."""
    # Escapes are the only form of other characters that is JSON in any encoding.
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    sys.stdout.write(json.dumps(document, ensure_ascii=not unicode, indent=2) + "\n")


def reporter_on(stream: TextIO) -> TextReporter:
    """A reporter that writes to `stream`, with colours on a terminal."""
    from smart_orchestrator.text.reporter import TextReporter

    return TextReporter(stream)


def out(lines: Iterable[Line]) -> None:
    """Print lines to stdout."""
    reporter_on(sys.stdout).write(lines)


def err(lines: Iterable[Line]) -> None:
    """Print lines to stderr."""
    reporter_on(sys.stderr).write(lines)
