from __future__ import annotations

import dataclasses
import datetime as dt
import json

import pytest

from smart_orchestrator.checking import check
from smart_orchestrator.committing.writer import write_frame
from smart_orchestrator.errors import WaiverError
from smart_orchestrator.model.partition import Code
from smart_orchestrator.model.window import Window
from smart_orchestrator.store.local_disk import FolderLake
from smart_orchestrator.waiver_store import Waiver, unwaive, waive, waivers
from testing.lakes import AS_OF, DAY, NEXT, WINDOW, frame, pages

NOW = dt.datetime(2025, 11, 12, 9, tzinfo=dt.UTC)
WAIVER = Waiver(DAY, "The upstream has no data for this day", "Ada", None, NOW)


def test_a_waived_day_is_not_expected_and_says_why(lake_url, lake):
    dataset = pages(lake_url)
    waive(dataset, lake, WAIVER)
    completeness = check(dataset, WINDOW, lake=lake)
    assert completeness.waived == (DAY,)
    assert DAY not in completeness.expected
    assert DAY not in completeness.missing
    assert completeness[DAY].code is Code.WAIVED
    assert completeness[DAY].reason == "The upstream has no data for this day"


def test_a_window_is_whole_when_all_but_the_waived_day_is_there(lake_url, lake):
    dataset = pages(lake_url)
    waive(dataset, lake, WAIVER)
    for day in list(WINDOW)[1:]:
        write_frame(dataset, day, frame(), lake=lake)
    completeness = check(dataset, WINDOW, lake=lake)
    assert completeness.ready
    assert completeness.coverage_pct == 100.0
    assert len(completeness.expected) == 4


def test_a_waived_day_that_came_all_the_same_counts(lake_url, lake):
    dataset = pages(lake_url)
    waive(dataset, lake, WAIVER)
    write_frame(dataset, DAY, frame(), lake=lake)
    completeness = check(dataset, WINDOW, lake=lake)
    assert DAY in completeness.available
    assert DAY in completeness.expected
    assert completeness.waived == ()


def test_a_waiver_ends_with_its_last_day(lake_url, lake):
    dataset = pages(lake_url)
    waive(dataset, lake, dataclasses.replace(WAIVER, until=AS_OF))
    assert check(dataset, WINDOW, lake=lake).waived == (DAY,)
    later = Window.between(WINDOW.start, WINDOW.last, AS_OF + dt.timedelta(days=1))
    assert DAY in check(dataset, later, lake=lake).missing


def test_a_second_waiver_does_not_replace_the_first(lake_url, lake):
    dataset = pages(lake_url)
    waive(dataset, lake, WAIVER)
    with pytest.raises(WaiverError, match=r"2025-11-05: it is already waived.*remove the old one"):
        waive(dataset, lake, dataclasses.replace(WAIVER, reason="another"))
    assert waivers(dataset, lake) == {DAY: WAIVER}


def test_a_waiver_that_is_taken_back_is_gone(lake_url, lake):
    dataset = pages(lake_url)
    waive(dataset, lake, WAIVER)
    unwaive(dataset, lake, DAY)
    assert waivers(dataset, lake) == {}
    assert DAY in check(dataset, WINDOW, lake=lake).missing
    with pytest.raises(WaiverError, match="it is not waived"):
        unwaive(dataset, lake, DAY)


def test_a_waiver_needs_a_reason(lake_url, lake):
    with pytest.raises(WaiverError, match="needs a reason"):
        waive(pages(lake_url), lake, dataclasses.replace(WAIVER, reason="  "))


def test_a_waiver_that_cannot_be_read_is_an_error_and_not_ignored(lake_url, lake):
    dataset = pages(lake_url)
    lake.put("_waived/2025-11-05.json", b"{}")
    partition = check(dataset, WINDOW, lake=lake)[DAY]
    assert (partition.available, partition.code) == (False, Code.BAD_WAIVER)
    assert "_waived/2025-11-05.json is not a waiver (reason is missing)" in partition.reason


