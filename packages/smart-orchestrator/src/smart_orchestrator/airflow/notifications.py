"""Send notifications through Apprise (Slack, mail and other services): when an orchestrator run ends, and when days are late.

The password of an Airflow connection, or an Airflow variable, holds the addresses as Apprise URLs. Without addresses, the
message is only logged. The addresses are secrets, so no message or log contains them.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, Variable
from airflow.sdk.exceptions import AirflowFailException, AirflowRuntimeError

from smart_orchestrator.airflow.connections import notification_urls, ui_url
from smart_orchestrator.airflow.log import LogReporter
from smart_orchestrator.airflow.messages import RunSummary, notification
from smart_orchestrator.airflow.operators import (
    CHECK,
    CONSUME,
    COVERAGE,
    OUTCOME,
    PROBLEM,
    SKIPPED,
    START,
    UPSTREAM,
    WAIT,
    WINDOW,
    OrchestratorTask,
)
from smart_orchestrator.airflow.params import Request
from smart_orchestrator.errors import OptionError
from smart_orchestrator.model.completeness import Policy
from smart_orchestrator.model.event import NOTIFY_ON, Event
from smart_orchestrator.model.freshness import (
    COMPLETE_EXAMPLE,
    FRESH_EXAMPLE,
    judge,
    parse_objective,
    window_to_judge,
)
from smart_orchestrator.model.signal import Channel
from smart_orchestrator.runners.ledger import Ledger
from smart_orchestrator.telemetry.incidents import IncidentStore
from smart_orchestrator.telemetry.messages import announce_incidents, deliver, load_services
from smart_orchestrator.text.freshness import freshness_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from smart_orchestrator.model.freshness import Objective

logger = logging.getLogger(__name__)
# With `on="change"`, a variable holds the id of the last failed run of a DAG until a run succeeds. The name of the variable is this prefix
# and the id of the DAG. Airflow has no other store that a DAG's runs share and that clearing a task does not empty.
FAILED_PREFIX = "smart_orchestrator_failed_run_"
# The keys of two notes in the state store of the task. The note `SENDING` is never read: writing it fails if Airflow has given up this
# process. The note `SENT` has the message that was sent.
SENDING, SENT = "sending", "sent"


class NotSent(AirflowFailException):
    """At least one address did not accept the notification.

    Airflow does not retry the task, because a retry would send the message again to the addresses that have accepted it.
    """

    def __init__(self, name: str, address_count: int) -> None:
        super().__init__(
            f"A service of the {address_count} addresses in {name} did not accept the message. The log above names the "
            "service and the reason: correct its Apprise URL."
        )


def send(name: str, title: str, text: str, *, failure: bool = False) -> int:
    """Send a message once to each address in the connection or variable `name`; return the number of addresses.

    Args:
        name: the id of the connection or the name of the variable.
        title: the title of the message.
        text: the body of the message.
        failure: whether the message reports a failure; many services show such a message in red.

    Raises:
        NotSent: an address is invalid, or its service did not accept the message. All valid addresses have received the
            message.
    """
    urls = notification_urls(name)
    send_to(urls, name, title, text, failure=failure)
    return len(urls)


def send_to(urls: Sequence[str], name: str, title: str, text: str, *, failure: bool) -> None:
    """Send a message once to each of the addresses in the connection or variable `name`; see `send`."""
    if deliver(urls, title, text, "failure" if failure else "success"):
        raise NotSent(name, len(urls))


class Notify(BaseOperator):
    """Operator that sends the result of a run. In a dry run it sends nothing.

    Args:
        dataset_name: the name of the dataset in the message.
        notify_conn_id: the id of the connection, or the name of the variable, that holds the addresses.
        on: the runs that are reported. `always`: all runs. `failure`: the failed runs. `change`: all runs, except those that waited for
            no day, whose consumer returned `"changed": False`, and that do not directly follow a failure.

    Raises:
        OptionError: `on` is none of these.
    """

    def __init__(self, *, dataset_name: str, notify_conn_id: str, on: str = "always", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if on not in NOTIFY_ON:
            raise OptionError(
                "on", repr(on), "is not a choice of runs", f"Give one of {', '.join(NOTIFY_ON)}."
            )
        self.on = on
        self.dataset_name = dataset_name
        self.notify_conn_id = notify_conn_id

    def execute(self, context: Context) -> None:
        """Build the message from the XComs of the tasks, and send it."""
        if context["params"].get("dry_run"):
            self.log.info("dry run: no notification is sent")
            return
        summary = self._summary(context)
        run = context["dag_run"]
        if self.on == "change" and summary.failed:
            self._remember_failure(run.dag_id, run.run_id)
        if self.on == "change" and summary.consumer_ran:
            summary = replace(summary, recovered_from=Variable.get(_failed_variable(run.dag_id), None))
        title, text = notification(summary)
        self.log.info("%s\n%s", title, text)
        if not summary.is_reported(self.on):
            self.log.info("not sent: notifications are limited to %s", self.on)
            return
        is_settled = True
        try:
            self._send_once(context, title, text, failure=summary.failed)
        except AirflowRuntimeError:
            is_settled = False  # The next try sends the message.
            raise
        finally:
            if is_settled and summary.recovered_from is not None:
                self._forget_failure(run.dag_id)

    def _send_once(self, context: Context, title: str, text: str, *, failure: bool) -> None:
        """Send the message, unless an earlier try of this task has sent it. A person who clears the task asks for the message again.

        Airflow repeats a task whose process does not answer for a while, although the process may have sent the message, or still send
        it. Airflow refuses the note of a process that it has given up, and the process then fails before it sends.
        """
        store, message = context["task_state_store"], f"{context['dag_run'].clear_number} {title}"
        if store.get(SENT) == message:
            self.log.info("not sent again: an earlier try has sent this message")
            return
        urls = notification_urls(self.notify_conn_id)
        if not urls:
            self.log.info(
                "not sent: there is no connection and no variable %s with Apprise URLs", self.notify_conn_id
            )
            return
        load_services(urls)
        # Between the two notes, nothing takes long, so that Airflow does not give up this process before `SENT` is stored.
        store.set(SENDING, message)
        send_to(urls, self.notify_conn_id, title, text, failure=failure)
        try:
            store.set(SENT, message)
        except AirflowRuntimeError as error:
            self.log.warning("a retry of this task would send the message again: %s", error)

    def _remember_failure(self, dag_id: str, run_id: str) -> None:
        """Write down that this run is reported as failed. An error must not stop the report, so it is only logged."""
        description = "The last failed run. The first run that succeeds reports the recovery, and deletes this variable."
        try:
            Variable.set(_failed_variable(dag_id), run_id, description)
        except AirflowRuntimeError as error:
            self.log.warning("the recovery from this failure will not be reported: %s", error)

    def _forget_failure(self, dag_id: str) -> None:
        """Delete the note of the failed run. An error must not make Airflow repeat the message, so it is only logged."""
        try:
            Variable.delete(_failed_variable(dag_id))
        except AirflowRuntimeError as error:
            self.log.warning("the next run will report this recovery again: %s", error)

    def _summary(self, context: Context) -> RunSummary:
        ti, run = context["ti"], context["dag_run"]
        states = ti.get_task_states(dag_id=run.dag_id, run_ids=[run.run_id]).get(run.run_id, {})

        def pull(task: str, key: str, *expected: str) -> Any:
            """Return an XCom. A task that was cleared and not executed again keeps its old XComs, but has another state."""
            return ti.xcom_pull(task_ids=task, key=key) if states.get(task) in expected else None

        # The last task that checked the window has the newest coverage.
        coverage = [pull(task, COVERAGE, "success", "failed") for task in (CONSUME, WAIT, CHECK)]
        result = pull(CONSUME, "return_value", "success")
        skip_reason = pull(CONSUME, SKIPPED, "skipped")
        outcome = pull(WAIT, OUTCOME, "success", "failed")
        problems = [
            pull(task, PROBLEM, "failed") or f"{task} was killed, or marked as failed. See its log."
            for task in (UPSTREAM, CHECK, START, WAIT, CONSUME)
            if states.get(task) == "failed"
        ]
        if not (result is not None or skip_reason or problems):
            problems = [f"{CONSUME} was not executed; its state is {states.get(CONSUME)}."]
        base_url = (ui_url() or "").rstrip("/")
        return RunSummary(
            dataset=self.dataset_name,
            consumer_ran=result is not None,
            skip_reason=skip_reason,
            window=pull(CHECK, WINDOW, "success", "failed"),
            coverage_pct=next((value for value in coverage if value is not None), None),
            outcome=outcome,
            # After its first line, a problem has a line for each day. The notification takes these lines from the outcome.
            problems=[problem.partition("\n")[0] for problem in problems] if outcome else problems,
            changed=result is None or result.get("changed", True),
            url=f"{base_url}/dags/{run.dag_id}/runs/{run.run_id}" if base_url else None,
        )


def _failed_variable(dag_id: str) -> str:
    return f"{FAILED_PREFIX}{dag_id}"


class CheckFreshness(OrchestratorTask):
    """Operator that finds late days. It sends one message when an incident begins, and one when it ends.

    Each day has its own deadline. Use the operator in a DAG with its own schedule. Then late days are found even if no run has failed,
    or no run has started. The result is the report, as `status --late --json` prints it. Late days do not fail the task, because
    Airflow's own alerts would then repeat the message with every run. A cleared or repeated task uses the current time, and sends no
    message twice.

    Args:
        orchestration: the dataset and its connections. Its `state` is the folder with the history of the incidents, which all
            workers that run this task must share.
        fresh: the deadline of a day, such as `06:00 UTC, 2 days` or `30 hours`.
        complete: how many of the newest due days must be available, such as `6 of 7`; by default, 7 of 7.
        notify_conn_id: the id of the connection, or the name of the variable, that holds the addresses.

    Raises:
        OptionError: `fresh` or `complete` is invalid, or the orchestration has no `state`.
    """

    def __init__(
        self, *, fresh: str, complete: str = "", notify_conn_id: str = "notify", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.fresh, self.complete, self.notify_conn_id = fresh, complete, notify_conn_id
        self._objective()  # Raises `OptionError` if `fresh` or `complete` is impossible.
        if not self.orchestration.state:
            raise OptionError("state", "''", "is empty", "Name a folder that all workers of this task share.")

    def execute(self, context: Context) -> dict[str, object]:
        """Judge the newest due days, and send the messages that are due."""
        with self.failures_reported(context):
            now = dt.datetime.now(tz=dt.UTC)
            objective = self._objective()
            dataset = replace(self.orchestration.dataset, lag=self.orchestration.lag)
            store = IncidentStore(Ledger(Path(self.orchestration.state)))
            records = store.records(dataset.name)
            window = window_to_judge(dataset, objective, now, records)
            report = judge(
                dataset, objective, self.orchestration.check(Request(window, Policy())), records, now
            )
            LogReporter(self.log).write_rows([line] for line in freshness_lines(report))
            urls = tuple(notification_urls(self.notify_conn_id))
            channels = [Channel(self.notify_conn_id, urls, (Event.LATE, Event.RECOVERED))] if urls else []
            for message in announce_incidents(report, store, channels):
                self.log.info("%s\n%s", message.title, message.text)
        return report.to_json()

    def _objective(self) -> Objective:
        try:
            return parse_objective(self.fresh, self.complete)
        except ValueError as error:
            raise OptionError(
                "fresh and complete",
                repr((self.fresh, self.complete)),
                str(error),
                f'Give for example "{FRESH_EXAMPLE}" and "{COMPLETE_EXAMPLE}".',
            ) from None


async def late(context: dict[str, Any], *, dataset_name: str, notify_conn_id: str, seconds: float) -> None:
    """Send a notification that a run has missed its deadline. Use this function as the callback of a DAG's `deadline`."""
    run = context["dag_run"]
    run_id = run["dag_run_id"] if isinstance(run, dict) else run.run_id
    title = f"{dataset_name}: not done after {seconds / 3600:g} h"
    text = f"Run {run_id} has not succeeded yet. This message does not stop it."
    logger.warning("%s. %s", title, text)
    await asyncio.to_thread(send, notify_conn_id, title, text, failure=True)
