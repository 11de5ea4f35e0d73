from __future__ import annotations

import datetime as dt
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_orchestrator.checking import check
from smart_orchestrator.committing.writer import write_frame
from smart_orchestrator.model.completeness import Policy
from smart_orchestrator.model.dataset import Column, Dataset
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.model.partition import Code, State
from smart_orchestrator.model.window import Window
from smart_orchestrator.volume_check import MIN_PAST_KEYS, MIN_RELATIVE_WIDTH, band, with_volume
from testing.lakes import AS_OF, DAY, frame, pages

ONE = Window.between(DAY, DAY, AS_OF)
NOON = dt.datetime(2025, 11, 5, 12, tzinfo=dt.UTC)


def lake_with_past(lake_url, lake, *, today, past=8, rows=100):
    dataset = pages(lake_url)
    for week in range(1, past + 1):
        write_frame(dataset, DAY - dt.timedelta(weeks=week), frame(rows + week % 3), lake=lake)
    write_frame(dataset, DAY, frame(today), lake=lake)
    return dataset


def test_half_a_day_is_complete_with_a_warning(lake_url, lake):
    dataset = lake_with_past(lake_url, lake, today=50)
    checked = with_volume(dataset, check(dataset, ONE, lake=lake), lake=lake)
    assert (checked[DAY].state, checked[DAY].code) == (State.COMPLETE, Code.UNUSUAL_VOLUME)
    assert checked[DAY].reason == "rows 50, usual on this weekday are 91 to 111"
    assert checked.ready


def test_strict_makes_it_invalid(lake_url, lake):
    dataset = lake_with_past(lake_url, lake, today=50)
    checked = with_volume(dataset, check(dataset, ONE, lake=lake, policy=Policy(strict=True)), lake=lake)
    assert checked.policy.state_of(checked[DAY]) is State.INVALID
    assert checked.missing == (DAY,)
    assert (checked.to_json()["days"][0]["state"], checked.to_json()["days"][0]["code"]) == (
        "invalid",
        "UNUSUAL_VOLUME",
    )


def test_a_usual_day_is_ok(lake_url, lake):
    dataset = lake_with_past(lake_url, lake, today=97)
    assert with_volume(dataset, check(dataset, ONE, lake=lake), lake=lake)[DAY].code is Code.OK


def test_the_total_counts_too(lake_url, lake):
    import polars as pl

    dataset = lake_with_past(lake_url, lake, today=100)
    doubled = frame(100).with_columns(views=pl.col("views") * 2)
    write_frame(dataset, DAY, doubled, lake=lake)
    checked = with_volume(dataset, check(dataset, ONE, lake=lake), lake=lake)
    assert checked[DAY].code is Code.UNUSUAL_VOLUME
    assert checked[DAY].reason.startswith("total ")


def test_too_few_past_days_give_no_verdict(lake_url, lake):
    dataset = lake_with_past(lake_url, lake, today=1, past=MIN_PAST_KEYS - 1)
    assert with_volume(dataset, check(dataset, ONE, lake=lake), lake=lake)[DAY].code is Code.OK


def test_the_data_of_past_days_are_not_read_and_the_requests_are_counted_apart(lake_url, lake):
    dataset = lake_with_past(lake_url, lake, today=100)
    checked = with_volume(dataset, check(dataset, ONE, lake=lake, strays=False), lake=lake)
    assert checked.requests == {"list": 1, "get": 1}
    assert checked.volume_requests == {"list": 8, "get": 8}
    assert checked.to_json()["volume_requests"] == {"list": 8, "get": 8}


def test_missing_days_stay_missing(lake_url, lake):
    dataset = pages(lake_url)
    assert with_volume(dataset, check(dataset, ONE, lake=lake), lake=lake)[DAY].code is Code.MISSING


@pytest.mark.parametrize(
    ("grain", "template", "keys"),
    [
        (Grain.HOUR, "h/{start:%Y-%m-%dT%H}", [NOON - dt.timedelta(weeks=n) for n in range(6)]),
        (Grain.WEEK, "w/{start:%G-W%V}", [dt.date(2025, 11, 3) - dt.timedelta(weeks=n) for n in range(6)]),
        (Grain.MONTH, "m/{start:%Y-%m}", [dt.date(2025, 11 - n, 1) for n in range(6)]),
    ],
)
def test_partitions_of_every_grain_are_compared_with_those_before(tmp_path, grain, template, keys):
    columns = (Column("page", "string"), Column("views", "integer"))
    dataset = Dataset("grains", str(tmp_path), template, grain=grain, columns=columns, lag=0)
    for key in keys:
        write_frame(dataset, key, frame(10 if key == keys[0] else 100).select("page", "views"))
    window = Window(keys[0], grain.key_at(grain.index(keys[0]) + 1), keys[0], 0, grain)
    checked = with_volume(dataset, check(dataset, window))

    assert checked[keys[0]].code is Code.UNUSUAL_VOLUME
    weekday = " on this weekday" if grain is Grain.HOUR else ""
    assert checked[keys[0]].reason == f"rows 10, usual{weekday} are 90 to 110"


def test_the_first_days_of_the_calendar_have_no_past(tmp_path):
    dataset = pages(str(tmp_path))
    write_frame(dataset, dt.date(1, 1, 10), frame(3))
    window = Window.between(dt.date(1, 1, 10), dt.date(1, 1, 10), AS_OF)

    assert with_volume(dataset, check(dataset, window))[dt.date(1, 1, 10)].code is Code.OK


@given(st.lists(st.integers(0, 10**9), min_size=MIN_PAST_KEYS, max_size=8))
def test_the_median_is_always_usual_and_the_band_never_narrower_than_a_tenth(past):
    usual = band(past)
    assert usual is not None
    middle = median(past)
    assert middle in usual
    assert usual.high - middle >= MIN_RELATIVE_WIDTH * middle * 0.999999


@given(st.lists(st.integers(1, 10**6), min_size=MIN_PAST_KEYS, max_size=8), st.integers(2, 50))
def test_the_band_scales_with_the_numbers(past, factor):
    usual, larger = band(past), band([value * factor for value in past])
    assert usual is not None
    assert larger is not None
    assert abs(larger.high - usual.high * factor) < 1e-6 * larger.high


def test_a_single_wild_week_does_not_widen_the_band():
    assert band([100, 101, 99, 100, 102, 98, 100, 10_000]).high < 120
