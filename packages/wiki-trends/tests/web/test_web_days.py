"""Days of the calendar: a range is chosen and filled, a run is cancelled, a command is copied, a day has its neighbours."""

from __future__ import annotations

import csv
import io
import threading
from contextlib import contextmanager
from urllib.parse import quote

import pytest

from smart_orchestrator.errors import RunsError
from smart_orchestrator.model.run import Run, RunState
from testing.browser import tab
from testing.dashboard import PAGE, eventually, serving, settings_of
from testing.scripted_server import Reply, ScriptedServer
from wiki_trends.web.auth.sign_in import COOKIE

DAYS = ("2025-11-06", "2025-11-07", "2025-11-08")
DAY = DAYS[1]


class WaitingRuns:
    """A runner whose runs stay in flight until they are cancelled."""

    poll_seconds = 0.05
    in_process = False

    def __init__(self):
        self.runs = {}
        self.starts = 0
        self.changed = threading.Event()
        self.closed = False

    def capacity(self):
        return 1

    def latest(self, days):
        return {day: run for day, run in self.runs.items() if day in days}

    def start(self, day):
        if self.closed:
            raise RunsError("The runner", f"cannot start {day}", "The test has ended.")
        self.changed.clear()
        self.runs[day] = Run(f"{day}.1", day, 1, RunState.RUNNING)
        self.starts += 1
        return self.runs[day]

    def poll(self, runs):
        return [self.runs[run.day] for run in runs]

    def wait(self, seconds):
        self.changed.wait(seconds)

    def cancel(self, run):
        self.runs[run.day] = Run(run.name, run.day, 1, RunState.FAILED, message="the run failed")
        self.changed.set()

    def close(self):
        """End all runs, so that no thread of a backfill outlives the test."""
        self.closed = True
        for run in list(self.runs.values()):
            self.cancel(run)


@pytest.fixture
def runner():
    runner = WaitingRuns()
    yield runner
    runner.close()


@pytest.fixture
def waiting(demo_copy, runner):
    """A dashboard over a lake without three days, whose runner can cancel."""
    import shutil

    for day in DAYS:
        shutil.rmtree(demo_copy / f"lake/diamond/diamond_final_{day.replace('-', '_')}.csv")
    with serving(settings_of(demo_copy, jobs=1), runs=runner) as dashboard:
        yield dashboard


@contextmanager
def signed_in(browser, dashboard, **options):
    with tab(browser, base_url=dashboard.url, reduced_motion="reduce", **options) as seen:
        cookie = dashboard.guard.sessions.create(9_999_999_999)
        seen.page.context.add_cookies([{"name": COOKIE, "value": cookie, "url": dashboard.url}])
        yield seen


def day_link(page, day):
    return page.locator(f"table.calendar a.day[href*='{day}']")


def choose(page, first, last, way):
    """Choose the days from `first` to `last` in the calendar."""
    if way == "mouse":
        day_link(page, first).hover()
        page.mouse.down()
        day_link(page, last).hover()
        page.mouse.up()
    else:
        day_link(page, first).focus()
        while not page.evaluate("document.activeElement.href").endswith(last):
            page.keyboard.press("Shift+ArrowRight")


@pytest.mark.slow
@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_a_range_of_days_is_chosen_named_and_filled_at_once(waiting, browser, way):
    with signed_in(browser, waiting) as seen:
        page = seen.page
        page.goto("/completeness")
        panel = page.locator("#fill-range")
        assert not panel.is_visible()
        choose(page, "2025-11-05", DAY, way)
        assert page.locator("a.day.selected").count() == 3
        text = panel.inner_text()
        assert "3 days chosen. This runs the pipeline for 2 due days" in text
        assert "Thursday 6 November 2025 to Friday 7 November 2025" in text
        assert "wiki-trends backfill --start 2025-11-05 --end 2025-11-07" in text
        assert seen.accessibility_violations() == []
        assert page.url.endswith("/completeness")
        assert not page.get_by_role("dialog").is_visible()
        fill = panel.get_by_role("button", name="Yes, fill them")
        if way == "mouse":
            fill.click()
        else:
            fill.press("Enter")
        page.locator("#announce").get_by_text("2 backfills started").wait_for()
        assert not panel.is_visible()
        asked = waiting.client.get("/runs.json").json()["asked"]
        assert {backfill["day"] for backfill in asked} == {"2025-11-06", DAY}


