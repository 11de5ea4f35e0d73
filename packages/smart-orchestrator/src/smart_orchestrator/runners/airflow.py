"""Start and follow the runs of a pipeline DAG through Airflow's REST API. Airflow need not be installed.

The name of a run consists of the day and the attempt (`2025-11-05.1`). The `conf` is `{"target_date": "2025-11-05"}`. The logical
date is null, because Airflow refuses a second run with the same logical date. It also refuses a second run with the same name: the
runner then follows the first. The runner also lists and follows scheduled runs, and runs that a person has started. A run without a day
in its `conf` processes the UTC date of its `run_after` minus the lag. With `wait_for_schedule`, the runner also follows a run that
Airflow's schedule will create soon, so that the day is not run twice.

A pipeline reports the reason of a failure in an XCom of the failed task. The key is `failure`, and the value is
`{"failure": "NOT_PUBLISHED", "message": "…"}` with a name of `smart_orchestrator.model.run.Failure`. Without this XCom, the
failure is `ERROR`, and the message is the last exception in the task's log.

The methods raise `RunsError` if runs cannot be started or followed: Airflow does not answer, the user lacks rights, or the pipeline
is missing, paused or has import errors. All methods block. A triggerer calls them in `asyncio.to_thread`.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.checking import is_complete
from smart_orchestrator.errors import OptionError, RunsError, WindowError
from smart_orchestrator.model.run import Failure, Run, RunState, run_name
from smart_orchestrator.model.window import parse_day
from smart_orchestrator.runners.airflow_client import CONFLICT, NOT_FOUND, PAGE_SIZE, Refused, segment
from smart_orchestrator.runners.airflow_failures import with_failure_details
from smart_orchestrator.runners.airflow_schedule import (
    Schedule,
    scheduled_run,
    scheduled_time,
    scheduled_times,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.runners.airflow_client import AirflowApi, Json

CONF_DAY_FIELD = "target_date"
RUN_NAME = re.compile(r"\d{4}-\d{2}-\d{2}\.(\d+)")
STATES = {
    "queued": RunState.QUEUED,
    "running": RunState.RUNNING,
    "success": RunState.SUCCEEDED,
    "failed": RunState.FAILED,
}
# Up to this number of months, each request lists the runs of one month. For more months, each request lists the runs of one year.
MAX_MONTH_REQUESTS = 12
# The maximum number of run names in one request, which keeps the URL below 4 KB.
NAMES_PER_REQUEST = 40


@dataclass(frozen=True, slots=True)
class PipelineDag:
    """A pipeline DAG whose runs can execute.

    Attributes:
        dag_id: the id of the DAG in Airflow.
        max_active_runs: the maximum number of parallel runs of the DAG.
    """

    dag_id: str
    max_active_runs: int


class AirflowRunner:
    """A `Runner` that runs a DAG in Airflow.

    Args:
        dataset: the dataset that the pipeline writes.
        api: the client of Airflow's API.
        dag_id: the id of the pipeline's DAG.
        lag: the number of days between the day that a scheduled run processes and the UTC date of its `run_after`.
        poll_seconds: the longest pause between two polls, in seconds.
        force: whether to run a day although it is already complete.
        ui_url: the address of Airflow's UI, for links; by default, the address of the API.
        note: the note of every run that this runner starts. All runs with this note count as started by this process. When a process
            is killed, the process that replaces it uses the same note, and so recognizes the runs of the killed process.
        wait_for_schedule: a number of seconds. A run that the DAG's schedule will create within this time is followed. By default,
            the runner follows only runs that exist.
    """

    in_process = False

    def __init__(
        self,
        dataset: Dataset,
        api: AirflowApi,
        dag_id: str,
        *,
        lag: int = 3,
        poll_seconds: float = 30.0,
        force: bool = False,
        ui_url: str | None = None,
        note: str = "",
        wait_for_schedule: float = 0.0,
    ) -> None:
        if lag < 0:
            raise OptionError("lag", lag, "is negative", "Give 0 or more days.")
        if not poll_seconds > 0:
            raise OptionError(
                "poll_seconds", poll_seconds, "is not more than 0 seconds", "Give for example 30."
            )
        self.dag_id = dag_id
        self.poll_seconds = poll_seconds
        self._dataset = dataset
        self._api = api
        self._lag = dt.timedelta(days=lag)
        self._force = force
        self._note = note
        self._wait_for_schedule = dt.timedelta(seconds=wait_for_schedule)
        self._path = f"/dags/{segment(dag_id)}"
        self._ui = f"{(ui_url or api.url).rstrip('/')}/dags/{segment(dag_id)}"
        self._is_checked = False

    def ready(self) -> PipelineDag:
        """Check that a run of the pipeline would be executed, and return the pipeline.

        Raises:
            RunsError: the DAG is missing, paused or has import errors, or Airflow does not answer.
        """
        try:
            dag = self._api.get(self._path)
        except Refused as refused:
            if refused.status != NOT_FOUND:
                raise
            raise self._missing() from None
        if dag.get("has_import_errors"):
            raise self._broken(dag.get("relative_fileloc"))
        if dag.get("is_stale"):
            raise self._missing()
        if dag.get("is_paused"):
            raise self._paused()
        self._is_checked = True
        return PipelineDag(self.dag_id, int(dag.get("max_active_runs") or 1))

    def capacity(self) -> int:
        """Return twice `max_active_runs`: Airflow executes `max_active_runs` runs at a time, and starts a queued run as soon as one ends.

        Raises:
            RunsError: a run of the pipeline would not be executed.
        """
        return 2 * self.ready().max_active_runs

    def latest(self, days: Collection[dt.date]) -> Mapping[dt.date, Run]:
        """Return the latest run of each day that has a run. A run in flight takes precedence over ended runs.

        The failure of a failed run has no details. `poll` adds the details.
        """
        latest: dict[dt.date, Run] = {}
        for run in self._runs_of(days):
            current = latest.get(run.day)
            if current is None or _priority(run) > _priority(current):
                latest[run.day] = run
        if self._wait_for_schedule:
            self._add_scheduled_runs(latest, days)
        return latest

    def scheduled(self, days: Collection[dt.date]) -> Mapping[dt.date, dt.datetime]:
        """Return the `run_after` of each day for which Airflow's schedule will create a run."""
        return scheduled_times(self._schedule(), days, self._lag, dt.datetime.now(tz=dt.UTC))

    def _add_scheduled_runs(self, latest: dict[dt.date, Run], days: Collection[dt.date]) -> None:
        """Add the runs that Airflow will create soon, for days without a run in flight."""
        until = dt.datetime.now(tz=dt.UTC) + self._wait_for_schedule
        for day, run_after in self.scheduled(days).items():
            current = latest.get(day)
            if run_after <= until and (current is None or not current.in_flight):
                latest[day] = scheduled_run(day, run_after, f"{self._ui}/runs")

    def _schedule(self) -> Schedule:
        try:
            return Schedule.of(self._api.get(f"{self._path}/details"))
        except Refused as refused:
            if refused.status != NOT_FOUND:
                raise
            raise self._missing() from None

    def recent(self, limit: int, day: dt.date | None = None) -> list[Run]:
        """Return at most `limit` runs of one day or of all days. Runs in flight come first, then the newest runs."""
        if day is not None:
            runs = self._runs_of([day])
        else:
            newest = self._api.get(f"{self._path}/dagRuns", order_by="-id", limit=min(limit, PAGE_SIZE))[
                "dag_runs"
            ]
            runs = [self._run(item, run_day) for item in newest if (run_day := self._day(item)) is not None]
        return sorted(runs, key=_priority, reverse=True)[:limit]

    def start(self, day: dt.date) -> Run:
        """Start the next attempt for `day`. If a run of the day is already in flight, return that run.

        If the day is already complete, no run is started, and the returned run has succeeded. If another process has created the
        same attempt in the meantime, the method returns the run of that process.
        """
        if not self._is_checked:
            self.ready()
        runs = self._runs_of([day])
        for run in runs:
            if run.in_flight:
                return run
        # The day is inspected after the runs are listed. So if the list shows a run as ended, the inspection sees its data.
        latest = max(runs, key=_priority, default=None)
        if not self._force and is_complete(self._dataset, day, latest):
            return Run(run_name(day, 0), day, 0, RunState.SUCCEEDED, message="the day was already complete")
        return self._create(day, 1 + max((run.attempt for run in runs), default=0))

    def poll(self, runs: Sequence[Run]) -> list[Run]:
        """Return `runs` in their current state. A failed run has details of the failure, and a deleted run is LOST.

        Raises:
            RunsError: the pipeline is paused, so none of the runs continues.
        """
        if not runs:
            return []
        # The schedule is read before the list. In the opposite order, a run that is created in between would count as deleted.
        to_be_created = self._names_to_be_created(run.name for run in runs if run.started_at is None)
        items = self._items_by_id([run.name for run in runs])
        waiting = to_be_created - items.keys()
        polled = [run if run.name in waiting else self._refresh(run, items.get(run.name)) for run in runs]
        if any(run.in_flight for run in polled) and self._api.get(self._path).get("is_paused"):
            raise self._paused()
        return polled

    def cancel(self, run: Run) -> None:
        """Set a queued or running run to failed, so that Airflow ends its tasks. A run that has ended keeps its state."""
        path = f"{self._path}/dagRuns/{segment(run.name)}"
        if self._api.get(path).get("state") in ("queued", "running"):
            self._api.patch(path, {"state": "failed"})

    def _names_to_be_created(self, names: Iterable[str]) -> set[str]:
        """Return the names of scheduled runs that Airflow has not created yet, but will create."""
        scheduled = [name for name in names if scheduled_time(name) is not None]
        if not scheduled:
            return set()
        schedule = self._schedule()
        return {name for name in scheduled if schedule.will_create(name)}

    def wait(self, seconds: float) -> None:
        """Sleep for `seconds`."""
        time.sleep(seconds)

    def _create(self, day: dt.date, attempt: int) -> Run:
        name = run_name(day, attempt)
        body = {"dag_run_id": name, "logical_date": None, "conf": {CONF_DAY_FIELD: day.isoformat()}}
        if self._note:
            body["note"] = self._note
        try:
            return self._run(self._api.post(f"{self._path}/dagRuns", body), day, ours=True)
        except Refused as refused:
            if refused.status == NOT_FOUND:
                raise self._missing() from None
            if refused.status != CONFLICT:
                raise
            # If the response to the first request was lost, the retry conflicts with the run that the first request created.
            is_own = refused.repeated
        existing = self._items_by_id([name]).get(name)
        if existing is not None and self._day(existing) != day:
            raise RunsError(
                self._api.name,
                f"the name {name} is taken by a run of another day",
                "Delete that run in Airflow.",
            )
        return self._refresh(Run(name, day, attempt, RunState.QUEUED, ours=is_own), existing)

    def _refresh(self, run: Run, item: Json | None) -> Run:
        """Return the run in the state of `item`, the run in Airflow's list. Without an item, the run is LOST."""
        if item is None:
            message = "the run was deleted from Airflow"
            return Run(run.name, run.day, run.attempt, RunState.LOST, run.ours, Failure.LOST, message)
        refreshed = self._run(item, run.day, ours=run.ours)
        if refreshed.state is not RunState.FAILED:
            return refreshed
        return with_failure_details(self._api, self._path, self._ui, refreshed)

    def _runs_of(self, days: Collection[dt.date]) -> list[Run]:
        """List all runs of these days: by the day in the `conf`, or by the `run_after` of a run without a day in its `conf`."""
        if not days:
            return []
        first, last = min(days), max(days)
        by_conf = [
            item for prefix in _date_prefixes(first, last) for item in self._list_runs(conf_contains=prefix)
        ]
        after = dt.datetime.combine(first + self._lag, dt.time(), dt.UTC)
        until = dt.datetime.combine(last + self._lag, dt.time(), dt.UTC) + dt.timedelta(days=1)
        by_date = self._list_runs(run_after_gte=after.isoformat(), run_after_lt=until.isoformat())
        by_id = {item["dag_run_id"]: item for item in (*by_conf, *by_date)}
        requested = set(days)
        return [
            self._run(item, day)
            for item in by_id.values()
            if (day := self._day(item)) is not None and day in requested
        ]

    def _items_by_id(self, names: Sequence[str]) -> dict[str, Json]:
        by_id: dict[str, Json] = {}
        for start in range(0, len(names), NAMES_PER_REQUEST):
            batch = set(names[start : start + NAMES_PER_REQUEST])
            items = self._list_runs(run_id_prefix_pattern="|".join(sorted(batch)))
            by_id.update({item["dag_run_id"]: item for item in items if item["dag_run_id"] in batch})
        return by_id

    def _list_runs(self, **filters: str) -> list[Json]:
        try:
            return list(self._api.pages(f"{self._path}/dagRuns", "dag_runs", order_by="id", **filters))
        except Refused as refused:
            if refused.status == NOT_FOUND:
                raise self._missing() from None
            raise

    def _day(self, item: Json) -> dt.date | None:
        """Return the day that a run processes, or None if the run names no valid day."""
        conf_day = (item.get("conf") or {}).get(CONF_DAY_FIELD)
        if conf_day:
            try:
                return parse_day(str(conf_day))
            except WindowError:
                return None
        run_after = _timestamp(item.get("run_after"))
        return None if run_after is None else run_after.date() - self._lag

    def _run(self, item: Json, day: dt.date, *, ours: bool = False) -> Run:
        name = str(item["dag_run_id"])
        own_name = RUN_NAME.fullmatch(name)
        state = STATES.get(str(item.get("state")), RunState.RUNNING)
        failed = state is RunState.FAILED
        return Run(
            name=name,
            day=day,
            # Scheduled and manual runs have other names and no attempt number.
            attempt=int(own_name.group(1)) if own_name else 0,
            state=state,
            ours=ours or (bool(self._note) and item.get("note") == self._note),
            failure=Failure.ERROR if failed else None,
            message="the run failed" if failed else "",
            started_at=_timestamp(item.get("start_date")),
            ended_at=_timestamp(item.get("end_date")),
            url=f"{self._ui}/runs/{segment(name)}",
        )

    def _missing(self) -> RunsError:
        files = self._files_with_import_errors()
        hint = f" Files with import errors: {', '.join(files)}." if files else ""
        return RunsError(
            self._api.name,
            f"there is no DAG {self.dag_id}",
            f"Put the DAG's file into Airflow's DAG folder, or correct {self._api.option_names.dag}.{hint}",
        )

    def _broken(self, file: object) -> RunsError:
        where = f" in {file}" if file else ""
        return RunsError(
            self._api.name,
            f"the DAG {self.dag_id} has import errors{where}, so no run of it can start",
            "Correct the file: `airflow dags list-import-errors` shows the errors.",
        )

    def _paused(self) -> RunsError:
        return RunsError(
            self._api.name,
            f"the DAG {self.dag_id} is paused, so its runs would wait for ever",
            f"Switch it on: airflow dags unpause {self.dag_id}.",
        )

    def _files_with_import_errors(self) -> list[str]:
        try:
            errors: Iterable[Json] = self._api.pages("/importErrors", "import_errors")
            return sorted({str(item.get("filename")) for item in errors})
        except Refused:
            # The file names are only a hint, and not every user may read the import errors.
            return []


def _priority(run: Run) -> tuple[bool, dt.datetime, int]:
    """Return a sort key: runs in flight are greater than ended runs, and later runs are greater than earlier runs."""
    return run.in_flight, run.started_at or dt.datetime.min.replace(tzinfo=dt.UTC), run.attempt


def _date_prefixes(first: dt.date, last: dt.date) -> list[str]:
    """Return the prefixes of the ISO days from `first` to `last`: one for each month, or one for each year of a long window."""
    months = [(number // 12, number % 12 + 1) for number in range(_month(first), _month(last) + 1)]
    if first == last:
        return [first.isoformat()]
    if len(months) <= MAX_MONTH_REQUESTS:
        return [f"{year:04}-{month:02}-" for year, month in months]
    return [f"{year:04}-" for year in range(first.year, last.year + 1)]


def _month(day: dt.date) -> int:
    """Return the number of a day's month, counted from the year 0."""
    return day.year * 12 + day.month - 1


def _timestamp(text: object) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC) if isinstance(text, str) else None
