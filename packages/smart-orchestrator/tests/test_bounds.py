"""Numbers that cannot work are refused by every constructor that takes them, with the value and the fix."""

from __future__ import annotations

import math

import pytest

from smart_orchestrator import CommandRunner, Limits, Policy, open_lake
from smart_orchestrator.errors import LakeSettingError, OptionError
from smart_orchestrator.model.bounds import integer_problem, seconds_problem

NOT_COUNTS = [0, -1, 1.5, math.nan, math.inf, True, "2", None, 10**7]
NOT_SECONDS = [0, -1.0, math.nan, math.inf, -math.inf, True, "2", 1e300]


@pytest.mark.parametrize("value", NOT_COUNTS, ids=repr)
@pytest.mark.parametrize("name", ["jobs", "attempts"])
def test_a_number_of_runs_is_a_positive_integer(tmp_path, name, value):
    with pytest.raises(OptionError) as caught:
        Limits(**{name: value})
    assert str(caught.value).startswith(f"{name}: {value} is ")
    assert str(caught.value).endswith("Give 1 or more.")
    with pytest.raises(OptionError, match=f"{name}: "):
        CommandRunner(["true"], state_dir=tmp_path, **{name: value})


@pytest.mark.parametrize("value", NOT_SECONDS, ids=repr)
def test_a_time_out_is_a_positive_number_of_seconds(tmp_path, value):
    with pytest.raises(OptionError, match=r"timeout: .* is "):
        Limits(timeout=value)
    with pytest.raises(OptionError, match=r"timeout: .* is "):
        CommandRunner(["true"], state_dir=tmp_path, timeout=value)
    with pytest.raises(LakeSettingError, match=r"timeout .* is .* Correct it"):
        open_lake(str(tmp_path), timeout=value)
    with pytest.raises(LakeSettingError, match=r"backoff .* is .* Correct it"):
        open_lake(str(tmp_path), backoff=value)


@pytest.mark.parametrize("value", [-1, 1.5, math.nan, True, 1001], ids=repr)
def test_a_number_of_retries_is_an_integer(tmp_path, value):
    with pytest.raises(LakeSettingError, match=r"retries .* is "):
        open_lake(str(tmp_path), retries=value)


@pytest.mark.parametrize("value", [-1, 1.5, math.nan], ids=repr)
def test_a_minimum_of_keys_is_an_integer(value):
    with pytest.raises(OptionError, match="min_days: "):
        Policy(min_days=value)


def test_valid_numbers_have_no_problem():
    assert {integer_problem(value, 1) for value in (1, 10**6)} == {""}
    assert {seconds_problem(value) for value in (0.1, 1, 366 * 86_400)} == {""}
    assert seconds_problem(0, zero=True) == ""
