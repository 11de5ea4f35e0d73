"""Data files that cannot be read as one table, because their columns differ, are not a complete partition."""

from __future__ import annotations

import io

import polars as pl
import pytest

from smart_orchestrator.adapters.base import adapter_of
from smart_orchestrator.adapters.manifest import Depth, InspectOptions
from smart_orchestrator.model.partition import Code
from testing.partition_writers import COLUMNS

from .one_day import DAY, inspect_day, put

DEEP = InspectOptions(depth=Depth.ROWS)


def parquet(**columns):
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_parquet(buffer)
    return buffer.getvalue()


@pytest.fixture(params=["writer", "marked"])
def lake(request):
    """A writer of each adapter; the marker of a partition is written last."""
    writer = request.getfixturevalue(request.param)
    if request.param == "marked":
        put(writer, "_SUCCESS", b"")
    return writer


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ({"id": [2]}, "b.parquet lacks the columns views INT64 of a.parquet"),
        (
            {"id": [2], "views": [1], "page": ["x"]},
            "b.parquet has the columns page BYTE_ARRAY UTF8, which a.parquet lacks",
        ),
        (
            {"id": [2], "views": ["1"]},
            "b.parquet has the columns views BYTE_ARRAY UTF8, and a.parquet views INT64",
        ),
        (
            {"id": [2], "views": [[1]]},
            "b.parquet has the columns views GROUP<INT64>, and a.parquet views INT64",
        ),
    ],
)
def test_parquet_files_of_different_columns_are_invalid(lake, memory, second, reason):
    put(lake, "a.parquet", parquet(id=[1], views=[1]))
    put(lake, "b.parquet", parquet(**second))
    remembering = InspectOptions(memory=memory)
    for options in (None, remembering, remembering):
        partition = inspect_day(lake, options, columns=())
        assert (partition.code, partition.reason) == (Code.COLUMNS, reason)
    assert inspect_day(lake, DEEP, columns=()).code is Code.COLUMNS
    # The columns of the contract are in every file.
    assert inspect_day(lake, columns=COLUMNS).code is Code.OK


def test_parquet_files_of_the_same_columns_in_another_order_are_one_table(lake):
    put(lake, "a.parquet", parquet(id=[1], views=[1]))
    put(lake, "b.parquet", parquet(views=[1], id=[2]))
    assert inspect_day(lake, columns=()).code is Code.OK
    assert inspect_day(lake, DEEP, columns=()).code is Code.OK


def test_a_column_in_the_name_of_a_folder_is_a_column_of_its_files(lake):
    put(lake, "country=US/a.parquet", parquet(id=[1]))
    put(lake, "country=DE/b.parquet", parquet(id=[2]))
    assert inspect_day(lake, columns=()).code is Code.OK
    put(lake, "z.parquet", parquet(id=[3]))
    partition = inspect_day(lake, columns=())
    assert (partition.code, partition.reason) == (
        Code.COLUMNS,
        "z.parquet lacks the columns country of country=DE/b.parquet",
    )


@pytest.mark.parametrize("other", ["part-1.csv", "region=EU/part-1.csv", "country=DE/city=Ulm/part-1.csv"])
def test_csv_files_in_folders_of_different_columns_are_invalid(lake, other):
    put(lake, "country=US/part-0.csv", b"id,views\n1,2\n")
    put(lake, other, b"id,views\n2,3\n")
    for options in (None, DEEP):
        partition = inspect_day(lake, options, columns=COLUMNS, format="csv")
        assert partition.code is Code.COLUMNS
        assert partition.reason.startswith("the folders of the parts have different columns (country")


def test_only_the_footers_of_new_files_are_read(lake, memory):
    put(lake, "a.parquet", parquet(id=[1]))
    put(lake, "b.parquet", parquet(id=[2]))
    options = InspectOptions(memory=memory)
    assert inspect_day(lake, options, columns=()).code is Code.OK
    put(lake, "c.parquet", parquet(id=["x"]))
    adapter = adapter_of(lake.dataset(columns=()))
    assert adapter.inspect([DAY], options)[DAY].code is Code.COLUMNS
    assert adapter.requests["get"] == 1


@pytest.mark.parametrize("second", [b"id\n2\n", b"id,views,page\n2,1,x\n", b"views,id\n1,2\n"])
def test_csv_files_of_different_headers_are_invalid(lake, second):
    put(lake, "a.csv", b"id,views\n1,1\n")
    put(lake, "b.csv", second)
    partition = inspect_day(lake, format="csv", columns=())
    assert partition.code is Code.COLUMNS
    assert partition.reason.startswith("b.csv has") or partition.reason.startswith("b.csv lacks")
    put(lake, "b.csv", b"id,views\n2,1\n")
    assert inspect_day(lake, format="csv", columns=()).code is Code.OK
