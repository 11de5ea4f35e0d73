"""Exact views of pages replace bounds and missing days in the scores, which count their exact, bounded and missing inputs."""

from __future__ import annotations

import datetime as dt
import math
import random
import statistics

import polars as pl
import pytest

from wiki_trends.analytics.engines.duckdb import computed_tables
from wiki_trends.analytics.tables.declarations import (
    DAYS,
    EARLIER,
    EARLIER_DAYS,
    HISTORY_TYPES,
    PAGE_HISTORY,
    ROWS,
    RUN,
)

START = dt.date(2025, 9, 10)
BASE = 56
WINDOW = 5
LENGTH = BASE + WINDOW
COUNTS = (
    "reference_history",
    "reference_bounded",
    "reference_missing",
    "window_history",
    "window_bounded",
    "ewma_bounded",
)


def day(offset):
    return START + dt.timedelta(days=offset)


def long_frame(series):
    rows = [
        (day(offset), page, views)
        for page, counts in series.items()
        for offset, views in enumerate(counts)
        if views is not None
    ]
    return pl.DataFrame(rows, schema={"date": pl.Date, "page": pl.String, "views": pl.Int64}, orient="row")


def tables_of(lists, history=None, list_days=range(LENGTH)):
    """The tables of the last five days; both arguments have the views of each page by day, None is nothing."""
    texts = {name: pl.lit("x") for name in ("page_display", "link", "category", "location_type", "location")}
    nowhere = {name: pl.lit(None, pl.Float64) for name in ("latitude", "longitude")}
    rank = pl.col("views").rank("ordinal", descending=True).over("date")
    frame = long_frame(lists).with_columns(rank=rank, **texts, **nowhere)
    frame = frame.filter(pl.col("date").is_in([day(offset) for offset in list_days]))
    inputs = {
        ROWS: frame.filter(pl.col("date") >= day(BASE)),
        DAYS: pl.DataFrame({"date": [day(n) for n in list_days if n >= BASE]}, schema={"date": pl.Date}),
        EARLIER: frame.filter(pl.col("date") < day(BASE)),
        EARLIER_DAYS: pl.DataFrame(
            {"date": [day(n) for n in list_days if n < BASE]}, schema={"date": pl.Date}
        ),
        PAGE_HISTORY: long_frame(history or {})
        .with_columns(requested_for=pl.lit(day(LENGTH - 1)))
        .select(list(HISTORY_TYPES)),
        RUN: pl.DataFrame(
            {
                "dataset": "diamond",
                "window_start": day(BASE),
                "window_end": day(LENGTH - 1),
                "project": "en.wikipedia",
            }
        ),
    }
    with computed_tables(inputs) as tables:
        names = ("wiki_trends_scores", "wiki_page_history")
        return {name: pl.DataFrame(Stream(tables[name])) for name in names}


class Stream:
    """Only the Arrow stream of a table: Polars would read more of the objects of DuckDB."""

    def __init__(self, table):
        self.__arrow_c_stream__ = table.__arrow_c_stream__


def scores_of(*arguments, **options):
    return {row["page"]: row for row in tables_of(*arguments, **options)["wiki_trends_scores"].to_dicts()}


def counts_of(row):
    return tuple(row[name] for name in COUNTS)


def noisy(level, seed, noise=0.2):
    rng = random.Random(seed)
    return [round(math.exp(level + rng.gauss(0, noise))) for _ in range(LENGTH)]


FIVE_DAYS = range(BASE, LENGTH)


@pytest.fixture(scope="module")
def first_window():
    """A lake with only the days of the window; two pages have a history, one of them rose."""
    rose = noisy(8, 1)
    rose[-2] *= 9
    lists = {"Rose": rose, "Quiet": noisy(8, 2), "Other": noisy(8, 3), "Least": [100] * LENGTH}
    history = {page: lists[page] for page in ("Rose", "Quiet")}
    return lists, scores_of(lists, history, list_days=FIVE_DAYS), scores_of(lists, list_days=FIVE_DAYS)


def test_a_first_window_with_history_is_scored_as_with_the_lists_of_those_days(first_window):
    lists, scores, _ = first_window
    at = LENGTH - 2
    levels = [math.log(1 + views) for views in lists["Rose"]]
    past = levels[at - 28 : at]
    median = statistics.median(past)
    row = scores["Rose"]
    assert (row["surprise_date"], row["reference"]) == (day(at), "before")
    assert (row["reference_days"], row["reference_listed"], row["confidence"]) == (28, 28, 1.0)
    assert row["median_level"] == pytest.approx(median)
    assert row["mad"] == pytest.approx(statistics.median(abs(level - median) for level in past))
    deviations = [
        levels[day] - statistics.median(levels[day - 28 : day]) for day in range(at - 56, at) if day >= 28
    ]
    weekday = [
        deviation for day, deviation in enumerate(deviations, at - len(deviations)) if (at - day) % 7 == 0
    ]
    assert row["weekday_days"] >= 3
    assert row["weekday_effect"] is not None
    assert len(weekday) <= row["weekday_days"]
    assert row["burst"] is True
    # Three days of the window come before the day; only the lists have them.
    assert counts_of(row) == (25, 0, 0, 0, 0, 0)
    # The lists of all days give the same figures.
    whole = scores_of(lists)["Rose"]
    same = ("surprise", "expected_views", "mad", "se", "evidence", "at_least", "weekday_effect", "burst")
    assert {name: row[name] for name in same} == pytest.approx({name: whole[name] for name in same})
    assert not scores["Quiet"]["burst"]


