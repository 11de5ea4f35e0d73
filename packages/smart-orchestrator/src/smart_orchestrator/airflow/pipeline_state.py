"""Helpers for pipeline DAGs: the day of a run, and the reason why a task failed. They do not depend on the orchestrator.

The orchestrator also follows pipelines without these helpers: it then reads the failure from the end of the task's log.
"""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.sdk import RetryDecision, RetryPolicy

from smart_orchestrator.errors import WindowError
from smart_orchestrator.expected_error import ExpectedError, failure_of
from smart_orchestrator.model.window import parse_day

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk import Context


class TerminalErrorsFail(RetryPolicy):
    """Fails the task at once on an expected error that is not transient; the task's retries apply to all others."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """The decision about one failed try."""
        del try_number, max_tries, context
        if isinstance(exception, ExpectedError) and not exception.transient:
            return RetryDecision.fail(f"a retry cannot resolve {type(exception).__name__}")
        return RetryDecision.default()


FAIL_AT_ONCE = TerminalErrorsFail()


def day_of_run(context: Context, lag: int) -> dt.date:
    """The day of a run: `target_date`, else the newest day that the source has at the run's `run_after`.

    Raises:
        WindowError: `target_date` is not a valid day, or is not over at the run's `run_after`.
    """
    run_day = context["dag_run"].run_after.astimezone(dt.UTC).date()
    target_date = context["params"].get("target_date")
    if not target_date:
        return run_day - dt.timedelta(days=lag)
    day = parse_day(str(target_date), "target_date")
    if day >= run_day:
        raise WindowError(
            "target_date",
            day,
            f"is not over yet on {run_day}, the UTC day of this run",
            "Give an earlier day.",
        )
    return day


@contextmanager
def push_failure(context: Context) -> Iterator[None]:
    """Push an exception that is raised inside as the XCom `failure` of the task, in a machine-readable form."""
    try:
        yield
    except Exception as error:
        failure, message = failure_of(error)
        context["ti"].xcom_push(key="failure", value={"failure": failure.value, "message": message})
        raise
