"""`wiki-trends serve` as a process: its output, access, shutdown, and refusals to start."""

from __future__ import annotations

import re
import signal
import socket
from contextlib import contextmanager

import httpx2
import pytest


@contextmanager
def served(place, *arguments):
    """A server as a process, and its address."""
    process = place.start("serve", "--port", "0", *arguments)
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_and_a_link_and_ends_although_somebody_listens(place, number):
    place.write_days("2025-11-09")
    with served(place, "--as-of", "2025-11-12") as (process, address):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        assert process.stderr.readline() == "To sign in, open this link, which works once:\n"
        link = process.stderr.readline().strip()
        assert link.startswith(f"{address}sign-in?once=")
        with httpx2.Client(base_url=address, timeout=120) as client:
            assert client.get("/completeness.json").json()["as_of"] == "2025-11-12"
            assert client.get(link).status_code == 303
            with client.stream("GET", "/events") as stream:
                assert next(stream.iter_lines()).startswith("retry")
                process.send_signal(number)
                process.wait(60)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--host", "0.0.0.0"), "no token is set. Set WIKI_TRENDS_WEB_TOKEN"),
        (("--allow-host", "trends.example.org"), "no token is set. Set WIKI_TRENDS_WEB_TOKEN"),
        (("--as-of", "yesterday"), "--as-of"),
    ],
)
def test_it_does_not_start_open_to_everybody(place, arguments, says):
    ran = place.run("serve", "--port", "0", *arguments)
    assert (ran.code, says in ran.err) == (2, True), ran.err
    assert ran.out == ""


def test_a_port_that_is_taken_is_told(place):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = place.run("serve", "--port", str(port))
    assert ran.code == 2
    assert f"127.0.0.1:{port}" in ran.err
    assert "Name another port" in ran.err


def test_the_token_is_never_printed(place, monkeypatch):
    monkeypatch.setenv("WIKI_TRENDS_WEB_TOKEN", "hunter2-hunter2-hunter2")
    with served(place, "--host", "0.0.0.0", "--allow-host", "trends.example.org", "-v") as (process, address):
        headers = {"Authorization": "Bearer hunter2-hunter2-hunter2", "Host": "trends.example.org"}
        assert httpx2.get(f"{address}runs.json", headers=headers).status_code == 200
        assert httpx2.get(f"{address}runs.json").status_code == 401
        process.terminate()
        out, err = process.communicate(timeout=60)
        assert "hunter2" not in address + out + err
