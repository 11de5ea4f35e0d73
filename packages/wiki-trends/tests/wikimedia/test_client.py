from __future__ import annotations

import datetime as dt
import gzip
import json
import socket
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from testing.scripted_server import ReceivedRequest, Reply, ScriptedServer, replies_in_turn
from wiki_trends.config.settings import Settings
from wiki_trends.errors import ContactMissing, DayNotPublished, RequestRejected, WikimediaUnreachable
from wiki_trends.wikimedia import WikimediaClient

DAY = dt.date(2025, 11, 5)
GOOD = {"items": [{"articles": []}]}
NOT_LOADED = {
    "detail": "The date(s) you used are valid, but we either do not have data for those date(s), or the project you "
    "asked for is not loaded yet. Please check documentation for more information.",
    "method": "get",
    "status": 404,
    "title": "Not Found",
    "type": "about:blank",
    "uri": "/metrics/pageviews/top/en.wikipedia/all-access/2025/11/05",
}


def settings_for(url: str, state, **more) -> Settings:
    values = {"rate_per_minute": 100_000, "request_timeout": 2.0, "deadline": 20.0, "state": str(state)}
    return Settings(
        wikimedia_url=f"{url}/api/rest_v1", mediawiki_url=f"{url}/{{project}}/w/api.php", **(values | more)
    )


@pytest.fixture
def serve(tmp_path):
    opened = []

    def open_client(*replies, answer=None, **more):
        server = ScriptedServer(answer or replies_in_turn(*replies)).__enter__()
        client = WikimediaClient(settings_for(server.url, tmp_path, **more))
        opened.extend([client, server])
        return server, client

    yield open_client
    for client in opened:
        client.__exit__(None, None, None)


def top(client: WikimediaClient):
    return client.top_pages("en.wikipedia", "all-access", DAY)


def test_the_list_comes_byte_for_byte_with_its_origin(serve):
    body = b'{"items" : [{"articles": [{"article": "\xc3\x89t\xc3\xa9", "views": 3, "rank": 1}]}]}\n'
    server, client = serve(Reply(body, headers={"ETag": '"abc"'}, gzipped=True))
    before = dt.datetime.now(tz=dt.UTC)
    answer = top(client)
    assert answer.body == body
    assert answer.url == f"{server.url}/api/rest_v1/metrics/pageviews/top/en.wikipedia/all-access/2025/11/05"
    assert (answer.status, answer.etag) == (200, '"abc"')
    assert before <= answer.fetched_at <= dt.datetime.now(tz=dt.UTC)
    assert "gzip" in server.requests[0].headers["accept-encoding"]


def test_the_user_agent_names_client_contact_and_library(serve):
    server, client = serve(Reply(GOOD), contact="you@example.org", token="s3cret")
    top(client)
    agent = server.requests[0].headers["user-agent"]
    assert agent.startswith("wiki-trends/")
    assert " (you@example.org) httpx2/" in agent
    assert server.requests[0].headers["authorization"] == "Bearer s3cret"


def test_a_contact_beyond_ascii_still_makes_a_header(serve):
    server, client = serve(Reply(GOOD), contact="jürgen@example.org")
    top(client)
    assert "(j%C3%BCrgen@example.org)" in server.requests[0].headers["user-agent"]


def test_connections_are_reused(serve):
    server, client = serve(Reply(GOOD))
    for _ in range(5):
        top(client)
    assert len({request.port for request in server.requests}) == 1


@pytest.mark.parametrize(
    ("setting", "url", "refused"),
    [
        ("wikimedia_url", "https://wikimedia.org/api/rest_v1", True),
        ("mediawiki_url", "https://{project}.org/w/api.php", True),
        ("mediawiki_url", "https://en.wikipedia.org/w/api.php", True),
        ("wikimedia_url", "http://localhost:1/wikimedia.org", False),
        ("wikimedia_url", "http://notwikimedia.org/", False),
    ],
)
def test_live_use_without_a_contact_is_refused(tmp_path, setting, url, refused):
    local = {"wikimedia_url": "http://127.0.0.1:1/", "mediawiki_url": "http://127.0.0.1:1/"}
    values = Settings(state=str(tmp_path), **(local | {setting: url}))
    if refused:
        with pytest.raises(ContactMissing, match="WIKI_TRENDS_CONTACT"):
            WikimediaClient(values)
    else:
        WikimediaClient(values).close()


