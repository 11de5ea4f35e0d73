"""Windows of partition keys of one grain, calculated without I/O.

A window is inclusive in text (`2025-11-05 .. 2025-11-09`) and half-open in code (`start`, `stop`). The as-of key
stands for the current time, and is an argument. Only `today_utc` reads the clock, and only entry points call `today_utc`. An impossible window raises `WindowError`,
which names the invalid argument.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.errors import WindowError
from smart_orchestrator.foreign import MAX_INTEGER
from smart_orchestrator.model.bounds import integer_problem
from smart_orchestrator.model.grain import Grain, key_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smart_orchestrator.model.grain import Key

# The largest number of keys in a window, for days, weeks and months. For days, this is ten years.
MAX_KEYS = 3660
MAX_HOURLY_KEYS = MAX_KEYS * 24


def today_utc() -> dt.date:
    """Return the current UTC day."""
    return dt.datetime.now(tz=dt.UTC).date()


def parse_day(text: str, field: str = "day") -> dt.date:
    """Parse a UTC day written as `YYYY-MM-DD`.

    Raises:
        WindowError: the text does not have this form, or the date does not exist.
    """
    fix = "Write a day as YYYY-MM-DD, for example 2025-11-09."
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise WindowError(field, repr(text), "is not a day", fix)
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise WindowError(field, repr(text), "is not a day of the calendar", fix) from None


@dataclass(frozen=True, slots=True)
class Window:
    """The keys `start` <= key < `stop` of one grain, evaluated on an as-of key with a publication lag.

    A key is expected if it is at least `lag` grains before the as-of key.

    Attributes:
        start: the first key of the window.
        stop: the key after the last key of the window.
        as_of: the as-of key, which stands for the current time.
        lag: the publication lag: the number of grains after which the upstream has published a key.
        grain: the grain of all keys.
    """

    start: Key
    stop: Key
    as_of: Key
    lag: int = 3
    grain: Grain = Grain.DAY

    def __post_init__(self) -> None:
        if problem := integer_problem(self.lag, high=MAX_INTEGER):
            raise WindowError("lag", self.lag, problem, f"Give 0 or more {self.grain}s.")
        for field in ("start", "stop", "as_of"):
            _require_key(field, getattr(self, field), self.grain)
        if self.stop <= self.start:
            raise WindowError(
                "stop",
                key_text(self.stop),
                f"is not after the start {key_text(self.start)}",
                f"Give a later {self.grain}.",
            )
        if len(self) > max_length(self.grain):
            raise WindowError(
                f"{self.grain}s",
                len(self),
                f"is more than {max_length(self.grain)} {self.grain}s",
                "Give a shorter window.",
            )

    @classmethod
    def of_days(cls, days: int, as_of: dt.date, lag: int = 3) -> Window:
        """Return the window of the last `days` days that the upstream has published by `as_of`.

        With the default lag, the window for `days=5` and `as_of=2025-11-12` ends on 2025-11-09.

        Raises:
            WindowError: `days` is not between 1 and 3660, `lag` is negative, or the window is outside the years 1 to 9999.
        """
        return cls.of_last(days, as_of, lag)

    @classmethod
    def of_last(cls, count: int, as_of: Key, lag: int = 3, grain: Grain = Grain.DAY) -> Window:
        """Return the window of the last `count` keys that the upstream has published by `as_of`.

        Raises:
            WindowError: `count` is not between 1 and `max_length`, `as_of` is not a key of the grain, `lag` is negative, or the window is
                outside the years 1 to 9999.
        """
        if not 1 <= count <= max_length(grain):
            raise WindowError(
                f"{grain}s", count, f"is not between 1 and {max_length(grain)}", "Give for example 5."
            )
        if problem := integer_problem(lag, high=MAX_INTEGER):
            raise WindowError("lag", lag, problem, f"Give 0 or more {grain}s.")
        try:
            stop = grain.index(as_of) - lag + 1
            return cls(grain.key_at(stop - count), grain.key_at(stop), as_of, lag, grain)
        except (OverflowError, ValueError):
            raise WindowError(
                "as_of",
                key_text(as_of),
                "puts the window outside the years 1 to 9999",
                f"Give a {grain} further from these limits.",
            ) from None

    @classmethod
    def between(cls, start: Key, end: Key, as_of: Key, lag: int = 3, grain: Grain = Grain.DAY) -> Window:
        """Return the window from `start` to `end`, both inclusive. Keys within the lag are included but not expected.

        Raises:
            WindowError: `start`, `end` or `as_of` is not a key of the grain, `end` is before `start` or the last key of the year 9999, `lag`
                is negative, or the window is longer than `max_length` allows.
        """
        _require_key("start", start, grain)
        _require_key("end", end, grain)
        if end < start:
            raise WindowError(
                "end",
                key_text(end),
                f"is before the start {key_text(start)}",
                "Give an end on or after the start.",
            )
        if grain.index(end) >= grain.last_index:
            raise WindowError(
                "end",
                key_text(end),
                f"is the last {grain} of the calendar",
                f"Give an earlier {grain}.",
            )
        return cls(start, grain.key_at(grain.index(end) + 1), as_of, lag, grain)

    @property
    def last(self) -> Key:
        """The last key of the window, inclusive."""
        return self.grain.key_at(self.grain.index(self.stop) - 1)

    @property
    def newest_published(self) -> Key:
        """The newest key that the upstream has published by the as-of key."""
        return self.grain.key_at(self.grain.index(self.as_of) - self.lag)

    def within_lag(self, key: Key) -> bool:
        """Return whether `key` is so recent that the upstream may not have published `key` by the as-of key."""
        return self.grain.index(self.as_of) - self.grain.index(key) < self.lag

    def expected_from(self, key: Key) -> Key:
        """Return the first as-of key for which `key` is expected, or the last key of the calendar if that is earlier."""
        return self.grain.key_at(min(self.grain.index(key) + self.lag, self.grain.last_index))

    def position(self, key: Key) -> int:
        """Return the position of a key in the window, counted from 0. The position of a key before the window is negative."""
        return self.grain.index(key) - self.grain.index(self.start)

    def __len__(self) -> int:
        return self.position(self.stop)

    def __iter__(self) -> Iterator[Key]:
        first = self.grain.index(self.start)
        return (self.grain.key_at(first + offset) for offset in range(len(self)))

    def __contains__(self, key: object) -> bool:
        hourly = self.grain is Grain.HOUR
        return (
            isinstance(key, dt.date)
            and isinstance(key, dt.datetime) == hourly
            and self.start <= key < self.stop
        )

    def __str__(self) -> str:
        return f"{key_text(self.start)} .. {key_text(self.last)}"


def max_length(grain: Grain) -> int:
    """Return the largest number of keys in a window."""
    return MAX_HOURLY_KEYS if grain is Grain.HOUR else MAX_KEYS


def _require_key(field: str, key: Key, grain: Grain) -> None:
    if not grain.is_key(key):
        raise WindowError(field, key, f"is not a key of grain {grain}", f"Give the start of a {grain}.")
