"""Helpers for pipeline DAGs: parse the day of a run, fail without a retry, and report why a task failed.

The orchestrator also follows pipelines that do not use these helpers. It then reads the failure from the end of the task's log.
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
    """Retry policy that fails a task without a retry after an expected error that a retry cannot resolve.

    For any other error, the task's own number of retries applies.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Decide whether Airflow retries the task after one failed try."""
        del try_number, max_tries, context
        if isinstance(exception, ExpectedError) and not exception.transient:
            return RetryDecision.fail(f"a retry cannot resolve {type(exception).__name__}")
        return RetryDecision.default()


FAIL_AT_ONCE = TerminalErrorsFail()
"""The retry policy for tasks of a pipeline DAG (`retry_policy=FAIL_AT_ONCE`).

The policy fails a task without a retry if its error is an `ExpectedError` that is not transient, for example a day that the
source does not have. After any other error, the task's own number of retries applies.
"""


def day_of_run(context: Context, lag: int) -> dt.date:
    """Return the day that a pipeline run produces: `target_date`, or by default the newest day that the source has.

    Args:
        context: the context of a task. The UTC day of the run's `run_after` counts as today.
        lag: the publication lag: the number of days from a day to the first day on which the source has it.

    Raises:
        WindowError: `target_date` is not a valid day, or has not ended by the run's `run_after`.
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
    """Context manager that pushes an exception of its block as the XCom `failure`, and raises the exception again.

    The XCom holds the code of the failure and the message. The orchestrator reads this XCom to report why the day failed.
    """
    try:
        yield
    except Exception as error:
        failure, message = failure_of(error)
        context["ti"].xcom_push(key="failure", value={"failure": failure.value, "message": message})
        raise
