"""Parse the options of a command into windows and days. An invalid option raises `WindowError`, which names the option."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.errors import WindowError
from smart_orchestrator.model.window import Window, parse_day, today_utc
from wiki_trends.config.layers import HISTORY_START

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from wiki_trends.config.settings import Settings

FIRST_DAY = HISTORY_START


def window_of(
    settings: Settings,
    *,
    as_of: str | None = None,
    start: str | None = None,
    end: str | None = None,
    days_given: bool = False,
    today: dt.date | None = None,
    lag_at: Callable[[dt.date], int] | None = None,
) -> Window:
    """Return the window of a command: the last `settings.days` days, or the days from `start` to `end`.

    Args:
        settings: the settings, of which this function reads `days` and `max_lag`.
        as_of: the UTC day that counts as today, `YYYY-MM-DD`; by default, `today`.
        start: the first day of an explicit window.
        end: the last day of an explicit window, inclusive.
        days_given: whether the command line contains `--days`, which excludes `--start` and `--end`.
        today: the current UTC day; by default, the day of the system clock.
        lag_at: the function that returns the lag on a day that counts as today; by default, `settings.max_lag`.

    Raises:
        WindowError: two options exclude each other, or a value is invalid.
    """
    today = today or today_utc()
    as_of_day = today if as_of is None else parse_day(as_of, "as_of")
    if as_of_day > today:
        raise WindowError(
            "as_of", as_of_day, f"is after today, {today} in UTC", "Give today or an earlier day."
        )
    lag = settings.max_lag if lag_at is None else lag_at(as_of_day)
    if start is None and end is None:
        return Window.of_days(settings.days, as_of_day, lag)
    if start is None or end is None:
        name, value, missing_name = ("end", end, "start") if start is None else ("start", start, "end")
        raise WindowError(name, value, f"was given without --{missing_name}", "Give both --start and --end.")
    if days_given:
        raise WindowError(
            "days", settings.days, "was given beside --start and --end", "Give one or the other."
        )
    return Window.between(parse_day(start, "start"), parse_day(end, "end"), as_of=as_of_day, lag=lag)


def days_of(texts: Sequence[str], today: dt.date | None = None) -> list[dt.date]:
    """Parse the days of a command line, and reject a day that Wikimedia cannot have published.

    Raises:
        WindowError: a text is not a day, the pageviews API has no data that early, or the day is not over yet.
    """
    today = today or today_utc()
    days = [parse_day(text, "DAY") for text in texts]
    for day in days:
        if day < FIRST_DAY:
            raise WindowError(
                "DAY", day, f"is before {FIRST_DAY}, the first day that Wikimedia has", "Give a later day."
            )
        if day >= today:
            raise WindowError("DAY", day, f"is not over yet: today is {today} in UTC", "Give an earlier day.")
    return days
