"""The trigger that waits for pipeline runs in Airflow's triggerer. It takes no worker slot and starts no runs.

It polls the runs every `poll_seconds`, and judges a run that has ended by its data in the lake. It fires its event as soon
as no run is in flight any more, the window cannot become complete, a run must be started (a task does that), the runs
cannot be followed, or the deadline has passed. A restarted triggerer rebuilds the trigger from its arguments, and the first
poll detects what has happened in the meantime.

If the lake or Airflow's API does not answer, the trigger polls again until the deadline. All blocking calls run in threads.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from smart_orchestrator.airflow.log import LogReporter
from smart_orchestrator.airflow.messages import listed
from smart_orchestrator.airflow.orchestration import TRIGGER_PATIENCE, Orchestration
from smart_orchestrator.backfilling.state import UNREACHABLE_GOAL
from smart_orchestrator.errors import LakeError, RunsError
from smart_orchestrator.extras import extra

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from smart_orchestrator.backfilling.state import BackfillState


# If a task resumes before the scheduler has processed its deferral, Airflow takes it for a killed task (Airflow 3.3:
# "reported … finished with state success, but the task instance's state attribute is running") and retries it.
FIRST_LOOK = 10.0


class DataReadyTrigger(BaseTrigger):
    """Waits until no awaited day is left.

    Its event is `{"backfill": …, "why": …}`: the state, and the reason if it stops waiting for runs in flight, else "".

    Args:
        orchestration: the document of `Orchestration.to_json`.
        backfill: the document of `BackfillState.to_json`.
        deadline: the UTC time at which the wait ends, in ISO format.
    """

    def __init__(self, orchestration: Mapping[str, Any], backfill: Mapping[str, Any], deadline: str) -> None:
        super().__init__()
        self.orchestration = dict(orchestration)
        self.backfill = dict(backfill)
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class path and the arguments from which the trigger is rebuilt."""
        arguments = {
            "orchestration": self.orchestration,
            "backfill": self.backfill,
            "deadline": self.deadline,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll, log the progress and sleep; yield one event at the end."""
        orchestration = Orchestration.from_json(self.orchestration)
        deadline = dt.datetime.fromisoformat(self.deadline)
        backfill: BackfillState | None = None
        last_error = ""
        # The first import of the libraries takes a moment in a new triggerer.
        pause = asyncio.sleep(min(FIRST_LOOK, _seconds_until(deadline)))
        await asyncio.gather(pause, asyncio.to_thread(_import_libraries))
        while True:
            why = ""
            try:
                if backfill is None:
                    backfill = await asyncio.to_thread(self._restore_backfill, orchestration)
                await asyncio.to_thread(_poll_backfill, backfill)
                last_error = ""
                why = UNREACHABLE_GOAL if backfill.hopeless() else ""
            except (LakeError, RunsError) as error:
                if error.transient:
                    last_error = f"; the last look failed: {error}"
                    self.log.warning("looking again in %g s: %s", orchestration.poll_seconds, error)
                else:
                    why = str(error)
            remaining = _seconds_until(deadline)
            if remaining == 0 and not why:
                why = f"no end after {orchestration.timeout:g} s{last_error}"
            if why or (backfill is not None and _nothing_to_wait_for(backfill)):
                state = backfill.to_json() if backfill is not None else self.backfill
                yield TriggerEvent({"backfill": state, "why": why})
                return
            self._log_progress(backfill)
            await asyncio.sleep(min(orchestration.poll_seconds, remaining))

    def _restore_backfill(self, orchestration: Orchestration) -> BackfillState:
        runs = orchestration.runs(patience=TRIGGER_PATIENCE)
        return orchestration.backfill(runs, LogReporter(self.log)).from_json(self.backfill)

    def _log_progress(self, backfill: BackfillState | None) -> None:
        if backfill is not None:
            awaited = [day.isoformat() for day in backfill.awaited]
            done, total = backfill.progress()
            self.log.info(
                "[%d/%d] %d dates are still awaited: %s", done, total, len(awaited), listed(awaited)
            )


def _import_libraries() -> None:
    with extra("airflow-client"):
        import httpx2  # noqa: F401
    with extra("frames"):
        import polars as pl  # noqa: F401


def _poll_backfill(backfill: BackfillState) -> None:
    backfill.inspect_watched()
    backfill.poll_runs()


def _nothing_to_wait_for(backfill: BackfillState) -> bool:
    """Whether every day has ended, or a task must start a run first."""
    return bool(backfill.queue) or not backfill.unfinished


def _seconds_until(moment: dt.datetime) -> float:
    return max(0.0, (moment - dt.datetime.now(tz=dt.UTC)).total_seconds())
