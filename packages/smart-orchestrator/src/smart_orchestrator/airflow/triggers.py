"""The trigger that waits for pipeline runs in Airflow's triggerer. It takes no worker slot and starts no runs.

The trigger polls the runs 10, 15, 22, 33 … s after the start of the wait, and later every `poll_seconds`. When a run has ended, the
trigger inspects the partition of the run in the lake. The trigger fires its event when one of these conditions is true:

- every day is filled or failed;
- the window can no longer become ready;
- a task must start another run;
- the lake or Airflow's API gives an error that another poll cannot resolve;
- the deadline has passed. The trigger notices this at a poll, so a wait lasts at least until the first poll, 5 to 10 seconds
  after the start of the trigger.

If the lake or Airflow's API does not answer, the trigger polls again until the deadline. After a restart of the triggerer,
Airflow rebuilds the trigger from its arguments, and the next poll finds the changes. All blocking calls run in threads.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from smart_orchestrator.airflow.log import LogReporter
from smart_orchestrator.airflow.messages import abbreviated
from smart_orchestrator.airflow.orchestration import TRIGGER_PATIENCE, Orchestration
from smart_orchestrator.backfilling.polling import poll_pauses
from smart_orchestrator.backfilling.state import GOAL_UNREACHABLE_REASON
from smart_orchestrator.errors import LakeError, RunsError
from smart_orchestrator.extras import extra

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from smart_orchestrator.backfilling.state import BackfillState

# The shortest time between the start of the trigger and its first poll, in seconds.
MIN_FIRST_PAUSE = 5.0


class DataReadyTrigger(BaseTrigger):
    """Trigger that waits for the pipeline runs of a backfill, and for the partitions that an unknown writer is writing.

    The event is `{"backfill": …, "why": …}`: the state of the backfill, and the reason why the wait ends early. The reason
    is empty if every day is filled or failed, or if the task must start another run.

    Args:
        orchestration: the document of `Orchestration.to_json`.
        backfill: the document of `BackfillState.to_json`.
        deadline: the UTC time at which the trigger stops waiting, in ISO format.
    """

    def __init__(self, orchestration: Mapping[str, Any], backfill: Mapping[str, Any], deadline: str) -> None:
        super().__init__()
        self.orchestration = dict(orchestration)
        self.backfill = dict(backfill)
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the import path of the class and the arguments, from which Airflow rebuilds the trigger."""
        arguments = {
            "orchestration": self.orchestration,
            "backfill": self.backfill,
            "deadline": self.deadline,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll the runs and log the progress until the wait ends; then yield one event."""
        orchestration = Orchestration.from_json(self.orchestration)
        deadline = dt.datetime.fromisoformat(self.deadline)
        backfill: BackfillState | None = None
        last_error = ""
        # The first poll is not sooner, because Airflow 3.3 has a fault: a task can resume while the worker process that deferred
        # it is still exiting. Airflow then takes this exit for the death of the resumed task, and retries the task
        # ("reported … finished with state success, but the task instance's state attribute is running").
        pauses = poll_pauses(orchestration.poll_seconds)
        waited = max(0.0, orchestration.timeout - _seconds_until(deadline))
        pause = asyncio.sleep(max(next(pauses) - waited, MIN_FIRST_PAUSE))
        # A new triggerer imports the libraries during the first pause, so that the first poll is not delayed.
        await asyncio.gather(pause, asyncio.to_thread(_import_libraries))
        while True:
            why = ""
            try:
                if backfill is None:
                    backfill = await asyncio.to_thread(self._restore_backfill, orchestration)
                await asyncio.to_thread(_poll_backfill, backfill)
                last_error = ""
                why = GOAL_UNREACHABLE_REASON if backfill.is_goal_unreachable else ""
            except (LakeError, RunsError) as error:
                if error.transient:
                    last_error = f"; the last poll failed: {error}"
                    self.log.warning("will poll again: %s", error)
                else:
                    why = str(error)
            remaining = _seconds_until(deadline)
            if remaining == 0 and not why:
                why = f"no end after {orchestration.timeout:g} s{last_error}"
            if why or (backfill is not None and _must_resume_task(backfill)):
                state = backfill.to_json() if backfill is not None else self.backfill
                yield TriggerEvent({"backfill": state, "why": why})
                return
            self._log_progress(backfill)
            await asyncio.sleep(min(next(pauses), remaining))

    def _restore_backfill(self, orchestration: Orchestration) -> BackfillState:
        runner = orchestration.runner(patience=TRIGGER_PATIENCE)
        return orchestration.restored_backfill(self.backfill, runner, LogReporter(self.log))

    def _log_progress(self, backfill: BackfillState | None) -> None:
        if backfill is not None:
            awaited = [day.isoformat() for day in backfill.awaited]
            done, total = backfill.progress()
            self.log.info(
                "[%d/%d] %d dates are still awaited: %s", done, total, len(awaited), abbreviated(awaited)
            )


def _import_libraries() -> None:
    with extra("airflow-client"):
        import httpx2  # noqa: F401
    with extra("frames"):
        import polars as pl  # noqa: F401


def _poll_backfill(backfill: BackfillState) -> None:
    backfill.inspect_watched()
    backfill.poll_runs()


def _must_resume_task(backfill: BackfillState) -> bool:
    """Return whether every day is filled or failed, or the task must start another run."""
    return bool(backfill.queued) or not backfill.is_unfinished


def _seconds_until(moment: dt.datetime) -> float:
    return max(0.0, (moment - dt.datetime.now(tz=dt.UTC)).total_seconds())
