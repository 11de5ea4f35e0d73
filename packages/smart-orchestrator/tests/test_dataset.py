from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smart_orchestrator.errors import DatasetError
from smart_orchestrator.model.dataset import Column, DailyDataset, Dataset
from smart_orchestrator.model.grain import Grain

FORMATS = [
    "diamond_final_{day:%Y_%m_%d}.csv",
    "fr.wikipedia/diamond_final_{day:%Y_%m_%d}.csv",
    "orders/dt={day:%Y-%m-%d}",
    "orders/dt={day}",
    "year={day:%Y}/month={day:%m}/day={day:%d}",
    "events/{day:%Y/%m/%d}",
    "{day:%Y%m%d}",
    "{day:%d.%m.%Y}",
    "orders/{day:%Y-%j}",
    "y={start:%Y}/m={start:%-m}/d={start:%-d}",
    "a+b(c)/{day:%Y}-{day:%Y_%m_%d}",
]
FIXED_FOLDERS = ["", "fr.wikipedia", "orders", "orders", "", "events", "", "", "orders", "", "a+b(c)"]


def dataset(key_format, **others):
    return DailyDataset("orders", "memory://dataset", key_format, **others)


@pytest.mark.parametrize("key_format", FORMATS)
@given(st.dates())
@example(dt.date(1, 1, 1))
@example(dt.date(999, 12, 31))
@example(dt.date(2024, 2, 29))
def test_a_day_comes_back_from_its_key(key_format, day):
    orders = dataset(key_format)
    assert orders.day(orders.key(day)) == day


@pytest.mark.parametrize("key_format", FORMATS)
@given(st.text(max_size=40))
def test_any_name_is_a_day_only_if_it_is_that_days_key(key_format, name):
    orders = dataset(key_format)
    day = orders.day(name)
    assert day is None or orders.key(day) == name


@pytest.mark.parametrize(
    "name",
    [
        "diamond_final_2025_13_01.csv",
        "diamond_final_2025_02_30.csv",
        "diamond_final_0000_01_01.csv",
        "diamond_final_2025_11_05.csv.bak",
        "diamond_final_2025_11_05.csv/",
        "diamond_final_2025_11_05.csv\n",
        "old/diamond_final_2025_11_05.csv",
        "DIAMOND_final_2025_11_05.csv",
        "diamond_final_2025_11_05xcsv",
        "diamond_final_2025_11_5.csv",
        "diamond_final_٢٠٢٥_11_05.csv",
        "diamond_final_backup",
        "",
    ],
)
def test_a_stray_name_is_no_day(name):
    assert dataset(FORMATS[0]).day(name) is None


def test_a_key_that_contradicts_itself_is_no_day():
    assert dataset(FORMATS[-1]).day("a+b(c)/2024-2025_11_05") is None


@pytest.mark.parametrize(("key_format", "folder"), list(zip(FORMATS, FIXED_FOLDERS, strict=True)))
def test_the_fixed_folder_is_what_stands_before_the_first_day(key_format, folder):
    assert dataset(key_format).folder == folder


@pytest.mark.parametrize(
    ("key_format", "problem"),
    [
        ("orders", "gives different days the same path"),
        ("orders/{day:%d}", "gives different days the same path"),
        ("orders/{day:%m-%d}", "gives different days the same path"),
        ("orders/{day:%y-%m-%d}", "is not a format of day (%y is not one of %Y %m %d"),
        ("orders/{day:%Y-%m-%d%}", "is not a format of day (% is not one of %Y %m %d"),
        ("orders/{day:%-Y-%m-%d}", "is not a format of day (%-Y is not one of %Y %m %d"),
        ("orders/{day:%G-W%V}", "gives different days the same path"),
        ("orders/{day.year}-{day.month}-{day.day}", "is not a format of day"),
        ("orders/{date:%Y-%m-%d}", "is not a format of day"),
        ("orders/{:%Y-%m-%d}", "is not a format of day"),
        ("orders/{day:%Y-%m-%d", "is not a format of day"),
        ("orders/{day.name}", "is not a format of day"),
        ("/orders/{day:%Y-%m-%d}", "begins or ends with a slash"),
        ("orders/{day:%Y-%m-%d}/", "begins or ends with a slash"),
    ],
)
def test_a_key_format_that_cannot_work_is_refused_at_once(key_format, problem):
    with pytest.raises(DatasetError) as caught:
        dataset(key_format)
    assert str(caught.value).startswith(f"Dataset orders: key format {key_format!r} {problem}")
    assert str(caught.value).endswith("Correct its description.")


