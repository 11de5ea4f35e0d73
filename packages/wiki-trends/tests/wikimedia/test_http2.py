"""The client speaks HTTP/2 with a server that offers it, and HTTP/1.1 with one that does not."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from testing.http2_server import tls_server
from wiki_trends.config.settings import Settings
from wiki_trends.errors import WikimediaUnreachable
from wiki_trends.wikimedia import WikimediaClient
from wiki_trends.wikimedia.probe import probe

LIST = {"items": [{"articles": []}]}
DAYS = [dt.date(2025, 11, 5), dt.date(2025, 11, 6)]


def settings_for(url, tmp_path):
    return Settings(
        wikimedia_url=f"{url}/api/rest_v1",
        mediawiki_url=f"{url}/{{project}}/w/api.php",
        state=str(tmp_path / "state"),
        rate_per_minute=100_000,
        request_timeout=30.0,
        deadline=60.0,
    )


@pytest.mark.parametrize(
    ("offered", "spoken"), [(["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1"), (["h2"], "h2")]
)
def test_the_newest_protocol_that_the_server_offers_is_spoken(tmp_path, monkeypatch, offered, spoken):
    with tls_server(tmp_path, offered, LIST) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        with WikimediaClient(settings_for(server.url, tmp_path)) as client:
            for day in DAYS:
                assert client.top_pages("en.wikipedia", "all-access", day).status == 200

    assert server.used_protocols == [spoken, spoken]
    assert server.connections == 1
    assert all(agent.startswith("wiki-trends/") for agent in server.user_agents)


def test_the_protocol_is_reported_by_a_live_probe(tmp_path, monkeypatch):
    with tls_server(tmp_path, ["h2"], LIST) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        answers = probe(settings_for(server.url, tmp_path), DAYS[0])

    assert [answer.http_version for answer in answers] == ["HTTP/2", "HTTP/2"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("goaway", marks=pytest.mark.long),
        pytest.param("garbage", marks=pytest.mark.long),
        "reset",
        "cut",
    ],
)
def test_a_fault_of_http2_is_retried_and_then_unreachable(tmp_path, monkeypatch, fault):
    with tls_server(tmp_path, ["h2"], LIST, fault) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        with (
            WikimediaClient(
                replace(settings_for(server.url, tmp_path), deadline=20.0, request_timeout=8.0)
            ) as client,
            pytest.raises(WikimediaUnreachable),
        ):
            client.top_pages("en.wikipedia", "all-access", DAYS[0])
    assert len(server.used_protocols) > 1


def test_a_server_whose_certificate_nobody_vouches_for_is_not_asked(tmp_path):
    with tls_server(tmp_path, ["h2"], LIST) as server:
        with (
            WikimediaClient(settings_for(server.url, tmp_path)) as client,
            pytest.raises(WikimediaUnreachable, match="certificate"),
        ):
            client.top_pages("en.wikipedia", "all-access", DAYS[0])
        assert server.used_protocols == []
