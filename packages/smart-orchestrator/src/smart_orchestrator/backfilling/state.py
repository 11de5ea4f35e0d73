"""What is under way in a backfill, and its steps: start what is due, look once, say whether to go on.

No step waits, so a loop in this process and a trigger in Airflow take the same ones. Between two steps all of it can be
written down (`to_json`) and taken up by another process (`from_json`); whatever happened in between is seen at the next
look, since runs are judged by what they left in the lake. A step that fails with `LakeError` or `RunsError` leaves what
it had not judged under way, and can be taken again.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from smart_orchestrator.adapters.manifest import inspect
from smart_orchestrator.errors import OptionError, WindowError
from smart_orchestrator.model.partition import Code
from smart_orchestrator.model.plan import Action
from smart_orchestrator.model.run import Failure, Run, RunState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from smart_orchestrator.backfilling.reporter import Reporter
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.model.plan import Plan
    from smart_orchestrator.runners.base import Runner
    from smart_orchestrator.store.base import Lake

# Trying these again at once is useless: the source has no such day, or source or lake did not answer within their own
# deadlines, or refused.
FINAL = (Failure.NOT_PUBLISHED, Failure.UNREACHABLE, Failure.REFUSED)
UNREACHABLE_GOAL = "the window cannot become whole any more"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a backfill may do.

    Attributes:
        jobs: runs of ours at the same time.
        attempts: runs that are started for one day at most.
        timeout: seconds after which it stops waiting.

    Raises:
        OptionError: one of them is not more than 0.
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
    """What became of a set of days.

    Attributes:
        filled: days that became whole, oldest first.
        failed: days that did not, with the last run and its reason.
        started: runs that were started here.
        followed: runs of others that were followed.
        abandoned: days that were still in flight when waiting ended, and why it ended.
        measured: of the filled days, what their manifests say was measured.
    """

    filled: tuple[dt.date, ...]
    failed: tuple[Run, ...]
    started: tuple[Run, ...]
    followed: tuple[Run, ...]
    abandoned: tuple[tuple[dt.date, str], ...] = ()
    measured: Mapping[dt.date, Mapping[str, Any]] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """The outcome as `backfill --json` and `run --json` list it."""
        return {
            "filled": [day.isoformat() for day in self.filled],
            "failed": [run.to_json() for run in self.failed],
            "runs_started": [run.to_json() for run in self.started],
            "runs_followed": [run.to_json() for run in self.followed],
            "abandoned": [{"day": day.isoformat(), "why": why} for day, why in self.abandoned],
            "measured": {day.isoformat(): dict(measured) for day, measured in self.measured.items()},
        }


@dataclass(frozen=True, slots=True)
class Goal:
    """How many days the window needs, and how many it had before.

    Attributes:
        available: days that were there.
        needed: days that there must be for the window to be ready, as a number that need not be whole.
    """

    available: int
    needed: float

    @classmethod
    def of(cls, before: Completeness) -> Goal:
        """The goal of a window that was checked."""
        policy = before.policy
        needed = max(policy.min_coverage * len(before.expected) / 100, policy.min_days)
        return cls(len(before.available), needed)


@dataclass(slots=True)
class BackfillState:
    """The state of one backfill while it goes on, and the steps that change it.

    Attributes:
        dataset: whose days are made.
        runs: starts and follows the pipeline.
        limits: how much may be done; the time-out is the caller's to keep.
        console: told what happens.
        lake: the dataset's lake, if not the one that it names.
        goal: of a backfill; None where certain days are fetched, whatever the window then is.
        queue: days for which a run is to be started.
        watched: days that someone outside writes.
        active: the run that is followed of each day.
        filled: days that became whole, with what their manifests say was measured.
        total: days that there were to do.
    """

    dataset: DailyDataset
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
        """Take over what a plan says is to be done."""
        self.goal = Goal.of(plan.completeness)
        self.queue.extend(plan.days(Action.START))
        self.watched.update(written_elsewhere(plan))
        runs = [step.run for step in plan.steps if step.action is Action.FOLLOW and step.run]
        self.total = len(self.queue) + len(self.watched) + len(runs)
        for run in runs:
            self._track(run)

    def fetch(self, days: Iterable[dt.date]) -> None:
        """Take over days that are to be run, whatever the lake holds of them.

        Raises:
            WindowError: one lies before the upstream's history.
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
        """Whether there is something left to start or to wait for."""
        return bool(self.queue or self.active or self.watched)

    @property
    def awaited(self) -> list[dt.date]:
        """Days whose end is not known yet, oldest first."""
        return sorted({*self.queue, *self.active, *self.watched})

    def start_due(self) -> None:
        """Start runs for the days of the queue, as many as may be at once."""
        while self.queue and sum(1 for run in self.active.values() if run.ours) < self.limits.jobs:
            day = self.queue[0]
            run = self.runs.start(day)
            self.queue.popleft()
            self._track(run)
            if not run.in_flight:
                self._finish(run)

    def poll_runs(self) -> None:
        """Look at the runs once, and judge those that have ended."""
        for run in self.runs.poll(list(self.active.values())):
            if not run.in_flight:
                self._finish(run)

    def inspect_watched(self) -> None:
        """Look once at the days that someone outside writes."""
        for day in sorted(self.watched):
            found = inspect(self.dataset, day, lake=self.lake)
            if found.available:
                self.watched.discard(day)
                self._fill(found)
                self.reporter.filled(found, None, self.progress())
            elif found.code is not Code.STILL_WRITING:
                self.watched.discard(day)
                self.queue.append(day)

    def hopeless(self) -> bool:
        """Whether nothing is left to start, and the window stays unready even if all that is in flight succeeds.

        Runs of ours that live in this process are waited for all the same: they would end with it.
        """
        if self.goal is None or self.queue or not (self.active or self.watched):
            return False
        if self.runs.in_process and any(run.ours for run in self.active.values()):
            return False
        possible = self.goal.available + len(self.filled) + len(self.active) + len(self.watched)
        return possible < self.goal.needed

    def progress(self) -> tuple[int, int]:
        """Days whose end is known, and days that there were to do."""
        return len(self.filled) + len(self.failed), self.total

    def outcome(self, why: str = "") -> Outcome:
        """What became of the days; `why` waiting ended for those that are still under way."""
        return Outcome(
            filled=tuple(sorted(self.filled)),
            failed=tuple(self.failed[day] for day in sorted(self.failed)),
            started=tuple(self.started.values()),
            followed=tuple(self.followed.values()),
            abandoned=tuple((day, why) for day in self.awaited),
            measured={day: found for day, found in sorted(self.filled.items()) if found is not None},
        )

    def to_json(self) -> dict[str, Any]:
        """All that `from_json` needs besides dataset, runs, limits and console."""

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
        """The same with the state that `to_json` wrote down."""

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
        self.active[run.day] = run
        if run.ours:
            self.begun[run.day] = self.begun.get(run.day, 0) + 1
            self.started[run.name] = run
            self.reporter.started(run, self.progress())
        elif run.in_flight:
            self.followed[run.name] = run
            self.reporter.followed(run, self.progress())

    def _finish(self, run: Run) -> None:
        """Judge a run that ended by what it left in the lake."""
        found = inspect(self.dataset, run.day, lake=self.lake)
        del self.active[run.day]
        self._remember(run)
        # A backfill wants a complete partition, whoever made it. A fetch wants a run that succeeded: a complete partition may
        # be the old one, which a failed run, of ours or of another process, has left in place.
        done = self.goal is not None or run.state is RunState.SUCCEEDED
        if found.available and done:
            self._fill(found)
            self.reporter.filled(found, run, self.progress())
            return
        if run.state is RunState.SUCCEEDED:
            message = f"the run succeeded, but the day is {found.state} ({found.code}: {found.reason})"
            run = replace(run, state=RunState.FAILED, failure=Failure.NO_DATA_AFTER_SUCCESS, message=message)
            self._remember(run)
        again = run.failure not in FINAL and self.begun.get(run.day, 0) < self.limits.attempts
        if again:
            self.queue.append(run.day)
        else:
            self.failed[run.day] = run
        self.reporter.failed(run, self.progress(), again=again)

    def _fill(self, found: Partition) -> None:
        self.filled[found.day] = found.manifest.measured if found.manifest else None

    def _remember(self, run: Run) -> None:
        if run.ours:
            self.started[run.name] = run
        elif run.name in self.followed:
            self.followed[run.name] = run


def written_elsewhere(plan: Plan) -> list[dt.date]:
    """The days of a plan that someone outside writes: only looking again can tell what becomes of them."""
    waited = set(plan.days(Action.WAIT))
    return [p.day for p in plan.completeness.partitions if p.code is Code.STILL_WRITING and p.day in waited]
