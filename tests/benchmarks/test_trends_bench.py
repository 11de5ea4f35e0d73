"""Test that two synthetic worlds reach the targets that `make bench-trends` prints for twenty worlds."""

from __future__ import annotations

import polars as pl
import pytest

from benchmarks import first_days
from benchmarks.trends import TARGETS, auc, measure, noise_figures, r_precision, table


@pytest.fixture(scope="module")
def figures():
    return measure([1, 2], step_days=23) | {"noise": {"0.4": noise_figures(0.4)}}


@pytest.mark.slow
def test_bursts_are_found_and_the_plain_change_does_not_find_them(figures):
    assert figures["bursts"] >= TARGETS["bursts"] > 0.5 > figures["bursts_plain"]
    assert 10 <= min(figures["bursts_a_window"]) <= max(figures["bursts_a_window"]) <= 30


@pytest.mark.slow
def test_steady_growth_and_decline_are_told_from_noise(figures):
    assert figures["growing"] >= TARGETS["growing"]
    assert figures["declining"] >= TARGETS["declining"]


@pytest.mark.slow
def test_weekly_recurrences_are_no_bursts_and_programs_are_not_at_the_top(figures):
    assert figures["weekly"] <= TARGETS["weekly"]
    assert figures["weekly_pages"] > 50
    assert figures["bots_in_top_20"] == TARGETS["bots_in_top_20"]


@pytest.mark.slow
def test_the_table_shows_every_figure_beside_its_target(figures):
    shown = table(figures)
    assert f"{figures['bursts']:.3f}" in shown
    assert f"{figures['declining_plain']:.3f}" in shown
    assert shown.count("0.95") >= 2


def test_area_under_the_curve_counts_pairs():
    assert auc([3, 2], [1, 2]) == pytest.approx((1 + 1 + 1 + 0.5) / 4)


def test_r_precision_looks_at_as_many_as_there_are_relevant_ones():
    assert r_precision(pl.DataFrame({"page": ["A", "x", "B", "C"]}), {"A", "B"}) == 0.5


@pytest.mark.slow
def test_exact_views_find_the_bursts_of_the_first_days():
    figures = first_days.measure([1], ends=(80,))
    assert figures["bursts_with_history"] >= first_days.TARGETS["bursts_with_history"]
    assert figures["bursts_alone"] >= first_days.TARGETS["bursts_alone"]
    assert f"{figures['rises_with_history']:.3f}" in first_days.table(figures)
