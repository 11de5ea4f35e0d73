from __future__ import annotations

import datetime as dt
import importlib.resources
import zoneinfo
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_orchestrator.errors import WindowError
from smart_orchestrator.model.dataset import Dataset
from smart_orchestrator.model.grain import Grain, hours_of, key_text, parse_key
from smart_orchestrator.model.spans import has_whole_hours, keys_for, keys_overlapping, window_for
from smart_orchestrator.model.window import Window

GRAINS = st.sampled_from(list(Grain))
MOMENTS = st.integers(20 * 366 * 86400, 9997 * 365 * 86400).map(
    lambda seconds: dt.datetime(1, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)
)
ZONES = sorted(
    name for name in available_timezones() if "/" in name and not name.startswith(("posix/", "right/"))
)


def rules_of(zone_name):
    """The bytes of a zone's file: many names are links to one file."""
    for folder in zoneinfo.TZPATH:
        file = Path(folder) / zone_name
        if file.is_file():
            return file.read_bytes()
    return importlib.resources.files("tzdata.zoneinfo").joinpath(zone_name).read_bytes()


DISTINCT_ZONES = sorted({rules_of(name): name for name in ZONES}.values())
FIRST, LAST = dt.date(2015, 1, 1), dt.date(2035, 12, 31)


def hour(text):
    return Grain.HOUR.parse(text)


@given(GRAINS, MOMENTS)
def test_a_key_comes_back_from_its_position_and_from_its_text(grain, moment):
    key = grain.floor(moment)
    assert grain.is_key(key)
    assert grain.key_at(grain.index(key)) == key
    assert grain.parse(key_text(key)) == key == parse_key(grain.text(key))


@given(GRAINS, MOMENTS)
def test_spans_follow_each_other_and_hold_their_moments(grain, moment):
    key = grain.floor(moment)
    following = grain.key_at(grain.index(key) + 1)
    assert grain.start(key) <= moment < grain.end(key) == grain.start(following)
    assert grain.floor(grain.start(key)) == key


def test_the_texts_of_keys():
    assert key_text(dt.date(2025, 11, 5)) == "2025-11-05"
    assert key_text(dt.datetime(2025, 11, 5, 7, tzinfo=dt.UTC)) == "2025-11-05T07"
    assert Grain.MONTH.parse("2025-11") == dt.date(2025, 11, 1)


@pytest.mark.parametrize(
    ("grain", "text"),
    [
        (Grain.DAY, "2025-11-5"),
        (Grain.DAY, "2025-02-30"),
        (Grain.DAY, "2025-11-05T07"),
        (Grain.HOUR, "2025-11-05"),
        (Grain.HOUR, "2025-11-05T24"),
        (Grain.WEEK, "2025-11-04"),
        (Grain.MONTH, "2025-11-02"),
        (Grain.MONTH, "2025-13"),
    ],
)
def test_a_text_that_is_not_a_key_of_the_grain_is_refused(grain, text):
    with pytest.raises(ValueError):
        grain.parse(text)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_a_local_day_has_23_24_or_25_hours(zone):
    days = [FIRST + dt.timedelta(days=n) for n in range((LAST - FIRST).days)]
    info = ZoneInfo(zone)
    lengths = {Grain.DAY.end(day, info) - Grain.DAY.start(day, info) for day in days}
    change = dt.timedelta(hours=0.5 if zone == "Australia/Lord_Howe" else 1)
    assert lengths == {dt.timedelta(days=1), dt.timedelta(days=1) - change, dt.timedelta(days=1) + change}


@pytest.mark.parametrize(
    ("zone", "day", "start"),
    [
        # Midnight does not exist: the clock goes from 24:00 to 01:00.
        ("America/Sao_Paulo", dt.date(2017, 10, 15), "2017-10-15 03:00"),
        ("Asia/Beirut", dt.date(2024, 3, 31), "2024-03-30 22:00"),
        # Midnight exists twice: the day starts with the first.
        ("America/Havana", dt.date(2024, 11, 3), "2024-11-03 04:00"),
        ("Europe/Berlin", dt.date(2025, 3, 30), "2025-03-29 23:00"),
        ("Asia/Kolkata", dt.date(2025, 3, 30), "2025-03-29 18:30"),
    ],
)
def test_a_local_day_starts_at_its_first_instant(zone, day, start):
    assert f"{Grain.DAY.start(day, ZoneInfo(zone)):%Y-%m-%d %H:%M}" == start


