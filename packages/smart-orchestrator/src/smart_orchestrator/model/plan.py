"""Plan a backfill: choose an action for each day of a window, with a reason.

A plan is computed from a `Completeness` and the latest run of each day, without I/O. A *day* stands for a key of any grain.

*Missing* days are expected and not available. *Restated* days are available, but the upstream has changed them since. *Due* days are
the missing and the restated days for which a run should start now. The three are computed separately, so a rule about retries can
never hide a missing day.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from smart_orchestrator.model.grain import key_text
from smart_orchestrator.model.partition import Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.model.run import Run

# The tolerated difference between the clocks of the lake and this machine.
CLOCK_SLACK = dt.timedelta(minutes=1)


class Action(StrEnum):
    """The action of a backfill for one day."""

    KEEP = "keep"
    START = "start"
    FOLLOW = "follow"
    WAIT = "wait"
    GIVE_UP = "give_up"


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One day of a plan.

    Attributes:
        day: the partition key.
        action: the action of the backfill for this day.
        why: the reason for the action, as a sentence.
        run: the run to follow; None for any action except `follow`.
    """

    day: dt.date
    action: Action
    why: str
    run: Run | None = None

    def to_json(self) -> dict[str, object]:
        """Return the step as a JSON object, for `plan --json`."""
        return {
            "day": key_text(self.day),
            "action": self.action.value,
            "why": self.why,
            "run": self.run.name if self.run else None,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """The actions for the days of a window.

    Attributes:
        completeness: the completeness of the window when the plan was made.
        steps: one step for each day, oldest first.
        latest_runs: the latest run of each missing or restated day that had a run when the plan was made.
        runner: the name of the runner in the configuration file; None without a configuration file or a runner.
    """

    completeness: Completeness
    steps: tuple[PlanStep, ...]
    latest_runs: Mapping[dt.date, Run] = field(default_factory=dict)
    runner: str | None = None

    def days(self, action: Action) -> tuple[dt.date, ...]:
        """Return the days that have this action, oldest first."""
        return tuple(step.day for step in self.steps if step.action is action)

    def with_blocked(self, reasons: Mapping[dt.date, str]) -> Plan:
        """Return the plan in which each day of `reasons` waits instead of starting, with its sentence there as the reason.

        Steps that would not start stay as they are.
        """
        steps = (
            replace(step, action=Action.WAIT, why=reasons[step.day])
            if step.action is Action.START and step.day in reasons
            else step
            for step in self.steps
        )
        return replace(self, steps=tuple(steps))

    def without_starts(self) -> Plan:
        """Return the plan of a dataset without a runner: restated days are kept, and missing days cannot be filled."""
        restated = set(self.completeness.restated)
        steps = (
            replace(
                step,
                action=Action.KEEP if step.day in restated else Action.GIVE_UP,
                why=f"{step.why}; the dataset has no runner",
            )
            if step.action is Action.START
            else step
            for step in self.steps
        )
        return replace(self, steps=tuple(steps))

    def to_json(self) -> dict[str, object]:
        """Return the JSON document that `plan --json` prints."""
        document = self.completeness.to_json()
        copied_fields = ("dataset", "as_of", "window", "missing", "coverage_pct")
        return {key: document[key] for key in copied_fields} | {
            "due": [key_text(day) for day in self.days(Action.START)],
            "days": [step.to_json() for step in self.steps],
        }


def make_plan(completeness: Completeness, latest: Mapping[dt.date, Run]) -> Plan:
    """Plan a backfill of a window, given the latest run of each day that has a run."""
    return Plan(
        completeness,
        tuple(
            _step(partition, latest.get(partition.day), accepted=completeness.accepts(partition))
            for partition in completeness.partitions
        ),
        latest,
    )


def due(completeness: Completeness, latest: Mapping[dt.date, Run]) -> tuple[dt.date, ...]:
    """Return the missing and the restated days for which a run should start now, oldest first."""
    return make_plan(completeness, latest).days(Action.START)


def _step(partition: Partition, run: Run | None, *, accepted: bool) -> PlanStep:
    """Choose the action for one day."""
    if partition.code is Code.RESTATED:
        if run is not None and run.in_flight:
            return PlanStep(partition.day, Action.FOLLOW, f"run {run.name} is {run.state}", run)
        return PlanStep(partition.day, Action.START, f"{partition.code}: {partition.reason}")
    if accepted or partition.code in (Code.WAIVED, Code.BEYOND_UPSTREAM_HISTORY):
        return PlanStep(partition.day, Action.KEEP, partition.reason)
    if partition.code is Code.WITHIN_LAG:
        return PlanStep(partition.day, Action.WAIT, partition.reason)
    if partition.code is Code.NEWER_VERSION:
        return PlanStep(partition.day, Action.GIVE_UP, partition.reason)
    if run is not None and run.in_flight:
        return PlanStep(partition.day, Action.FOLLOW, f"run {run.name} is {run.state}", run)
    if partition.code is Code.NOT_PUBLISHED:
        return PlanStep(partition.day, Action.WAIT, partition.reason)
    # No run is in flight here. If the latest run wrote the newest file, the writer has ended, so there is nothing to wait for.
    if partition.code is Code.STILL_WRITING and not written_by(partition, run):
        return PlanStep(partition.day, Action.WAIT, f"being written: {partition.reason}")
    return PlanStep(partition.day, Action.START, f"{partition.code}: {partition.reason}")


def written_by(partition: Partition, run: Run | None) -> bool:
    """Return whether the newest file of the partition was written during this run. The run then counts as the writer of the partition."""
    if run is None or run.started_at is None or partition.newest_write is None:
        return False
    if run.ended_at is not None and partition.newest_write > run.ended_at + CLOCK_SLACK:
        return False
    return partition.newest_write >= run.started_at - CLOCK_SLACK
