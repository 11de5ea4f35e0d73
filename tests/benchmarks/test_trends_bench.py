"""Test that two synthetic worlds reach the targets that `make bench-trends` prints for twenty worlds."""

from __future__ import annotations

import polars as pl
import pytest

from benchmarks import first_days, readers, real_weeks
from benchmarks.trends import TARGETS, auc, measure, noise_figures, r_precision, table
from testing.recorded import RECORDED, needs_recorded


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
def test_weekly_recurrences_and_renames_are_no_bursts_and_crawls_are_not_at_the_top(figures):
    assert figures["weekly"] <= TARGETS["weekly"]
    assert figures["weekly_pages"] > 50
    assert figures["crawl_in_top_20"] == TARGETS["crawl_in_top_20"]
    assert figures["renamed"] == TARGETS["renamed"] < figures["renamed_plain"]
    assert figures["renamed_pages"] == 80


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


@pytest.mark.slow
def test_flat_crawls_are_left_out_and_news_of_a_wiki_read_by_phone_are_not():
    figures = readers.measure([1])
    for kinds in figures.values():
        assert kinds["crawl"]["left_out"] == readers.TARGETS["crawl_left_out"]
        assert kinds["news"]["left_out"] == readers.TARGETS["news_left_out"]
        assert kinds["desktop"]["flagged"] == 1.0
        assert kinds["mix"]["flagged"] == 0.0
    # The fixed limits would drop most of the news of the second wiki.
    assert figures["ar.wikipedia"]["news"]["fixed"] > 0.5 > figures["en.wikipedia"]["news"]["fixed"]
    assert "flat crawls" in readers.table(figures)


def line(week, article, description, views):
    return {"week": week, "article": article, "description": description, "views": views}


def test_a_death_is_told_by_the_year_of_the_description_and_a_rise_within_the_week():
    lines = [
        line("2016-08", "Eco", "scrittore (1932–2016)", [0, 7000]),
        line("2016-09", "Eco", "scrittore (1932–2016)", [500, 100]),
        line("2016-08", "Obama", "politico (1961–), presidente (2009–2016)", [1, 2]),
        line("2016-08", "Living", "attore (1956-)", [1, 2]),
        line("2017-08", "Earlier", "attore (1956 - 2016)", [1, 2]),
        line("2016-10", "Late", "attore (1956 - 2016)", [50, 100]),
        line("2016-11", "Season", "Serie A 2015-2016", [1, 2]),
        line("2016-11", "Nothing", None, [1, 2]),
    ]
    assert real_weeks.deaths(lines) == {"2016-08": {"Eco"}, "2016-10": {"Late"}}
    again = line("2016-09", "Late", "attore (1956 - 2016)", [90, 80])
    assert real_weeks.deaths_once([again, *lines[:6]]) == {"2016-08": {"Eco"}, "2016-10": {"Late"}}


@needs_recorded
@pytest.mark.slow
def test_the_real_weeks_are_measured():
    figures = real_weeks.figures_of(RECORDED, every=40)
    assert figures["italian"]["in_top"]["0"] > figures["italian"]["in_top"]["first to last"]
    assert figures["french"]["Bernard_Tapie"]["at_least"] == 1
    assert "Étienne_Mougeotte" in real_weeks.table(figures)
