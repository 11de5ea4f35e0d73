"""Sixty days of an upstream whose answers must not be cached: runs start soon after a day lands, with few probes."""

from __future__ import annotations

import pytest

from benchmarks.landing import MAX_DELAY_MINUTES, MIN_SAVED, landing_lines
from testing.simulated_upstream import simulate


@pytest.mark.parametrize(
    "days", [pytest.param(15, marks=pytest.mark.slow), pytest.param(60, marks=pytest.mark.long)]
)
def test_runs_start_soon_after_a_day_lands_and_never_before(tmp_path, days):
    simulation = simulate(tmp_path, days=days, seed=7)

    assert len(simulation.delays) == days
    assert simulation.early == []
    assert {len(times) for times in simulation.started_at.values()} == {1}
    assert simulation.median_delay <= MAX_DELAY_MINUTES
    assert simulation.saved >= MIN_SAVED


def test_the_figures_name_their_limits():
    figures = {
        "days": 60,
        "median_delay_minutes": 12.5,
        "worst_delay_minutes": 30.0,
        "probes": 1000,
        "probes_per_day": 16.7,
        "polls_every_five_minutes": 10_000,
        "saved": 0.9,
        "runs_before_landing": 0,
    }

    assert landing_lines(figures)[1:3] == [
        "landing to start: median 12.5 min (at most 20), worst 30 min",
        "probes: 1,000, 16.7 a day; with one every 5 minutes 10,000: 90.0% saved (at least 70%)",
    ]
