"""Run a Python function in threads of this process, with at most one run of a day on this machine at a time.

The state of a day follows from the lock and the ledger:

| lock of the day | last run of the day in the ledger | state of the day |
|---|---|---|
| free | none, or one that has ended | free: `start` acquires the lock and records the next attempt |
| held | running | running: `start` returns this run |
| free | running | ended: the process died, and the run is LOST |
| held | none, or one that has ended | not known yet: a process is starting, ending or polling a run |

The ledger keeps the numbers of the attempts when the process restarts. A pipeline is a function with a day as its argument. An exception of the
pipeline is recorded as the failure of the run.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from smart_orchestrator.checking import is_complete
from smart_orchestrator.expected_error import failure_of
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.model.run import Failure, Run, RunState, run_name
from smart_orchestrator.runners.day_lock import DayLock, LockState, acquire_or_follow
from smart_orchestrator.runners.ledger import Ledger
from smart_orchestrator.runners.recorded_runs import PROCESS_DIED, RecordedRuns
from smart_orchestrator.store.urls import redacted_url

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Mapping, Sequence

    from smart_orchestrator.model.dataset import Dataset

logger = logging.getLogger(__name__)


class LocalRunner:
    """A `Runner` that runs a Python function in threads of this process.

    Args:
        dataset: the dataset that the pipeline writes.
        pipeline: the function that runs a day. It returns after the day is committed, and raises if the day is not committed. It
            must not fork.
        folder: the folder of the ledger and the locks. The processes of this machine share the folder.
        force: whether to run a day although it is already complete.
        folder_option: the name of the option for the folder, for errors.
        identity: the name under which the ledger records the runs. Runs of different identities may run the same key in parallel. By default,
            the lake and the key format.
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
        identity: str = "",
    ) -> None:
        self.dataset = dataset
        self.ledger = Ledger(Path(folder), folder_option)
        self._pipeline = pipeline
        self._force = force
        dataset_id = identity or dataset_identifier(dataset)
        self._recorded = RecordedRuns(self.ledger, dataset_id)
        self._locks = self.ledger.folder / "locks" / hashlib.sha256(dataset_id.encode()).hexdigest()[:16]
        self._run_ended = threading.Event()

    def capacity(self) -> int | None:
        """Return None, because the number of runs is not limited."""
        return None

    def latest(self, days: Collection[dt.date]) -> Mapping[dt.date, Run]:
        """Return the latest run on this machine of each day that has a run."""
        recorded = self._recorded.latest(days)
        return {day: self._current(recorded[day]) for day in sorted(recorded)}

    def start(self, day: dt.date) -> Run:
        """Start the next attempt for `day` in a thread. If a run of the day is already in flight, return that run.

        If the day is complete when the lock is acquired, no run is started, and the returned run has succeeded.

        Raises:
            RunsError: the ledger or the lock cannot be used, or a process holds the lock and has recorded no run.
        """
        lock = self._lock(day)
        run_in_flight = acquire_or_follow(lock, lambda: self._recorded.latest([day]).get(day))
        if run_in_flight is not None:
            return run_in_flight
        try:
            if not self._force and is_complete(self.dataset, day, self.latest([day]).get(day)):
                lock.release()
                return Run(
                    run_name(day, 0), day, 0, RunState.SUCCEEDED, message="the day was already complete"
                )
            run = self._recorded.add(day)
            threading.Thread(
                target=self._execute, args=(run, lock), name=f"run {run.name}", daemon=True
            ).start()
        except BaseException:
            if lock.state is LockState.HELD:
                lock.release()
            raise
        return run

    def poll(self, runs: Sequence[Run]) -> list[Run]:
        """Return `runs` in their current state. A run whose process died is LOST."""
        return [self._current(run) for run in runs]

    def recent(self, limit: int, day: dt.date | None = None) -> list[Run]:
        """Return at most `limit` runs of one day or of all days. Runs in flight come first, then the newest runs."""
        return [self._current(run) for run in self._recorded.recent(limit, day)]

    def wait(self, seconds: float) -> None:
        """Wait until a run of this process ends, for at most `seconds`."""
        self._run_ended.wait(seconds)
        self._run_ended.clear()

    def _lock(self, day: dt.date) -> DayLock:
        return DayLock(self._locks / f"{key_text(day)}.lock")

    def _current(self, run: Run) -> Run:
        """Return a run in its current state. Keep its attribute `ours`, which the ledger does not record."""
        if not run.in_flight:
            return run
        recorded = self._recorded.get(run.day, run.attempt) or run
        if recorded.in_flight and not self._lock(run.day).is_held():
            # A process records the end of a run before it releases the lock, so the end may be recorded by now.
            recorded = self._recorded.get(run.day, run.attempt) or run
            if recorded.in_flight:
                recorded = replace(recorded, state=RunState.LOST, failure=Failure.LOST, message=PROCESS_DIED)
        return replace(recorded, ours=run.ours)

    def _execute(self, run: Run, lock: DayLock) -> None:
        failure: Failure | None = None
        message = ""
        try:
            try:
                self._pipeline(run.day)
            except Exception as error:
                failure, message = failure_of(error)
                if failure is Failure.ERROR:
                    logger.info("run %s failed", run.name, exc_info=error)
            self._recorded.end(run, failure, message)
        finally:
            lock.release()
            self._run_ended.set()


def dataset_identifier(dataset: Dataset) -> str:
    """Return an identifier of the dataset, which is the same in all processes with the same lake."""
    root = redacted_url(dataset.lake) if "://" in dataset.lake else str(Path(dataset.lake).absolute())
    return f"{root.rstrip('/')}/{dataset.key_format}"
