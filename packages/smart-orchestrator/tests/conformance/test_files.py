"""Partitions that are judged by their data files, with and without a marker."""

from __future__ import annotations

import bz2
import datetime as dt
import functools
import gzip
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_orchestrator.adapters.base import adapter_of
from smart_orchestrator.adapters.files import TAIL_BYTES
from smart_orchestrator.adapters.manifest import Depth, InspectOptions
from smart_orchestrator.adapters.parquet_footer import parse_footer
from smart_orchestrator.contract.reading import Unreadable
from smart_orchestrator.model.dataset import Column, Dataset
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.model.partition import Code
from smart_orchestrator.runners.ledger import Ledger
from testing.partition_writers import COLUMNS, KEY, QUICK, ROWS, MarkerWriter, PathWriter, parquet_of

DAY = dt.date(2025, 11, 5)
FOLDER = "orders/dt=2025-11-05"
TEN_YEARS = [dt.date(2016, 1, 1) + dt.timedelta(days=number) for number in range(3653)]


@pytest.fixture
def writer(tmp_path):
    return PathWriter(str(tmp_path / "lake"))


@pytest.fixture
def marked(tmp_path):
    return MarkerWriter(str(tmp_path / "lake"))


@pytest.fixture
def memory(tmp_path):
    return Ledger(tmp_path / "state")


def judge(writer, options=None, **description):
    adapter = adapter_of(writer.dataset(**description))
    return adapter.inspect([DAY], options or InspectOptions())[DAY]


def put(writer, name, data):
    writer.lake.put(f"{FOLDER}/{name}", data)


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
    partition = judge(writer)
    assert (partition.code, partition.rows) == (Code.OK, ROWS)
    assert partition.reason == f"5 rows; not read: {name}"


@pytest.mark.parametrize("name", ["_temporary/0/task_1/part-0.parquet", "__magic/job-1/part-0.pending"])
def test_files_of_a_job_that_has_not_committed_are_a_partition_that_is_not_committed(writer, name):
    writer.write([DAY])
    put(writer, name, parquet_of())
    partition = judge(writer)
    assert partition.code is Code.NO_MARKER
    assert partition.reason.startswith("a writer stopped half-way on 20")
    assert partition.newest_write is not None
    assert judge(writer, settle=600).code is Code.STILL_WRITING


def test_only_temporary_files_are_a_writer_that_stopped(writer):
    put(writer, "data_0.parquet.partial", b"PAR1")
    assert judge(writer).code is Code.NO_MARKER


def test_files_that_writers_leave_beside_data_are_not_named(writer):
    writer.write([DAY])
    for name in ("_SUCCESS", "_metadata", "_common_metadata"):
        put(writer, name, b"")
    assert judge(writer).reason == "5 rows"


def test_only_files_of_other_kinds_are_no_partition(writer):
    put(writer, "README.txt", b"read me")
    partition = judge(writer)
    assert (partition.code, partition.reason) == (Code.MISSING, "there is no data file; not read: README.txt")


def test_a_file_counts_after_the_time_without_a_change(writer):
    writer.write([DAY])
    now = dt.datetime.now(tz=dt.UTC)
    assert judge(writer, InspectOptions(now=now), settle=600).code is Code.STILL_WRITING
    assert judge(writer, InspectOptions(now=now + dt.timedelta(seconds=700)), settle=600).code is Code.OK
    # Without a setting of its own, the dataset has that of the check.
    assert judge(writer, InspectOptions(now=now), settle=None).code is Code.STILL_WRITING
    assert judge(writer, InspectOptions(now=now, settle=dt.timedelta(0)), settle=None).code is Code.OK


def test_too_few_files_are_short(writer):
    writer.write([DAY])
    partition = judge(writer, min_files=2)
    assert (partition.code, partition.reason) == (Code.SHORT, "1 data file, at least 2 are required")
    put(writer, "data_1.parquet", parquet_of(3, 10))
    assert judge(writer, min_files=2).rows == ROWS + 3


def test_a_glob_selects_the_data_files(writer):
    put(writer, "orders-1.pq", parquet_of())
    put(writer, "customers-1.pq", parquet_of(2))
    partition = judge(writer, glob="orders-*")
    assert (partition.rows, [part.name for part in partition.parts]) == (ROWS, ["orders-1.pq"])
    assert "customers-1.pq" in partition.reason
    put(writer, "region=EU/orders-2.pq", parquet_of(1))
    assert judge(writer, glob="orders-*").rows == ROWS + 1
    assert judge(writer, glob="region=*/orders-*").rows == 1


