"""Failed days, runs that succeed without data, and waits that end are reported with day, reason and log."""

from __future__ import annotations

import re

import pytest

from testing.message_receiver import Receiver
from tests.airflow.orchestrated import (
    ORCHESTRATOR,
    PIPELINE,
    DagRun,
    runs_of,
    trigger,
)

WAIT = "wait_for_data_ready"


@pytest.fixture(scope="module")
def receiver(stack):
    """Where notifications go, by a variable of Airflow."""
    names = ("wiki_trends_notify", "notify")
    with Receiver() as server:
        for name in names:
            stack.api.post("/variables", {"key": name, "value": server.url})
        yield server.received
        for name in names:
            stack.api.request("DELETE", f"/api/v2/variables/{name}")


def assert_no_secret_in_a_log(stack, run):
    """Logs of executed tasks contain neither the password of the API nor an address of the notification."""
    executed = [name for name, state in run.tasks.items() if state in ("success", "failed")]
    assert "notify" in executed
    for name in executed:
        assert stack.passwords["admin"] not in run.log(name)
        assert "json://" not in run.log(name)


def window(start, end, **more):
    return {"start": start, "end": end, "as_of": "2025-10-01", **more}


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_day_that_answers_500_for_ever(stack, receiver):
    run = trigger(stack, ORCHESTRATOR, window("2025-03-04", "2025-03-06")).ended()
    assert run.state == "failed"
    runs = {
        item["conf"]["target_date"]: item for item in runs_of(stack, PIPELINE, "2025-03-04", "2025-03-06")
    }
    broken = stack.api.get(f"/dags/{PIPELINE}/dagRuns/{runs['2025-03-05']['dag_run_id']}")
    assert len(runs) == 3
    assert broken["state"] == "failed"
    fetched = stack.api.get(f"/dags/{PIPELINE}/dagRuns/2025-03-05.1/taskInstances/fetch_top_pages")
    assert fetched["try_number"] == 4, "tried again by the pipeline's own task, three times"

    outcome = run.xcom(WAIT, "outcome")
    [failed] = outcome["failed"]
    assert (failed["day"], failed["failure"]) == ("2025-03-05", "UNREACHABLE")
    assert "/runs/2025-03-05.1/tasks/fetch_top_pages" in failed["url"]
    assert run.links(WAIT)["First failed day"] == failed["url"]
    assert "2025-03-05" in run.log(WAIT)
    assert run.tasks["run_analytics"] == "upstream_failed"
    # The others complete, whether or not the wait has seen them do it.
    for day in ("2025-03-04", "2025-03-06"):
        assert DagRun(stack.api, PIPELINE, runs[day]["dag_run_id"]).ended().state == "success"

    message = receiver[-1]
    assert (message["title"], message["type"]) == ("diamond: FAILED, nothing was published", "failure")
    assert "Days failed: 2025-03-05\n" in message["message"]
    assert "internal server error" in message["message"] or "500" in message["message"]
    assert "Coverage: " in message["message"]


def test_green_without_data_is_reported_as_just_that(stack, receiver):
    run = trigger(stack, "orders_orchestrator", window("2025-06-14", "2025-06-15")).ended()
    assert run.state == "failed"
    [failed] = run.xcom(WAIT, "outcome")["failed"]
    assert (failed["day"], failed["failure"]) == ("2025-06-14", "NO_DATA_AFTER_SUCCESS")
    assert "the run succeeded, but the day is absent (MISSING: nothing is there)" in run.log(WAIT)
    assert "NO_DATA_AFTER_SUCCESS" in receiver[-1]["message"]
    assert run.xcom("run_analytics", "return_value") is None
    assert_no_secret_in_a_log(stack, run)


