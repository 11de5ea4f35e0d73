from __future__ import annotations

import datetime as dt

import pytest

from smart_orchestrator.foreign import retry_after_seconds

NOW = dt.datetime(2025, 11, 12, 3, 0, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("55", 55.0),
        (" 0 ", 0.0),
        ("Wed, 12 Nov 2025 03:01:40 GMT", 100.0),
        ("Wed, 12 Nov 2025 04:01:40 +0100", 100.0),
        ("Wed, 12 Nov 2025 03:01:40 -0000", 100.0),
        ("Tue, 11 Nov 2025 03:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("²", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(text, seconds):
    assert retry_after_seconds({"retry-after": text}, now=NOW) == seconds


def test_without_retry_after_there_is_no_pause():
    assert retry_after_seconds({}) is None
