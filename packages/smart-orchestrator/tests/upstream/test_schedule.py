"""The time of the next probe, from the delays with which earlier keys landed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_orchestrator.model.grain import Grain
from smart_orchestrator.upstream.schedule import LandingDelays, first_probe, next_probe, pace_of

HOUR, MINUTE = 3600.0, 60.0
DAILY = pace_of(Grain.DAY)
# Landings between 10 and 20 hours after the end of a day.
DELAYS = [10 * HOUR + number * 10 * MINUTE for number in range(61)]
delays = st.lists(st.floats(0, 400_000), max_size=60)


@pytest.mark.parametrize(
    ("elapsed", "expected"),
    [
        (0.0, 6 * HOUR),
        (6 * HOUR, 9.5 * HOUR),
        (9.5 * HOUR, 10 * HOUR),
        (10 * HOUR, 10.5 * HOUR),
        # Close to the end, the remaining keys are few, so one in ten of them is the next one.
        (19 * HOUR, 19 * HOUR + 10 * MINUTE),
        (20 * HOUR, 20.5 * HOUR),
        (30 * HOUR, 31 * HOUR),
        (200 * HOUR, 206 * HOUR),
    ],
)
def test_probes_are_rare_until_a_landing_is_likely_and_after_the_latest(elapsed, expected):
    assert next_probe(DELAYS, elapsed, DAILY) == pytest.approx(expected)


def test_without_landings_a_probe_is_made_every_half_hour_from_the_end_of_the_key_on():
    assert first_probe([], DAILY) == 0
    assert next_probe([5 * HOUR] * 4, 7 * HOUR, DAILY) == 7.5 * HOUR


def test_the_first_probe_is_half_an_hour_before_the_earliest_landing():
    assert first_probe([3 * HOUR] * 5, DAILY) == 2.5 * HOUR
    assert first_probe([14 * HOUR] * 5, DAILY) == 6 * HOUR
    assert first_probe([10 * MINUTE] * 5, DAILY) == 0


@given(delays, st.floats(0, 4_000_000))
def test_a_probe_is_neither_too_early_nor_too_late(known, elapsed):
    pause = next_probe(known, elapsed, DAILY) - elapsed

    assert 0 < pause <= DAILY.longest + 0.01
    if len(known) < 5 or elapsed >= min(known):
        assert pause >= DAILY.shortest - 0.01


def test_hours_have_a_shorter_pace():
    assert next_probe([], 0.0, pace_of(Grain.HOUR)) == 5 * MINUTE


def test_typical_is_the_median_and_worst_the_longest():
    assert LandingDelays.of([]) == LandingDelays(0, None, None)
    assert LandingDelays.of([1.0, 9.0, 3.0]) == LandingDelays(3, 3.0, 9.0)
