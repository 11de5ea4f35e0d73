"""Test who may see and who may act: tokens, links that sign in once, sessions, and servers that other machines can reach."""

from __future__ import annotations

import html
import logging
import re

import httpx2
import pytest

from testing.dashboard import PAGE, PATHS, START, TOKEN, serving
from wiki_trends.config.settings import Settings
from wiki_trends.errors import SettingError
from wiki_trends.web.auth.sessions import Sessions
from wiki_trends.web.auth.sign_in import COOKIE, TokenGuard
from wiki_trends.web.serve import make_guard


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


@pytest.mark.slow
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
    guard = TokenGuard(TOKEN, visible_to_all=False, clock=lambda: now[0])
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


def test_signing_out_ends_the_session_on_the_server_and_over_a_restart(demo_settings, tmp_path):
    revoked = tmp_path / "state" / "revoked-sessions"
    with serving(demo_settings, TokenGuard(TOKEN, visible_to_all=False, revoked_file=revoked)) as dashboard:
        sessions = [{"Cookie": f"{COOKIE}={dashboard.guard.sessions.create()}"} for _ in range(2)]
        for session in sessions:
            assert dashboard.client.get("/runs.json", headers=session).status_code == 200
        out = dashboard.client.post("/sign-out", headers={**sessions[0], "Origin": dashboard.url})
        assert out.status_code == 303
        stolen = [dashboard.client.get("/runs.json", headers=session).status_code for session in sessions]
        assert stolen == [401, 200]
    with serving(demo_settings, TokenGuard(TOKEN, visible_to_all=False, revoked_file=revoked)) as dashboard:
        later = [dashboard.client.get("/runs.json", headers=session).status_code for session in sessions]
        assert later == [401, 200]
    assert TOKEN not in revoked.read_text()


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"x" * 9_000, b"9 \n" * 20_000, b"1e400 a\n-1 b\n"]
)
def test_a_damaged_list_of_revoked_sessions_signs_nobody_out(demo_settings, tmp_path, content):
    file = tmp_path / "revoked-sessions"
    file.write_bytes(content)
    with serving(demo_settings, TokenGuard(TOKEN, visible_to_all=False, revoked_file=file)) as dashboard:
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
        make_guard(Settings(web_token=token), host, hosts)
    assert "short" not in str(raised.value).replace("shorter", "")


def test_a_server_for_others_shows_nothing_to_strangers():
    guard = make_guard(Settings(web_token=TOKEN), "0.0.0.0", ("trends.example.org",))
    assert "trends.example.org" in guard.hosts
    assert not guard._default_visitor.may_see
    assert make_guard(Settings(), "127.0.0.1", ())._default_visitor.may_see


def test_a_list_of_revoked_sessions_that_cannot_be_read_is_not_replaced(tmp_path, monkeypatch, caplog):
    file = tmp_path / "revoked"
    earlier = Sessions(b"key", file)
    earlier.revoke(earlier.create())
    written = file.read_bytes()
    sessions = Sessions(b"key", file)
    with monkeypatch.context() as patched:
        patched.setattr(type(file), "read_text", unreadable)
        revoked = sessions.create()
        sessions.revoke(revoked)
    assert not sessions.is_valid(revoked)
    assert file.read_bytes() == written
    assert "cannot be read" in caplog.text


def unreadable(*_):
    raise PermissionError(13, "Permission denied")
