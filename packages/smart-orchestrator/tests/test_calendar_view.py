from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from smart_orchestrator.model.completeness import Completeness, Policy
from smart_orchestrator.model.partition import Code, Partition
from smart_orchestrator.model.window import Window
from smart_orchestrator.text.calendar import LEGEND, calendar_rows, watermark

CODES = (
    Code.OK,
    Code.UNUSUAL_VOLUME,
    Code.MISSING,
    Code.NO_MARKER,
    Code.SHORT,
    Code.WITHIN_LAG,
    Code.WAIVED,
    Code.BEYOND_UPSTREAM_HISTORY,
    Code.NOT_PUBLISHED,
    Code.RESTATED,
)


def completeness(start, codes, policy=None):
    window = Window.between(start, start + dt.timedelta(days=len(codes) - 1), dt.date(2030, 1, 1))
    days = tuple(Partition(day, code, "") for day, code in zip(window, codes, strict=True))
    return Completeness("pages", window, days, policy=policy or Policy())


def test_weeks_begin_on_monday_and_days_outside_the_window_are_blank():
    found = completeness(
        dt.date(2025, 11, 5),
        [Code.OK, Code.MISSING, Code.SHORT, Code.NO_MARKER, Code.WAIVED, Code.WITHIN_LAG],
    )
    rows = [(monday, "".join(sign for sign, _ in cells)) for monday, cells in calendar_rows(found)]
    assert rows == [("2025-11-03", "  ■·✗◐w"), ("2025-11-10", "~      ")]


def test_every_kind_of_day_has_a_mark_of_its_own_and_stands_in_the_legend():
    monday = dt.date(2025, 11, 3)
    rows = calendar_rows(completeness(monday, CODES))
    marks = [sign for _, cells in rows for sign, _ in cells if sign != " "]
    assert len(set(marks)) == len(marks) == len(LEGEND)
    assert set(marks) == {sign for sign, _, _ in LEGEND}


def test_an_unusual_day_that_strict_made_invalid_looks_invalid():
    monday = dt.date(2025, 11, 3)
    [(_, cells)] = calendar_rows(completeness(monday, [Code.UNUSUAL_VOLUME], Policy(strict=True)))
    assert cells[0][0] == "✗"


@given(
    st.dates(dt.date(2016, 1, 1), dt.date(2025, 1, 1)),
    st.lists(st.sampled_from(CODES), min_size=1, max_size=60),
)
def test_the_watermark_has_nothing_missing_up_to_it_and_is_the_last_such_day(start, codes):
    found = completeness(start, codes)
    last = watermark(found)
    if last is None:
        assert not found.expected or found.missing[0] == found.expected[0]
    else:
        assert last in found.available
        assert all(day > last for day in found.missing)
        after = [day for day in found.expected if day > last]
        assert not after or after[0] in found.missing


@given(st.dates(dt.date(2016, 1, 1), dt.date(2025, 1, 1)), st.integers(1, 500))
def test_each_day_of_the_window_is_drawn_once(start, length):
    found = completeness(start, [Code.OK] * length)
    assert sum(sign == "■" for _, cells in calendar_rows(found) for sign, _ in cells) == length
