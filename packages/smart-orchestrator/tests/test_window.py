from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smart_orchestrator.errors import WindowError
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.model.window import MAX_KEYS, Window, parse_day, today_utc

DAYS = st.dates(dt.date(20, 1, 1), dt.date(9980, 12, 31))
LENGTHS = st.integers(1, MAX_KEYS)
LAGS = st.integers(0, 60)


def day(text):
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("days", "as_of", "lag", "text"),
    [
        (5, "2025-11-12", 3, "2025-11-05 .. 2025-11-09"),
        (1, "2025-11-12", 3, "2025-11-09 .. 2025-11-09"),
        (5, "2025-11-12", 0, "2025-11-08 .. 2025-11-12"),
        (10, "2025-11-01", 3, "2025-10-20 .. 2025-10-29"),
        (2, "2024-03-04", 3, "2024-02-29 .. 2024-03-01"),
        (3, "2025-01-04", 3, "2024-12-30 .. 2025-01-01"),
        (MAX_KEYS, "2025-11-12", 3, "2015-11-03 .. 2025-11-09"),
    ],
)
def test_the_last_days_that_the_source_has(days, as_of, lag, text):
    window = Window.of_days(days, day(as_of), lag)
    assert str(window) == text
    assert len(window) == days


@given(LENGTHS, DAYS, LAGS)
def test_a_window_of_days_ends_on_the_newest_published_day_and_nothing_in_it_is_within_the_lag(
    days, as_of, lag
):
    window = Window.of_days(days, as_of, lag)
    assert window.last == as_of - dt.timedelta(days=lag)
    assert len(window) == days
    assert not any(window.within_lag(each) for each in (window.start, window.last))
    assert window.within_lag(window.stop)


@given(DAYS, st.integers(0, 400), DAYS)
def test_iteration_length_and_membership_agree(start, more, as_of):
    end = start + dt.timedelta(days=more)
    window = Window.between(start, end, as_of)
    days = list(window)
    assert days == sorted(set(days))
    assert len(days) == len(window) == more + 1
    assert (days[0], days[-1]) == (start, end) == (window.start, window.last)
    assert all(each in window for each in days)
    assert start - dt.timedelta(days=1) not in window
    assert window.stop not in window


@given(st.dates(), st.dates(), st.integers(0, 10**6))
@example(dt.date.min, dt.date.min, 3)
@example(dt.date.max, dt.date.min, 0)
@example(dt.date.max, dt.date.max, 10**6)
def test_within_the_lag_is_decided_by_distance_at_the_ends_of_the_calendar_too(each, as_of, lag):
    window = Window(dt.date(2025, 1, 1), dt.date(2025, 1, 2), as_of, lag)
    assert window.within_lag(each) == (each.toordinal() + lag > as_of.toordinal())


def test_what_is_no_day_is_not_in_a_window():
    window = Window.of_days(5, day("2025-11-12"))
    assert "2025-11-06" not in window
    assert day("2025-11-06") in window


def test_the_first_and_the_last_days_of_the_calendar():
    assert list(Window.between(dt.date.min, dt.date.min, dt.date.min, 0)) == [dt.date.min]
    last = dt.date.max - dt.timedelta(days=1)
    assert list(Window.between(last, last, dt.date.max, 0)) == [last]


def of_days(*arguments):
    return lambda: Window.of_days(*arguments)


