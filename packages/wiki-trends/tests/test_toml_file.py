"""Test TOML files of users: every content gives a table or an error with one reason, in a short time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiki_trends.config import toml_file
from wiki_trends.config.settings import Settings
from wiki_trends.config.toml_file import MAX_BYTES, MAX_DEPTH, TomlError, parse_toml, read_toml
from wiki_trends.errors import SettingError
from wiki_trends.pipeline.lists import deny_list
from wiki_trends.pipeline.rules.rules import Rules

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
    "too large": (b"#" * (MAX_BYTES + 1), "it has more than 4,194,304 bytes"),
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
    assert parse_toml(b"#" * MAX_BYTES) == {}
    # Words in a text value are not parts of a key.
    assert parse_toml(b'a = ["' + b"a b. " * 1_000 + b'"]')


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_only_regular_files_are_read(tmp_path, make):
    make(tmp_path / "thing")
    with pytest.raises(TomlError, match="it is not a regular file"):
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


FILES_WITH_A_FAULT = {name: data for name, (data, _) in REFUSED.items()} | {
    "wrong types": b"en = 1\nall = 1",
    "tables in a list": b"all = [{a = 1}]\n[en.Sports]\n1 = [{a = 1}]",
    "newline in a key": b'"en\\nx" = 1\n"all\\nx" = 1',
    "optional parts": b'all = 1\n[en.Sports]\n1 = ["a' + b"(b)" * 40 + b'"]',
}


@pytest.mark.parametrize("name", FILES_WITH_A_FAULT)
def test_a_setting_that_names_such_a_file_is_told_in_one_line(name, tmp_path):
    path = tmp_path / "file.toml"
    path.write_bytes(FILES_WITH_A_FAULT[name])
    for read in (
        lambda: Rules.load("en", str(path)),
        lambda: deny_list.denied_titles(Settings(deny=str(path)), "en"),
    ):
        with pytest.raises(SettingError) as error:
            read()
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["a\0b", "gone.toml", "/dev/zero", "/"])
def test_a_setting_that_names_no_file_is_told(name):
    for read in (lambda: Rules.load("en", name), lambda: deny_list.denied_titles(Settings(deny=name), "en")):
        with pytest.raises(SettingError):
            read()


def test_files_with_a_byte_order_mark_are_used(tmp_path):
    path = Path(tmp_path / "file.toml")
    path.write_text('all = ["Zumba"]', encoding="utf-8-sig")
    assert "zumba" in deny_list.denied_titles(Settings(deny=str(path)), "en")
    path.write_text('[en."Health"]\n9 = ["zumba"]', encoding="utf-8-sig")
    assert Rules.load("en", str(path))
    assert toml_file.read_toml(path)
