"""Run the pipeline for single days, and wait for the runs to end.

`WIKI_TRENDS_RUNNER` selects where the pipeline runs. If another process already runs the pipeline for a day, the functions follow
that run and do not start another. Before they start a run, they raise `WindowError` for a day outside Wikimedia's history, and
`ContactMissing` or `WikimediaUnreachable`. A run that fails raises no exception: the result of its day has the failure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.cli.options import DEFAULT_TIMEOUT_SECONDS
from wiki_trends.compat import functions

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from wiki_trends.compat.functions import TriggerResult


def trigger_dag_for_date(date: str | dt.date, *, timeout: float = DEFAULT_TIMEOUT_SECONDS) -> TriggerResult:
    """Run the pipeline with `{'target_date': date}` and wait for it to end.

    Args:
        date: a UTC day, `YYYY-MM-DD` or a date.
        timeout: the time-out of the wait, in seconds. After the time-out, the `state` of the result is `running`.

    Returns:
        An item as in the list that `trigger_multiple_dates` returns.
    """
    return functions.trigger([date], timeout)[0]


def trigger_multiple_dates(
    dates: Iterable[str | dt.date], *, timeout: float = DEFAULT_TIMEOUT_SECONDS
) -> list[TriggerResult]:
    """Run the pipeline for each of these days, at most `WIKI_TRENDS_JOBS` at a time, and wait for the runs to end.

    Args:
        dates: UTC days, `YYYY-MM-DD` or dates; a repeated day is run once.
        timeout: the time-out of the wait, in seconds.

    Returns:
        For each day, in the order of `dates`: `date`, `state` (`success`, `failed` or `running`), `run_id`, `conf`
        (`{'target_date': date}`), `reason` (the stable code of the failure, such as `NOT_PUBLISHED` or `UNREACHABLE`; None
        without a failure) and `message` (the failure as a sentence).
    """
    return functions.trigger(list(dates), timeout)
