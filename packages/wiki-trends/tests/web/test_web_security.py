"""Requests that the dashboard refuses: host names, requests from other sites, files; and the headers of every response."""

from __future__ import annotations

import http.client
import re
from urllib.parse import urlsplit

import pytest

from testing.dashboard import PAGE, PATHS, START, TOKEN
from wiki_trends.web.auth.sign_in import COOKIE


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "localhost.", "[::ffff:127.0.0.1]"],
)
def test_another_host_name_is_refused(shared, host):
    address = urlsplit(shared.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
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


FOREIGN = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://localhost"},
    {"Origin": "http://["},
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


def test_an_action_is_no_link(shared):
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH"):
        answer = shared.client.request(method, "/backfill", **START, headers=shared.bearer)
        assert answer.status_code == 405, method


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
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 404, (path, body[:200])
    assert b"import" not in body
    assert b"root:" not in body
    connection.close()
