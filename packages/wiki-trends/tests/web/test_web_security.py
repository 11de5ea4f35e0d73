"""Security of the dashboard: hosts, authentication, sessions, cross-site requests, files, limits."""

from __future__ import annotations

import asyncio
import html
import http.client
import logging
import re
import shutil
import socket
import time
from contextlib import ExitStack
from urllib.parse import quote, urlsplit

import httpx2
import pytest

from smart_orchestrator.errors import RunsError
from smart_orchestrator.model.run import Failure, Run, RunState
from testing.dashboard import TOKEN, published, running, serving, settings_of
from testing.window_data import row
from wiki_trends.config.settings import Settings
from wiki_trends.errors import SettingError
from wiki_trends.web import create_app
from wiki_trends.web.auth.sign_in import COOKIE, TokenGuard
from wiki_trends.web.cache.cache import Cache
from wiki_trends.web.public_text import PublicText
from wiki_trends.web.serve import guard_of, proxies_of
from wiki_trends.web.views.actions import MAX_LISTENERS_PER_CALLER

PAGE = {"Accept": "text/html"}
START = {"params": {"day": "2025-11-07"}}
PATHS = (
    "/", "/pages", "/page?title=Legend_of_Gatanor", "/categories", "/category?name=Sports", "/completeness",
    "/day?day=2025-11-07", "/runs", "/left-out", "/feed.atom", "/overview.json", "/overview.csv", "/runs.json",
    "/completeness.csv", "/openapi.json", "/sign-in", "/static/app.js", "/no/such/page", "/day?day=yesterday",
)  # fmt: skip


@pytest.fixture
def closed(demo_settings):
    """A dashboard as other machines reach it: nothing is shown without the token."""
    with serving(demo_settings, TokenGuard(TOKEN, ["trends.example.org"], sees_all=False)) as dashboard:
        yield dashboard


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "localhost.", "[::ffff:127.0.0.1]"],
)
def test_another_host_name_is_refused(shared, host):
    address = urlsplit(shared.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    connection.putrequest("GET", "/overview.json", skip_host=True)
    connection.putheader("Host", host)
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, b"UNKNOWN_HOST" in answer.read()) == (400, True)
    connection.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LocalHost"])
def test_the_names_of_this_machine_are_known(shared, host):
    port = urlsplit(shared.url).port
    assert shared.client.get("/health", headers={"Host": f"{host}:{port}"}).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_forbids_what_we_do_not_send(shared, path):
    answer = shared.client.get(path, headers=PAGE)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert "server" not in answer.headers
    if "html" in answer.headers["content-type"]:
        assert not re.search(
            r"<script(?![^>]*(\bsrc=|application/json))|\son\w+=|\sstyle=|<style", answer.text
        )


@pytest.mark.parametrize("path", PATHS)
def test_no_answer_names_a_path_or_the_token(shared, demo_folder, path):
    text = shared.client.get(path, headers=PAGE).text
    assert str(demo_folder) not in text
    assert "/tmp/" not in text
    assert TOKEN not in text


def test_paths_are_taken_out_of_sentences_and_addresses_are_not(tmp_path):
    place = tmp_path / "my data"
    public = PublicText(settings_of(place, lake=f"{place}/lake/{{layer}}", state=f"{place}/state"))
    for text, shown in (
        (
            f"{place}/lake/diamond/x_2025.csv/part-0.csv cannot be read",
            "diamond/x_2025.csv/part-0.csv cannot be read",
        ),
        (f"the lock {place}/state/locks/a.lock is held", "the lock (state)/locks/a.lock is held"),
        (f"duckdb:///{place}/warehouse.duckdb: x", "(warehouse): x"),
        (f"file://{place}/lake/gold: x", "gold: x"),
        (f"'{place}/lake/silver', ({place}/lake)", "'silver', ((lake))"),
    ):
        assert public.clean(text) == shown
    for text in (
        "https://en.wikipedia.org/wiki/A/B and 3/4 of it",
        "the pages /r/science, /dev/null and AC/DC",
        f"https://x.example{place}/lake/diamond",
        "s3://bucket/diamond/x.csv",
    ):
        assert public.clean(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:pass-of-a-user@w.example/api?x=1", "https://***@w.example/api?x=1"),
        ("postgresql://me:pass-of-a-user@db/x: no answer", "postgresql://***@db/x: no answer"),
        ("s3://key@bucket/x", "s3://***@bucket/x"),
        ("a token-of-wikimedia in it", "a *** in it"),
        (
            "https://en.wikipedia.org/wiki/@x and me@example.org",
            "https://en.wikipedia.org/wiki/@x and me@example.org",
        ),
    ],
)
def test_secrets_are_taken_out_of_texts(tmp_path, text, shown):
    assert PublicText(settings_of(tmp_path, token="token-of-wikimedia")).clean(text) == shown


