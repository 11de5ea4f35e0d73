"""Each of the five tasks of the orchestrator is cleared in each of six states, by the API and in the UI. Prints a row of a table for each task: the state
of the run before the clear and at its end, for the states of the task in the order of `ORDERS`.

A task is cleared with those after it, which is what the UI proposes. `check_completeness` is the first task and `notify` a teardown, so neither
can be `upstream_failed`.
"""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from pathlib import Path

import pytest

from tests.airflow.orchestrated import TASKS, runs_of, trigger

ORCHESTRATOR, PIPELINE = "clearing_orchestrator", "clearing_pipeline"
CHECK, START, WAIT, CONSUME, NOTIFY = TASKS
# How a task gets into a state: the order, and the task that gets it, which is the task itself unless it is named.
ORDERS = {
    "success": None,
    "failed": "fail",
    "skipped": "skip",
    "up_for_retry": "retry",
    "running": "hold",
    "upstream_failed": "fail",
}
IMPOSSIBLE = {(CHECK, "upstream_failed"), (NOTIFY, "upstream_failed")}
BEFORE = {START: CHECK, WAIT: START, CONSUME: WAIT}


@pytest.fixture(scope="module")
def page(stack):
    """A page of a Chromium that has signed in as `admin`."""
    from playwright.sync_api import sync_playwright

    from tools.browser import FLAGS, executable

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=["--no-sandbox", *FLAGS])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(90_000)
        page.goto(f"{stack.url}/auth/login")
        page.get_by_label("Username").fill("admin")
        page.get_by_label("Password").first.fill(stack.passwords["admin"])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{stack.url}/")
        yield page
        browser.close()


def clear_by_api(run, task):
    body = {
        "dag_run_id": run.run_id,
        "task_ids": [task],
        "dry_run": False,
        "only_failed": False,
        "include_downstream": True,
        "reset_dag_runs": True,
    }
    run.api.post(f"/dags/{run.dag_id}/clearTaskInstances", body)


def clear_in_ui(page, stack, run, task):
    from playwright.sync_api import Error

    page.goto(f"{stack.url}/dags/{run.dag_id}/runs/{run.run_id}/tasks/{task}")
    page.get_by_text("Operator", exact=True).first.wait_for()
    dialog = page.get_by_role("dialog")
    prevent = dialog.get_by_text("Prevent rerun if task is running")
    for _ in range(20):
        # The button has no text; its tooltip names this key, which works when the page is complete.
        page.keyboard.press("Shift+C")
        with suppress(Error):
            prevent.wait_for(timeout=5_000)
            break
    if prevent.locator("xpath=ancestor-or-self::label").locator("input").is_checked():
        prevent.click()
    dialog.get_by_role("button", name="Confirm").click()
    dialog.wait_for(state="hidden")


def order_of(stack, run_id, task):
    return Path(stack.environment["AIRFLOW_HOME"]) / "orders" / run_id / task


def begin(stack, how, task, state):
    """Start a run for a day that is missing, whose task gets into a state."""
    number = TASKS.index(task) * len(ORDERS) + list(ORDERS).index(state)
    day = dt.date(2023 if how == "ui" else 2024, 3, 1) + dt.timedelta(days=number)
    run_id = f"{how}-{task}-{state}"
    if ORDERS[state]:
        order = order_of(stack, run_id, BEFORE[task] if state == "upstream_failed" else task)
        order.parent.mkdir(parents=True)
        order.write_text(ORDERS[state])
    conf = {"start": str(day), "end": str(day), "as_of": "2025-01-01"}
    return day, trigger(stack, ORCHESTRATOR, conf, run_id)


def outcome(stack, day, run, task, state, clear):
    """Clear a task when it is in its state; return what does not hold, and the states before and after."""
    waiting = state in ("up_for_retry", "running")
    run.until(
        lambda run: run.tasks.get(task) == state and (waiting or run.state in ("success", "failed")), 600
    )
    before, tries = run.state, run.instances[task]["try_number"]
    # A running task keeps its order until it is cleared; any other task has obeyed, and must not do so again.
    order = order_of(stack, run.run_id, BEFORE[task] if state == "upstream_failed" else task)
    if state != "running":
        order.unlink(missing_ok=True)
    clear(run, task)
    order.unlink(missing_ok=True)
    # The task before has failed, and was not cleared: the task cannot begin.
    ends = "failed" if state == "upstream_failed" else "success"
    run.until(
        lambda run: run.state in ("success", "failed") and run.instances[task]["state"] == _ended(state), 600
    )
    after = run.instances[task]
    found = []
    if run.state != ends:
        found.append(f"the run has {run.state}: {run.tasks} {run.logs()}")
    if state != "upstream_failed" and after["try_number"] <= tries and state != "up_for_retry":
        found.append(f"it was not executed again, but has had {after['try_number']} tries")
    started = [item["dag_run_id"] for item in runs_of(stack, PIPELINE, day, day)]
    is_never_started = state == "upstream_failed" and task != CONSUME
    if started != ([] if is_never_started else [f"{day}.1"]):
        found.append(f"runs of the pipeline: {started}")
    return found, f"{before} -> {run.state}"


def _ended(state):
    return "upstream_failed" if state == "upstream_failed" else "success"


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("how", ["api", "ui"])
def test_a_task_can_be_cleared_in_every_state(stack, request, capsys, how, task):
    stack.until_parsed(ORCHESTRATOR, PIPELINE)
    page = request.getfixturevalue("page") if how == "ui" else None

    def clear(run, task):
        clear_by_api(run, task) if page is None else clear_in_ui(page, stack, run, task)

    states = [state for state in ORDERS if (task, state) not in IMPOSSIBLE]
    runs = {state: begin(stack, how, task, state) for state in states}
    results = {state: outcome(stack, day, run, task, state, clear) for state, (day, run) in runs.items()}
    cells = [results[state][1] if state in results else "-" for state in ORDERS]
    with capsys.disabled():
        print(f"\n    | {how} | {task} | {' | '.join(cells)} |", end="")
    assert {state: found for state, (found, _) in results.items() if found} == {}
