"""The two dialects of CSV that stand behind an empty marker."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_orchestrator.contract.spark_csv import differs, records

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
    assert records(text) == empty_is_null(table)


@given(TABLES)
def test_where_the_dialects_do_not_differ_both_read_the_same(table):
    text = "".join(",".join(map(as_spark, line)) + "\n" for line in table)
    if not differs(text.encode()):
        assert records(text) == empty_is_null(csv.reader(io.StringIO(text, newline="")))


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
