"""The settings that name a TOML file of a user: every content is used, or told in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from smart_orchestrator.foreign import MAX_TOML_BYTES
from wiki_trends.config.settings import Settings
from wiki_trends.errors import SettingError
from wiki_trends.pipeline.lists import deny_list
from wiki_trends.pipeline.rules.rules import Rules

FILES_WITH_A_FAULT = {
    "not TOML": b"[en",
    "not UTF-8": b'a = "\xff"',
    "deep array": b"a = " + b"[" * 100_000,
    "long key": b".".join([b"a"] * 1_000_000) + b" = 1",
    "too large": b"#" * (MAX_TOML_BYTES + 1),
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
