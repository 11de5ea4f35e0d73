from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_orchestrator.adapters.manifest import inspect
from smart_orchestrator.adapters.manifest_document import MARKER
from smart_orchestrator.checking import check, find_strays, states, total_days
from smart_orchestrator.committing.writer import commit, write_frame
from smart_orchestrator.errors import LakeDenied, LakeUnreachable
from smart_orchestrator.model.completeness import Completeness, Policy
from smart_orchestrator.model.dataset import DailyDataset
from smart_orchestrator.model.partition import Code, Partition, State
from smart_orchestrator.model.window import Window
from smart_orchestrator.store.opening import open_lake
from smart_orchestrator.waiver_store import Waiver, waive
from testing.lakes import AS_OF, WINDOW, frame, pages, plain, version_parts
from testing.s3_proxy import s3_proxy

DAYS = list(WINDOW)
KINDS = {
    "ok": Code.OK,
    "unusual": Code.UNUSUAL_VOLUME,
    "missing": Code.MISSING,
    "half": Code.NO_MARKER,
    "empty": Code.EMPTY,
    "waived": Code.WAIVED,
    "lag": Code.WITHIN_LAG,
    "history": Code.BEYOND_UPSTREAM_HISTORY,
}


def completeness(*kinds, policy=None):
    """A window whose days are of these kinds."""
    start = dt.date(2025, 1, 1)
    window = Window.between(start, start + dt.timedelta(days=len(kinds) - 1), AS_OF)
    days = tuple(Partition(day, KINDS[kind], kind) for day, kind in zip(window, kinds, strict=True))
    return Completeness("pages", window, days, policy=policy or Policy())


def fill(dataset, *days):
    for day in days:
        write_frame(dataset, day, frame())


def test_the_window_of_the_documented_example(lake_url):
    dataset = pages(lake_url)
    fill(dataset, *(dt.date(2025, 11, number) for number in (1, 2, 3, 4, 7, 8, 9)), dt.date(2025, 10, 31))
    checked = check(dataset, WINDOW, strays=True)
    assert [day.day for day in checked.available] == [7, 8, 9]
    assert [day.day for day in checked.missing] == [5, 6]
    assert (len(checked.expected), checked.coverage_pct, checked.ready, checked.complete) == (
        5,
        60.0,
        False,
        False,
    )
    assert total_days(dataset, open_lake(lake_url)) == 8
    assert checked[DAYS[2]].rows == 3


def test_the_document_of_a_check(lake_url):
    dataset = pages(lake_url)
    fill(dataset, DAYS[1])
    open_lake(lake_url).put("day_2025_13_01.csv/part-0", b"")
    document = check(dataset, Window.between(DAYS[0], DAYS[1], AS_OF), strays=True).to_json()
    requests = document.pop("requests")
    assert requests["list"] <= 2 + 2
    fingerprint = document["days"][1].pop("fingerprint")
    assert len(fingerprint) == 32
    assert json.loads(json.dumps(document)) == {
        "dataset": "pages",
        "as_of": "2025-11-12",
        "window": {"start": "2025-11-05", "end": "2025-11-06", "days": 2, "lag_days": 3},
        "expected": ["2025-11-05", "2025-11-06"],
        "available": ["2025-11-06"],
        "missing": ["2025-11-05"],
        "restated": [],
        "waived": [],
        "not_yet": [],
        "coverage_pct": 50.0,
        "ready": False,
        "policy": {"min_coverage": 100.0, "min_days": 1, "allow_lag": False},
        "days": [
            {
                "day": "2025-11-05",
                "state": "absent",
                "code": "MISSING",
                "reason": "nothing is there",
                "rows": None,
                "fingerprint": None,
            },
            {"day": "2025-11-06", "state": "complete", "code": "OK", "reason": "3 rows", "rows": 3},
        ],
        "strays": ["day_2025_13_01.csv/"],
    }


def test_days_within_the_lag_are_not_missing_but_the_window_is_not_ready(lake_url):
    dataset = pages(lake_url)
    fill(dataset, *DAYS, dt.date(2025, 11, 11))
    window = Window.between(DAYS[0], dt.date(2025, 11, 11), AS_OF)
    checked = check(dataset, window)
    assert checked.not_yet == (dt.date(2025, 11, 10),)
    assert checked.missing == ()
    assert checked.available == (*DAYS, dt.date(2025, 11, 11)) == checked.expected
    assert checked[dt.date(2025, 11, 10)].reason == "not expected before 2025-11-13: nothing is there"
    assert (checked.coverage_pct, checked.complete, checked.ready) == (100.0, True, False)
    assert check(dataset, window, policy=Policy(allow_lag=True)).ready


