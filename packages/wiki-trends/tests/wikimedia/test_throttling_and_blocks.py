"""How the client behaves when Wikimedia throttles it, blocks it, redirects it or announces an end."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

import pytest

from smart_orchestrator.foreign import retry_after_seconds
from testing.scripted_server import Reply, ScriptedServer, replies_in_turn
from testing.small_wiki import DAY, settings_for
from wiki_trends.errors import (
    ClientBlocked,
    RequestRejected,
    TokenRejected,
    WikimediaUnreachable,
    WikiTrendsError,
)
from wiki_trends.wikimedia import WikimediaClient, hosts, transport
from wiki_trends.wikimedia.answers import MAX_PAUSE_SECONDS, RetryLater
from wiki_trends.wikimedia.limiter import SLOW_SECONDS, Limiter
from wiki_trends.wikimedia.transport import MAX_ATTEMPTS

GOOD = Reply({"items": [{"articles": []}]})
MAXLAG = Reply({"error": {"code": "maxlag", "info": "Waiting"}})
CONTACT = "https://meta.wikimedia.org/wiki/User:Somebody"


@pytest.fixture
def serve(tmp_path):
    opened = []

    def open_client(*replies, **more):
        server = ScriptedServer(replies_in_turn(*replies)).__enter__()
        client = WikimediaClient(settings_for(server.url, tmp_path, **({"contact": CONTACT} | more)))
        opened.extend([client, server])
        return server, client

    yield open_client
    for item in opened:
        item.__exit__(None, None, None)


def top(client):
    return client.top_pages("en.wikipedia", "all-access", DAY)


@pytest.mark.parametrize(
    "body", [b"Please respect our robot policy", b"Too many requests", b"", b"\xff<html>\n<b>Error</b>"]
)
def test_a_403_without_retry_after_is_a_block_after_three_tries(serve, body):
    server, client = serve(Reply(body, status=403))
    with pytest.raises(ClientBlocked) as caught:
        top(client)
    assert len(server.requests) == 3
    text = str(caught.value)
    assert server.requests[0].headers["user-agent"] in text
    assert "bot-traffic@wikimedia.org" in text
    assert body.decode("ascii", "ignore").partition("\n")[0] in text


def test_a_block_that_is_lifted_within_three_tries_is_forgotten(serve):
    server, client = serve(Reply(b"no", status=403), Reply(b"no", status=403), GOOD)
    top(client)
    assert len(server.requests) == 3


def test_a_403_with_retry_after_is_throttling(serve):
    server, client = serve(*[Reply(b"", status=403, headers={"Retry-After": "0"})] * 7, GOOD)
    top(client)
    assert len(server.requests) == MAX_ATTEMPTS


@pytest.mark.parametrize("reply", [Reply(b"", status=429), MAXLAG], ids=["429", "maxlag"])
def test_throttling_without_a_wait_ends_after_a_few_attempts(serve, reply):
    server, client = serve(replace(reply, headers={"Retry-After": "0"}))
    with pytest.raises(WikimediaUnreachable, match=f"after {MAX_ATTEMPTS} tries"):
        top(client)
    assert len(server.requests) == MAX_ATTEMPTS


def test_a_401_names_the_token(serve):
    server, client = serve(Reply({"detail": "Jwt is expired"}, status=401), token="s3cret")
    with pytest.raises(TokenRejected, match=r"Jwt is expired.*WIKI_TRENDS_TOKEN") as caught:
        top(client)
    assert len(server.requests) == 1
    assert "s3cret" not in str(caught.value)


def test_a_401_without_a_token_says_that_a_token_is_needed(serve):
    _, client = serve(Reply({"detail": "Jwt is missing"}, status=401))
    with pytest.raises(TokenRejected) as caught:
        top(client)
    text = str(caught.value)
    assert text.startswith("Wikimedia requires an access token: ")
    assert text.endswith("answered status 401: Jwt is missing. Set WIKI_TRENDS_TOKEN.")


def test_a_token_that_mediawiki_rejects_is_named_too(serve):
    error = {"error": {"code": "mwoauth-invalid-authorization", "info": "The authorization is invalid"}}
    _, client = serve(Reply(error), token="s3cret")
    with pytest.raises(TokenRejected, match="WIKI_TRENDS_TOKEN"):
        client.site_info("en.wikipedia")


@pytest.mark.parametrize("text", ["999999999", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
@pytest.mark.parametrize("status", [429, 403, 503])
def test_a_delay_of_the_server_is_capped_and_the_error_says_what_was_asked(serve, tmp_path, text, status):
    _, client = serve(Reply(b"", status=status, headers={"Retry-After": text}))
    with pytest.raises(
        WikimediaUnreachable, match=r"asked to wait (\d+|inf) s, but the client waits at most 900 s"
    ):
        top(client)
    limiter = Limiter(tmp_path / "state" / "limits", max_in_flight=1, rate_per_minute=1000)
    waits = []
    with limiter.request(time.monotonic() + 2000, waits.append):
        pass
    assert waits[0] <= 900


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def limiter(tmp_path):
    clock = Clock()
    made = Limiter(tmp_path, max_in_flight=1, rate_per_minute=200, clock=clock)
    return made, clock


def starts(limiter, clock, seconds):
    """Requests that start within a time, when each is sent as soon as it may be."""
    count, end = 0, clock.now + seconds

    def sleep(wait: float) -> None:
        clock.now += wait

    while clock.now < end:
        with limiter.request(time.monotonic() + 1e9, sleep):
            count += clock.now < end
    return count


def test_after_throttling_the_rate_is_halved_for_ten_minutes_and_then_whole_again(limiter):
    made, clock = limiter
    made.slow_down()
    for _ in range(9):
        assert starts(made, clock, 60) <= 100
    clock.now += SLOW_SECONDS
    assert starts(made, clock, 60) > 150


def test_a_pause_that_an_older_version_wrote_for_years_is_not_waited_for(tmp_path):
    import struct

    (tmp_path / "bucket").write_bytes(struct.pack("<ddd", 5.0, time.time(), time.time() + 1e9))
    waits = []
    with Limiter(tmp_path, max_in_flight=1, rate_per_minute=200).request(time.monotonic() + 5, waits.append):
        pass
    assert waits == [0.0]


@pytest.mark.parametrize("data", [b"", b"x", b"\xff" * 32, b"\x00" * 32])
def test_a_state_file_of_another_form_does_not_stop_the_client(tmp_path, data):
    (tmp_path / "bucket").write_bytes(data)
    waits = []
    with Limiter(tmp_path, max_in_flight=1, rate_per_minute=200).request(time.monotonic() + 5, waits.append):
        pass
    assert waits[0] < 1


@pytest.mark.slow
def test_only_throttling_halves_the_rate(serve, monkeypatch):
    halved = []
    monkeypatch.setattr(Limiter, "slow_down", lambda _self: halved.append(1))
    replies = [
        Reply(b"", status=403),
        Reply(b"", status=429, headers={"Retry-After": "0"}),
        Reply(b"", status=403, headers={"Retry-After": "0"}),
        Reply(b"", status=503, headers={"Retry-After": "0"}),
        Reply({"error": {"code": "maxlag", "info": ""}}, headers={"Retry-After": "0"}),
        Reply({"error": {"code": "ratelimited", "info": ""}}, headers={"Retry-After": "0"}),
    ]
    _, client = serve(*replies, GOOD)
    top(client)
    assert len(halved) == 3


@pytest.fixture
def within_wikimedia(monkeypatch):
    """Let this machine's address count as one of Wikimedia's hosts."""
    monkeypatch.setattr(hosts, "WIKIMEDIA_HOSTS", ("127.0.0.1",))


@pytest.mark.usefixtures("within_wikimedia")
def test_a_redirect_within_wikimedia_is_followed(serve):
    server, client = serve(Reply(b"", status=301, headers={"Location": "/elsewhere?a=%26"}), GOOD)
    top(client)
    assert [received.path for received in server.requests][1:] == ["/elsewhere"]
    assert server.requests[1].params == {"a": "&"}


@pytest.mark.parametrize(
    "target",
    [
        "http://evil.example/",
        "http://localhost:1/",
        "//evil.example/",
        "http://[",
        "http://u:p@127.0.0.1/",
        "",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:0/",
        "https://é..127.0.0.1/",
        "x" * 70_000,
        "javascript:1",
    ],
)
@pytest.mark.usefixtures("within_wikimedia")
def test_a_redirect_out_of_wikimedia_is_refused(serve, target):
    server, client = serve(Reply(b"", status=302, headers={"Location": target} if target else {}))
    with pytest.raises(RequestRejected, match="302"):
        top(client)
    assert len(server.requests) == 1


@pytest.mark.usefixtures("within_wikimedia")
def test_redirects_in_a_circle_end(serve):
    server, client = serve(Reply(b"", status=307, headers={"Location": "/again"}))
    with pytest.raises(RequestRejected, match="too many redirects"):
        top(client)
    assert len(server.requests) == transport.MAX_REDIRECTS + 1


@pytest.mark.usefixtures("within_wikimedia")
def test_a_post_is_not_redirected(serve):
    server, client = serve(Reply(b"", status=301, headers={"Location": "/elsewhere"}))
    with pytest.raises(RequestRejected, match="301"):
        client.pages("en.wikipedia", ["é" * 120 + str(number) for number in range(50)])
    assert len(server.requests) == 1


def test_an_announced_end_is_reported_once_a_day(serve, caplog):
    headers = {"Deprecation": "@1767225600", "Sunset": "Wed, 01 Jul 2026 00:00:00 GMT"}
    _, client = serve(Reply({"items": []}, headers=headers))
    with caplog.at_level(logging.WARNING, logger="wiki_trends.wikimedia"):
        for _ in range(3):
            top(client)
    assert len(caplog.records) == 1
    assert "Sunset: Wed, 01 Jul 2026 00:00:00 GMT" in caplog.text
    assert "Deprecation: @1767225600" in caplog.text


def test_an_announcement_whose_value_changes_is_reported_once_and_in_one_line(serve, caplog, tmp_path):
    replies = [
        Reply({"items": []}, headers={"Deprecation": f"@{number}" + "x" * 9000}) for number in range(4)
    ]
    _, client = serve(*replies)
    with caplog.at_level(logging.WARNING, logger="wiki_trends.wikimedia"):
        for _ in range(4):
            top(client)
    assert len(caplog.records) == 1
    assert len(caplog.text) < 1000
    assert len(list(tmp_path.rglob("notice-*"))) == 1


@pytest.mark.parametrize("error", ["text", ["code"], 7, {}])
def test_an_error_of_any_form_is_not_an_answer_without_pages(serve, error):
    _, client = serve(Reply({"error": error or {"info": "no code"}}))
    with pytest.raises(RequestRejected, match="unknown"):
        client.pages("en.wikipedia", ["A"])


@pytest.mark.parametrize(
    "text", ["9" * 400, "Wed, 21 Oct 9999 07:28:00 GMT", "-5", "nan", "inf", "1, 2", "\x7f", "soon"]
)
def test_a_delay_of_any_form_is_bounded_or_ignored(text):
    seconds = retry_after_seconds({"retry-after": text})
    assert seconds is None or RetryLater("", pause=seconds).pause <= MAX_PAUSE_SECONDS


def test_a_notice_comes_again_on_the_next_day(limiter):
    made, clock = limiter
    assert [made.record_notice("a"), made.record_notice("a"), made.record_notice("b")] == [
        True,
        False,
        True,
    ]
    clock.now += 86_401
    assert made.record_notice("a")


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
def test_a_token_that_the_server_repeats_is_in_no_message(serve, status):
    reply = Reply(
        b"you sent: Authorization: Bearer a-secret-token", status=status, headers={"Retry-After": "0"}
    )
    _, client = serve(*[reply] * 40, token="a-secret-token", deadline=0.5)
    with pytest.raises(WikiTrendsError) as caught:
        top(client)
    assert "a-secret-token" not in str(caught.value) + repr(caught.value)
