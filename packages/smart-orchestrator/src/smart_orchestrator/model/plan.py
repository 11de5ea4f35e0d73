"""For each day of a window, what will be done and why. Pure: made from a completeness and the runs that are known.

*Missing* days are expected and not available; *due* days are those missing ones for which a run should be started now.
They are two functions, so that a rule about retrying can never hide a hole.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from smart_orchestrator.model.partition import Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.model.run import Run

# Clocks of the lake and of this machine may differ by so much.
CLOCK_SLACK = dt.timedelta(minutes=1)


class Action(StrEnum):
    """What is done about a day."""

    KEEP = "keep"
    START = "start"
    FOLLOW = "follow"
    WAIT = "wait"
    GIVE_UP = "give_up"


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One day of a plan: what is done, why, and the run that is followed."""

    day: dt.date
    action: Action
    why: str
    run: Run | None = None

    def to_json(self) -> dict[str, object]:
        """The step as `plan --json` lists it."""
        return {
            "day": self.day.isoformat(),
            "action": self.action.value,
            "why": self.why,
            "run": self.run.name if self.run else None,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done about each day of a window, oldest first."""

    completeness: Completeness
    steps: tuple[PlanStep, ...]

    def days(self, action: Action) -> tuple[dt.date, ...]:
        """The days with this action, oldest first."""
        return tuple(step.day for step in self.steps if step.action is action)

    def to_json(self) -> dict[str, object]:
        """The document that `plan --json` prints."""
        document = self.completeness.to_json()
        kept = ("dataset", "as_of", "window", "missing", "coverage_pct")
        return {key: document[key] for key in kept} | {
            "due": [day.isoformat() for day in self.days(Action.START)],
            "days": [step.to_json() for step in self.steps],
        }


def make_plan(completeness: Completeness, latest: Mapping[dt.date, Run]) -> Plan:
    """A plan for the window, given the latest run of each day that has one."""
    return Plan(
        completeness,
        tuple(_step(partition, latest.get(partition.day)) for partition in completeness.partitions),
    )


def due(completeness: Completeness, latest: Mapping[dt.date, Run]) -> tuple[dt.date, ...]:
    """The missing days for which a run should be started now, oldest first."""
    return make_plan(completeness, latest).days(Action.START)


def _step(found: Partition, run: Run | None) -> PlanStep:
    if found.available or found.code in (Code.WAIVED, Code.BEYOND_UPSTREAM_HISTORY):
        return PlanStep(found.day, Action.KEEP, found.reason)
    if found.code is Code.WITHIN_LAG:
        return PlanStep(found.day, Action.WAIT, found.reason)
    if found.code is Code.NEWER_VERSION:
        return PlanStep(found.day, Action.GIVE_UP, found.reason)
    if run is not None and run.in_flight:
        return PlanStep(found.day, Action.FOLLOW, f"run {run.name} is {run.state}", run)
    if found.code is Code.STILL_WRITING and not _written_by(found, run):
        return PlanStep(found.day, Action.WAIT, f"being written: {found.reason}")
    return PlanStep(found.day, Action.START, f"{found.code}: {found.reason}")


def _written_by(found: Partition, run: Run | None) -> bool:
    """Whether the young parts are what an ended run left: then nobody is writing any more."""
    if run is None or run.started_at is None or found.newest_write is None:
        return False
    ended = run.ended_at or dt.datetime.max.replace(tzinfo=dt.UTC) - CLOCK_SLACK
    return run.started_at - CLOCK_SLACK <= found.newest_write <= ended + CLOCK_SLACK
