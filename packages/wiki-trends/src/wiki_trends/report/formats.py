"""Format numbers, units, days and times for people: every figure of the report and of the dashboard is written here.

A negative number has a minus sign (U+2212), thousands have commas, and an unknown value is a dash. Days and times are UTC.
"""

from __future__ import annotations

import datetime as dt

UNKNOWN = "–"
_UNITS = ((1e9, "billion"), (1e6, "million"), (1e3, "k"))


def whole(number: float | None) -> str:
    """Format a number without decimals: `1,554,810`."""
    return decimals(number, 0)


def decimals(number: float | None, digits: int = 2, sign: bool = False) -> str:
    """Format a number with decimals; `sign` writes a plus sign as well."""
    if number is None:
        return UNKNOWN
    # `z` writes a negative number that is rounded to zero without its sign.
    text = f"{number:+z,.{digits}f}" if sign else f"{number:z,.{digits}f}"
    return text.replace("-", "−")


def percent(number: float | None, digits: int = 1) -> str:
    """Format a percentage: `60.0 %`."""
    return UNKNOWN if number is None else f"{decimals(number, digits)} %"


def change(number: float | None) -> str:
    """Format a change in percent, with its sign: `−2.7 %`."""
    return UNKNOWN if number is None else f"{decimals(number, 1, sign=True)} %"


def factor(number: float | None, digits: int = 1) -> str:
    """Format a factor: `× 12.3`."""
    return UNKNOWN if number is None else f"× {decimals(number, digits)}"


def compact(number: float | None) -> str:
    """Format a number with three significant digits and its unit: `1.23 billion`, `1.55 million`, `340 k`."""
    if number is None:
        return UNKNOWN
    for unit, name in _UNITS:
        # From 999,500 on, three digits would give `1,000 k`. So a unit is used from 0.9995 of it: 999,500 is `1.00 million`.
        if abs(number) >= 0.9995 * unit:
            scaled = number / unit
            digits = 2 if abs(scaled) < 9.995 else 1 if abs(scaled) < 99.95 else 0
            return f"{decimals(scaled, digits)} {name}"
    return whole(number)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun in the singular or the plural: `1 day`, `2 days`."""
    return f"{whole(number)} {noun}" if number == 1 else f"{whole(number)} {noun}s"


def day_text(day: dt.date, weekday: bool = False) -> str:
    """Format a day in a sentence: `9 November 2025`, or `Sunday 9 November 2025`."""
    text = f"{day.day} {day:%B %Y}"
    return f"{day:%A} {text}" if weekday else text


def table_day(day: dt.date) -> str:
    """Format a day in a list or a table: `Sun 9 Nov 2025`."""
    return f"{day:%a} {day.day} {day:%b %Y}"


def short_day(day: dt.date) -> str:
    """Format a day as the heading of a column, below a heading that names the year: `9 Nov`."""
    return f"{day.day} {day:%b}"


def day_of_month(day: dt.date, weekday: bool = False) -> str:
    """Format a day in a sentence about a window that names the year: `9 November`, or `Sunday 9 November`."""
    text = f"{day.day} {day:%B}"
    return f"{day:%A} {text}" if weekday else text


def month(day: dt.date) -> str:
    """Format the month of a day: `Nov 2025`."""
    return f"{day:%b %Y}"


def span_text(first: dt.date, last: dt.date) -> str:
    """Format a range of days: `5 to 9 November 2025`, `28 October to 3 November 2025`."""
    if first == last:
        return day_text(last)
    if first.year != last.year:
        return f"{day_text(first)} to {day_text(last)}"
    return f"{first.day if first.month == last.month else day_of_month(first)} to {day_text(last)}"


def moment(time: dt.datetime) -> str:
    """Format a time with a zone: `12 November 2025, 03:00 UTC`."""
    time = time.astimezone(dt.UTC)
    return f"{day_text(time.date())}, {time:%H:%M} UTC"


def iso_time(time: dt.datetime) -> str:
    """Format a time with a zone for the attribute `datetime`, in UTC to the second."""
    return time.astimezone(dt.UTC).isoformat(timespec="seconds")


def duration(started: dt.datetime | None, ended: dt.datetime | None) -> str:
    """Format the time between two times: `3.0 s`, `2 min 5 s`, `3 h 12 min`, `2 d 4 h`."""
    if started is None or ended is None:
        return UNKNOWN
    seconds = round((ended - started).total_seconds(), 1)
    if seconds < 60:
        return f"{decimals(seconds, 1)} s"
    minutes, hours, days = (int(seconds // length) for length in (60, 3600, 86_400))
    if not hours:
        return f"{minutes} min {int(seconds % 60)} s"
    return f"{days} d {hours % 24} h" if days else f"{hours} h {minutes % 60} min"
