"""For pipeline DAGs: which day a run is of, and how a failing task says why. They need to know nothing of the orchestrator.

A pipeline that uses none of this is orchestrated as well: its failures are then told by the end of their logs.
"""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from smart_orchestrator.errors import NotPublished, SourceRefused, WindowError
from smart_orchestrator.model.run import failure_of
from smart_orchestrator.model.window import parse_day

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk import Context

# What no retry can mend fails its task at once; for the others the task's retries hold.
FAIL_AT_ONCE = ExceptionRetryPolicy(
    [
        RetryRule(NotPublished, RetryAction.FAIL, reason="the source does not have the day"),
        RetryRule(SourceRefused, RetryAction.FAIL, reason="the source refused the request itself"),
        RetryRule(WindowError, RetryAction.FAIL, reason="this is no day"),
    ]
)


def day_of_run(context: Context, lag: int) -> dt.date:
    """The day of a run: `target_date`, else the newest day that the source has at the run's `run_after`.

    Raises:
        WindowError: `target_date` is no day, or is not over yet by then.
    """
    due = context["dag_run"].run_after.astimezone(dt.UTC).date()
    given = context["params"].get("target_date")
    if not given:
        return due - dt.timedelta(days=lag)
    day = parse_day(str(given), "target_date")
    if day >= due:
        raise WindowError(
            "target_date", day, f"is not over yet on {due}, the UTC day of this run", "Give an earlier day."
        )
    return day


@contextmanager
def failure_left(context: Context) -> Iterator[None]:
    """Whatever is raised inside is left as the XCom `failure` of the task, in words that programs can branch on."""
    try:
        yield
    except Exception as error:
        failure, message = failure_of(error)
        context["ti"].xcom_push(key="failure", value={"failure": failure.value, "message": message})
        raise
