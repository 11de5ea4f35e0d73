"""Writers of partitions for the conformance tests of the adapters, one for each adapter, with the real libraries.

Each writer writes rows with an `id` and the date `dt`. A writer has these attributes and methods:

- `half_written` is the code of a partition after `write_half`, once the settle time has passed; `half_written_lately` is the code
  before that.
- `unreadable` is the code of a partition after `damage`; None if the writer cannot damage a partition.
- `reads_objects` says whether the adapter reads the objects of the partition itself.
- `write_half` leaves what a killed writer leaves, `restate` changes the rows of a partition, and `write_foreign` writes objects or
  rows that belong to no partition.
"""

from __future__ import annotations

import datetime as dt
import io
import os

import deltalake
import duckdb
import polars as pl
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import DateType, LongType, NestedField

from smart_orchestrator.committing.writer import write_frame
from smart_orchestrator.model.dataset import Column, Dataset
from smart_orchestrator.store.opening import open_lake

ROWS = 5
KEY = "orders/dt={start:%Y-%m-%d}"
COLUMNS = (Column("id", "integer", nullable=False, unique=True),)
# The options of a dataset whose failed requests are retried only once.
QUICK = {"retries": 1, "backoff": 0.01}


def rows_of(key, rows=ROWS, start=0):
    return pa.table(
        {"id": pa.array(range(start, start + rows), pa.int64()), "dt": pa.array([key] * rows, pa.date32())}
    )


def frame_of(rows=ROWS, start=0):
    return pl.DataFrame({"id": list(range(start, start + rows))}, schema={"id": pl.Int64})


def parquet_of(rows=ROWS, start=0):
    buffer = io.BytesIO()
    frame_of(rows, start).write_parquet(buffer)
    return buffer.getvalue()


class PathWriter:
    """Writes Parquet objects to a lake, without a marker."""

    adapter = "files"
    part = "data_0.parquet"
    half_written = "UNREADABLE"
    half_written_lately = "STILL_WRITING"
    unreadable = "UNREADABLE"
    reads_objects = True

    def __init__(self, url):
        self.url = url

    @property
    def lake(self):
        return open_lake(self.url)

    def dataset(self, **options):
        defaults = {"settle": 0} if self.adapter == "files" else {}
        options = QUICK | defaults | {"format": "parquet", "columns": COLUMNS} | options
        return Dataset("orders", self.url, KEY, adapter=self.adapter, **options)

    def folder(self, key):
        return self.dataset().key(key)

    def write(self, keys, rows=ROWS):
        for key in keys:
            self.lake.put(f"{self.folder(key)}/{self.part}", parquet_of(rows))

    def write_many(self, keys):
        self.write(keys, 1)

    def restate(self, key):
        self.lake.put(f"{self.folder(key)}/{self.part}", parquet_of(ROWS + 1))

    def remove(self, key):
        self.lake.delete([info.key for info in self.lake.list(self.folder(key))])

    def write_half(self, key):
        self.lake.put(f"{self.folder(key)}/{self.part}", parquet_of()[:-30])

    def damage(self, key):
        self.lake.put(f"{self.folder(key)}/{self.part}", b"PAR1 this is not a file of Parquet PAR1")

    def write_foreign(self, key):
        self.lake.put(f"{self.folder(key)}/README.txt", b"read me")
        self.lake.put(f"{self.folder(key)}/_temporary_notes", b"notes")
        self.lake.put(f"{self.folder(key)}/data_1.parquet.partial", b"PAR1")
        self.lake.put("orders/notes.txt", b"notes")

    def write_duplicates(self, key):
        for part in ("part-00000.parquet", "part-00001.parquet"):
            self.lake.put(f"{self.folder(key)}/{part}", parquet_of())


class MarkerWriter(PathWriter):
    """Writes Parquet objects to a lake, and an empty marker after them."""

    adapter = "marker"
    part = "part-00000-d1.c000.snappy.parquet"
    half_written = "NO_MARKER"

    def write(self, keys, rows=ROWS):
        super().write(keys, rows)
        for key in keys:
            self.lake.put(f"{self.folder(key)}/_SUCCESS", b"")

    def write_duplicates(self, key):
        super().write_duplicates(key)
        self.lake.put(f"{self.folder(key)}/_SUCCESS", b"")


