"""Grains of partition keys (hours, days, weeks and months), and the time span of a key.

A key is the start of its span. The key of an hour is a `datetime` in UTC. The key of a day, a week or a month is a `date`: the day,
the Monday, or the first day of the month. If the dataset has a time zone, days, weeks and months begin at local midnight. A local day
has 23 or 25 hours when the clocks change. If the clocks skip midnight, the local day starts at the moment of the change. The functions
are pure. For a time outside the years 1 to 9999, they raise `ValueError` or `OverflowError`.
"""

from __future__ import annotations

import datetime as dt
import re
from enum import StrEnum

ONE_DAY = dt.timedelta(days=1)
ONE_HOUR = dt.timedelta(hours=1)

Key = dt.date
"""A partition key: a `datetime.date`, or, for hours, its subclass `datetime.datetime` in UTC."""

_TEXT_PATTERNS = {
    "hour": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}",
    "day": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "week": r"[0-9]{4}-(?:[0-9]{2}-[0-9]{2}|W[0-9]{2})",
    "month": r"[0-9]{4}-[0-9]{2}(-01)?",
}


class Grain(StrEnum):
    """The length of the time span of a partition key."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    def index(self, key: Key) -> int:  # type: ignore[override]
        """Return the index of a key among all keys of this grain. Consecutive keys have consecutive indices."""
        if self is Grain.HOUR:
            return key.toordinal() * 24 + (key.hour if isinstance(key, dt.datetime) else 0)
        if self is Grain.WEEK:
            # The ordinal of the first Monday of the calendar is 1.
            return (key.toordinal() - 1) // 7
        if self is Grain.MONTH:
            return key.year * 12 + key.month - 1
        return key.toordinal()

    def key_at(self, index: int) -> Key:
        """Return the key with this index."""
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
        """The index of the last key of the calendar."""
        return self.index(dt.datetime.max.replace(tzinfo=dt.UTC) if self is Grain.HOUR else dt.date.max)

    def is_key(self, value: object) -> bool:
        """Return whether a value is a key of this grain: the start of a span, as a date or, for an hour, as a datetime."""
        if not isinstance(value, dt.date) or isinstance(value, dt.datetime) != (self is Grain.HOUR):
            return False
        if isinstance(value, dt.datetime) and value.tzinfo is None:
            return False
        return self.key_at(self.index(value)) == value

    def floor(self, moment: dt.datetime, zone: dt.tzinfo = dt.UTC) -> Key:
        """Return the key whose span contains `moment`. `moment` must have a time zone."""
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
        # The clocks skip midnight on this day.
        return _first_instant(key, zone, start)

    def end(self, key: Key, zone: dt.tzinfo = dt.UTC) -> dt.datetime:
        """Return the first instant after the key's span, in UTC."""
        return self.start(self.key_at(self.index(key) + 1), zone)

    def text(self, key: Key) -> str:
        """Format a key of this grain: `2025-11-05`, or `2025-11-05T07` for an hour."""
        return key_text(key)

    def parse(self, text: str) -> Key:
        """Parse a key of this grain from the form that `Grain.text` returns.

        A month may also be written `2025-11`, and a week `2025-W45`.

        Raises:
            ValueError: the text is not a key of this grain.
        """
        if not re.fullmatch(_TEXT_PATTERNS[self.value], text):
            raise ValueError(self._problem(text))
        if "W" in text:
            try:
                return dt.date.fromisoformat(text)
            except ValueError:
                raise ValueError(self._problem(text)) from None
        key = parse_key(text if len(text) > len("2025-11") else f"{text}-01")
        if not self.is_key(key):
            raise ValueError(self._problem(text))
        return key

    def _problem(self, text: str) -> str:
        return f"{text!r} is not {self.description}"

    @property
    def description(self) -> str:
        """The written form of a key, for messages."""
        return {
            "hour": "an hour written as YYYY-MM-DDTHH (UTC), for example 2025-11-05T07",
            "day": "a day written as YYYY-MM-DD, for example 2025-11-09",
            "week": "a week, written as the YYYY-MM-DD of its Monday or as YYYY-Www, for example 2025-11-03 or 2025-W45",
            "month": "a month written as YYYY-MM, for example 2025-11",
        }[self.value]


def key_text(key: Key) -> str:
    """Format a key of any grain: `2025-11-05`, or `2025-11-05T07` for an hour."""
    if isinstance(key, dt.datetime):
        return f"{key.date().isoformat()}T{key.hour:02}"
    return key.isoformat()


def parse_key(text: str) -> Key:
    """Parse a key from the form that `key_text` returns.

    Raises:
        ValueError: the text does not have this form.
    """
    if "T" not in text:
        return dt.date.fromisoformat(text)
    day, _, hour = text.partition("T")
    date = dt.date.fromisoformat(day)
    return dt.datetime(date.year, date.month, date.day, int(hour), tzinfo=dt.UTC)


def hours_of(start: dt.datetime, end: dt.datetime) -> list[Key]:
    """Return the keys of the UTC hours from `start` (inclusive) to `end` (exclusive).

    Raises:
        ValueError: the span does not start and end on a UTC hour.
    """
    for moment in (start, end):
        if moment.minute or moment.second or moment.microsecond:
            message = f"{moment:%Y-%m-%d %H:%M} UTC is not the start of an hour"
            raise ValueError(message)
    return [start + hours * ONE_HOUR for hours in range((end - start) // ONE_HOUR)]


def _first_instant(day: dt.date, zone: dt.tzinfo, candidate: dt.datetime) -> dt.datetime:
    """Return the first instant of a local day on which the clocks skip midnight.

    `candidate` is an instant in this day. The result is at most one day before `candidate`.
    """
    # Both variables count seconds back from `candidate`.
    too_far_back, within_day = int(ONE_DAY.total_seconds()), 0
    while too_far_back - within_day > 1:
        middle = (too_far_back + within_day) // 2
        if (candidate - dt.timedelta(seconds=middle)).astimezone(zone).date() >= day:
            within_day = middle
        else:
            too_far_back = middle
    return candidate - dt.timedelta(seconds=within_day)