@pytest.mark.parametrize(
    "body",
    [
        NOT_LOADED,
        NOT_LOADED
        | {"type": "https://mediawiki.org/wiki/HyperSwitch/errors/not_found", "title": "Not found."},
    ],
)
def test_the_apis_own_404_is_a_day_not_published(serve, body):
    server, client = serve(Reply(body, status=404))
    with pytest.raises(DayNotPublished, match="2025-11-05 is not published") as caught:
        top(client)
    assert (caught.value.day, caught.value.project) == (DAY, "en.wikipedia")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(NOT_LOADED | {"detail": "invalid route"}, status=404), "invalid route"),
        (Reply(b"<html>nothing here</html>", status=404), "nothing here"),
        (Reply({"detail": ["Given year/month/day is invalid date", "b"]}, status=400), "invalid date; b"),
        (Reply({"detail": "Given year/month/day is invalid date"}, status=400), "invalid date"),
        (Reply(b"Please respect our robot policy https://w.wiki/4wJS", status=403), "robot policy"),
        (Reply(b"Forbidden", status=403), "Forbidden"),
        (Reply(b"", status=301, headers={"Location": "/elsewhere"}), "301"),
        (
            Reply({"error": {"code": "badvalue", "info": "Unrecognized\nvalue"}}),
            "badvalue: Unrecognized value",
        ),
        (Reply({"errors": [{"code": "unknown_action", "text": "Unrecognized"}]}), "unknown_action: Unrecog"),
    ],
)
def test_our_own_mistakes_are_not_repeated(serve, reply, words):
    server, client = serve(reply)
    with pytest.raises(RequestRejected, match=words) as caught:
        top(client)
    assert caught.value.status == reply.status
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"", status=500),
        Reply(b"upstream", status=503, headers={"Retry-After": "0"}),
        Reply(GOOD, fault="reset"),
        Reply(GOOD, fault="truncate"),
        Reply(GOOD, fault="truncate", gzipped=True),
        Reply(b"\x1f\x8bnot gzip", headers={"Content-Encoding": "gzip"}),
        Reply(b'{"items": [{"arti'),
        Reply(b"<html>Log in to this network</html>"),
        Reply(b"\xff\xfe"),
        Reply(GOOD, fault="stall"),
        Reply({"items": "x" * 200}, fault="drip"),
        Reply(b"slow down", status=429, headers={"Retry-After": "0"}),
        Reply(b"Too many requests", status=403, headers={"Retry-After": "0"}),
        Reply({"error": {"code": "maxlag", "info": "Waiting"}}, headers={"Retry-After": "0"}),
        Reply({"error": {"code": "ratelimited", "info": ""}}, headers={"Retry-After": "0"}),
        Reply({"error": {"code": "internal_api_error_DBQueryError", "info": ""}}),
    ],
    ids=lambda reply: f"{reply.status}-{reply.fault}-{str(reply.body)[:20]}",
)
def test_what_may_pass_is_tried_again(serve, reply):
    server, client = serve(
        reply, Reply(GOOD), request_timeout=2.0 if reply.fault in ("stall", "drip") else 30.0
    )
    assert json.loads(top(client).body) == GOOD
    assert len(server.requests) == 2
    assert (client.counters.requests, client.counters.retries) == (2, 1)


def test_the_robot_policy_slows_down_a_client_that_names_its_contact(serve):
    reply = Reply(b"Please respect our robot policy", status=403, headers={"Retry-After": "0"})
    server, client = serve(reply, Reply(GOOD), contact="you@example.org")
    top(client)
    assert len(server.requests) == 2


