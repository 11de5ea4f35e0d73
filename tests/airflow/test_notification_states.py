"""What the notification says about a run whose tasks were cleared, killed or marked: the states of the tasks decide, not old XComs."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from smart_orchestrator.airflow.notifications import Notify
from testing.message_receiver import Receiver
from tests.airflow.variables import StateStore, Variables

# Apprise imports a module that Python 3.13 has not.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
CHECK, START, WAIT, CONSUME = (
    "check_completeness",
    "trigger_missing_data_fetches",
    "wait_for_data_ready",
    "run_analytics",
)
FAILED_DAY = {
    "day": "2025-11-06",
    "run": "2025-11-06.1",
    "failure": "ERROR",
    "state": "failed",
    "message": "no luck",
    "url": None,
}
OUTCOME = {"filled": [], "failed": [FAILED_DAY], "abandoned": [], "runs_started": [], "runs_followed": []}
DONE, FAILED = "pages: analytics done", "pages: FAILED, nothing was published"
# A run whose wait has failed, with what its tasks have left.
XCOMS = {
    (CHECK, "window"): "2025-11-05 .. 2025-11-09",
    (CHECK, "coverage_pct"): 80.0,
    (WAIT, "outcome"): OUTCOME,
    (WAIT, "problem"): "The window 2025-11-05 .. 2025-11-09 is not ready.\n2025-11-06 failed",
}


@pytest.fixture
def message(monkeypatch):
    """The message about a run with these states of its tasks and these XComs."""
    with Receiver() as server:
        notify = {"conn_type": "apprise", "password": server.url}
        monkeypatch.setenv("AIRFLOW_CONN_NOTIFY", json.dumps(notify))

        def sent(states, xcoms, on="always", *, store=None, clear_number=0):
            run = SimpleNamespace(dag_id="pages_orchestrator", run_id="one", clear_number=clear_number)
            ti = SimpleNamespace(
                xcom_pull=lambda task_ids, key: xcoms.get((task_ids, key)),
                get_task_states=lambda dag_id, run_ids: {run_ids[0]: states} if dag_id == run.dag_id else {},
            )
            task = Notify(task_id="notify", dataset_name="pages", notify_conn_id="notify", on=on)
            server.received.clear()
            context = {"ti": ti, "dag_run": run, "params": {}}
            task.execute(context | {"task_state_store": StateStore() if store is None else store})
            [received] = server.received or [{"title": None, "message": ""}]
            return received["title"], received["message"].splitlines()

        sent.received = server.received
        yield sent


def test_a_failed_wait_names_each_day_once(message):
    states = {CHECK: "success", START: "success", WAIT: "failed", CONSUME: "upstream_failed"}
    title, lines = message(states, XCOMS)
    assert title == FAILED
    assert lines[2:] == [
        "Days filled: none",
        "Days failed: 2025-11-06",
        "  2025-11-06 failed (run 2025-11-06.1, ERROR): no luck",
        "Problem: The window 2025-11-05 .. 2025-11-09 is not ready.",
    ]


def test_what_a_skipped_task_left_in_an_earlier_try_is_not_told_again(message):
    states = {CHECK: "success", START: "skipped", WAIT: "skipped", CONSUME: "success"}
    title, lines = message(
        states, {**XCOMS, (CONSUME, "return_value"): {"rows": 5}, (CONSUME, "coverage_pct"): 100.0}
    )
    assert (title, lines) == (DONE, ["Window: 2025-11-05 .. 2025-11-09", "Coverage: 100.0 %"])


def test_analytics_that_fail_after_a_wait_are_told_with_their_reason(message):
    states = {CHECK: "success", START: "success", WAIT: "success", CONSUME: "failed"}
    outcome = {**OUTCOME, "filled": ["2025-11-06"], "failed": []}
    title, lines = message(
        states, {**XCOMS, (WAIT, "outcome"): outcome, (CONSUME, "problem"): "The warehouse does not answer."}
    )
    assert title == FAILED
    assert lines[-1] == "Problem: The warehouse does not answer."


def test_a_result_of_before_does_not_count_for_a_task_that_was_killed(message):
    states = {CHECK: "success", START: "skipped", WAIT: "skipped", CONSUME: "failed"}
    title, lines = message(states, {**XCOMS, (CONSUME, "return_value"): {"rows": 5}})
    assert title == FAILED
    assert lines[-1] == "Problem: run_analytics was killed, or marked as failed. See its log."


def test_analytics_that_a_person_marked_as_done_were_not_done(message):
    states = {CHECK: "success", START: "skipped", WAIT: "skipped", CONSUME: "success"}
    title, lines = message(states, XCOMS)
    assert title == FAILED
    assert lines[-1] == "Problem: run_analytics was not executed; its state is success."


STATES = {
    "failed": {CHECK: "success", START: "skipped", WAIT: "skipped", CONSUME: "failed"},
    "skipped": {CHECK: "success", START: "skipped", WAIT: "skipped", CONSUME: "skipped"},
    "done": {CHECK: "success", START: "skipped", WAIT: "skipped", CONSUME: "success"},
}
LEFT = {
    (CHECK, "window"): "2025-11-05 .. 2025-11-09",
    (CONSUME, "return_value"): {"changed": False},
    (CONSUME, "skipped"): "a newer window is published",
}


@pytest.fixture
def variables(monkeypatch):
    fake = Variables()
    monkeypatch.setattr("smart_orchestrator.airflow.notifications.Variable", fake)
    return fake


def refuse(*_):
    """Airflow does not change a variable."""
    raise AirflowRuntimeError(ErrorResponse(error=ErrorType.GENERIC_ERROR, detail={"message": "no"}))


def test_a_skipped_run_does_not_end_a_failure(message, variables):
    del variables
    states = ("failed", "skipped", "done", "done")
    told = [message(STATES[name], LEFT, "change") for name in states]
    assert [title for title, _ in told] == [FAILED, "pages: analytics skipped", DONE, None]
    recovered = "Recovered: the run one had failed"
    assert [recovered in lines for _, lines in told] == [False, False, True, False]


def test_a_failure_is_told_when_airflow_does_not_store_the_variable(message, variables):
    variables.set = refuse
    assert message(STATES["failed"], LEFT, "change")[0] == FAILED
    assert message(STATES["done"], LEFT, "change")[0] is None


def test_a_recovery_is_told_when_airflow_does_not_delete_the_variable(message, variables):
    variables.delete = refuse
    message(STATES["failed"], LEFT, "change")
    assert message(STATES["done"], LEFT, "change")[0] == DONE


def test_a_repeated_try_does_not_send_the_message_again(message):
    """Airflow takes a slow process for dead, and starts the task again, although the process has sent the message."""
    store = StateStore()
    assert message(STATES["failed"], LEFT, store=store)[0] == FAILED
    assert message(STATES["failed"], LEFT, store=store)[0] is None
    assert message(STATES["failed"], LEFT, store=store, clear_number=1)[0] == FAILED, (
        "a person has cleared it"
    )
    assert message(STATES["done"], LEFT, store=store, clear_number=1)[0] == DONE


def test_a_try_that_was_killed_before_it_sent_the_message_is_made_good(message):
    store = StateStore({"sending": f"0 {FAILED}"})
    assert message(STATES["failed"], LEFT, store=store)[0] == FAILED


def test_a_process_that_airflow_has_given_up_sends_nothing(message, variables):
    variables.set("smart_orchestrator_failed_run_pages_orchestrator", "zero", "text")
    store = StateStore()
    store.set = refuse
    with pytest.raises(AirflowRuntimeError):
        message(STATES["done"], LEFT, "change", store=store)
    assert message.received == []
    assert "Recovered: the run zero had failed" in message(STATES["done"], LEFT, "change")[1]


def test_a_message_is_sent_when_airflow_does_not_keep_that_it_was(message):
    class Forgetful(StateStore):
        def set(self, key, value):
            refuse() if key == "sent" else super().set(key, value)

    assert message(STATES["failed"], LEFT, store=Forgetful())[0] == FAILED
