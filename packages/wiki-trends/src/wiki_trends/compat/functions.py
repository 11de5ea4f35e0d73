"""The functions that the documentation of the previous system names: check the last days of the lake, and run the pipeline.

`plugins.utils` exports them under their documented names. Each call loads the settings again. The functions raise the same
exceptions as those of `wiki_trends.jobs.main`.
"""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING, TypedDict

from smart_orchestrator.model.window import Window, today_utc
from wiki_trends.config.settings import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smart_orchestrator.backfilling.state import Outcome
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.text.reports import Line
    from wiki_trends.config.settings import Settings


class DateReport(TypedDict):
    """The result of `find_missing_dates`. Dates are `YYYY-MM-DD`, newest first.

    Attributes:
        available: the expected dates that are complete.
        missing: the expected dates that are not complete.
        expected: the dates that must be in the lake.
        coverage_pct: the available dates divided by the expected dates, in percent.
        total_in_bucket: the number of days in the diamond layer, inside and outside the window.
    """

    available: list[str]
    missing: list[str]
    expected: list[str]
    coverage_pct: float
    total_in_bucket: int


class DateToFetch(TypedDict):
    """One missing date in the result of `get_dates_to_fetch`.

    Attributes:
        date: the missing date, `YYYY-MM-DD`.
        days_ago: the age of the date, in days.
    """

    date: str
    days_ago: int


class TriggerResult(TypedDict):
    """One item of the result of `trigger_multiple_dates`.

    Attributes:
        date: the date, `YYYY-MM-DD`.
        state: `success`, `failed` or `running`.
        run_id: the name of the latest run of the date; None if no run was started.
        conf: the configuration of the run in Airflow.
        reason: the code of the failure; None if the run did not fail.
        message: the failure as a sentence, or why the run is still running; empty after a success.
    """

    date: str
    state: str
    run_id: str | None
    conf: dict[str, str]
    reason: str | None
    message: str


def number_of_days(days: int | None, n_days: int | None) -> int | None:
    """Return the number of days, which the caller of a documented function passes as `days` or as `n_days`.

    Raises:
        TypeError: both arguments are set.
    """
    if days is not None and n_days is not None:
        msg = "days and n_days are two names of one argument: give one of them"
        raise TypeError(msg)
    return n_days if days is None else days


def make_date_report(days: int | None, end_date: dt.date | None) -> DateReport:
    """Return the result of `find_missing_dates`."""
    settings = load()
    completeness = _check_last_days(settings, days, end_date)
    return DateReport(
        available=_newest_first(completeness.available),
        missing=_newest_first(completeness.missing),
        expected=_newest_first(completeness.expected),
        coverage_pct=completeness.coverage_pct,
        total_in_bucket=_count_days_in_layer(settings),
    )


def list_dates_to_fetch(days: int | None, end_date: dt.date | None) -> list[DateToFetch]:
    """Return the result of `get_dates_to_fetch`."""
    return dates_to_fetch(_check_last_days(load(), days, end_date))


def print_report(days: int | None, end_date: dt.date | None) -> None:
    """Print the report of `print_date_report`."""
    from smart_orchestrator.text.reporter import TextReporter

    settings = load()
    fix = "They have to be fetched: python check_and_fetch_data.py --auto, with the same number of days."
    TextReporter(sys.stdout).write(report_lines(settings, _check_last_days(settings, days, end_date), fix))


def trigger(dates: Sequence[str | dt.date], timeout: float) -> list[TriggerResult]:
    """Run the pipeline for each of `dates`, and return the result of `trigger_multiple_dates`. `timeout` is in seconds."""
    from smart_orchestrator.backfilling.reporter import SilentReporter
    from wiki_trends.config.window_options import days_of
    from wiki_trends.jobs.main import fetch_days
    from wiki_trends.jobs.runners import limits_of

    settings = load()
    days = days_of([date if isinstance(date, str) else _utc_day(date).isoformat() for date in dates])
    outcome = fetch_days(settings, days, limits_of(settings, timeout), SilentReporter())
    return [_trigger_result(day, outcome) for day in dict.fromkeys(days)]


def _trigger_result(day: dt.date, outcome: Outcome) -> TriggerResult:
    # The runs of a day are in the order of its attempts, and the last run counts.
    run = next((run for run in (*outcome.started, *outcome.followed)[::-1] if run.day == day), None)
    failed_run = next((run for run in outcome.failed if run.day == day), None)
    reason_by_abandoned_day = dict(outcome.abandoned)
    state, message = "success", ""
    if failed_run is not None:
        run, state, message = failed_run, "failed", failed_run.message
    elif day in reason_by_abandoned_day:
        # The backfill stopped waiting for this day, but its run can still end.
        state, message = "running", reason_by_abandoned_day[day]
    return TriggerResult(
        date=day.isoformat(),
        state=state,
        run_id=run.name if run else None,
        conf={"target_date": day.isoformat()},
        reason=failed_run.failure.value if failed_run and failed_run.failure else None,
        message=message,
    )


def _utc_day(moment: dt.date) -> dt.date:
    """Return the UTC day of a date or a datetime. A datetime without a time zone counts as UTC."""
    if isinstance(moment, dt.datetime):
        return (moment if moment.tzinfo is None else moment.astimezone(dt.UTC)).date()
    return moment


def _check_last_days(settings: Settings, days: int | None, end_date: dt.date | None) -> Completeness:
    from smart_orchestrator.errors import WindowError
    from wiki_trends.jobs.upstream import lag_at

    today = today_utc()
    as_of = today if end_date is None else _utc_day(end_date)
    if as_of > today:
        raise WindowError(
            "end_date", as_of, f"is after today, {today} in UTC", "Give today or an earlier day."
        )
    lag = lag_at(settings, as_of)
    return check_window(settings, Window.of_days(settings.days if days is None else days, as_of, lag))


def check_window(settings: Settings, window: Window) -> Completeness:
    """Check the window in the diamond layer."""
    from wiki_trends.jobs.main import checker_of_window

    return checker_of_window(settings, window)()


def _count_days_in_layer(settings: Settings) -> int:
    from smart_orchestrator.checking import total_days
    from smart_orchestrator.store.opening import lake_of
    from wiki_trends.config.layers import layers

    dataset = layers(settings).diamond
    return total_days(dataset, lake_of(dataset))


def _newest_first(days: Sequence[dt.date]) -> list[str]:
    return [day.isoformat() for day in reversed(days)]


def dates_to_fetch(completeness: Completeness) -> list[DateToFetch]:
    """Return the missing days of a check, newest first, with the age of each day."""
    as_of = completeness.window.as_of
    return [
        DateToFetch(date=day.isoformat(), days_ago=(as_of - day).days)
        for day in reversed(completeness.missing)
    ]


def report_lines(settings: Settings, completeness: Completeness, fix: str) -> list[Line]:
    """Return the lines of the documented report. `fix` is the sentence that follows the missing days."""
    from wiki_trends.compat.date_report import date_report_lines

    return date_report_lines(completeness, _count_days_in_layer(settings), fix)
