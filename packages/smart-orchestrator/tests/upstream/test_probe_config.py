"""The options `probe`, `lag = "auto"` and `max_lag`, and the errors about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from smart_orchestrator.config.loading import parse_config
from smart_orchestrator.config.upstream import ProbeConfig
from smart_orchestrator.project_errors import ConfigError

DATASET = '[datasets.a]\nurl = "lake"\nkey = "{start:%Y-%m-%d}"\n'
URL = 'probe.url = "https://upstream.example/{start:%Y/%m/%d}"\n'


def parse(text):
    return parse_config(text.encode(), Path("/project/smart-orchestrator.toml"))


def upstream_of(text):
    return parse(DATASET + text).upstreams.get("a")


def test_a_dataset_has_no_probe_unless_the_file_describes_one():
    config = parse(DATASET)

    assert (config.upstreams, config.dataset("a").lag) == ({}, 1)


def test_an_automatic_lag_has_an_outer_bound():
    assert parse(DATASET + 'lag = "auto"\n' + URL).dataset("a").lag == 3
    assert parse(DATASET + 'lag = "auto"\nmax_lag = 7\n' + URL).dataset("a").lag == 7
    upstream = upstream_of('lag = "auto"\n' + URL)
    assert upstream.is_lag_automatic
    assert upstream.probe == ProbeConfig(url="https://upstream.example/{start:%Y/%m/%d}", method="HEAD")


def test_a_probe_with_a_fixed_lag():
    upstream = upstream_of("lag = 2\n" + URL + 'probe.method = "GET"\nprobe.timeout = 5\n')

    assert not upstream.is_lag_automatic
    assert (upstream.probe.method, upstream.probe.timeout) == ("GET", 5.0)


def test_a_probe_is_a_url_a_command_or_a_function():
    command = upstream_of('probe.command = ["test", "-e", "in/{key}"]\n').probe
    assert command == ProbeConfig(command=("test", "-e", "in/{key}"))
    assert upstream_of('probe.function = "upstream:has"\n').probe == ProbeConfig(function="upstream:has")


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ('lag = "auto"\n', "probe", "is missing"),
        ('lag = "often"\n' + URL, "lag", "not an integer"),
        ("lag = 2\nmax_lag = 4\n" + URL, "max_lag", "automatic lag"),
        ('lag = "auto"\nmax_lag = 0\n' + URL, "max_lag", "less than 1"),
        ("probe = 3\n", "probe", "not a table"),
        ("[datasets.a.probe]\n", "probe", "none of url, command and function"),
        (URL + 'probe.function = "a:b"\n', "probe", "url and function"),
        (URL + "probe.retries = 3\n", "probe.retries", "not an option"),
        (URL + 'probe.method = "POST"\n', "probe.method", "HEAD, GET"),
        (URL + "probe.timeout = 0\n", "probe.timeout", "above 0"),
        ('probe.url = "ftp://upstream/{day}"\n', "probe.url", "http"),
        ('probe.url = "https://upstream/latest"\n', "probe.url", "same URL"),
        ('probe.url = "https://upstream/{start:%m-%d}"\n', "probe.url", "same URL"),
        ('probe.url = "https://upstream/{start:%Y-%m}"\n', "probe.url", "same URL"),
        ('probe.url = "https://upstream/{start:%B}"\n', "probe.url", "%B"),
        ('probe.url = "https://me:hidden@upstream/{day}"\n', "probe.url", "credentials"),
        ("probe.command = []\n", "probe.command", "empty"),
        ('probe.function = "nothing"\n', "probe.function", "module"),
        ('probe.function = "a:b"\nprobe.timeout = 3\n', "probe.timeout", "not an option"),
    ],
)
def test_an_error_names_the_option_and_the_problem(text, key, words):
    with pytest.raises(ConfigError) as caught:
        parse(DATASET + text)

    assert caught.value.key == f"datasets.a.{key}"
    assert words in str(caught.value)
    assert "hidden" not in str(caught.value)