def transition_days(zone):
    """The local days on which the offset of a zone changes, and their neighbours."""
    days = set()
    noon = dt.datetime(FIRST.year, 1, 1, 12, tzinfo=dt.UTC)
    offset = noon.astimezone(zone).utcoffset()
    for number in range((LAST - FIRST).days):
        local_noon = (noon + dt.timedelta(days=number)).astimezone(zone)
        if local_noon.utcoffset() != offset:
            offset = local_noon.utcoffset()
            local = local_noon.date()
            days |= {local + dt.timedelta(days=near) for near in range(-2, 3)}
    return sorted(days)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_days_around_every_change_of_every_zone_follow_each_other(part):
    """No instant belongs to two days or to none, no key appears twice, and every local day starts at its first instant."""
    for name in DISTINCT_ZONES[part::4]:
        zone = ZoneInfo(name)
        for day in transition_days(zone):
            start, end = Grain.DAY.start(day, zone), Grain.DAY.end(day, zone)
            assert start < end, (name, day)
            assert end == Grain.DAY.start(day + dt.timedelta(days=1), zone), (name, day)
            assert start.astimezone(zone).date() == day, (name, day)
            assert (start - dt.timedelta(seconds=1)).astimezone(zone).date() < day, (name, day)
            if not any(each.minute or each.second for each in (start, end)):
                hours = hours_of(start, end)
                assert len(hours) == len(set(hours)) == (end - start) // dt.timedelta(hours=1), (name, day)
                # Antarctica/Casey moved its clocks by three hours.
                assert 21 <= len(hours) <= 27, (name, day)


@given(st.sampled_from(ZONES), st.dates(FIRST, LAST), st.sampled_from([Grain.DAY, Grain.WEEK, Grain.MONTH]))
def test_every_instant_of_a_local_span_belongs_to_its_key(name, day, grain):
    zone = ZoneInfo(name)
    key = grain.floor(dt.datetime(day.year, day.month, day.day, 12, tzinfo=zone), zone)
    start, end = grain.start(key, zone), grain.end(key, zone)
    assert start < end
    assert grain.floor(start, zone) == key
    assert grain.floor(end - dt.timedelta(seconds=1), zone) == key
    assert grain.floor(end, zone) == grain.key_at(grain.index(key) + 1)


@given(GRAINS, MOMENTS, st.integers(1, 50), st.integers(0, 20))
def test_a_window_of_any_grain_ends_on_the_newest_published_key(grain, moment, count, lag):
    as_of = grain.floor(moment)
    window = Window.of_last(count, as_of, lag, grain)
    keys = list(window)
    assert len(keys) == len(window) == count
    assert keys == sorted(set(keys))
    assert keys[-1] == window.last == window.newest_published
    assert not any(window.within_lag(key) for key in keys)
    assert window.within_lag(window.stop)
    assert window.expected_from(window.last) == as_of
    assert all(key in window for key in keys)
    assert [window.position(key) for key in keys] == list(range(count))


def test_a_window_of_hours():
    window = Window.between(
        hour("2025-11-05T22"), hour("2025-11-06T01"), hour("2025-11-06T03"), 1, Grain.HOUR
    )
    assert str(window) == "2025-11-05T22 .. 2025-11-06T01"
    assert [key_text(key) for key in window] == [
        "2025-11-05T22", "2025-11-05T23", "2025-11-06T00", "2025-11-06T01",
    ]  # fmt: skip
    assert dt.date(2025, 11, 5) not in window
    assert len(Window.of_last(8760, hour("2025-11-06T03"), 1, Grain.HOUR)) == 8760


@pytest.mark.parametrize(
    ("text", "monday"),
    [
        ("2025-11-03", "2025-11-03"),
        ("2025-W45", "2025-11-03"),
        ("2021-W01", "2021-01-04"),
        ("2020-W53", "2020-12-28"),
        ("2025-W53", None),
        ("2025-W00", None),
        ("2025-11-04", None),
        ("2025-W4", None),
        ("2025W45", None),
    ],
)
def test_a_week_is_its_monday_or_its_number(text, monday):
    if monday is not None:
        assert key_text(Grain.WEEK.parse(text)) == monday
        return
    with pytest.raises(ValueError, match=f"'{text}' is not a week, written as"):
        Grain.WEEK.parse(text)


def test_a_window_of_another_grain_takes_only_its_keys():
    with pytest.raises(WindowError, match="start: 2025-11-04 is not a key of grain week"):
        Window(dt.date(2025, 11, 4), dt.date(2025, 11, 10), dt.date(2025, 11, 10), 0, Grain.WEEK)
    with pytest.raises(WindowError, match="months: 0 is not between 1 and 3660"):
        Window.of_last(0, dt.date(2025, 11, 1), 0, Grain.MONTH)


