"""The runs that Airflow's schedule will create for a pipeline DAG: their names, days and times.

A scheduled run processes the UTC date of its `run_after` minus the lag. Its name consists of `scheduled__` and the ISO time of its
`run_after`. Airflow creates the runs in the order of their times. So a run whose `run_after` is earlier than the DAG's next `run_after` has
been created, and all other runs have not.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.model.run import Run, RunState

if TYPE_CHECKING:
    from collections.abc import Collection

    from smart_orchestrator.runners.airflow_client import Json

PREFIX = "scheduled__"
# With `catchup`, Airflow creates the runs of all past days, one after the other. The runner waits only for the first runs of this backlog.
MAX_BACKLOG = 31
# The schedule is assumed to be daily.
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The next run of a DAG by its schedule.

    Attributes:
        next_run_after: the `run_after` of the next run; None without a schedule.
        catchup: whether Airflow also creates the runs of all days between the next run and now.
    """

    next_run_after: dt.datetime | None
    catchup: bool

    @classmethod
    def of(cls, details: Json) -> Schedule:
        """Read the schedule from Airflow's details of a DAG. A paused DAG has no next run."""
        text = None if details.get("is_paused") else details.get("next_dagrun_run_after")
        moment = dt.datetime.fromisoformat(text).astimezone(dt.UTC) if isinstance(text, str) else None
        return cls(moment, bool(details.get("catchup")))

    def run_after(self, day: dt.date, lag: dt.timedelta, now: dt.datetime) -> dt.datetime | None:
        """Return the `run_after` of the run that Airflow will create for a day, or None if it will create none.

        Args:
            day: the day that the run processes.
            lag: the time between the day that a scheduled run processes and the UTC date of its `run_after`.
            now: the current time.
        """
        if self.next_run_after is None:
            return None
        days_after_next = (day + lag - self.next_run_after.date()).days
        if days_after_next == 0:
            return self.next_run_after
        run_after = self.next_run_after + days_after_next * DAY
        is_backlog = self.catchup and 0 < days_after_next < MAX_BACKLOG and run_after <= now
        return run_after if is_backlog else None

    def will_create(self, name: str) -> bool:
        """Return whether Airflow will create the run with this name. False if Airflow has created it already."""
        run_after = scheduled_time(name)
        return run_after is not None and self.next_run_after is not None and self.next_run_after <= run_after


def scheduled_run(day: dt.date, run_after: dt.datetime, url: str) -> Run:
    """Return the run that Airflow will create for a day. It counts as queued."""
    return Run(f"{PREFIX}{run_after.isoformat()}", day, 0, RunState.QUEUED, url=url)


def scheduled_time(name: str) -> dt.datetime | None:
    """Return the `run_after` in the name of a scheduled run, or None for another name."""
    if not name.startswith(PREFIX):
        return None
    try:
        moment = dt.datetime.fromisoformat(name.removeprefix(PREFIX))
    except ValueError:
        return None
    return moment.astimezone(dt.UTC) if moment.tzinfo else None


def scheduled_times(
    schedule: Schedule, days: Collection[dt.date], lag: dt.timedelta, now: dt.datetime
) -> dict[dt.date, dt.datetime]:
    """Return the `run_after` of each day for which Airflow will create a run."""
    times = {day: schedule.run_after(day, lag, now) for day in days}
    return {day: run_after for day, run_after in times.items() if run_after is not None}
