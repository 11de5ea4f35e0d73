"""Windows of UTC days: a pure calculation, without clock and without I/O.

A window is inclusive in text (`2025-11-05 .. 2025-11-09`) and half-open in code (`start`, `stop`). The as-of day is an
argument; only `today_utc` reads the clock, and only the outermost callers use it. An impossible window raises
`WindowError`, which names the argument at fault.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.errors import WindowError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DAYS = 3660
ONE_DAY = dt.timedelta(days=1)


def today_utc() -> dt.date:
    """The current UTC day."""
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
    """The days `start` <= day < `stop`, evaluated on an as-of day with a publication lag.

    Attributes:
        start: first day, UTC.
        stop: the day after the last day, UTC.
        as_of: the UTC day that counts as today.
        lag: number of days between a day and the first as-of day on which the source publishes it.
    """

    start: dt.date
    stop: dt.date
    as_of: dt.date
    lag: int = 3

    def __post_init__(self) -> None:
        if self.lag < 0:
            raise WindowError("lag", self.lag, "is negative", "Give 0 or more days.")
        if self.stop <= self.start:
            raise WindowError("stop", self.stop, f"is not after the start {self.start}", "Give a later day.")
        if len(self) > MAX_DAYS:
            raise WindowError("days", len(self), f"is more than {MAX_DAYS} days", "Give a shorter window.")

    @classmethod
    def of_days(cls, days: int, as_of: dt.date, lag: int = 3) -> Window:
        """The last `days` days that the source has published by `as_of`.

        With the default lag, `days=5, as_of=2025-11-12` ends on 2025-11-09.

        Raises:
            WindowError: `days` is not between 1 and 3660, or the window reaches before the year 1.
        """
        if not 1 <= days <= MAX_DAYS:
            raise WindowError("days", days, f"is not between 1 and {MAX_DAYS}", "Give for example 5.")
        if lag < 0:
            raise WindowError("lag", lag, "is negative", "Give 0 or more days.")
        try:
            stop = as_of - dt.timedelta(days=lag) + ONE_DAY
            start = stop - dt.timedelta(days=days)
        except OverflowError:
            raise WindowError(
                "as_of", as_of, "puts the window beyond the calendar", "Give a day further from its ends."
            ) from None
        return cls(start=start, stop=stop, as_of=as_of, lag=lag)

    @classmethod
    def between(cls, start: dt.date, end: dt.date, as_of: dt.date, lag: int = 3) -> Window:
        """The days from `start` to `end`, both inclusive. Days within the lag are included but not expected.

        Raises:
            WindowError: `end` is before `start`, or the window is longer than 3660 days.
        """
        if end < start:
            raise WindowError(
                "end", end, f"is before the start {start}", "Give an end on or after the start."
            )
        if end == dt.date.max:
            raise WindowError("end", end, "is the last day of the calendar", "Give an earlier day.")
        return cls(start=start, stop=end + ONE_DAY, as_of=as_of, lag=lag)

    @property
    def last(self) -> dt.date:
        """The last day of the window, inclusive."""
        return self.stop - ONE_DAY

    @property
    def newest_published(self) -> dt.date:
        """The newest day that the source has published by the as-of day."""
        return self.as_of - dt.timedelta(days=self.lag)

    def within_lag(self, day: dt.date) -> bool:
        """Whether `day` is so recent that the source may not have published it by the as-of day."""
        return (self.as_of - day).days < self.lag

    def expected_from(self, day: dt.date) -> dt.date:
        """The first as-of day on which the source has `day`, capped at the last day of the calendar."""
        return min(day, dt.date.max - dt.timedelta(days=self.lag)) + dt.timedelta(days=self.lag)

    def __len__(self) -> int:
        return (self.stop - self.start).days

    def __iter__(self) -> Iterator[dt.date]:
        return (self.start + dt.timedelta(days=offset) for offset in range(len(self)))

    def __contains__(self, day: object) -> bool:
        return isinstance(day, dt.date) and self.start <= day < self.stop

    def __str__(self) -> str:
        return f"{self.start} .. {self.last}"
