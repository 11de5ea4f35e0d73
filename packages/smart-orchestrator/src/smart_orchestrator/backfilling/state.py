"""The state of a backfill in progress, and the steps that advance it: start due runs, poll runs, inspect days.

No step blocks, so a loop in this process and a trigger in Airflow share the same steps. Between two steps the state can
be serialized (`to_json`) and restored in another process (`from_json`). Runs are judged by the partition that they leave
in the lake, so the next step sees everything that happened in between. A step that raises `LakeError` or `RunsError`
keeps the runs and days that it has not judged, and can be repeated.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from smart_orchestrator.adapters.base import inspect_key
from smart_orchestrator.errors import OptionError, WindowError
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.model.partition import Code
from smart_orchestrator.model.plan import Action
from smart_orchestrator.model.run import Failure, Run, RunState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from smart_orchestrator.backfilling.reporter import Reporter
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.model.plan import Plan
    from smart_orchestrator.runners.base import Runner
    from smart_orchestrator.store.base import Lake

UNREACHABLE_GOAL = "the window cannot become whole any more"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on parallel runs, attempts and time.

    Attributes:
        jobs: maximum number of runs that this process has in flight at once.
        attempts: maximum number of runs that are started for one day.
        timeout: seconds after which the backfill stops waiting.

    Raises:
        OptionError: `jobs` or `attempts` is less than 1, or `timeout` is not more than 0.
    """

    jobs: int = 4
    attempts: int = 3
    timeout: float = 7200.0

    def __post_init__(self) -> None:
        for name in ("jobs", "attempts"):
            value = getattr(self, name)
            if not value >= 1:
                raise OptionError(name, value, "is less than 1", "Give 1 or more.")
        if not self.timeout > 0:
            raise OptionError("timeout", self.timeout, "is not more than 0 seconds", "Give for example 7200.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for each day of a backfill.

    Attributes:
        filled: days that became complete, oldest first.
        failed: the last run of each day that did not become complete, oldest day first.
        started: runs that this process started.
        followed: runs of other processes that were followed.
        abandoned: days that were unfinished when waiting ended, and why it ended.
        measured: measurements from the manifests of the filled days.
    """

    filled: tuple[dt.date, ...]
    failed: tuple[Run, ...]
    started: tuple[Run, ...]
    followed: tuple[Run, ...]
    abandoned: tuple[tuple[dt.date, str], ...] = ()
    measured: Mapping[dt.date, Mapping[str, Any]] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """The outcome as a JSON object, as `backfill --json` and `run --json` print it."""
        return {
            "filled": [key_text(day) for day in self.filled],
            "failed": [run.to_json() for run in self.failed],
            "runs_started": [run.to_json() for run in self.started],
            "runs_followed": [run.to_json() for run in self.followed],
            "abandoned": [{"day": key_text(day), "why": why} for day, why in self.abandoned],
            "measured": {key_text(day): dict(measured) for day, measured in self.measured.items()},
        }


@dataclass(frozen=True, slots=True)
class Goal:
    """How many available days the window needs to be ready, and how many it had before the backfill.

    Attributes:
        available: number of days that were available before the backfill.
        needed: number of available days that makes the window ready; may be fractional.
    """

    available: int
    needed: float

    @classmethod
    def of(cls, before: Completeness) -> Goal:
        """The goal of a window with this completeness."""
        policy = before.policy
        needed = max(policy.min_coverage * len(before.expected) / 100, policy.min_days)
        return cls(len(before.available), needed)


@dataclass(slots=True)
class BackfillState:
    """The state of one backfill in progress, and the steps that change it.

    Attributes:
        dataset: the dataset whose days are backfilled.
        runs: the runner that starts and polls the runs of the pipeline.
        limits: bounds on parallel runs and attempts; the caller enforces the time-out.
        reporter: receives the progress.
        lake: replaces the lake that the dataset names.
        goal: when the window is ready; None if `fetch` runs given days regardless of the window.
        queue: days for which a run must be started.
        watched: days that an unknown writer is writing.
        active: the run in flight of each day.
        begun: number of runs that this process started for each day.
        filled: days that became complete, with the measurements from their manifests.
        failed: the last run of each day that failed for good.
        started: runs that this process started, by name.
        followed: runs of other processes that were followed, by name.
        total: number of days in the backfill.
    """

    dataset: Dataset
    runs: Runner
    limits: Limits
    reporter: Reporter
    lake: Lake | None = None
    goal: Goal | None = None
    queue: deque[dt.date] = field(default_factory=deque)
    watched: set[dt.date] = field(default_factory=set)
    active: dict[dt.date, Run] = field(default_factory=dict)
    begun: dict[dt.date, int] = field(default_factory=dict)
    filled: dict[dt.date, Mapping[str, Any] | None] = field(default_factory=dict)
    failed: dict[dt.date, Run] = field(default_factory=dict)
    started: dict[str, Run] = field(default_factory=dict)
    followed: dict[str, Run] = field(default_factory=dict)
    total: int = 0

    def plan(self, plan: Plan) -> None:
        """Queue, watch and follow the days of a plan."""
        self.goal = Goal.of(plan.completeness)
        self.queue.extend(plan.days(Action.START))
        self.watched.update(written_elsewhere(plan))
        runs = [step.run for step in plan.steps if step.action is Action.FOLLOW and step.run]
        self.total = len(self.queue) + len(self.watched) + len(runs)
        for run in runs:
            self._track(run)

    def fetch(self, days: Iterable[dt.date]) -> None:
        """Queue these days, regardless of what the lake has for them.

        Raises:
            WindowError: a day is before the start of the upstream's history.
        """
        days = sorted(set(days))
        for day in days:
            if self.dataset.beyond_history(day):
                first = self.dataset.history_start
                raise WindowError(
                    "day", day, f"is before {first}, the first that the upstream has", "Give a later day."
                )
        self.queue.extend(days)
        self.total = len(self.queue)

    @property
    def unfinished(self) -> bool:
        """Whether a day is left to start or to wait for."""
        return bool(self.queue or self.active or self.watched)

    @property
    def awaited(self) -> list[dt.date]:
        """Days that are neither filled nor failed yet, oldest first."""
        return sorted({*self.queue, *self.active, *self.watched})

    def start_due(self) -> None:
        """Start runs for the queued days, up to `limits.jobs` in flight."""
        while self.queue and sum(1 for run in self.active.values() if run.ours) < self.limits.jobs:
            day = self.queue[0]
            run = self.runs.start(day)
            self.queue.popleft()
            self._track(run)
            if not run.in_flight:
                self._finish(run)

    def poll_runs(self) -> None:
        """Poll the active runs once, and judge those that have ended."""
        for run in self.runs.poll(list(self.active.values())):
            if not run.in_flight:
                self._finish(run)

    def inspect_watched(self) -> None:
        """Inspect the watched days once: complete days are filled, days that nobody writes any more are queued."""
        for day in sorted(self.watched):
            partition = inspect_key(self.dataset, day, lake=self.lake)
            if partition.available:
                self.watched.discard(day)
                self._fill(partition)
                self.reporter.filled(partition, None, self.progress())
            elif partition.code is not Code.STILL_WRITING:
                self.watched.discard(day)
                self.queue.append(day)

    def hopeless(self) -> bool:
        """Whether nothing is left to start, and the window cannot become ready even if all runs in flight succeed.

        False while runs execute inside this process: they would be lost if it stopped waiting.
        """
        if self.goal is None or self.queue or not (self.active or self.watched):
            return False
        if self.runs.in_process and any(run.ours for run in self.active.values()):
            return False
        possible = self.goal.available + len(self.filled) + len(self.active) + len(self.watched)
        return possible < self.goal.needed

    def progress(self) -> tuple[int, int]:
        """Number of days that are filled or failed, and number of days in total."""
        return len(self.filled) + len(self.failed), self.total

    def outcome(self, why: str = "") -> Outcome:
        """The result so far; unfinished days are abandoned with the reason `why`."""
        return Outcome(
            filled=tuple(sorted(self.filled)),
            failed=tuple(self.failed[day] for day in sorted(self.failed)),
            started=tuple(self.started.values()),
            followed=tuple(self.followed.values()),
            abandoned=tuple((day, why) for day in self.awaited),
            measured={day: measured for day, measured in sorted(self.filled.items()) if measured is not None},
        )

    def to_json(self) -> dict[str, Any]:
        """The state without dataset, runner, limits, reporter and lake; `from_json` restores it."""

        def iso(days: Iterable[dt.date]) -> list[str]:
            return [day.isoformat() for day in days]

        def documents(runs: Iterable[Run]) -> list[dict[str, object]]:
            return [run.to_json() for run in runs]

        return {
            "goal": None if self.goal is None else [self.goal.available, self.goal.needed],
            "queue": iso(self.queue),
            "watched": iso(sorted(self.watched)),
            "active": documents(self.active.values()),
            "begun": {day.isoformat(): count for day, count in self.begun.items()},
            "filled": [[day.isoformat(), measured] for day, measured in self.filled.items()],
            "failed": documents(self.failed.values()),
            "started": documents(self.started.values()),
            "followed": documents(self.followed.values()),
            "total": self.total,
        }

    def from_json(self, document: Mapping[str, Any]) -> BackfillState:
        """A copy of this backfill with the state that `to_json` returned."""

        def days(name: str) -> list[dt.date]:
            return [dt.date.fromisoformat(text) for text in document[name]]

        def runs(name: str) -> list[Run]:
            return [Run.from_json(run) for run in document[name]]

        return replace(
            self,
            goal=None if document["goal"] is None else Goal(*document["goal"]),
            queue=deque(days("queue")),
            watched=set(days("watched")),
            active={run.day: run for run in runs("active")},
            begun={dt.date.fromisoformat(day): count for day, count in document["begun"].items()},
            filled={dt.date.fromisoformat(day): measured for day, measured in document["filled"]},
            failed={run.day: run for run in runs("failed")},
            started={run.name: run for run in runs("started")},
            followed={run.name: run for run in runs("followed")},
            total=document["total"],
        )

    def _track(self, run: Run) -> None:
        """Make a run the active run of its day, and report it."""
        self.active[run.day] = run
        if run.ours:
            self.begun[run.day] = self.begun.get(run.day, 0) + 1
            self.started[run.name] = run
            self.reporter.started(run, self.progress())
        elif run.in_flight:
            self.followed[run.name] = run
            self.reporter.followed(run, self.progress())

    def _finish(self, run: Run) -> None:
        """Judge a run that has ended by the partition that it left in the lake."""
        partition = inspect_key(
            self.dataset, run.day, lake=self.lake, writer_ended=run.state is RunState.SUCCEEDED
        )
        del self.active[run.day]
        self._record(run)
        # A backfill accepts a complete partition from any writer. A fetch also needs a run that succeeded: after a failed
        # run, the complete partition may be the old one.
        accepted = self.goal is not None or run.state is RunState.SUCCEEDED
        if partition.available and accepted:
            self._fill(partition)
            self.reporter.filled(partition, run, self.progress())
            return
        if run.state is RunState.SUCCEEDED:
            message = (
                f"the run succeeded, but the day is {partition.state} ({partition.code}: {partition.reason})"
            )
            run = replace(run, state=RunState.FAILED, failure=Failure.NO_DATA_AFTER_SUCCESS, message=message)
            self._record(run)
        final = run.failure is not None and run.failure.final
        again = not final and self.begun.get(run.day, 0) < self.limits.attempts
        if again:
            self.queue.append(run.day)
        else:
            self.failed[run.day] = run
        self.reporter.failed(run, self.progress(), again=again)

    def _fill(self, partition: Partition) -> None:
        """Mark a day as filled, with the measurements from its manifest."""
        self.filled[partition.day] = partition.manifest.measured if partition.manifest else None

    def _record(self, run: Run) -> None:
        """Keep the latest state of a run that was started or followed."""
        if run.ours:
            self.started[run.name] = run
        elif run.name in self.followed:
            self.followed[run.name] = run


def written_elsewhere(plan: Plan) -> list[dt.date]:
    """The days of a plan that an unknown writer is writing; they must be inspected again."""
    waiting = set(plan.days(Action.WAIT))
    return [p.day for p in plan.completeness.partitions if p.code is Code.STILL_WRITING and p.day in waiting]