SECRET = "hunter2-of-the-proxy"


class FailingRunner:
    """A runner whose run of each day has failed with a message that holds a password."""

    def latest(self, days):
        message = f"No answer from https://me:{SECRET}@wikimedia.example/api; {SECRET} was refused, {quote(SECRET)}."
        return {
            day: Run(
                f"{day}.1",
                day,
                1,
                RunState.FAILED,
                failure=Failure.ERROR,
                message=message,
                url=f"http://u:{SECRET}@a/",
            )
            for day in days
        }

    poll_seconds, in_process, capacity = 0.1, False, None

    def start(self, day):
        raise RunsError(
            f"https://me:{SECRET}@airflow.example",
            f"{SECRET} is not accepted for {day}",
            f"Correct {SECRET}.",
        )

    def poll(self, runs):
        return list(runs)


def test_no_page_or_document_shows_a_password(demo_copy, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    shutil.rmtree(demo_copy / "lake/diamond/diamond_final_2025_11_07.csv")
    settings = settings_of(demo_copy, wikimedia_url=f"https://me:{SECRET}@wikimedia.example/api")
    with serving(settings, runs=FailingRunner()) as dashboard:
        dashboard.client.post("/backfill", **START, headers=dashboard.bearer)
        seen = ""
        for path in (
            *PATHS,
            "/day.json?day=2025-11-07",
            "/completeness.json",
            "/runs.csv",
            "/health",
            "/day.csv?day=2025-11-07",
        ):
            for accept in ("text/html", "application/json"):
                seen += dashboard.client.get(path, headers={"Accept": accept}).text
    assert SECRET not in seen
    assert "No answer from https://***@wikimedia.example/api" in html.unescape(seen)


def test_a_link_of_a_page_that_leaves_the_project_is_not_one(tmp_path):
    links = {
        "Good": "https://en.wikipedia.org/wiki/Good",
        "User": "https://en.wikipedia.org@evil.example/",
        "Host": "https://evil.example/en.wikipedia.org",
        "Suffix": "https://en.wikipedia.org.evil.example/wiki/A",
        "Other": "https://de.wikipedia.org/wiki/A",
    }
    day = [row(page, 1000 - at, at + 1, link=link) for at, (page, link) in enumerate(links.items())]
    later = [{**record, "views": record["views"] * 20} for record in day]
    with serving(published(tmp_path, [day, day, later])) as dashboard:
        pages = {
            page: dashboard.client.get("/page", params={"title": page}, headers=PAGE).text for page in links
        }
        feed = dashboard.client.get("/feed.atom").text
    assert f'href="{links["Good"]}"' in pages["Good"]
    for page in ("User", "Host", "Suffix", "Other"):
        assert f'href="{links[page]}' not in pages[page], page
    assert "evil.example" not in feed


def test_streams_are_bounded_for_each_caller(demo_settings):
    with serving(demo_settings) as dashboard, ExitStack() as open_streams:
        own = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
        client = open_streams.enter_context(httpx2.Client(base_url=dashboard.url, limits=own, timeout=60))
        statuses, readers = [], []
        for _ in range(MAX_LISTENERS_PER_CALLER + 1):
            stream = open_streams.enter_context(client.stream("GET", "/events"))
            statuses.append(stream.status_code)
            if stream.status_code == 200:
                # A reader that is collected closes its stream.
                readers.append(stream.iter_lines())
                assert next(readers[-1]).startswith("retry")
        assert statuses == [200] * MAX_LISTENERS_PER_CALLER + [429]
        with client.stream("GET", "/events", headers=dashboard.bearer) as other:
            assert other.status_code == 200


def test_remembered_values_are_bounded_for_each_owner():
    async def flooded():
        async def make():
            return object()

        cache = Cache(10, 3)
        mine = await cache.get("mine", make, owner="me")
        for number in range(50):
            await cache.get(("flood", number), make, owner="flood")
        assert await cache.get("mine", make, owner="me") is mine
        assert len(cache) <= 10
        for number in range(50):
            await cache.get(("many", number), make, owner=f"caller {number}")
        assert len(cache) <= 10

    asyncio.run(flooded())


def test_looking_is_free_on_this_machine_and_acting_is_not(shared):
    assert shared.client.get("/overview.json").status_code == 200
    own = {"Origin": shared.url}
    for headers in (
        own,
        {**own, "Cookie": f"{COOKIE}=x.y"},
        {"Authorization": "Bearer wrong-token-wrong-token"},
    ):
        answer = shared.client.post("/backfill", **START, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (401, "SIGN_IN"), headers
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_shown_elsewhere_without_signing_in(closed, path):
    answer = closed.client.get(path)
    public = path.startswith(("/static/", "/sign-in"))
    assert answer.status_code == (200 if public else 401)
    if not public:
        assert answer.json()["error"] == "SIGN_IN"


def test_the_token_in_a_header_opens_everything(closed):
    assert closed.client.get("/overview.json", headers=closed.bearer).status_code == 200
    answer = closed.client.post("/backfill", **START, headers=closed.bearer)
    assert (answer.status_code, answer.json()["error"]) == (409, "NOTHING_TO_START")


def test_the_token_in_the_form_becomes_a_cookie_that_scripts_and_other_sites_cannot_use(closed):
    form = {"token": TOKEN, "next": "/day?day=2025-11-07"}
    answer = closed.client.post("/sign-in", data=form, headers={"Origin": closed.url})
    assert (answer.status_code, answer.headers["location"]) == (303, "/day?day=2025-11-07")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    assert closed.client.get("/overview.json").status_code == 200
    out = closed.client.post("/sign-out", headers={"Origin": closed.url})
    assert out.status_code == 303
    assert closed.client.get("/overview.json").status_code == 401


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:1", ""]
)
def test_signing_in_leads_to_no_other_site(closed, wanted):
    form = {"token": TOKEN, "next": wanted}
    answer = closed.client.post("/sign-in", data=form, headers={"Origin": closed.url})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_a_link_signs_in_once(closed):
    link = f"/sign-in?once={closed.guard.new_code()}"
    first = closed.client.get(link)
    assert (first.status_code, first.headers["location"]) == (303, "/")
    with httpx2.Client(base_url=closed.url) as other:
        assert other.get(link).json()["error"] == "LINK_SPENT"


def test_a_link_grows_old_and_so_does_a_session(demo_settings):
    now = [1_000_000.0]
    guard = TokenGuard(TOKEN, sees_all=False, clock=lambda: now[0])
    with serving(demo_settings, guard) as dashboard:
        link = f"/sign-in?once={guard.new_code()}"
        late = f"/sign-in?once={guard.new_code()}"
        assert dashboard.client.get(link).status_code == 303
        assert dashboard.client.get("/runs.json").status_code == 200
        now[0] += 3601
        assert dashboard.client.get(late).json()["error"] == "LINK_SPENT"
        now[0] += 8 * 86_400
        assert dashboard.client.get("/runs.json").status_code == 401


def test_a_cookie_of_another_token_or_a_longer_life_is_nobodys(closed):
    other = TokenGuard("another-token-0123456789")
    good = other.sessions.create(9_999_999_999)
    own = TokenGuard(TOKEN).sessions.create(1)
    for cookie in (
        good,
        own,
        own.replace("1.", "9999999999.", 1),
        "9" * 5000,
        "-1.x",
        "\u0661.x".encode(),
        ".",
    ):
        raw = cookie if isinstance(cookie, bytes) else cookie.encode()
        answer = closed.client.get("/runs.json", headers={"Cookie": f"{COOKIE}=".encode() + raw})
        assert answer.status_code == 401, cookie


FOREIGN = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://localhost"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_post_from_another_site_is_refused_although_the_cookie_comes_with_it(shared, headers):
    own = {"Origin": shared.url} if "Sec-Fetch-Site" in headers else {}
    cookie = {"Cookie": f"{COOKIE}={shared.guard.sessions.create(9_999_999_999)}"}
    for path in ("/backfill", "/sign-in", "/sign-out"):
        answer = shared.client.post(path, **START, headers={**own, **headers, **cookie})
        assert (answer.status_code, answer.json()["error"]) == (403, "FOREIGN_ORIGIN"), path


@pytest.mark.parametrize(
    "value",
    ["Basic YTpi", "Bearer", "Digest x", "Token " + TOKEN, "Bearer wrong-token-0123456789", "x"],
)
@pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
def test_only_a_valid_bearer_token_exempts_from_the_origin_check(shared, value, origin):
    headers = {"Cookie": f"{COOKIE}={shared.guard.sessions.create()}", "Authorization": value}
    if origin is not None:
        headers["Origin"] = origin
    for path in ("/backfill", "/sign-out"):
        answer = shared.client.post(path, **START, headers=headers)
        assert answer.status_code in (401, 403, 429), (path, answer.text)
    own = {**headers, "Authorization": f"Bearer {TOKEN}"}
    answer = shared.client.post("/backfill", **START, headers=own)
    assert answer.json()["error"] == "NOTHING_TO_START"


def test_signing_out_ends_the_session_on_the_server_and_over_a_restart(demo_settings, tmp_path):
    revoked = tmp_path / "state" / "revoked-sessions"
    with serving(demo_settings, TokenGuard(TOKEN, sees_all=False, revoked_file=revoked)) as dashboard:
        sessions = [{"Cookie": f"{COOKIE}={dashboard.guard.sessions.create()}"} for _ in range(2)]
        for session in sessions:
            assert dashboard.client.get("/runs.json", headers=session).status_code == 200
        out = dashboard.client.post("/sign-out", headers={**sessions[0], "Origin": dashboard.url})
        assert out.status_code == 303
        stolen = [dashboard.client.get("/runs.json", headers=session).status_code for session in sessions]
        assert stolen == [401, 200]
    with serving(demo_settings, TokenGuard(TOKEN, sees_all=False, revoked_file=revoked)) as dashboard:
        later = [dashboard.client.get("/runs.json", headers=session).status_code for session in sessions]
        assert later == [401, 200]
    assert TOKEN not in revoked.read_text()


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"x" * 9_000, b"9 \n" * 20_000, b"1e400 a\n-1 b\n"]
)
def test_a_damaged_list_of_revoked_sessions_signs_nobody_out(demo_settings, tmp_path, content):
    file = tmp_path / "revoked-sessions"
    file.write_bytes(content)
    with serving(demo_settings, TokenGuard(TOKEN, sees_all=False, revoked_file=file)) as dashboard:
        cookie = {"Cookie": f"{COOKIE}={dashboard.guard.sessions.create()}"}
        assert dashboard.client.get("/runs.json", headers=cookie).status_code == 200
        assert (
            dashboard.client.post("/sign-out", headers={**cookie, "Origin": dashboard.url}).status_code == 303
        )
        assert dashboard.client.get("/runs.json", headers=cookie).status_code == 401


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        ("/day?day=2025-11-07", True),
        ("https://evil.example/", False),
        ("//evil.example/", False),
        ("/\\evil.example", False),
        ("/" + "a" * 3000, False),
        ('/"><script>alert(1)</script>', True),
    ],
)
def test_the_way_back_survives_a_wrong_token_and_stays_on_this_site(closed, wanted, kept):
    form = {"token": "not-the-token-at-all", "next": wanted}
    answer = closed.client.post("/sign-in", data=form, headers={**PAGE, "Origin": closed.url})
    assert answer.status_code == 401
    field = re.search(r'name="next" value="([^"]*)"', answer.text)
    assert (html.unescape(field[1]) if field else None) == (wanted if kept else None)
    asked = closed.client.get("/sign-in", params={"next": wanted}, headers=PAGE).text
    assert ("evil.example" in asked) is False


