"""Test the limits for each caller, and the deadline of connections that send slowly."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from contextlib import ExitStack
from functools import partial
from urllib.parse import urlsplit

import httpx2
import pytest

from testing.dashboard import START, TOKEN, serve_app, serving
from wiki_trends.errors import SettingError
from wiki_trends.web import create_app
from wiki_trends.web.auth.rate_limit import RateLimiter
from wiki_trends.web.auth.sign_in import TokenGuard
from wiki_trends.web.cache.cache import Cache
from wiki_trends.web.serve import check_proxies
from wiki_trends.web.views.actions import MAX_STREAMS_PER_CALLER


@pytest.mark.slow
def test_streams_are_bounded_for_each_caller(demo_settings):
    with serving(demo_settings) as dashboard, ExitStack() as open_streams:
        own = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
        client = open_streams.enter_context(httpx2.Client(base_url=dashboard.url, limits=own, timeout=60))
        statuses, readers = [], []
        for _ in range(MAX_STREAMS_PER_CALLER + 1):
            stream = open_streams.enter_context(client.stream("GET", "/events"))
            statuses.append(stream.status_code)
            if stream.status_code == 200:
                # When the reader is garbage-collected, it closes its stream.
                readers.append(stream.iter_lines())
                assert next(readers[-1]).startswith("retry")
        assert statuses == [200] * MAX_STREAMS_PER_CALLER + [429]
        with client.stream("GET", "/events", headers=dashboard.bearer) as other:
            assert other.status_code == 200


def test_remembered_values_are_bounded_for_each_owner():
    async def flooded():
        async def make():
            return object()

        cache = Cache(10, 3)
        mine = await cache.get("mine", make, charged_to="me")
        for number in range(50):
            await cache.get(("flood", number), make, charged_to="flood")
        assert await cache.get("mine", make, charged_to="me") is mine
        assert len(cache) <= 10
        for number in range(50):
            await cache.get(("many", number), make, charged_to=f"caller {number}")
        assert len(cache) <= 10

    asyncio.run(flooded())


@pytest.mark.slow
@pytest.mark.parametrize("proxies", [(), ("192.0.2.1",), ("127.0.0.0/8",)])
def test_the_callers_address_is_the_proxied_one_behind_a_named_proxy_only(demo_settings, caplog, proxies):
    caplog.set_level(logging.INFO, "wiki_trends.web")
    app = create_app(demo_settings, guard=TokenGuard(TOKEN))
    with serve_app(app, proxies=proxies) as url:
        forwarded = {"Origin": url, "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
        answer = httpx2.post(f"{url}/sign-in", data={"token": TOKEN}, headers=forwarded)
    named = proxies == ("127.0.0.0/8",)
    assert ("signed in, from 203.0.113.9" in caplog.text) is named
    assert ("signed in, from 127.0.0.1" in caplog.text) is not named
    assert ("Secure" in answer.headers["set-cookie"]) is named


@pytest.mark.parametrize(
    "proxy", ["*", "0.0.0.0/0", "::/0", "proxy.example.org", "", "10.0.0.0/99", "127.0.0.1:80"]
)
def test_a_proxy_is_an_address(proxy):
    with pytest.raises(SettingError, match="--proxy"):
        check_proxies([proxy])


def dribble(url, first, piece):
    """Send `first` and then single bytes of `piece` until the server closes the connection. Return what the server sent."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=0.05) as connection:
        connection.sendall(first)
        received = b""
        end = time.monotonic() + 60
        at = 0
        while time.monotonic() < end:
            try:
                connection.sendall(piece[at % len(piece) : at % len(piece) + 1])
                data = connection.recv(65536)
                if not data:
                    return received
                received += data
            except TimeoutError:
                pass
            except OSError:
                return received
            at += 1
    pytest.fail("the connection was never closed")


REQUEST = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "piece", "status"),
    [
        (b"", b"\r\n", b""),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ", b"x", b""),
        (b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60000\r\n\r\n", b"x", b""),
        (
            b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"1\r\nx\r\n",
            b"",
        ),
        (REQUEST + b"GET /health HTTP/1.1\r\n", b"X", b" 200 "),
        (REQUEST[:-2] + b"Connection: keep-alive\r\n\r\n", b"GET / HTTP/1.1 ", b" 200 "),
    ],
    ids=["nothing", "head", "body", "chunks", "pipelined", "second request"],
)
def test_a_connection_that_sends_slowly_is_closed_and_others_are_served(
    demo_settings, caplog, first, piece, status
):
    app = create_app(demo_settings, guard=TokenGuard(TOKEN))
    with serve_app(app, request_seconds=0.5) as url:
        received = dribble(url, first, piece)
        assert status in received
        assert httpx2.get(f"{url}/overview.json", timeout=60).status_code == 200
    assert "Traceback" not in caplog.text


def test_a_stream_outlives_the_deadline_of_its_request(demo_settings):
    app = create_app(demo_settings, guard=TokenGuard(TOKEN))
    with (
        serve_app(app, request_seconds=0.3) as url,
        httpx2.stream("GET", f"{url}/events", timeout=60) as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines).startswith("retry")
        while not next(lines).startswith("event: changed"):
            pass
        time.sleep(1)
        assert not stream.is_closed


@pytest.mark.slow
def test_actions_and_guesses_are_counted(demo_settings, monkeypatch):
    # The clock does not advance, so a slow machine gets no additional attempts.
    for module in ("views.actions", "auth.sign_in"):
        monkeypatch.setattr(f"wiki_trends.web.{module}.RateLimiter", partial(RateLimiter, clock=lambda: 0.0))
    with serving(demo_settings) as dashboard:
        statuses = [
            dashboard.client.post("/backfill", **START, headers=dashboard.bearer).status_code
            for _ in range(70)
        ]
        assert statuses == [409] * 60 + [429] * 10
        wrong = {"Authorization": "Bearer not-the-token-at-all"}
        answers = [dashboard.client.get("/runs.json", headers=wrong) for _ in range(12)]
        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["retry-after"]) > 0


def test_wrong_tokens_lock_out_wrong_tokens_only(demo_settings):
    with serving(demo_settings, TokenGuard(TOKEN, visible_to_all=False)) as dashboard:
        own = {"Origin": dashboard.url}
        guesses = [
            dashboard.client.post("/sign-in", data={"token": f"guess-{at}"}, headers=own) for at in range(15)
        ]
        assert guesses[-1].status_code == 429
        assert dashboard.client.get("/runs.json", headers=dashboard.bearer).status_code == 200
        link = dashboard.client.get(f"/sign-in?once={dashboard.guard.new_code()}")
        assert link.status_code == 303
        assert dashboard.client.post("/sign-in", data={"token": TOKEN}, headers=own).status_code == 303


def test_large_bodies_are_refused_whether_declared_or_not(shared):
    large = b"x" * 70_000
    answer = shared.client.post("/backfill", **START, content=large, headers=shared.bearer)
    assert (answer.status_code, answer.json()["error"]) == (413, "TOO_LARGE")

    def pieces():
        for _ in range(100):
            yield b"x" * 1000

    try:
        answer = shared.client.post("/backfill", **START, content=pieces(), headers=shared.bearer)
    except httpx2.TransportError:
        return  # The server refused the request before the client had sent the complete body.
    assert answer.status_code == 413
