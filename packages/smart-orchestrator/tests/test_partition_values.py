"""A partition as a value: the state follows from the code, and the policy decides whether a warning counts."""

from __future__ import annotations

import datetime as dt
import math

import pytest

from smart_orchestrator.adapters.manifest import InspectOptions
from smart_orchestrator.checking import states
from smart_orchestrator.errors import OptionError
from smart_orchestrator.model.completeness import WARNINGS, Completeness, Policy
from smart_orchestrator.model.partition import EXPECTATION_CODES, Code, PartInfo, Partition, State
from smart_orchestrator.model.window import Window
from smart_orchestrator.volume_check import with_volume
from testing.lakes import AS_OF, DAY, pages

WINDOW = Window.between(DAY, DAY, AS_OF)
COMPLETE = (Code.OK, Code.UNUSUAL_VOLUME, Code.RESTATED)
UNCOMMITTED = (Code.NO_MARKER, Code.STILL_WRITING)
ABSENT = (Code.MISSING, *EXPECTATION_CODES)


@pytest.mark.parametrize("code", list(Code))
def test_the_state_follows_from_the_code(code):
    states_of_codes = {
        **dict.fromkeys(COMPLETE, State.COMPLETE),
        **dict.fromkeys(UNCOMMITTED, State.UNCOMMITTED),
        **dict.fromkeys(ABSENT, State.ABSENT),
    }
    partition = Partition(DAY, code, "")

    assert partition.state is states_of_codes.get(code, State.INVALID)
    assert partition.available is (code in COMPLETE)


@pytest.mark.parametrize("code", EXPECTATION_CODES)
@pytest.mark.parametrize("lake_code", [Code.MISSING, Code.NO_MARKER, Code.SHORT])
def test_a_code_about_the_expectation_keeps_the_state(code, lake_code):
    partition = Partition(DAY, lake_code, "first").with_expectation(code, "then")

    assert (partition.code, partition.reason) == (code, "then")
    assert partition.state is Partition(DAY, lake_code, "").state
    again = partition.with_expectation(Code.WAIVED, "at last")
    assert (again.code, again.lake_code) == (Code.WAIVED, lake_code)


def test_two_codes_for_what_the_lake_holds_are_refused():
    with pytest.raises(ValueError, match="OK describes the data in the lake"):
        Partition(DAY, Code.OK, "", lake_code=Code.MISSING)


def test_counts_are_replaced_together_and_the_parts_stay():
    counted = Partition(DAY, Code.OK, "").with_counts(3, 30)
    part = PartInfo("part-0.csv", 5)

    assert (counted.rows, counted.volume, counted.parts) == (3, 30, ())
    named = Partition(DAY, Code.OK, "", type(counted.data)((part,), 1, 2))
    assert named.with_counts(3, None).parts == (part,)
    assert (named.with_counts(3, None).rows, named.with_counts(3, None).volume) == (3, None)
    assert named.with_code(Code.SHORT, "").data == named.data


@pytest.mark.parametrize("code", WARNINGS)
@pytest.mark.parametrize("strict", [False, True])
def test_the_policy_decides_whether_a_warning_counts(code, strict):
    checked = Completeness("pages", WINDOW, (Partition(DAY, code, ""),), policy=Policy(strict=strict))

    assert checked.ready is not strict
    assert checked.missing == ((DAY,) if strict else ())
    assert checked.usable == (() if strict else checked.partitions)
    assert states(checked)[State.INVALID] == int(strict)
    assert checked.to_json()["days"][0]["state"] == ("invalid" if strict else "complete")


@pytest.mark.parametrize(
    "name", ["part-\n2025-11-06 complete", "part-\x1b[31m", "part-\udcff", "part-\u2028x"]
)
def test_a_reason_is_one_line_whatever_the_names_in_it(name):
    for partition in (
        Partition(DAY, Code.OK, f"{name} is gone"),
        Partition(DAY, Code.SHORT, f"{name} is gone"),
    ):
        assert partition.reason.isprintable()
        assert partition.reason.startswith("part-")
        assert partition.reason.endswith("is gone")


def test_a_long_reason_is_not_cut():
    assert Partition(DAY, Code.OK, "x" * 1000 + "\n" + "y").reason == "x" * 1000 + " y"


@pytest.mark.parametrize(
    "make",
    [
        lambda: Policy(min_days=math.nan),
        lambda: Policy(min_days=-1),
        lambda: Policy(min_coverage=math.nan),
        lambda: Policy(min_coverage="80"),
        lambda: Policy(min_coverage=True),
        lambda: InspectOptions(settle=dt.timedelta(seconds=-1)),
        lambda: InspectOptions(now=dt.datetime(2025, 11, 5)),  # noqa: DTZ001 - that is the fault
        lambda: with_volume(pages("memory://width"), Completeness("pages", WINDOW, ()), width=math.nan),
        lambda: with_volume(pages("memory://width"), Completeness("pages", WINDOW, ()), width=0),
    ],
)
def test_a_value_that_cannot_work_is_refused_when_it_is_given(make):
    with pytest.raises(OptionError):
        make()
