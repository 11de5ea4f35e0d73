"""The cost of reading data files: each file is read once, and many files by threads."""

from __future__ import annotations

import datetime as dt
import functools
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from smart_orchestrator.adapters.base import adapter_of
from smart_orchestrator.adapters.manifest import Depth, InspectOptions
from smart_orchestrator.committing.writer import Part, commit
from smart_orchestrator.model.dataset import Dataset
from smart_orchestrator.model.partition import Code
from smart_orchestrator.runners.ledger import Ledger
from testing.partition_writers import ROWS, PathWriter, parquet_of

from .one_day import DAY, FOLDER, inspect_day, put

TEN_YEARS = [dt.date(2016, 1, 1) + dt.timedelta(days=number) for number in range(3653)]


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
    assert inspect_day(writer, InspectOptions(memory=Fixed())).rows == ROWS


def test_many_files_of_one_partition_are_read_by_threads(writer):
    for number in range(40):
        put(writer, f"data_{number}.parquet", parquet_of(1, number))
    assert inspect_day(writer).rows == 40


def test_a_batch_opens_the_ledger_once_to_read_and_once_to_write(tmp_path, monkeypatch):
    writer, days, opened = PathWriter(str(tmp_path / "lake")), TEN_YEARS[:40], []
    writer.write(days)
    connect = sqlite3.connect
    monkeypatch.setattr(
        "sqlite3.connect", lambda *args, **options: opened.append(args) or connect(*args, **options)
    )
    for expected in (2, 1):
        opened.clear()
        options = InspectOptions(memory=Ledger(tmp_path / "state"))
        verdicts = adapter_of(writer.dataset()).inspect(days, options)
        assert all(partition.rows == ROWS for partition in verdicts.values())
        assert len(opened) == expected


@pytest.mark.parametrize("size", [1, 3 << 20], ids=["small", "large"])
def test_only_large_partitions_of_a_local_lake_are_inspected_by_threads(tmp_path, monkeypatch, size):
    dataset = Dataset("orders", str(tmp_path / "lake"), "dt={start:%Y-%m-%d}", format="raw")
    for day in TEN_YEARS[:2]:
        commit(dataset, day, [Part(b"x" * size, 1)], columns=())
    pools = []
    monkeypatch.setattr(
        "concurrent.futures.ThreadPoolExecutor",
        lambda *args, **options: pools.append(args) or ThreadPoolExecutor(*args, **options),
    )
    verdicts = adapter_of(dataset).inspect(TEN_YEARS[:2], InspectOptions())
    assert [partition.code for partition in verdicts.values()] == [Code.OK, Code.OK]
    assert len(pools) == (size > 1)


@pytest.mark.long
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
