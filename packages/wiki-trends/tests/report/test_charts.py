"""The Vega specifications of the charts."""

import datetime as dt
import json
import math
from itertools import pairwise

import pytest

from testing.window_data import day_number
from wiki_trends.report.html import charts
from wiki_trends.report.html.axes import logarithmic_ticks
from wiki_trends.report.html.render import script_json
from wiki_trends.report.html.vega import compiled

NASTY = "</script><script>alert(1)</script>"


def race_rows(days=5):
    return [
        {
            "page_display": title,
            "date": day_number(offset),
            "rank": None if (title, offset) == ("Gap", 2) else start - step * offset,
            "views": None if (title, offset) == ("Gap", 2) else 100,
        }
        for title, start, step in (("Climber", 412, 90), ("Gap", 9, 1), (NASTY, 10, 1))
        for offset in range(days)
    ]


def category_rows():
    return [
        {"category": name, "date": day_number(offset), "views": 10 * offset}
        for name in ("Sports", "All others")
        for offset in (0, 1, 3)
    ]


SPECS = {
    "race": lambda: charts.rank_race(race_rows()),
    "series": lambda: charts.page_series(
        [{"date": day_number(offset), "views": 5, "rank": 1} for offset in range(9)],
        band=(2.0, 8.0),
        window_start=day_number(4),
    ),
    "categories": lambda: charts.categories_over_time(category_rows()),
    "places": lambda: charts.places([{"latitude": 1.0, "longitude": 2.0, "label": NASTY, "views": 7}]),
}


def texts(document):
    if isinstance(document, dict):
        for name, value in document.items():
            yield name
            yield from texts(value)
    elif isinstance(document, list):
        for value in document:
            yield from texts(value)
    elif isinstance(document, str):
        yield document


@pytest.mark.parametrize("name", SPECS)
def test_a_chart_has_only_colours_of_the_page_and_loads_nothing(name):
    vega = compiled(SPECS[name]())
    assert json.loads(script_json(vega)) == json.loads(json.dumps(vega))
    document_texts = list(texts({key: value for key, value in vega.items() if key != "$schema"}))
    assert not [text for text in document_texts if text.startswith("#") and len(text) in (4, 7)]
    assert not [text for text in document_texts if text in ("url", "href")]
    assert not [text for text in document_texts if "http://" in text or "https://" in text]
    assert "</script" not in script_json(vega)


@pytest.mark.parametrize("name", ["race", "series"])
def test_days_stand_below_a_chart_as_numbers_that_the_interpreter_reads(name):
    axes = [axis for axis in compiled(SPECS[name]())["axes"] if axis["scale"] == "x" and "format" in axis]
    (values,) = (axis["values"] for axis in axes)
    first = dt.datetime.combine(day_number(0), dt.time(), dt.UTC).timestamp() * 1000
    assert values[0] == first
    assert all(isinstance(value, int) for value in values)


def test_a_day_outside_the_list_is_none_and_no_zero():
    rows = charts.rank_race(race_rows()).datasets["rows"]
    (gap,) = [row for row in rows if row["page_display"] == "Gap" and row["date"] == "2025-11-07"]
    assert (gap["rank"], gap["views"]) == (None, None)


def test_labels_at_the_end_do_not_lie_on_each_other():
    rows = [
        {"page_display": f"P{number}", "date": day_number(offset), "rank": 900 + number, "views": 1}
        for number in range(8)
        for offset in range(2)
    ]
    labels = charts.rank_race(rows, height=380).datasets["labels"]
    heights = sorted(math.log(label["rank"]) / math.log(907) * 380 for label in labels)
    assert min(b - a for a, b in pairwise(heights)) > 13
    assert heights[-1] <= 381


def test_every_label_stands_beyond_the_last_day_and_says_on_which_day_a_page_left():
    rows = [
        {"page_display": "Stays", "date": day_number(0), "rank": 3, "views": 9},
        {"page_display": "Leaves", "date": day_number(0), "rank": 5, "views": 7},
        {"page_display": "Stays", "date": day_number(1), "rank": 4, "views": 8},
        {"page_display": "Leaves", "date": day_number(1), "rank": None, "views": None},
    ]
    labels = {label["page_display"]: label for label in charts.rank_race(rows).datasets["labels"]}
    assert {label["date"] for label in labels.values()} == {day_number(1).isoformat()}
    assert labels["Stays"]["label"] == "4  Stays"
    assert labels["Leaves"]["label"] == "5  Leaves · 5 Nov"
    assert (labels["Leaves"]["from_date"], labels["Leaves"]["from_rank"]) == (day_number(0).isoformat(), 5)


@pytest.mark.parametrize(
    ("counts", "ticks"),
    [
        ([], []),
        (
            [58_000, 1_554_810],
            [10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 10**6, 2 * 10**6, 5 * 10**6],
        ),
        ([0, 7], [1, 2, 5, 10, 20, 50]),
        ([3, 2_000_000], [10**exponent for exponent in range(8)]),
    ],
    ids=["none", "two decades", "from zero", "many decades"],
)
def test_a_logarithmic_axis_has_round_ticks(counts, ticks):
    found = logarithmic_ticks(counts)
    assert found[: len(ticks)] == ticks
    assert not counts or found[-1] >= max(counts)


def test_lines_are_straight_between_days():
    for name, spec in SPECS.items():
        marks = json.dumps(compiled(spec()))
        assert '"interpolate": "' not in marks, name


def test_the_axis_of_the_bars_holds_the_days_that_were_not_used():
    spec = charts.categories_over_time(category_rows())
    (scale,) = [item for item in compiled(spec)["scales"] if item["name"] == "x"]
    first = dt.datetime(2025, 11, 5, tzinfo=dt.UTC).timestamp() * 1000
    assert scale["domain"] == [first + day * 86_400_000 for day in range(4)]


@pytest.mark.parametrize(
    "spec", [charts.rank_race, charts.page_series, charts.categories_over_time, charts.places]
)
def test_without_rows_there_is_an_empty_chart(spec):
    assert compiled(spec([]))["marks"]


def test_the_score_history_has_a_point_for_each_window():
    first, last = dt.date(2025, 11, 1), dt.date(2025, 11, 9)
    rows = [
        {"window_start": day - dt.timedelta(days=4), "window_end": day, "at_least": factor}
        for day, factor in ((first, 1.5), (last, 3.0))
    ]
    (source,) = [data for data in compiled(charts.score_history(rows))["data"] if data["name"] == "rows"]
    assert [(value["date"], value["at_least"]) for value in source["values"]] == [
        ("2025-11-01", 1.5),
        ("2025-11-09", 3.0),
    ]