def test_a_day_before_the_upstreams_history_is_not_expected_unless_it_is_there(lake_url):
    dataset = replace(pages(lake_url), history_start=DAYS[2])
    fill(dataset, DAYS[1], DAYS[2], DAYS[3])
    found = check(dataset, Window.between(DAYS[0], DAYS[3], AS_OF))
    assert (found.expected, found.missing, found.ready) == (tuple(DAYS[1:4]), (), True)
    assert found.beyond_history == (DAYS[0],)
    first = found[DAYS[0]]
    assert (first.state, first.code) == (State.ABSENT, Code.BEYOND_UPSTREAM_HISTORY)
    assert first.reason == f"the upstream has no day before {DAYS[2]}: nothing is there"
    alone = check(dataset, Window.between(DAYS[0], DAYS[0], AS_OF), policy=Policy(min_coverage=0, min_days=0))
    assert (alone.expected, alone.coverage_pct, alone.ready) == ((), 0.0, False)


def test_a_waived_day_is_not_expected_unless_it_came(lake_url):
    dataset, lake = pages(lake_url), open_lake(lake_url)
    fill(dataset, *DAYS[1:])
    for day in DAYS[:2]:
        waive(dataset, lake, Waiver(day, "never published", "", None, dt.datetime.now(tz=dt.UTC)))
    checked = check(dataset, WINDOW)
    assert (checked.waived, checked.expected, checked.missing) == ((DAYS[0],), tuple(DAYS[1:]), ())
    assert (checked.ready, checked.coverage_pct) == (True, 100.0)
    assert "never published" in checked[DAYS[0]].reason


@given(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=60))
def test_the_sums_belong_together(kinds):
    checked = completeness(*kinds)
    assert sorted((*checked.available, *checked.missing)) == list(checked.expected)
    not_expected = (*checked.waived, *checked.not_yet, *checked.beyond_history)
    assert len(checked.expected) + len(not_expected) == len(kinds)
    assert (
        (checked.coverage_pct == 100.0)
        == checked.complete
        == (bool(checked.expected) and not checked.missing)
    )
    assert 0.0 <= checked.coverage_pct <= 100.0
    assert sum(states(checked).values()) == len(kinds)


@pytest.mark.parametrize(
    ("available", "missing", "percent"),
    [(3, 2, 60.0), (2, 1, 66.7), (1, 2, 33.3), (0, 5, 0.0), (5, 0, 100.0), (2999, 1, 99.9), (1999, 1, 99.9)],
)
def test_coverage_is_a_hundred_only_when_nothing_is_missing(available, missing, percent):
    assert completeness(*["ok"] * available, *["missing"] * missing).coverage_pct == percent


def test_nothing_expected_is_no_coverage_and_not_ready():
    checked = completeness("waived", "lag", policy=Policy(min_coverage=0, min_days=0, allow_lag=True))
    assert (checked.coverage_pct, checked.ready, checked.complete) == (0.0, False, False)


@pytest.mark.parametrize(
    ("kinds", "policy", "ready"),
    [
        (["ok"] * 5, Policy(), True),
        (["ok", "unusual"], Policy(), True),
        (["ok"] * 4 + ["missing"], Policy(), False),
        (["ok"] * 4 + ["half"], Policy(min_coverage=80), True),
        (["ok"] * 4 + ["empty"], Policy(min_coverage=80.1), False),
        (["ok"] * 4 + ["missing"], Policy(min_coverage=80, min_days=5), False),
        (["ok"] * 4 + ["missing"], Policy(min_coverage=80, min_days=4), True),
        (["ok"] * 2999 + ["missing"], Policy(min_coverage=99.95), True),
        (["ok"] * 999 + ["missing"], Policy(min_coverage=99.95), False),
        (["ok", "waived"], Policy(), True),
        (["ok", "lag"], Policy(), False),
        (["ok", "lag"], Policy(allow_lag=True), True),
        (["missing"], Policy(min_coverage=0), False),
        (["missing"], Policy(min_coverage=0, min_days=0), True),
    ],
)
def test_the_policy_decides_what_counts_as_ready(kinds, policy, ready):
    assert completeness(*kinds, policy=policy).ready is ready


def test_a_run_in_flight_makes_absent_and_uncommitted_days_being_written():
    checked = completeness("ok", "missing", "half", "empty", "missing")
    days = list(checked.window)[:4]
    marked = checked.with_runs_in_flight(days)
    assert [p.code for p in marked.partitions] == [
        Code.OK, Code.STILL_WRITING, Code.STILL_WRITING, Code.EMPTY, Code.MISSING
    ]  # fmt: skip
    assert marked.missing == checked.missing