def test_sign_ins_refusals_and_backfills_are_logged_without_the_token(demo_settings, caplog):
    caplog.set_level(logging.INFO, "wiki_trends.web")
    with serving(demo_settings, TokenGuard(TOKEN)) as dashboard:
        own = {"Origin": dashboard.url}
        dashboard.client.post("/sign-in", data={"token": "wrong-wrong-wrong-wrong"}, headers=own)
        dashboard.client.post("/sign-in", data={"token": TOKEN}, headers=own)
        dashboard.client.post("/backfill", **START, headers={"Origin": "https://evil.example"})
        dashboard.client.get("/runs.json", headers={"Host": "evil.example"})
        dashboard.client.post("/sign-out", headers=own)
    for line in (
        "refused a wrong token, from 127.0.0.1",
        "signed in, from 127.0.0.1",
        "FOREIGN_ORIGIN, from 127.0.0.1",
        "UNKNOWN_HOST, from 127.0.0.1",
        "signed out, from 127.0.0.1",
    ):
        assert line in caplog.text, line
    assert TOKEN not in caplog.text
    assert "wrong-wrong" not in caplog.text


@pytest.mark.parametrize("proxies", [(), ("192.0.2.1",), ("127.0.0.0/8",)])
def test_the_callers_address_is_the_proxied_one_behind_a_named_proxy_only(demo_settings, caplog, proxies):
    caplog.set_level(logging.INFO, "wiki_trends.web")
    app = create_app(demo_settings, guard=TokenGuard(TOKEN))
    with running(app, proxies=proxies) as url:
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
        proxies_of([proxy])


