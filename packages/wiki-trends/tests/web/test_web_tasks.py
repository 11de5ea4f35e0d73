"""Ten tasks, each in at most four steps from the overview, by mouse and by keyboard. A step is a click, a choice or a text."""

from __future__ import annotations

import datetime as dt
import re
import shutil

import pytest

from smart_orchestrator.checking import check
from smart_orchestrator.errors import RunsError
from smart_orchestrator.model.run import Failure, Run, RunState
from smart_orchestrator.model.window import Window
from testing.browser import tab
from testing.dashboard import AS_OF, serving, settings_of
from wiki_trends.analytics.analyze import analyze
from wiki_trends.config.layers import layers
from wiki_trends.warehouse import open_warehouse
from wiki_trends.web.auth.sign_in import COOKIE

FAILED, DUE = "2025-11-07", "2025-11-08"
MESSAGE = "Wikimedia answered with the status 500"
FIRST, SECOND = "Legend of Gatanor", "Halodra (film)"
MAX_STEPS = 4


class Runs:
    """A runner with a failed run and a run in flight, which starts no other."""

    poll_seconds = 0.1
    in_process = True

    def capacity(self):
        return None

    def latest(self, days):
        failed, running = (dt.date.fromisoformat(day) for day in (FAILED, "2025-11-04"))
        runs = {
            failed: Run(f"{FAILED}.1", failed, 1, RunState.FAILED, failure=Failure.ERROR, message=MESSAGE),
            running: Run("2025-11-04.1", running, 1, RunState.RUNNING),
        }
        return {day: run for day, run in runs.items() if day in days}

    def start(self, day):
        raise RunsError("The runner", f"cannot start {day}", "Repair it.")

    def poll(self, runs):
        return list(runs)

    def wait(self, seconds):
        pass


@pytest.fixture
def dashboard(demo_copy):
    """A dashboard over two published windows, and a lake without two days, of which the run of the first has failed."""
    settings = settings_of(demo_copy)
    dataset, warehouse = layers(settings).diamond, open_warehouse(settings.warehouse)
    for first, last in (("2025-10-31", "2025-11-03"), ("2025-11-05", "2025-11-09")):
        window = Window.between(dt.date.fromisoformat(first), dt.date.fromisoformat(last), AS_OF, 3)
        analyze(dataset, check(dataset, window), warehouse)
    warehouse.close()
    for day in (FAILED, DUE):
        shutil.rmtree(demo_copy / f"lake/diamond/diamond_final_{day.replace('-', '_')}.csv")
    with serving(settings, runs=Runs()) as dashboard:
        yield dashboard


class Steps:
    """Carries out the steps of tasks by mouse or by keyboard, and counts the steps since the overview was opened."""

    def __init__(self, page, way):
        self.page = page
        self.way = way
        self.count = 0

    def begin(self):
        """Open the overview."""
        self.page.goto("/")
        self.count = 0

    def press(self, control):
        """Activate a link or a button."""
        self._count()
        if self.way == "mouse":
            control.click()
        else:
            control.focus()
            self.page.keyboard.press("Enter")

    def write(self, label, text, *, send=False):
        """Write a text into a field; with `send`, also press Enter in it, which is another step."""
        self._count()
        field = self.page.get_by_label(label, exact=True)
        if self.way == "mouse":
            field.fill(text)
        else:
            field.focus()
            self.page.keyboard.insert_text(text)
        if send:
            self._count()
            self.page.keyboard.press("Enter")

    def choose(self, label, option):
        """Choose an option of a list."""
        self._count()
        self.page.get_by_label(label, exact=True).select_option(label=option)

    def _count(self):
        self.count += 1
        assert self.count <= MAX_STEPS


def do_tasks(steps, dashboard):
    page = steps.page
    navigation = page.locator("nav")

    # 1. Which days failed last night, and why? The overview says so.
    steps.begin()
    failures = page.locator(".status").inner_text()
    assert "Fri 7 Nov 2025 failed (ERROR): " + MESSAGE in failures

    # 2. What is running now?
    steps.press(navigation.get_by_role("link", name="Runs"))
    page.get_by_role("heading", name="1 run in flight").wait_for()
    assert "2025-11-04.1" in page.locator("main").inner_text()

    # 3. Waive a day.
    steps.begin()
    steps.press(page.locator(".status").get_by_role("link", name="Fri 7 Nov 2025"))
    steps.press(page.locator("summary", has_text="Waive this day"))
    steps.write("Reason", "lost at the upstream")
    steps.press(page.get_by_role("button", name="Waive it"))
    page.get_by_role("heading", name="Waived").wait_for()

    # 4. Fill the week.
    steps.begin()
    steps.press(page.locator("summary", has_text="Fill the due day"))
    steps.press(page.get_by_role("button", name="Yes, fill it"))
    page.locator("#announce").get_by_text("1 backfill started").wait_for()
    assert [item["day"] for item in dashboard.client.get("/runs.json").json()["asked"]] == [DUE]

    # 5. When was X last in the list?
    steps.begin()
    steps.press(navigation.get_by_role("link", name="Pages"))
    steps.write("Title", FIRST, send=True)
    page.wait_for_url("**/pages?q=*")
    steps.press(page.locator("tbody").get_by_role("link", name=FIRST))
    page.get_by_text("last on Sunday 9 November 2025").wait_for()

    # 6. Compare X and Y, and send the comparison to a colleague.
    steps.begin()
    steps.press(page.locator(".findings").get_by_role("link", name=FIRST))
    steps.write("Compare with", SECOND, send=True)
    page.wait_for_url("**/compare?*")
    page.wait_for_selector(".plot[data-drawn]")
    assert [page.get_by_label(f"Page {number}").input_value() for number in (1, 2)] == [FIRST, SECOND]
    steps.press(page.get_by_role("button", name="Copy link"))
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.url

    # 7. What did an earlier window say?
    steps.begin()
    steps.press(navigation.get_by_role("link", name="Pages"))
    steps.choose("Window", "31 October to 3 November 2025")
    steps.press(page.get_by_role("button", name="Search"))
    page.wait_for_url("**window=2025-10-31..2025-11-03*")
    assert page.locator(".kicker").inner_text().lower() == "31 october to 3 november 2025"

    # 8. Why did Z rise?
    steps.begin()
    steps.press(page.locator(".findings").get_by_role("link", name=FIRST))
    page.get_by_role("heading", name="How the score is computed").wait_for()
    assert re.search(r"Most surprising day\s+Sunday 9 November 2025", page.locator("main").inner_text())

    # 9. The same as CSV.
    link = page.locator("figure.chart").first.get_by_role("link", name="CSV")
    with page.expect_download() as download:
        steps.press(link)
    assert download.value.url.endswith("/page.csv?title=Legend_of_Gatanor")

    # 10. Send this chart to a colleague.
    steps.begin()
    steps.press(page.locator(".findings").get_by_role("link", name=FIRST))
    steps.press(page.get_by_role("button", name="Copy link"))
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


@pytest.mark.slow
@pytest.mark.parametrize("way", [pytest.param("mouse", marks=pytest.mark.long), "keyboard"])
def test_ten_tasks_take_at_most_four_steps(dashboard, browser, way):
    permissions = ["clipboard-read", "clipboard-write"]
    with tab(browser, base_url=dashboard.url, reduced_motion="reduce", permissions=permissions) as seen:
        cookie = dashboard.guard.sessions.create(9_999_999_999)
        seen.page.context.add_cookies([{"name": COOKIE, "value": cookie, "url": dashboard.url}])
        do_tasks(Steps(seen.page, way), dashboard)
