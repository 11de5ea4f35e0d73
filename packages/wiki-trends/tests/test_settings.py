"""Test the origins of settings, their precedence, and the errors for invalid settings."""

from __future__ import annotations

from dataclasses import fields

import pytest

from wiki_trends.config.environment import check_network_variables
from wiki_trends.config.settings import PREFIX, Settings, env_name, load
from wiki_trends.errors import SettingError


def loaded(tmp_path, flags=None, environ=None, file=None):
    if file is not None:
        (tmp_path / "wiki-trends.toml").write_text(file, encoding="utf-8")
    return load(flags, environ=environ or {}, folder=tmp_path)


def test_nothing_given_is_the_defaults(tmp_path):
    assert loaded(tmp_path) == Settings()


def test_a_flag_wins_over_the_environment_over_the_file_over_the_default(tmp_path):
    file = "days = 2\nlag = 2\njobs = 2\n"
    environ = {"WIKI_TRENDS_DAYS": "3", "WIKI_TRENDS_LAG": "4", "PATH": "/bin"}
    found = loaded(tmp_path, {"days": "6", "lag": None}, environ, file)
    assert (found.days, found.lag, found.jobs, found.attempts) == (6, 4, 2, Settings().attempts)


def test_the_file_may_have_texts_and_numbers(tmp_path):
    found = loaded(tmp_path, file='days = "7"\nlake_timeout = 2.5\nproject = "fr.wikipedia"\n')
    assert (found.days, found.lake_timeout, found.project) == (7, 2.5, "fr.wikipedia")


def test_another_file_can_be_named(tmp_path):
    named = tmp_path / "other.toml"
    named.write_text("days = 9", encoding="utf-8")
    found = loaded(tmp_path, environ={"WIKI_TRENDS_CONFIG": str(named)}, file="days = 2")
    assert found.days == 9


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("days = ", ["wiki-trends.toml", "is not TOML"]),
        ("days = 0", ["wiki-trends.toml: days", "'0'", "is not between 1 and 3660", "Give for example 7."]),
        ("dyas = 5", ["wiki-trends.toml", "'dyas'", "is not a setting", "Did you mean days?"]),
        ("xyzzyx = 5", ["'xyzzyx'", "is not a setting", "doctor --settings"]),
        ("days = [5]", ["wiki-trends.toml: days", "[5]", "is not a text or a number"]),
        ("days = true", ["wiki-trends.toml: days", "True", "is not a text or a number"]),
        ("[lake]\nurl = 'x'", ["wiki-trends.toml: lake", "is not a text or a number"]),
    ],
)
def test_a_bad_file_is_named_with_its_value_and_the_fix(tmp_path, file, words):
    with pytest.raises(SettingError) as caught:
        loaded(tmp_path, file=file)
    assert [word for word in words if word not in str(caught.value)] == []


def test_bytes_that_are_no_text_are_a_bad_file(tmp_path):
    (tmp_path / "wiki-trends.toml").write_bytes(b"days = '\xff'")
    with pytest.raises(SettingError, match="is not TOML"):
        loaded(tmp_path)


def test_a_named_file_has_to_exist(tmp_path):
    with pytest.raises(SettingError, match=r"WIKI_TRENDS_CONFIG: 'nowhere.toml' is not a file\. Name"):
        loaded(tmp_path, environ={"WIKI_TRENDS_CONFIG": "nowhere.toml"})


def test_an_unknown_name_in_the_environment_is_refused_with_the_right_one(tmp_path):
    with pytest.raises(SettingError) as caught:
        loaded(tmp_path, environ={"WIKI_TRENDS_LAEK": "x/{layer}"})
    assert str(caught.value) == (
        "the environment: 'WIKI_TRENDS_LAEK' is not a setting. Did you mean WIKI_TRENDS_LAKE?"
    )


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("lake", "data/lake", "with {layer} in it"),
        ("lake", "", "with {layer} in it"),
        ("lake", "ftp://{layer}", "the scheme 'ftp' is not supported"),
        ("warehouse", "sqlite:///x", "duckdb:///FILE"),
        ("project", "en wikipedia", "a Wikimedia project such as en.wikipedia"),
        ("access", "fax", "all-access, desktop, mobile-web, mobile-app"),
        ("contact", "a\r\nHost: b", "one line"),
        ("wikimedia_url", "ftp://x", "an http(s) URL"),
        ("days", "3661", "is not between 1 and 3660"),
        ("days", "1e3", "is not a whole number"),
        ("lag", "AUTO", "is not a whole number, and is not auto"),
        ("lag", "-1", "is not between 0 and 366"),
        ("runner", "cron", "is not one of local, airflow"),
        ("request_timeout", "nan", "is not between"),
        ("deadline", "soon", "is not a number of seconds"),
        ("jobs", "0", "is not between 1 and 64"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_origin_and_an_example(tmp_path, name, value, problem):
    with pytest.raises(SettingError) as caught:
        loaded(tmp_path, environ={env_name(name): value})
    text = str(caught.value)
    assert text.startswith(f"{env_name(name)}: ")
    assert problem in text
    assert "Give for example " in text
    with pytest.raises(SettingError, match=f"^--{name.replace('_', '-')}: "):
        loaded(tmp_path, {name: value})


def test_every_setting_has_a_meaning_and_an_example_that_it_takes(tmp_path):
    for item in fields(Settings):
        assert item.metadata["text"].endswith("."), item.name
        example = item.metadata["example"].replace("…", "x")
        found = loaded(tmp_path, environ={PREFIX + item.name.upper(): example})
        assert str(getattr(found, item.name)) in (example, f"{example}.0"), item.name


def test_a_token_does_not_raise_the_rate_and_a_set_one_counts():
    assert Settings().requests_per_minute == 200
    assert Settings(token="t").requests_per_minute == 200
    assert Settings(token="t", rate_per_minute=50).requests_per_minute == 50


def test_no_secret_shows(tmp_path):
    secrets = {"WIKI_TRENDS_TOKEN": "hunter2", "WIKI_TRENDS_WAREHOUSE": "postgresql://me:hunter2@db/x"}
    assert "hunter2" not in repr(loaded(tmp_path, environ=secrets))
    for environ in (
        {"WIKI_TRENDS_TOKEN": "hunter2 with a space"},
        {"WIKI_TRENDS_WAREHOUSE": "mysql://me:hunter2@db/x"},
        {"WIKI_TRENDS_LAKE": "ftp://me:hunter2@host/{layer}"},
        {"WIKI_TRENDS_WIKIMEDIA_URL": "gopher://me:hunter2@host/"},
    ):
        with pytest.raises(SettingError) as caught:
            loaded(tmp_path, environ=environ)
        assert "hunter2" not in str(caught.value)
        assert "(secret)" in str(caught.value)


@pytest.mark.parametrize("host", ["¡", "a..é", "é" * 70])
def test_a_host_that_the_client_refuses_is_refused_by_the_settings(host):
    with pytest.raises(SettingError, match="WIKI_TRENDS_WIKIMEDIA_URL"):
        load(environ={"WIKI_TRENDS_WIKIMEDIA_URL": f"http://{host}/api"})
    with pytest.raises(SettingError, match="NO_PROXY"):
        check_network_variables({"NO_PROXY": f"localhost,{host}"})


def test_a_host_with_letters_of_another_alphabet_is_one():
    load(environ={"WIKI_TRENDS_WIKIMEDIA_URL": "http://bücher.example/api"})
    check_network_variables({"NO_PROXY": "bücher.example,.local,127.0.0.1"})
