"""The two dialects of CSV that stand behind an empty marker."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
from dataclasses import replace
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_orchestrator import Code, Column, DailyDataset, DatasetError
from smart_orchestrator.contract import csv_parts
from smart_orchestrator.contract.compression import compress_part
from smart_orchestrator.contract.rows import examine, to_bytes, to_frame
from smart_orchestrator.contract.sources import BytesPart
from smart_orchestrator.contract.spark_csv import dialects_differ, parse_spark_records

TEXT = DailyDataset("text", "memory://spark-csv", "{day:%Y-%m-%d}")


def records(text):
    """The header and the rows of a part that Spark or another writer wrote."""
    frame = to_frame(TEXT, [BytesPart("part", text.encode())], foreign=True)
    return [list(frame.columns), *map(list, frame.rows())] if frame.columns else []


FIELDS = st.text(st.sampled_from('ab"\\,\n\r é'), max_size=6)
TABLES = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.lists(FIELDS, min_size=width, max_size=width), min_size=2)
)


def as_spark(value):
    """A field as Spark's writer has it."""
    if any(sign in value for sign in '",\n\r') or value == "":
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return value


def empty_is_null(table):
    return [[field or None for field in line] for line in table]


@given(TABLES)
def test_what_spark_writes_comes_back(table):
    text = "".join(",".join(map(as_spark, line)) + "\n" for line in table)
    assert parse_spark_records(text) == empty_is_null(table)


@given(TABLES)
def test_where_the_dialects_do_not_differ_both_read_the_same(table):
    text = "".join(",".join(map(as_spark, line)) + "\n" for line in table)
    if not dialects_differ(text.encode()):
        assert parse_spark_records(text) == empty_is_null(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("page,n\na\\b,1\n", [["page", "n"], ["a\\b", "1"]]),
        ('page,n\n"a \\"b\\"",1', [["page", "n"], ['a "b"', "1"]]),
        ('page,n\n"a ""b""",1\n', [["page", "n"], ['a "b"', "1"]]),
        ('page,n\n"a,\\",1\n"b ""c""",2\n', [["page", "n"], ["a,\\", "1"], ['b "c"', "2"]]),
        ("page,n\r\na,\r\n", [["page", "n"], ["a", None]]),
        ('page,n\n"a",', [["page", "n"], ["a", None]]),
        ("", []),
    ],
)
def test_a_text_is_read_in_the_dialect_that_it_is_written_in(text, expected):
    assert records(text) == expected


@pytest.mark.parametrize("text", ['page,n\n"a \\"b', 'page,n\n"a"b",1\n', 'page,n\n"a \\"b\\""\n'])
def test_what_is_neither_dialect_is_refused(text):
    with pytest.raises(ValueError):
        records(text)


