"""The probe of Wikimedia's list: what each response means, and that it keeps to the limits of the machine."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from smart_orchestrator.upstream.probe import Presence
from testing.scripted_server import Reply, ScriptedServer
from wiki_trends.config.settings import Settings
from wiki_trends.errors import ContactMissing
from wiki_trends.wikimedia.limiter import Limiter
from wiki_trends.wikimedia.list_probe import ListProbe

DAY = dt.date(2025, 11, 5)
NOW = dt.datetime(2025, 11, 6, 7, 0, tzinfo=dt.UTC)
LIST = {"items": [{"project": "fr.wikipedia", "articles": []}]}
NOT_LOADED = {"detail": "The date(s) you used are valid, but we either do not have data", "status": 404}


def ask(reply, tmp_path, **settings):
    """Ask about a day of a server that gives this reply, and return the answer and the requests."""
    with ScriptedServer(lambda _: reply) as server:
        found = replace(
            Settings(),
            project="fr.wikipedia",
            access="desktop",
            wikimedia_url=server.url,
            mediawiki_url=f"{server.url}/{{project}}/w/api.php",
            state=str(tmp_path),
            request_timeout=1.0,
            **settings,
        )
        return ListProbe(found).ask(DAY, NOW), server.requests


@pytest.mark.parametrize(
    ("reply", "presence", "minutes"),
    [
        (Reply(LIST, 200, {"Cache-Control": "s-maxage=14400, max-age=14400"}), Presence.LANDED, 240),
        (Reply(NOT_LOADED, 404), Presence.NOT_YET, 30),
        (Reply(NOT_LOADED, 404, {"Cache-Control": "max-age=14400"}), Presence.NOT_YET, 240),
        (Reply(NOT_LOADED, 404, {"Cache-Control": "no-cache"}), Presence.NOT_YET, 0),
        (Reply({"detail": "invalid route", "type": "about:blank"}, 404), Presence.UNKNOWN, 5),
        (Reply(b"Not found", 404), Presence.UNKNOWN, 5),
        (Reply(b"{", 200), Presence.UNKNOWN, 5),
        (Reply(b"too many", 429, {"Retry-After": "55"}), Presence.UNKNOWN, 55 / 60),
        (Reply(b"too many", 403, {"Retry-After": "600"}), Presence.UNKNOWN, 10),
        (Reply(b"Please respect our robot policy", 403), Presence.UNKNOWN, 60),
        (Reply({}, 401), Presence.UNKNOWN, 5),
        (Reply(b"", 503), Presence.UNKNOWN, 5),
        (Reply(fault="reset"), Presence.UNKNOWN, 5),
    ],
)
def test_only_the_404_of_the_api_means_not_yet(reply, presence, minutes, tmp_path):
    answer, requests = ask(reply, tmp_path)

    assert answer.presence is presence
    assert (answer.until - NOW) / dt.timedelta(minutes=1) == pytest.approx(minutes)
    assert [(request.method, request.path) for request in requests] == [
        ("GET", "/metrics/pageviews/top/fr.wikipedia/desktop/2025/11/05")
    ]
    assert answer.url.endswith("/fr.wikipedia/desktop/2025/11/05")


def test_a_throttled_probe_slows_every_process_of_the_machine(tmp_path):
    ask(Reply(b"too many", 429, {"Retry-After": "55"}), tmp_path)
    limiter = Limiter(tmp_path / "limits", max_in_flight=3, rate_per_minute=200)

    assert 50 < limiter._reserve_token(600.0) <= 55


def test_without_a_contact_wikimedia_is_not_asked(tmp_path):
    with pytest.raises(ContactMissing):
        ListProbe(replace(Settings(), state=str(tmp_path))).ask(DAY, NOW)