@pytest.mark.parametrize(
    "name", ["000000_0", "part-0", "data.PARQUET", "a.parq", "country=US/city=NY/data.parquet"]
)
def test_names_of_the_usual_writers_are_data(writer, name):
    put(writer, name, parquet_of())
    assert judge(writer).rows == ROWS


def test_the_empty_objects_that_stores_keep_for_folders_are_not_data(writer):
    writer.write([DAY])
    put(writer, "country=US/data.parquet", parquet_of(2))
    adapter = adapter_of(writer.dataset())
    objects = writer.lake.list(FOLDER)
    markers = [
        replace(objects[0], key=f"{FOLDER}/{name}", size=0) for name in ("country=US", "country=US_$folder$")
    ]
    partition = adapter.inspect_objects(DAY, [*objects, *markers], InspectOptions())
    assert (partition.code, partition.rows) == (Code.OK, ROWS + 2)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b"PAR1", "its 4 bytes are not a Parquet file"),
        (parquet_of()[:-1], "it does not end as a Parquet file: it was cut off, or is still being written"),
        (parquet_of()[:-4] + b"PARE", "its footer is encrypted"),
        (b"PAR1" + b"\xff\xff\xff\x7fPAR1", "its footer is longer than the file"),
        (b"PAR1" + b"\x19" * 40 + b"\x28\0\0\0PAR1", "its footer cannot be read"),
        (b"\0" * 4 + parquet_of()[4:], "it does not begin as a Parquet file"),
    ],
)
def test_a_file_that_is_not_parquet_is_unreadable(writer, data, reason):
    writer.write([DAY])
    put(writer, "data_1.parquet", data)
    partition = judge(writer)
    assert partition.code is Code.UNREADABLE
    assert partition.reason.startswith(f"data_1.parquet cannot be read: {reason}")
    assert partition.rows is None


def test_files_without_a_row_are_an_empty_partition(writer):
    put(writer, "data_0.parquet", parquet_of(0))
    assert judge(writer).code is Code.EMPTY
    assert judge(writer, min_rows=0).code is Code.EMPTY


def test_a_column_of_the_contract_is_missing(writer):
    writer.write([DAY])
    partition = judge(writer, columns=(*COLUMNS, Column("price", "float")))
    assert (partition.code, partition.reason) == (Code.COLUMNS, "data_0.parquet lacks the column price")


def test_a_column_that_names_a_folder_is_there(writer):
    put(writer, "country=US/data.parquet", parquet_of())
    columns = (*COLUMNS, Column("country"), Column("dt", "date"))
    assert judge(writer, columns=columns).code is Code.OK
    assert judge(writer, InspectOptions(depth=Depth.ROWS), columns=columns).code is Code.OK


def test_a_deep_check_reads_every_byte(writer):
    data = bytearray(parquet_of(5000))
    data[4:400] = b"\xff" * 396
    put(writer, "data_0.parquet", bytes(data))
    assert judge(writer).code is Code.OK
    assert judge(writer, InspectOptions(depth=Depth.ROWS)).code is Code.UNREADABLE


def test_a_shallow_check_reads_nothing(writer):
    put(writer, "data_0.parquet", b"not read")
    partition = judge(writer, InspectOptions(depth=Depth.METADATA))
    assert (partition.code, partition.rows, partition.reason) == (Code.OK, None, "1 data file, not read")


def test_bytes_that_are_not_parsed_count_by_their_size(writer):
    put(writer, "events.log", b"")
    assert judge(writer, format="raw", columns=()).code is Code.EMPTY
    put(writer, "more.log", b"x")
    assert judge(writer, format="raw", columns=()).reason == "2 data files, rows not counted"


@pytest.mark.parametrize(
    ("name", "pack"),
    [("a.csv", bytes), ("a.csv.gz", gzip.compress), ("a.csv.bz2", bz2.compress), ("part-0", bytes)],
)
def test_csv_is_judged_by_its_rows(writer, name, pack):
    put(writer, name, pack(b"id\n1\n2\n"))
    partition = judge(writer, format="csv")
    assert (partition.code, partition.rows) == (Code.OK, 2)
    put(writer, name, pack(b"id\n1\n1\n"))
    assert judge(writer, format="csv").code is Code.DUPLICATE_ROWS
    put(writer, name, pack(b"id\n1\nx\n"))
    assert judge(writer, format="csv").code is Code.BAD_VALUES
    put(writer, name, pack(b"1\n2\n3\n"))
    assert judge(writer, format="csv", header=False).rows == 3


