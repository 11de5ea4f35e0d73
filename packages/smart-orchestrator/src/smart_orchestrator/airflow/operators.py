"""The orchestrator's tasks: check, start, wait, run the consumer. Each asks the layer and tells Airflow what it said.

What bad input, a broken pipeline or a window that is not ready makes fail fails at once and for good
(`AirflowFailException`): trying again would not help. A lake or an API that does not answer fails the try, and Airflow's
retries do the rest; every task can be run again, since runs that were started are found and followed.
"""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, BranchMixIn
from airflow.sdk.exceptions import AirflowFailException

from smart_orchestrator.airflow.links import LINKS, leave_links
from smart_orchestrator.airflow.log import LogReporter
from smart_orchestrator.airflow.messages import listed, not_ready
from smart_orchestrator.airflow.params import request_of
from smart_orchestrator.airflow.triggers import DataReadyTrigger
from smart_orchestrator.backfilling.state import UNREACHABLE_GOAL
from smart_orchestrator.errors import (
    LakeError,
    LakeUnreachable,
    RunsError,
    RunsUnreachable,
    SmartOrchestratorError,
)
from smart_orchestrator.model.plan import Action, make_plan
from smart_orchestrator.text.reports import weekday

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow.sdk import Context

    from smart_orchestrator.airflow.orchestration import Orchestration
    from smart_orchestrator.airflow.params import Request
    from smart_orchestrator.backfilling.state import BackfillState
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.plan import Plan
    from smart_orchestrator.runners.airflow import AirflowRunner

    Consumer = Callable[[Completeness], Mapping[str, object] | None]

CHECK = "check_completeness"
START = "trigger_missing_data_fetches"
WAIT = "wait_for_data_ready"
CONSUME = "run_analytics"
# XComs that go from task to task, and into the notification.
BACKFILL, DEADLINE, OUTCOME, PROBLEM, WINDOW, COVERAGE = (
    "backfill",
    "deadline",
    "outcome",
    "problem",
    "window",
    "coverage_pct",
)
# No answer: the next try may get one.
_PASSING = (LakeUnreachable, RunsUnreachable)


