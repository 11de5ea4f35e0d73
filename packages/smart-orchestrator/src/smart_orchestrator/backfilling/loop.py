"""Execute a backfill: start a run for each key that needs one, wait for the runs in flight, and stop when every key is filled or failed.

At most `Limits.jobs` runs of one backfill are in flight at the same time. The failure of one key does not affect other keys. A run that
succeeds without a complete partition counts as failed, with the failure NO_DATA_AFTER_SUCCESS. The loop stops waiting when the window
can no longer become ready, unless the runs execute in this process. The functions raise `RunsError` if runs cannot be started or
polled, and `LakeError` if partitions cannot be inspected. After Ctrl-C (`KeyboardInterrupt`), the same command continues the
backfill, because no partition is visible before it is committed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from smart_orchestrator.backfilling.polling import FIRST_POLL_SECONDS, pause_until_settled, poll_pauses
from smart_orchestrator.backfilling.reporter import SilentReporter
from smart_orchestrator.backfilling.state import (
    GOAL_UNREACHABLE_REASON,
    BackfillState,
    Limits,
    Outcome,
    being_written,
)
from smart_orchestrator.model.partition import Code
from smart_orchestrator.model.plan import Action, Plan, make_plan

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable

    from smart_orchestrator.backfilling.reporter import Reporter
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.runners.base import Runner

# The first and the longest pause, in seconds, between two inspections of partitions that an unknown writer is writing.
INSPECT_SECONDS = 2.0
MAX_INSPECT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Backfill:
    """The result of a backfill: the plan, the outcome, and the completeness of the window at the end."""

    plan: Plan
    outcome: Outcome
    completeness: Completeness

    def to_json(self) -> dict[str, object]:
        """Return the JSON document that `backfill --json` prints."""
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
    """Run the pipeline for the missing and restated keys of a window, and check the window again.

    Args:
        dataset: the dataset whose keys are backfilled.
        check: the function that checks the window. This function is called before and after the backfill.
        runner: the runner of the pipeline.
        limits: the limits on parallel runs, attempts and time.
        reporter: the receiver of progress reports; by default, nothing is reported.

    Raises:
        LakeError: the lake does not answer, or refuses access.
        RunsError: runs cannot be started or followed.
    """
    reporter = reporter or SilentReporter()
    before = check()
    reporter.checked(before)
    plan = make_plan(before, runner.latest(list(before.to_fill)))
    return execute_plan(dataset, plan, check, runner, limits=limits, reporter=reporter)


def execute_plan(
    dataset: Dataset,
    plan: Plan,
    check: Callable[[], Completeness],
    runner: Runner,
    *,
    limits: Limits | None = None,
    reporter: Reporter | None = None,
    only_planned: bool = False,
) -> Backfill:
    """Execute the steps of a plan: start and follow runs, and check the window at the end.

    Args:
        dataset: the dataset whose keys are backfilled.
        plan: the action for each key of the window.
        check: the function that checks the window. This function is called after the runs.
        runner: the runner of the pipeline.
        limits: the limits on parallel runs, attempts and time.
        reporter: the receiver of progress reports; by default, nothing is reported.
        only_planned: whether to start only the runs in the plan. If not set, a run is also started for a
            partition that an unknown writer leaves incomplete.

    Raises:
        LakeError: the lake does not answer, or refuses access.
        RunsError: runs cannot be started or followed.
    """
    reporter = reporter or SilentReporter()
    reporter.planned(plan)
    if not (plan.days(Action.START) or plan.days(Action.FOLLOW) or being_written(plan)):
        return Backfill(plan, Outcome(filled=(), failed=(), started=(), followed=()), plan.completeness)
    limits = limits or Limits()
    if plan.days(Action.START):
        # Only a backfill that starts runs asks for the capacity. `capacity` raises an error if new runs would not be executed, for example
        # because a DAG is paused, and a backfill that only follows runs can go on.
        limits = _cap_jobs(limits, runner)
    state = BackfillState(dataset, runner, limits, reporter)
    state.only_planned = only_planned
    state.load_plan(plan)
    outcome = _execute(state)
    return Backfill(plan, outcome, check())


def wait_until_written(check: Callable[[], Completeness], dataset: Dataset, timeout: float) -> Completeness:
    """Check a window repeatedly until no partition is being written, but for at most `timeout` seconds.

    Raises:
        LakeError: the lake does not answer, or refuses access.
    """
    deadline = time.monotonic() + timeout
    pauses = poll_pauses(MAX_INSPECT_SECONDS, INSPECT_SECONDS)
    completeness = check()
    while writing := [p for p in completeness.partitions if p.code is Code.STILL_WRITING]:
        seconds_left = deadline - time.monotonic()
        if seconds_left <= 0:
            break
        time.sleep(min(pause_until_settled(next(pauses), writing, dataset), seconds_left))
        completeness = check()
    return completeness


def fetch(
    dataset: Dataset,
    days: Iterable[dt.date],
    runner: Runner,
    *,
    limits: Limits | None = None,
    reporter: Reporter | None = None,
) -> Outcome:
    """Run the pipeline for exactly these days, whether or not their partitions are complete.

    Raises:
        WindowError: a day is before the first key of the upstream.
        LakeError: the lake does not answer, or refuses access.
        RunsError: runs cannot be started or followed.
    """
    state = BackfillState(
        dataset, runner, _cap_jobs(limits or Limits(), runner), reporter or SilentReporter()
    )
    state.load_days(days)
    return _execute(state)


def _cap_jobs(limits: Limits, runner: Runner) -> Limits:
    """Return the limits, with `jobs` reduced to the capacity of the runner."""
    return replace(limits, jobs=min(limits.jobs, runner.capacity() or limits.jobs))


def _execute(state: BackfillState) -> Outcome:
    """Start, poll and inspect in a loop until every key is filled or failed, the window cannot become ready, or the time is over."""
    runner, limits = state.runner, state.limits
    deadline = time.monotonic() + limits.timeout
    next_inspection = 0.0  # The first inspection is due at once.
    inspection_pauses = poll_pauses(MAX_INSPECT_SECONDS, INSPECT_SECONDS)
    pauses = poll_pauses(runner.poll_seconds, min(FIRST_POLL_SECONDS, runner.poll_seconds))
    while state.is_unfinished:
        if state.start_queued():
            # A new run is polled soon after its start.
            pauses = poll_pauses(runner.poll_seconds, min(FIRST_POLL_SECONDS, runner.poll_seconds))
        if state.watched and time.monotonic() >= next_inspection:
            writing = state.inspect_watched()
            pause = pause_until_settled(next(inspection_pauses), writing, state.dataset)
            next_inspection = time.monotonic() + pause
        if time.monotonic() >= deadline:
            return state.outcome(f"no end after {limits.timeout:g} s")
        if state.is_goal_unreachable:
            return state.outcome(GOAL_UNREACHABLE_REASON)
        if state.active or state.watched:
            seconds_to_inspection = max(0.0, min(next_inspection, deadline) - time.monotonic())
            runner.wait(next(pauses) if state.active else seconds_to_inspection)
        state.poll_runs()
    return state.outcome()