def test_an_empty_csv_has_no_row(writer):
    put(writer, "a.csv", b"")
    assert judge(writer, format="csv").code is Code.EMPTY


def test_a_fifo_in_place_of_a_file_is_a_verdict(writer, tmp_path):
    writer.write([DAY])
    os.mkfifo(tmp_path / "lake" / FOLDER / "data_1.parquet")
    partition = judge(writer)
    assert (partition.code, partition.reason) == (Code.UNREADABLE, "data_1.parquet is a FIFO")


def test_a_file_in_place_of_the_folder_is_a_verdict(writer):
    writer.lake.put(FOLDER, b"")
    partition = judge(writer)
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


def test_a_file_is_read_once_for_as_long_as_it_stays(writer, memory):
    options = InspectOptions(memory=memory)
    put(writer, "a.parquet", parquet_of())
    put(writer, "b.parquet", b"PAR1 not Parquet PAR1")

    def reads():
        adapter = adapter_of(writer.dataset())
        partition = adapter.inspect([DAY], options)[DAY]
        return adapter.requests["get"], partition

    first, unreadable = reads()
    assert (first, unreadable.code) == (2, Code.UNREADABLE)
    assert reads() == (0, unreadable)
    put(writer, "b.parquet", parquet_of(1, 10))
    again, complete = reads()
    assert (again, complete.code, complete.rows) == (1, Code.OK, ROWS + 1)
    put(writer, "c.parquet", parquet_of(1, 20))
    assert reads()[0] == 1
    assert reads()[0] == 0
    # Other rules are other verdicts.
    adapter = adapter_of(writer.dataset(min_rows=100))
    assert adapter.inspect([DAY], options)[DAY].code is Code.SHORT
    assert (
        adapter_of(writer.dataset()).inspect([DAY], InspectOptions(memory=memory, depth=Depth.ROWS))[DAY].rows
        == 7
    )


@pytest.mark.parametrize(
    "remembered", ["", "{", "[]", '{"fingerprint": 1, "files": []}', '{"files": {"data_0.parquet": [1]}}']
)
def test_a_memory_that_cannot_be_used_is_not_used(writer, remembered):
    class Fixed:
        def recall(self, key):
            del key
            return remembered

        def remember(self, key, value):
            del key
            json.loads(value)

    writer.write([DAY])
    assert judge(writer, InspectOptions(memory=Fixed())).rows == ROWS


def test_a_footer_that_is_longer_than_the_first_read_is_read_by_a_second(writer):
    frame = pl.DataFrame({f"a column with a long name {number:06}": [1] for number in range(2000)})
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    put(writer, "data_0.parquet", buffer.getvalue())
    assert int.from_bytes(buffer.getvalue()[-8:-4], "little") > TAIL_BYTES
    adapter = adapter_of(writer.dataset(columns=(Column("a column with a long name 001999", "integer"),)))
    assert adapter.inspect([DAY], InspectOptions())[DAY].code is Code.OK
    assert adapter.requests == {"list": 1, "get": 2}


def test_many_files_of_one_partition_are_read_by_threads(writer):
    for number in range(40):
        put(writer, f"data_{number}.parquet", parquet_of(1, number))
    assert judge(writer).rows == 40


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
    verdicts = adapter_of(dataset, lake).inspect(keys, InspectOptions())
    assert {k: p.rows for k, p in verdicts.items() if p.available} == {key: ROWS}