class OrchestratorTask(BaseOperator):
    """What the tasks have in common.

    Args:
        orchestration: dataset, pipeline and connections.
    """

    def __init__(self, *, orchestration: Orchestration, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.orchestration = orchestration

    def request(self, context: Context) -> Request:
        """What this run is asked for; the day of its `run_after` counts as today."""
        run = context["dag_run"]
        run_day = run.run_after.astimezone(dt.UTC).date()
        params, known = dict(context["params"]), list(context["dag"].params)
        return request_of(run.conf, params, run_day, self.orchestration.lag, known)

    def runs(self, context: Context) -> AirflowRunner:
        """The pipeline's runs; those that this run of the orchestrator starts carry its name."""
        run = context["dag_run"]
        return self.orchestration.runs(f"Started by {run.dag_id}, run {run.run_id}")

    def check(self, request: Request) -> Completeness:
        """The window as it is now, with the report in the log."""
        found = self.orchestration.check(request)
        LogReporter(self.log).checked(found)
        return found

    def plan(self, found: Completeness, runs: AirflowRunner) -> Plan:
        """What would be done now, also in the log."""
        latest = runs.latest(list(found.missing)) if found.missing else {}
        marked = found.with_runs_in_flight([day for day, run in latest.items() if run.in_flight])
        plan = make_plan(marked, latest)
        LogReporter(self.log).planned(plan)
        return plan

    @contextmanager
    def failures_reported(self, context: Context) -> Iterator[None]:
        """What goes wrong inside is kept for the notification; what no retry can mend fails the task for good."""
        self.orchestration.use_keys()
        try:
            yield
        except Exception as error:
            context["ti"].xcom_push(key=PROBLEM, value=str(error) or type(error).__name__)
            if isinstance(error, (LakeError, RunsError)) and not isinstance(error, _PASSING):
                raise AirflowFailException(str(error)) from error
            raise


class CheckCompleteness(OrchestratorTask, BranchMixIn):
    """Look at the window, and branch: to the consumer when nothing is missing, else to the start of what is.

    XComs: `missing_dates`, `available_dates` (ISO days, newest first), `coverage_pct`, `n_days`, `window`.
    """

    def execute(self, context: Context) -> str | None:
        """Branch; with `dry_run` to nothing."""
        with self.failures_reported(context):
            request = self._understood(context)
            found = self.check(request)
            self._push(context, found)
            if not found.missing:
                self.log.info("nothing is missing: straight to %s", CONSUME)
                chosen: str | None = CONSUME
            else:
                self.plan(found, self.runs(context))
                self.log.info("%d dates are missing: starting to fetch them", len(found.missing))
                chosen = START
            if request.dry_run:
                self.log.info("dry run: nothing is done")
                chosen = None
        self.do_branch(context, chosen)
        return chosen

    def _understood(self, context: Context) -> Request:
        try:
            return self.request(context)
        except SmartOrchestratorError as error:
            raise AirflowFailException(str(error)) from error

    def _push(self, context: Context, found: Completeness) -> None:
        push = context["ti"].xcom_push
        push(key="missing_dates", value=[day.isoformat() for day in reversed(found.missing)])
        push(key="available_dates", value=[day.isoformat() for day in reversed(found.available)])
        push(key=COVERAGE, value=found.coverage_pct)
        push(key="n_days", value=len(found.window))
        push(key=WINDOW, value=str(found.window))


class TriggerMissingDataFetches(OrchestratorTask):
    """Start a run of the pipeline for each day that is due, all at once, and note those that are in flight already."""

    operator_extra_links = LINKS

    def execute(self, context: Context) -> None:
        """Start, and leave what is under way for the wait."""
        with self.failures_reported(context):
            runs = self.runs(context)
            plan = self.plan(self.check(self.request(context)), runs)
            backfill = self.orchestration.backfill(runs, LogReporter(self.log))
            if plan.days(Action.START):
                pipeline = runs.ready()
                self.log.info(
                    "%s runs at most %d at a time",
                    self.orchestration.pipeline_dag_id,
                    pipeline.max_active_runs,
                )
            backfill.plan(plan)
            backfill.start_due()
            self._leave(context, backfill)

    def _leave(self, context: Context, backfill: BackfillState) -> None:
        push = context["ti"].xcom_push
        over = dt.datetime.now(tz=dt.UTC) + dt.timedelta(seconds=self.orchestration.timeout)
        push(key=BACKFILL, value=backfill.to_json())
        push(key=DEADLINE, value=over.isoformat())
        leave_links(context, self.orchestration.pipeline_dag_id, backfill)
        for run in backfill.active.values():
            self.log.info("%s (%s): %s %s", run.day, weekday(run.day), run.state, run.url or "")


class WaitForDataReady(OrchestratorTask):
    """Wait for what is under way, without a worker slot, and say what became of each day."""

    operator_extra_links = LINKS

    def execute(self, context: Context) -> None:
        """Go on from where the start left off; also when the task is tried again."""
        pull = context["ti"].xcom_pull
        self._go_on(context, pull(task_ids=START, key=BACKFILL), pull(task_ids=START, key=DEADLINE), why="")

    def resume(self, context: Context, event: dict[str, Any], deadline: str) -> None:
        """Go on after the trigger's event."""
        self._go_on(context, event["backfill"], deadline, event["why"])

    def _go_on(self, context: Context, state: Mapping[str, Any], deadline: str, why: str) -> None:
        with self.failures_reported(context):
            backfill = self.orchestration.backfill(self.runs(context), LogReporter(self.log)).from_json(state)
            if not why:
                backfill.start_due()
                why = UNREACHABLE_GOAL if backfill.hopeless() else ""
            if backfill.unfinished and not why:
                leave_links(context, self.orchestration.pipeline_dag_id, backfill)
                self._wait(backfill, deadline)
            self._end(context, backfill, why)

    def _wait(self, backfill: BackfillState, deadline: str) -> None:
        awaited = [day.isoformat() for day in backfill.awaited]
        self.log.info("waiting for %d dates: %s", len(awaited), listed(awaited))
        self.defer(
            trigger=DataReadyTrigger(self.orchestration.to_json(), backfill.to_json(), deadline),
            method_name="resume",
            kwargs={"deadline": deadline},
        )

    def _end(self, context: Context, backfill: BackfillState, why: str) -> None:
        outcome = backfill.outcome(why)
        push = context["ti"].xcom_push
        push(key=OUTCOME, value={**outcome.to_json(), "measured": {}})
        leave_links(context, self.orchestration.pipeline_dag_id, backfill)
        found = self.check(self.request(context))
        push(key=COVERAGE, value=found.coverage_pct)
        self.log.info(
            "%d filled, %d failed; runs started %d, followed %d",
            len(outcome.filled),
            len(outcome.failed),
            len(outcome.started),
            len(outcome.followed),
        )
        if not found.ready:
            raise AirflowFailException(not_ready(found, outcome))
        self.log.info("coverage %.1f %%", found.coverage_pct)


class RunConsumer(OrchestratorTask):
    """Check once more, at the moment of use, and run the consumer on exactly the partitions of that check.

    Args:
        consumer: is given the check; what it returns is logged, a line a name, and is the task's XCom.
    """

    def __init__(self, *, consumer: Consumer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.consumer = consumer

    def execute(self, context: Context) -> dict[str, object]:
        """Run the consumer, if the window is ready."""
        with self.failures_reported(context):
            found = self.check(self.request(context))
            context["ti"].xcom_push(key=COVERAGE, value=found.coverage_pct)
            if not found.ready:
                raise AirflowFailException(not_ready(found))
            self.log.info("coverage %.1f %%", found.coverage_pct)
            results = dict(self.consumer(found) or {})
        for name, value in results.items():
            self.log.info("%s: %s", name, f"{value:,}" if isinstance(value, int) else value)
        return results
