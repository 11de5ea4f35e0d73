"""Any TOML file gives a table, or an error with one reason, in a short time."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_orchestrator.foreign import MAX_DEPTH, MAX_TOML_BYTES, TomlError, parse_toml, read_toml

REFUSED = {
    "not TOML": (b"[en", "it is not TOML"),
    "not UTF-8": (b'a = "\xff"', "it is not TOML in UTF-8 (byte 6 is 0xff)"),
    "UTF-16": ("a = 1".encode("utf-16"), "it is not TOML in UTF-8 (byte 1 is 0xff)"),
    "NUL": (b"a = \x00", "it is not TOML"),
    "long number": (b"a = " + b"9" * 5_000, "it is not TOML"),
    "impossible date": (b"a = 2025-02-30", "it is not TOML"),
    "deep array": (b"a = " + b"[" * 100_000, "it is nested more than 32 levels deep"),
    "deep closed array": (b"a = " + b"[" * 40 + b"]" * 40, "it is nested more than 32 levels deep"),
    "deep inline table": (b"a = " + b"{a = " * 100_000, "it is nested more than 32 levels deep"),
    "long key": (b".".join([b"a"] * 1_000_000) + b" = 1", "it has a key of more than 32 parts"),
    "long quoted key": (b" . ".join([b'"a b"'] * 200_000) + b" = 1", "it has a key of more than 32 parts"),
    "long section": (b"[" + b".".join([b"'a'"] * 200_000) + b"]", "it has a key of more than 32 parts"),
    "too large": (b"#" * (MAX_TOML_BYTES + 1), "it has more than 4,194,304 bytes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_has_a_reason_of_one_line(name, tmp_path):
    data, reason = REFUSED[name]
    path = tmp_path / "file.toml"
    path.write_bytes(data)
    with pytest.raises(TomlError) as error:
        read_toml(path)
    assert str(error.value).startswith(reason)
    assert "\n" not in str(error.value)


def test_a_byte_order_mark_is_skipped(tmp_path):
    path = tmp_path / "file.toml"
    path.write_text("a = 1", encoding="utf-8-sig")
    assert read_toml(path) == {"a": 1}


def test_bounds_are_met_exactly():
    key = ".".join(["a"] * (MAX_DEPTH - 1))
    assert parse_toml(f"{key} = 1".encode())
    assert parse_toml(b"a = " + b"[" * (MAX_DEPTH - 2) + b"]" * (MAX_DEPTH - 2))
    assert parse_toml(b"#" * MAX_TOML_BYTES) == {}
    # Words in a text value are not parts of a key.
    assert parse_toml(b'a = ["' + b"a b. " * 1_000 + b'"]')


@pytest.mark.parametrize(
    ("make", "reason"),
    [(os.mkfifo, "it is not a regular file"), (os.mkdir, "Is a directory")],
    ids=["pipe", "folder"],
)
def test_only_regular_files_are_read(tmp_path, make, reason):
    make(tmp_path / "thing")
    with pytest.raises(TomlError, match=reason):
        read_toml(tmp_path / "thing")


@pytest.mark.parametrize("name", ["gone.toml", "a\0b", "x" * 300])
def test_a_file_that_cannot_be_opened_has_a_reason(tmp_path, name):
    with pytest.raises(TomlError):
        read_toml(tmp_path / name)


@given(data=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_bytes_raise_anything_else(data):
    try:
        assert isinstance(parse_toml(data), dict)
    except TomlError as error:
        assert "\n" not in str(error)  # noqa: PT017
