"""The scores equal a second computation in plain Python, also with days outside the list."""

import datetime as dt
import math
import random
import statistics

import polars as pl
import pytest

from benchmarks import trends
from benchmarks.trends import analysis_of

START = dt.date(2025, 6, 1)
BASE = 56


def frame_of(series):
    """A frame from the views of each page by day; None is a day outside the list."""
    rows = [
        (START + dt.timedelta(days=offset), page, count)
        for page, counts in series.items()
        for offset, count in enumerate(counts)
        if count is not None
    ]
    frame = pl.DataFrame(rows, schema=["date", "page", "views"], orient="row")
    nothing = {name: pl.lit("") for name in ("link", "location_type", "location")}
    return frame.with_columns(
        rank=pl.col("views").rank("min", descending=True).over("date"),
        page_display=pl.col("page"),
        category=pl.lit("Other"),
        latitude=pl.lit(None, pl.Float64),
        longitude=pl.lit(None, pl.Float64),
        **nothing,
    )


def scores_of(series, window):
    last = len(next(iter(series.values()))) - 1
    tables = analysis_of(
        frame_of(series), START + dt.timedelta(days=last - window + 1), START + dt.timedelta(days=last)
    )
    return {row["page"]: row for row in tables["wiki_trends_scores"].to_dicts()}


def noisy(level, days, seed):
    rng = random.Random(seed)
    return [round(math.exp(level + rng.gauss(0, 0.2))) for _ in range(days)]


@pytest.fixture(scope="module")
def world():
    days = BASE + 5
    series = {
        "Quiet": noisy(10, days, 1),
        "Burst": noisy(9, days, 2),
        "Least": [100] * days,
        "Gone": noisy(8, days, 4),
        "Back": noisy(8, days, 5),
        "New": [None] * (days - 1) + [50_000],
    }
    series["Burst"][-3] *= 12
    series["Gone"][-2:] = [None, None]
    series["Back"][-20:-1] = [None] * 19
    return series, scores_of(series, 5)


def test_the_surprise_can_be_redone_from_its_inputs(world):
    series, scores = world
    at = len(series["Burst"]) - 3
    levels = [math.log(1 + count) for count in series["Burst"]]
    past = levels[at - 28 : at]
    median = statistics.median(past)
    mad = statistics.median(abs(level - median) for level in past)
    usual = max(median, statistics.median(levels[at - 7 : at]))
    row = scores["Burst"]
    assert row["surprise_date"] == START + dt.timedelta(days=at)
    assert row["median_level"] == pytest.approx(median)
    assert row["mad"] == pytest.approx(mad)
    assert row["robust_z"] == pytest.approx((levels[at] - median) / (1.4826 * mad))
    assert row["usual_views"] == pytest.approx(math.exp(usual) - 1)
    effect = max(row["weekday_effect"], 0)
    spread = math.sqrt((28 * (1.4826 * mad) ** 2 + 14 * 0.04) / 42)
    assert (row["reference_days"], row["confidence"]) == (28, 1.0)
    assert row["score"] == pytest.approx((levels[at] - usual - effect) / spread)
    assert (row["burst"], row["shape"]) == (True, "spike")
    assert not scores["Quiet"]["burst"]


def quantile(days):
    return statistics.NormalDist().inv_cdf(1 - 0.05 / days)


@pytest.mark.parametrize("page", ["Burst", "Quiet", "Gone", "Back", "New", "Least"])
def test_the_ranking_can_be_redone_from_the_row(world, page):
    row = world[1][page]
    mostly = 2 * row["reference_listed"] >= row["reference_days"]
    days = row["reference_listed"] if mostly else row["reference_days"]
    noise = row["spread"] ** 2 + 1 / (1 + row["expected_views"])
    se = math.sqrt(noise * (1 + math.pi / 2 / days))
    assert row["se"] == pytest.approx(se, rel=1e-9)
    assert row["evidence"] == pytest.approx(row["surprise"] / se, rel=1e-9)
    # z is an approximation within 0.00045.
    sure = row["surprise"] - quantile(row["days_listed"]) * se
    assert math.log(row["at_least"]) == pytest.approx(sure, abs=0.0005 * se)
    assert row["burst"] == (row["evidence"] >= 5)


