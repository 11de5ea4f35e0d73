"""`wiki-trends export surprises` has a row for each page and day, equal to the scores of windows of one day."""

import io
import math
from dataclasses import replace

import polars as pl
import pytest

from testing.report_windows import publish, settings_in
from testing.window_data import day_number, ranked
from wiki_trends.queries.export import export
from wiki_trends.warehouse import open_warehouse

COLUMNS = (
    "usual_views",
    "expected_views",
    "surprise",
    "se",
    "evidence",
    "reference",
    "reference_days",
    "reference_listed",
)


def day(offset):
    views = {f"Page_{number}": 1000 * number + 37 * ((offset * number) % 5) for number in range(1, 7)}
    views["Page_3"] *= 9 if offset == 20 else 1
    if offset % 3 == 0:
        del views["Page_1"]
    return ranked(views)


DAYS = {offset: day(offset) for offset in range(24) if offset != 11}


def exported(warehouse, file_format="json"):
    stream = io.BytesIO()
    export(warehouse, "surprises", file_format, stream)
    stream.seek(0)
    return {"json": pl.read_json, "csv": pl.read_csv, "parquet": pl.read_parquet}[file_format](stream)


@pytest.mark.slow
def test_each_day_equals_the_score_of_a_window_of_that_day(tmp_path):
    settings = settings_in(tmp_path)
    for last in (0, 5, 20, 23):
        publish(settings, {offset: rows for offset, rows in DAYS.items() if offset <= last}, window=1)
    warehouse = open_warehouse(settings.warehouse)
    with warehouse.reading() as reader:
        scores = reader.rows("SELECT * FROM wiki_trends_scores")
    rows = {(row["page"], row["date"]): row for row in exported(warehouse).to_dicts()}
    assert len(rows) == sum(map(len, DAYS.values()))
    compared = 0
    for score in scores:
        row = rows[score["page"], score["window_end"].isoformat()]
        if score["window_end"] == day_number(0):
            # A window of the first day has no other days; among all days, the later days are the reference.
            assert (score["surprise"], row["reference"]) == (None, "window")
            continue
        compared += 1
        for name in COLUMNS:
            same = (
                row[name] == score[name]
                if isinstance(score[name], (str, int))
                else math.isclose(row[name], score[name])
            )
            assert same, (score["page"], name, row[name], score[name])
    assert compared > 10
    largest = max(rows.values(), key=lambda row: row["evidence"])
    assert (largest["page"], largest["date"]) == ("Page_3", day_number(20).isoformat())


def test_the_aftermath_of_an_event_on_the_first_day_is_not_the_noise_of_its_page(tmp_path):
    settings = settings_in(tmp_path)
    views = (90_000, 30_000, 10_000, 4_000)
    days = {offset: ranked({"Event": views[offset], "Page": 1000 + offset}) for offset in range(4)}
    publish(settings, days, window=4)
    warehouse = open_warehouse(settings.warehouse)
    with warehouse.reading() as reader:
        (score,) = reader.rows("SELECT * FROM wiki_trends_scores WHERE page = 'Event'")
    (row,) = exported(warehouse).filter(page="Event", date=day_number(0).isoformat()).to_dicts()

    assert (score["reference"], score["spread"]) == ("window", pytest.approx(0.2))
    assert {name: row[name] for name in COLUMNS} == {name: pytest.approx(score[name]) for name in COLUMNS}


@pytest.mark.slow
def test_both_warehouses_and_all_formats_have_the_same_rows(tmp_path, postgres_url):
    embedded = settings_in(tmp_path)
    server = replace(embedded, warehouse=postgres_url)
    for settings in (embedded, server):
        publish(settings, DAYS, window=5)
    expected = exported(open_warehouse(embedded.warehouse), "parquet")
    assert expected.equals(exported(open_warehouse(server.warehouse), "parquet"))
    text = exported(open_warehouse(embedded.warehouse), "csv")
    assert text.columns == expected.columns
    assert text["surprise"].to_list() == expected["surprise"].to_list()
    dates = expected["date"].to_list()
    assert dates == sorted(dates)
    assert set(dates) == {day_number(offset) for offset in DAYS}


def test_only_csv_has_apostrophes_before_formulas(tmp_path):
    settings = settings_in(tmp_path)
    publish(settings, {offset: ranked({"=1+1": 5000, "Page": 100 + offset}) for offset in range(3)}, window=2)
    warehouse = open_warehouse(settings.warehouse)
    pages = {form: set(exported(warehouse, form)["page"].to_list()) for form in ("csv", "json", "parquet")}
    assert pages == {"csv": {"'=1+1", "Page"}, "json": {"=1+1", "Page"}, "parquet": {"=1+1", "Page"}}
