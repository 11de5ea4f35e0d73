"""Carry a plan out: start what is due, follow what is in flight, and stop when nothing more can come.

At most `jobs` runs of ours at once; each day fails for itself. A run that succeeded without leaving a complete
partition is a failure with its own reason. Followed runs are not waited for once the window cannot become ready any
more; our own are, since they work in this process. What cannot be started or looked at raises `RunsError` or
`LakeError`; Ctrl-C passes through as `KeyboardInterrupt`, and since nothing is visible before its commit, the same
command goes on from there.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from smart_orchestrator.console import SilentConsole
from smart_orchestrator.contents import Code
from smart_orchestrator.partition import inspect
from smart_orchestrator.plan import Action, Plan, make_plan
from smart_orchestrator.runs import Failure, Run, RunState

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Mapping

    from smart_orchestrator.completeness import Completeness
    from smart_orchestrator.console import Console
    from smart_orchestrator.dataset import DailyDataset
    from smart_orchestrator.manifest import Partition
    from smart_orchestrator.runs import PipelineRuns

# Trying these again at once is useless: the source has no such day, or source or lake did not answer within their own
# deadlines, or refused.
FINAL = (Failure.NOT_PUBLISHED, Failure.UNREACHABLE, Failure.REFUSED)
# A day that someone outside the ledger writes is looked at so often.
LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a backfill may do.

    Attributes:
        jobs: runs of ours at the same time.
        attempts: runs that are started for one day at most.
        timeout: seconds after which it stops waiting.
    """

    jobs: int = 4
    attempts: int = 3
    timeout: float = 7200.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a set of days.

    Attributes:
        filled: days that became whole, oldest first.
        failed: days that did not, with the last run and its reason.
        started: runs that this process started.
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
class Backfill:
    """A window before and after: the plan, what became of its days, and the completeness at the end."""

    plan: Plan
    outcome: Outcome
    completeness: Completeness

    def to_json(self) -> dict[str, object]:
        """The document that `backfill --json` prints."""
        return {
            "plan": self.plan.to_json(),
            **self.outcome.to_json(),
            "completeness": self.completeness.to_json(),
        }


def backfill(
    dataset: DailyDataset,
    check: Callable[[], Completeness],
    runs: PipelineRuns,
    *,
    limits: Limits | None = None,
    console: Console | None = None,
) -> Backfill:
    """Make the window of `check` whole as far as it can be.

    Args:
        dataset: whose days are made.
        check: looks at the window; called before and after.
        runs: starts and follows the pipeline.
        limits: how much may be done.
        console: told what happens.

    Raises:
        LakeError: the lake does not answer or refuses.
        RunsError: runs cannot be started or followed.
    """
    console = console or SilentConsole()
    before = check()
    console.checked(before)
    plan = make_plan(before, runs.latest(list(before.missing)))
    console.planned(plan)
    if not (plan.days(Action.START) or plan.days(Action.FOLLOW) or _being_written(plan)):
        return Backfill(plan, Outcome((), (), (), ()), before)
    outcome = _Carrying(dataset, plan, runs, limits or Limits(), console).carry_out()
    after = check()
    return Backfill(plan, outcome, after)


def fetch(
    dataset: DailyDataset,
    days: Iterable[dt.date],
    runs: PipelineRuns,
    *,
    limits: Limits | None = None,
    console: Console | None = None,
) -> Outcome:
    """Run the pipeline for exactly these days, whatever the lake holds for them.

    Raises:
        LakeError: the lake does not answer or refuses.
        RunsError: runs cannot be started or followed.
    """
    carrying = _Carrying(dataset, None, runs, limits or Limits(), console or SilentConsole())
    carrying.queue.extend(sorted(set(days)))
    carrying.total = len(carrying.queue)
    return carrying.carry_out()


def _being_written(plan: Plan) -> list[dt.date]:
    return [
        p.day
        for p in plan.completeness.days
        if p.code is Code.STILL_WRITING and p.day in plan.days(Action.WAIT)
    ]


