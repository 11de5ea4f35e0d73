"""Check, plan, apply and run the datasets of a configuration file.

A dataset runs after the datasets that it needs. A key waits until all partitions that the key needs are complete. While the key
waits, the plan names a needed partition that is not complete. The command of a consumer runs only when the windows of all datasets
that the consumer reads are ready.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.manifest import InspectOptions
from smart_orchestrator.checking import check, with_settled
from smart_orchestrator.errors import OptionError
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.model.spans import DEFAULT_LAST, keys_for, last_published_window, window_for
from smart_orchestrator.model.window import Window
from smart_orchestrator.project_errors import ConfigError, PlanMoved
from smart_orchestrator.runners.ledger import Ledger
from smart_orchestrator.store.opening import lake_of, open_lake
from smart_orchestrator.upstream.registry import Upstreams

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from smart_orchestrator.backfilling.loop import Backfill
    from smart_orchestrator.backfilling.reporter import Reporter
    from smart_orchestrator.backfilling.state import Limits
    from smart_orchestrator.config.values import Config, ConsumerConfig
    from smart_orchestrator.consumers import ConsumerResult
    from smart_orchestrator.model.cause import Explanation
    from smart_orchestrator.model.completeness import Completeness, Policy
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.grain import Key
    from smart_orchestrator.model.plan import Plan
    from smart_orchestrator.model.run import Run
    from smart_orchestrator.project_results import PartitionExplanation, ProjectRun
    from smart_orchestrator.runners.base import RecordingRunner
    from smart_orchestrator.store.base import Lake

# The number of runs that an explanation lists.
_RECENT_RUNS = 5


class Project:
    """The datasets, runners and consumers of a configuration file.

    Args:
        config: the configuration.
        now: the time that counts as the current time; by default, the time at which the project is created.
        upstreams: the upstreams of the datasets; by default, those of the configuration, with the argument `now`.
    """

    def __init__(
        self, config: Config, *, now: dt.datetime | None = None, upstreams: Upstreams | None = None
    ) -> None:
        self.config = config
        self.now = now or dt.datetime.now(tz=dt.UTC)
        self.upstreams = upstreams or Upstreams(config, now)
        self._ledger = Ledger(config.state)

    def at(self, now: dt.datetime) -> Project:
        """Return a copy of the project for which `now` is the current time. The upstreams keep their own current time."""
        return Project(self.config, now=now, upstreams=self.upstreams)

    def as_of(self, dataset: Dataset) -> Key:
        """Return the key of the dataset whose span contains the time `now`."""
        return dataset.grain.floor(self.now, dataset.zone)

    def lag(self, dataset: Dataset) -> int:
        """Return the publication lag of a dataset: the fixed lag, or the number of keys since the newest key that has landed."""
        return self.upstreams.lag(dataset, self.as_of(dataset))

    def _with_lag(self, dataset: Dataset) -> Dataset:
        return replace(dataset, lag=self.lag(dataset))

    def last_window(self, name: str) -> Window:
        """Return the default window of a dataset: the longest window that a consumer reads, or the last `DEFAULT_LAST` keys."""
        dataset = self.config.dataset(name)
        as_of = self.as_of(dataset)
        windows = [self.consumer_window(consumer, dataset) for consumer in self.config.consumers_of(name)]
        if windows:
            return max(windows, key=len)
        return Window.of_last(DEFAULT_LAST[dataset.grain], as_of, self.lag(dataset), dataset.grain)

    def consumer_window(self, consumer: ConsumerConfig, dataset: Dataset) -> Window:
        """Return the window of the dataset that a consumer reads."""
        as_of = self.as_of(dataset)
        if consumer.grain is None or (consumer.grain is dataset.grain and consumer.timezone is None):
            # The consumer counts its window in the keys of the dataset.
            return Window.of_last(consumer.last, as_of, self.lag(dataset), dataset.grain)
        zone = consumer.zone or dataset.zone
        window = last_published_window(self._with_lag(dataset), self.now, consumer.last, consumer.grain, zone)
        return window_for(window, zone, self._with_lag(dataset), as_of)

    def check(
        self,
        name: str,
        window: Window,
        *,
        policy: Policy | None = None,
        options: InspectOptions | None = None,
        strays: bool | None = None,
    ) -> Completeness:
        """Check a window of a dataset, and mark the keys that have a run in flight.

        Raises:
            LakeError: the lake does not respond, or refuses the request.
        """
        dataset = self.config.dataset(name)
        options = replace(options or InspectOptions(), memory=self._ledger)
        completeness = check(
            dataset,
            window,
            waiver_lake=self.waiver_lake(name),
            options=options,
            policy=policy or self.config.policies[name],
            strays=strays,
        )
        runs = self.latest_runs(name, completeness)
        completeness = with_settled(dataset, completeness, runs, options)
        running = [run.day for run in runs.values() if run.in_flight]
        return self.upstreams.apply(completeness.with_runs_in_flight(running) if running else completeness)

    def waiver_lake(self, name: str) -> Lake:
        """Open the lake with the waivers of a dataset: the lake of the option `waivers`, by default the lake of the dataset."""
        dataset = self.config.dataset(name)
        url = self.config.waiver_urls.get(name)
        return lake_of(dataset) if url is None else open_lake(url)

    def runner(self, name: str) -> RecordingRunner:
        """Create the runner of a dataset.

        Raises:
            ConfigError: the dataset has no runner, or an environment variable that the runner needs is not set.
        """
        from smart_orchestrator.runners.configured import create_runner

        dataset = self.config.dataset(name)
        if dataset.runner is None:
            raise ConfigError(
                str(self.config.path),
                f"datasets.{name}.runner",
                "the dataset has no runner, so nothing can be started",
                'Add runner = "NAME" and a table [runners.NAME].',
            )
        return create_runner(
            self.config.runners[dataset.runner], dataset, self.config.path, self.config.state
        )

    def runs_recorded(self) -> int:
        """Count the runs in the ledger of the state folder.

        Raises:
            RunsError: the folder or the ledger cannot be read.
        """
        with self._ledger.connection() as database:
            (count,) = database.execute("SELECT count(*) FROM runs").fetchone()
        return int(count)

    def latest_runs(self, name: str, completeness: Completeness) -> Mapping[Key, Run]:
        """Return the latest run of each missing or restated key; empty for a dataset without a runner."""
        if self.config.dataset(name).runner is None or not completeness.to_fill:
            return {}
        return self.runner(name).latest(list(completeness.to_fill))

    def plan(self, name: str, window: Window, *, policy: Policy | None = None) -> Plan:
        """Make the plan of a window. Keys wait while the partitions that they need are incomplete.

        Raises:
            LakeError: the lake does not respond, or refuses the request.
        """
        from smart_orchestrator.model.plan import Action, make_plan

        completeness = self.check(name, window, policy=policy)
        plan = make_plan(completeness, self.latest_runs(name, completeness))
        plan = replace(plan, runner=self.config.dataset(name).runner)
        plan = plan.with_blocked(self._find_blocked_keys(name, plan.days(Action.START)))
        return plan if plan.runner is not None else plan.without_starts()

    def apply(
        self,
        plan: Plan,
        *,
        limits: Limits | None = None,
        reporter: Reporter | None = None,
        only_planned: bool = False,
    ) -> Backfill:
        """Start the runs of a plan, and check the window when the runs have ended.

        `apply` also waits for partitions that another writer is writing. If that writer stops half-way, `apply`
        starts runs for the keys of these partitions, unless `only_planned` is set.

        Raises:
            ConfigError: a key needs a run, and the dataset has no runner.
            LakeError: the lake does not respond, or refuses the request.
        """
        from smart_orchestrator.backfilling.loop import Backfill, execute_plan, wait_until_written
        from smart_orchestrator.backfilling.reporter import SilentReporter
        from smart_orchestrator.backfilling.state import Outcome
        from smart_orchestrator.model.plan import Action, due

        reporter = reporter or SilentReporter()
        name = plan.completeness.dataset
        dataset = self.config.dataset(name)
        window, policy = plan.completeness.window, plan.completeness.policy
        check_again = partial(self.check, name, window, policy=policy)
        # Without a runner, `plan` gives up the due keys. For such keys, `self.runner` below raises `ConfigError`.
        needs_runner = {*plan.days(Action.GIVE_UP)}.intersection(due(plan.completeness, plan.latest_runs))
        if dataset.runner is None and not needs_runner:
            reporter.planned(plan)
            limits = limits or self.limits(name)
            checked = wait_until_written(check_again, dataset, limits.timeout)
            return Backfill(plan, Outcome(filled=(), failed=(), started=(), followed=()), checked)
        # Without a minimum, the backfill waits for all started runs, even if the window can no longer become ready.
        without_minimum = replace(plan.completeness, policy=replace(policy, min_coverage=0, min_days=0))
        backfill = execute_plan(
            dataset,
            replace(plan, completeness=without_minimum),
            check_again,
            self.runner(name),
            limits=limits or self.limits(name),
            reporter=reporter,
            only_planned=only_planned,
        )
        return replace(backfill, plan=plan, completeness=replace(backfill.completeness, policy=policy))

    def apply_saved(
        self,
        path: Path,
        *,
        timeout: float = 7200.0,
        reporter: Reporter | None = None,
    ) -> Backfill:
        """Apply the plan in a file, unless the lake or the runs have changed since the plan was made.

        Raises:
            OptionError: the file does not contain a plan that fits the dataset.
            ConfigError: the configuration does not define the dataset of the plan.
            PlanMoved: the lake or the runs have changed.
        """
        from smart_orchestrator.backfilling.saved_plan import SavedPlan

        saved = SavedPlan.read(path)
        dataset = self.config.dataset(saved.dataset)
        try:
            start, end, as_of = (dataset.grain.parse(text) for text in (saved.start, saved.end, saved.as_of))
        except ValueError as error:
            raise OptionError(
                "plan", path, f"does not fit the dataset: {error}", "Make a new plan."
            ) from None
        plan = self.plan(
            saved.dataset, Window.between(start, end, as_of=as_of, lag=saved.lag, grain=dataset.grain)
        )
        changes = saved.changes_since(plan)
        if changes:
            raise PlanMoved(str(path), changes)
        return self.apply(
            plan, limits=self.limits(saved.dataset, timeout), reporter=reporter, only_planned=True
        )

    def run(
        self,
        name: str,
        window: Window,
        *,
        policy: Policy | None = None,
        timeout: float = 7200.0,
        reporter: Reporter | None = None,
    ) -> ProjectRun:
        """Fill the datasets that a dataset needs, then the dataset, and run the consumers whose windows are ready.

        Raises:
            ConfigError: a partition is missing, and its dataset has no runner.
            LakeError: the lake does not respond, or refuses the request.
        """
        from smart_orchestrator.backfilling.loop import wait_until_written
        from smart_orchestrator.backfilling.reporter import SilentReporter
        from smart_orchestrator.project_results import ProjectRun

        reporter = reporter or SilentReporter()
        dataset = self.config.dataset(name)
        backfills_of_needs: dict[str, Backfill] = {}
        for need in self.config.transitive_needs(name):
            needed_dataset = self._with_lag(self.config.dataset(need))
            needed_window = window_for(window, dataset.zone, needed_dataset, self.as_of(needed_dataset))
            if needed_dataset.runner is not None:
                backfills_of_needs[need] = self._fill_window(need, needed_window, None, timeout, reporter)
            elif self.check(name, window, strays=False).missing:
                # Another program makes the needed partitions. Waiting is useless if no partition of `name` is missing.
                wait_until_written(
                    partial(self.check, need, needed_window, strays=False), needed_dataset, timeout
                )
        backfill = self._fill_window(name, window, policy, timeout, reporter)
        consumers = tuple(
            self._run_consumer_if_ready(consumer, backfill.completeness)
            for consumer in self.config.consumers_of(name)
        )
        return ProjectRun(backfill, backfills_of_needs, consumers)

    def explain(self, name: str, key: Key) -> PartitionExplanation:
        """Explain one key: the state of the partition, the cause, the latest runs and the plan.

        Raises:
            LakeError: the lake does not respond, or refuses the request.
        """
        from smart_orchestrator.project_results import PartitionExplanation

        dataset = self.config.dataset(name)
        window = Window.between(
            key, key, as_of=self.as_of(dataset), lag=self.lag(dataset), grain=dataset.grain
        )
        plan = self.plan(name, window)
        runs = () if dataset.runner is None else tuple(self.runner(name).recent(_RECENT_RUNS, key))
        causes = self.causes(plan.completeness)
        watch = self.upstreams.watch(name)
        upstream = None if watch is None else watch.answer(key)
        return PartitionExplanation(plan.completeness, causes.get(key), runs, plan, upstream)

    def causes(self, completeness: Completeness) -> dict[Key, Explanation]:
        """Return the cause of each partition that is restated, or that is not available."""
        if not completeness.restated and all(partition.available for partition in completeness.partitions):
            return {}
        from smart_orchestrator.model.cause import explain

        dataset = self.config.dataset(completeness.dataset)
        runs = self.latest_runs(dataset.name, completeness)
        attempts = self.config.runners[dataset.runner].attempts if dataset.runner else 1
        explanations = [explain(p, runs.get(p.day), attempts) for p in completeness.partitions]
        causes = {explanation.key: explanation for explanation in explanations if explanation is not None}
        blocked = self._find_blocked_keys(dataset.name, list(completeness.to_fill))
        return {
            key: cause.blocked_by(blocked[key]) if key in blocked else cause for key, cause in causes.items()
        }

    def limits(self, name: str, timeout: float = 7200.0) -> Limits:
        """Return the limits of a backfill of a dataset, which the table of the dataset's runner contains."""
        from smart_orchestrator.backfilling.state import Limits

        dataset = self.config.dataset(name)
        if dataset.runner is None:
            return Limits(timeout=timeout)
        runner = self.config.runners[dataset.runner]
        return Limits(runner.jobs, runner.attempts, timeout)

    def _fill_window(
        self, name: str, window: Window, policy: Policy | None, timeout: float, reporter: Reporter
    ) -> Backfill:
        """Plan and apply one window of a dataset."""
        plan = self.plan(name, window, policy=policy)
        reporter.checked(plan.completeness)
        return self.apply(plan, limits=self.limits(name, timeout), reporter=reporter)

    def _find_blocked_keys(self, name: str, keys: list[Key] | tuple[Key, ...]) -> dict[Key, str]:
        """Return the keys that must wait for needed partitions, each with a sentence about one partition that the key waits for."""
        dataset = self.config.dataset(name)
        blocked: dict[Key, str] = {}
        for need in dataset.needs if keys else ():
            needed_dataset = self.config.dataset(need)
            needed_keys = {key: keys_for(dataset, key, needed_dataset) for key in keys}
            # One check covers all needed partitions.
            first, last = min(map(min, needed_keys.values())), max(map(max, needed_keys.values()))
            as_of, lag = self.as_of(needed_dataset), self.lag(needed_dataset)
            window = Window.between(first, last, as_of=as_of, lag=lag, grain=needed_dataset.grain)
            completeness = self.check(need, window, strays=False)
            for key, keys_of_need in needed_keys.items():
                partition = next((completeness[k] for k in keys_of_need if completeness.blocks(k)), None)
                if partition is not None and key not in blocked:
                    state = f"{partition.state.value} ({partition.code.value})"
                    blocked[key] = f"needs {need} {key_text(partition.day)}, which is {state}"
        return blocked

    def _run_consumer_if_ready(self, consumer: ConsumerConfig, completeness: Completeness) -> ConsumerResult:
        """Run the command of a consumer if the windows of all datasets that it reads are ready.

        `completeness` is the result of the check of one of these datasets. This dataset is not checked again.
        """
        from smart_orchestrator.consumers import ConsumerResult, run_consumer

        checked_dataset = self.config.dataset(completeness.dataset)
        inputs = []
        for name in consumer.datasets:
            dataset = self.config.dataset(name)
            if dataset.name == checked_dataset.name:
                result = replace(completeness, policy=consumer.policy)
            else:
                window = window_for(
                    completeness.window, checked_dataset.zone, self._with_lag(dataset), self.as_of(dataset)
                )
                result = self.check(name, window, policy=consumer.policy)
            if not result.ready:
                missing = ", ".join(key_text(key) for key in result.missing[:3]) or "nothing"
                reason = f"{name} is not ready: coverage {result.coverage_pct:.1f} %, missing {missing}"
                return ConsumerResult(consumer.name, None, reason)
            inputs.append((dataset, result))
        return run_consumer(consumer, completeness.window, self.config.path.absolute().parent, inputs)
