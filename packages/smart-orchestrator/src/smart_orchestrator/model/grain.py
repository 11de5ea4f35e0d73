"""Grains of partition keys: hours, days, weeks and months.

A key stands for a span of time, and is the start of the span: a `datetime` in UTC for an hour, a `date` for a day, the Monday of
a week, or the first day of a month. If a dataset has a time zone, its days, weeks and months are local. A local day on which the
clocks change has 23 or 25 hours. If a local midnight does not exist, the day starts at its first existing instant.

The functions are pure. They raise `ValueError` or `OverflowError` for dates outside the years 1 to 9999.
"""

from __future__ import annotations

import datetime as dt
import re
from enum import StrEnum

ONE_DAY = dt.timedelta(days=1)
ONE_HOUR = dt.timedelta(hours=1)

Key = dt.date
"""A partition key: a `datetime.date`, or, for hours, its subclass `datetime.datetime` in UTC."""

# Regular expressions of the text forms of keys, by grain.
_KEY_PATTERNS = {
    "hour": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}",
    "day": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "week": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "month": r"[0-9]{4}-[0-9]{2}(-01)?",
}


class Grain(StrEnum):
    """The length of the span of time that a partition key stands for."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    def index(self, key: Key) -> int:  # type: ignore[override]
        """Return the position of a key in the sequence of all keys of this grain."""
        if self is Grain.HOUR:
            return key.toordinal() * 24 + (key.hour if isinstance(key, dt.datetime) else 0)
        if self is Grain.WEEK:
            return (key.toordinal() - 1) // 7
        if self is Grain.MONTH:
            return key.year * 12 + key.month - 1
        return key.toordinal()

    def key_at(self, index: int) -> Key:
        """Return the key at a position in the sequence of all keys; the inverse of `index`."""
        if self is Grain.HOUR:
            day = dt.date.fromordinal(index // 24)
            return dt.datetime(day.year, day.month, day.day, index % 24, tzinfo=dt.UTC)
        if self is Grain.WEEK:
            return dt.date.fromordinal(index * 7 + 1)
        if self is Grain.MONTH:
            return dt.date(index // 12, index % 12 + 1, 1)
        return dt.date.fromordinal(index)

    @property
    def last_index(self) -> int:
        """The position of the last key that Python's dates can express."""
        return self.index(dt.datetime.max.replace(tzinfo=dt.UTC) if self is Grain.HOUR else dt.date.max)

    def is_key(self, value: object) -> bool:
        """Return whether a value is a key of this grain: it has the type of the keys, and is the start of a span."""
        if not isinstance(value, dt.date) or isinstance(value, dt.datetime) != (self is Grain.HOUR):
            return False
        if isinstance(value, dt.datetime) and value.tzinfo is None:
            return False
        return self.key_at(self.index(value)) == value

    def floor(self, moment: dt.datetime, zone: dt.tzinfo = dt.UTC) -> Key:
        """Return the key of the span that contains an instant. `moment` must have a time zone."""
        if self is Grain.HOUR:
            return moment.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
        return self.key_at(self.index(moment.astimezone(zone).date()))

    def start(self, key: Key, zone: dt.tzinfo = dt.UTC) -> dt.datetime:
        """Return the first instant of the key's span, in UTC."""
        if isinstance(key, dt.datetime):
            return key
        midnight = dt.datetime(key.year, key.month, key.day, tzinfo=zone)
        start = midnight.astimezone(dt.UTC)
        if start.astimezone(zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
            return start
        return _first_instant(key, zone, start)

    def end(self, key: Key, zone: dt.tzinfo = dt.UTC) -> dt.datetime:
        """Return the first instant after the key's span, in UTC."""
        return self.start(self.key_at(self.index(key) + 1), zone)

    def text(self, key: Key) -> str:
        """Format a key as text: `2025-11-05`, or `2025-11-05T07` for an hour."""
        return key_text(key)

    def parse(self, text: str) -> Key:
        """Parse a key from text; the inverse of `text`. A month may also be written `2025-11`.

        Raises:
            ValueError: the text is not a key of this grain.
        """
        if not re.fullmatch(_KEY_PATTERNS[self.value], text):
            raise ValueError(self._problem(text))
        key = parse_key(text if len(text) > len("2025-11") else f"{text}-01")
        if not self.is_key(key):
            raise ValueError(self._problem(text))
        return key

    def _problem(self, text: str) -> str:
        return f"{text!r} is not {self.description}"

    @property
    def description(self) -> str:
        """The text form of a key with an example, for messages."""
        return {
            "hour": "an hour written as YYYY-MM-DDTHH (UTC), for example 2025-11-05T07",
            "day": "a day written as YYYY-MM-DD, for example 2025-11-09",
            "week": "a week, written as the YYYY-MM-DD of its Monday, for example 2025-11-03",
            "month": "a month written as YYYY-MM, for example 2025-11",
        }[self.value]


def key_text(key: Key) -> str:
    """Format a key of any grain as text: `2025-11-05`, or `2025-11-05T07` for an hour."""
    if isinstance(key, dt.datetime):
        return f"{key.date().isoformat()}T{key.hour:02}"
    return key.isoformat()


def parse_key(text: str) -> Key:
    """Parse a text that `key_text` returned.

    Raises:
        ValueError: the text does not have this form.
    """
    if "T" not in text:
        return dt.date.fromisoformat(text)
    day, _, hour = text.partition("T")
    date = dt.date.fromisoformat(day)
    return dt.datetime(date.year, date.month, date.day, int(hour), tzinfo=dt.UTC)


def hours_of(start: dt.datetime, end: dt.datetime) -> list[Key]:
    """Return the keys of the UTC hours from `start`, inclusive, to `end`, exclusive.

    Raises:
        ValueError: `start` or `end` is not the start of a UTC hour.
    """
    for moment in (start, end):
        if moment.minute or moment.second or moment.microsecond:
            message = f"{moment:%Y-%m-%d %H:%M} UTC is not the start of an hour"
            raise ValueError(message)
    return [start + hours * ONE_HOUR for hours in range((end - start) // ONE_HOUR)]


def _first_instant(day: dt.date, zone: dt.tzinfo, candidate: dt.datetime) -> dt.datetime:
    """Return the first instant of a local day whose midnight does not exist.

    The instant is at or before `candidate`, and is found by bisection.
    """
    # Seconds before `candidate`. The local day has not begun `too_many` seconds before it, and has begun `enough` seconds before it.
    too_many, enough = int(ONE_DAY.total_seconds()), 0
    while too_many - enough > 1:
        middle = (too_many + enough) // 2
        if (candidate - dt.timedelta(seconds=middle)).astimezone(zone).date() >= day:
            enough = middle
        else:
            too_many = middle
    return candidate - dt.timedelta(seconds=enough)