def test_a_column_stands_once():
    with pytest.raises(DatasetError, match="column page is named twice"):
        dataset(FORMATS[0], columns=(Column("page"), Column("views"), Column("page")))


def test_the_volume_column_is_one_of_the_columns():
    columns = (Column("page"), Column("views", "integer"))
    assert dataset(FORMATS[0], columns=columns, volume_column="views").volume_column == "views"
    assert dataset(FORMATS[0], volume_column="views").volume_column == "views"
    with pytest.raises(DatasetError, match="volume column hits is not one of page, views"):
        dataset(FORMATS[0], columns=columns, volume_column="hits")


@pytest.mark.parametrize(("form", "suffix"), [("csv", ".csv"), ("parquet", ".parquet"), ("raw", ".json")])
def test_a_part_is_named_for_its_format(form, suffix):
    assert dataset(FORMATS[0], format=form).suffix == suffix


@pytest.mark.parametrize(
    "options",
    [
        {"name": ""},
        {"name": "a\nb"},
        {"key_format": "../{day:%Y-%m-%d}"},
        {"key_format": "a//{day:%Y-%m-%d}"},
        {"key_format": "a/./{day:%Y-%m-%d}"},
        {"key_format": "a\n{day:%Y-%m-%d}"},
        {"format": "xml"},
        {"min_rows": -1},
        {"retries": -1},
        {"timeout": 0.0},
        {"timeout": float("nan")},
        {"backoff": float("inf")},
        {"backoff": 1e300},
        {"timeout": True},
        {"min_files": 0},
        {"min_files": 1.5},
        {"min_rows": 2**63},
        {"retries": 1001},
        {"lag": 0.5},
        {"settle": -1},
        {"settle": float("inf")},
        {"glob": ""},
        {"runner": " "},
    ],
    ids=str,
)
def test_a_degenerate_dataset_is_refused(options):
    with pytest.raises(DatasetError):
        DailyDataset(
            **({"name": "orders", "lake": "memory://x", "key_format": "dt={day:%Y-%m-%d}"} | options)
        )


@pytest.mark.parametrize(
    "options",
    [
        {"name": ""},
        {"name": "a\0"},
        {"type": "decimal"},
        {"low": 2, "high": 1},
        {"low": float("nan")},
        {"high": float("inf")},
    ],
    ids=str,
)
def test_a_degenerate_column_is_refused(options):
    with pytest.raises(DatasetError):
        Column(**({"name": "views"} | options))


def test_a_part_with_negative_rows_is_refused():
    from smart_orchestrator.committing.writer import Part

    with pytest.raises(ValueError, match="must not be negative, not -1"):
        Part(b"", -1)


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("ts={start:%Y-%m-%dT%H}%3A00%3A00", "ts=2025-11-05T07%3A00%3A00"),
        ("%20d/{start:%Y}%d{start:%m-%d-%H}", "%20d/2025%d11-05-07"),
    ],
)
def test_a_percent_outside_of_a_field_is_a_part_of_the_name(template, path):
    """Hive writes a colon in a folder's name as `%3A`."""
    dataset = Dataset("logs", "memory://x", template, grain=Grain.HOUR)
    key = dt.datetime(2025, 11, 5, 7, tzinfo=dt.UTC)
    assert dataset.key(key) == path
    assert dataset.day(path) == key
