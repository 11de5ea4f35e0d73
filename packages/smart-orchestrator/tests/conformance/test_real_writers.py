"""Lakes of real writers, and what is left of them when they are killed: no partition counts that has not all of its rows.

Spark's own writers of Iceberg and Delta need jars that the package registries lack, so PyIceberg and deltalake write the tables. The
layout of Spark is written file by file as Spark's committer does; `tests` of the product write with Spark itself.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import deltalake
import duckdb
import polars as pl
import psycopg
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from smart_orchestrator.adapters.base import adapter_of
from smart_orchestrator.adapters.manifest import Depth, InspectOptions
from smart_orchestrator.model.dataset import Column, Dataset
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.model.partition import Code
from testing.partition_writers import SqlWriter

ROOT = Path(__file__).parents[4]
SCRIPT = Path(__file__).with_name("write_until_killed.py")
ROWS = 20_000
DAYS = [dt.date(2025, 11, 1) + dt.timedelta(days=number) for number in range(400)]
PATIENCE = 60.0
IDS = (Column("id", "integer", nullable=False),)


def inspect(dataset, keys, depth=Depth.AS_NEEDED):
    return adapter_of(dataset).inspect(keys, InspectOptions(depth=depth))


@pytest.mark.parametrize("adapter", ["files", "marker"])
def test_a_hive_lake_of_duckdb(tmp_path, adapter):
    week = DAYS[:7]
    duckdb.sql(
        "COPY (SELECT range AS id, DATE '2025-11-01' + CAST(range % 7 AS INTEGER) AS dt, 'c' || range % 3 AS country "
        f"FROM range(2100)) TO '{tmp_path}/orders' (FORMAT parquet, PARTITION_BY (dt, country))"
    )
    dataset = Dataset(
        "orders",
        str(tmp_path),
        "orders/dt={start:%Y-%m-%d}",
        format="parquet",
        adapter=adapter,
        settle=0,
        columns=IDS,
    )
    for depth in (Depth.AS_NEEDED, Depth.ROWS):
        partitions = inspect(dataset, week, depth)
        if adapter == "files":
            assert {(p.code, p.rows, len(p.parts)) for p in partitions.values()} == {(Code.OK, 300, 3)}
        else:
            assert {p.code for p in partitions.values()} == {Code.NO_MARKER}


def test_a_hive_lake_of_polars(tmp_path):
    moments = [
        dt.datetime(2025, 11, 5, tzinfo=dt.UTC) + dt.timedelta(minutes=number) for number in range(300)
    ]
    frame = pl.DataFrame(
        {"id": range(300), "at": moments}, schema_overrides={"at": pl.Datetime(time_zone="UTC")}
    ).with_columns(
        year=pl.col("at").dt.year(),
        month=pl.col("at").dt.month(),
        day=pl.col("at").dt.day(),
        hour=pl.col("at").dt.hour(),
    )
    frame.write_parquet(tmp_path / "logs", partition_by=["year", "month", "day", "hour"])
    dataset = Dataset(
        "logs",
        str(tmp_path),
        "logs/year={start:%Y}/month={start:%-m}/day={start:%-d}/hour={start:%-H}",
        format="parquet",
        adapter="files",
        settle=0,
        grain=Grain.HOUR,
        columns=(*IDS, Column("hour", "integer")),
    )
    keys = [dt.datetime(2025, 11, 5, hour, tzinfo=dt.UTC) for hour in range(6)]
    for depth in (Depth.AS_NEEDED, Depth.ROWS):
        assert [p.rows for p in inspect(dataset, keys, depth).values()] == [60, 60, 60, 60, 60, None]


def counted_by_duckdb(place, folder):
    files = list(Path(place, "orders", folder).rglob("*.parquet"))
    return duckdb.sql(f"SELECT count(*) FROM read_parquet({[str(file) for file in files]})").fetchall()[0][0]


class Kill:
    """A writer that is killed at a random moment, the dataset that it wrote, and an independent count of its rows."""

    def __init__(self, kind, tmp_path, postgres_url):
        self.kind = kind
        self.tmp_path = tmp_path
        self.place = str(tmp_path)
        if kind == "postgresql":
            self.place = SqlWriter(postgres_url()).url

    @property
    def dataset(self):
        options = {"min_rows": ROWS, "settle": 0}
        if self.kind == "postgresql":
            return Dataset("orders", self.place, adapter="sql", table="Orders", key_column="dt", **options)
        if self.kind == "iceberg":
            return Dataset(
                "orders",
                f"sqlite:///{self.place}/catalog.db",
                adapter="iceberg",
                table="sales.orders",
                **options,
            )
        if self.kind == "delta":
            return Dataset("orders", f"{self.place}/table", adapter="delta", **options)
        adapter = "marker" if self.kind == "spark" else "files"
        key = "orders/dt={start:%Y-%m-%d}"
        return Dataset("orders", self.place, key, format="parquet", adapter=adapter, columns=IDS, **options)

    def run(self, seconds):
        arguments = [sys.executable, str(SCRIPT), self.kind, self.place]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
        with (self.tmp_path / "log").open("w") as log:
            process = subprocess.Popen(arguments, env=environment, stdout=log, stderr=log)
            try:
                end = time.monotonic() + PATIENCE
                while not self.has_begun() and time.monotonic() < end:
                    assert process.poll() is None, (self.tmp_path / "log").read_text()
                    time.sleep(0.01)
                time.sleep(seconds)
            finally:
                process.kill()
                process.wait()
        if self.kind == "postgresql":
            self.wait_for_the_server()

    def wait_for_the_server(self):
        """Wait until the server has ended the killed writer's session, which may still commit after the kill."""
        others = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid != pg_backend_pid()"
        )
        end = time.monotonic() + PATIENCE
        with psycopg.connect(self.place, autocommit=True) as connection:
            while connection.execute(others).fetchone()[0]:
                assert time.monotonic() < end
                time.sleep(0.01)

    def has_begun(self):
        """Whether the writer has written anything."""
        if self.kind == "postgresql":
            with psycopg.connect(self.place) as connection:
                return connection.execute('SELECT count(*) FROM "Orders"').fetchone()[0] > 0
        folder = {"iceberg": "warehouse/sales/orders/data", "delta": "table/dt=2025-11-01"}.get(
            self.kind, "orders"
        )
        # Unlike `rglob`, `walk` goes on when the writer removes a folder.
        names = (name for _, _, files in os.walk(Path(self.place, folder)) for name in files)
        return any(name.endswith(".parquet") for name in names)

    def counts(self):
        """Rows of each day, counted by the library that reads such a table."""
        if self.kind == "postgresql":
            with psycopg.connect(self.place) as connection:
                return dict(connection.execute('SELECT dt, count(*) FROM "Orders" GROUP BY dt').fetchall())
        if self.kind == "iceberg":
            with SqlCatalog("default", uri=f"sqlite:///{self.place}/catalog.db") as catalog:
                table = catalog.load_table("sales.orders").scan(selected_fields=("dt",)).to_arrow()
            return dict(pl.from_arrow(table)["dt"].value_counts().rows())
        table = deltalake.DeltaTable(f"{self.place}/table").to_pyarrow_table(columns=["dt"])
        return dict(pl.from_arrow(table)["dt"].value_counts().rows())


WRITERS = ("duckdb", "polars", "spark", "iceberg", "delta", "postgresql")
MOMENTS = [pytest.param(1, id="1"), pytest.param(50, id="50", marks=pytest.mark.long)]


# Fifty writers, each in a process of its own that imports its library.
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("moments", MOMENTS)
def test_what_a_killed_writer_leaves_counts_only_with_all_of_its_rows(kind, moments, tmp_path, request):
    chance = random.Random(f"{kind} {moments}")
    complete = 0
    for moment in range(moments):
        place = tmp_path / str(moment)
        place.mkdir()
        kill = Kill(kind, place, lambda: request.getfixturevalue("postgres").new_database())
        kill.run(chance.random() * 0.5)
        partitions = inspect(kill.dataset, DAYS)
        available = [key for key, partition in partitions.items() if partition.available]
        complete += len(available)
        if kind in ("duckdb", "polars", "spark"):
            assert all(counted_by_duckdb(place, f"dt={key}") == ROWS for key in available)
        else:
            assert available == sorted(key for key, rows in kill.counts().items() if rows == ROWS)
        # What comes after the first gap was not begun.
        assert len(available) == 0 or available[-1] == DAYS[len(available) - 1]
    assert complete or moments == 1
