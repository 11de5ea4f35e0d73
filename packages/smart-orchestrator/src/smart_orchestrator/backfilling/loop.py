"""Execute a backfill: start the runs that are due, follow the runs in flight, and stop when every day has ended.

At most `jobs` runs of this process are in flight at once; one day's failure does not affect the others. A run that
succeeded without leaving a complete partition counts as a failure with its own reason. Waiting ends once the window can
no longer become ready, except for runs that execute in this process. `RunsError` or `LakeError` is raised if runs or
partitions cannot be started or inspected. Ctrl-C raises `KeyboardInterrupt`; because partitions are visible only after
their commit, the same command resumes the backfill.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from smart_orchestrator.backfilling.polling import FIRST_POLL_SECONDS, poll_pauses
from smart_orchestrator.backfilling.reporter import SilentReporter
from smart_orchestrator.backfilling.state import (
    UNREACHABLE_GOAL,
    BackfillState,
    Limits,
    Outcome,
    written_elsewhere,
)
from smart_orchestrator.model.plan import Action, Plan, make_plan

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable

    from smart_orchestrator.backfilling.reporter import Reporter
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.runners.base import Runner

# Seconds between two inspections of the days that an unknown writer is writing.
INSPECT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Backfill:
    """The result of a backfill: the plan, the outcome, and the completeness of the window at the end."""

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
    dataset: Dataset,
    check: Callable[[], Completeness],
    runner: Runner,
    *,
    limits: Limits | None = None,
    reporter: Reporter | None = None,
) -> Backfill:
    """Complete the window of `check` as far as possible.

    Args:
        dataset: the dataset whose days are backfilled.
        check: returns the completeness of the window; called before and after the backfill.
        runner: starts and polls the runs of the pipeline.
        limits: bounds on parallel runs, attempts and time.
        reporter: receives the progress; silent by default.

    Raises:
        LakeError: the lake does not answer, or refuses access.
        RunsError: runs cannot be started or followed.
    """
    reporter = reporter or SilentReporter()
    before = check()
    reporter.checked(before)
    plan = make_plan(before, runner.latest(list(before.missing)))
    return execute_plan(dataset, plan, check, runner, limits=limits, reporter=reporter)


def execute_plan(
    dataset: Dataset,
    plan: Plan,
    check: Callable[[], Completeness],
    runner: Runner,
    *,
    limits: Limits | None = None,
    reporter: Reporter | None = None,
) -> Backfill:
    """Do exactly what a plan says: start its runs, follow those in flight, and check the window at the end.

    Args:
        dataset: the dataset whose days are backfilled.
        plan: the action for each day of the window.
        check: returns the completeness of the window; called after the runs.
        runner: starts and polls the runs of the pipeline.
        limits: bounds on parallel runs, attempts and time.
        reporter: receives the progress; silent by default.

    Raises:
        LakeError: the lake does not answer, or refuses access.
        RunsError: runs cannot be started or followed.
    """
    reporter = reporter or SilentReporter()
    reporter.planned(plan)
    if not (plan.days(Action.START) or plan.days(Action.FOLLOW) or written_elsewhere(plan)):
        return Backfill(plan, Outcome((), (), (), ()), plan.completeness)
    limits = limits or Limits()
    state = BackfillState(
        dataset, runner, _cap_jobs(limits, runner) if plan.days(Action.START) else limits, reporter
    )
    state.plan(plan)
    outcome = _execute(state)
    return Backfill(plan, outcome, check())


def fetch(
    dataset: Dataset,
    days: Iterable[dt.date],
    runner: Runner,
    *,
    limits: Limits | None = None,
    reporter: Reporter | None = None,
) -> Outcome:
    """Run the pipeline for exactly these days, regardless of what the lake has for them.

    Raises:
        WindowError: a day is before the start of the upstream's history.
        LakeError: the lake does not answer, or refuses access.
        RunsError: runs cannot be started or followed.
    """
    state = BackfillState(
        dataset, runner, _cap_jobs(limits or Limits(), runner), reporter or SilentReporter()
    )
    state.fetch(days)
    return _execute(state)


def _cap_jobs(limits: Limits, runner: Runner) -> Limits:
    """The limits, with `jobs` capped at the capacity of the runner."""
    return replace(limits, jobs=min(limits.jobs, runner.capacity() or limits.jobs))


def _execute(state: BackfillState) -> Outcome:
    """Step the backfill until it is finished, the goal is unreachable, or the time-out is over."""
    runner, limits = state.runner, state.limits
    deadline = time.monotonic() + limits.timeout
    next_inspection = 0.0
    pauses = poll_pauses(runner.poll_seconds, min(FIRST_POLL_SECONDS, runner.poll_seconds))
    while state.unfinished:
        if state.start_queued():
            pauses = poll_pauses(runner.poll_seconds, min(FIRST_POLL_SECONDS, runner.poll_seconds))
        if state.watched and time.monotonic() >= next_inspection:
            state.inspect_watched()
            next_inspection = time.monotonic() + INSPECT_SECONDS
        if time.monotonic() >= deadline:
            return state.outcome(f"no end after {limits.timeout:g} s")
        if state.goal_unreachable:
            return state.outcome(UNREACHABLE_GOAL)
        if state.active or state.watched:
            runner.wait(next(pauses) if state.active else min(INSPECT_SECONDS, limits.timeout))
        state.poll_runs()
    return state.outcome()
