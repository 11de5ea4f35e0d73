"""Foreign JSON documents: within bounds, or one error with one line."""

from __future__ import annotations

import datetime as dt
import json
import pickle
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_orchestrator.foreign import (
    BadDocument,
    date_field,
    integer_field,
    one_line,
    parse_document,
    text_field,
    timestamp_field,
)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"[]",
        b"1",
        b"null",
        b"{",
        b"\xff\xfe{}",
        b'{"version": 1e400}',
        b'{"version": -1e400}',
        b'{"version": NaN}',
        b'{"version": Infinity}',
        b'{"rows": ' + b"9" * 30 + b"}",
        b'{"rows": ' + b"9" * 5000 + b"}",
        b'{"rows": -9223372036854775809}',
        b'{"a": "\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"a": "' + b"x" * (17 << 20) + b'"}',
    ],
    ids=range(19),
)
def test_a_document_out_of_bounds_is_refused_with_one_line(data):
    with pytest.raises(BadDocument) as caught:
        parse_document(data, what="_SUCCESS")

    assert caught.value.what == "_SUCCESS"
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 400


def test_brackets_in_strings_and_many_siblings_are_not_depth():
    document = {"text": "[" * 500 + '"' + "{" * 500, "list": [{"n": n} for n in range(500)]}

    assert parse_document(json.dumps(document).encode(), what="x") == document


def test_a_byte_order_mark_and_the_largest_integer_are_read():
    assert parse_document(b'\xef\xbb\xbf{"rows": 9223372036854775807}', what="x") == {"rows": 2**63 - 1}


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_the_one_error(data):
    with suppress(BadDocument):
        assert isinstance(parse_document(data, what="x"), dict)


@given(st.text(max_size=3000))
def test_any_text_becomes_one_bounded_printable_line(text):
    line = one_line(text)

    assert len(line) <= 200
    assert line.isprintable()


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (integer_field, True),
        (integer_field, -1),
        (integer_field, "3"),
        (integer_field, 1.5),
        (integer_field, None),
        (text_field, 3),
        (date_field, "2025-13-01"),
        (date_field, 20251105),
        (timestamp_field, "9999-12-31T23:59:59-10:00"),
        (timestamp_field, "0001-01-01T00:00:00+10:00"),
        (timestamp_field, "10000-01-01T00:00:00"),
        (timestamp_field, []),
    ],
)
def test_a_field_of_another_kind_is_refused(read, value):
    with pytest.raises(BadDocument, match="field"):
        read({"field": value}, "field", what="x")
    with pytest.raises(BadDocument, match="field is missing"):
        read({}, "field", what="x")


def test_fields_are_read():
    document = {"n": 0, "text": "a", "date": "2025-11-05", "time": "2025-11-05T01:00:00+01:00"}

    assert integer_field(document, "n", what="x") == 0
    assert text_field(document, "text", what="x") == "a"
    assert date_field(document, "date", what="x") == dt.date(2025, 11, 5)
    assert timestamp_field(document, "time", what="x") == dt.datetime(2025, 11, 5, tzinfo=dt.UTC)


def test_the_error_pickles():
    error = pickle.loads(pickle.dumps(BadDocument("a", "b\nc")))

    assert (error.what, error.problem) == ("a", "b c")
