"""Carry a plan out: start what is due, follow what is in flight, and stop when nothing more can come.

At most `jobs` runs of ours at once; each day fails for itself. A run that succeeded without leaving a complete
partition is a failure with its own reason. Waiting ends once the window cannot become ready any more, except for runs
of ours that work in this process. What cannot be started or looked at raises `RunsError` or `LakeError`; Ctrl-C passes
through as `KeyboardInterrupt`, and since nothing is visible before its commit, the same command goes on from there.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

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
    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.runners.base import Runner

# A day that someone outside the ledger writes is looked at so often.
LOOK_SECONDS = 2.0


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
    runs: Runner,
    *,
    limits: Limits | None = None,
    reporter: Reporter | None = None,
) -> Backfill:
    """Make the window of `check` whole as far as it can be.

    Args:
        dataset: whose days are made.
        check: looks at the window; called before and after.
        runs: starts and follows the pipeline.
        limits: how much may be done.
        reporter: receives what happens.

    Raises:
        LakeError: the lake does not answer or refuses.
        RunsError: runs cannot be started or followed.
    """
    reporter = reporter or SilentReporter()
    before = check()
    reporter.checked(before)
    plan = make_plan(before, runs.latest(list(before.missing)))
    reporter.planned(plan)
    if not (plan.days(Action.START) or plan.days(Action.FOLLOW) or written_elsewhere(plan)):
        return Backfill(plan, Outcome((), (), (), ()), before)
    limits = limits or Limits()
    state = BackfillState(
        dataset, runs, _within(limits, runs) if plan.days(Action.START) else limits, reporter
    )
    state.plan(plan)
    outcome = _execute(state)
    after = check()
    return Backfill(plan, outcome, after)


def fetch(
    dataset: DailyDataset,
    days: Iterable[dt.date],
    runs: Runner,
    *,
    limits: Limits | None = None,
    reporter: Reporter | None = None,
) -> Outcome:
    """Run the pipeline for exactly these days, whatever the lake holds for them.

    Raises:
        WindowError: one of them lies before the upstream's history.
        LakeError: the lake does not answer or refuses.
        RunsError: runs cannot be started or followed.
    """
    state = BackfillState(dataset, runs, _within(limits or Limits(), runs), reporter or SilentReporter())
    state.fetch(days)
    return _execute(state)


def _within(limits: Limits, runs: Runner) -> Limits:
    """The limits, with no more runs at once than the runner lets work."""
    return replace(limits, jobs=min(limits.jobs, runs.capacity() or limits.jobs))


def _execute(state: BackfillState) -> Outcome:
    """Take the steps until nothing is under way, nothing more can come, or the time is over."""
    runs, limits = state.runs, state.limits
    end = time.monotonic() + limits.timeout
    next_look = 0.0
    while state.unfinished:
        state.start_due()
        if state.watched and time.monotonic() >= next_look:
            state.inspect_watched()
            next_look = time.monotonic() + LOOK_SECONDS
        if time.monotonic() >= end:
            return state.outcome(f"no end after {limits.timeout:g} s")
        if state.hopeless():
            return state.outcome(UNREACHABLE_GOAL)
        if state.active or state.watched:
            runs.wait(runs.poll_seconds if state.active else min(LOOK_SECONDS, limits.timeout))
        state.poll_runs()
    return state.outcome()
