"""The scores against a second calculation of them in plain Python, and what they do with days outside the list."""

import datetime as dt
import math
import random
import statistics

import polars as pl
import pytest

from benchmarks.trends import analysed

START = dt.date(2025, 6, 1)
BASE = 56


def frame_of(series):
    """A frame from a list of views a day for each page; None is outside the list."""
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
    tables = analysed(
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
    found = scores["Burst"]
    assert found["surprise_date"] == START + dt.timedelta(days=at)
    assert found["median_level"] == pytest.approx(median)
    assert found["mad"] == pytest.approx(mad)
    assert found["robust_z"] == pytest.approx((levels[at] - median) / (1.4826 * mad))
    assert found["usual_views"] == pytest.approx(math.exp(usual) - 1)
    effect = max(found["weekday_effect"], 0)
    spread = math.sqrt((28 * (1.4826 * mad) ** 2 + 14 * 0.04) / 42)
    assert (found["reference_days"], found["confidence"]) == (28, 1.0)
    assert found["score"] == pytest.approx((levels[at] - usual - effect) / spread)
    assert (found["burst"], found["shape"]) == (True, "spike")
    assert not scores["Quiet"]["burst"]


def test_halves_and_averages_count_days_outside_as_the_last_row(world):
    series, scores = world
    gone = [100 if count is None else count for count in series["Gone"]]
    first, last = sum(gone[-5:-3]), sum(gone[-2:])
    found = scores["Gone"]
    assert (found["half_days"], found["first_half_views"], found["last_half_views"]) == (2, first, last)
    assert found["wikitrends_score"] == pytest.approx(abs(last - first) * math.log((last + 1) / (first + 1)))
    for name, span in (("ewma_3", 3), ("ewma_14", 14)):
        weights = [(1 - 2 / (span + 1)) ** age for age in range(56)]
        averaged = sum(w * v for w, v in zip(weights, reversed(gone), strict=False)) / sum(weights)
        assert found[name] == pytest.approx(averaged)
    assert found["momentum_label"] == "falling"


def test_pages_are_told_by_where_they_were_before(world):
    _, scores = world
    told = {page: (row["presence"], row["streak"], row["days_listed"]) for page, row in scores.items()}
    assert told["New"] == ("new", 1, 1)
    assert told["Back"] == ("returning", 1, 1)
    assert told["Gone"] == ("regular", 0, 3)
    assert told["Quiet"] == ("regular", BASE + 5, 5)
    assert scores["New"]["expected_views"] == pytest.approx(100)


def test_a_weekday_that_is_always_higher_is_expected():
    counts = noisy(10, BASE + 7, 6)
    weekly = [count * 4 if day % 7 == 3 else count for day, count in enumerate(counts)]
    found = scores_of({"Weekly": weekly, "Other": counts}, 7)["Weekly"]
    assert not found["burst"]


def test_one_day_without_a_baseline_has_no_score_and_says_so():
    found = scores_of({"A": [10], "B": [5]}, 1)["A"]
    nulls = ("score", "surprise", "wikitrends_score", "trend_t", "robust_z")
    assert [found[name] for name in nulls] == [None] * 5
    assert (found["presence"], found["baseline_days"], found["views"]) == ("unknown", 0, 10)


def test_confidence_falls_with_the_baseline():
    series = {"A": noisy(9, 20, 7), "B": noisy(8, 20, 8)}
    found = scores_of(series, 1)["A"]
    assert found["confidence"] == pytest.approx(19 / 28)
