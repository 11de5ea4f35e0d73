"""Run a Python function in threads of this process, at most one run for each day on this machine: the embedded default.

The process that runs a day holds a lock on a file of that day. The operating system releases the lock when the process
dies, so a killed run is detected at once and not by a time-out. The ledger tells other processes which runs are in flight,
and keeps the attempts across restarts. A pipeline is a plain function of a day; an exception that it raises is recorded as
the failure of its run. Pipelines must not fork: a forked child would keep the lock.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import logging
import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.base import inspect_key
from smart_orchestrator.errors import RunsError
from smart_orchestrator.expected_error import failure_of
from smart_orchestrator.model.run import Failure, Run, RunState, run_name
from smart_orchestrator.runners.ledger import RUN_COLUMNS, Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from smart_orchestrator.model.dataset import Dataset

logger = logging.getLogger(__name__)

# A process that holds the lock of a day writes its row within milliseconds; a poll releases it sooner.
HOLDER_SECONDS = 30.0
REFUSALS = 4
REFUSED_PAUSE = 0.005


class LocalRunner:
    """`Runner` that runs a plain function in threads of this process.

    Args:
        dataset: the dataset whose days the pipeline makes.
        pipeline: called with a day; returns when the day is committed, raises when it is not.
        folder: the folder of the ledger and the locks, shared by the processes of this machine.
        force: run a day even if it is already complete.
        folder_option: the name, in errors, of the option for the folder.
    """

    poll_seconds = 0.05
    in_process = True

    def __init__(
        self,
        dataset: Dataset,
        pipeline: Callable[[dt.date], object],
        folder: str | Path,
        *,
        force: bool = False,
        folder_option: str = "",
    ) -> None:
        self.dataset = dataset
        self.ledger = Ledger(Path(folder), folder_option)
        self._pipeline = pipeline
        self._force = force
        self._identity = _identity(dataset)
        self._locks = self.ledger.folder / "locks" / hashlib.sha256(self._identity.encode()).hexdigest()[:16]
        self._changed = threading.Event()

    def capacity(self) -> None:
        """None: the number of runs has no limit."""

    def latest(self, days: Collection[dt.date]) -> Mapping[dt.date, Run]:
        """The latest run of each of these days on this machine."""
        recorded = self._recorded_runs(days)
        return {
            day: self._refreshed(run) if run.in_flight else run
            for day in sorted(days)
            if (run := recorded.get(day)) is not None
        }

    def start(self, day: dt.date) -> Run:
        """Start the next attempt of `day` in a thread; return the run of that day that is in flight, if there is one.

        A day that is already complete when the lock is acquired is not run: the returned run has succeeded.

        Raises:
            RunsError: the ledger or the lock cannot be used, or a process holds the lock and has recorded no run.
        """
        descriptor = self._acquire(day)
        if isinstance(descriptor, Run):
            return descriptor
        handed_over = False
        try:
            if not self._force and inspect_key(self.dataset, day).available:
                return Run(run_name(day, 0), day, 0, RunState.SUCCEEDED, message="the day was whole already")
            run = self._record_start(day)
            thread = threading.Thread(
                target=self._execute, args=(run, descriptor), name=f"run {run.name}", daemon=True
            )
            thread.start()
            handed_over = True
            return run
        finally:
            if not handed_over:
                os.close(descriptor)

    def poll(self, runs: Sequence[Run]) -> list[Run]:
        """The current state of the given runs; a run whose process died is LOST."""
        return [self._refreshed(run) for run in runs]

    def recent(self, limit: int, day: dt.date | None = None) -> list[Run]:
        """At most `limit` runs of this machine, of one day or of all days: runs in flight first, then the newest."""
        query = (
            f"SELECT {RUN_COLUMNS} FROM runs WHERE dataset = ? AND (? IS NULL OR day = ?) "  # noqa: S608 - constant
            "ORDER BY state = 'running' DESC, started_at DESC, day DESC LIMIT ?"
        )
        wanted = None if day is None else day.isoformat()
        with self.ledger.connection() as database:
            rows = database.execute(query, (self._identity, wanted, wanted, limit)).fetchall()
        return [self._refreshed(run) if run.in_flight else run for run in map(self._run, rows)]

    def wait(self, seconds: float) -> None:
        """Return when a run of this process ends, at the latest after `seconds`."""
        self._changed.wait(seconds)
        self._changed.clear()

    def _acquire(self, day: dt.date) -> int | Run:
        """The descriptor of the day's lock, or the run of the process that holds it.

        A poll also holds the lock for a moment, and a process that has just acquired it writes its row a moment later. So a
        held lock next to a row that is not running proves nothing: both are read again until one of them is conclusive.
        """
        deadline = time.monotonic() + HOLDER_SECONDS
        refused = 0
        while True:
            descriptor = self._lock(day, fcntl.LOCK_EX)
            if descriptor is not None:
                return descriptor
            refused += 1
            run = self._recorded_runs([day]).get(day)
            if run is not None and run.in_flight and refused >= REFUSALS:
                return run
            if time.monotonic() >= deadline:
                raise RunsError(
                    "local runs",
                    f"the lock {self._lock_file(day)} is held by a process that has recorded no run of {day}",
                    "End that process, then run the same command again.",
                )
            time.sleep(REFUSED_PAUSE)

    def _refreshed(self, run: Run) -> Run:
        """The current state of a run: from its row in the ledger, and from the lock of its day."""
        recorded = self._recorded_run(run)
        if recorded is not None and not recorded.in_flight:
            return _with_ownership_of(run, recorded)
        if self._is_locked(run.day):
            return run if recorded is None else _with_ownership_of(run, recorded)
        # The lock is released after the row is written: read the row again before reporting the run as lost.
        recorded = self._recorded_run(run)
        if recorded is not None and not recorded.in_flight:
            return _with_ownership_of(run, recorded)
        return Run(
            run.name,
            run.day,
            run.attempt,
            RunState.LOST,
            run.ours,
            Failure.LOST,
            "the process that ran it died",
            recorded.started_at if recorded is not None else run.started_at,
        )

    def _execute(self, run: Run, descriptor: int) -> None:
        failure: Failure | None = None
        message = ""
        try:
            try:
                self._pipeline(run.day)
            except Exception as error:
                failure, message = failure_of(error)
                if failure is Failure.ERROR:
                    logger.info("run %s failed", run.name, exc_info=error)
            self._record_end(run, RunState.FAILED if failure else RunState.SUCCEEDED, failure, message)
        finally:
            os.close(descriptor)
            self._changed.set()

    def _record_start(self, day: dt.date) -> Run:
        now = dt.datetime.now(tz=dt.UTC)
        key = (self._identity, day.isoformat())
        with self.ledger.connection() as database:
            # This process holds the lock of the day, so any run that the ledger still calls running has died.
            database.execute(
                "UPDATE runs SET state = 'lost', failure = 'LOST', message = 'the process that ran it died' "
                "WHERE dataset = ? AND day = ? AND state = 'running'",
                key,
            )
            (highest,) = database.execute(
                "SELECT coalesce(max(attempt), 0) FROM runs WHERE dataset = ? AND day = ?", key
            ).fetchone()
            database.execute(
                "INSERT INTO runs (dataset, day, attempt, state, process, started_at) VALUES (?, ?, ?, ?, ?, ?)",
                (*key, highest + 1, RunState.RUNNING, os.getpid(), now.isoformat()),
            )
        return Run(run_name(day, highest + 1), day, highest + 1, RunState.RUNNING, ours=True, started_at=now)

    def _record_end(self, run: Run, state: RunState, failure: Failure | None, message: str) -> None:
        with self.ledger.connection() as database:
            database.execute(
                "UPDATE runs SET state = ?, failure = ?, message = ?, ended_at = ? "
                "WHERE dataset = ? AND day = ? AND attempt = ?",
                (
                    state,
                    failure,
                    message,
                    dt.datetime.now(tz=dt.UTC).isoformat(),
                    self._identity,
                    run.day.isoformat(),
                    run.attempt,
                ),
            )

    def _recorded_runs(self, days: Collection[dt.date]) -> dict[dt.date, Run]:
        if not days:
            return {}
        query = f"SELECT {RUN_COLUMNS} FROM runs WHERE dataset = ? AND day BETWEEN ? AND ? ORDER BY attempt"  # noqa: S608 - constant
        with self.ledger.connection() as database:
            rows = database.execute(
                query, (self._identity, min(days).isoformat(), max(days).isoformat())
            ).fetchall()
        runs = [self._run(row) for row in rows]
        return {run.day: run for run in runs if run.day in days}

    def _recorded_run(self, run: Run) -> Run | None:
        query = f"SELECT {RUN_COLUMNS} FROM runs WHERE dataset = ? AND day = ? AND attempt = ?"  # noqa: S608 - constant
        with self.ledger.connection() as database:
            row = database.execute(query, (self._identity, run.day.isoformat(), run.attempt)).fetchone()
        return None if row is None else self._run(row)

    def _run(self, row: tuple[str, int, str, str | None, str, str, str | None]) -> Run:
        """The run that a row of the ledger describes."""
        day_text, attempt, state, failure, message, started, ended = row
        try:
            day = dt.date.fromisoformat(day_text)
            return Run(
                name=run_name(day, int(attempt)),
                day=day,
                attempt=int(attempt),
                state=RunState(state),
                failure=Failure(failure) if failure else None,
                message=str(message),
                started_at=dt.datetime.fromisoformat(started),
                ended_at=dt.datetime.fromisoformat(ended) if ended else None,
            )
        except (TypeError, ValueError, OverflowError) as error:
            raise self.ledger.damaged(f"its run of {day_text}: {error}") from error

    def _is_locked(self, day: dt.date) -> bool:
        # A shared lock, so that two polls do not mistake each other for the process that runs the day.
        if not self._lock_file(day).exists():
            return False
        descriptor = self._lock(day, fcntl.LOCK_SH)
        if descriptor is None:
            return True
        os.close(descriptor)
        return False

    def _lock_file(self, day: dt.date) -> Path:
        return self._locks / f"{day.isoformat()}.lock"

    def _lock(self, day: dt.date, kind: int) -> int | None:
        """A descriptor that holds the day's lock, or None if another descriptor holds it."""
        path = self._lock_file(day)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise RunsError(
                "local runs",
                f"the lock {path} cannot be made ({error.strerror})",
                "Make its folder writable.",
            ) from error
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor


def _identity(dataset: Dataset) -> str:
    """An identifier of the dataset that is the same in every process that uses the same lake."""
    root = dataset.lake if "://" in dataset.lake else str(Path(dataset.lake).absolute())
    return f"{root.rstrip('/')}/{dataset.key_format}"


def _with_ownership_of(run: Run, recorded: Run) -> Run:
    """The recorded run with the `ours` of `run`: the ledger does not record who asks."""
    return replace(recorded, ours=run.ours)