class ManifestWriter(MarkerWriter):
    """Commits partitions with the writer of the product."""

    adapter = "manifest"
    unreadable = "BAD_MANIFEST"

    def write(self, keys, rows=ROWS):
        for key in keys:
            write_frame(self.dataset(), key, frame_of(rows))

    def restate(self, key):
        write_frame(self.dataset(), key, frame_of(ROWS + 1))

    def damage(self, key):
        self.lake.put(f"{self.folder(key)}/_SUCCESS", b'{"version": 1, "day": ')


class SqlWriter:
    """Inserts rows into a table of DuckDB or PostgreSQL."""

    adapter = "sql"
    half_written = half_written_lately = "MISSING"
    unreadable = None
    reads_objects = False

    def __init__(self, url):
        self.url = url
        self.open_transactions = []
        self.execute('CREATE TABLE "Orders" (id BIGINT, dt DATE, changed INTEGER)')

    def dataset(self, **options):
        options = QUICK | {"table": "Orders", "key_column": "dt", "change_column": "changed"} | options
        return Dataset("orders", self.url, adapter="sql", **options)

    def connect(self):
        if self.url.startswith("duckdb"):
            return duckdb.connect(self.url.removeprefix("duckdb:///"))
        return psycopg.connect(self.url)

    def execute(self, *statements):
        connection = self.connect()
        try:
            for statement in statements:
                connection.execute(statement)
            connection.commit()
        finally:
            connection.close()

    def write(self, keys, rows=ROWS):
        values = ",".join(f"({number}, DATE '{key}', 1)" for key in keys for number in range(rows))
        self.execute(f'INSERT INTO "Orders" VALUES {values}')

    def write_many(self, keys):
        self.write(keys, 1)

    def restate(self, key):
        self.execute(f"UPDATE \"Orders\" SET changed = 2 WHERE dt = DATE '{key}' AND id = 0")

    def remove(self, key):
        self.execute(f"DELETE FROM \"Orders\" WHERE dt = DATE '{key}'")

    def write_half(self, key):
        """Insert a row in a transaction that is not committed. In DuckDB, close the connection, which would lock the file."""
        connection = self.connect()
        connection.execute("BEGIN")
        connection.execute(f"INSERT INTO \"Orders\" VALUES (1, DATE '{key}', 1)")
        if self.url.startswith("duckdb"):
            connection.close()
        else:
            self.open_transactions.append(connection)

    def write_foreign(self, key):
        del key
        self.execute("CREATE TABLE notes (text VARCHAR)", 'INSERT INTO "Orders" VALUES (1, NULL, 1)')

    def close(self):
        for connection in self.open_transactions:
            connection.close()


class IcebergWriter:
    """Appends to an Iceberg table with PyIceberg."""

    adapter = "iceberg"
    half_written = half_written_lately = "MISSING"
    unreadable = "UNREADABLE"
    reads_objects = False

    def __init__(self, folder, warehouse, **properties):
        self.url = f"sqlite:///{folder}/catalog.db"
        self.warehouse = warehouse
        self.catalog = SqlCatalog("default", uri=self.url, warehouse=warehouse, **properties)
        self.catalog.create_namespace("sales")
        schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "dt", DateType()))
        spec = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "dt"))
        self.table = self.catalog.create_table("sales.orders", schema, partition_spec=spec)

    def dataset(self, **options):
        return Dataset("orders", self.url, adapter="iceberg", table="sales.orders", **(QUICK | options))

    def write(self, keys, rows=ROWS):
        self.table.append(pa.concat_tables(rows_of(key, rows) for key in keys))

    def write_many(self, keys):
        """Write one file for each key, and add the files to the table: `append` takes minutes for a thousand partitions."""
        paths = [f"{self.table.location()}/data/{key}.parquet" for key in keys]
        for key, path in zip(keys, paths, strict=True):
            with self.table.io.new_output(path).create() as file:
                pq.write_table(rows_of(key, 1), file)
        self.table.add_files(paths, check_duplicate_files=False)

    def restate(self, key):
        self.table.overwrite(rows_of(key, ROWS + 1), overwrite_filter=f"dt == '{key}'")

    def remove(self, key):
        self.table.delete(f"dt == '{key}'")

    @property
    def lake(self):
        return open_lake(self.table.location().removeprefix("file://"))

    def write_half(self, key):
        self.lake.put(f"data/dt={key}/00000-0-half.parquet", parquet_of())

    def damage(self, key):
        del key
        for info in self.lake.list("metadata"):
            if info.key.endswith(".avro"):
                self.lake.put(info.key, b"Obj\x01 this is not a manifest")

    write_foreign = write_half

    def close(self):
        self.catalog.close()


