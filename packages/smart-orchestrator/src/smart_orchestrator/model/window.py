"""Windows of consecutive partition keys of one grain.

In text, a window includes its last key (`2025-11-05 .. 2025-11-09`). In code, it is half-open (`start`, `stop`). The calculations
are pure: the as-of key is an argument, and only `today_utc` reads the clock. Invalid arguments raise `WindowError`, which names
the argument.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.errors import WindowError
from smart_orchestrator.model.grain import Grain, key_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smart_orchestrator.model.grain import Key

# The largest number of keys in a window: about ten years of days or hours. The limit for days also applies to weeks and months.
MAX_DAYS = 3660
MAX_HOURS = MAX_DAYS * 24


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
    """A half-open range of keys, `start` <= key < `stop`, with an as-of key and a publication lag.

    The source is expected to have published a key if the key is at least `lag` grains before the as-of key.

    Attributes:
        start: the first key.
        stop: the key after the last key.
        as_of: the key that counts as now.
        lag: the publication lag, in grains: the distance from a key to the first as-of key on which the source has it.
        grain: the grain of the keys.
    """

    start: Key
    stop: Key
    as_of: Key
    lag: int = 3
    grain: Grain = Grain.DAY

    def __post_init__(self) -> None:
        if self.lag < 0:
            raise WindowError("lag", self.lag, "is negative", f"Give 0 or more {self.grain}s.")
        for field in ("start", "stop", "as_of"):
            key = getattr(self, field)
            if self.grain is not Grain.DAY and not self.grain.is_key(key):
                raise WindowError(
                    field, key, f"is not a key of grain {self.grain}", "Give the start of a span."
                )
        if self.stop <= self.start:
            raise WindowError(
                "stop",
                key_text(self.stop),
                f"is not after the start {key_text(self.start)}",
                f"Give a later {self.grain}.",
            )
        if len(self) > _longest(self.grain):
            raise WindowError(
                f"{self.grain}s",
                len(self),
                f"is more than {_longest(self.grain)} {self.grain}s",
                "Give a shorter window.",
            )

    @classmethod
    def of_days(cls, days: int, as_of: dt.date, lag: int = 3) -> Window:
        """Return the window of the last `days` days that the source has published by `as_of`.

        With the default lag, `days=5, as_of=2025-11-12` ends on 2025-11-09.

        Raises:
            WindowError: `days` is not between 1 and 3660, or the window begins before the year 1.
        """
        return cls.of_last(days, as_of, lag)

    @classmethod
    def of_last(cls, count: int, as_of: Key, lag: int = 3, grain: Grain = Grain.DAY) -> Window:
        """Return the window of the last `count` keys that the source has published by `as_of`.

        Raises:
            WindowError: `count` is too small or too large, or the window begins before the year 1.
        """
        if not 1 <= count <= _longest(grain):
            raise WindowError(
                f"{grain}s", count, f"is not between 1 and {_longest(grain)}", "Give for example 5."
            )
        if lag < 0:
            raise WindowError("lag", lag, "is negative", f"Give 0 or more {grain}s.")
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
        """Return the window from `start` to `end`, both inclusive. The window may contain keys within the lag.

        Raises:
            WindowError: `end` is before `start`, or the window has too many keys.
        """
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
        """The last key that is in the window."""
        return self.grain.key_at(self.grain.index(self.stop) - 1)

    @property
    def newest_published(self) -> Key:
        """The newest key that the source has published by the as-of key."""
        return self.grain.key_at(self.grain.index(self.as_of) - self.lag)

    def within_lag(self, key: Key) -> bool:
        """Return whether `key` is within the publication lag, so that the source may not have published it by the as-of key."""
        return self.grain.index(self.as_of) - self.grain.index(key) < self.lag

    def expected_from(self, key: Key) -> Key:
        """Return the first as-of key on which the source has `key`, at most the last key that Python's dates can express."""
        return self.grain.key_at(min(self.grain.index(key) + self.lag, self.grain.last_index))

    def position(self, key: Key) -> int:
        """Return the number of keys from `start` to `key`. It is negative for a key before the window."""
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


def _longest(grain: Grain) -> int:
    """Return the largest number of keys in a window of a grain."""
    return MAX_HOURS if grain is Grain.HOUR else MAX_DAYS