@pytest.mark.parametrize(
    ("make", "field", "text"),
    [
        (of_days(0, day("2025-11-12")), "days", "days: 0 is not between 1 and 3660. Give for example 5."),
        (of_days(-1, day("2025-11-12")), "days", "days: -1 is not between 1 and 3660. Give for example 5."),
        (
            of_days(3661, day("2025-11-12")),
            "days",
            "days: 3661 is not between 1 and 3660. Give for example 5.",
        ),
        (of_days(5, day("2025-11-12"), -1), "lag", "lag: -1 is less than 0. Give 0 or more days."),
        (
            of_days(5, dt.date.min, 0),
            "as_of",
            "as_of: 0001-01-01 puts the window outside the years 1 to 9999. Give a day further from these limits.",
        ),
        (
            of_days(5, dt.date.max, 0),
            "as_of",
            "as_of: 9999-12-31 puts the window outside the years 1 to 9999. Give a day further from these limits.",
        ),
        (
            of_days(5, day("2025-11-12"), 10**12),
            "as_of",
            "as_of: 2025-11-12 puts the window outside the years 1 to 9999. Give a day further from these limits.",
        ),
        (
            lambda: Window.between(day("2025-11-09"), day("2025-11-05"), day("2025-11-12")),
            "end",
            "end: 2025-11-05 is before the start 2025-11-09. Give an end on or after the start.",
        ),
        (
            lambda: Window.between(day("2025-11-09"), dt.date.max, day("2025-11-12")),
            "end",
            "end: 9999-12-31 is the last day of the calendar. Give an earlier day.",
        ),
        (
            lambda: Window.between(day("2001-01-01"), day("2025-11-05"), day("2025-11-12")),
            "days",
            "days: 9075 is more than 3660 days. Give a shorter window.",
        ),
        (
            lambda: Window.between(day("2025-11-09"), day("2025-11-09"), day("2025-11-12"), -2),
            "lag",
            "lag: -2 is less than 0. Give 0 or more days.",
        ),
        (
            lambda: Window(day("2025-11-05"), day("2025-11-06"), day("2025-11-12"), 1.5),
            "lag",
            "lag: 1.5 is not an integer from 0 on. Give 0 or more days.",
        ),
        (
            lambda: Window("2025-11-05", day("2025-11-06"), day("2025-11-12")),
            "start",
            "start: 2025-11-05 is not a key of grain day. Give the start of a day.",
        ),
        (
            lambda: Window(dt.date.min, dt.date.min, dt.date.min),
            "stop",
            "stop: 0001-01-01 is not after the start 0001-01-01. Give a later day.",
        ),
    ],
)
def test_what_cannot_be_a_window_is_refused_with_value_and_fix(make, field, text):
    with pytest.raises(WindowError) as caught:
        make()
    assert caught.value.field == field
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("first", "last", "grain", "field"),
    [
        (day("2025-11-03"), day("2025-11-05"), Grain.WEEK, "end"),
        (day("2025-11-01"), day("2025-11-30"), Grain.MONTH, "end"),
        (day("2025-11-04"), day("2025-11-10"), Grain.WEEK, "start"),
        (day("2025-11-04"), dt.datetime(2025, 11, 5, tzinfo=dt.UTC), Grain.DAY, "end"),
        (dt.datetime(2025, 11, 4, tzinfo=dt.UTC), dt.datetime(2025, 11, 5), Grain.HOUR, "end"),  # noqa: DTZ001
    ],
)
def test_both_ends_of_a_window_are_keys_of_its_grain(first, last, grain, field):
    with pytest.raises(WindowError, match=f"is not a key of grain {grain}") as caught:
        Window.between(first, last, last, grain=grain)
    assert caught.value.field == field


@given(st.dates())
def test_a_day_is_read_as_it_is_written(each):
    assert parse_day(each.isoformat()) == each


@pytest.mark.parametrize(
    "text", ["", "x", "20251109", "2025-11-9", "2025-11-09 ", "2025-11-09\n", "٢٠٢٥-11-09", "2025-W45-7"]
)
def test_what_is_not_written_as_a_day_is_refused(text):
    with pytest.raises(WindowError) as caught:
        parse_day(text, "start")
    assert (
        str(caught.value)
        == f"start: {text!r} is not a day. Write a day as YYYY-MM-DD, for example 2025-11-09."
    )


@pytest.mark.parametrize("text", ["2025-02-30", "2025-13-01", "2023-02-29", "0000-01-01"])
def test_a_day_that_the_calendar_lacks_is_refused(text):
    with pytest.raises(WindowError, match=f"as_of: '{text}' is not a day of the calendar. Write a day as"):
        parse_day(text, "as_of")


def test_today_is_the_day_in_utc():
    before = dt.datetime.now(tz=dt.UTC).date()
    assert before <= today_utc() <= dt.datetime.now(tz=dt.UTC).date()


def test_a_day_is_expected_from_the_lag_on_and_the_calendar_ends():
    window = Window.of_days(5, dt.date(2025, 11, 12))
    assert window.expected_from(dt.date(2025, 11, 10)) == dt.date(2025, 11, 13)
    assert window.expected_from(dt.date(9999, 12, 30)) == dt.date.max
