"""Partition keys as text, and the span of a key."""

from __future__ import annotations

import datetime as dt


def key_text(key: dt.date) -> str:
    """A key as text: `2025-11-05`, or `2025-11-05T07` for an hour."""
    return key.strftime("%Y-%m-%dT%H") if isinstance(key, dt.datetime) else key.isoformat()


def parse_key(text: str) -> dt.date:
    """The key that `key_text` wrote.

    Raises:
        ValueError: the text is not a key.
    """
    if "T" not in text:
        return dt.date.fromisoformat(text)
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def utc_span(key: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """The start and the end of a key in UTC: of its hour for a `datetime`, of its day for a `date`."""
    if isinstance(key, dt.datetime):
        return key, key + dt.timedelta(hours=1)
    start = dt.datetime.combine(key, dt.time(), dt.UTC)
    return start, start + dt.timedelta(days=1)