@pytest.mark.long
def test_coverage_below_a_whole_window_is_enough_when_it_was_asked_for(stack, receiver):
    conf = window("2025-07-09", "2025-07-13", min_coverage=80)
    run = trigger(stack, "orders_orchestrator", conf).ended()
    assert run.state == "success", run.logs()
    [failed] = run.xcom(WAIT, "outcome")["failed"]
    assert failed["message"] == "task write failed: ValueError: no luck with 2025-07-13"
    assert run.xcom("run_analytics", "coverage_pct") == 80.0
    assert (receiver[-1]["title"], receiver[-1]["type"]) == ("orders: analytics done", "success")
    assert "Coverage: 80.0 %" in receiver[-1]["message"]
    again = trigger(stack, "orders_orchestrator", {**conf, "min_coverage": 90}).ended()
    assert again.state == "failed"
    assert [item["dag_run_id"] for item in runs_of(stack, "orders_pipeline", "2025-07-13", "2025-07-13")] == [
        "2025-07-13.1",
        "2025-07-13.2",
    ]


@pytest.mark.long
def test_a_recovery_is_told_once_although_nothing_has_changed(stack, receiver):
    told = len(receiver)
    conf = window("2025-09-01", "2025-09-01")
    wrong = {**conf, "dayz": 1}
    runs = [trigger(stack, "quiet_orchestrator", each).ended() for each in (conf, wrong, wrong, conf, conf)]
    assert [run.state for run in runs] == ["success", "failed", "failed", "success", "success"]
    filled, *failures, recovered = [item["message"] for item in receiver[told:]]
    assert "Days filled: 2025-09-01" in filled
    assert "Recovered" not in filled
    assert ["dayz" in text for text in failures] == [True, True]
    assert recovered.startswith(f"Recovered: the run {runs[2].run_id} had failed\n")
    names = [item["key"] for item in stack.api.pages("/variables", "variables")]
    assert not [name for name in names if "quiet_orchestrator" in name]


@pytest.mark.long
def test_a_run_by_hand_is_followed(stack):
    by_hand = trigger(stack, "slow_pipeline", {"target_date": "2025-08-01"}, "by-hand")
    by_hand.until(lambda run: run.state == "running")
    run = trigger(stack, "slow_orchestrator", window("2025-08-01", "2025-08-01")).ended()
    assert run.state == "success", run.logs()
    assert [item["dag_run_id"] for item in runs_of(stack, "slow_pipeline", "2025-08-01", "2025-08-01")] == [
        "by-hand"
    ]
    assert run.links(WAIT)["Pipeline runs"].endswith("/dags/slow_pipeline/runs/by-hand")
    assert [item["run"] for item in run.xcom(WAIT, "outcome")["runs_followed"]] == ["by-hand"]
    assert "1 dates are still awaited: 2025-08-01" in run.log(WAIT)


@pytest.mark.long
def test_the_wait_ends_after_its_time_out_and_says_which_days_it_left(stack):
    run = trigger(stack, "impatient_orchestrator", window("2025-08-05", "2025-08-05")).ended()
    assert run.state == "failed"
    assert run.xcom(WAIT, "outcome")["abandoned"] == [{"day": "2025-08-05", "why": "no end after 3 s"}]
    line = r"2025-08-05 is not there yet, its run 2025-08-05\.1 is (queued|running): no end after 3 s -- http"
    assert re.search(line, run.log(WAIT))
    assert (run.instances[WAIT]["state"], run.instances[WAIT]["try_number"]) == ("failed", 1)


@pytest.mark.long
def test_a_run_that_takes_too_long_is_told_by_its_deadline(stack, receiver):
    before = len(receiver)
    run = trigger(stack, "late_orchestrator", window("2025-08-09", "2025-08-09"))

    def late_messages(_):
        return [item for item in receiver[before:] if "not done after" in item["title"]]

    [late] = run.until(late_messages, 90)
    assert run.run_id in late["message"]
    run.ended()


@pytest.mark.long
def test_no_password_and_no_address_of_a_notification_is_in_any_log(stack, receiver):
    run = trigger(stack, "orders_orchestrator", window("2025-06-20", "2025-06-20")).ended()
    assert run.state == "success", run.logs()
    assert_no_secret_in_a_log(stack, run)
    assert "Days filled: 2025-06-20" in receiver[-1]["message"]
