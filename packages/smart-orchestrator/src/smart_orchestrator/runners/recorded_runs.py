"""Read and write the runs of one dataset in the ledger of this machine.

A run that is recorded as running may have died: only the lock of its day shows whether its process still runs.
"""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING

from smart_orchestrator.model.grain import key_text, parse_key
from smart_orchestrator.model.run import Failure, Run, RunState, run_name
from smart_orchestrator.runners.ledger import RUN_COLUMNS, Ledger

if TYPE_CHECKING:
    from collections.abc import Collection

PROCESS_DIED = "the process that ran it died"


class RecordedRuns:
    """The recorded runs of one dataset.

    Args:
        ledger: the ledger of this machine.
        dataset_id: the identifier of the dataset in the ledger.
    """

    def __init__(self, ledger: Ledger, dataset_id: str) -> None:
        self.ledger = ledger
        self.dataset_id = dataset_id

    def latest(self, days: Collection[dt.date]) -> dict[dt.date, Run]:
        """Return the last attempt of each day that has a run."""
        if not days:
            return {}
        query = f"SELECT {RUN_COLUMNS} FROM runs WHERE dataset = ? AND day BETWEEN ? AND ? ORDER BY attempt"  # noqa: S608 - constant
        with self.ledger.connection() as database:
            rows = database.execute(
                query, (self.dataset_id, key_text(min(days)), key_text(max(days)))
            ).fetchall()
        runs = [self._run(row) for row in rows]
        # The runs are sorted by attempt, so the last attempt of a day replaces the earlier ones.
        return {run.day: run for run in runs if run.day in days}

    def get(self, day: dt.date, attempt: int) -> Run | None:
        """Return the recorded attempt of a day, or None if the attempt is not recorded."""
        query = f"SELECT {RUN_COLUMNS} FROM runs WHERE dataset = ? AND day = ? AND attempt = ?"  # noqa: S608 - constant
        with self.ledger.connection() as database:
            row = database.execute(query, (self.dataset_id, key_text(day), attempt)).fetchone()
        return None if row is None else self._run(row)

    def recent(self, limit: int, day: dt.date | None) -> list[Run]:
        """Return at most `limit` runs of one day or of all days. Runs in flight come first, then the newest runs."""
        query = (
            f"SELECT {RUN_COLUMNS} FROM runs WHERE dataset = ? AND (? IS NULL OR day = ?) "  # noqa: S608 - constant
            "ORDER BY state = 'running' DESC, started_at DESC, day DESC LIMIT ?"
        )
        day_text = None if day is None else key_text(day)
        with self.ledger.connection() as database:
            rows = database.execute(query, (self.dataset_id, day_text, day_text, limit)).fetchall()
        return [self._run(row) for row in rows]

    def add(self, day: dt.date) -> Run:
        """Record the start of the next attempt for a day. The caller must hold the lock of the day."""
        now = dt.datetime.now(tz=dt.UTC)
        key = (self.dataset_id, key_text(day))
        with self.ledger.connection() as database:
            # The caller holds the lock. So if a run is recorded as running, its process has died.
            database.execute(
                "UPDATE runs SET state = 'lost', failure = 'LOST', message = ? "
                "WHERE dataset = ? AND day = ? AND state = 'running'",
                (PROCESS_DIED, *key),
            )
            (last_attempt,) = database.execute(
                "SELECT coalesce(max(attempt), 0) FROM runs WHERE dataset = ? AND day = ?", key
            ).fetchone()
            attempt = last_attempt + 1
            database.execute(
                "INSERT INTO runs (dataset, day, attempt, state, process, started_at) VALUES (?, ?, ?, ?, ?, ?)",
                (*key, attempt, RunState.RUNNING, os.getpid(), now.isoformat()),
            )
        return Run(run_name(day, attempt), day, attempt, RunState.RUNNING, ours=True, started_at=now)

    def end(self, run: Run, failure: Failure | None, message: str) -> None:
        """Record that a run has ended, with `failure` or with success."""
        state = RunState.FAILED if failure else RunState.SUCCEEDED
        ended_at = dt.datetime.now(tz=dt.UTC).isoformat()
        key = (self.dataset_id, key_text(run.day), run.attempt)
        with self.ledger.connection() as database:
            database.execute(
                "UPDATE runs SET state = ?, failure = ?, message = ?, ended_at = ? "
                "WHERE dataset = ? AND day = ? AND attempt = ?",
                (state, failure, message, ended_at, *key),
            )

    def _run(self, row: tuple[str, int, str, str | None, str, str, str | None]) -> Run:
        """Return the run that a row of the ledger describes."""
        day_text, attempt, state, failure, message, started, ended = row
        try:
            day = parse_key(day_text)
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