BAD = {
    "empty": b"",
    "not JSON": b"never",
    "no fields": b"{}",
    "brackets": b"[" * 100_000,
    "a list": b"[]",
    "a number": b'{"reason": 5, "waived_at": "2025-11-12T09:00:00Z"}',
    "no reason": b'{"reason": " ", "waived_at": "2025-11-12T09:00:00Z"}',
    "outside the calendar": b'{"reason": "x", "waived_at": "9999-12-31T23:59:59-10:00"}',
    "until": b'{"reason": "x", "until": "soon", "waived_at": "2025-11-12T09:00:00Z"}',
    "another day": b'{"day": "2025-11-06", "reason": "x", "waived_at": "2025-11-12T09:00:00Z"}',
    "large": b" " * 100_000,
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_a_bad_waiver_is_a_verdict_on_its_day_alone(lake_url, lake, data):
    dataset = pages(lake_url)
    waive(dataset, lake, dataclasses.replace(WAIVER, day=NEXT))
    lake.put("_waived/2025-11-05.json", data)
    completeness = check(dataset, WINDOW, lake=lake)
    assert completeness[DAY].code is Code.BAD_WAIVER
    assert completeness[DAY].reason.startswith("_waived/2025-11-05.json is not a waiver (")
    assert completeness[DAY].reason.endswith("; nothing is there")
    assert DAY in completeness.missing
    assert completeness.waived == (NEXT,)
    assert [bool(waiver.problem) for waiver in waivers(dataset, lake).values()] == [True, False]
    unwaive(dataset, lake, DAY)
    assert check(dataset, WINDOW, lake=lake)[DAY].code is Code.MISSING


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("reason", "lost\n2025-11-06  complete", "line break"),
        ("reason", "lost\x1b[2J", "control character"),
        ("reason", "lost\u2028again", "line break"),
        ("reason", "x" * 501, "longer than 500"),
        ("by", "Ada\nBob", "line break"),
        ("by", "A" * 201, "longer than 200"),
    ],
)
def test_a_text_that_is_not_one_bounded_line_is_refused(lake_url, lake, field, value, problem):
    with pytest.raises(WaiverError, match=problem):
        waive(pages(lake_url), lake, dataclasses.replace(WAIVER, **{field: value}))


def test_texts_of_another_writer_become_one_bounded_line(lake_url, lake):
    reason = "lost\n2025-11-06 complete" + "x" * 1000
    document = WAIVER.to_json() | {"reason": reason, "by": "Ada\r\nBob"}
    lake.put("_waived/2025-11-05.json", json.dumps(document).encode())
    waiver = waivers(pages(lake_url), lake)[DAY]
    assert waiver.reason.startswith("lost 2025-11-06 completex")
    assert (len(waiver.reason), waiver.by) == (500, "Ada Bob")


def test_names_that_are_no_day_are_no_waivers(lake_url, lake):
    lake.put("_waived/README.md", b"who waives what")
    assert waivers(pages(lake_url), lake) == {}


def test_waivers_cost_one_listing_and_only_where_something_is_missing(lake_url, lake):
    dataset = pages(lake_url)
    window = Window.between(DAY, DAY, AS_OF)
    lake.put("notes.txt", b"the lake is there")
    # Without a waiver: outside a folder, one request asks whether an object lies at the missing partition's own key.
    plain = 0 if isinstance(lake, FolderLake) else 1
    assert check(dataset, window, lake=lake, strays=False).requests == {"list": 2, "get": plain}
    waive(dataset, lake, WAIVER)
    waive(dataset, lake, dataclasses.replace(WAIVER, day=NEXT))
    assert check(dataset, window, lake=lake, strays=False).requests == {"list": 2, "get": plain + 1}
    write_frame(dataset, DAY, frame(), lake=lake)
    assert check(dataset, window, lake=lake, strays=False).requests == {"list": 1, "get": 1}