def test_rows_are_ordered_by_the_rise_that_is_sure(world):
    rises = [row["at_least"] for row in world[1].values()]
    assert rises == sorted(rises, reverse=True)
    assert [row["page"] for row in world[1].values()][:3] == ["New", "Back", "Burst"]


def test_the_first_day_of_a_lake_is_compared_with_the_other_days_of_the_window():
    series = {
        "First": [5000, 100, 110, 90, 105],
        "Rare": [4000, None, None, None, 60],
        "Steady": [200] * 5,
        "Least": [50, 20, 40, 30, 20],
    }
    scores = scores_of(series, 5)
    first, rare = scores["First"], scores["Rare"]
    past = [math.log(1 + count) for count in series["First"][1:]]
    median = statistics.median(past)
    assert (first["surprise_date"], first["reference"]) == (START, "window")
    assert (first["reference_days"], first["reference_listed"]) == (4, 4)
    assert first["median_level"] == pytest.approx(median)
    assert first["mad"] == pytest.approx(statistics.median(abs(level - median) for level in past))
    assert first["expected_views"] == pytest.approx(math.exp(median) - 1)
    # Listed on one of four days: the bound of the day (50) is above the median bound of the others (25).
    assert (rare["reference"], rare["reference_listed"]) == ("window", 1)
    assert rare["expected_views"] == pytest.approx(50)
    assert {row["page"]: row["reference"] for row in scores.values()}["Least"] == "window"


@pytest.mark.parametrize(("days", "is_prior"), [(14, True), (15, False)])
def test_the_aftermath_of_an_event_on_the_first_day_is_not_noise(days, is_prior):
    death = [round(90_000 / (day + 1) ** 1.5) for day in range(days)]
    row = scores_of({"Death": death, "Least": [20] * days}, days)["Death"]
    assert (row["surprise_date"], row["reference"], row["reference_days"]) == (START, "window", days - 1)
    measured = math.sqrt(((days - 1) * (1.4826 * row["mad"]) ** 2 + 14 * 0.04) / (days + 13))
    assert measured > 0.5
    assert row["spread"] == pytest.approx(0.2 if is_prior else measured)


def test_the_bound_of_an_unlisted_page_is_at_least_the_usual_bound():
    series = {"Came": [None] * 4 + [1000], "Steady": [500] * 5, "Least": [90, 70, 80, 60, 10]}
    # The last page of the day had 10 views, but a page outside the lists before had up to 75.
    row = scores_of(series, 1)["Came"]
    assert (row["reference"], row["reference_listed"], row["expected_views"]) == (
        "before", 0, pytest.approx(75),
    )  # fmt: skip


@pytest.mark.parametrize(("days", "burst"), [(13, None), (14, True)])
def test_a_burst_needs_fourteen_reference_days(days, burst):
    series = {"Burst": [*noisy(9, days, 1), 200_000], "Least": [100] * (days + 1)}
    row = scores_of(series, 1)["Burst"]
    assert row["evidence"] > 5
    assert row["burst"] is burst


@pytest.mark.parametrize("page", ["Burst", "Quiet", "Gone", "Back"])
def test_the_surprise_is_measured_against_the_published_expected_views(world, page):
    row = world[1][page]
    expected = math.log(1 + row["surprise_views"]) - row["surprise"]
    assert row["expected_views"] == pytest.approx(math.exp(expected) - 1)


