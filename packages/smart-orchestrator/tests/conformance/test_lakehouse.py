"""Partitions of Iceberg and Delta tables: inspected by metadata alone, and refused when the metadata cannot tell."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from dataclasses import replace
from pathlib import Path

import deltalake
import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import (
    BucketTransform,
    DayTransform,
    HourTransform,
    IdentityTransform,
    MonthTransform,
    YearTransform,
)
from pyiceberg.types import DateType, LongType, NestedField, StringType, TimestampType, TimestamptzType

from smart_orchestrator.adapters.base import adapter_of
from smart_orchestrator.adapters.manifest import InspectOptions
from smart_orchestrator.errors import DatasetError, LakeDenied, LakeUrlError
from smart_orchestrator.model.dataset import Dataset
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.model.partition import Code
from smart_orchestrator.store.opening import open_lake
from testing.partition_writers import DeltaWriter, IcebergWriter, rows_of, s3_properties
from testing.s3_proxy import s3_proxy

DAY = dt.date(2025, 11, 5)
NEXT = dt.date(2025, 11, 6)
START = dt.datetime(2025, 11, 5, tzinfo=dt.UTC)
SCHEMA = Schema(
    NestedField(1, "id", LongType()),
    NestedField(2, "at", TimestampType()),
    NestedField(3, "day", DateType()),
    NestedField(4, "text", StringType()),
    NestedField(5, "utc", TimestamptzType()),
)


def events(hours=47):
    moments = [START + dt.timedelta(hours=number) for number in range(hours)]
    naive = [moment.replace(tzinfo=None) for moment in moments]
    return pa.table(
        {
            "id": pa.array(range(hours), pa.int64()),
            "at": pa.array(naive, pa.timestamp("us")),
            "day": pa.array([moment.date() for moment in moments], pa.date32()),
            "text": [moment.date().isoformat() for moment in moments],
            "utc": pa.array(moments, pa.timestamp("us", tz="UTC")),
        }
    )


@pytest.fixture
def catalog(tmp_path):
    catalog = SqlCatalog(
        "default", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}/warehouse"
    )
    catalog.create_namespace("sales")
    yield catalog
    catalog.close()


def table_of(catalog, *fields):
    spec = PartitionSpec(
        *(PartitionField(source, 1000 + n, kind, f"p{n}") for n, (source, kind) in enumerate(fields))
    )
    return catalog.create_table("sales.events", SCHEMA, partition_spec=spec)


def described(tmp_path, **options):
    return Dataset(
        "events", f"sqlite:///{tmp_path}/catalog.db", adapter="iceberg", table="sales.events", **options
    )


def rows(dataset, *keys):
    return [partition.rows for partition in adapter_of(dataset).inspect(keys, InspectOptions()).values()]


@pytest.mark.parametrize(
    ("source", "transform"),
    [
        (2, DayTransform()),
        (2, HourTransform()),
        (5, DayTransform()),
        (5, HourTransform()),
        (3, DayTransform()),
        (3, IdentityTransform()),
        (4, IdentityTransform()),
    ],
)
def test_partitions_of_a_table_are_added_up_to_days_and_months(tmp_path, catalog, source, transform):
    table_of(catalog, (source, transform)).append(events())
    assert rows(described(tmp_path), DAY - dt.timedelta(days=1), DAY, NEXT) == [None, 24, 23]
    month = described(tmp_path, grain=Grain.MONTH)
    assert rows(month, dt.date(2025, 10, 1), dt.date(2025, 11, 1)) == [None, 47]
    assert rows(described(tmp_path, grain=Grain.WEEK), dt.date(2025, 11, 3)) == [47]


def test_the_catalog_is_closed_after_an_inspection(tmp_path, catalog, monkeypatch):
    table_of(catalog, (2, DayTransform())).append(events())
    closed, close = [], SqlCatalog.close
    monkeypatch.setattr(SqlCatalog, "close", lambda self: closed.append(close(self)))
    assert rows(described(tmp_path), DAY) == [24]
    with pytest.raises(DatasetError):
        rows(replace(described(tmp_path), table="sales.unknown"), DAY)
    assert len(closed) == 2


def test_months_of_a_table(tmp_path, catalog):
    table_of(catalog, (2, MonthTransform())).append(events())
    assert rows(described(tmp_path, grain=Grain.MONTH), dt.date(2025, 11, 1)) == [47]


@pytest.mark.parametrize(
    ("source", "transform"), [(2, HourTransform()), (5, HourTransform()), (2, IdentityTransform())]
)
def test_hours_of_a_table(tmp_path, catalog, source, transform):
    table_of(catalog, (source, transform)).append(events())
    dataset = described(tmp_path, grain=Grain.HOUR)
    assert rows(dataset, START, START + dt.timedelta(hours=46), START + dt.timedelta(hours=47)) == [
        1,
        1,
        None,
    ]


def test_hours_are_added_up_to_local_days(tmp_path, catalog):
    table_of(catalog, (5, HourTransform())).append(events())
    assert rows(described(tmp_path, timezone="Europe/Berlin"), DAY, NEXT) == [23, 24]


def test_several_partition_fields(tmp_path, catalog):
    table_of(catalog, (1, BucketTransform(4)), (2, DayTransform())).append(events())
    assert rows(described(tmp_path), DAY, NEXT) == [24, 23]


def test_the_key_column_chooses_among_several_fields(tmp_path, catalog):
    table_of(catalog, (2, DayTransform()), (3, IdentityTransform())).append(events())
    assert rows(described(tmp_path, key_column="day"), DAY) == [24]
    with pytest.raises(
        DatasetError,
        match=r"several partition fields may be the key \(p0, p1\); name the key_column of the dataset",
    ):
        rows(described(tmp_path), DAY)


@pytest.mark.parametrize(
    ("fields", "options", "message"),
    [
        ([], {}, "the table is partitioned by nothing; its partitions must be hour, day, month or identity"),
        ([(1, BucketTransform(4))], {}, r"the table is partitioned by bucket\[4\]\(p0\)"),
        ([(2, YearTransform())], {}, r"the table is partitioned by year\(p0\)"),
        ([(1, IdentityTransform())], {}, r"the table is partitioned by identity\(p0\)"),
        (
            [(2, MonthTransform())],
            {},
            "the table's partitions are months, which are longer than the grain day",
        ),
        (
            [(2, DayTransform())],
            {"grain": Grain.HOUR},
            "the table's partitions are days, which are longer than the grain hour",
        ),
        (
            [(3, IdentityTransform())],
            {"grain": Grain.HOUR},
            "partitioned by a date, but the grain of the dataset is the hour",
        ),
        (
            [(2, DayTransform())],
            {"timezone": "Europe/Berlin"},
            "partitioned by days in UTC, but the time zone of the dataset is Europe/Berlin",
        ),
        ([(2, DayTransform())], {"key_column": "id"}, "must be hour, day, month or identity of id"),
        ([(2, DayTransform())], {"table": "sales.nothing"}, "there is no table sales.nothing"),
        ([(2, DayTransform())], {"table": "nowhere.events"}, "there is no table nowhere.events"),
    ],
)
def test_a_table_that_cannot_tell_is_refused_with_the_reason(tmp_path, catalog, fields, options, message):
    table_of(catalog, *fields)
    key = START if options.get("grain") else DAY
    dataset = Dataset(
        "events",
        f"sqlite:///{tmp_path}/catalog.db",
        adapter="iceberg",
        **({"table": "sales.events"} | options),
    )
    with pytest.raises(DatasetError, match=message):
        rows(dataset, key)


def test_texts_that_are_not_dates_are_refused(tmp_path, catalog):
    table_of(catalog, (4, IdentityTransform())).append(events().set_column(3, "text", [["later"] * 47]))
    with pytest.raises(DatasetError, match="the partition value 'later' does not determine the day"):
        rows(described(tmp_path), DAY)


def test_deleted_rows_are_not_counted(tmp_path, catalog):
    table = table_of(catalog, (2, DayTransform()))
    table.append(events())
    table.delete("id < 10")
    assert rows(described(tmp_path), DAY, NEXT) == [14, 23]


def test_files_of_an_older_partition_spec_are_refused(tmp_path, catalog):
    table = table_of(catalog)
    table.append(events())
    with table.update_spec() as update:
        update.add_field("at", DayTransform(), "p")
    with pytest.raises(
        DatasetError, match="was written before the table was partitioned by its key; rewrite it"
    ):
        rows(described(tmp_path), DAY)


def test_a_catalog_of_another_name(tmp_path):
    with SqlCatalog(
        "prod", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}/wh"
    ) as catalog:
        catalog.create_namespace("sales")
        table_of(catalog, (2, DayTransform())).append(events())
    dataset = Dataset("x", f"sqlite:///{tmp_path}/catalog.db#prod", adapter="iceberg", table="sales.events")
    assert rows(dataset, DAY) == [24]


def test_a_catalog_that_does_not_exist_is_not_made(tmp_path):
    with pytest.raises(LakeDenied, match="the catalog does not exist"):
        rows(described(tmp_path), DAY)
    assert not list(tmp_path.iterdir())


def test_a_table_without_a_catalog(catalog):
    table = table_of(catalog, (2, DayTransform()))
    table.append(events())
    location = table.location().removeprefix("file://")
    by_file = Dataset("events", table.metadata_location, adapter="iceberg")
    assert rows(by_file, DAY) == [24]
    by_folder = Dataset("events", location, adapter="iceberg")
    with pytest.raises(DatasetError, match=r"has no metadata/version-hint.text; give the URL of the catalog"):
        rows(by_folder, DAY)
    shutil.copy(table.metadata_location.removeprefix("file://"), f"{location}/metadata/v2.metadata.json")
    Path(f"{location}/metadata/version-hint.text").write_text("2\n")
    assert rows(by_folder, DAY) == [24]


def test_metadata_are_read_from_the_lake_that_their_url_names(catalog):
    table = table_of(catalog, (2, DayTransform()))
    table.append(events())
    metadata = Path(table.metadata_location.removeprefix("file://")).read_bytes()
    open_lake("memory://iceberg-metadata").put("events/v1.metadata.json", metadata)
    url = "memory://iceberg-metadata/events/v1.metadata.json"
    assert rows(Dataset("events", url, adapter="iceberg"), DAY) == [24]


def test_metadata_at_a_url_of_an_unknown_scheme_are_refused():
    with pytest.raises(LakeUrlError, match="the scheme 'hdfs' is not supported"):
        rows(Dataset("events", "hdfs://host/events", adapter="iceberg"), DAY)


@pytest.mark.parametrize("adapter", ["iceberg", "delta"])
def test_no_data_file_is_opened(tmp_path, s3, monkeypatch, adapter):
    if adapter == "iceberg":
        writer = IcebergWriter(tmp_path, s3.url, **s3_properties())
    else:
        options = dict(s3_options())
        writer = DeltaWriter(f"{s3.url}/table", options)
    writer.write([DAY, NEXT])
    with s3_proxy(s3.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        checked = adapter_of(writer.dataset())
        partitions = checked.inspect([DAY, NEXT], InspectOptions())
        paths = [path for _, path in proxy.requests]
    assert {partition.code for partition in partitions.values()} == {Code.OK}
    assert paths
    assert not [path for path in paths if path.endswith(".parquet")]
    if adapter == "iceberg":
        writer.close()
        assert checked.requests == {"list": 0, "get": len(paths)}


def s3_options():
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")} | {
        "allow_http": "true"
    }


def delta_table(tmp_path, column, values):
    url = str(tmp_path / "table")
    table = pa.table({"id": pa.array(range(len(values)), pa.int64()), column: values})
    deltalake.write_deltalake(url, table, partition_by=[column])
    return url


def delta(url, **options):
    return Dataset("events", url, adapter="delta", **options)


def test_partition_columns_of_delta_tables(tmp_path):
    url = delta_table(tmp_path, "text", ["2025-11-05", "2025-11-05", "2025-11-06", None])
    assert rows(delta(url), DAY, NEXT) == [2, 1]
    assert rows(delta(f"file://{url}", key_column="text", grain=Grain.MONTH), dt.date(2025, 11, 1)) == [3]


def test_hours_of_a_delta_table(tmp_path):
    moments = [START.replace(tzinfo=None) + dt.timedelta(hours=number) for number in range(3)]
    url = delta_table(tmp_path, "at", pa.array(moments, pa.timestamp("us")))
    assert rows(delta(url, grain=Grain.HOUR), START, START + dt.timedelta(hours=3)) == [1, None]
    assert rows(delta(url), DAY) == [3]


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([1, 2], {}, "the table is partitioned by key; it must be partitioned by a date or time"),
        (["2025-11-05"], {"key_column": "id"}, "it must be partitioned by id"),
        (["later"], {}, "the partition value 'later' does not determine the day"),
        (
            [DAY],
            {"grain": Grain.HOUR},
            "the table is partitioned by a date, but the grain of the dataset is the hour",
        ),
    ],
)
def test_a_delta_table_that_cannot_tell_is_refused(tmp_path, values, options, message):
    url = delta_table(tmp_path, "key", values)
    with pytest.raises(DatasetError, match=message):
        rows(delta(url, **options), START if options.get("grain") else DAY)


def test_a_delta_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="there is no Delta table"):
        rows(delta(str(tmp_path / "nothing")), DAY)
    (tmp_path / "folder").mkdir()
    with pytest.raises(DatasetError, match="there is no Delta table"):
        rows(delta(str(tmp_path / "folder")), DAY)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder"]


def test_a_delta_table_that_is_not_in_the_bucket_is_refused(s3):
    with pytest.raises(DatasetError, match="there is no Delta table"):
        rows(delta(f"{s3.url}/nothing"), DAY)
    with pytest.raises(LakeDenied):
        rows(delta("s3://no-such-bucket-here/table"), DAY)


def test_a_delta_table_without_statistics_has_no_row_count(tmp_path):
    writer = DeltaWriter(str(tmp_path / "table"))
    deltalake.DeltaTable(writer.url).alter.set_table_properties({"delta.dataSkippingNumIndexedCols": "0"})
    path = tmp_path / "table" / "_delta_log" / "00000000000000000002.json"
    writer.write([DAY])
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line.replace('\\"numRecords\\":5', '\\"other\\":5') for line in lines) + "\n")
    partition = adapter_of(writer.dataset()).inspect([DAY], InspectOptions())[DAY]
    assert (partition.code, partition.rows, partition.reason) == (Code.OK, None, "rows not counted")
    short = adapter_of(writer.dataset(min_rows=5)).inspect([DAY], InspectOptions())[DAY]
    assert short.code is Code.SHORT


def test_a_delta_table_after_a_checkpoint_is_read_as_before(tmp_path):
    writer = DeltaWriter(str(tmp_path / "table"))
    for number in range(3):
        writer.write([DAY + dt.timedelta(days=number)])
    deltalake.DeltaTable(writer.url).create_checkpoint()
    assert rows(writer.dataset(), DAY, NEXT) == [5, 5]
    assert rows_of(DAY).num_rows == 5
