"""Spans of keys as text, and neighbours that are alike."""

from __future__ import annotations

import datetime as dt

import pytest

from smart_orchestrator.model.grain import Grain
from smart_orchestrator.text.spans import changed_texts, counted_span, group_alike, span_text

DAY = dt.date(2025, 10, 12)
HOUR = dt.datetime(2025, 11, 5, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("grain", "first", "last", "text"),
    [
        (Grain.DAY, DAY, DAY, "Sunday 12 October 2025"),
        (Grain.DAY, DAY, dt.date(2025, 10, 28), "12–28 October 2025"),
        (Grain.DAY, DAY, dt.date(2025, 11, 3), "12 October – 3 November 2025"),
        (Grain.DAY, DAY, dt.date(2026, 1, 3), "12 October 2025 – 3 January 2026"),
        (Grain.HOUR, HOUR, HOUR, "2025-11-05T00"),
        (Grain.HOUR, HOUR, HOUR + dt.timedelta(hours=7), "2025-11-05T00 – 2025-11-05T07"),
        (Grain.MONTH, dt.date(2025, 1, 1), dt.date(2025, 3, 1), "2025-01-01 – 2025-03-01"),
    ],
    ids=["a day", "a month", "two months", "two years", "an hour", "hours", "months"],
)
def test_a_span_has_each_part_of_a_date_once(grain, first, last, text):
    assert span_text(grain, first, last) == text


@pytest.mark.parametrize("grain", list(Grain), ids=str)
def test_neighbours_that_are_alike_are_a_group_and_a_gap_ends_it(grain):
    start = grain.index(DAY)
    numbers = [0, 1, 2, 4, 5, 6]
    words = dict(zip(numbers, "aabbba", strict=True))
    groups = group_alike(numbers, lambda number: grain.key_at(start + number), words.__getitem__, grain)
    assert groups == [[0, 1], [2], [4, 5], [6]]


def test_a_group_has_its_number():
    days = [DAY + dt.timedelta(days=offset) for offset in range(17)]
    assert counted_span(Grain.DAY, days) == "12–28 October 2025 (17 days)"
    assert counted_span(Grain.WEEK, days[:1]) == "2025-10-12"


def test_changed_days_are_sorted_and_grouped():
    reasons = {"2025-10-14": "gone", "2025-10-12": "changed", "2025-10-13": "changed", "2025-10-20": "gone"}
    assert changed_texts(reasons) == [
        "12–13 October 2025 (2 days): changed",
        "Tuesday 14 October 2025: gone",
        "Monday 20 October 2025: gone",
    ]
