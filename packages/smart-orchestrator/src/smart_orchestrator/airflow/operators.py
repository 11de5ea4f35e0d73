"""The operators of the orchestrator: check the window, start runs, wait for them, and run the consumer.

Invalid input, a broken pipeline and a window that is not ready fail the task without a retry (`AirflowFailException`), because
a retry would give the same result. If the lake or an API does not answer, the try fails, and Airflow retries the task. Every
task can be repeated: it follows the runs that were already started, and does not start them twice.
"""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, BaseOperator, BranchMixIn
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from smart_orchestrator.airflow.links import LINKS, push_links
from smart_orchestrator.airflow.log import LogReporter
from smart_orchestrator.airflow.messages import abbreviated, not_ready_text
from smart_orchestrator.airflow.params import request_of
from smart_orchestrator.airflow.partition_events import emit_partitions, partitioned_outlets
from smart_orchestrator.airflow.triggers import DataReadyTrigger
from smart_orchestrator.backfilling.state import GOAL_UNREACHABLE_REASON, Goal, being_written
from smart_orchestrator.errors import SmartOrchestratorError
from smart_orchestrator.expected_error import ExpectedError
from smart_orchestrator.model.plan import Action, make_plan
from smart_orchestrator.text.spans import weekday

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from airflow.sdk import Context

    from smart_orchestrator.airflow.orchestration import Orchestration
    from smart_orchestrator.airflow.params import Request
    from smart_orchestrator.backfilling.state import BackfillState, Outcome
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.plan import Plan
    from smart_orchestrator.runners.airflow import AirflowRunner

    Consumer = Callable[[Completeness], Mapping[str, object] | None]

UPSTREAM = "wait_for_upstream"
CHECK = "check_completeness"
START = "trigger_missing_data_fetches"
WAIT = "wait_for_data_ready"
CONSUME = "run_analytics"
# Keys of the XComs through which the tasks and the notification exchange values.
LAG = "lag"
BACKFILL = "backfill"
DEADLINE = "deadline"
CLEAR_NUMBER = "clear_number"
OUTCOME = "outcome"
PROBLEM = "problem"
SKIPPED = "skipped"
WINDOW = "window"
COVERAGE = "coverage_pct"


