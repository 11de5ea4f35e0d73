"""The client of Airflow's API against a server that misbehaves; how it works with a real one: `make test-airflow`."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from smart_orchestrator.errors import OptionError, RunsError, RunsUnreachable
from smart_orchestrator.model.dataset import DailyDataset
from smart_orchestrator.model.run import Failure, RunState
from smart_orchestrator.runners.airflow import AirflowRunner, _date_prefixes
from smart_orchestrator.runners.airflow_client import PAGE_SIZE, AirflowApi, Refused
from testing.scripted_server import Reply, ScriptedServer

PASSWORD = "correct-horse"
DAY = dt.date(2025, 11, 5)
DAG = {"is_paused": False, "has_import_errors": False, "is_stale": False, "max_active_runs": 4}


def run(number, state="success", **more):
    return {
        "dag_run_id": f"2025-11-05.{number}",
        "state": state,
        "conf": {"target_date": "2025-11-05"},
        "run_after": "2026-01-01T00:00:00Z",
        "start_date": "2026-01-01T00:00:00Z",
        "end_date": None,
    } | more


class FakeAirflow:
    """Answers as Airflow does, except where `script` has a reply for a method and a path's end."""

    def __init__(self):
        self.script = {}
        self.runs = []
        self.tokens = 0

    def __call__(self, request):
        for (method, end), replies in self.script.items():
            if method == request.method and request.path.endswith(end) and replies:
                return replies.pop(0)
        if request.path == "/auth/token":
            self.tokens += 1
            return Reply({"access_token": f"token-{self.tokens}"}, status=201)
        if request.headers.get("authorization") != f"Bearer token-{self.tokens}":
            return Reply({"detail": "Invalid JWT token"}, status=401)
        if request.path.endswith("/dagRuns") and request.method == "GET":
            offset = int(request.params["offset"])
            page = self.runs[offset : offset + int(request.params["limit"])]
            return Reply({"dag_runs": page, "total_entries": len(self.runs)})
        name = request.path.rpartition("/dagRuns/")[2]
        if match := next((item for item in self.runs if item["dag_run_id"] == name), None):
            if request.method == "PATCH":
                match.update(json.loads(request.body))
            return Reply(match)
        if request.path.endswith("/taskInstances"):
            return Reply({"task_instances": [], "total_entries": 0})
        return Reply(run(1, "queued")) if request.method == "POST" else Reply(DAG)


@pytest.fixture
def airflow():
    return FakeAirflow()


@pytest.fixture
def server(airflow):
    with ScriptedServer(airflow) as server:
        yield server


@pytest.fixture
def api(server):
    return AirflowApi(server.url, user="me", password=PASSWORD, timeout=30.0, patience=60.0)


@pytest.fixture
def runs(api):
    return AirflowRunner(DailyDataset("rows", "memory://airflow-api", "{day:%Y_%m_%d}.csv"), api, "pipeline")


def test_one_token_serves_until_airflow_takes_it_no_more(airflow, api):
    api.get("/dags/x")
    api.get("/dags/x")
    assert airflow.tokens == 1
    airflow.script["GET", "/dags/x"] = [Reply({"detail": "Token Expired"}, status=401)]
    api.get("/dags/x")
    assert airflow.tokens == 2


def test_a_given_token_that_has_expired_asks_for_another_one(server):
    api = AirflowApi(server.url, token="a-secret-token")
    with pytest.raises(
        Refused, match=r"Invalid JWT token \(HTTP 401\)\. Replace the token, or set the user and the password"
    ) as caught:
        api.get("/dags/x")
    assert "a-secret-token" not in str(caught.value) + repr(api) + str(vars(caught.value))


@pytest.mark.parametrize(
    "faults",
    [
        [Reply(status=503), Reply(status=500)],
        [Reply(status=429)],
        [Reply(fault="reset"), Reply(fault="truncate")],
        [Reply(fault="stall")],
    ],
    ids=["5xx", "throttled", "cut off", "no answer"],
)
def test_what_is_the_servers_fault_is_tried_again(airflow, server, faults):
    api = AirflowApi(server.url, user="me", password=PASSWORD, timeout=2.0, patience=60.0)
    airflow.script["GET", "/dags/x"] = list(faults)
    assert api.get("/dags/x") == DAG
    assert airflow.script["GET", "/dags/x"] == []


