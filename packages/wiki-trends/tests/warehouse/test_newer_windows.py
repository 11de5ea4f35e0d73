"""A publish that keeps newer windows decides when it holds the lock of the warehouse, not when its analysis begins."""

import datetime as dt

import polars as pl
import pytest

from testing.window_data import day_number, run_record
from wiki_trends.errors import NewerPublished
from wiki_trends.warehouse import open_warehouse

TABLE = "wiki_trends_common"


@pytest.fixture(params=["duckdb", "postgresql"])
def warehouse(request, tmp_path):
    if request.param == "duckdb":
        return open_warehouse(f"duckdb:///{tmp_path}/w.duckdb")
    return open_warehouse(request.getfixturevalue("postgres_url"))


def publish(warehouse, day, *, dataset="diamond", keep_newer=True):
    """Publish a window of two days, which ends on this day."""
    end = day_number(day)
    run = run_record((end - dt.timedelta(days=1), end), dataset=dataset)
    table = pl.DataFrame({"page": ["A"], "date": end, "views": [day]})
    warehouse.publish({TABLE: table}, run, keep_newer=keep_newer)


def published(warehouse):
    """The last day of the published window, and the day in its table."""
    with warehouse.reading() as reader:
        [row] = reader.rows(f"SELECT views FROM {TABLE}")
        assert day_number(row["views"]) == reader.last_run().window_end
        return row["views"]


def test_a_newer_window_is_kept_and_nothing_is_written(warehouse):
    publish(warehouse, 5)
    with pytest.raises(NewerPublished) as refused:
        publish(warehouse, 4)
    assert (refused.value.window_start, refused.value.window_end) == (day_number(4), day_number(5))
    assert published(warehouse) == 5
    with warehouse.reading() as reader:
        assert len(reader.rows("SELECT run FROM wiki_trends_runs")) == 1


def test_a_window_that_ends_on_the_same_day_or_later_is_published(warehouse):
    for day in (3, 4, 4, 6):
        publish(warehouse, day)
        assert published(warehouse) == day


def test_an_older_window_is_published_when_that_was_asked_for(warehouse):
    publish(warehouse, 5)
    publish(warehouse, 4, keep_newer=False)
    assert published(warehouse) == 4
    publish(warehouse, 4)


def test_a_window_of_another_dataset_is_not_newer(warehouse):
    publish(warehouse, 5, dataset="fr")
    publish(warehouse, 4, dataset="en")
    assert published(warehouse) == 4