class OrchestratorTask(BaseOperator):
    """The base class of the orchestrator's operators.

    Args:
        orchestration: the configuration that the tasks share: the dataset, the pipeline and the connections.
    """

    def __init__(self, *, orchestration: Orchestration, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.orchestration = orchestration

    def request(self, context: Context) -> Request:
        """Parse the parameters of this run. The UTC day of the run's `run_after` counts as today."""
        if not self.orchestration.probe:
            return self._request(context, self.orchestration.lag)
        # The first task of the run probed the lag once, for all tasks. Otherwise a day that is published between two tasks would move
        # the window. A DAG without this first task, such as a `RunConsumer` alone, probes the lag here.
        lag = context["ti"].xcom_pull(task_ids=UPSTREAM, key=LAG)
        return self._request(
            context, int(lag) if lag is not None else self.orchestration.lag_at(self.as_of(context))
        )

    def as_of(self, context: Context) -> dt.date:
        """Return the day that counts as today in this run."""
        return self._request(context, self.orchestration.lag).window.as_of

    def _request(self, context: Context, lag: int) -> Request:
        run = context["dag_run"]
        run_day = run.run_after.astimezone(dt.UTC).date()
        params, names = dict(context["params"]), list(context["dag"].params)
        return request_of(run.conf, params, run_day, lag, names)

    def runner(self, context: Context) -> AirflowRunner:
        """Return the runner of the pipeline. The note of each run that the runner starts names this orchestrator run."""
        run = context["dag_run"]
        return self.orchestration.runner(f"Started by {run.dag_id}, run {run.run_id}")

    def check(self, request: Request) -> Completeness:
        """Check the window, and log the URL of the lake and the report."""
        self.log.info("lake: %s", self.orchestration.lake().url)
        completeness = self.orchestration.check(request)
        LogReporter(self.log).checked(completeness)
        return completeness

    def plan(self, completeness: Completeness, runner: AirflowRunner) -> Plan:
        """Plan the action for each missing or restated day and log the plan."""
        latest = runner.latest(list(completeness.to_fill)) if completeness.to_fill else {}
        with_runs = completeness.with_runs_in_flight([day for day, run in latest.items() if run.in_flight])
        plan = make_plan(with_runs, latest)
        LogReporter(self.log).planned(plan)
        if completeness.missing:
            self._warn_about_schedule(runner, plan)
        return plan

    def _warn_about_schedule(self, runner: AirflowRunner, plan: Plan) -> None:
        """Log a warning for each missing day whose scheduled run of the pipeline is still to come."""
        pipeline, now = self.orchestration.pipeline_dag_id, dt.datetime.now(tz=dt.UTC)
        started = set(plan.days(Action.START))
        for day, run_after in runner.scheduled(plan.completeness.missing).items():
            if run_after > now:
                effect = "so the day is run twice" if day in started else "and this DAG waits for that run"
                self.log.warning(
                    "%s has a scheduled run for %s at %s, %s. Schedule the pipeline before this DAG.",
                    pipeline,
                    day,
                    run_after.isoformat(timespec="minutes"),
                    effect,
                )

    @contextmanager
    def failures_reported(self, context: Context) -> Iterator[None]:
        """Export the lake's credentials. If the block raises, push the message as an XCom for the notification, and raise again.

        An error that a retry cannot resolve is raised as `AirflowFailException`, so that Airflow does not retry the task.
        """
        self.orchestration.export_credentials()
        try:
            yield
        except AirflowSkipException as reason:
            context["ti"].xcom_push(key=SKIPPED, value=str(reason))
            raise
        except Exception as error:
            text = self.orchestration.error_text(error)
            context["ti"].xcom_push(key=PROBLEM, value=text)
            if isinstance(error, ExpectedError) and not error.transient:
                raise AirflowFailException(text) from error
            raise


class CheckCompleteness(OrchestratorTask, BranchMixIn):
    """Operator that checks the window and branches: to the consumer if no day is missing or restated, else to the start of runs.

    XComs: `missing_dates` and `available_dates` (ISO dates, newest first), `coverage_pct`, `n_days` and `window`.
    """

    def execute(self, context: Context) -> str | None:
        """Check the window and branch; with `dry_run`, skip all later tasks."""
        with self.failures_reported(context):
            request = self._valid_request(context)
            completeness = self.check(request)
            self._push_completeness(context, completeness)
            plan = self.plan(completeness, self.runner(context)) if completeness.to_fill else None
            next_task: str | None = None
            if request.dry_run:
                self._log_dry_run(completeness, plan)
            elif plan is None:
                self.log.info("nothing is missing or restated: going straight to %s", CONSUME)
                next_task = CONSUME
            else:
                self.log.info(
                    "%d dates are missing, %d restated: starting to fetch them",
                    len(completeness.missing),
                    len(completeness.restated),
                )
                next_task = START
        self.do_branch(context, next_task)
        return next_task

    def _log_dry_run(self, completeness: Completeness, plan: Plan | None) -> None:
        """Log what a run without `dry_run` would do."""
        days_to_start = list(plan.days(Action.START)) if plan else []
        days_to_follow = list(plan.days(Action.FOLLOW)) if plan else []
        self.log.info(
            "dry run: nothing is done. Runs that would be started: %s; followed: %s",
            abbreviated([day.isoformat() for day in days_to_start]) or "none",
            abbreviated([day.isoformat() for day in days_to_follow]) or "none",
        )
        goal = Goal.of(completeness)
        being_written_by_others = len(being_written(plan)) if plan else 0
        reachable = goal.available + len(days_to_start) + len(days_to_follow) + being_written_by_others
        if completeness.ready:
            self.log.info("the analytics would run")
        elif reachable >= goal.needed:
            self.log.info("the analytics would run if these runs succeed")
        else:
            self.log.info("the analytics would not run, even if these runs succeed")

    def _valid_request(self, context: Context) -> Request:
        try:
            return self.request(context)
        except SmartOrchestratorError as error:
            raise AirflowFailException(str(error)) from error

    def _push_completeness(self, context: Context, completeness: Completeness) -> None:
        push = context["ti"].xcom_push
        push(key="missing_dates", value=[day.isoformat() for day in reversed(completeness.missing)])
        push(key="available_dates", value=[day.isoformat() for day in reversed(completeness.available)])
        push(key=COVERAGE, value=completeness.coverage_pct)
        push(key="n_days", value=len(completeness.window))
        push(key=WINDOW, value=str(completeness.window))


class BackfillTask(OrchestratorTask):
    """The base class of operators that start or follow pipeline runs. Airflow's UI shows links to these runs."""

    operator_extra_links = LINKS

    def start_backfill(self, context: Context) -> tuple[BackfillState, str]:
        """Plan the window and start a run for each day that needs one.

        Returns:
            The state of the backfill, and the deadline of the wait in ISO format.
        """
        runner = self.runner(context)
        plan = self.plan(self.check(self.request(context)), runner)
        backfill = self.orchestration.backfill(runner, LogReporter(self.log))
        if plan.days(Action.START):
            pipeline = runner.ready()
            self.log.info(
                "%s runs at most %d at a time", self.orchestration.pipeline_dag_id, pipeline.max_active_runs
            )
        backfill.load_plan(plan)
        backfill.start_queued()
        deadline = dt.datetime.now(tz=dt.UTC) + dt.timedelta(seconds=self.orchestration.timeout)
        return backfill, deadline.isoformat()


class TriggerMissingDataFetches(BackfillTask):
    """Operator that starts a pipeline run for each day that needs one, and records the runs that are already in flight."""

    def execute(self, context: Context) -> None:
        """Start all runs at once, and push the state of the backfill for the task that waits."""
        with self.failures_reported(context):
            backfill, deadline = self.start_backfill(context)
            push = context["ti"].xcom_push
            push(key=BACKFILL, value=backfill.to_json())
            push(key=DEADLINE, value=deadline)
            push(key=CLEAR_NUMBER, value=context["dag_run"].clear_number)
            push_links(context, self.orchestration.pipeline_dag_id, backfill)
            for run in backfill.active:
                self.log.info("%s (%s): %s %s", run.day, weekday(run.day), run.state, run.url or "")


class WaitForDataReady(BackfillTask):
    """Operator that waits for the runs in flight without a worker slot, and reports the result of each day."""

    def execute(self, context: Context) -> None:
        """Wait for the runs that the start task has recorded in its XCom.

        A retry continues from the same state. If a user cleared only this task, the task plans the window again and
        starts a run for each day that needs one. If the user cleared the start task as well, this task uses its new state.
        """
        with self.failures_reported(context):
            pull = context["ti"].xcom_pull
            state, deadline = pull(task_ids=START, key=BACKFILL), pull(task_ids=START, key=DEADLINE)
            if state is None or self._cleared_alone(context):
                self.log.info("this task was cleared: planning the window again and starting missing days")
                backfill, deadline = self.start_backfill(context)
            else:
                backfill = self._restored(context, state)
            self._continue_wait(context, backfill, deadline, end_reason="")

    def resume(self, context: Context, event: dict[str, Any], deadline: str) -> None:
        """Continue when the trigger has fired its event."""
        with self.failures_reported(context):
            self._continue_wait(context, self._restored(context, event["backfill"]), deadline, event["why"])

    def _cleared_alone(self, context: Context) -> bool:
        """Return whether a user cleared this task but not the start task."""
        # Airflow raises `max_tries` above the number of retries when it clears a task that has run.
        cleared = context["ti"].max_tries > (self.retries or 0)
        # Each clearing raises the clear number of the run. If the start task was cleared too, it has pushed the new number.
        clear_number = context["ti"].xcom_pull(task_ids=START, key=CLEAR_NUMBER)
        return cleared and clear_number != context["dag_run"].clear_number

    def _restored(self, context: Context, state: Mapping[str, Any]) -> BackfillState:
        return self.orchestration.restored_backfill(state, self.runner(context), LogReporter(self.log))

    def _continue_wait(
        self, context: Context, backfill: BackfillState, deadline: str, end_reason: str
    ) -> None:
        """Continue the wait, or finish it if no key is awaited. `end_reason` is why the wait ends early; empty otherwise."""
        if not end_reason:
            backfill.start_queued()
            end_reason = GOAL_UNREACHABLE_REASON if backfill.is_goal_unreachable else ""
        if backfill.is_unfinished and not end_reason:
            push_links(context, self.orchestration.pipeline_dag_id, backfill)
            # `_defer` always raises `TaskDeferred`. So `_finish_wait` runs only if no key is awaited, or if the wait ends early.
            self._defer(backfill, deadline)
        self._finish_wait(context, backfill, end_reason)

    def _defer(self, backfill: BackfillState, deadline: str) -> None:
        """Raise `TaskDeferred`: the process ends, and `resume` continues when the trigger fires its event."""
        awaited = [day.isoformat() for day in backfill.awaited]
        self.log.info("waiting for %d dates: %s", len(awaited), abbreviated(awaited))
        self.defer(
            trigger=DataReadyTrigger(self.orchestration.to_json(), backfill.to_json(), deadline),
            method_name="resume",
            kwargs={"deadline": deadline},
        )

    def _finish_wait(self, context: Context, backfill: BackfillState, end_reason: str) -> None:
        outcome = backfill.outcome(end_reason)
        # The outcome is pushed before the check, so that the notification has the outcome if the check fails.
        _push_outcome(context, outcome)
        push_links(context, self.orchestration.pipeline_dag_id, backfill)
        completeness = self.check(self.request(context))
        context["ti"].xcom_push(key=COVERAGE, value=completeness.coverage_pct)
        outcome = with_late_days_filled(outcome, completeness)
        _push_outcome(context, outcome)
        self.log.info(
            "%d filled, %d failed; runs started %d, followed %d",
            len(outcome.filled),
            len(outcome.failed),
            len(outcome.started),
            len(outcome.followed),
        )
        if not completeness.ready:
            raise AirflowFailException(not_ready_text(completeness, outcome))
        self.log.info("coverage %.1f %%", completeness.coverage_pct)


def _push_outcome(context: Context, outcome: Outcome) -> None:
    """Push the outcome for the notification, without the measurements of the days: the notification does not need them, and they can be large."""
    context["ti"].xcom_push(key=OUTCOME, value={**outcome.to_json(), "measured": {}})


def with_late_days_filled(outcome: Outcome, completeness: Completeness) -> Outcome:
    """Return the outcome with the abandoned days that have become available since then among the filled days."""
    arrived = {day for day, _ in outcome.abandoned} & set(completeness.available)
    return replace(
        outcome,
        filled=tuple(sorted({*outcome.filled, *arrived})),
        abandoned=tuple((day, why) for day, why in outcome.abandoned if day not in arrived),
    )


class RunConsumer(OrchestratorTask):
    """Operator that checks the window and, if it is ready, calls the consumer with the checked partitions.

    The task fails without a retry if the window is not ready. Use this operator alone to process a window on demand, without
    starting pipeline runs; `orchestrator_dag` uses it as the task `run_analytics`.

    Args:
        orchestration: the configuration that the tasks share: the dataset, the pipeline and the connections.
        consumer: the function that processes a ready window. It receives the `Completeness` of the window. Its result, a
            mapping or None, is logged item by item and is the XCom of the task. If the consumer raises
            `AirflowSkipException`, the assets are not updated, and the notification has the reason.
        outlets: the assets that the consumer updates. Each gets an event without a partition key, and an event for each day of the
            window that is available and was not announced before.
    """

    def __init__(self, *, consumer: Consumer, outlets: Sequence[object] = (), **kwargs: Any) -> None:
        super().__init__(outlets=partitioned_outlets(outlets), **kwargs)
        self.consumer = consumer

    def execute(self, context: Context) -> dict[str, object]:
        """Check the window, and run the consumer if the window is ready."""
        with self.failures_reported(context):
            completeness = self.check(self.request(context))
            context["ti"].xcom_push(key=COVERAGE, value=completeness.coverage_pct)
            if not completeness.ready:
                raise AirflowFailException(not_ready_text(completeness))
            self.log.info("coverage %.1f %%", completeness.coverage_pct)
            results = dict(self.consumer(completeness) or {})
            for asset in self.outlets:
                if isinstance(asset, Asset):
                    keys = emit_partitions(context, asset, completeness)
                    self.log.info(
                        "asset %s: partitions announced: %s", asset.name, abbreviated(keys) or "none"
                    )
        for name, value in results.items():
            self.log.info("%s: %s", name, f"{value:,}" if type(value) is int else value)
        return results