def test_patience_ends(airflow, server):
    api = AirflowApi(server.url, user="me", password=PASSWORD, timeout=30.0, patience=2.0)
    api.get("/dags/x")
    airflow.script["GET", "/dags/x"] = [Reply(status=503)] * 100
    with pytest.raises(
        RunsUnreachable,
        match=r"answers GET /api/v2/dags/x with HTTP 503, for 2 s\. Check the URL",
    ):
        api.get("/dags/x")


def test_an_address_that_never_answered_is_told_early(monkeypatch):
    monkeypatch.setattr("smart_orchestrator.runners.airflow_client.FIRST_PATIENCE", 0.5)
    problem = r"Airflow at http://127\.0\.0\.1:9: does not answer \(ConnectError\), for 0\.5 s\. "
    with pytest.raises(RunsUnreachable, match=problem):
        AirflowApi("http://me:hunter2@127.0.0.1:9", user="me", password=PASSWORD).get("/dags/x")


def test_something_else_at_the_address_is_told(airflow, api):
    airflow.script["POST", "/auth/token"] = [
        Reply(b"<html>", status=200),
        Reply({"detail": "Not Found"}, status=404),
    ]
    for _ in range(2):
        with pytest.raises(
            RunsError, match=r"the server at this address is not Airflow 3 \(HTTP (200|404)\)"
        ):
            api.get("/dags/x")


def test_wrong_credentials_name_the_user_alone(airflow, api):
    airflow.script["POST", "/auth/token"] = [Reply({"detail": "Invalid credentials"}, status=401)]
    with pytest.raises(Refused, match="user me cannot sign in") as caught:
        api.get("/dags/x")
    assert PASSWORD not in str(caught.value) + repr(api)


def test_a_validation_error_is_one_sentence(airflow, api):
    detail = [
        {"loc": ["body", "dag_run_id"], "msg": "does not match"},
        {"loc": ["body", "conf"], "msg": "is no object"},
    ]
    airflow.script["POST", "/dagRuns"] = [Reply({"detail": detail}, status=422)]
    with pytest.raises(
        Refused, match=r"body\.dag_run_id: does not match; body\.conf: is no object \(HTTP 422\)"
    ):
        api.post("/dags/x/dagRuns", {})


def test_all_pages_are_read(airflow, api, runs):
    airflow.runs = [run(number) for number in range(1, 2 * PAGE_SIZE + 51)]
    assert [item["dag_run_id"] for item in api.pages("/dags/x/dagRuns", "dag_runs")][
        -1
    ] == f"2025-11-05.{2 * PAGE_SIZE + 50}"
    assert runs.start(DAY).ours
    assert runs.latest([DAY])[DAY].attempt == 2 * PAGE_SIZE + 50


@pytest.mark.parametrize(("first", "ours"), [([Reply(fault="reset")], True), ([], False)])
def test_a_run_that_exists_is_ours_only_when_our_own_request_was_cut_off(airflow, runs, first, ours):
    airflow.script["POST", "/dagRuns"] = [*first, Reply({"detail": "exists"}, status=409)]
    listings = iter([[], [], [run(1, "queued")]])
    airflow.script["GET", "/dagRuns"] = [
        Reply({"dag_runs": page, "total_entries": len(page)}) for page in listings
    ]

    started = runs.start(DAY)

    assert (started.name, started.state, started.ours) == ("2025-11-05.1", RunState.QUEUED, ours)


def test_a_name_that_another_day_has_taken_is_an_error_not_a_loop(airflow, runs):
    airflow.script["POST", "/dagRuns"] = [Reply({"detail": "exists"}, status=409)]
    taken = run(1, conf={"target_date": "2025-11-06"})
    airflow.runs = [taken]
    with pytest.raises(RunsError, match=r"the name 2025-11-05\.1 is taken by a run of another day"):
        runs.start(DAY)


def test_a_run_that_failed_without_a_failed_task_says_so(airflow, runs):
    airflow.runs = [run(1, "failed")]
    (seen,) = runs.poll([runs.latest([DAY])[DAY]])
    assert (seen.failure, seen.message) == (Failure.ERROR, "the run failed, but none of its tasks failed")


