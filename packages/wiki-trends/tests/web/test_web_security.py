"""Security of the dashboard: hosts, authentication, sessions, cross-site requests, files, limits."""

from __future__ import annotations

import http.client
import re
from urllib.parse import urlsplit

import httpx2
import pytest

from testing.dashboard import TOKEN, serving
from wiki_trends.config.settings import Settings
from wiki_trends.errors import SettingError
from wiki_trends.web.auth.sign_in import COOKIE, TokenGuard
from wiki_trends.web.problems import without_paths
from wiki_trends.web.serve import guard_of

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


def test_paths_are_taken_out_of_sentences_and_addresses_are_not():
    sentence = "the lock /var/lib/x/locks/a.lock cannot be made (/tmp/y): https://en.wikipedia.org/wiki/A/B and 3/4 of it"
    assert (
        without_paths(sentence)
        == "the lock … cannot be made (…): https://en.wikipedia.org/wiki/A/B and 3/4 of it"
    )
    assert without_paths("duckdb:////srv/w.duckdb: x") == "…: x"


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
    good = other._session_cookie(9_999_999_999)
    own = TokenGuard(TOKEN)._session_cookie(1)
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
    cookie = {"Cookie": f"{COOKIE}={shared.guard._session_cookie(9_999_999_999)}"}
    for path in ("/backfill", "/sign-in", "/sign-out"):
        answer = shared.client.post(path, **START, headers={**own, **headers, **cookie})
        assert (answer.status_code, answer.json()["error"]) == (403, "FOREIGN_ORIGIN"), path


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
        statuses = [dashboard.client.get("/runs.json", headers=wrong).status_code for _ in range(12)]
        assert statuses[-1] == 429
        late = dashboard.client.post("/sign-in", data={"token": TOKEN}, headers={"Origin": dashboard.url})
        assert late.status_code == 429
        assert int(late.headers["retry-after"]) > 0


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
