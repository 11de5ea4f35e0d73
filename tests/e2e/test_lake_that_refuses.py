"""Test a lake on S3 that refuses requests or does not answer: the exit code is 3, with one sentence and without secrets."""

from __future__ import annotations

import time

import pytest

from testing.s3_proxy import Faults, s3_proxy
from testing.s3_server import KEY, NO_RIGHTS, READER, SECRET, s3_server

SECRETS = (KEY, SECRET, *NO_RIGHTS, *READER, "a-wrong-value")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def lake(place, server, monkeypatch):
    """A bucket with a complete window, which the settings name as the lake."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WIKI_TRENDS_LAKE", "s3://lake/{layer}")
    place.write_days(*WINDOW)
    return place


@pytest.fixture
def proxy(lake, server, monkeypatch):
    assert lake.run(*CHECK).code == 0
    with s3_proxy(server.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        yield proxy


WINDOW = [f"2025-11-{day:02}" for day in range(5, 10)]
CHECK = ("check", "--as-of", "2025-11-12")


def refused(place, sentence, *command):
    """Assert that the command ends with exit code 3 and this sentence, and does not mention days."""
    ran = place.run(*(command or CHECK))
    assert ran.code == 3
    assert ran.out == ""
    assert sentence in ran.err
    assert ran.err.count("\n") == 1
    assert not any(word in ran.err for word in ("absent", "MISSING", "Traceback"))
    assert not any(secret in ran.out + ran.err for secret in SECRETS)


def test_the_window_is_whole_for_who_may_read(lake, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", READER[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", READER[1])
    assert lake.run(*CHECK).code == 0


DENIED = {
    "no rights": (
        {"AWS_ACCESS_KEY_ID": NO_RIGHTS[0], "AWS_SECRET_ACCESS_KEY": NO_RIGHTS[1]},
        "access was refused. Check the credentials and their rights.",
    ),
    "wrong key": (
        {"AWS_ACCESS_KEY_ID": "a-wrong-value"},
        "the access key is unknown. Check AWS_ACCESS_KEY_ID.",
    ),
    "wrong secret": (
        {"AWS_SECRET_ACCESS_KEY": "a-wrong-value"},
        "the secret key is wrong. Check AWS_SECRET_ACCESS_KEY.",
    ),
    "no bucket": (
        {"WIKI_TRENDS_LAKE": "s3://no-such-bucket/{layer}"},
        "Lake s3://no-such-bucket/diamond: the bucket does not exist. Create it, or correct the URL.",
    ),
}
COMMANDS = (CHECK, (*CHECK, "--json"), ("run", "--as-of", "2025-11-12"), ("analyze", "--as-of", "2025-11-12"))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("why", DENIED)
def test_each_refusal_has_its_own_sentence(lake, monkeypatch, why, command):
    environment, sentence = DENIED[why]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    refused(lake, sentence, *command)


@pytest.mark.parametrize("answer", ["region", "moved"])
def test_another_region_is_named(lake, proxy, answer):
    proxy.faults = Faults(1.0, (answer,))
    refused(lake, "Lake s3://lake/diamond: the region is wrong. Check AWS_REGION.")


@pytest.mark.slow
@pytest.mark.parametrize("silent", [False, True], ids=["resets", "silent"])
def test_a_server_gone_in_mid_check_is_told_in_time(lake, proxy, monkeypatch, silent):
    monkeypatch.setenv("WIKI_TRENDS_LAKE_TIMEOUT", "0.5")
    proxy.silent = silent
    for after in (0, 3, 7):
        proxy.gone_after = after
        began = time.monotonic()
        refused(lake, "Lake s3://lake/diamond: no usable answer")
        # The lake needs two time-outs, or four retries whose delays double from 0.1 s. The limit of obstore would be 180 s.
        assert time.monotonic() - began < 60