@pytest.mark.slow
def test_a_chosen_range_is_dropped_and_stays_over_an_update(waiting, browser):
    with signed_in(browser, waiting) as seen:
        page = seen.page
        page.goto("/completeness")
        choose(page, "2025-11-05", "2025-11-09", "keyboard")
        waiting.client.post("/backfill", params={"day": DAY}, headers=waiting.bearer)
        page.locator("a.day.state-running").wait_for()
        assert page.locator("a.day.selected").count() == 5
        page.keyboard.press("Escape")
        assert page.locator("a.day.selected").count() == 0
        assert not page.locator("#fill-range").is_visible()
        # A click opens a day as before.
        day_link(page, "2025-11-09").click()
        page.get_by_role("dialog").get_by_role("heading", level=1).wait_for()


@pytest.mark.slow
def test_an_update_of_the_page_leaves_the_focus_where_it_was(waiting, browser):
    with signed_in(browser, waiting) as seen:
        page = seen.page
        page.goto("/completeness")
        page.locator("summary", has_text="Fill all 3 due days").press("Enter")
        page.get_by_role("button", name="Yes, fill them").focus()
        waiting.client.post("/backfill", params={"day": DAY}, headers=waiting.bearer)
        page.locator("summary", has_text="Fill all 2 due days").wait_for()
        assert page.evaluate("document.activeElement.textContent") == "Yes, fill them"


def test_strangers_choose_no_days(shared, browser):
    with tab(browser, base_url=shared.url) as seen:
        seen.page.goto("/completeness")
        choose(seen.page, "2025-11-05", "2025-11-07", "mouse")
        assert seen.page.locator("a.day.selected").count() == 0


def state_of(dashboard, day):
    asked = dashboard.client.get("/runs.json").json()["asked"]
    return next(((item["state"], item["message"]) for item in asked if item["day"] == day), None)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_what_runs_and_what_waits_is_cancelled_and_not_tried_again(waiting, runner, browser, way):
    for day in DAYS[:2]:
        waiting.client.post("/backfill", params={"day": day}, headers=waiting.bearer)
    assert eventually(lambda: state_of(waiting, DAYS[0]) == ("running", ""))
    assert state_of(waiting, DAY) == ("waiting", "")
    assert waiting.client.post("/cancel", params={"day": DAY}, headers=waiting.bearer).json() == {
        "day": DAY,
        "runs": [],
        "backfill": True,
    }
    assert state_of(waiting, DAY) == ("failed", "Cancelled by token.")
    again = waiting.client.post("/cancel", params={"day": DAY}, headers=waiting.bearer)
    assert (again.status_code, again.json()["error"]) == (409, "NOTHING_TO_CANCEL")
    with signed_in(browser, waiting) as seen:
        page = seen.page
        page.goto("/runs")
        for control in (
            page.get_by_role("link", name=f"{DAYS[0]}.1"),
            page.locator("summary", has_text="Cancel it"),
            page.get_by_role("button", name="Yes, cancel it"),
        ):
            if way == "mouse":
                control.click()
            else:
                control.press("Enter")
        page.locator("main").get_by_text("Cancelled by").wait_for()
        assert eventually(lambda: state_of(waiting, DAYS[0])[0] == "failed")
        assert runner.starts == 1
        runs = waiting.client.get("/runs.json").json()["runs"]
        assert [(run["day"], run["state"]) for run in runs] == [(DAYS[0], "failed")]
        # Only a request to retry the day starts another run.
        for control in (
            page.locator("summary", has_text="Retry it"),
            page.get_by_role("button", name="Yes, start it"),
        ):
            control.press("Enter")
        assert eventually(lambda: runner.starts == 2)


def test_only_runs_in_airflow_are_cancelled(shared):
    answer = shared.client.post("/cancel", params={"day": DAY}, headers=shared.bearer)
    assert (answer.status_code, answer.json()["error"]) == (409, "NOT_CANCELLABLE")
    assert (
        shared.client.post("/cancel", params={"day": DAY}, headers={"Origin": shared.url}).status_code == 401
    )


