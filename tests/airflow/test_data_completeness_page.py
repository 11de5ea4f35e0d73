"""The page in Airflow's UI: under Airflow's sign-in and rights, and in a browser."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path

import httpx2
import pytest

SCREENSHOT = Path(__file__).parents[2] / "docs" / "data-completeness.png"
PREFIX = "/data-completeness"
READ = (
    "/completeness",
    "/completeness.json",
    "/day?day=2025-11-05",
    "/runs",
    "/",
    "/openapi.json",
    "/events",
)
COOKIE = "_token"


def token(stack, user):
    body = {"username": user, "password": stack.passwords[user]}
    return httpx2.post(f"{stack.url}/auth/token", json=body).json()["access_token"]


@pytest.fixture(scope="module")
def tokens(stack):
    stack.until_parsed("wiki_trending_pipeline")
    return {user: token(stack, user) for user in ("admin", "viewer")}


@pytest.fixture
def ask(stack):
    """A request to the page; `user` by the session's cookie, as a browser has it."""

    def asked(method, path, cookie=None, **headers):
        if cookie:
            headers["cookie"] = f"{COOKIE}={cookie}"
        return httpx2.request(method, f"{stack.url}{PREFIX}{path}", headers=headers, timeout=30)

    return asked


def runs_of_pipeline(stack):
    return {
        item["dag_run_id"] for item in stack.api.pages("/dags/wiki_trending_pipeline/dagRuns", "dag_runs")
    }


@pytest.mark.parametrize("path", READ)
def test_who_has_not_signed_in_sees_nothing(ask, tokens, path):
    for wrong in ({}, {"authorization": "Bearer nonsense"}, {"cookie": f"{COOKIE}=nonsense"}):
        assert ask("GET", path, **wrong).status_code == 401
    assert ask("GET", path, tokens["admin"], authorization="Basic YTpi").status_code == 401


def test_who_may_see_the_dag_sees_the_page(ask, tokens):
    for user in tokens:
        found = ask("GET", "/completeness.json", tokens[user])
        assert found.status_code == 200, found.text
        assert ask("GET", "/completeness.json", authorization=f"Bearer {tokens[user]}").status_code == 200


def test_who_may_only_look_starts_nothing(ask, stack, tokens):
    before = runs_of_pipeline(stack)
    day = "/backfill?day=2025-10-01"
    assert ask("POST", day, tokens["viewer"], origin=stack.url).status_code == 403
    assert ask("POST", day, authorization=f"Bearer {tokens['viewer']}").status_code == 403
    assert ask("POST", day, origin=stack.url).status_code == 401
    assert runs_of_pipeline(stack) == before


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {},
        {"origin": "own", "sec-fetch-site": "cross-site"},
        {"origin": "https://elsewhere.example", "authorization": "Basic YTpi"},
    ],
    ids=["foreign origin", "no origin of its own", "none", "cross-site", "with credentials in the address"],
)
def test_no_other_site_starts_anything_with_a_visitors_cookie(ask, stack, tokens, headers):
    before = runs_of_pipeline(stack)
    if headers.get("origin") == "own":
        headers = headers | {"origin": stack.url}
    answer = ask("POST", "/backfill?day=2025-10-01", tokens["admin"], **headers)
    assert answer.status_code in (401, 403), answer.text
    assert runs_of_pipeline(stack) == before


def test_every_dataset_of_an_orchestrator_is_on_the_page(stack, tokens):
    """Those of other files than the product's, too: in the DAG folder are twelve orchestrators of seven datasets."""
    url = f"{stack.url}/dataset-completeness"
    for wrong in ({}, {"authorization": "Bearer nonsense"}, {"authorization": "Basic YTpi"}):
        assert httpx2.get(f"{url}/datasets.json", headers=wrong, timeout=60).status_code == 401
        assert httpx2.get(f"{url}/", headers=wrong, timeout=60).status_code == 401
    stack.until_parsed("wiki_smart_analytics_orchestrator", "orders_orchestrator", "slow_orchestrator")
    for user in tokens:
        headers = {"cookie": f"{COOKIE}={tokens[user]}"}
        answer = httpx2.get(f"{url}/datasets.json?days=3", headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        datasets = {item["orchestrator"]: item for item in answer.json()["datasets"]}
        assert {name: item["dataset"] for name, item in datasets.items()} == {
            "backlog_orchestrator": "backlog",
            "clearing_orchestrator": "clearing",
            "foreign_orchestrator": "foreign",
            "impatient_orchestrator": "slow",
            "landing_orchestrator": "landing",
            "late_orchestrator": "slow",
            "of_a_paused_pipeline": "orders",
            "of_no_pipeline": "orders",
            "orders_orchestrator": "orders",
            "quiet_orchestrator": "orders",
            "slow_orchestrator": "slow",
            "wiki_smart_analytics_orchestrator": "diamond",
        }
        for item in datasets.values():
            assert item["completeness"]["window"]["days"] == 3, item
        assert "there is no DAG no_such_pipeline" in datasets["of_no_pipeline"]["problem"]
        assert stack.passwords["admin"] not in answer.text
        assert "orders_orchestrator" in httpx2.get(f"{url}/", headers=headers, timeout=60).text


@pytest.fixture
def page(stack):
    """Airflow's UI in a browser, signed in as `admin`."""
    from playwright.sync_api import sync_playwright

    from tools.browser import FLAGS, executable

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=["--no-sandbox", *FLAGS])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{stack.url}/auth/login")
        page.get_by_label("Username").fill("admin")
        page.get_by_label("Password").first.fill(stack.passwords["admin"])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{stack.url}/")
        yield page
        browser.close()


@pytest.mark.usefixtures("same_day")
def test_a_click_on_a_missing_day_starts_its_run(stack, page):
    stack.until_parsed("wiki_trending_pipeline")
    day = dt.datetime.now(tz=dt.UTC).date() - dt.timedelta(days=5)
    before = runs_of_pipeline(stack)

    page.get_by_role("link", name="Data completeness").click()
    frame = page.frame_locator("iframe").first
    frame.locator("#wiki_smart_analytics_orchestrator").get_by_role("link", name="Details").click()
    frame.locator(f"a[href*='day={day}']").first.click()
    frame.get_by_text("Start its backfill").click()
    frame.get_by_role("button", name="Yes, start it").click()

    deadline = time.monotonic() + 60
    while runs_of_pipeline(stack) == before:
        assert time.monotonic() < deadline, "no run was started"
        time.sleep(0.5)
    assert runs_of_pipeline(stack) - before == {f"{day}.1"}
    started = stack.api.get(f"/dags/wiki_trending_pipeline/dagRuns/{day}.1")
    assert (started["conf"], started["note"]) == (
        {"target_date": str(day)},
        "Started from the page Data completeness",
    )
    if "SCREENSHOT" in os.environ:
        page.keyboard.press("Escape")
        page.wait_for_timeout(3000)
        page.screenshot(path=SCREENSHOT)