def test_a_weekday_that_is_always_lower_lowers_no_expectation():
    counts = noisy(10, BASE + 7, 1)
    weekly = [count // 5 if number % 7 == 3 else count for number, count in enumerate(noisy(9, BASE + 7, 2))]
    last = max(number for number in range(BASE, BASE + 7) if number % 7 == 3)
    weekly[last] = 30_000
    row = scores_of({"Weekly": weekly, "Other": counts}, 7)["Weekly"]
    assert row["surprise_date"] == START + dt.timedelta(days=last)
    assert row["weekday_effect"] < -1
    assert row["expected_views"] == pytest.approx(row["usual_views"])
    assert row["surprise"] == pytest.approx(math.log((1 + 30_000) / (1 + row["expected_views"])))


def test_halves_and_averages_count_days_outside_as_the_last_row(world):
    series, scores = world
    gone = [100 if count is None else count for count in series["Gone"]]
    first, last = sum(gone[-5:-3]), sum(gone[-2:])
    row = scores["Gone"]
    assert (row["half_days"], row["first_half_views"], row["last_half_views"]) == (2, first, last)
    assert row["wikitrends_score"] == pytest.approx(abs(last - first) * math.log((last + 1) / (first + 1)))
    for name, span in (("ewma_3", 3), ("ewma_14", 14)):
        weights = [(1 - 2 / (span + 1)) ** age for age in range(56)]
        averaged = sum(w * v for w, v in zip(weights, reversed(gone), strict=False)) / sum(weights)
        assert row[name] == pytest.approx(averaged)
    assert row["momentum_label"] == "falling"


def test_pages_are_told_by_where_they_were_before(world):
    _, scores = world
    presences = {page: (row["presence"], row["streak"], row["days_listed"]) for page, row in scores.items()}
    assert presences["New"] == ("new", 1, 1)
    assert presences["Back"] == ("returning", 1, 1)
    assert presences["Gone"] == ("regular", 0, 3)
    assert presences["Quiet"] == ("regular", BASE + 5, 5)
    assert scores["New"]["expected_views"] == pytest.approx(100)


def test_a_weekday_that_is_always_higher_is_expected():
    counts = noisy(10, BASE + 7, 6)
    weekly = [count * 4 if day % 7 == 3 else count for day, count in enumerate(counts)]
    row = scores_of({"Weekly": weekly, "Other": counts}, 7)["Weekly"]
    assert not row["burst"]


def test_one_day_without_a_baseline_has_no_score_and_says_so():
    row = scores_of({"A": [10], "B": [5]}, 1)["A"]
    nulls = ("score", "surprise", "wikitrends_score", "trend_t", "robust_z", "se", "evidence", "at_least")
    assert [row[name] for name in nulls] == [None] * 8
    assert (row["presence"], row["baseline_days"], row["views"]) == ("unknown", 0, 10)


def test_confidence_falls_with_the_baseline():
    series = {"A": noisy(9, 20, 7), "B": noisy(8, 20, 8)}
    row = scores_of(series, 1)["A"]
    assert row["confidence"] == pytest.approx(19 / 28)


def test_halves_of_a_window_of_one_day_are_null():
    row = scores_of({"A": [10, 20, 30], "B": [5, 5, 5]}, 1)["A"]
    assert (row["half_days"], row["first_half_views"], row["last_half_views"]) == (0, None, None)
    assert row["wikitrends_score"] is None


@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_few_pages_without_a_trend_have_one_whatever_the_correlation_of_their_days(correlation, monkeypatch):
    monkeypatch.setattr(trends, "NOISE_PAGES", 600)
    figures = trends.noise_figures(correlation)
    assert figures["false"] < 0.06
    assert figures["plain"] > 2 * figures["false"]
    assert figures["power"] > 0.4


def test_a_page_is_new_only_with_a_baseline():
    series = {"A": [10] * 2, "B": [8] * 2, "New": [None, 50]}
    assert scores_of(series, 1)["New"]["presence"] == "new"
    without_baseline = {page: counts[1:] for page, counts in series.items()}
    assert scores_of(without_baseline, 1)["New"]["presence"] == "unknown"


def test_tables_do_not_depend_on_the_order_of_the_rows():
    frame = frame_of({f"P{number}": noisy(9, 20, number) for number in range(40)})
    start, end = START + dt.timedelta(days=15), START + dt.timedelta(days=19)
    expected = analysis_of(frame, start, end)
    for seed in range(3):
        actual = analysis_of(frame.sample(fraction=1.0, shuffle=True, seed=seed), start, end)
        for name, table in expected.items():
            assert actual[name].equals(table), name
