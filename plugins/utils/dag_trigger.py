"""Start the pipeline for single days and follow it.

`WIKI_TRENDS_RUNNER` selects where the pipeline runs. A day that another process is already running is followed, not started
again. Raises `WindowError` for a day outside Wikimedia's history, and `ContactMissing` or `WikimediaUnreachable` before the
first start. The result of each day has its own failure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.cli.options import DEFAULT_TIMEOUT_SECONDS
from wiki_trends.compat import functions

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from wiki_trends.compat.functions import Triggered


def trigger_dag_for_date(date: str | dt.date, *, timeout: float = DEFAULT_TIMEOUT_SECONDS) -> Triggered:
    """Run the pipeline with `{'target_date': date}` and wait for it to end.

    Args:
        date: a UTC day, `YYYY-MM-DD` or a date.
        timeout: seconds after which waiting ends; the result's `state` is `running` then.

    Returns:
        One item of the list that `trigger_multiple_dates` returns.
    """
    return functions.trigger([date], timeout)[0]


def trigger_multiple_dates(
    dates: Iterable[str | dt.date], *, timeout: float = DEFAULT_TIMEOUT_SECONDS
) -> list[Triggered]:
    """Run the pipeline for each of these days, `WIKI_TRENDS_JOBS` at a time, and wait for them to end.

    Args:
        dates: UTC days, `YYYY-MM-DD` or dates; a repeated day is run once.
        timeout: seconds after which waiting ends.

    Returns:
        For each day, in the order given: `date`, `state` (`success`, `failed` or `running`), `run_id`, `conf`
        (`{'target_date': date}`), `reason` (why it failed, stable: `NOT_PUBLISHED`, `UNREACHABLE`, …; else None) and
        `message` (the reason as a sentence).
    """
    return functions.trigger(list(dates), timeout)
