"""Bounds of numbers that users set.

Each function returns what is wrong with a value, as the rest of a sentence, or an empty text for a valid value. The upper
bounds keep a mistyped value from overflowing a timer or an integer of a library.
"""

from __future__ import annotations

import math

MAX_COUNT = 1_000_000
MAX_RETRIES = 1000
MAX_RECHECK_DAYS = 366
# One year.
MAX_SECONDS = 366 * 86_400


def integer_problem(value: object, low: int = 0, high: int = MAX_COUNT) -> str:
    """Return the problem of a value that must be an integer from `low` to `high`."""
    if not isinstance(value, int) or isinstance(value, bool):
        return f"is not an integer from {low} on"
    if value < low:
        return f"is less than {low}"
    return f"is more than {high}" if value > high else ""


def seconds_problem(value: object, *, zero: bool = False) -> str:
    """Return the problem of a value that must be a number of seconds, above 0 or, with `zero`, of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return "is not a number of seconds"
    if value < 0 or (value == 0 and not zero):
        return f"is not a number of seconds {'from 0 on' if zero else 'above 0'}"
    return f"is more than {MAX_SECONDS} seconds, which is a year" if value > MAX_SECONDS else ""
