"""Runs in a real Airflow that a visitor of the dashboard cancels, in a browser."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from testing.browser import chromium, tab
from testing.dashboard import eventually, serving
from tests.airflow.orchestrated import DagRun, trigger
from wiki_trends.config.settings import load
from wiki_trends.web.auth.sign_in import COOKIE

PIPELINE = "slow_pipeline"
RUNNING, QUEUED = "2025-08-11", "2025-08-12"
# With the one of the running day, as many as the pipeline runs at once.
OTHERS = ("2025-08-13", "2025-08-14", "2025-08-15")
AS_OF = dt.date(2025, 8, 18)


@pytest.fixture
def dashboard(product, tmp_path):
    """A dashboard outside of Airflow, over an empty lake and this Airflow's runs."""
    settings = replace(
        load(), lake=f"{tmp_path}/{{layer}}", warehouse=f"duckdb:///{tmp_path}/w.duckdb", state=str(tmp_path),
        airflow_url=product.url, airflow_dag=PIPELINE, airflow_poll=1,
    )  # fmt: skip
    with serving(settings, today=lambda: AS_OF) as dashboard:
        yield dashboard


def cancel(page, day):
    page.goto(f"/day?day={day}")
    page.locator("summary", has_text="Cancel it").click()
    page.get_by_role("button", name="Yes, cancel it").click()
    page.locator("#announce").get_by_text("were cancelled").wait_for()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_running_and_a_queued_run_are_cancelled_in_the_browser(product, dashboard):
    product.until_parsed(PIPELINE)
    running, queued = (DagRun(product.api, PIPELINE, f"{day}.1") for day in (RUNNING, QUEUED))
    started = []
    try:
        start(dashboard, RUNNING)
        assert eventually(lambda: listed(dashboard, RUNNING) == ["running"])
        started.append(running)
        running.until(lambda run: run.tasks == {"write": "running"})
        started += [trigger(product, PIPELINE, {"target_date": day}, f"{day}.1") for day in OTHERS]
        for run in started:
            run.until(lambda run: run.state == "running")
        start(dashboard, QUEUED)
        assert eventually(lambda: listed(dashboard, QUEUED) == ["queued"])
        started.append(queued)
        with chromium() as browser, tab(browser, base_url=dashboard.url) as seen:
            cookie = dashboard.guard.sessions.create(9_999_999_999)
            seen.page.context.add_cookies([{"name": COOKIE, "value": cookie, "url": dashboard.url}])
            for day in (QUEUED, RUNNING):
                cancel(seen.page, day)
            seen.page.goto(f"/day?day={RUNNING}")
            assert "Retry it" in seen.page.locator("main").inner_text()

        assert (running.state, queued.state) == ("failed", "failed")
        # Airflow ended the task in the middle of its work: what comes after it was not written.
        ended = running.until(lambda run: run.instances["write"]["end_date"] and run.instances["write"])
        assert ended["state"] == "failed"
        folder = Path(product.environment["AIRFLOW_HOME"]) / "slow-lake"
        assert list((folder / f"day={RUNNING}").iterdir()) == []
        # The queued run never began, and nothing tries either of the days again.
        assert not (folder / f"day={QUEUED}").exists()
        assert (queued.facts["start_date"], queued.tasks) == (None, {"write": "skipped"})
        cancelled = dict.fromkeys((RUNNING, QUEUED), ("failed", "Cancelled by token."))
        assert eventually(lambda: asked(dashboard) == cancelled), asked(dashboard)
        assert [names(product, day) for day in (RUNNING, QUEUED)] == [[f"{RUNNING}.1"], [f"{QUEUED}.1"]]
        answer = dashboard.client.post("/cancel", params={"day": RUNNING}, headers=dashboard.bearer)
        assert (answer.status_code, answer.json()["error"]) == (409, "NOTHING_TO_CANCEL")
    finally:
        for run in started:
            if run.state not in ("success", "failed"):
                run.mark_failed()


def start(dashboard, day):
    """Start the backfill of a day. On a busy machine Airflow answers late, and the dashboard says so: then it is asked again."""
    request = {"params": {"day": day}, "headers": dashboard.bearer}
    assert eventually(lambda: dashboard.client.post("/backfill", **request).status_code == 202)


def asked(dashboard):
    """The state and the message of each backfill that was started in the dashboard, by day."""
    backfills = dashboard.client.get("/runs.json").json().get("asked", [])
    return {item["day"]: (item["state"], item["message"]) for item in backfills}


def listed(dashboard, day):
    """The states of the runs of a day on its page; none while Airflow does not answer."""
    runs = dashboard.client.get("/day.json", params={"day": day}).json().get("runs", [])
    return [run["state"] for run in runs]


def names(stack, day):
    runs = stack.api.pages(f"/dags/{PIPELINE}/dagRuns", "dag_runs", order_by="id")
    return [run["dag_run_id"] for run in runs if (run["conf"] or {}).get("target_date") == day]
