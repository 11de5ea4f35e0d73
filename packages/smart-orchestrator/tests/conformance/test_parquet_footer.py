"""Footers of Parquet files: rows, columns and damage."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal

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
from smart_orchestrator.model.dataset import Column
from smart_orchestrator.model.partition import Code
from testing.partition_writers import COLUMNS, parquet_of

from .one_day import DAY, inspect_day, put


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
        footer = parse_footer(data, len(data))
        assert (footer.rows, footer.columns) == (table.num_rows, tuple(table.column_names))
        assert len(footer.types) == len(footer.columns)


def test_a_footer_names_the_stored_types():
    table = pa.table(
        {
            "flag": [True],
            "price": pa.array([Decimal("1.50")], pa.decimal128(12, 2)),
            "day": pa.array([dt.date(2025, 11, 5)]),
            "at": pa.array([dt.datetime(2025, 11, 5, tzinfo=dt.UTC)], pa.timestamp("us", "UTC")),
            "tags": [["a"]],
            "place": [{"lat": 1.0, "name": "x"}],
        }
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    assert parse_footer(buffer.getvalue(), len(buffer.getvalue())).types == (
        "BOOLEAN",
        "FIXED_LEN_BYTE_ARRAY DECIMAL (12, 2)",
        "INT32 DATE",
        "INT64 TIMESTAMP_MICROS",
        "GROUP<BYTE_ARRAY UTF8>",
        "GROUP<DOUBLE, BYTE_ARRAY UTF8>",
    )


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


@pytest.mark.parametrize("element_kind", [1, 3, 7], ids=["boolean", "byte", "double"])
def test_a_list_with_a_damaged_length_is_refused_at_the_end_of_the_footer(element_kind):
    # Field 1 is a list; 0xF0 says that its length follows: 2 ** 63 - 1 elements, of which none is there.
    footer = bytes([0x19, 0xF0 | element_kind]) + b"\xff" * 8 + b"\x7f"
    data = b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1"
    with pytest.raises(Unreadable, match="a value extends beyond the end of the footer"):
        parse_footer(data, len(data))


def test_a_footer_that_is_longer_than_the_first_read_is_read_by_a_second(writer):
    frame = pl.DataFrame({f"a column with a long name {number:06}": [1] for number in range(2000)})
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    put(writer, "data_0.parquet", buffer.getvalue())
    assert int.from_bytes(buffer.getvalue()[-8:-4], "little") > TAIL_BYTES
    adapter = adapter_of(writer.dataset(columns=(Column("a column with a long name 001999", "integer"),)))
    assert adapter.inspect([DAY], InspectOptions())[DAY].code is Code.OK
    assert adapter.requests == {"list": 1, "get": 2}


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
    partition = inspect_day(writer)
    assert partition.code is Code.UNREADABLE
    assert partition.reason.startswith(f"data_1.parquet cannot be read: {reason}")
    assert partition.rows is None


def test_a_column_of_the_contract_is_missing(writer):
    writer.write([DAY])
    partition = inspect_day(writer, columns=(*COLUMNS, Column("price", "float")))
    assert (partition.code, partition.reason) == (Code.COLUMNS, "data_0.parquet lacks the column price")


def test_a_column_that_names_a_folder_is_there(writer):
    put(writer, "country=US/data.parquet", parquet_of())
    columns = (*COLUMNS, Column("country"), Column("dt", "date"))
    assert inspect_day(writer, columns=columns).code is Code.OK
    assert inspect_day(writer, InspectOptions(depth=Depth.ROWS), columns=columns).code is Code.OK


def test_a_deep_check_reads_every_byte(writer):
    data = bytearray(parquet_of(5000))
    data[4:400] = b"\xff" * 396
    put(writer, "data_0.parquet", bytes(data))
    assert inspect_day(writer).code is Code.OK
    assert inspect_day(writer, InspectOptions(depth=Depth.ROWS)).code is Code.UNREADABLE
