"""The runs of one dataset in the ledger of this machine. They show what was recorded, not whether a process still runs."""

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
    """Reads and writes the runs of a dataset.

    Args:
        ledger: the ledger.
        dataset_id: identifies the dataset in the ledger.
    """

    def __init__(self, ledger: Ledger, dataset_id: str) -> None:
        self.ledger = ledger
        self.dataset_id = dataset_id

    def latest(self, days: Collection[dt.date]) -> dict[dt.date, Run]:
        """Return the last attempt of each of these days."""
        if not days:
            return {}
        query = f"SELECT {RUN_COLUMNS} FROM runs WHERE dataset = ? AND day BETWEEN ? AND ? ORDER BY attempt"  # noqa: S608 - constant
        with self.ledger.connection() as database:
            rows = database.execute(
                query, (self.dataset_id, key_text(min(days)), key_text(max(days)))
            ).fetchall()
        runs = [self._run(row) for row in rows]
        return {run.day: run for run in runs if run.day in days}

    def get(self, day: dt.date, attempt: int) -> Run | None:
        """Return one attempt of a day, or None if it is not recorded."""
        query = f"SELECT {RUN_COLUMNS} FROM runs WHERE dataset = ? AND day = ? AND attempt = ?"  # noqa: S608 - constant
        with self.ledger.connection() as database:
            row = database.execute(query, (self.dataset_id, key_text(day), attempt)).fetchone()
        return None if row is None else self._run(row)

    def recent(self, limit: int, day: dt.date | None) -> list[Run]:
        """Return at most `limit` runs, of one day or of all days: runs in flight first, then the newest."""
        query = (
            f"SELECT {RUN_COLUMNS} FROM runs WHERE dataset = ? AND (? IS NULL OR day = ?) "  # noqa: S608 - constant
            "ORDER BY state = 'running' DESC, started_at DESC, day DESC LIMIT ?"
        )
        day_text = None if day is None else key_text(day)
        with self.ledger.connection() as database:
            rows = database.execute(query, (self.dataset_id, day_text, day_text, limit)).fetchall()
        return [self._run(row) for row in rows]

    def add(self, day: dt.date) -> Run:
        """Record the start of the next attempt of a day, whose lock the caller holds."""
        now = dt.datetime.now(tz=dt.UTC)
        key = (self.dataset_id, key_text(day))
        with self.ledger.connection() as database:
            # The caller holds the lock of the day, so the process of a run that is still recorded as running has died.
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
        """Record the end of a run: failed with this failure, or succeeded."""
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
