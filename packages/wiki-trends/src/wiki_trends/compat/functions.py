"""The documented functions: check the last days in the lake, start the pipeline for days.

Each call loads the settings again, and raises what `wiki_trends.jobs.main` raises.
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
    """The result of `find_missing_dates`."""

    available: list[str]
    missing: list[str]
    expected: list[str]
    coverage_pct: float
    total_in_bucket: int


class DateToFetch(TypedDict):
    """One item of the result of `get_dates_to_fetch`."""

    date: str
    days_ago: int


class Triggered(TypedDict):
    """One item of the result of `trigger_multiple_dates`."""

    date: str
    state: str
    run_id: str | None
    conf: dict[str, str]
    reason: str | None
    message: str


def number_of_days(days: int | None, n_days: int | None) -> int | None:
    """The number of days, given under either of its two names.

    Raises:
        TypeError: both are given.
    """
    if days is not None and n_days is not None:
        msg = "days and n_days are two names of one argument: give one of them"
        raise TypeError(msg)
    return n_days if days is None else days


def find(days: int | None, end_date: dt.date | None) -> DateReport:
    """The result of `find_missing_dates`."""
    settings = load()
    completeness = _check(settings, days, end_date)
    return DateReport(
        available=_newest_first(completeness.available),
        missing=_newest_first(completeness.missing),
        expected=_newest_first(completeness.expected),
        coverage_pct=completeness.coverage_pct,
        total_in_bucket=_total(settings),
    )


def to_fetch(days: int | None, end_date: dt.date | None) -> list[DateToFetch]:
    """The result of `get_dates_to_fetch`."""
    return dates_to_fetch(_check(load(), days, end_date))


def print_report(days: int | None, end_date: dt.date | None) -> None:
    """Print the report of `print_date_report`."""
    from smart_orchestrator.text.reporter import TextReporter

    settings = load()
    fix = "They have to be fetched: python check_and_fetch_data.py --auto, with the same number of days."
    TextReporter(sys.stdout).write(report_lines(settings, _check(settings, days, end_date), fix))


def trigger(dates: Sequence[str | dt.date], timeout: float) -> list[Triggered]:
    """The result of `trigger_multiple_dates`."""
    from smart_orchestrator.backfilling.reporter import SilentReporter
    from wiki_trends.config.window_options import days_of
    from wiki_trends.jobs.main import fetch_days
    from wiki_trends.jobs.runners import limits_of

    settings = load()
    days = days_of([date if isinstance(date, str) else _day(date).isoformat() for date in dates])
    outcome = fetch_days(settings, days, limits_of(settings, timeout), SilentReporter())
    return [_triggered(day, outcome) for day in dict.fromkeys(days)]


def _triggered(day: dt.date, outcome: Outcome) -> Triggered:
    run = next((run for run in (*outcome.started, *outcome.followed)[::-1] if run.day == day), None)
    failed = next((run for run in outcome.failed if run.day == day), None)
    abandoned = dict(outcome.abandoned)
    state, message = "success", ""
    if failed is not None:
        run, state, message = failed, "failed", failed.message
    elif day in abandoned:
        state, message = "running", abandoned[day]
    return Triggered(
        date=day.isoformat(),
        state=state,
        run_id=run.name if run else None,
        conf={"target_date": day.isoformat()},
        reason=failed.failure.value if failed and failed.failure else None,
        message=message,
    )


def _day(moment: dt.date) -> dt.date:
    """The UTC day of a date or a datetime; a datetime without a zone is in UTC."""
    if isinstance(moment, dt.datetime):
        return (moment if moment.tzinfo is None else moment.astimezone(dt.UTC)).date()
    return moment


def _check(settings: Settings, days: int | None, end_date: dt.date | None) -> Completeness:
    from smart_orchestrator.errors import WindowError

    today = today_utc()
    as_of = today if end_date is None else _day(end_date)
    if as_of > today:
        raise WindowError(
            "end_date", as_of, f"is after today, {today} in UTC", "Give today or an earlier day."
        )
    return check_window(
        settings, Window.of_days(settings.days if days is None else days, as_of, settings.lag)
    )


def check_window(settings: Settings, window: Window) -> Completeness:
    """Check the window in the diamond layer."""
    from wiki_trends.jobs.main import checker

    return checker(settings, window)()


def _total(settings: Settings) -> int:
    from smart_orchestrator.checking import total_days
    from smart_orchestrator.store.opening import lake_of
    from wiki_trends.config.layers import layers

    dataset = layers(settings).diamond
    return total_days(dataset, lake_of(dataset))


def _newest_first(days: Sequence[dt.date]) -> list[str]:
    return [day.isoformat() for day in reversed(days)]


def dates_to_fetch(completeness: Completeness) -> list[DateToFetch]:
    """The missing days of a check, newest first, with their age."""
    as_of = completeness.window.as_of
    return [
        DateToFetch(date=day.isoformat(), days_ago=(as_of - day).days)
        for day in reversed(completeness.missing)
    ]


def report_lines(settings: Settings, completeness: Completeness, fix: str) -> list[Line]:
    """The documented report, with the number of days in the layer; `fix` follows the missing days."""
    from wiki_trends.compat.date_report import date_report_lines

    return date_report_lines(completeness, _total(settings), fix)