def test_a_deleted_run_is_lost_and_a_paused_pipeline_an_error(airflow, runs):
    airflow.runs = [run(1, "running")]
    seen = runs.latest([DAY])[DAY]
    airflow.script["GET", "/dags/pipeline"] = [Reply(DAG | {"is_paused": True})]
    with pytest.raises(RunsError, match=r"is paused, .* Switch it on: airflow dags unpause pipeline\."):
        runs.poll([seen])
    airflow.runs = []
    (lost,) = runs.poll([seen])
    assert (lost.state, lost.failure) == (RunState.LOST, Failure.LOST)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"has_import_errors": True, "relative_fileloc": "p.py"}, r"has import errors in p\.py, so no run"),
        ({"is_stale": True}, "there is no DAG pipeline"),
        ({"is_paused": True}, "is paused, so its runs would wait for ever"),
    ],
)
def test_a_pipeline_that_cannot_run_is_told_before_anything_is_started(airflow, server, runs, broken, says):
    airflow.script["GET", "/dags/pipeline"] = [Reply(DAG | broken)]
    with pytest.raises(RunsError, match=says):
        runs.start(DAY)
    assert not [
        request for request in server.requests if request.method == "POST" and request.path != "/auth/token"
    ]


def test_runs_belong_to_the_day_of_their_conf_else_of_their_schedule(airflow, runs):
    airflow.runs = [
        run(1, dag_run_id="scheduled__x", conf={}, run_after="2025-11-08T02:00:00Z"),
        run(2, dag_run_id="by hand", conf={"target_date": "2025-11-07"}),
        run(3, dag_run_id="nonsense", conf={"target_date": "tomorrow"}),
        run(4, dag_run_id="empty", conf=None, run_after="2025-11-10T01:00:00+02:00"),
    ]
    found = runs.latest([DAY, dt.date(2025, 11, 6), dt.date(2025, 11, 7)])
    assert {str(day): run.name for day, run in found.items()} == {
        "2025-11-05": "scheduled__x",
        "2025-11-06": "empty",
        "2025-11-07": "by hand",
    }


@pytest.mark.parametrize(
    ("first", "last", "starts"),
    [
        ((2025, 11, 5), (2025, 11, 5), ["2025-11-05"]),
        ((2025, 11, 5), (2025, 11, 9), ["2025-11-"]),
        ((2025, 12, 30), (2026, 1, 3), ["2025-12-", "2026-01-"]),
        ((2019, 12, 31), (2020, 1, 1), ["2019-12-", "2020-01-"]),
        ((2024, 6, 1), (2026, 6, 30), ["2024-", "2025-", "2026-"]),
    ],
)
def test_a_window_asks_for_runs_of_its_own_months(first, last, starts):
    assert _date_prefixes(dt.date(*first), dt.date(*last)) == starts


@pytest.mark.parametrize("options", [{"timeout": 0.0}, {"timeout": float("nan")}, {"patience": -1.0}])
def test_an_api_that_could_not_be_asked_is_refused(options):
    with pytest.raises(OptionError):
        AirflowApi("http://localhost:8080", **options)


@pytest.mark.parametrize("options", [{"poll_seconds": 0.0}, {"poll_seconds": float("nan")}, {"lag": -1}])
def test_a_runner_that_would_poll_without_a_pause_is_refused(api, options):
    with pytest.raises(OptionError):
        AirflowRunner(DailyDataset("rows", "memory://airflow-api", "{day:%Y_%m_%d}.csv"), api, "x", **options)


@pytest.mark.parametrize(
    ("before", "after"),
    [("queued", "failed"), ("running", "failed"), ("success", "success"), ("failed", "failed")],
)
def test_a_run_is_cancelled_unless_it_has_ended(airflow, server, runs, before, after):
    airflow.runs = [run(1, before), run(2, "running")]
    runs.cancel(first_run(runs))
    assert [item["state"] for item in airflow.runs] == [after, "running"]
    changes = [request for request in server.requests if request.method == "PATCH"]
    assert [request.path for request in changes] == (
        ["/api/v2/dags/pipeline/dagRuns/2025-11-05.1"] if after != before else []
    )


def first_run(runs):
    return next(run for run in runs.recent(2, DAY) if run.attempt == 1)


def test_a_refused_cancellation_says_why(airflow, runs):
    airflow.runs = [run(1, "running")]
    airflow.script["PATCH", "/dagRuns/2025-11-05.1"] = [Reply({"detail": "Forbidden"}, status=403)]
    with pytest.raises(Refused, match=r"Forbidden \(HTTP 403\)"):
        runs.cancel(first_run(runs))
