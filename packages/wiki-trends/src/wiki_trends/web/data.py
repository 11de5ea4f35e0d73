"""What the views are made of, read through the product's own functions: published tables, the lake's days, runs, rows left out.

Everything here blocks and is called in threads. Nothing is kept but connections: remembering is `remembered`'s part.
Fails with `WarehouseError`, `LakeError`, `RunsError`, `WindowError` and their kin, which `problems` turns into answers.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from smart_orchestrator.model.plan import Action, Plan, make_plan
from smart_orchestrator.model.window import Window, today_utc
from smart_orchestrator.runners.base import RunHistory
from wiki_trends.config.layers import layers
from wiki_trends.jobs import main as main_job
from wiki_trends.queries import pages as lookups
from wiki_trends.warehouse import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.model.plan import PlanStep
    from smart_orchestrator.model.run import Run
    from smart_orchestrator.runners.base import Runner
    from wiki_trends.config.settings import Settings
    from wiki_trends.pipeline.lists.excluded import Exclusion
    from wiki_trends.warehouse.base import RunRecord, Warehouse
    from wiki_trends.web.backfills import Asked

_RUNS_OF_A_DAY = 50
_LONG_AGO = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a calendar: what the lake holds, what a backfill would do about it, and its latest run."""

    partition: Partition
    step: PlanStep
    run: Run | None


@dataclass(frozen=True, slots=True)
class Calendar:
    """A window of the lake, day by day."""

    plan: Plan
    days: tuple[Day, ...]

    @property
    def in_flight(self) -> tuple[dt.date, ...]:
        """Days that a run is working on."""
        return self.plan.days(Action.FOLLOW)

    @property
    def due(self) -> tuple[dt.date, ...]:
        """Days for which a run should be started."""
        return self.plan.days(Action.START)


class Sources:
    """The places that the settings name, with a clock.

    Args:
        settings: where everything is.
        runs: starts and follows the pipeline; default what the settings name.
        today: the present UTC day.
    """

    def __init__(
        self, settings: Settings, runs: Runner | None = None, today: Callable[[], dt.date] = today_utc
    ) -> None:
        self.settings = settings
        self.today = today
        self._runs = runs

    @cached_property
    def warehouse(self) -> Warehouse:
        """Where the tables are published."""
        return open_warehouse(self.settings.warehouse, all_day=True)

    @cached_property
    def dataset(self) -> DailyDataset:
        """The days that are checked and filled."""
        return layers(self.settings).diamond

    @cached_property
    def runs(self) -> Runner:
        """What looks at the pipeline's runs."""
        from wiki_trends.jobs.runners import runs_of

        return self._runs or runs_of(self.settings)

    @property
    def given_runs(self) -> Runner | None:
        """The runs that the app was made with."""
        return self._runs

    def last_run(self) -> RunRecord:
        """The window that is published."""
        with self.warehouse.reading() as reader:
            return reader.last_run()

    def window(
        self, days: int | None = None, start: dt.date | None = None, end: dt.date | None = None
    ) -> Window:
        """The window that a visitor asked for: the last `days`, or from `start` to `end`.

        Raises:
            WindowError: they make none.
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

    def calendar(self, window: Window) -> Calendar:
        """What the lake holds of a window, and what would be done about it."""
        found = main_job.checker(self.settings, window)()
        latest = self.runs.latest(list(window))
        plan = make_plan(found, latest)
        days = zip(found.days, plan.steps, strict=True)
        return Calendar(plan, tuple(Day(part, step, latest.get(part.day)) for part, step in days))

    def recent_runs(self, limit: int) -> Sequence[Run]:
        """The newest runs, at most `limit`; where the past is not kept, the latest of each of the last days."""
        if isinstance(self.runs, RunHistory):
            return self.runs.recent(limit)
        today = self.today()
        latest = self.runs.latest([today - dt.timedelta(days=back) for back in range(limit)])
        return sorted(latest.values(), key=_newest, reverse=True)

    def runs_of(self, day: dt.date) -> Sequence[Run]:
        """The runs of one day, newest first."""
        if isinstance(self.runs, RunHistory):
            return self.runs.recent(_RUNS_OF_A_DAY, day)
        return list(self.runs.latest([day]).values())

    def excluded(self, day: dt.date) -> Sequence[Exclusion]:
        """What was left out of a day."""
        from wiki_trends.pipeline.lists.excluded import excluded

        return excluded(day, self.settings)

    def page(self, title: str) -> lookups.PageDetails:
        """All that is published of a page."""
        return lookups.page(self.warehouse, title)


def _newest(run: Run) -> tuple[bool, dt.datetime]:
    return run.in_flight, run.started_at or _LONG_AGO


@dataclass(frozen=True, slots=True)
class RunsFound:
    """The runs that are known, newest first, and what was asked for here."""

    runs: tuple[Run, ...]
    asked: tuple[Asked, ...]

    @property
    def in_flight(self) -> tuple[Run, ...]:
        """Those that somebody works on, or will."""
        return tuple(run for run in self.runs if run.in_flight)
