"""Build the JSON documents and the text lines that the commands print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.model.grain import key_text
from smart_orchestrator.text.calendar import watermark
from smart_orchestrator.text.spans import counted_span, group_alike

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from smart_orchestrator.backfilling.loop import Backfill
    from smart_orchestrator.consumers import ConsumerResult
    from smart_orchestrator.model.cause import Explanation
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.grain import Grain, Key
    from smart_orchestrator.model.plan import Plan
    from smart_orchestrator.project_results import PartitionExplanation, ProjectRun
    from smart_orchestrator.text.reports import Line


def check_document(completeness: Completeness) -> dict[str, object]:
    """Return the document that `check --json` prints."""
    watermark_key = watermark(completeness)
    return {**completeness.to_json(), "watermark": key_text(watermark_key) if watermark_key else None}


def causes_document(causes: Mapping[Key, Explanation]) -> list[dict[str, object]]:
    """Return the causes of the partitions that are not available, oldest first."""
    return [cause.to_json() for _, cause in sorted(causes.items())]


def plan_document(plan: Plan) -> dict[str, object]:
    """Return the document that `plan --json` prints."""
    return {**plan.to_json(), "available": plan.completeness.to_json()["available"]}


def backfill_document(backfill: Backfill) -> dict[str, object]:
    """Return the document that `apply --json` prints: the final check, the plan and the outcome of its runs."""
    return {**check_document(backfill.completeness), **backfill.to_json()}


def run_document(result: ProjectRun) -> dict[str, object]:
    """Return the document that `run --json` prints."""
    return {
        **backfill_document(result.backfill),
        "needs": {name: backfill_document(backfill) for name, backfill in result.needs.items()},
        "consumers": [consumer.to_json() for consumer in result.consumers],
    }


def cause_lines(completeness: Completeness, causes: Mapping[Key, Explanation]) -> list[Line]:
    """Return the causes of the partitions that are not available; neighbouring partitions with the same cause share a line."""
    grain = completeness.window.grain
    explanations = [causes[p.day] for p in completeness.partitions if p.day in causes]
    groups = group_alike(explanations, lambda each: each.key, lambda each: (each.cause, each.evidence), grain)
    return [_cause_line(group, grain) for group in groups]


def _cause_line(group: Sequence[Explanation], grain: Grain) -> Line:
    """Return the line of neighbouring partitions with the same cause and evidence."""
    first = group[0]
    return f"  {counted_span(grain, [each.key for each in group])}: {first.cause.value}: {first.evidence}", ""


def consumer_lines(consumers: Iterable[ConsumerResult]) -> list[Line]:
    """Return one line for each consumer, which says whether the command was started and whether it failed."""
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
    """Return the document that `explain --json` prints."""
    partition, upstream = explanation.completeness.partitions[0], explanation.upstream
    return {
        "dataset": explanation.completeness.dataset,
        **partition.to_json(),
        "cause": explanation.cause.to_json() if explanation.cause else None,
        "runs": [run.to_json() for run in explanation.runs],
        "plan": explanation.step.to_json(),
        **({"upstream": upstream.to_json(partition.day)} if upstream is not None else {}),
    }


def explanation_lines(explanation: PartitionExplanation) -> list[Line]:
    """Return lines with the state, the cause, the runs and the plan of a partition."""
    partition = explanation.completeness.partitions[0]
    step = explanation.step
    lines: list[Line] = [
        (f"{explanation.completeness.dataset}  {key_text(partition.day)}", "strong"),
        (f"  state   {partition.state.value} ({partition.code.value}): {partition.reason}", ""),
    ]
    if explanation.cause is not None:
        lines.append((f"  cause   {explanation.cause.cause.value}: {explanation.cause.evidence}", ""))
    if explanation.upstream is not None:
        lines.append((f"  upstream  {explanation.upstream.text}", ""))
    lines += [
        (f"  run     {run.name}: {run.state.value}{f', {run.message}' if run.message else ''}", "")
        for run in explanation.runs
    ]
    return [*lines, (f"  plan    {step.action.value}: {step.why}", "")]