@pytest.mark.parametrize("path", PATHS)
def test_head_is_answered_as_get_without_a_body(shared, path):
    address = urlsplit(shared.url)
    answers = []
    for method in ("GET", "HEAD"):
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        connection.request(method, path, headers=PAGE)
        answer = connection.getresponse()
        answers.append(
            (answer.status, answer.headers["content-type"], answer.headers["etag"], len(answer.read()))
        )
        connection.close()
    assert answers[0][:3] == answers[1][:3]
    assert answers[1][3] == 0


def test_head_of_the_events_and_of_a_link_ends_and_spends_nothing(closed):
    code = closed.guard.new_code()
    assert closed.client.head(f"/sign-in?once={code}").status_code == 200
    assert closed.client.head("/events", headers=closed.bearer).status_code == 200
    assert closed.client.get(f"/sign-in?once={code}").status_code == 303


def dribble(url, first, piece):
    """Send `first`, then a byte of `piece` now and then, until the server closes; what it sent until then."""
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
    with running(app, request_seconds=0.5) as url:
        received = dribble(url, first, piece)
        assert status in received
        assert httpx2.get(f"{url}/overview.json", timeout=60).status_code == 200
    assert "Traceback" not in caplog.text


def test_a_stream_outlives_the_deadline_of_its_request(demo_settings):
    app = create_app(demo_settings, guard=TokenGuard(TOKEN))
    with (
        running(app, request_seconds=0.3) as url,
        httpx2.stream("GET", f"{url}/events", timeout=60) as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines).startswith("retry")
        while not next(lines).startswith("event: changed"):
            pass
        time.sleep(1)
        assert not stream.is_closed


