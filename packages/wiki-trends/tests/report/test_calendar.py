import datetime as dt
from dataclasses import replace

import pytest

from testing.window_data import day_number, run_record
from wiki_trends.report import calendar
from wiki_trends.report.calendar import CalendarDay, kind_of


def days(kinds):
    return [
        CalendarDay(day_number(offset), kind, "", "why" if kind != "complete" else "", kind == "complete")
        for offset, kind in enumerate(kinds)
    ]


def test_weeks_go_from_monday_to_sunday_and_hold_only_the_window():
    window_calendar = calendar.calendar(days(["complete"] * 7))
    assert [len(week) for week in window_calendar.weeks] == [7, 7]
    assert window_calendar.weeks[0][:2] == (None, None)
    assert [day.day for day in window_calendar.days] == [day_number(offset) for offset in range(7)]
    assert not window_calendar.dense


def test_a_year_stands_side_by_side_with_its_months():
    window_calendar = calendar.calendar(days(["complete"] * 365))
    assert window_calendar.dense
    assert sum(weeks for _, weeks in window_calendar.months) == len(window_calendar.weeks) == 53
    assert window_calendar.months[0] == ("Nov 2025", 4)


def test_the_label_says_day_state_and_reason():
    window_calendar = calendar.calendar(days(["complete", "absent"]))
    assert [day.label for day in window_calendar.days] == [
        "Wednesday 5 November 2025, complete",
        "Thursday 6 November 2025, absent: why",
    ]
    assert [day.day for day in window_calendar.flagged] == [day_number(1)]
    assert window_calendar.kinds == ("complete", "absent")


@pytest.mark.parametrize(
    ("state", "code", "available", "kind"),
    [
        ("complete", "OK", True, "complete"),
        ("complete", "UNUSUAL_VOLUME", True, "unusual"),
        ("complete", "UNUSUAL_VOLUME", False, "invalid"),
        ("absent", "MISSING", False, "absent"),
        ("absent", "WITHIN_LAG", False, "lag"),
        ("absent", "WAIVED", False, "waived"),
        ("uncommitted", "STILL_WRITING", False, "uncommitted"),
        ("invalid", "SHORT", False, "invalid"),
    ],
)
def test_the_kind_follows_state_and_reason(state, code, available, kind):
    assert kind_of(state, code, available=available) == kind


def test_a_run_says_why_a_day_is_not_in_it():
    run = run_record([day_number(0), day_number(1), day_number(2)])
    states = {"2025-11-06": {"state": "invalid", "code": "SHORT", "reason": "2 rows, at least 10 expected"}}
    run = replace(run, days_used=(day_number(0), day_number(2)), states=states)
    assert [(day.kind, day.code, day.available) for day in calendar.of_run(run).days] == [
        ("complete", "", True),
        ("invalid", "SHORT", False),
        ("complete", "", True),
    ]


def test_a_run_of_an_earlier_version_knows_only_what_was_used():
    run = run_record([day_number(0), day_number(1), day_number(2)])
    run = replace(run, days_used=(day_number(0),), as_of=day_number(2) + dt.timedelta(days=1))
    kinds = [(day.kind, day.available) for day in calendar.of_run(run).days]
    assert kinds == [("complete", True), ("lag", False), ("lag", False)]
    assert "did not record the reason" in calendar.of_run(run).days[1].reason