class DeltaWriter:
    """Appends to a Delta table with deltalake."""

    adapter = "delta"
    half_written = half_written_lately = "MISSING"
    unreadable = "UNREADABLE"
    reads_objects = False

    def __init__(self, url, options=None):
        self.url = url
        self.options = options
        deltalake.DeltaTable.create(
            url, rows_of(dt.date(2025, 11, 5)).schema, partition_by=["dt"], storage_options=options
        )

    def dataset(self, **options):
        return Dataset("orders", self.url, adapter="delta", **(QUICK | options))

    def write(self, keys, rows=ROWS):
        table = pa.concat_tables(rows_of(key, rows) for key in keys)
        deltalake.write_deltalake(self.url, table, mode="append", storage_options=self.options)

    def write_many(self, keys):
        self.write(keys, 1)

    def restate(self, key):
        deltalake.write_deltalake(
            self.url,
            rows_of(key, ROWS + 1),
            mode="overwrite",
            predicate=f"dt = '{key}'",
            storage_options=self.options,
        )

    def remove(self, key):
        deltalake.DeltaTable(self.url, storage_options=self.options).delete(f"dt = '{key}'")

    @property
    def lake(self):
        return open_lake(self.url)

    def write_half(self, key):
        self.lake.put(f"dt={key}/part-00000-half.snappy.parquet", parquet_of())

    def damage(self, key):
        del key
        for info in self.lake.list("_delta_log"):
            if info.key.endswith(".json"):
                self.lake.put(info.key, b"this is not a log")

    write_foreign = write_half


def s3_properties():
    """Return the properties with which PyIceberg writes to the S3 server of the environment variables."""
    return {
        "s3.endpoint": os.environ["AWS_ENDPOINT_URL"],
        "s3.access-key-id": os.environ["AWS_ACCESS_KEY_ID"],
        "s3.secret-access-key": os.environ["AWS_SECRET_ACCESS_KEY"],
        "s3.region": os.environ["AWS_REGION"],
    }


def writer_of(name, tmp_path, store_url, postgres_url):
    """Return the writer for a name such as `manifest-folder`: an adapter and a store.

    `store_url` returns the URL of an empty lake, and `postgres_url` the URL of an empty database.
    """
    adapter, store = name.split("-")
    if adapter in ("manifest", "marker", "files"):
        kinds = {"manifest": ManifestWriter, "marker": MarkerWriter, "files": PathWriter}
        return kinds[adapter](str(tmp_path / "lake") if store == "folder" else store_url())
    if adapter == "sql":
        return SqlWriter(f"duckdb:///{tmp_path}/orders.duckdb" if store == "duckdb" else postgres_url())
    if adapter == "iceberg":
        if store == "folder":
            return IcebergWriter(tmp_path, f"file://{tmp_path}/warehouse")
        return IcebergWriter(tmp_path, store_url(), **s3_properties())
    if store == "folder":
        return DeltaWriter(str(tmp_path / "table"))
    options = {name: os.environ[name] for name in os.environ if name.startswith(("AWS_", "AZURE_"))}
    return DeltaWriter(f"{store_url()}/table", options | {"allow_http": "true"})