@dataclass(slots=True)
class _Carrying:
    """The state of one backfill while it goes on."""

    dataset: DailyDataset
    plan: Plan | None
    runs: PipelineRuns
    limits: Limits
    console: Console
    queue: deque[dt.date] = field(default_factory=deque)
    watched: set[dt.date] = field(default_factory=set)
    active: dict[dt.date, Run] = field(default_factory=dict)
    begun: dict[dt.date, int] = field(default_factory=dict)
    filled: dict[dt.date, Partition] = field(default_factory=dict)
    failed: dict[dt.date, Run] = field(default_factory=dict)
    started: dict[str, Run] = field(default_factory=dict)
    followed: dict[str, Run] = field(default_factory=dict)
    total: int = 0

    def __post_init__(self) -> None:
        if self.plan is not None:
            self.queue.extend(self.plan.days(Action.START))
            self.watched.update(_being_written(self.plan))
            followed = [step.run for step in self.plan.steps if step.action is Action.FOLLOW and step.run]
            self.total = len(self.queue) + len(self.watched) + len(followed)
            for run in followed:
                self._take(run)

    def carry_out(self) -> Outcome:
        end = time.monotonic() + self.limits.timeout
        next_look = 0.0
        why = ""
        while self.queue or self.active or self.watched:
            self._fill_slots()
            if self.watched and time.monotonic() >= next_look:
                self._look_at_watched()
                next_look = time.monotonic() + LOOK_SECONDS
            why = self._reason_to_stop(end)
            if why:
                break
            if self.active or self.watched:
                self.runs.wait(
                    self.runs.poll_seconds if self.active else min(LOOK_SECONDS, self.limits.timeout)
                )
            for run in self.runs.look(list(self.active.values())):
                if not run.in_flight:
                    self._settle(run)
        left = sorted({*self.queue, *self.active, *self.watched})
        return Outcome(
            filled=tuple(sorted(self.filled)),
            failed=tuple(self.failed[day] for day in sorted(self.failed)),
            started=tuple(self.started.values()),
            followed=tuple(self.followed.values()),
            abandoned=tuple((day, why) for day in left),
            measured={
                day: found.manifest.measured for day, found in sorted(self.filled.items()) if found.manifest
            },
        )

    def _fill_slots(self) -> None:
        while self.queue and sum(1 for run in self.active.values() if run.ours) < self.limits.jobs:
            day = self.queue.popleft()
            run = self.runs.start(day)
            if run.ours:
                self.begun[day] = self.begun.get(day, 0) + 1
            self._take(run)
            if not run.in_flight:
                self._settle(run)

    def _take(self, run: Run) -> None:
        self.active[run.day] = run
        if run.ours:
            self.started[run.name] = run
            self.console.started(run, self._progress())
        elif run.in_flight:
            self.followed[run.name] = run
            self.console.followed(run, self._progress())

    def _look_at_watched(self) -> None:
        for day in sorted(self.watched):
            found = inspect(self.dataset, day)
            if found.available:
                self.watched.discard(day)
                self.filled[day] = found
                self.console.filled(found, None, self._progress())
            elif found.code is not Code.STILL_WRITING:
                self.watched.discard(day)
                self.queue.append(day)

    def _settle(self, run: Run) -> None:
        """Judge a run that ended by what it left in the lake."""
        del self.active[run.day]
        self._remember(run)
        found = inspect(self.dataset, run.day)
        # A backfill wants the day whole, whoever did it; a fetch wants its own run to have done it.
        done = self.plan is not None or not run.ours or run.state is RunState.SUCCEEDED
        if found.available and done:
            self.filled[run.day] = found
            self.console.filled(found, run, self._progress())
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
        self.console.failed(run, self._progress(), again=again)

    def _remember(self, run: Run) -> None:
        if run.ours:
            self.started[run.name] = run
        elif run.name in self.followed:
            self.followed[run.name] = run

    def _reason_to_stop(self, end: float) -> str:
        if time.monotonic() >= end:
            return f"no end after {self.limits.timeout:g} s"
        waiting_for_us = self.queue or any(run.ours for run in self.active.values())
        if not waiting_for_us and (self.active or self.watched) and self._hopeless():
            return "the window cannot become whole any more"
        return ""

    def _hopeless(self) -> bool:
        """Whether the window stays unready even if everything still in flight succeeds."""
        if self.plan is None or not self.failed:
            return False
        before = self.plan.completeness
        possible = len(before.available) + len(self.filled) + len(self.active) + len(self.watched)
        enough = 100 * possible >= before.policy.min_coverage * len(before.expected)
        return not enough or possible < before.policy.min_days

    def _progress(self) -> tuple[int, int]:
        return len(self.filled) + len(self.failed), self.total
