"""The dashboard over HTTP: views of a lake, starting a backfill, and mounting under a prefix."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from testing.dashboard import AS_OF, TOKEN, eventually, serve_app, serving
from wiki_trends.config.settings import load
from wiki_trends.web import create_app
from wiki_trends.web.auth.sign_in import TokenGuard

HERE = ("2025-11-07", "2025-11-08", "2025-11-09")


@pytest.fixture
def dashboard(place):
    place.write_days(*HERE)
    with serving() as served:
        yield served


def test_completeness_says_what_check_says(dashboard, place):
    page = dashboard.client.get("/completeness.json").json()
    checked = place.run("check", "--as-of", AS_OF.isoformat(), "--json").json
    for name in ("window", "expected", "available", "missing", "coverage_pct", "ready", "watermark"):
        assert page[name] == checked[name], name
    assert [day["action"] for day in page["days"]] == ["start", "start", "keep", "keep", "keep"]


@pytest.mark.slow
def test_a_started_day_becomes_whole(place, sample_api):
    sample_api(today=AS_OF)
    place.write_days(*HERE)
    with serving() as dashboard:
        started = dashboard.client.post("/backfill", params={"day": "2025-11-06"}, headers=dashboard.bearer)
        assert (started.status_code, started.json()["state"]) == (202, "waiting")

        def filled():
            day = dashboard.client.get("/day.json", params={"day": "2025-11-06"}).json()
            is_filled = day["state"] == "complete" and day["asked"]["state"] == "filled"
            # The runs come from a cache, so they may be older than the partition and the backfill.
            return day if is_filled and day["runs"][0]["state"] != "running" else None

        day = eventually(filled)
        assert day["rows"] > 0
        assert [run["state"] for run in day["runs"]] == ["succeeded"]
        again = dashboard.client.post("/backfill", params={"day": "2025-11-06"}, headers=dashboard.bearer)
        assert (again.status_code, again.json()["error"]) == (409, "NOTHING_TO_START")


def test_a_day_that_cannot_be_fetched_says_why(dashboard):
    dashboard.client.post("/backfill", params={"day": "2025-11-06"}, headers=dashboard.bearer)

    def failed():
        asked = dashboard.client.get("/day.json", params={"day": "2025-11-06"}).json()["asked"]
        return asked if asked["state"] == "failed" else None

    assert "WIKI_TRENDS_CONTACT" in eventually(failed)["message"]


def test_under_a_prefix_every_link_and_form_keeps_it(place):
    place.write_days(*HERE)
    outer = FastAPI()
    outer.mount("/plugins/trends", create_app(load(), guard=TokenGuard(TOKEN), today=lambda: AS_OF))
    with serve_app(outer) as url:
        import re

        import httpx2

        page = httpx2.get(f"{url}/plugins/trends/day?day=2025-11-06", headers={"Accept": "text/html"}).text
        links = re.findall(r'(?:href|src|action|data-events)="([^"#]*)"', page)
        assert len(links) > 5
        assert [link for link in links if not link.startswith("/plugins/trends/")] == []
        for link in links:
            if "/backfill" not in link and "/events" not in link and "sign-" not in link:
                # The form that chooses a day names none in its address.
                expected_codes = (422,) if link.endswith("/day") else (200, 404)
                assert httpx2.get(f"{url}{link}").status_code in expected_codes, link
