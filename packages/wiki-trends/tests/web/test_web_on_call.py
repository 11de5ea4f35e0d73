"""The actions of a person on call: see why days failed, fill a window, waive a day; by mouse, keyboard and as a program."""

from __future__ import annotations

import datetime as dt
import logging
import shutil
from contextlib import contextmanager

import pytest

from smart_orchestrator.errors import RunsError
from smart_orchestrator.model.run import Failure, Run, RunState
from testing.browser import tab
from testing.dashboard import TOKEN, serving, settings_of
from wiki_trends.jobs import maintenance
from wiki_trends.web.auth.sign_in import COOKIE

DAY = "2025-11-07"
WIDTHS = (320, 390, 820, 1440)


def remove_days(folder, *days):
    for day in days:
        shutil.rmtree(folder / f"lake/diamond/diamond_final_{day.replace('-', '_')}.csv")


@contextmanager
def signed_in(browser, dashboard):
    """A tab with a session."""
    with tab(browser, base_url=dashboard.url, reduced_motion="reduce") as seen:
        cookie = dashboard.guard.sessions.create(9_999_999_999)
        seen.page.context.add_cookies([{"name": COOKIE, "value": cookie, "url": dashboard.url}])
        yield seen


def waive(dashboard, *, day=DAY, **form):
    return dashboard.client.post("/waive", params={"day": day}, data=form, headers=dashboard.bearer)


MESSAGE = "Wikimedia answered with the status 500"


class FailedRuns:
    """A runner whose only run has failed, and which cannot start another."""

    poll_seconds = 0.1
    in_process = True

    def capacity(self):
        return None

    def latest(self, days):
        day = dt.date.fromisoformat(DAY)
        run = Run(f"{DAY}.1", day, 1, RunState.FAILED, failure=Failure.ERROR, message=MESSAGE)
        return {day: run} if day in days else {}

    def start(self, day):
        raise RunsError("The runner", f"cannot start {day}", "Repair it.")

    def poll(self, runs):
        return list(runs)

    def wait(self, seconds):
        pass


@pytest.fixture
def broken(demo_copy):
    """A dashboard over a lake without two days; the run of the first of them has failed."""
    remove_days(demo_copy, DAY, "2025-11-08")
    with serving(settings_of(demo_copy), runs=FailedRuns()) as dashboard:
        yield dashboard


def test_a_program_waives_a_missing_day_and_the_log_says_who_and_why(demo_copy, caplog):
    remove_days(demo_copy, DAY)
    settings = settings_of(demo_copy)
    with serving(settings) as dashboard, caplog.at_level(logging.INFO, logger="wiki_trends.web"):
        answer = waive(dashboard, reason="lost at the upstream", until="2025-12-31")
        assert answer.status_code == 201
        assert answer.json()["reason"] == "lost at the upstream"
        day = dashboard.client.get("/day.json", params={"day": DAY}).json()
        assert day["code"] == "WAIVED"
        assert waive(dashboard, reason="again").json()["error"] == "NOTHING_TO_WAIVE"
        page = dashboard.client.get("/day", params={"day": DAY}, headers={"Accept": "text/html"})
        assert f"wiki-trends waive {DAY} --remove" in page.text
    [waiver] = maintenance.list_waivers(settings)
    assert (waiver.by, waiver.until) == ("token", dt.date(2025, 12, 31))
    [line] = [record.getMessage() for record in caplog.records if "waiver of" in record.getMessage()]
    assert line.startswith(f"waiver of {DAY} recorded by token, from 127.0.0.1, until 2025-12-31: lost")
    assert TOKEN not in line


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"reason": ""}, 422),
        ({"reason": " "}, 422),
        ({"reason": "two\nlines"}, 422),
        ({"reason": "x" * 501}, 422),
        ({"reason": "late", "until": "2025-11-11"}, 422),
        ({"reason": "late", "until": "soon"}, 422),
        ({"reason": "late", "day": "2025-11-06"}, 409),
    ],
)
def test_a_waiver_that_would_say_nothing_is_refused(demo_copy, form, status):
    remove_days(demo_copy, DAY)
    settings = settings_of(demo_copy)
    with serving(settings) as dashboard:
        assert waive(dashboard, **form).status_code == status
    assert maintenance.list_waivers(settings) == []


@pytest.mark.parametrize("path", [f"/waive?day={DAY}", "/backfills?days=5"])
def test_strangers_and_other_sites_change_nothing(shared, path):
    own = {"Origin": shared.url}
    cookie = {"Cookie": f"{COOKIE}={shared.guard.sessions.create(9_999_999_999)}"}
    form = {"reason": "because"}
    assert shared.client.post(path, data=form, headers=own).status_code == 401
    foreign = shared.client.post(path, data=form, headers={**cookie, "Origin": "https://evil.example"})
    assert (foreign.status_code, foreign.json()["error"]) == (403, "FOREIGN_ORIGIN")
    assert shared.client.post(path, data=form, headers={**own, **cookie}).status_code == 409


def test_every_due_day_of_a_window_is_started_and_the_others_are_not(broken):
    answer = broken.client.post("/backfills", params={"days": 5}, headers=broken.bearer)
    assert answer.status_code == 202
    assert [backfill["day"] for backfill in answer.json()["asked"]] == [DAY, "2025-11-08"]


@pytest.mark.slow
def test_a_failed_day_differs_from_a_day_that_nobody_tried_at_every_width(broken, browser):
    with signed_in(browser, broken) as seen:
        for path in ("/", "/completeness", f"/day?day={DAY}"):
            seen.page.goto(path)
            assert MESSAGE in seen.page.locator("main").inner_text()
            if path != "/completeness":
                seen.page.locator("details.confirm > summary").last.click()
            for width in WIDTHS:
                seen.page.set_viewport_size({"width": width, "height": 844})
                assert seen.overflow_pixels() == 0, (path, width)
                for scheme in ("light", "dark"):
                    seen.page.emulate_media(color_scheme=scheme)
                    if width in (320, 1440):
                        assert seen.accessibility_violations() == [], (path, width, scheme)
        seen.page.goto("/completeness")
        classes = {
            day: seen.page.locator(f"a.day[href*='{day}']").get_attribute("class")
            for day in (DAY, "2025-11-08")
        }
        assert "state-failed" in classes[DAY]
        assert "state-absent" in classes["2025-11-08"]
