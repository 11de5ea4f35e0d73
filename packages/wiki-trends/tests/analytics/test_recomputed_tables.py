"""Every column of every table equals a second computation in plain Python from the formulas in docs/scores.md."""

import datetime as dt
import json
import math
import random

import polars as pl
import pytest

from smart_orchestrator.checking import check
from smart_orchestrator.committing.writer import write_frame
from smart_orchestrator.model.completeness import Policy
from smart_orchestrator.model.window import Window
from testing.recomputed_tables import recomputed
from testing.window_data import NOW, TYPES, day_number, ranked
from wiki_trends.analytics.analyze import analyze
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import Settings
from wiki_trends.warehouse import open_warehouse
from wiki_trends.warehouse.base import KEYS, NULLABLE

# The number of days of the lake and of the window.
LENGTHS = [(74, 6), (40, 20), (3, 3), (1, 1)]


def random_day(rng, offset):
    """A list of nine of fourteen pages: noise, weekly pages, trends, leaps, and pages near the end of the list."""
    views = {}
    for number in range(14):
        level = 9 - number / 3 + (number == 2) * offset / 12 - (number == 3) * offset / 15
        level += 2 * (number in (4, 10) and offset % 7 == 3) + 3 * (rng.random() < 0.03)
        # A spike and a plateau in the window of the longest lake.
        level += 4 * (number == 1 and offset in (69, 70)) + 4 * (number == 5 and offset >= 70)
        views[f"Page_{number}"] = int(math.exp(level + rng.gauss(0, 0.25)))
    # Pages that are new and that return in the window of the longest lake.
    if offset >= 71:
        views["Page_14"] = rng.randint(20_000, 30_000)
    if offset < 50 or offset >= 70:
        views["Page_15"] = rng.randint(10_000, 20_000)
    # A page that is listed on the first days of the longest window only.
    if 80 <= offset < 85:
        views["Page_16"] = 15_000 + offset
    views["Page_13"] = rng.choice([0, 1, 3])
    listed = sorted(views, key=lambda page: (-views[page], page))[: rng.choice([8, 9, 14])]
    rows = ranked({page: views[page] for page in listed})
    return [
        row | {"category": rng.choice(["Sports", "Other"]), "latitude": rng.choice([None, rng.random()])}
        for row in rows
    ]


# The last window is longer than the 56 days of the averages.
LAKES = [*enumerate(LENGTHS), pytest.param((len(LENGTHS), (150, 74)), marks=pytest.mark.slow)]


@pytest.fixture(params=LAKES, ids=lambda param: f"{param[1][0]}_days", scope="module")
def lake(request, tmp_path_factory):
    seed, (total, length) = request.param
    return random_lake(tmp_path_factory.mktemp("lake"), seed, total, length)


def random_lake(folder, seed, total, length):
    """The dataset, the check of the window, and the rows by day of a random lake with holes."""
    rng = random.Random(seed)
    dataset = layers(Settings(lake=f"{folder}/{{layer}}", project="fr.wikipedia")).diamond
    rows = {}
    for offset in range(total):
        if rng.random() < 0.9 or offset == total - 1:
            rows[day_number(offset)] = random_day(rng, offset)
            frame = pl.DataFrame(rows[day_number(offset)], schema=TYPES)
            steps = [{"step": "fetch", "rows_in": offset, "rows_out": 9, "seconds": 0.5}, {"step": "clean"}]
            write_frame(dataset, day_number(offset), frame, measured={"steps": steps})
    last = day_number(total - 1)
    window = Window.between(day_number(total - length), last, last + dt.timedelta(days=3))
    return dataset, check(dataset, window, policy=Policy(min_coverage=10.0)), rows


@pytest.fixture(params=["duckdb", "postgresql"])
def warehouse(request, tmp_path):
    if request.param == "duckdb":
        return open_warehouse(f"duckdb:///{tmp_path}/w.duckdb")
    return open_warehouse(request.getfixturevalue("postgres_url"))


def same(value, expected):
    if isinstance(expected, float) and isinstance(value, float):
        # Differences of levels near 20 have an absolute error of some 1e-14, so a result near zero has no relative precision.
        return math.isclose(value, expected, rel_tol=1e-9, abs_tol=1e-12)
    return value == expected and type(value) is type(expected)


def assert_same(name, published, expected):
    key = KEYS[name]
    rows = {tuple(row[column] for column in key): row for row in published}
    expected_rows = {tuple(row[column] for column in key): row for row in expected}
    assert len(rows) == len(published)
    assert rows.keys() == expected_rows.keys(), name
    for place, row in rows.items():
        assert row.keys() == expected_rows[place].keys(), name
        for column, value in row.items():
            wanted = expected_rows[place][column]
            assert same(value, wanted), (name, place, column, value, wanted)


