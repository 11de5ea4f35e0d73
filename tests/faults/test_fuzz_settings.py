"""Test random text in every setting: each command ends with a documented exit code and valid JSON, without a traceback."""

from __future__ import annotations

import contextlib
import io
import json
import os
from dataclasses import fields
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wiki_trends.cli.app import run_command
from wiki_trends.config.settings import Settings, env_name

CODES = {0, 1, 2, 3}
STANDARD = (
    "AWS_ENDPOINT_URL",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_REGION",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
)
NAMES = sorted([*(env_name(item.name) for item in fields(Settings)), *STANDARD])
# No request reaches the network, because each host refuses connections at once.
QUICK = {
    "WIKI_TRENDS_WIKIMEDIA_URL": "http://127.0.0.1:9/api",
    "WIKI_TRENDS_MEDIAWIKI_URL": "http://127.0.0.1:9/w/api.php",
    "WIKI_TRENDS_DEADLINE": "0.1",
    "WIKI_TRENDS_REQUEST_TIMEOUT": "0.1",
    "WIKI_TRENDS_LAKE_TIMEOUT": "0.1",
    "WIKI_TRENDS_LAKE_RETRIES": "0",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
}
PIECES = st.sampled_from(
    [
        "http://",
        "https://",
        "s3://",
        "file://",
        "memory://",
        "spark://",
        "duckdb:///",
        "postgresql://",
        "~",
        "@",
        ":",
        "/",
        "?",
        "#",
        "[",
        "]",
        "..",
        "{layer}",
        "{project}",
        "127.0.0.1:9",
        "localhost",
        "%",
        "me:s3cret@",
        "x",
        "9" * 20,
        "-1",
        "nan",
        "é",
    ]
)
# The environment can contain every control character except NUL.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
VALUES = st.one_of(TEXTS, st.lists(PIECES, max_size=6).map("".join))
COMMANDS = st.sampled_from(
    [("check", "--as-of", "2025-11-12"), ("plan", "--as-of", "2025-11-12"), ("doctor",)]
)


def ends_as_documented(name, value, words):
    environ = {key: text for key, text in os.environ.items() if not key.startswith(("WIKI_TRENDS_", "AWS_"))}
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, environ | QUICK | {name: value}, clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = run_command([*words, "--json"])
    assert code in CODES, err.getvalue()
    if out.getvalue():
        json.loads(out.getvalue())
    else:
        assert code in {2, 3}, err.getvalue()
        assert len([line for line in err.getvalue().splitlines() if line.startswith("error: ")]) == 1
    if name in _URLS:
        assert "me:s3cret" not in out.getvalue() + err.getvalue()


_URLS = {
    "WIKI_TRENDS_WIKIMEDIA_URL",
    "WIKI_TRENDS_MEDIAWIKI_URL",
    "WIKI_TRENDS_AIRFLOW_URL",
    "WIKI_TRENDS_WAREHOUSE",
    "WIKI_TRENDS_ENGINE",
}


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))


CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.mark.usefixtures("empty_folder")
@settings(max_examples=100, suppress_health_check=CHECKS)
@given(name=st.sampled_from(NAMES), value=VALUES, words=COMMANDS)
def test_any_setting_ends_as_documented(name, value, words):
    ends_as_documented(name, value, words)


@pytest.mark.long
@pytest.mark.usefixtures("empty_folder")
@settings(max_examples=2000, suppress_health_check=CHECKS)
@given(name=st.sampled_from(NAMES), value=VALUES, words=COMMANDS)
def test_any_setting_ends_as_documented_with_many_examples(name, value, words):
    ends_as_documented(name, value, words)