@given(TABLES, st.integers(1, 40), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_pieces_end_where_rows_end(table, size, line_end, spark):
    """However small the pieces are, the rows are the same."""
    if spark:
        text = "".join(",".join(map(as_spark, line)) + "\n" for line in table)
    else:
        buffer = io.StringIO(newline="")
        csv.writer(buffer, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(table)
        text = buffer.getvalue()
    data = text.encode()
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    with patch.object(csv_parts, "PIECE_BYTES", size):
        pieces = list(csv_parts.split_into_row_pieces(iter(chunks), spark=spark))
    assert b"".join(pieces) == data
    rows = [row for piece in pieces for row in rows_of(piece.decode(), spark=spark)]
    assert rows == rows_of(text, spark=spark)


def rows_of(text, *, spark):
    return parse_spark_records(text) if spark else list(csv.reader(io.StringIO(text, newline="")))


COLUMNS = (Column("page", nullable=False, unique=True), Column("views", "integer", low=0))
CONTRACT = DailyDataset("pages", "memory://pieces", "{day:%Y-%m-%d}", columns=COLUMNS, volume_column="views")
MANY = "page,views\n" + "".join(f'"Page\n{number}",{number}\n' for number in range(500))


def examined(text, foreign=False, dataset=CONTRACT, piece=64):
    data = text if isinstance(text, bytes) else text.encode()
    with patch.object(csv_parts, "PIECE_BYTES", piece):
        return examine(dataset, [BytesPart("part", data)], foreign=foreign)


@pytest.mark.parametrize(
    "compress",
    [
        bytes,
        gzip.compress,
        bz2.compress,
        lambda data: bz2.compress(data, 1),
        lambda data: compress_part(data, "zstd"),
    ],
)
def test_parts_of_many_pieces_are_one_table(compress):
    contents = examined(compress(MANY.encode()))
    assert (contents.rows, contents.volume, contents.findings) == (500, 500 * 499 // 2, ())


def test_rows_are_numbered_and_repeated_values_met_across_pieces():
    contents = examined(MANY + '"Page\n7",x\n')
    assert [finding.text for finding in contents.findings] == [
        "part row 501 column views ('x') is not of type integer",
        "column page holds 'Page\\n7' more than once",
    ]
    cut = examined(MANY + "Page")
    assert [finding.text for finding in cut.findings] == [
        "part cannot be read: row 501 has more or fewer fields than the header"
    ]


def test_a_part_that_turns_out_not_to_be_of_spark_is_read_again():
    backslash = MANY + '"ends with \\",1\n"a ""b""",2\n'
    contents = examined(backslash, foreign=True)
    assert (contents.rows, contents.findings) == (502, ())


def test_parts_without_a_header_have_the_columns_of_the_contract():
    dataset = replace(CONTRACT, header=False)
    assert examined("A,1\nB,2\n", dataset=dataset).rows == 2
    assert (
        examined(to_bytes(dataset, pl.DataFrame({"page": ["A"], "views": [5]})), dataset=dataset).volume == 5
    )
    assert examined("A,1,2\n", dataset=dataset).findings[0].code is Code.UNREADABLE


def test_parts_are_written_in_the_compression_of_the_dataset():
    frame = pl.DataFrame({"page": ["A"], "views": [5]})
    for compression, suffix in (("gzip", ".csv.gz"), ("bz2", ".csv.bz2"), ("zstd", ".csv.zst")):
        dataset = replace(CONTRACT, compression=compression)
        data = to_bytes(dataset, frame)
        assert dataset.suffix == suffix
        assert to_frame(CONTRACT, [BytesPart("part", data)]).equals(frame)


def test_columns_in_the_names_of_folders_are_read():
    dataset = replace(CONTRACT, columns=(*COLUMNS, Column("country")))
    part = BytesPart("country=C%C3%B4te/part-0.csv", b"page,views\nA,1\n")
    assert to_frame(dataset, [part]).rows() == [("A", 1, "Côte")]


def test_parts_of_different_columns_are_no_table():
    dataset = replace(CONTRACT, columns=(), volume_column=None)
    parts = [BytesPart("a", b"x,y\n1,2\n"), BytesPart("b", b"y,x\n1,2\n")]
    (finding,) = examine(dataset, parts).findings
    assert (finding.code, finding.text) == (Code.COLUMNS, "b has the columns y, x, and a x, y")


def test_a_single_column_of_ours_may_hold_nulls_in_blank_lines():
    dataset = replace(CONTRACT, columns=(Column("page"),), volume_column=None)
    frame = pl.DataFrame({"page": ["A", None, ""]})
    assert to_frame(dataset, [BytesPart("part", to_bytes(dataset, frame))]).equals(frame)


@pytest.mark.parametrize(
    "changes", [{"header": False, "columns": (), "volume_column": None}, {"compression": "lzma"},
                {"format": "parquet", "compression": "gzip"}, {"format": "parquet", "header": False}]
)  # fmt: skip
def test_descriptions_of_csv_that_cannot_work_are_refused(changes):
    with pytest.raises(DatasetError):
        replace(CONTRACT, **changes)
