"""The task and the trigger that wait until the upstream has the newest day of a run. They are used with an automatic lag.

The wait needs no worker slot. The upstream is asked at the times of the probe schedule, and never before its last answer expires. The
answers are stored in the lake, so all runs, tasks and machines share them. The trigger reads the answers every `poll_seconds`, so it also
sees the answers that another process has received.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException
from airflow.triggers.base import BaseTrigger, TriggerEvent

from smart_orchestrator.airflow.operators import LAG, OrchestratorTask
from smart_orchestrator.airflow.orchestration import Orchestration
from smart_orchestrator.backfilling.polling import FIRST_POLL_SECONDS
from smart_orchestrator.expected_error import ExpectedError
from smart_orchestrator.upstream.probe import Presence

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from airflow.sdk import Context

    from smart_orchestrator.upstream.store import KnownAnswer
    from smart_orchestrator.upstream.watch import UpstreamWatch

DAY = dt.timedelta(days=1)


class WaitForUpstream(OrchestratorTask):
    """Operator that waits until the upstream has the day before the as-of day, and fixes the lag of the run.

    After `max_lag` days, the wait ends even if the upstream does not have the day. The window of the run then ends on the newest day that
    the upstream has. A run that a person triggers does not wait.
    """

    def execute(self, context: Context) -> None:
        """Ask the upstream, and defer until the day has landed."""
        with self.failures_reported(context):
            as_of = self.as_of(context)
            day, until = as_of - DAY, self._until(as_of)
            watch = self.orchestration.watch()
            known = _answer(watch, day)
            self.log.info("%s: %s", day, _text(known))
            waits = context["dag_run"].run_type != "manual" and _seconds_until(until) > 0
            if waits and not _has_landed(known):
                self.log.info("waiting for %s until %s at most", day, until.isoformat(timespec="minutes"))
                self.defer(
                    trigger=UpstreamTrigger(self.orchestration.to_json(), day.isoformat(), until.isoformat()),
                    method_name="resume",
                )
            self._finish(context, as_of)

    def resume(self, context: Context, event: dict[str, Any]) -> None:
        """Continue when the trigger has fired its event."""
        with self.failures_reported(context):
            if event["problem"]:
                raise AirflowFailException(event["problem"])
            self._finish(context, self.as_of(context))

    def _until(self, as_of: dt.date) -> dt.datetime:
        """Return the time at which the wait ends even if the upstream does not have the day, in UTC."""
        # The awaited day is `as_of - DAY`. It is expected `lag` days after itself.
        day = as_of - DAY + self.orchestration.lag * DAY
        return dt.datetime.combine(day, dt.time(), dt.UTC)

    def _finish(self, context: Context, as_of: dt.date) -> None:
        lag = self.orchestration.lag_at(as_of)
        context["ti"].xcom_push(key=LAG, value=lag)
        self.log.info("the window ends on %s: the lag of this run is %d", as_of - lag * DAY, lag)


class UpstreamTrigger(BaseTrigger):
    """Trigger that waits until the upstream has a day. Takes no worker slot.

    The event is `{"problem": …}`: why the upstream cannot be asked, such as a wrong configuration. The text is empty when the upstream has
    the day, or when the wait has reached its end.

    Args:
        orchestration: the document of `Orchestration.to_json`.
        day: the day, in ISO format.
        until: the UTC time at which the trigger stops waiting, in ISO format.
    """

    def __init__(self, orchestration: Mapping[str, Any], day: str, until: str) -> None:
        super().__init__()
        self.orchestration = dict(orchestration)
        self.day = day
        self.until = until

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the import path of the class and the arguments, from which Airflow rebuilds the trigger."""
        arguments = {"orchestration": self.orchestration, "day": self.day, "until": self.until}
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Ask about the day whenever its probe is due, and log new answers; then yield one event."""
        orchestration = Orchestration.from_json(self.orchestration)
        day, until = dt.date.fromisoformat(self.day), dt.datetime.fromisoformat(self.until)
        watch: UpstreamWatch | None = None
        logged = ""
        # The task must not resume while the process that deferred it still exits: see `DataReadyTrigger`.
        pause = FIRST_POLL_SECONDS
        while True:
            await asyncio.sleep(min(pause, max(FIRST_POLL_SECONDS, _seconds_until(until))))
            pause = orchestration.poll_seconds
            known = None
            try:
                watch = watch or await asyncio.to_thread(orchestration.watch)
                known = await asyncio.to_thread(_answer, watch, day)
                text = _text(known)
            except ExpectedError as error:
                if not error.transient:
                    yield TriggerEvent({"problem": str(error)})
                    return
                text = f"will ask again: {error}"
            if text != logged:
                self.log.info("%s: %s", day, text)
                logged = text
            if _has_landed(known) or _seconds_until(until) == 0:
                yield TriggerEvent({"problem": ""})
                return


def _answer(watch: UpstreamWatch | None, day: dt.date) -> KnownAnswer | None:
    """Ask about a day if its probe is due, and return the last answer."""
    return None if watch is None else watch.ask([day]).get(day)


def _has_landed(known: KnownAnswer | None) -> bool:
    return known is not None and known.presence is Presence.LANDED


def _text(known: KnownAnswer | None) -> str:
    return "the upstream was not asked yet" if known is None else known.text


def _seconds_until(moment: dt.datetime) -> float:
    return max(0.0, (moment - dt.datetime.now(tz=dt.UTC)).total_seconds())
