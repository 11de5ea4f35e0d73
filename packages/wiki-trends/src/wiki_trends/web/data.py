"""The data of the views: the published tables, the partitions of the lake, the runs, and the excluded rows.

Every method of `Sources` blocks, so callers run it in a thread. `Sources` caches connections, but no data. The texts of
partitions, steps and runs contain neither secrets nor paths; see `public_text`. The methods raise `WarehouseError`,
`LakeError`, `RunsError`, `WindowError` and similar errors, which `problems` turns into responses.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from smart_orchestrator.model.plan import Action, Plan, make_plan
from smart_orchestrator.model.run import RunState
from smart_orchestrator.model.window import Window, today_utc
from smart_orchestrator.runners.base import RunCancellation, RunHistory
from wiki_trends.config.layers import layers
from wiki_trends.jobs import main as main_job
from wiki_trends.warehouse import open_warehouse
from wiki_trends.web.public_text import PublicText

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.model.plan import PlanStep
    from smart_orchestrator.model.run import Run
    from smart_orchestrator.runners.base import Runner
    from wiki_trends.config.settings import Settings
    from wiki_trends.pipeline.lists.device_share import ShareBounds
    from wiki_trends.pipeline.lists.excluded import Exclusion
    from wiki_trends.queries.pages import PageDetails
    from wiki_trends.warehouse.base import RunRecord, Warehouse

_MAX_RUNS_OF_DAY = 50
_DISTANT_PAST = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class CheckedDay:
    """One day of a checked window.

    Attributes:
        partition: the partition of the day.
        step: the step of the plan for the day, which contains the planned action.
        run: the latest run of the day; None if the day has no run.
    """

    partition: Partition
    step: PlanStep
    run: Run | None


@dataclass(frozen=True, slots=True)
class CheckedWindow:
    """The plan of a window, and the days of the window, oldest first."""

    plan: Plan
    days: tuple[CheckedDay, ...]

    @property
    def in_flight(self) -> tuple[dt.date, ...]:
        """The days with a run in flight."""
        return self.plan.days(Action.FOLLOW)

    @property
    def failing(self) -> tuple[CheckedDay, ...]:
        """The missing days whose latest run has failed."""
        return tuple(
            day
            for day in self.days
            if day.run is not None
            and day.run.state in (RunState.FAILED, RunState.LOST)
            and day.partition.day in self.plan.completeness.missing
        )

    @property
    def due(self) -> tuple[dt.date, ...]:
        """The days for which a backfill would start a run."""
        return self.plan.days(Action.START)


class Sources:
    """Reads the lake, the warehouse and the runs.

    Args:
        settings: the settings of the lake, the warehouse and the runs.
        runs: the runner of the pipeline; None stands for the runner that the settings name.
        today: a function that returns the current UTC day.
    """

    def __init__(
        self, settings: Settings, runs: Runner | None = None, today: Callable[[], dt.date] = today_utc
    ) -> None:
        self.settings = settings
        self.today = today
        self.public_text = PublicText(settings)
        self._configured_runner = runs

    @cached_property
    def warehouse(self) -> Warehouse:
        """The published tables."""
        return open_warehouse(self.settings.warehouse, long_running=True)

    def close(self) -> None:
        """Close the connections to the warehouse."""
        if "warehouse" in self.__dict__:
            self.warehouse.close()

    @cached_property
    def dataset(self) -> DailyDataset:
        """The diamond layer."""
        return layers(self.settings).diamond

    @cached_property
    def runs(self) -> Runner:
        """The runner of the pipeline."""
        from wiki_trends.jobs.runners import runner_for_polling

        return self._configured_runner or runner_for_polling(self.settings)

    @property
    def configured_runner(self) -> Runner | None:
        """The runner that the caller passed; None if the settings name the runner."""
        return self._configured_runner

    def last_run(self) -> RunRecord:
        """Return the record of the published window."""
        with self.warehouse.reading() as reader:
            return reader.last_run()

    def window(
        self, days: int | None = None, start: dt.date | None = None, end: dt.date | None = None
    ) -> Window:
        """Return the last `days` as a window, or the window from `start` to `end`; by default, the last days of the settings.

        Raises:
            WindowError: the arguments do not define a window.
        """
        from dataclasses import replace
        from functools import partial

        from wiki_trends.config.window_options import window_of
        from wiki_trends.jobs.upstream import lag_at

        settings = self.settings if days is None else replace(self.settings, days=days)
        return window_of(
            settings,
            start=start.isoformat() if start else None,
            end=end.isoformat() if end else None,
            days_given=days is not None,
            today=self.today(),
            lag_at=partial(lag_at, settings, ask=False),
        )

    def latest_runs(self, window: Window) -> Mapping[dt.date, Run]:
        """Return the latest run of each day of a window; a day without a run is left out."""
        return {day: self.public_text.clean_run(run) for day, run in self.runs.latest(list(window)).items()}

    def check_window(self, window: Window, latest: Mapping[dt.date, Run]) -> CheckedWindow:
        """Check a window, and plan its backfill from the result and the latest run of each day."""
        completeness = main_job.checker_of_window(self.settings, window, ask_upstream=False)()
        plan = make_plan(completeness, latest)
        partitions_and_steps = zip(completeness.partitions, plan.steps, strict=True)
        days = (self._checked_day(partition, step, latest) for partition, step in partitions_and_steps)
        return CheckedWindow(plan, tuple(days))

    def _checked_day(self, partition: Partition, step: PlanStep, latest: Mapping[dt.date, Run]) -> CheckedDay:
        return CheckedDay(
            self.public_text.clean_partition(partition),
            self.public_text.clean_step(step),
            latest.get(partition.day),
        )

    def recent_runs(self, limit: int) -> Sequence[Run]:
        """Return at most `limit` runs: runs in flight first, then the newest runs.

        If the runner has no run history, return only the latest run of each of the last `limit` days.
        """
        if isinstance(self.runs, RunHistory):
            return [self.public_text.clean_run(run) for run in self.runs.recent(limit)]
        today = self.today()
        latest = self.runs.latest([today - dt.timedelta(days=days_ago) for days_ago in range(limit)])
        return [
            self.public_text.clean_run(run) for run in sorted(latest.values(), key=_sort_key, reverse=True)
        ]

    def runs_of(self, day: dt.date) -> Sequence[Run]:
        """Return the latest runs of a day, newest first."""
        if isinstance(self.runs, RunHistory):
            return [self.public_text.clean_run(run) for run in self.runs.recent(_MAX_RUNS_OF_DAY, day)]
        return [self.public_text.clean_run(run) for run in self.runs.latest([day]).values()]

    def page(self, title: str) -> PageDetails:
        """Return everything that has been published about a page."""
        from wiki_trends.queries.pages import page_details

        return page_details(self.warehouse, title)

    @property
    def can_cancel(self) -> bool:
        """Whether the runner can end runs from outside."""
        return isinstance(self.runs, RunCancellation)

    def cancel_runs(self, day: dt.date) -> list[str]:
        """End the runs of a day that are queued or running, and return their names."""
        runner = self.runs
        if not isinstance(runner, RunCancellation):
            return []
        runs = [run for run in self.runs_of(day) if run.in_flight]
        for run in runs:
            runner.cancel(run)
        return [run.name for run in runs]

    def excluded(self, day: dt.date) -> Sequence[Exclusion]:
        """Return the rows that were left out of a day's list."""
        from wiki_trends.pipeline.lists.excluded import read_exclusions

        return read_exclusions(day, self.settings)

    def desktop_shares(self, day: dt.date) -> Mapping[str, tuple[int, ShareBounds]]:
        """Return the views and the desktop share of each page of a day; empty if the lake does not have them."""
        from smart_orchestrator.errors import ContractError
        from wiki_trends.pipeline.lists.device_share import read_desktop_shares

        try:
            return read_desktop_shares(day, self.settings)
        except ContractError:
            return {}


def _sort_key(run: Run) -> tuple[bool, dt.datetime]:
    """Return the key for a reversed sort: runs in flight first, then the newest runs. A queued run has no start time yet."""
    return run.in_flight, run.started_at or _DISTANT_PAST
