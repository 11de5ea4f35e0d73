"""The data of the views: published tables, the lake's partitions, runs, excluded rows.

Every function blocks, and is called in a thread. Only connections are cached. Texts of partitions, plans and runs are
clean; see `public_text`.
Raises `WarehouseError`, `LakeError`, `RunsError`, `WindowError` and similar, which `problems` turns into responses.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from smart_orchestrator.model.plan import Action, Plan, make_plan
from smart_orchestrator.model.run import RunState
from smart_orchestrator.model.window import Window, today_utc
from smart_orchestrator.runners.base import RunHistory
from wiki_trends.config.layers import layers
from wiki_trends.jobs import main as main_job
from wiki_trends.queries import pages as page_queries
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
    from wiki_trends.pipeline.lists.excluded import Exclusion
    from wiki_trends.warehouse.base import RunRecord, Warehouse

_RUNS_OF_A_DAY = 50
_DISTANT_PAST = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a calendar: its partition, the planned action, and its latest run."""

    partition: Partition
    step: PlanStep
    run: Run | None


@dataclass(frozen=True, slots=True)
class Calendar:
    """The partitions of a window, day by day."""

    plan: Plan
    days: tuple[Day, ...]

    @property
    def in_flight(self) -> tuple[dt.date, ...]:
        """Days with a run in flight."""
        return self.plan.days(Action.FOLLOW)

    @property
    def failing(self) -> tuple[Day, ...]:
        """Days that are not available, and whose latest run has failed."""
        return tuple(
            day
            for day in self.days
            if day.run is not None
            and day.run.state in (RunState.FAILED, RunState.LOST)
            and day.partition.day in self.plan.completeness.missing
        )

    @property
    def due(self) -> tuple[dt.date, ...]:
        """Days for which a backfill would start a run."""
        return self.plan.days(Action.START)


class Sources:
    """Readers of lake, warehouse and runs.

    Args:
        settings: where lake, warehouse and state are.
        runs: the runner of the pipeline; default: the one that the settings name.
        today: returns the current UTC day.
    """

    def __init__(
        self, settings: Settings, runs: Runner | None = None, today: Callable[[], dt.date] = today_utc
    ) -> None:
        self.settings = settings
        self.today = today
        self.public = PublicText(settings)
        self._runs = runs

    @cached_property
    def warehouse(self) -> Warehouse:
        """The published tables."""
        return open_warehouse(self.settings.warehouse, long_running=True)

    @cached_property
    def dataset(self) -> DailyDataset:
        """The diamond layer."""
        return layers(self.settings).diamond

    @cached_property
    def runs(self) -> Runner:
        """The runner of the pipeline."""
        from wiki_trends.jobs.runners import runner_for_polling

        return self._runs or runner_for_polling(self.settings)

    @property
    def configured_runner(self) -> Runner | None:
        """The runner that was passed to the app, if any."""
        return self._runs

    def last_run(self) -> RunRecord:
        """The record of the published window."""
        with self.warehouse.reading() as reader:
            return reader.last_run()

    def window(
        self, days: int | None = None, start: dt.date | None = None, end: dt.date | None = None
    ) -> Window:
        """The requested window: the last `days`, or from `start` to `end`.

        Raises:
            WindowError: the values do not make a window.
        """
        from dataclasses import replace

        from wiki_trends.config.window_options import window_of

        settings = self.settings if days is None else replace(self.settings, days=days)
        return window_of(
            settings,
            start=start.isoformat() if start else None,
            end=end.isoformat() if end else None,
            days_given=days is not None,
            today=self.today(),
        )

    def latest_runs(self, window: Window) -> Mapping[dt.date, Run]:
        """The latest run of each day that has one."""
        return {day: self.public.run(run) for day, run in self.runs.latest(list(window)).items()}

    def calendar(self, window: Window, latest: Mapping[dt.date, Run]) -> Calendar:
        """Check a window and plan it, given the latest run of each day that has one."""
        completeness = main_job.checker(self.settings, window)()
        plan = make_plan(completeness, latest)
        days = zip(completeness.partitions, plan.steps, strict=True)
        return Calendar(plan, tuple(self._day(partition, step, latest) for partition, step in days))

    def _day(self, partition: Partition, step: PlanStep, latest: Mapping[dt.date, Run]) -> Day:
        return Day(self.public.partition(partition), self.public.step(step), latest.get(partition.day))

    def recent_runs(self, limit: int) -> Sequence[Run]:
        """The newest runs, at most `limit`; without a run history, the latest run of each of the last days."""
        if isinstance(self.runs, RunHistory):
            return [self.public.run(run) for run in self.runs.recent(limit)]
        today = self.today()
        latest = self.runs.latest([today - dt.timedelta(days=back) for back in range(limit)])
        return [self.public.run(run) for run in sorted(latest.values(), key=_newest, reverse=True)]

    def runs_of(self, day: dt.date) -> Sequence[Run]:
        """The runs of one day, newest first."""
        if isinstance(self.runs, RunHistory):
            return [self.public.run(run) for run in self.runs.recent(_RUNS_OF_A_DAY, day)]
        return [self.public.run(run) for run in self.runs.latest([day]).values()]

    def excluded(self, day: dt.date) -> Sequence[Exclusion]:
        """The rows that were left out of a day's list."""
        from wiki_trends.pipeline.lists.excluded import read_exclusions

        return read_exclusions(day, self.settings)

    def page(self, title: str) -> page_queries.PageDetails:
        """Everything that is published about a page."""
        return page_queries.page_details(self.warehouse, title)


def _newest(run: Run) -> tuple[bool, dt.datetime]:
    return run.in_flight, run.started_at or _DISTANT_PAST
