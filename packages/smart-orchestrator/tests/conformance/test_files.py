"""Partitions without a marker, which are inspected by their data files."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import os

import pytest

from smart_orchestrator.adapters.base import adapter_of
from smart_orchestrator.adapters.manifest import Depth, InspectOptions
from smart_orchestrator.checking import check
from smart_orchestrator.model.dataset import Column, Dataset
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.model.partition import Code
from smart_orchestrator.model.window import Window
from testing.partition_writers import KEY, QUICK, ROWS, parquet_of

from .one_day import DAY, FOLDER, inspect_day, put


@pytest.mark.parametrize(
    "name",
    [
        "part-0.parquet.crc",
        ".hidden.parquet",
        "_draft.parquet",
        "a.parquet~",
        "a.parquet.partial",
        "a.parquet._COPYING_",
    ],
)
def test_temporary_files_are_not_read_and_are_named(writer, name):
    writer.write([DAY])
    put(writer, name, b"not a Parquet file")
    partition = inspect_day(writer)
    assert (partition.code, partition.rows) == (Code.OK, ROWS)
    assert partition.reason == f"5 rows; not read: {name}"


@pytest.mark.parametrize("name", ["_temporary/0/task_1/part-0.parquet", "__magic/job-1/part-0.pending"])
def test_files_of_a_job_that_has_not_committed_are_a_partition_that_is_not_committed(writer, name):
    writer.write([DAY])
    put(writer, name, parquet_of())
    partition = inspect_day(writer)
    assert partition.code is Code.NO_MARKER
    assert partition.reason.startswith("a writer stopped half-way on 20")
    assert partition.newest_write is not None
    assert inspect_day(writer, settle=600).code is Code.STILL_WRITING


def test_only_temporary_files_are_a_writer_that_stopped(writer):
    put(writer, "data_0.parquet.partial", b"PAR1")
    assert inspect_day(writer).code is Code.NO_MARKER


def test_files_that_writers_leave_beside_data_are_not_named(writer):
    writer.write([DAY])
    for name in ("_SUCCESS", "_metadata", "_common_metadata"):
        put(writer, name, b"")
    assert inspect_day(writer).reason == "5 rows"


def test_only_files_of_other_kinds_are_no_partition(writer):
    put(writer, "README.txt", b"read me")
    partition = inspect_day(writer)
    assert (partition.code, partition.reason) == (Code.MISSING, "there is no data file; not read: README.txt")


def test_a_file_counts_after_the_time_without_a_change(writer):
    writer.write([DAY])
    now = dt.datetime.now(tz=dt.UTC)
    assert inspect_day(writer, InspectOptions(now=now), settle=600).code is Code.STILL_WRITING
    assert (
        inspect_day(writer, InspectOptions(now=now + dt.timedelta(seconds=700)), settle=600).code is Code.OK
    )
    # Without a setting of its own, the dataset has that of the check.
    assert inspect_day(writer, InspectOptions(now=now), settle=None).code is Code.STILL_WRITING
    assert inspect_day(writer, InspectOptions(now=now, settle=dt.timedelta(0)), settle=None).code is Code.OK


def test_too_few_files_are_short(writer):
    writer.write([DAY])
    partition = inspect_day(writer, min_files=2)
    assert (partition.code, partition.reason) == (Code.SHORT, "1 data file, at least 2 are required")
    put(writer, "data_1.parquet", parquet_of(3, 10))
    assert inspect_day(writer, min_files=2).rows == ROWS + 3


def test_a_glob_selects_the_data_files(writer):
    put(writer, "orders-1.pq", parquet_of())
    put(writer, "customers-1.pq", parquet_of(2))
    partition = inspect_day(writer, glob="orders-*")
    assert (partition.rows, [part.name for part in partition.parts]) == (ROWS, ["orders-1.pq"])
    assert "customers-1.pq" in partition.reason
    put(writer, "region=EU/orders-2.pq", parquet_of(1))
    assert inspect_day(writer, glob="orders-*").rows == ROWS + 1
    assert inspect_day(writer, glob="region=*/orders-*").rows == 1


@pytest.mark.parametrize(
    "name", ["000000_0", "part-0", "data.PARQUET", "a.parq", "country=US/city=NY/data.parquet"]
)
def test_names_of_the_usual_writers_are_data(writer, name):
    put(writer, name, parquet_of())
    assert inspect_day(writer).rows == ROWS


def test_the_empty_objects_that_stores_keep_for_folders_are_not_data(writer):
    writer.write([DAY])
    put(writer, "country=US/data.parquet", parquet_of(2))
    adapter = adapter_of(writer.dataset())
    objects = writer.lake.list(FOLDER)
    markers = [
        objects[0]._replace(key=f"{FOLDER}/{name}", size=0) for name in ("country=US", "country=US_$folder$")
    ]
    partition = adapter.inspect_objects(DAY, [*objects, *markers], InspectOptions())
    assert (partition.code, partition.rows) == (Code.OK, ROWS + 2)


def test_files_without_a_row_are_an_empty_partition(writer):
    put(writer, "data_0.parquet", parquet_of(0))
    assert inspect_day(writer).code is Code.EMPTY
    assert inspect_day(writer, min_rows=0).code is Code.EMPTY


def test_a_shallow_check_reads_nothing(writer):
    put(writer, "data_0.parquet", b"not read")
    partition = inspect_day(writer, InspectOptions(depth=Depth.METADATA))
    assert (partition.code, partition.rows, partition.reason) == (Code.OK, None, "1 data file, not read")


def test_bytes_that_are_not_parsed_count_by_their_size(writer):
    put(writer, "events.log", b"")
    assert inspect_day(writer, format="raw", columns=()).code is Code.EMPTY
    put(writer, "more.log", b"x")
    assert inspect_day(writer, format="raw", columns=()).reason == "2 data files, rows not counted"


@pytest.mark.parametrize(
    ("name", "pack"),
    [("a.csv", bytes), ("a.csv.gz", gzip.compress), ("a.csv.bz2", bz2.compress), ("part-0", bytes)],
)
def test_csv_is_judged_by_its_rows(writer, name, pack):
    put(writer, name, pack(b"id\n1\n2\n"))
    partition = inspect_day(writer, format="csv")
    assert (partition.code, partition.rows) == (Code.OK, 2)
    put(writer, name, pack(b"id\n1\n1\n"))
    assert inspect_day(writer, format="csv").code is Code.DUPLICATE_ROWS
    put(writer, name, pack(b"id\n1\nx\n"))
    assert inspect_day(writer, format="csv").code is Code.BAD_VALUES
    put(writer, name, pack(b"1\n2\n3\n"))
    assert inspect_day(writer, format="csv", header=False).rows == 3


def test_an_empty_csv_has_no_row(writer):
    put(writer, "a.csv", b"")
    assert inspect_day(writer, format="csv").code is Code.EMPTY


def test_a_fifo_in_place_of_a_file_is_a_verdict(writer, tmp_path):
    writer.write([DAY])
    os.mkfifo(tmp_path / "lake" / FOLDER / "data_1.parquet")
    partition = inspect_day(writer)
    assert (partition.code, partition.reason) == (Code.UNREADABLE, "data_1.parquet is a FIFO")


def test_a_file_in_place_of_the_folder_is_a_verdict(writer):
    writer.lake.put(FOLDER, b"")
    partition = inspect_day(writer)
    assert partition.code is Code.MISSING
    assert partition.reason == f"a file lies at {FOLDER}, where the folder of the partition belongs"


@pytest.mark.parametrize("format_name", ["parquet", "csv"])
@pytest.mark.parametrize("change", ["removed", "replaced"])
def test_a_file_that_changes_while_it_is_read_is_being_written(writer, change, format_name):
    if format_name == "parquet":
        writer.write([DAY])
    else:
        put(writer, "data_0.csv", b"id\n" + b"1\n" * (5 << 20))
    adapter = adapter_of(writer.dataset(format=format_name, columns=()))
    objects = writer.lake.list(FOLDER)
    if change == "removed" or format_name == "csv":
        writer.lake.delete([info.key for info in objects])
    else:
        writer.lake.put(objects[0].key, parquet_of(50))
    assert adapter.inspect_objects(DAY, objects, InspectOptions()).code is Code.STILL_WRITING


@pytest.mark.parametrize(
    ("key_format", "grain", "key", "folder"),
    [
        ("year={start:%Y}/month={start:%-m}/day={start:%-d}", Grain.DAY, DAY, "year=2025/month=11/day=5"),
        (
            "logs/{start:%Y/%m/%d}/hour={start:%H}",
            Grain.HOUR,
            dt.datetime(2025, 11, 5, 7, tzinfo=dt.UTC),
            "logs/2025/11/05/hour=07",
        ),
        ("{start:%G-W%V}", Grain.WEEK, dt.date(2025, 11, 3), "2025-W45"),
        ("m={start:%Y%m}", Grain.MONTH, dt.date(2025, 11, 1), "m=202511"),
    ],
)
def test_layouts_of_several_levels_and_grains(lake_url, lake, key_format, grain, key, folder):
    lake.put(f"{folder}/country=US/data.parquet", parquet_of())
    dataset = Dataset(
        "x", lake_url, key_format, format="parquet", adapter="files", settle=0, grain=grain, **QUICK
    )
    keys = [grain.key_at(grain.index(key) + number) for number in range(-40, 40)]
    partitions = adapter_of(dataset, lake).inspect(keys, InspectOptions())
    assert {k: p.rows for k, p in partitions.items() if p.available} == {key: ROWS}


def test_the_key_of_the_suite_is_the_folder_of_these_tests():
    assert Dataset("orders", "lake", KEY, format="parquet").key(DAY) == FOLDER


def test_a_contract_of_partition_columns_alone_asks_the_files_for_none(tmp_path):
    folder = tmp_path / "orders" / "dt=2025-11-05"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("id\n1\n2\n", encoding="utf-8")
    os.utime(folder / "a.csv", (1e9, 1e9))
    dataset = Dataset(
        "orders",
        str(tmp_path),
        "orders/dt={start:%Y-%m-%d}",
        format="csv",
        adapter="files",
        columns=(Column("dt"),),
    )
    day = dt.date(2025, 11, 5)
    (partition,) = check(dataset, Window.between(day, day, dt.date(2025, 11, 12), 1)).partitions
    assert (partition.code, partition.rows) == (Code.OK, 2)
