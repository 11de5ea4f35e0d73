"""Runs of a pipeline DAG, started and followed through Airflow's REST API. Needs no Airflow where it runs.

The run of a day is named by day and attempt (`2025-11-05.1`), its `conf` is `{"target_date": "2025-11-05"}` and its logical
date is null, so that nothing about it depends on a clock. Airflow refuses a second run of that name, which means: follow
the first. A run belongs to the day of its `conf`, else to the UTC date of its `run_after` minus the lag; so runs by the
schedule and by hand are seen and followed as well.

How a pipeline says why it failed: the failing task leaves an XCom with the key `failure`, whose value is
`{"failure": "NOT_PUBLISHED", "message": "…"}` with a name of `smart_orchestrator.model.run.Failure`. Where there is none, the
failure is `ERROR` and the message is the exception at the end of the task's log, whoever wrote the pipeline.

Raises `RunsError` when runs cannot be started or followed: no answer, no rights, and a pipeline that is missing, paused or
has import errors, at once and with the fix. All calls block; a triggerer wraps them in `asyncio.to_thread`.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.manifest import inspect
from smart_orchestrator.errors import OptionError, RunsError, WindowError
from smart_orchestrator.model.run import Failure, Run, RunState, run_name
from smart_orchestrator.model.window import parse_day
from smart_orchestrator.runners.airflow_client import CONFLICT, NOT_FOUND, PAGE, Refused, segment
from smart_orchestrator.runners.airflow_failures import why_failed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.runners.airflow_client import AirflowApi, Json

CONF_DAY = "target_date"
OUR_NAME = re.compile(r"\d{4}-\d{2}-\d{2}\.(\d+)")
STATES = {
    "queued": RunState.QUEUED,
    "running": RunState.RUNNING,
    "success": RunState.SUCCEEDED,
    "failed": RunState.FAILED,
}
# A window of more months asks for its runs year by year.
MONTHS_ONE_BY_ONE = 12
# So many names are asked for at once; a URL of them stays below 4 KB.
NAMES_AT_ONCE = 40


@dataclass(frozen=True, slots=True)
class PipelineDag:
    """A pipeline that is able to run.

    Attributes:
        dag_id: its name in Airflow.
        max_active_runs: runs that Airflow lets work at the same time.
    """

    dag_id: str
    max_active_runs: int


class AirflowRunner:
    """`Runner` of a DAG in Airflow.

    Args:
        dataset: the dataset whose days the pipeline makes.
        api: which Airflow, and as whom.
        dag_id: the pipeline's DAG.
        lag: whole days between the day of a scheduled run and the UTC date of its `run_after`.
        poll_seconds: how long to wait between two looks.
        force: run a day even when it is complete already.
        ui_url: address of Airflow's UI in links; default the API's.
        starter: who starts runs, a line that becomes their note; runs with that note are ours, also those that a process
            started which was killed since.
    """

    in_process = False

    def __init__(
        self,
        dataset: DailyDataset,
        api: AirflowApi,
        dag_id: str,
        *,
        lag: int = 3,
        poll_seconds: float = 30.0,
        force: bool = False,
        ui_url: str | None = None,
        starter: str = "",
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
        self._starter = starter
        self._path = f"/dags/{segment(dag_id)}"
        self._ui = f"{(ui_url or api.url).rstrip('/')}/dags/{segment(dag_id)}"
        self._checked = False

    def ready(self) -> PipelineDag:
        """The pipeline, once it is sure that a run of it would be carried out.

        Raises:
            RunsError: it is missing, paused or has import errors, or Airflow does not answer.
        """
        try:
            found = self._api.get(self._path)
        except Refused as refused:
            if refused.status != NOT_FOUND:
                raise
            raise self._missing() from None
        if found.get("has_import_errors"):
            raise self._broken(found.get("relative_fileloc"))
        if found.get("is_stale"):
            raise self._missing()
        if found.get("is_paused"):
            raise self._paused()
        self._checked = True
        return PipelineDag(self.dag_id, int(found.get("max_active_runs") or 1))

    def capacity(self) -> int:
        """The pipeline's `max_active_runs`.

        Raises:
            RunsError: a run of it would not be carried out.
        """
        return self.ready().max_active_runs

    def latest(self, days: Collection[dt.date]) -> Mapping[dt.date, Run]:
        """The latest run of each of these days; one that is in flight before any that has ended.

        Of a failed one it says only that it failed: `look` says why.
        """
        found: dict[dt.date, Run] = {}
        for run in self._runs_of(days):
            known = found.get(run.day)
            if known is None or _order(run) > _order(known):
                found[run.day] = run
        return found

    def recent(self, limit: int, day: dt.date | None = None) -> list[Run]:
        """At most `limit` runs, of one day or of all: those in flight first, then the newest."""
        if day is not None:
            found = self._runs_of([day])
        else:
            newest = self._api.get(f"{self._path}/dagRuns", order_by="-id", limit=min(limit, PAGE))[
                "dag_runs"
            ]
            found = [self._run(item, of) for item in newest if (of := self._day(item)) is not None]
        return sorted(found, key=_order, reverse=True)[:limit]

    def start(self, day: dt.date) -> Run:
        """Start the next attempt of `day`; a run of it that is in flight comes back instead, whoever started it.

        A day that turns out to be whole is not run: the run comes back as succeeded. A run that another starter began
        and ended meanwhile comes back as it ended.
        """
        if not self._checked:
            self.ready()
        known = self._runs_of([day])
        for run in known:
            if run.in_flight:
                return run
        # After listing: whatever ended before it has left its data by now.
        if not self._force and inspect(self._dataset, day).available:
            return Run(run_name(day, 0), day, 0, RunState.SUCCEEDED, message="the day was whole already")
        return self._create(day, 1 + max((run.attempt for run in known), default=0))

    def poll(self, runs: Sequence[Run]) -> list[Run]:
        """The same runs as they are now; a failed one with its failure and a link to its log, a deleted one is LOST.

        Raises:
            RunsError: the pipeline was paused, so that none of them goes on.
        """
        if not runs:
            return []
        now = self._by_name([run.name for run in runs])
        seen = [self._seen(run, now.get(run.name)) for run in runs]
        if any(run.in_flight for run in seen) and self._api.get(self._path).get("is_paused"):
            raise self._paused()
        return seen

    def wait(self, seconds: float) -> None:
        """Return after `seconds`."""
        time.sleep(seconds)

    def _create(self, day: dt.date, attempt: int) -> Run:
        name = run_name(day, attempt)
        body = {"dag_run_id": name, "logical_date": None, "conf": {CONF_DAY: day.isoformat()}}
        if self._starter:
            body["note"] = self._starter
        try:
            return self._run(self._api.post(f"{self._path}/dagRuns", body), day, ours=True)
        except Refused as refused:
            if refused.status == NOT_FOUND:
                raise self._missing() from None
            if refused.status != CONFLICT:
                raise
            # A request that was sent twice meets its own run.
            ours = refused.repeated
        there = self._by_name([name]).get(name)
        if there is not None and self._day(there) != day:
            raise RunsError(
                self._api.name,
                f"the name {name} is taken by a run of another day",
                "Delete that run in Airflow.",
            )
        return self._seen(Run(name, day, attempt, RunState.QUEUED, ours=ours), there)

    def _seen(self, asked: Run, now: Json | None) -> Run:
        if now is None:
            lost = "the run was deleted from Airflow"
            return Run(asked.name, asked.day, asked.attempt, RunState.LOST, asked.ours, Failure.LOST, lost)
        run = self._run(now, asked.day, ours=asked.ours)
        if run.state is not RunState.FAILED:
            return run
        return why_failed(self._api, self._path, self._ui, run)

    def _runs_of(self, days: Collection[dt.date]) -> list[Run]:
        """Every run of these days: found by what its conf may say, and by when it was due."""
        if not days:
            return []
        first, last = min(days), max(days)
        named = [item for part in _shared_starts(first, last) for item in self._listed(conf_contains=part)]
        after = dt.datetime.combine(first + self._lag, dt.time(), dt.UTC)
        until = dt.datetime.combine(last + self._lag, dt.time(), dt.UTC) + dt.timedelta(days=1)
        due = self._listed(run_after_gte=after.isoformat(), run_after_lt=until.isoformat())
        found = {item["dag_run_id"]: item for item in (*named, *due)}
        wanted = set(days)
        return [
            self._run(item, day)
            for item in found.values()
            if (day := self._day(item)) is not None and day in wanted
        ]

    def _by_name(self, names: Sequence[str]) -> dict[str, Json]:
        found: dict[str, Json] = {}
        for start in range(0, len(names), NAMES_AT_ONCE):
            some = set(names[start : start + NAMES_AT_ONCE])
            listed = self._listed(run_id_prefix_pattern="|".join(sorted(some)))
            found.update({item["dag_run_id"]: item for item in listed if item["dag_run_id"] in some})
        return found

    def _listed(self, **filters: str) -> list[Json]:
        try:
            return list(self._api.pages(f"{self._path}/dagRuns", "dag_runs", order_by="id", **filters))
        except Refused as refused:
            if refused.status == NOT_FOUND:
                raise self._missing() from None
            raise

    def _day(self, item: Json) -> dt.date | None:
        """Which day a run is of; None when its conf names what is no day."""
        given = (item.get("conf") or {}).get(CONF_DAY)
        if given:
            try:
                return parse_day(str(given))
            except WindowError:
                return None
        due = _moment(item.get("run_after"))
        return None if due is None else due.date() - self._lag

    def _run(self, item: Json, day: dt.date, *, ours: bool = False) -> Run:
        name = str(item["dag_run_id"])
        ours_by_name = OUR_NAME.fullmatch(name)
        state = STATES.get(str(item.get("state")), RunState.RUNNING)
        failed = state is RunState.FAILED
        return Run(
            name=name,
            day=day,
            # A run by the schedule or by hand is no attempt of ours.
            attempt=int(ours_by_name.group(1)) if ours_by_name else 0,
            state=state,
            ours=ours or (bool(self._starter) and item.get("note") == self._starter),
            failure=Failure.ERROR if failed else None,
            message="the run failed" if failed else "",
            started_at=_moment(item.get("start_date")),
            ended_at=_moment(item.get("end_date")),
            url=f"{self._ui}/runs/{segment(name)}",
        )

    def _missing(self) -> RunsError:
        broken = self._import_errors()
        hint = f" Files with import errors: {', '.join(broken)}." if broken else ""
        return RunsError(
            self._api.name,
            f"there is no DAG {self.dag_id}",
            f"Put its file into Airflow's DAG folder, or correct {self._api.option_names.dag}.{hint}",
        )

    def _broken(self, file: object) -> RunsError:
        where = f" in {file}" if file else ""
        return RunsError(
            self._api.name,
            f"the DAG {self.dag_id} has import errors{where}, so no run of it can start",
            "Correct the file: `airflow dags list-import-errors` says what is wrong.",
        )

    def _paused(self) -> RunsError:
        return RunsError(
            self._api.name,
            f"the DAG {self.dag_id} is paused, so its runs would wait for ever",
            f"Switch it on: airflow dags unpause {self.dag_id}.",
        )

    def _import_errors(self) -> list[str]:
        try:
            errors: Iterable[Json] = self._api.pages("/importErrors", "import_errors")
            return sorted({str(item.get("filename")) for item in errors})
        except Refused:
            # Not everybody may see them, and they are only a hint.
            return []


def _order(run: Run) -> tuple[bool, dt.datetime, int]:
    earliest = dt.datetime.min.replace(tzinfo=dt.UTC)
    return run.in_flight, run.started_at or earliest, run.attempt


def _shared_starts(first: dt.date, last: dt.date) -> list[str]:
    """Texts with which all days from `first` to `last` begin, and few others: each month, or each year of a long window."""
    months = [(number // 12, number % 12 + 1) for number in range(_month(first), _month(last) + 1)]
    if first == last:
        return [first.isoformat()]
    if len(months) <= MONTHS_ONE_BY_ONE:
        return [f"{year:04}-{month:02}-" for year, month in months]
    return [f"{year:04}-" for year in range(first.year, last.year + 1)]


def _month(day: dt.date) -> int:
    return day.year * 12 + day.month - 1


def _moment(text: object) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC) if isinstance(text, str) else None