def test_a_run_in_airflow_is_set_to_failed(demo_settings):
    run = {
        "dag_run_id": f"{DAY}.1",
        "state": "running",
        "conf": {"target_date": DAY},
        "run_after": "2025-11-10T02:00:00Z",
        "start_date": "2025-11-10T02:00:00Z",
        "end_date": None,
    }

    def airflow(request):
        if request.path == "/auth/token":
            return Reply({"access_token": "token-of-airflow"}, status=201)
        if request.method == "PATCH":
            run["state"] = "failed"
        return Reply(
            run if request.path.endswith(run["dag_run_id"]) else {"dag_runs": [run], "total_entries": 1}
        )

    from dataclasses import replace

    with ScriptedServer(airflow) as server:
        settings = replace(
            demo_settings,
            runner="airflow",
            airflow_url=server.url,
            airflow_user="me",
            airflow_password="correct-horse",
        )
        with serving(settings) as dashboard:
            answer = dashboard.client.post("/cancel", params={"day": DAY}, headers=dashboard.bearer)
            assert answer.json()["runs"] == [f"{DAY}.1"]
        changes = [(request.path, request.body) for request in server.requests if request.method == "PATCH"]
        path = f"/api/v2/dags/{quote(settings.airflow_dag)}/dagRuns/{DAY}.1"
        assert [(path, '{"state":"failed"}')] == [(path, body.replace(" ", "")) for path, body in changes]


def test_a_command_and_a_link_are_copied(waiting, browser):
    with signed_in(browser, waiting, permissions=["clipboard-read", "clipboard-write"]) as seen:
        page = seen.page
        page.goto(f"/day?day={DAY}")
        page.locator("summary", has_text="Start its backfill").click()
        page.get_by_role("button", name="Copy command").click()
        page.get_by_role("button", name="Copied").wait_for()
        command = page.evaluate("navigator.clipboard.readText()")
        assert command == f"wiki-trends backfill --start {DAY} --end {DAY}"
        page.get_by_role("button", name="Copy link").click()
        page.get_by_role("button", name="Copied").last.wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_a_day_has_the_day_before_and_the_day_after_in_the_panel_too(shared, browser):
    with tab(browser, base_url=shared.url) as seen:
        page = seen.page
        page.goto("/completeness")
        day_link(page, "2025-11-08").click()
        panel = page.get_by_role("dialog")
        panel.get_by_role("link", name="Sun 9 Nov 2025").click()
        panel.get_by_text("Sunday 9 November 2025").wait_for()
        assert page.url.endswith("/completeness")
        panel.get_by_role("link", name="Page of this day").click()
        page.wait_for_url("**/day?day=2025-11-09")
        page.get_by_role("link", name="Sat 8 Nov 2025").click()
        page.wait_for_url("**/day?day=2025-11-08")
        page.get_by_label("Day", exact=True).fill("2025-11-05")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**/day?day=2025-11-05")


def test_the_first_and_the_last_day_have_one_neighbour(shared):
    last = shared.client.get("/day", params={"day": "2025-11-12"}, headers=PAGE).text
    assert ('rel="prev"' in last, 'rel="next"' in last) == (True, False)
    first = shared.client.get("/day", params={"day": "2015-07-01"}, headers=PAGE).text
    assert ('rel="prev"' in first, 'rel="next"' in first) == (False, True)


def test_the_history_marks_what_was_published_and_waived(waiting):
    form = {"reason": "lost at the upstream", "until": "2025-12-31"}
    waiting.client.post("/waive", params={"day": DAY}, data=form, headers=waiting.bearer)
    entries = waiting.client.get("/history.json").json()["entries"]
    assert [(entry["kind"], entry["start"], entry["end"]) for entry in entries] == [
        ("waived", DAY, DAY),
        ("published", "2025-11-05", "2025-11-09"),
    ]
    assert entries[0]["text"] == "lost at the upstream, by token, until 31 December 2025"
    assert entries[1]["text"].startswith("Coverage 100.0 % of 5 expected days")
    rows = list(csv.DictReader(io.StringIO(waiting.client.get("/history.csv").text)))
    assert [row["kind"] for row in rows] == ["waived", "published"]
    html = waiting.client.get("/history", headers=PAGE).text
    assert all(f'href="#mark-{kind}"' in html for kind in ("waived", "published"))


def test_the_history_of_an_empty_warehouse_is_empty(tmp_path):
    with serving(settings_of(tmp_path)) as dashboard:
        assert dashboard.client.get("/history.json").json() == {"entries": []}
        assert "Nothing was published" in dashboard.client.get("/history", headers=PAGE).text