def test_retry_after_is_honoured(serve):
    server, client = serve(Reply(b"", status=429, headers={"Retry-After": "1"}), Reply(GOOD))
    top(client)
    first, second = server.requests
    assert second.received_at - first.received_at >= 1.0


def test_a_pause_that_is_ordered_holds_for_other_clients_of_the_machine(serve):
    server, impatient = serve(Reply(b"", status=429, headers={"Retry-After": "1"}), deadline=0.5)
    with pytest.raises(WikimediaUnreachable):
        top(impatient)
    _, other = serve(Reply(GOOD))
    top(other)
    assert time.monotonic() - server.requests[0].received_at >= 1.0


def test_a_pause_beyond_the_deadline_is_not_waited_for(serve):
    server, client = serve(Reply(b"", status=429, headers={"Retry-After": "3600"}))
    with pytest.raises(WikimediaUnreachable, match=r"after 1 try .*slow down"):
        top(client)
    assert len(server.requests) == 1


def test_the_deadline_ends_the_retries(serve):
    server, client = serve(Reply(b"", status=500), deadline=0.6)
    with pytest.raises(WikimediaUnreachable, match="status 500") as caught:
        top(client)
    assert caught.value.attempts == len(server.requests) >= 2


def test_no_answer_at_all_is_unreachable(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with (
        WikimediaClient(settings_for(url, tmp_path, deadline=0.5)) as client,
        pytest.raises(WikimediaUnreachable, match="Check the network"),
    ):
        top(client)


def test_closing_ends_all_waiting_at_once(serve):
    server, client = serve(Reply(b"", status=500, headers={"Retry-After": "15"}))
    failures = []

    def ask() -> None:
        try:
            top(client)
        except WikimediaUnreachable as error:
            failures.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while not server.requests:
        pass
    client.close()
    thread.join()
    assert "closed" in str(failures[0])
    # The second request would have come after the pause of 15 seconds.
    assert len(server.requests) == 1


def test_the_token_is_in_no_message(serve):
    _, client = serve(Reply(b"", status=400), token="s3cret")
    with pytest.raises(RequestRejected) as caught:
        top(client)
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(client._settings)


def pages_of(request: ReceivedRequest) -> Reply:
    """Answers every title as an existing page, normalised as MediaWiki does."""
    titles = request.params["titles"].split("|")
    normal = {title: title.replace("_", " ") for title in titles}
    return Reply(
        {
            "batchcomplete": True,
            "query": {
                "normalized": [
                    {"fromencoded": False, "from": k, "to": v} for k, v in normal.items() if k != v
                ],
                "pages": [
                    {"pageid": 1, "ns": 0, "title": title} for title in reversed(list(normal.values()))
                ],
            },
        }
    )


def test_titles_are_asked_fifty_at_a_time_in_parallel_within_the_limit(serve):
    server, client = serve(answer=pages_of, max_in_flight=3)
    titles = [f"Page_{number}" for number in range(501)]
    facts_by_title = client.pages("en.wikipedia", titles)
    assert sorted(facts_by_title) == sorted(titles)
    assert facts_by_title["Page_7"].title == "Page 7"
    assert len(server.requests) == 11
    assert all(request.path == "/en.wikipedia/w/api.php" for request in server.requests)
    assert 1 <= server.peak_in_flight <= 3


def test_short_queries_are_get_and_long_ones_post(serve):
    server, client = serve(answer=pages_of)
    long_titles = ["é" * 120 + str(number) for number in range(50)]
    assert len(client.pages("en.wikipedia.org", long_titles)) == 50
    client.pages("en.wikipedia", ["A"])
    assert [request.method for request in server.requests] == ["POST", "GET"]
    assert server.requests[0].headers["promise-non-write-api-action"] == "true"
    assert server.requests[0].path == server.requests[1].path


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    titles=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40), max_size=60)
)
def test_any_title_arrives_as_it_is(echo, titles):
    client, seen = echo
    seen.clear()
    facts_by_title = client.pages("en.wikipedia", titles)
    assert set(facts_by_title) == set(titles)
    requestable = {t for t in titles if t.strip("_ ") and "|" not in t and "\x1f" not in t}
    assert seen == requestable


