"""The real clock, for tests whose dates must not change while they run."""

from __future__ import annotations

import datetime as dt
import time

NEAR_MIDNIGHT = dt.timedelta(minutes=2)


def leave_midnight() -> None:
    """Return when the date in UTC stays the same for at least two minutes: shortly before midnight, wait until it is over."""
    now = dt.datetime.now(tz=dt.UTC)
    midnight = dt.datetime.combine(now.date() + dt.timedelta(days=1), dt.time(), dt.UTC)
    if midnight - now < NEAR_MIDNIGHT:
        time.sleep((midnight - now).total_seconds() + 1)