def test_an_action_is_no_link(shared):
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH"):
        answer = shared.client.request(method, "/backfill", **START, headers=shared.bearer)
        assert answer.status_code == 405, method


def test_actions_and_guesses_are_counted(demo_settings):
    with serving(demo_settings) as dashboard:
        statuses = [
            dashboard.client.post("/backfill", **START, headers=dashboard.bearer).status_code
            for _ in range(70)
        ]
        assert statuses.count(409) in range(60, 65)
        assert statuses[-1] == 429
        wrong = {"Authorization": "Bearer not-the-token-at-all"}
        answers = [dashboard.client.get("/runs.json", headers=wrong) for _ in range(12)]
        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["retry-after"]) > 0


def test_wrong_tokens_lock_out_wrong_tokens_only(demo_settings):
    with serving(demo_settings, TokenGuard(TOKEN, sees_all=False)) as dashboard:
        own = {"Origin": dashboard.url}
        guesses = [
            dashboard.client.post("/sign-in", data={"token": f"guess-{at}"}, headers=own) for at in range(15)
        ]
        assert guesses[-1].status_code == 429
        assert dashboard.client.get("/runs.json", headers=dashboard.bearer).status_code == 200
        link = dashboard.client.get(f"/sign-in?once={dashboard.guard.new_code()}")
        assert link.status_code == 303
        assert dashboard.client.post("/sign-in", data={"token": TOKEN}, headers=own).status_code == 303


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/..%5capp.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/vendor/../../model.py",
        "/static/__init__.py",
        "/static/__pycache__/__init__.cpython-311.pyc",
        "/static/__pycache__/__init__.cpython-312.pyc",
        "/static/vendor/vega.LICENSE",
        "/static/vendor/world.json",
        "/static/vendor",
        "/static/",
        "/static/templates/base.html",
        "/static/../templates/base.html",
        "/static/%00",
    ],
)
def test_no_path_leads_out_of_the_static_files(shared, path):
    address = urlsplit(shared.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 404, (path, body[:200])
    assert b"import" not in body
    assert b"root:" not in body
    connection.close()


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
        return  # It was refused before all of it was sent.
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("host", "hosts", "token", "problem"),
    [
        ("0.0.0.0", (), "", "no token is set"),
        ("192.0.2.1", (), "", "no token is set"),
        ("trends.internal", (), "", "no token is set"),
        ("127.0.0.1", ("trends.example.org",), "", "no token is set"),
        ("0.0.0.0", (), "short", "shorter than 16"),
        ("127.0.0.1", (), "short", "shorter than 16"),
    ],
)
def test_what_would_be_open_to_everybody_does_not_start(host, hosts, token, problem):
    with pytest.raises(SettingError, match=problem) as raised:
        guard_of(Settings(web_token=token), host, hosts)
    assert "short" not in str(raised.value).replace("shorter", "")


def test_a_server_for_others_shows_nothing_to_strangers():
    guard = guard_of(Settings(web_token=TOKEN), "0.0.0.0", ("trends.example.org",))
    assert "trends.example.org" in guard.hosts
    assert not guard._default_visitor.may_see
    assert guard_of(Settings(), "127.0.0.1", ())._default_visitor.may_see