STRAYS = [
    "backup/part-0",
    "day_2025_13_01.csv/_SUCCESS",
    "DAY_2025_11_05.csv/_SUCCESS",
    "day_2025_11_07.csv.bak",
]


def test_strays_are_named_and_never_counted(lake_url):
    dataset, lake = pages(lake_url), open_lake(lake_url)
    fill(dataset, DAYS[0])
    for key in (*STRAYS, "_waived/2025-11-06.note", ".hidden/x", "day_2025_11_08.csv"):
        lake.put(key, b"x")
    checked = check(dataset, WINDOW, strays=True)
    expected = [
        "DAY_2025_11_05.csv/",
        "backup/",
        "day_2025_11_07.csv.bak",
        "day_2025_11_08.csv",
        "day_2025_13_01.csv/",
    ]
    assert list(checked.strays) == expected
    assert checked.available == (DAYS[0],)
    assert total_days(dataset, lake) == 2  # The file of a day's name is a key, though no day.
    assert check(dataset, WINDOW, strays=False).strays == ()
    assert bool(check(dataset, WINDOW).strays) == lake.listing_is_local


def test_strays_below_a_folder_and_of_nested_keys(lake_url):
    lake = open_lake(lake_url)
    lake.put("orders/other/x", b"")
    assert find_strays(plain(lake_url), lake) == ["orders/other/"]
    nested = DailyDataset("nested", lake_url, "year={day:%Y}/month={day:%m}/day={day:%d}", format="raw")
    assert find_strays(nested, lake) == []


KEY_FORMATS = [
    "orders/dt={day:%Y-%m-%d}",
    "year={day:%Y}/month={day:%m}/day={day:%d}",
    "{day:%d.%m.%Y}",
    "d_{day:%Y%m%d}.x",
]


@pytest.mark.parametrize("key_format", KEY_FORMATS)
def test_a_long_window_has_the_verdicts_of_its_days(lake_url, key_format):
    """Windows of more than 30 days are listed at one go where a listing costs a request."""
    dataset, lake = DailyDataset("long", lake_url, key_format, format="raw"), open_lake(lake_url)
    window = Window.between(dt.date(2024, 12, 10), dt.date(2025, 1, 20), AS_OF)
    days = list(window)
    outside = [window.start - dt.timedelta(days=1), window.stop]
    for day in (days[0], days[1], days[30], days[-1], *outside):
        commit(dataset, day, version_parts(day.day))
    lake.put(f"{dataset.key(days[3])}/part-0", b"x")
    lake.put(f"{dataset.key(days[4])}/{MARKER}", b"")
    lake.put(f"{dataset.key(days[5])}.bak/{MARKER}", b"")
    lake.put(f"{dataset.key(days[0])}/_temporary/0/x", b"")
    checked = check(dataset, window)
    assert [p.code for p in checked.partitions] == [inspect(dataset, day).code for day in window]
    assert checked.available == (days[0], days[1], days[30], days[-1])
    if not lake.listing_is_local:
        assert checked.requests["list"] == 1 + 1  # One of the days, one of the waivers.


def test_a_short_check_on_s3_costs_a_listing_and_a_read_a_day(s3, monkeypatch):
    dataset = pages(s3.url)
    fill(dataset, *DAYS)
    with s3_proxy(s3.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        checked = check(dataset, WINDOW)
        assert checked.ready
        assert checked.requests == {"list": 5, "get": 5}
        assert (proxy.count("LIST"), proxy.count("GET"), len(proxy.requests)) == (5, 5, 10)


def test_a_lake_that_does_not_answer_is_an_error_and_never_a_hole(s3, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(LakeUnreachable):
        check(pages(s3.url), WINDOW)
    with pytest.raises(LakeUnreachable):
        check(pages(s3.url), Window.of_days(60, AS_OF))
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.endpoint)
    with pytest.raises(LakeDenied):
        check(pages("s3://no-such-bucket"), WINDOW)


def test_a_day_outside_the_window_has_no_partition():
    checked = completeness("ok", "missing")
    assert checked[dt.date(2025, 1, 2)].code is Code.MISSING
    for day in (dt.date(2024, 12, 31), dt.date(2025, 1, 3)):
        with pytest.raises(KeyError, match="is not in the window 2025-01-01 to 2025-01-02"):
            checked[day]


def test_folders_that_a_store_keeps_as_objects_are_no_strays(lake_url):
    dataset, lake = pages(lake_url), open_lake(lake_url)
    fill(dataset, *DAYS)
    names = lake.names
    lake.names = lambda folder, limit=None: ["", "/", *names(folder, limit)]
    assert find_strays(dataset, lake) == []