def test_pages_without_a_history_are_not_affected(first_window):
    _, scores, without = first_window
    assert scores["Other"] == without["Other"]
    assert scores["Least"] == without["Least"]
    assert without["Rose"]["burst"] is None
    assert scores["Other"]["reference_missing"] == 28 - scores["Other"]["reference_days"]


def test_an_unlisted_page_is_compared_with_its_views_and_not_with_the_bound():
    came = [None] * LENGTH
    came[-1] = 500
    lists = {"Came": came, "Steady": [400] * LENGTH, "Least": [300] * LENGTH}
    bounded = scores_of(lists)["Came"]
    assert bounded["expected_views"] == pytest.approx(300)
    assert counts_of(bounded) == (0, 28, 0, 0, 4, 55)
    exact = scores_of(lists, {"Came": [20] * (LENGTH - 1) + [None]})["Came"]
    assert exact["expected_views"] == pytest.approx(20)
    assert exact["surprise"] == pytest.approx(math.log(501 / 21))
    assert exact["burst"] is True
    assert counts_of(exact) == (28, 0, 0, 4, 0, 0)


def test_days_of_the_window_outside_the_list_count_with_their_views():
    page = [500] * LENGTH
    page[-1] = None
    lists = {"Page": page, "Least": [300] * LENGTH}
    row = scores_of(lists, {"Page": [None] * (LENGTH - 1) + [40]})["Page"]
    assert (row["first_half_views"], row["last_half_views"]) == (1000, 540)
    weights = [(1 - 2 / 15) ** age for age in range(56)]
    views = [40] + [500] * 55
    assert row["ewma_14"] == pytest.approx(
        sum(map(math.prod, zip(weights, views, strict=True))) / sum(weights)
    )
    assert counts_of(row)[3:] == (1, 0, 0)
    assert (row["days_listed"], row["streak"], row["views"]) == (4, 0, 2000)


def test_a_list_wins_over_the_history_of_the_day():
    lists = {"Page": [500] * LENGTH, "Least": [300] * LENGTH}
    row = scores_of(lists, {"Page": [7] * LENGTH})["Page"]
    assert row == scores_of(lists)["Page"]


def test_a_weekly_show_from_outside_the_lists_is_no_burst_with_its_history():
    rng = random.Random(1)
    show = [
        round((6000 if offset % 7 == 4 else 300) * math.exp(rng.gauss(0, 0.1))) for offset in range(LENGTH)
    ]
    lists = {"Show": [views if views > 2000 else None for views in show], "Least": [2000] * LENGTH}
    with_history = scores_of(lists, {"Show": show}, list_days=range(BASE - 10, LENGTH))["Show"]
    assert with_history["weekday_days"] >= 3
    assert with_history["evidence"] < 5
    assert scores_of(lists, list_days=range(BASE - 30, LENGTH))["Show"]["evidence"] > 5


def test_only_the_pages_of_the_window_are_published():
    lists = {"Page": [500] * LENGTH, "Least": [300] * LENGTH}
    published = tables_of(lists, {"Page": [7] * LENGTH, "Gone": [8] * LENGTH})["wiki_page_history"]
    assert published.columns == ["page", "date", "views", "requested_for"]
    assert published.height == LENGTH
    assert set(published["page"]) == {"Page"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_the_counts_of_inputs_can_be_redone(seed):
    """On random lists and histories, with days that have no list."""
    rng = random.Random(seed)
    list_days = sorted({LENGTH - 1, *rng.sample(range(LENGTH), rng.choice([4, 20, 50]))})
    used = [offset for offset in list_days if offset >= BASE]
    truth = {f"P{number}": noisy(rng.uniform(5, 9), seed * 100 + number, 0.5) for number in range(8)}
    bounds = {offset: rng.randrange(100, 3000) for offset in range(LENGTH)}
    lists = {page: [v if v >= bounds[n] else None for n, v in enumerate(truth[page])] for page in truth}
    lists["Least"] = [bounds[offset] for offset in range(LENGTH)]
    history = {page: [v if rng.random() < 0.8 else None for v in truth[page]] for page in list(truth)[:5]}
    scores = scores_of(lists, history, list_days=list_days)
    assert "P0" in scores or len(scores) < 9
    for page, row in scores.items():
        listed = {n for n in list_days if lists[page][n] is not None}
        exact = listed | {n for n, views in enumerate(history.get(page, ())) if views is not None}
        recent = [n for n in list_days if n > max(used) - 56]
        assert counts_of(row)[3:] == (
            len([n for n in used if n in exact and n not in listed]),
            len([n for n in used if n not in exact]),
            len([n for n in recent if n not in exact]),
        )
        if row["surprise_date"] is None:
            assert counts_of(row)[:3] == (None, None, None)
            continue
        at = (row["surprise_date"] - START).days
        assert at in used
        assert at in exact
        before = range(at - 28, at) if row["reference"] == "before" else range(at + 1, at + 29)
        known = [n for n in before if n in exact]
        reference = [n for n in before if n in exact or n in list_days]
        assert (row["reference_days"], row["reference_listed"]) == (len(reference), len(known))
        assert counts_of(row)[:3] == (
            len([n for n in known if n not in listed]),
            len(reference) - len(known),
            28 - len(reference),
        )
        if known:
            views = {n: lists[page][n] if n in listed else history[page][n] for n in known}
            levels = [math.log(1 + count) for count in views.values()]
            assert row["median_level"] == pytest.approx(statistics.median(levels))