def test_every_column_equals_its_formula(lake, warehouse):
    dataset, completeness, rows = lake
    run = analyze(dataset, completeness, warehouse, clock=lambda: NOW).run
    used = {day: rows[day] for day in run.days_used}
    first = completeness.window.start - dt.timedelta(days=56)
    baseline = {day: rows[day] for day in rows if first <= day < completeness.window.start}
    window = (completeness.window.start, completeness.window.last)
    expected = recomputed(dataset.name, "fr.wikipedia", window, used, baseline)
    for row in expected["wiki_trends_scores"]:
        row |= {"run": 1, "stale": False}
    expected["wiki_pipeline_runs"] = [measured for day in {**baseline, **used} for measured in steps_of(day)]
    with warehouse.reading() as reader:
        for name in run.rows:
            of = (
                " WHERE date IN (SELECT DISTINCT date FROM wiki_diamond)"
                if name == "wiki_pipeline_runs"
                else ""
            )
            published = reader.rows(f"SELECT * FROM {name}{of}")
            if name == "wiki_pipeline_runs":
                for row in published:
                    assert isinstance(row.pop("written_at"), dt.datetime)
                    assert row.pop("run_id")
            assert_same(name, published, expected[name])
        (recorded,) = reader.rows("SELECT * FROM wiki_trends_runs")
    assert_recorded(recorded, run, completeness, rows, baseline)


def steps_of(day):
    offset = (day - day_number(0)).days
    nothing = dict.fromkeys(("rows_in", "rows_out", "requests", "retries", "cache_hits", "seconds"))
    yield {"date": day, "step": "fetch", "place": 1} | nothing | {
        "rows_in": offset, "rows_out": 9, "seconds": 0.5,
    }  # fmt: skip
    yield {"date": day, "step": "clean", "place": 2} | nothing


def assert_recorded(recorded, run, completeness, rows, baseline):
    partitions = {part.day.isoformat(): part for part in completeness.partitions}
    used = [day.isoformat() for day in run.days_used]
    values = {
        "days_used": used,
        "policy": completeness.policy.to_json(),
        "fingerprints": {day: partitions[day].fingerprint for day in used},
        "table_rows": dict(run.rows),
        "states": {
            day: {"state": part.state, "code": part.code, "reason": part.reason}
            for day, part in partitions.items()
        },
    }
    assert {name: json.loads(recorded[name]) for name in values} == values
    assert sorted(json.loads(recorded["baseline"])) == sorted(map(str, baseline))
    plain = {
        "run": 1, "dataset": "diamond of fr.wikipedia", "window_start": completeness.window.start,
        "window_end": completeness.window.last, "as_of": completeness.window.as_of, "lag_days": 3,
        "expected": len(partitions), "published_at": NOW.replace(tzinfo=None), "schema_version": 1,
    }  # fmt: skip
    assert {name: recorded[name] for name in plain} == plain
    assert recorded["coverage_pct"] == round(100 * len(used) / len(partitions), 1)
    assert recorded["version"]
    assert recorded["seconds"] > 0
    assert recorded.keys() == {
        *values,
        *plain,
        "baseline",
        "coverage_pct",
        "version",
        "seconds",
        "history",
        "history_problem",
        "contents",
        "recomputed",
        "left_out",
        "flagged",
        "renamed",
    }
    assert sorted(json.loads(recorded["contents"])) == sorted([*map(str, baseline), *used])
    assert (recorded["recomputed"], json.loads(recorded["left_out"]), json.loads(recorded["renamed"])) == (
        False,
        [],
        {},
    )
    assert all(day in rows for day in run.days_used)


def test_the_longest_random_lake_has_values_in_every_column_that_may_be_null(tmp_path):
    """The comparison shows something only about columns that have values."""
    dataset, completeness, _ = random_lake(tmp_path, 0, *LENGTHS[0])
    warehouse = open_warehouse(f"duckdb:///{tmp_path}/w.duckdb")
    analyze(dataset, completeness, warehouse, clock=lambda: NOW)
    with warehouse.reading() as reader:
        scores = reader.rows("SELECT * FROM wiki_trends_scores")
    for name in NULLABLE["wiki_trends_scores"]:
        assert any(row[name] is not None for row in scores), name
    for name in ("presence", "usual_source", "shape", "momentum_label"):
        assert len({row[name] for row in scores}) > 1, name
