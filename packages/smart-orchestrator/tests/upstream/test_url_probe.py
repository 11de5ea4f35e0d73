"""What the status and the headers of a response mean for a probe, over real HTTP."""

from __future__ import annotations

import datetime as dt
import socket

import pytest

from smart_orchestrator.upstream.probe import Presence
from smart_orchestrator.upstream.url_probe import UrlProbe, answer_of
from testing.scripted_server import Reply, ScriptedServer

DAY = dt.date(2025, 11, 5)
NOW = dt.datetime(2025, 11, 6, 7, 0, tzinfo=dt.UTC)


def minutes(answer) -> float:
    """The validity of an answer, in minutes."""
    return (answer.until - NOW) / dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    ("status", "headers", "presence", "valid"),
    [
        (200, {}, Presence.LANDED, 30),
        (204, {"cache-control": "public, max-age=600"}, Presence.LANDED, 10),
        (404, {}, Presence.NOT_YET, 30),
        (410, {}, Presence.NOT_YET, 30),
        (404, {"cache-control": "public"}, Presence.NOT_YET, 30),
        (404, {"cache-control": "max-age=14400"}, Presence.NOT_YET, 240),
        (404, {"cache-control": "s-maxage=9, max-age=7200", "age": "3600"}, Presence.NOT_YET, 60),
        (404, {"cache-control": "max-age=60", "age": "90"}, Presence.NOT_YET, 0),
        (404, {"cache-control": "max-age=99999999"}, Presence.NOT_YET, 1440),
        (404, {"cache-control": "no-store"}, Presence.NOT_YET, 0),
        (404, {"cache-control": "private, no-cache, max-age=600"}, Presence.NOT_YET, 0),
        (429, {"retry-after": "55"}, Presence.UNKNOWN, 55 / 60),
        (429, {"retry-after": "86400"}, Presence.UNKNOWN, 15),
        (503, {"retry-after": "Thu, 06 Nov 2025 07:10:00 GMT"}, Presence.UNKNOWN, 10),
        (503, {"retry-after": "soon"}, Presence.UNKNOWN, 5),
        (500, {}, Presence.UNKNOWN, 5),
        (403, {}, Presence.UNKNOWN, 5),
        (302, {"location": "https://user:secret@other/"}, Presence.UNKNOWN, 5),
    ],
)
def test_the_status_says_whether_it_is_there_and_the_headers_for_how_long(status, headers, presence, valid):
    answer = answer_of(status, headers, "https://upstream/day", NOW)

    assert answer.presence is presence
    assert minutes(answer) == pytest.approx(valid)
    assert str(status) in answer.detail
    assert "secret" not in answer.detail


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_probe_asks_for_the_url_of_the_key_and_keeps_the_etag(method):
    with ScriptedServer(lambda _: Reply(b"x" * 1000, 200, {"ETag": '"v1"'})) as server:
        answer = UrlProbe(f"{server.url}/top/{{start:%Y/%m/%d}}", method).ask(DAY, NOW)

    assert [(request.method, request.path) for request in server.requests] == [(method, "/top/2025/11/05")]
    assert (answer.presence, answer.etag, answer.url) == (
        Presence.LANDED,
        '"v1"',
        f"{server.url}/top/2025/11/05",
    )


def test_a_key_that_is_not_there_is_not_yet():
    with ScriptedServer(lambda _: Reply({}, 404)) as server:
        answer = UrlProbe(f"{server.url}/{{day}}").ask(DAY, NOW)

    assert (answer.presence, answer.detail) == (Presence.NOT_YET, "HTTP 404")


@pytest.mark.parametrize("fault", ["reset", "stall"])
def test_a_failing_network_says_nothing_about_the_key(fault):
    with ScriptedServer(lambda _: Reply(fault=fault)) as server:
        answer = UrlProbe(f"{server.url}/{{day}}", timeout=0.2).ask(DAY, NOW)

    assert answer.presence is Presence.UNKNOWN
    assert minutes(answer) == 5


def test_an_upstream_that_does_not_exist_says_nothing_about_the_key():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        answer = UrlProbe(f"http://127.0.0.1:{unused.getsockname()[1]}/{{day}}").ask(DAY, NOW)

    assert answer.presence is Presence.UNKNOWN
    assert "ConnectError" in answer.detail


def test_the_evidence_shows_no_secret_of_the_url():
    with ScriptedServer(lambda _: Reply({}, 404)) as server:
        answer = UrlProbe(f"{server.url}/{{day}}?token=hidden").ask(DAY, NOW)

    assert server.requests[0].params == {"token": "hidden"}
    assert "hidden" not in answer.url