@pytest.fixture
def echo(tmp_path):
    seen: set[str] = set()

    def answer(request: ReceivedRequest) -> Reply:
        seen.update(request.params["titles"].split("|"))
        return pages_of(request)

    with (
        ScriptedServer(answer) as server,
        WikimediaClient(settings_for(server.url, tmp_path, rate_per_minute=1_000_000)) as client,
    ):
        yield client, seen


def test_a_batch_follows_its_continuation_to_the_end(serve):
    first = {
        "continue": {"clcontinue": "1|B", "continue": "||coordinates"},
        "query": {
            "pages": [{"pageid": 1, "ns": 0, "title": "A", "categories": [{"ns": 14, "title": "Category:X"}]}]
        },
    }
    second = {
        "batchcomplete": True,
        "query": {
            "pages": [{"pageid": 1, "ns": 0, "title": "A", "categories": [{"ns": 14, "title": "Category:Y"}]}]
        },
    }
    server, client = serve(Reply(first), Reply(second))
    assert client.pages("en.wikipedia", ["A"])["A"].categories == ("X", "Y")
    assert server.requests[1].params["clcontinue"] == "1|B"
    assert server.requests[1].params["continue"] == "||coordinates"
    assert server.requests[1].params["titles"] == "A"


def test_a_continuation_that_never_ends_is_given_up(serve):
    _, client = serve(Reply({"continue": {"continue": "x"}, "query": {}}))
    with pytest.raises(RequestRejected, match="never ends"):
        client.pages("en.wikipedia", ["A"])


def test_one_failed_batch_fails_the_whole_and_keeps_what_came(serve):
    def answer(request: ReceivedRequest) -> Reply:
        return Reply(b"", status=400) if "Page_60" in request.params["titles"] else pages_of(request)

    _, client = serve(answer=answer, max_in_flight=1)
    kept = {}
    batches = client.page_batches("en.wikipedia", [f"Page_{number}" for number in range(100)])
    with pytest.raises(RequestRejected):
        kept.update(pair for batch in batches for pair in batch.items())
    assert len(kept) == 50


def test_a_twin_counts_for_itself(serve):
    _, client = serve(Reply(GOOD))
    twin = client.counted()
    top(twin)
    assert (twin.counters.requests, client.counters.requests) == (1, 0)


def test_an_unknown_wiki_is_our_mistake(serve):
    _, client = serve(Reply(NOT_LOADED, status=404))
    with pytest.raises(RequestRejected, match="no such wiki"):
        client.site_info("xx.wikipedia")


def test_a_body_without_end_is_cut(serve, monkeypatch):
    monkeypatch.setattr("wiki_trends.wikimedia.transport.MAX_BODY_BYTES", 1000)
    bomb = Reply(gzip.compress(b" " * 100_000), headers={"Content-Encoding": "gzip"})
    _, client = serve(bomb, Reply(GOOD))
    top(client)
    assert client.counters.retries == 1


def test_http_2_is_offered_to_servers_that_speak_tls(tmp_path):
    """The client's TLS greeting names `h2` beside `http/1.1` (RFC 7301), so that the server chooses."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        greeting = []

        def read_greeting() -> None:
            connection, _ = listener.accept()
            with connection:
                greeting.append(connection.recv(65536))

        thread = threading.Thread(target=read_greeting)
        thread.start()
        with (
            WikimediaClient(settings_for(url, tmp_path, deadline=0.5)) as client,
            pytest.raises(WikimediaUnreachable),
        ):
            top(client)
        thread.join(10)
    assert b"\x02h2" in greeting[0]
    assert b"\x08http/1.1" in greeting[0]
