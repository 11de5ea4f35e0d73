"""Send a notification when an orchestrator run ends or misses its deadline, through Apprise (Slack, mail and other services).

The password of an Airflow connection, or an Airflow variable, holds the addresses as Apprise URLs. Without addresses, the
message is only logged. The addresses are secrets, so no message or log contains them.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from smart_orchestrator.airflow.connections import notification_urls, ui_url
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
)
from smart_orchestrator.telemetry.messages import deliver

if TYPE_CHECKING:
    from airflow.sdk import Context

logger = logging.getLogger(__name__)


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
    failures = deliver(urls, title, text, "failure" if failure else "success")
    if failures:
        raise NotSent(name, len(urls))
    return len(urls)


class Notify(BaseOperator):
    """Operator that sends the result of a run. In a dry run it sends nothing.

    Args:
        dataset_name: the name of the dataset in the message.
        notify_conn_id: the id of the connection, or the name of the variable, that holds the addresses.
    """

    def __init__(self, *, dataset_name: str, notify_conn_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dataset_name = dataset_name
        self.notify_conn_id = notify_conn_id

    def execute(self, context: Context) -> None:
        """Build the message from the XComs of the tasks, and send it."""
        if context["params"].get("dry_run"):
            self.log.info("dry run: no notification is sent")
            return
        summary = self._summary(context)
        title, text = notification(summary)
        self.log.info("%s\n%s", title, text)
        if not send(self.notify_conn_id, title, text, failure=summary.failed):
            self.log.info(
                "not sent: there is no connection and no variable %s with Apprise URLs", self.notify_conn_id
            )

    def _summary(self, context: Context) -> RunSummary:
        pull = context["ti"].xcom_pull
        errors = [pull(task_ids=task, key=PROBLEM) for task in (UPSTREAM, CHECK, START, WAIT, CONSUME)]
        coverage = [pull(task_ids=task, key=COVERAGE) for task in (CONSUME, WAIT, CHECK)]
        run = context["dag_run"]
        base_url = (ui_url() or "").rstrip("/")
        return RunSummary(
            dataset=self.dataset_name,
            consumer_ran=pull(task_ids=CONSUME, key="return_value") is not None,
            skip_reason=pull(task_ids=CONSUME, key=SKIPPED),
            window=pull(task_ids=CHECK, key=WINDOW),
            coverage_pct=next((value for value in coverage if value is not None), None),
            outcome=pull(task_ids=WAIT, key=OUTCOME),
            problems=[error for error in errors if error],
            url=f"{base_url}/dags/{run.dag_id}/runs/{run.run_id}" if base_url else None,
        )


async def late(context: dict[str, Any], *, dataset_name: str, notify_conn_id: str, seconds: float) -> None:
    """Send a notification that a run has missed its deadline. Use this function as the callback of a DAG's `deadline`."""
    run = context["dag_run"]
    run_id = run["dag_run_id"] if isinstance(run, dict) else run.run_id
    title = f"{dataset_name}: not done after {seconds / 3600:g} h"
    text = f"Run {run_id} has not succeeded yet. This message does not stop it."
    logger.warning("%s. %s", title, text)
    await asyncio.to_thread(send, notify_conn_id, title, text, failure=True)