def dataset(grain, zone=None, lag=1):
    templates = {
        Grain.HOUR: "{start:%Y-%m-%d/%H}",
        Grain.WEEK: "{start:%G-W%V}",
        Grain.MONTH: "{start:%Y-%m}",
    }
    return Dataset(
        grain.value,
        "memory://x",
        templates.get(grain, "{start:%Y-%m-%d}"),
        grain=grain,
        timezone=zone,
        lag=lag,
    )


@pytest.mark.parametrize(
    ("day", "count", "first"),
    [
        ("2025-03-30", 23, "2025-03-29T23"),
        ("2025-10-26", 25, "2025-10-25T22"),
        ("2025-11-05", 24, "2025-11-04T23"),
    ],
)
def test_a_local_day_needs_all_of_its_hours(day, count, first):
    keys = keys_for(dataset(Grain.DAY, "Europe/Berlin"), dt.date.fromisoformat(day), dataset(Grain.HOUR))
    assert (len(keys), key_text(keys[0])) == (count, first)


def test_keys_of_a_coarser_grain_cover_those_of_a_finer_one():
    assert keys_for(dataset(Grain.HOUR), hour("2025-11-05T07"), dataset(Grain.DAY)) == [dt.date(2025, 11, 5)]
    assert keys_for(dataset(Grain.DAY), dt.date(2025, 11, 5), dataset(Grain.WEEK)) == [dt.date(2025, 11, 3)]
    months = keys_overlapping(
        Grain.WEEK.start(dt.date(2025, 9, 29)), Grain.WEEK.end(dt.date(2025, 9, 29)), Grain.MONTH, dt.UTC
    )
    assert months == [dt.date(2025, 9, 1), dt.date(2025, 10, 1)]


def test_the_window_of_hours_that_covers_local_days():
    days = Window.between(dt.date(2025, 3, 29), dt.date(2025, 3, 30), dt.date(2025, 4, 1), 1)
    hours = window_for(days, ZoneInfo("Europe/Berlin"), dataset(Grain.HOUR), hour("2025-04-01T00"))
    assert (len(hours), str(hours)) == (47, "2025-03-28T23 .. 2025-03-30T21")


@pytest.mark.parametrize(
    ("zone", "result"),
    [("Europe/Berlin", True), ("UTC", True), ("Asia/Kolkata", False), ("Australia/Lord_Howe", False)],
)
def test_zones_whose_days_consist_of_utc_hours(zone, result):
    assert has_whole_hours(zone) is result


@pytest.mark.parametrize(
    ("grain", "template", "text", "path"),
    [
        (Grain.HOUR, "logs/{start:%Y-%m-%d}/{start:%H}", "2025-11-05T07", "logs/2025-11-05/07"),
        (
            Grain.HOUR,
            "y={start:%Y}/m={start:%-m}/d={start:%-d}/h={start:%-H}",
            "2025-01-05T07",
            "y=2025/m=1/d=5/h=7",
        ),
        (Grain.HOUR, "{start:%Y%j%H}", "2024-12-31T23", "202436623"),
        (Grain.WEEK, "w/{start:%G-W%V}", "2024-12-30", "w/2025-W01"),
        (Grain.WEEK, "w/{start:%Y-%m-%d}", "2024-12-30", "w/2024-12-30"),
        (Grain.MONTH, "m/{start:%Y/%-m}", "2025-01", "m/2025/1"),
        (Grain.DAY, "d/{start:%Y-%j}", "2025-02-01", "d/2025-032"),
    ],
)
def test_paths_of_every_grain(grain, template, text, path):
    described = Dataset("x", "memory://x", template, grain=grain)
    assert described.key(grain.parse(text)) == path
    assert described.day(path) == grain.parse(text)


@pytest.mark.parametrize(
    ("grain", "path"),
    [(Grain.WEEK, "2025-11-04"), (Grain.MONTH, "2025-11-02"), (Grain.DAY, "2025-11-31")],
)
def test_a_path_that_does_not_start_a_span_is_not_a_key(grain, path):
    assert Dataset("x", "memory://x", "{start:%Y-%m-%d}", grain=grain).day(path) is None


@given(GRAINS, MOMENTS)
def test_the_path_of_any_key_comes_back(grain, moment):
    described = dataset(grain)
    key = grain.floor(moment)
    assert described.day(described.key(key)) == key
