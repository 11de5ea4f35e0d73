"""The wait, in Airflow's triggerer: it holds no worker slot, and starts nothing.

Every `poll_seconds` the runs are looked at, and those that ended are judged by what they left in the lake. It ends with an
event as soon as nothing is under way any more, the window cannot become whole, something has to be started (a task does
that), the runs cannot be followed, or the time is over. A triggerer that is restarted makes it anew from its arguments,
and the first look finds out what has happened since.

No answer from the lake or from Airflow's API is waited out until the time is over. All that blocks is done in threads.
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
from smart_orchestrator.errors import LakeError, LakeUnreachable, RunsError, RunsUnreachable
from smart_orchestrator.extras import extra

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from smart_orchestrator.backfilling.state import BackfillState


# A task that is resumed before the scheduler has heard of its deferral is taken for one that was killed (Airflow 3.3:
# "reported … finished with state success, but the task instance's state attribute is running"), and tried again.
FIRST_LOOK = 10.0


class DataReadyTrigger(BaseTrigger):
    """Waits until every day that is under way has come to its end.

    Its event is `{"backfill": …, "why": …}`: the state, and why it did not wait for what is still under way, if anything.

    Args:
        orchestration: as `Orchestration.to_json` wrote it down.
        backfill: as `BackfillState.to_json` wrote it down.
        deadline: the UTC moment at which it ends, in ISO form.
    """

    def __init__(self, orchestration: Mapping[str, Any], backfill: Mapping[str, Any], deadline: str) -> None:
        super().__init__()
        self.orchestration = dict(orchestration)
        self.backfill = dict(backfill)
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class and arguments: all that it knows."""
        kept = {
            "orchestration": self.orchestration,
            "backfill": self.backfill,
            "deadline": self.deadline,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", kept

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, tell, sleep; one event at the end."""
        orchestration = Orchestration.from_json(self.orchestration)
        deadline = dt.datetime.fromisoformat(self.deadline)
        backfill: BackfillState | None = None
        trouble = ""
        # Loading what a look needs takes a moment in a triggerer that has never done it.
        pause = asyncio.sleep(min(FIRST_LOOK, _seconds_to(deadline)))
        await asyncio.gather(pause, asyncio.to_thread(_load))
        while True:
            why = ""
            try:
                if backfill is None:
                    backfill = await asyncio.to_thread(self._restored, orchestration)
                await asyncio.to_thread(_poll, backfill)
                trouble = ""
                why = UNREACHABLE_GOAL if backfill.hopeless() else ""
            except (LakeUnreachable, RunsUnreachable) as error:
                trouble = f"; the last look failed: {error}"
                self.log.warning("looking again in %g s: %s", orchestration.poll_seconds, error)
            except (LakeError, RunsError) as error:
                why = str(error)
            left = _seconds_to(deadline)
            if left == 0 and not why:
                why = f"no end after {orchestration.timeout:g} s{trouble}"
            if why or (backfill is not None and _nothing_to_wait_for(backfill)):
                state = backfill.to_json() if backfill is not None else self.backfill
                yield TriggerEvent({"backfill": state, "why": why})
                return
            self._say(backfill)
            await asyncio.sleep(min(orchestration.poll_seconds, left))

    def _restored(self, orchestration: Orchestration) -> BackfillState:
        runs = orchestration.runs(patience=TRIGGER_PATIENCE)
        return orchestration.backfill(runs, LogReporter(self.log)).from_json(self.backfill)

    def _say(self, backfill: BackfillState | None) -> None:
        if backfill is not None:
            awaited = [day.isoformat() for day in backfill.awaited]
            done, total = backfill.progress()
            self.log.info(
                "[%d/%d] %d dates are still awaited: %s", done, total, len(awaited), listed(awaited)
            )


def _load() -> None:
    with extra("airflow-client"):
        import httpx2  # noqa: F401
    with extra("frames"):
        import polars as pl  # noqa: F401


def _poll(backfill: BackfillState) -> None:
    backfill.inspect_watched()
    backfill.poll_runs()


def _nothing_to_wait_for(backfill: BackfillState) -> bool:
    """Whether all has ended, or a task has to start something first."""
    return bool(backfill.queue) or not backfill.unfinished


def _seconds_to(moment: dt.datetime) -> float:
    return max(0.0, (moment - dt.datetime.now(tz=dt.UTC)).total_seconds())
