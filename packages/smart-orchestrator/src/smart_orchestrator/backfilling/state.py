"""The state of a backfill in progress, and the steps that advance it: start queued runs, poll runs, inspect keys.

No step waits for a run, so a loop in this process and a trigger in Airflow can use the same steps. Between two steps the state
can be serialized (`to_json`) and restored in another process (`from_json`). A step evaluates an ended run by the partition in
the lake, so a restored state misses nothing. After a step has raised `LakeError` or `RunsError`, the runs and keys that it has
not evaluated are unchanged, and the step can be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from smart_orchestrator.adapters.base import inspect_key
from smart_orchestrator.backfilling.key_state import KeyState, Phase, states_of_first_version
from smart_orchestrator.errors import OptionError, WindowError
from smart_orchestrator.model.bounds import integer_problem, seconds_problem
from smart_orchestrator.model.grain import key_text, parse_key
from smart_orchestrator.model.partition import Code
from smart_orchestrator.model.plan import Action
from smart_orchestrator.model.run import Failure, Run, RunState
from smart_orchestrator.upstream.recheck_store import is_restated, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from smart_orchestrator.backfilling.reporter import Reporter
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.grain import Key
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.model.plan import Plan
    from smart_orchestrator.runners.base import Runner
    from smart_orchestrator.store.base import Lake

GOAL_UNREACHABLE_REASON = "the window can no longer become ready"


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on parallel runs, attempts and time.

    Attributes:
        jobs: the maximum number of parallel runs that this process starts.
        attempts: the maximum number of runs that this process starts for one key.
        timeout: the time after which the backfill stops waiting, in seconds.

    Raises:
        OptionError: `jobs` or `attempts` is not an integer from 1 on, or `timeout` is not a number of seconds above 0.
    """

    jobs: int = 4
    attempts: int = 3
    timeout: float = 7200.0

    def __post_init__(self) -> None:
        for name in ("jobs", "attempts"):
            value = getattr(self, name)
            if problem := integer_problem(value, 1):
                raise OptionError(name, value, problem, "Give 1 or more.")
        if problem := seconds_problem(self.timeout):
            raise OptionError("timeout", self.timeout, problem, "Give for example 7200.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for each key of a backfill.

    Attributes:
        filled: the keys that became complete, oldest first.
        failed: the last run of each key that did not become complete, oldest key first. A key that failed without any run, because its
            unknown writer stopped, is in none of these fields.
        started: the runs that this process started, ordered by key and attempt.
        followed: the runs of other processes that this process followed, ordered by key.
        abandoned: the keys without a result when the backfill stopped waiting, each with the reason for stopping.
        measured: the measurements from the manifests of the filled keys.
    """

    filled: tuple[Key, ...]
    failed: tuple[Run, ...]
    started: tuple[Run, ...]
    followed: tuple[Run, ...]
    abandoned: tuple[tuple[Key, str], ...] = ()
    measured: Mapping[Key, Mapping[str, Any]] = field(default_factory=dict)

    def joined_with(self, other: Outcome) -> Outcome:
        """Return one outcome for the keys of both. All keys of `other` are older, so its runs come first."""
        return Outcome(
            filled=tuple(sorted((*self.filled, *other.filled))),
            failed=(*other.failed, *self.failed),
            started=(*other.started, *self.started),
            followed=(*other.followed, *self.followed),
            abandoned=(*other.abandoned, *self.abandoned),
            measured={**other.measured, **self.measured},
        )

    def to_json(self) -> dict[str, object]:
        """Return the outcome as a JSON object, for `backfill --json` and `run --json`."""
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
    """The goal of a backfill: how many keys must be available for the window to be ready, and how many keys already are available.

    Attributes:
        available: the number of keys that were available before the backfill.
        needed: the number of available keys that makes the window ready. It may be fractional.
    """

    available: int
    needed: float

    @classmethod
    def of(cls, before: Completeness) -> Goal:
        """Return the goal of a window, given its completeness before the backfill."""
        policy = before.policy
        needed = max(policy.min_coverage * len(before.expected) / 100, policy.min_days)
        return cls(len(before.available), needed)


@dataclass(slots=True)
class BackfillState:
    """The state of one backfill in progress, and the steps that change it.

    Attributes:
        dataset: the dataset whose keys are backfilled.
        runner: the runner of the pipeline.
        limits: the limits on parallel runs and attempts. The caller enforces the time-out.
        reporter: the receiver of progress reports.
        lake: the lake to inspect; None for the lake that the dataset names.
        goal: the goal of the window; None for a `fetch`, which has no window.
        states: the state of each key. Queued keys are started in the order of this mapping.
        only_planned: whether to start only the runs in the plan. If not set, a run is also started for a partition that an unknown
            writer leaves incomplete.
    """

    dataset: Dataset
    runner: Runner
    limits: Limits
    reporter: Reporter
    lake: Lake | None = None
    goal: Goal | None = None
    states: dict[Key, KeyState] = field(default_factory=dict)
    only_planned: bool = False

    def load_plan(self, plan: Plan) -> None:
        """Queue, watch and follow the keys of a plan."""
        self.goal = Goal.of(plan.completeness)
        runs = [step.run for step in plan.steps if step.action is Action.FOLLOW and step.run]
        self.states = dict.fromkeys((*plan.days(Action.START), *(run.day for run in runs)), KeyState())
        self.states |= dict.fromkeys(being_written(plan), KeyState(Phase.WATCHED))
        for run in runs:
            self._track(run)

    def load_days(self, days: Iterable[Key]) -> None:
        """Queue `days`, whether or not their partitions are complete.

        Raises:
            WindowError: a day is before the first key of the upstream.
        """
        days = sorted(set(days))
        for day in days:
            if self.dataset.beyond_history(day):
                first = self.dataset.history_start
                raise WindowError(
                    "day", day, f"is before {first}, the first that the upstream has", "Give a later day."
                )
        self.states = dict.fromkeys(days, KeyState())

    @property
    def is_unfinished(self) -> bool:
        """Whether a key is neither filled nor failed."""
        return any(not state.has_ended for state in self.states.values())

    @property
    def awaited(self) -> list[Key]:
        """The keys that are neither filled nor failed, oldest first."""
        return sorted(key for key, state in self.states.items() if not state.has_ended)

    @property
    def queued(self) -> list[Key]:
        """The keys that need a run, in the order in which the runs are started."""
        return self._keys_in(Phase.QUEUED)

    @property
    def watched(self) -> list[Key]:
        """The keys whose partition an unknown writer is writing, oldest first."""
        return sorted(self._keys_in(Phase.WATCHED))

    @property
    def active(self) -> list[Run]:
        """The runs in flight."""
        return [state.run for state in self.states.values() if state.phase is Phase.RUNNING and state.run]

    def start_queued(self) -> bool:
        """Start queued keys while fewer than `limits.jobs` own runs are in flight. Return whether a run was started."""
        own_runs = sum(run.ours for run in self.active)
        has_started = False
        while own_runs < self.limits.jobs and (key := self._next_queued()):
            run = self.runner.start(key)
            self._track(run)
            has_started = True
            if run.in_flight:
                own_runs += run.ours
            else:
                self._evaluate_ended_run(run)
        return has_started

    def poll_runs(self) -> None:
        """Poll the active runs once, and evaluate the runs that have ended."""
        for run in self.runner.poll(self.active):
            if not run.in_flight:
                self._evaluate_ended_run(run)

    def inspect_watched(self) -> list[Partition]:
        """Inspect the watched keys once. Mark complete keys as filled, and queue or give up keys whose writer has stopped.

        Returns:
            The partitions that are still being written.
        """
        writing: list[Partition] = []
        for key in self.watched:
            partition = inspect_key(self.dataset, key, lake=self.lake)
            if partition.available:
                self.states[key] = self.states[key].fill(_measurements(partition))
                self.reporter.filled(partition, None, self.progress())
            elif partition.code is Code.STILL_WRITING:
                writing.append(partition)
            elif self.only_planned:
                self.states[key] = self.states[key].give_up()
            else:
                self._queue(key, self.states[key].requeue())
        return writing

    @property
    def is_goal_unreachable(self) -> bool:
        """Whether no key is queued, and the window cannot become ready even if all runs in flight succeed.

        False while runs execute inside this process, because the runs would be lost if the process stopped waiting.
        """
        if self.goal is None or self._next_queued() or not self.is_unfinished:
            return False
        if self.runner.in_process and any(run.ours for run in self.active):
            return False
        keys_not_failed = sum(state.phase is not Phase.FAILED for state in self.states.values())
        return self.goal.available + keys_not_failed < self.goal.needed

    def progress(self) -> tuple[int, int]:
        """Return the number of keys that are filled or failed, and the total number of keys."""
        return sum(state.has_ended for state in self.states.values()), len(self.states)

    def outcome(self, why: str = "") -> Outcome:
        """Return the result so far. Keys that are neither filled nor failed count as abandoned, for the reason `why`."""
        states = sorted(self.states.items())
        runs = [run for _, state in states for run in state.runs]
        filled = {key: state.measured for key, state in states if state.phase is Phase.FILLED}
        return Outcome(
            filled=tuple(filled),
            failed=tuple(state.run for _, state in states if state.phase is Phase.FAILED and state.run),
            started=tuple(run for run in runs if run.ours),
            followed=tuple(run for run in runs if not run.ours),
            abandoned=tuple((key, why) for key in self.awaited),
            measured={key: measured for key, measured in filled.items() if measured is not None},
        )

    def to_json(self) -> dict[str, Any]:
        """Return the goal and the states as JSON types, for `from_json`. The other attributes are arguments of `from_json`."""
        return {
            "goal": None if self.goal is None else [self.goal.available, self.goal.needed],
            "keys": [{"key": key_text(key), **state.to_json()} for key, state in self.states.items()],
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
        """Restore a backfill from the document that `to_json` returned, in this version or in version 1."""
        if "keys" in document:
            states = {parse_key(item["key"]): KeyState.from_json(item) for item in document["keys"]}
        else:
            states = states_of_first_version(document)
        goal = None if document["goal"] is None else Goal(*document["goal"])
        return cls(dataset, runner, limits, reporter, lake, goal, states)

    def _keys_in(self, phase: Phase) -> list[Key]:
        return [key for key, state in self.states.items() if state.phase is phase]

    def _next_queued(self) -> Key | None:
        return next(iter(self.queued), None)

    def _queue(self, key: Key, state: KeyState) -> None:
        """Set the state of a key, and move the key to the end of the queue, so that a retry starts after the keys without a run."""
        del self.states[key]
        self.states[key] = state

    def _track(self, run: Run) -> None:
        """Record `run` as the active run of its key, and report the run."""
        self.states[run.day] = self.states[run.day].start(run)
        if run.ours:
            self.reporter.started(run, self.progress())
        elif run.in_flight:
            self.reporter.followed(run, self.progress())

    def _evaluate_ended_run(self, run: Run) -> None:
        """Inspect the partition of a run that has ended, and mark the key as filled, queued or failed."""
        partition = inspect_key(
            self.dataset, run.day, lake=self.lake, writer_ended=run.state is RunState.SUCCEEDED
        )
        state = self.states[run.day]
        restated = bool(self.dataset.recheck) and is_restated(self.dataset, partition, self.lake)
        # After a successful run, every complete partition is accepted; for a restated day, the run may have made the same data again.
        # After a failed run, a complete partition can be the old one, or be from another writer. It is enough for a key that was missing, but
        # not for a `fetch` (which has no goal) or a restated key, because these need new data.
        is_accepted = (self.goal is not None and not restated) or run.state is RunState.SUCCEEDED
        if partition.available and is_accepted:
            if restated:
                resolve(self.dataset, partition, self.lake)
            self.states[run.day] = state.fill(_measurements(partition), run)
            self.reporter.filled(partition, run, self.progress())
            return
        if run.state is RunState.SUCCEEDED:
            message = (
                f"the run succeeded, but the day is {partition.state} ({partition.code}: {partition.reason})"
            )
            run = replace(run, state=RunState.FAILED, failure=Failure.NO_DATA_AFTER_SUCCESS, message=message)
        is_final = run.failure is not None and run.failure.final
        will_retry = not is_final and state.starts < self.limits.attempts
        if will_retry:
            self._queue(run.day, state.retry(run))
        else:
            self.states[run.day] = state.fail(run)
        self.reporter.failed(run, self.progress(), again=will_retry)


def _measurements(partition: Partition) -> Mapping[str, Any] | None:
    """Return the measurements from the manifest of a complete partition."""
    return partition.manifest.measured if partition.manifest else None


def being_written(plan: Plan) -> list[Key]:
    """Return the keys of a plan whose partition an unknown writer is writing. The plan has no run to follow for these keys."""
    waiting = set(plan.days(Action.WAIT))
    return [p.day for p in plan.completeness.partitions if p.code is Code.STILL_WRITING and p.day in waiting]