def test_ten_years_on_s3_cost_few_listings_and_one_read_a_file(s3, memory):
    writer = PathWriter(s3.url)
    data, lake = parquet_of(), writer.lake
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: lake.put(f"{writer.folder(key)}/{writer.part}", data), TEN_YEARS))
    costs = []
    for _ in range(2):
        adapter = adapter_of(writer.dataset(timeout=30.0))
        verdicts = adapter.inspect(TEN_YEARS, InspectOptions(memory=memory))
        assert all(partition.rows == ROWS for partition in verdicts.values())
        costs.append(adapter.requests)
    assert costs[0]["list"] <= -(-len(TEN_YEARS) // 1000) + 1
    assert costs[0]["get"] == len(TEN_YEARS)
    assert costs[1] == {"list": costs[0]["list"], "get": 0}


@pytest.mark.long
def test_a_partition_of_ten_thousand_files_is_read_once(writer, tmp_path, memory):
    folder = tmp_path / "lake" / FOLDER
    folder.mkdir(parents=True)
    for number in range(10_000):
        (folder / f"data_{number}.parquet").write_bytes(parquet_bytes())
    costs = []
    for _ in range(2):
        adapter = adapter_of(writer.dataset())
        assert adapter.inspect([DAY], InspectOptions(memory=memory))[DAY].rows == 10_000
        costs.append(adapter.requests)
    assert costs == [{"list": 10, "get": 10_000}, {"list": 10, "get": 0}]


@functools.cache
def parquet_bytes():
    return parquet_of(1)


def nested_table():
    return pa.table(
        {
            "id": [1, 2],
            "tags": [["a"], []],
            "place": [{"lat": 1.0, "name": {"first": "x"}}, None],
            "pairs": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())),
            "last": ["y", None],
        }
    )


def test_a_footer_names_rows_and_top_level_columns_as_parquet_libraries_do():
    for table, options in (
        (nested_table(), {}),
        (nested_table(), {"version": "1.0", "store_schema": False}),
        (nested_table().slice(0, 0), {"compression": "zstd"}),
        (pa.table({"a": range(10)}), {"row_group_size": 3}),
    ):
        buffer = io.BytesIO()
        pq.write_table(table, buffer, **options)
        data = buffer.getvalue()
        assert parse_footer(data, len(data)) == (table.num_rows, tuple(table.column_names))


@given(st.data())
def test_damaged_footers_are_refused_or_read_and_never_raise_anything_else(data):
    table = io.BytesIO()
    pq.write_table(nested_table(), table)
    content = bytearray(table.getvalue())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(len(content) - 900, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        footer = parse_footer(bytes(content), len(content))
    except Unreadable:
        return
    assert footer.rows >= 0


def test_a_marker_of_any_writer_commits_the_files_beside_it(marked):
    for marker in (b"", b"\n", b"done", b'{"committed": true}'):
        put(marked, "data_0.parquet", parquet_of())
        put(marked, "_SUCCESS", marker)
        partition = judge(marked)
        assert (partition.code, partition.rows) == (Code.OK, ROWS)


def test_files_without_a_marker_are_not_committed(marked):
    put(marked, "data_0.parquet", parquet_of())
    assert judge(marked).code is Code.STILL_WRITING
    assert judge(marked, settle=0).code is Code.NO_MARKER
    assert judge(marked, settle=0).newest_write is not None


def test_a_marker_without_a_data_file_is_empty(marked):
    put(marked, "_SUCCESS", b"")
    assert judge(marked).code is Code.EMPTY


def test_the_marker_of_hadoops_s3a_committers_names_its_files(marked):
    document = {
        "name": "org.apache.hadoop.fs.s3a.commit.files.SuccessData/1",
        "committer": "magic",
        "filenames": [
            "/lake/orders/dt=2025-11-05/part-0.parquet",
            "/lake/orders/dt=2025-11-05/part-1.parquet",
        ],
    }
    put(marked, "_SUCCESS", json.dumps(document).encode())
    put(marked, "part-0.parquet", parquet_of())
    partition = judge(marked)
    assert (partition.code, partition.reason) == (
        Code.PART_GONE,
        "_SUCCESS names part-1.parquet, but the partition does not contain it",
    )
    put(marked, "part-1.parquet", parquet_of(1, 10))
    assert judge(marked).rows == ROWS + 1


def test_a_marker_that_is_gone_when_it_is_read_is_a_writer_at_work(marked):
    put(marked, "data_0.parquet", parquet_of())
    put(marked, "_SUCCESS", b"\n")
    objects = marked.lake.list(FOLDER)
    marked.lake.delete([f"{FOLDER}/_SUCCESS"])
    assert (
        adapter_of(marked.dataset()).inspect_objects(DAY, objects, InspectOptions()).code
        is Code.STILL_WRITING
    )


def test_the_key_of_the_suite_is_the_folder_of_these_tests():
    assert Dataset("orders", "lake", KEY, format="parquet").key(DAY) == FOLDER
