"""The state of a backfill in progress, and the steps that advance it: start queued runs, poll runs, inspect days.

No step waits for a run, so a loop in this process and a trigger in Airflow share the same steps. Between two steps the state can
be serialized (`to_json`) and restored in another process (`from_json`). Runs are judged by the partition that they leave
in the lake, so the next step sees everything that happened in between. A step that raises `LakeError` or `RunsError`
keeps the runs and days that it has not judged, and can be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from smart_orchestrator.adapters.base import inspect_key
from smart_orchestrator.backfilling.key_state import KeyState, Phase, keys_of_first_version
from smart_orchestrator.errors import OptionError, WindowError
from smart_orchestrator.model.grain import key_text, parse_key
from smart_orchestrator.model.partition import Code
from smart_orchestrator.model.plan import Action
from smart_orchestrator.model.run import Failure, Run, RunState

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

    from smart_orchestrator.backfilling.reporter import Reporter
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.model.plan import Plan
    from smart_orchestrator.runners.base import Runner
    from smart_orchestrator.store.base import Lake

UNREACHABLE_GOAL = "the window can no longer become ready"


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
        started: runs that this process started, by day and then by attempt.
        followed: runs of other processes that were followed, by day.
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
        runner: starts and polls the runs of the pipeline.
        limits: bounds on parallel runs and attempts; the caller enforces the time-out.
        reporter: receives the progress.
        lake: replaces the lake that the dataset names.
        goal: when the window is ready; None if `fetch` runs given days regardless of the window.
        keys: the state of each day; queued days are started in this order.
    """

    dataset: Dataset
    runner: Runner
    limits: Limits
    reporter: Reporter
    lake: Lake | None = None
    goal: Goal | None = None
    keys: dict[dt.date, KeyState] = field(default_factory=dict)

    def plan(self, plan: Plan) -> None:
        """Queue, watch and follow the days of a plan."""
        self.goal = Goal.of(plan.completeness)
        runs = [step.run for step in plan.steps if step.action is Action.FOLLOW and step.run]
        self.keys = dict.fromkeys((*plan.days(Action.START), *(run.day for run in runs)), KeyState())
        self.keys |= dict.fromkeys(written_elsewhere(plan), KeyState(Phase.WATCHED))
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
        self.keys = dict.fromkeys(days, KeyState())

    @property
    def unfinished(self) -> bool:
        """Whether a day is left to start or to wait for."""
        return not all(key.ended for key in self.keys.values())

    @property
    def awaited(self) -> list[dt.date]:
        """Days that are neither filled nor failed yet, oldest first."""
        return sorted(day for day, key in self.keys.items() if not key.ended)

    @property
    def queued(self) -> list[dt.date]:
        """Days for which a run must be started, in the order of their start."""
        return self._days_in(Phase.QUEUED)

    @property
    def watched(self) -> list[dt.date]:
        """Days that an unknown writer is writing, oldest first."""
        return sorted(self._days_in(Phase.WATCHED))

    @property
    def active(self) -> list[Run]:
        """The runs in flight."""
        return [key.run for key in self.keys.values() if key.phase is Phase.RUNNING and key.run]

    def start_queued(self) -> bool:
        """Start runs for the queued days, up to `limits.jobs` in flight; return whether a run was started."""
        own = sum(run.ours for run in self.active)
        started = False
        while own < self.limits.jobs and (day := self._next_queued()):
            run = self.runner.start(day)
            self._track(run)
            started = True
            if run.in_flight:
                own += run.ours
            else:
                self._finish(run)
        return started

    def poll_runs(self) -> None:
        """Poll the active runs once, and judge those that have ended."""
        for run in self.runner.poll(self.active):
            if not run.in_flight:
                self._finish(run)

    def inspect_watched(self) -> None:
        """Inspect the watched days once: days that are complete are filled, days whose writer has stopped are queued."""
        for day in self.watched:
            partition = inspect_key(self.dataset, day, lake=self.lake)
            if partition.available:
                self.keys[day] = self.keys[day].fill(_measured(partition))
                self.reporter.filled(partition, None, self.progress())
            elif partition.code is not Code.STILL_WRITING:
                self._queue(day, self.keys[day].release())

    @property
    def goal_unreachable(self) -> bool:
        """Whether nothing is left to start, and the window cannot become ready even if all runs in flight succeed.

        False while runs execute inside this process: they would be lost if it stopped waiting.
        """
        if self.goal is None or self._next_queued() or not self.unfinished:
            return False
        if self.runner.in_process and any(run.ours for run in self.active):
            return False
        possible = sum(key.phase is not Phase.FAILED for key in self.keys.values())
        return self.goal.available + possible < self.goal.needed

    def progress(self) -> tuple[int, int]:
        """Number of days that are filled or failed, and number of days in total."""
        return sum(key.ended for key in self.keys.values()), len(self.keys)

    def outcome(self, why: str = "") -> Outcome:
        """The result so far; unfinished days are abandoned with the reason `why`."""
        keys = sorted(self.keys.items())
        runs = [run for _, key in keys for run in key.runs]
        filled = {day: key.measured for day, key in keys if key.phase is Phase.FILLED}
        return Outcome(
            filled=tuple(filled),
            failed=tuple(key.run for _, key in keys if key.phase is Phase.FAILED and key.run),
            started=tuple(run for run in runs if run.ours),
            followed=tuple(run for run in runs if not run.ours),
            abandoned=tuple((day, why) for day in self.awaited),
            measured={day: measured for day, measured in filled.items() if measured is not None},
        )

    def to_json(self) -> dict[str, Any]:
        """The goal and the keys as JSON types; `from_json` restores them."""
        return {
            "goal": None if self.goal is None else [self.goal.available, self.goal.needed],
            "keys": [{"key": key_text(day), **key.to_json()} for day, key in self.keys.items()],
        }

    @classmethod
    def from_json(
        cls,
        document: Mapping[str, Any],
        dataset: Dataset,
        runner: Runner,
        limits: Limits,
        reporter: Reporter,
        lake: Lake | None = None,
    ) -> BackfillState:
        """Restore a backfill from the document that `to_json` returned, also from one that version 1 wrote."""
        if "keys" in document:
            keys = {parse_key(key["key"]): KeyState.from_json(key) for key in document["keys"]}
        else:
            keys = keys_of_first_version(document)
        goal = None if document["goal"] is None else Goal(*document["goal"])
        return cls(dataset, runner, limits, reporter, lake, goal, keys)

    def _days_in(self, phase: Phase) -> list[dt.date]:
        return [day for day, key in self.keys.items() if key.phase is phase]

    def _next_queued(self) -> dt.date | None:
        return next((day for day, key in self.keys.items() if key.phase is Phase.QUEUED), None)

    def _queue(self, day: dt.date, key: KeyState) -> None:
        """Put a day behind the days that are already queued."""
        del self.keys[day]
        self.keys[day] = key

    def _track(self, run: Run) -> None:
        """Make a run the active run of its day, and report it."""
        self.keys[run.day] = self.keys[run.day].start(run)
        if run.ours:
            self.reporter.started(run, self.progress())
        elif run.in_flight:
            self.reporter.followed(run, self.progress())

    def _finish(self, run: Run) -> None:
        """Judge a run that has ended by the partition that it left in the lake."""
        partition = inspect_key(
            self.dataset, run.day, lake=self.lake, writer_ended=run.state is RunState.SUCCEEDED
        )
        key = self.keys[run.day]
        # A backfill accepts a complete partition from any writer. A fetch also needs a run that succeeded: after a failed
        # run, the complete partition may be the old one.
        accepted = self.goal is not None or run.state is RunState.SUCCEEDED
        if partition.available and accepted:
            self.keys[run.day] = key.fill(_measured(partition), run)
            self.reporter.filled(partition, run, self.progress())
            return
        if run.state is RunState.SUCCEEDED:
            message = (
                f"the run succeeded, but the day is {partition.state} ({partition.code}: {partition.reason})"
            )
            run = replace(run, state=RunState.FAILED, failure=Failure.NO_DATA_AFTER_SUCCESS, message=message)
        final = run.failure is not None and run.failure.final
        again = not final and key.starts < self.limits.attempts
        if again:
            self._queue(run.day, key.retry(run))
        else:
            self.keys[run.day] = key.fail(run)
        self.reporter.failed(run, self.progress(), again=again)


def _measured(partition: Partition) -> Mapping[str, Any] | None:
    """The measurements from the manifest of a complete partition."""
    return partition.manifest.measured if partition.manifest else None


def written_elsewhere(plan: Plan) -> list[dt.date]:
    """The days of a plan that an unknown writer is writing; they must be inspected again."""
    waiting = set(plan.days(Action.WAIT))
    return [p.day for p in plan.completeness.partitions if p.code is Code.STILL_WRITING and p.day in waiting]
