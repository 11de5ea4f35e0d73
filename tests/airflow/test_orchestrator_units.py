"""Parts of the orchestrator in Airflow without a running one: DAG files parse silently, a trigger knows all it needs."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import json
import runpy
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from importlib.metadata import version
from itertools import repeat
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from airflow.sdk.exceptions import AirflowFailException

from smart_orchestrator import Column, DailyDataset, LakeDenied, RunsError, Window, write_frame
from smart_orchestrator.airflow.connections import (
    airflow_api,
    aws_environment,
    notification_urls,
    postgres_url,
)
from smart_orchestrator.airflow.notifications import NotSent, send
from smart_orchestrator.airflow.operators import CheckCompleteness
from smart_orchestrator.airflow.orchestration import Orchestration
from smart_orchestrator.airflow.params import Request
from smart_orchestrator.airflow.triggers import DataReadyTrigger
from smart_orchestrator.backfilling.polling import FIRST_POLL_SECONDS
from smart_orchestrator.model.completeness import Policy
from smart_orchestrator.model.dataset import Dataset
from smart_orchestrator.model.plan import Action
from smart_orchestrator.runners.airflow_schedule import scheduled_run
from testing.message_receiver import Receiver
from testing.s3_server import s3_server
from tests.airflow.orchestrated import TASKS

ROOT = Path(__file__).parents[2]
DAGS = sorted((ROOT / "dags").glob("*.py"))
PARSE = """
import json, sys, warnings
warnings.simplefilter("error")
import airflow.sdk
from airflow.dag_processing.dagbag import DagBag
before = set(sys.modules)
import runpy
dag = runpy.run_path(sys.argv[1])["dag"]
heavy = sorted({"polars", "duckdb", "pyarrow", "pandas", "numpy", "httpx2", "apprise"} & set(sys.modules) - before)
print(json.dumps(heavy))
"""


@pytest.mark.parametrize("path", DAGS, ids=lambda path: path.stem)
def test_a_dag_file_parses_without_a_warning_and_without_heavy_imports(path, tmp_path):
    """In a process that has imported Airflow, as the dag-processor's have."""
    done = subprocess.run(
        [sys.executable, "-c", PARSE, str(path)],
        capture_output=True,
        text=True,
        env={"AIRFLOW_HOME": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


@pytest.fixture
def dags(monkeypatch, tmp_path):
    """The DAGs by their names, as the files make them with default settings."""
    monkeypatch.chdir(tmp_path)
    return {path.stem: runpy.run_path(str(path))["dag"] for path in DAGS}


def test_the_documented_names(dags):
    orchestrator = dags["wiki_smart_analytics_orchestrator"]
    assert orchestrator.schedule == "0 3 * * *"
    assert (orchestrator.max_active_runs, orchestrator.catchup) == (1, False)
    assert tuple(orchestrator.task_ids) == TASKS
    downstream = {task: orchestrator.get_task(task).downstream_task_ids for task in TASKS}
    assert downstream == {
        "check_completeness": {"trigger_missing_data_fetches", "run_analytics"},
        "trigger_missing_data_fetches": {"wait_for_data_ready"},
        "wait_for_data_ready": {"run_analytics"},
        "run_analytics": {"notify"},
        "notify": set(),
    }
    assert dags["wiki_trending_pipeline"].schedule == "0 2 * * *"
    assert dags["wiki_trending_pipeline"].catchup is False
    assert dags["wiki_analytics_trends"].schedule is None


def test_settings_change_what_was_changed_by_editing_the_file(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "ORCHESTRATOR_SCHEDULE": "0 */6 * * *",
        "ORCHESTRATOR_POLL": "30",
        "ORCHESTRATOR_TIMEOUT": "3600",
        "ORCHESTRATOR_NOTIFY_ON": "change",
        "ATTEMPTS": "2",
        "WRITING_SECONDS": "77",
        "DAYS": "7",
    }.items():
        monkeypatch.setenv(f"WIKI_TRENDS_{name}", value)
    dag = runpy.run_path(str(ROOT / "dags/wiki_smart_analytics_orchestrator.py"))["dag"]
    waiting = dag.get_task("wait_for_data_ready").orchestration
    assert (dag.schedule, waiting.poll_seconds, waiting.timeout) == ("0 */6 * * *", 30, 3600)
    assert (waiting.settle_seconds, waiting.attempts) == (77, 2)
    assert dag.get_task("notify").on == "change"
    assert dag.params["days"] == 7


def test_every_dag_and_task_says_what_it_is(dags):
    for dag in dags.values():
        assert dag.doc_md
        assert dag.tags
        for task in dag.tasks:
            assert task.doc_md or task.doc


def orchestration(lake, **changed):
    dataset = DailyDataset(
        "pages",
        lake,
        "p_{day:%Y_%m_%d}.csv",
        columns=(Column("page", unique=True), Column("views", "integer")),
    )
    return Orchestration(dataset, "pipeline", **changed)


def test_a_trigger_is_made_anew_from_what_it_wrote_down(tmp_path):
    made = orchestration(str(tmp_path), poll_seconds=2.0, timeout=60.0)
    state = {"goal": None, "keys": []}
    first = DataReadyTrigger(made.to_json(), state, "2025-11-12T00:00:00+00:00")
    path, kept = first.serialize()
    assert path == "smart_orchestrator.airflow.triggers.DataReadyTrigger"
    again = DataReadyTrigger(**json.loads(json.dumps(kept)))
    assert again.serialize() == (path, kept)
    assert Orchestration.from_json(json.loads(json.dumps(made.to_json()))) == rebuilt(made)
    early = replace(made, dataset=replace(made.dataset, history_start=dt.date(2015, 7, 1)))
    assert Orchestration.from_json(json.loads(json.dumps(early.to_json()))) == rebuilt(early)
    needy = replace(made, dataset=Dataset("days", str(tmp_path), "d/{start:%Y-%m-%d}", needs=("pages",)))
    assert Orchestration.from_json(json.loads(json.dumps(needy.to_json()))) == needy


def rebuilt(made):
    """The same with a `Dataset`: the document does not name its class."""
    fields = {field.name: getattr(made.dataset, field.name) for field in dataclasses.fields(made.dataset)}
    return replace(made, dataset=Dataset(**fields))


def test_a_trigger_with_nothing_under_way_ends_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("smart_orchestrator.airflow.triggers.poll_pauses", lambda _interval: repeat(0.0))
    monkeypatch.setattr("smart_orchestrator.airflow.triggers.MIN_FIRST_PAUSE", 0.0)
    monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_API", "http://user:secret@127.0.0.1:9")
    made = orchestration(str(tmp_path))
    queued = {"key": "2025-11-05", "phase": "queued", "run": None, "runs": [], "measured": None}
    state = {"goal": None, "keys": [queued]}
    trigger = DataReadyTrigger(made.to_json(), state, "2099-01-01T00:00:00+00:00")
    event = asyncio.run(_first_event(trigger))
    assert (event["why"], event["backfill"]) == ("", state)


@pytest.mark.parametrize(
    ("waited", "pause"), [(0, FIRST_POLL_SECONDS), (2, FIRST_POLL_SECONDS - 2), (9, 5), (7200, 5), (10**9, 5)]
)
def test_a_trigger_polls_ten_seconds_after_the_start_of_the_runs(tmp_path, monkeypatch, waited, pause):
    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)

    monkeypatch.setattr("smart_orchestrator.airflow.triggers.asyncio.sleep", sleep)
    monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_API", "http://user:secret@127.0.0.1:9")
    made = orchestration(str(tmp_path), poll_seconds=1.0, timeout=7200.0)
    state = {"goal": None, "keys": []}
    deadline = dt.datetime.now(tz=dt.UTC) + dt.timedelta(seconds=made.timeout - waited)
    event = asyncio.run(_first_event(DataReadyTrigger(made.to_json(), state, deadline.isoformat())))
    # The event loop reaches the pause a moment after the deadline was computed, and on a busy machine seconds after.
    assert len(pauses) == 1
    assert 5 <= pauses[0] <= pause
    assert event["backfill"] == state


async def _first_event(trigger):
    async for event in trigger.run():
        return event.payload
    return None


def test_a_strict_request_refuses_a_day_of_unusual_volume(tmp_path):
    made = orchestration(str(tmp_path))
    last = dt.date(2025, 11, 11)
    for weeks in range(6):
        rows = 5 if weeks == 0 else 100
        frame = pl.DataFrame({"page": [f"P{n}" for n in range(rows)], "views": [1] * rows})
        write_frame(made.dataset, last - dt.timedelta(weeks=weeks), frame)
    window = Window.of_days(1, dt.date(2025, 11, 14))
    assert made.check(Request(window, Policy())).ready
    assert not made.check(Request(window, Policy(strict=True))).ready


@pytest.mark.parametrize(
    ("is_followed", "hours", "warning"),
    [
        (False, 5, "so the day is run twice. Schedule the pipeline before this DAG."),
        (True, 1, "and this DAG waits for that run. Schedule the pipeline before this DAG."),
        (True, -1, None),
    ],
    ids=["too late to wait", "soon", "due already"],
)
def test_a_pipeline_that_is_scheduled_after_the_orchestrator_is_a_warning(
    tmp_path, monkeypatch, is_followed, hours, warning
):
    day, run_after = dt.date(2025, 11, 9), dt.datetime.now(tz=dt.UTC) + dt.timedelta(hours=hours)
    run = scheduled_run(day, run_after, "http://airflow")
    runner = SimpleNamespace(
        latest=lambda _days: {day: run} if is_followed else {}, scheduled=lambda _days: {day: run_after}
    )
    lines = []
    log = SimpleNamespace(
        warning=lambda text, *values: lines.append(text % values), log=lambda *_: None, info=lambda *_: None
    )
    monkeypatch.setattr(CheckCompleteness, "log", log)
    made = orchestration(str(tmp_path))
    task = CheckCompleteness(task_id="check", orchestration=made)
    window = Window.of_days(1, dt.date(2025, 11, 12))
    plan = task.plan(made.check(Request(window, Policy())), runner)
    assert plan.steps[0].action == (Action.FOLLOW if is_followed else Action.START)
    if warning is None:
        assert lines == []
    else:
        [line] = lines
        assert line.startswith(f"pipeline has a scheduled run for {day} at ")
        assert line.endswith(warning)


def test_an_orchestrator_waits_for_the_schedule_for_at_most_half_of_its_time_out(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_API", "http://user:secret@127.0.0.1:9")
    times = []
    monkeypatch.setattr(
        "smart_orchestrator.airflow.orchestration.AirflowRunner",
        lambda *_, wait_for_schedule, **__: times.append(wait_for_schedule),
    )
    for timeout in (7200.0, 3600.0, 3.0):
        orchestration(str(tmp_path), timeout=timeout).runner()
    assert times == [3600.0, 1800.0, 1.5]


def test_connections_in_the_forms_of_the_layer(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_API", "https://ada:s3cr%2Ft@airflow.example.org:8443")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "postgres://trends:p%40ss@db.example.org:5433/analytics")
    monkeypatch.setenv(
        "AIRFLOW_CONN_NOTIFY", json.dumps({"conn_type": "apprise", "password": "json://a json://b"})
    )
    api = airflow_api("api")
    assert api.url == "https://airflow.example.org:8443"
    assert "s3cr" not in repr(api)
    assert postgres_url("warehouse") == "postgresql://trends:p%40ss@db.example.org:5433/analytics"
    strict = "postgres://trends:p%40ss@db.example.org/analytics?sslmode=verify-full&sslrootcert=%2Fca.pem"
    monkeypatch.setenv("AIRFLOW_CONN_STRICT", strict)
    assert postgres_url("strict") == strict.replace("postgres://", "postgresql://")
    assert notification_urls("notify") == ["json://a", "json://b"]


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"host": "airflow.example.org", "port": 8080}, "http://airflow.example.org:8080"),
        ({"host": "https://airflow.example.org/team", "port": 8443}, "https://airflow.example.org:8443/team"),
        ({"host": "https://airflow.example.org:444", "port": 8443}, "https://airflow.example.org:444"),
        ({"host": "airflow.example.org/team", "schema": "https"}, "https://airflow.example.org/team"),
        ({"host": "2001:db8::1", "port": 8080}, "http://[2001:db8::1]:8080"),
        ({"host": "[2001:db8::1]", "port": 8080}, "http://[2001:db8::1]:8080"),
    ],
)
def test_the_address_of_an_api_connection(monkeypatch, fields, url):
    monkeypatch.setenv("AIRFLOW_CONN_API", json.dumps({"conn_type": "http"} | fields))
    assert airflow_api("api").url == url


@pytest.mark.parametrize("host", ["http://airflow.example.org:port", "http://[2001:db8::1", "http://a:99999"])
def test_a_host_that_is_not_an_address_is_named_with_the_fix(monkeypatch, host):
    monkeypatch.setenv("AIRFLOW_CONN_API", json.dumps({"conn_type": "http", "host": host, "port": 8080}))
    with pytest.raises(
        RunsError, match=r"Connection api: has a host that is not an address.* Set its host to"
    ):
        airflow_api("api")


def test_keys_of_an_aws_connection_open_the_lake_and_stay_out_of_the_environment(monkeypatch, tmp_path):
    with s3_server(tmp_path) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        made = orchestration(server.url, aws_conn_id="keys")
        write_frame(made.dataset, dt.date(2025, 11, 9), pl.DataFrame({"page": ["A"], "views": [1]}))
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
        request = Request(Window.of_days(1, dt.date(2025, 11, 12)), Policy())
        # Without a connection of that name the environment stands.
        monkeypatch.setenv("AIRFLOW_CONN_KEYS", json.dumps({"conn_type": "aws"}))
        with pytest.raises(LakeDenied) as denied:
            made.check(request)
        assert made.error_text(denied.value).endswith("are those of the connection keys.")
        without = replace(made, aws_conn_id="absent")
        assert "There is no connection absent, so the keys" in without.error_text(denied.value)
        assert made.error_text(ValueError("not of the lake")) == "not of the lake"
        connection = {
            "conn_type": "aws",
            "login": server.environment["AWS_ACCESS_KEY_ID"],
            "password": server.environment["AWS_SECRET_ACCESS_KEY"],
            "extra": {"endpoint_url": server.endpoint, "region_name": "us-east-1"},
        }
        monkeypatch.setenv("AIRFLOW_CONN_KEYS", json.dumps(connection))
        assert made.check(request).complete
        assert aws_environment("keys")["AWS_REGION"] == "us-east-1"


def test_an_api_connection_without_a_host_is_named_with_the_fix(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_API", json.dumps({"conn_type": "http"}))
    with pytest.raises(RunsError, match=r"Connection api: has no host\. Add it: airflow connections add api"):
        airflow_api("api")


# Apprise imports a module that Python 3.13 has not.
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_an_address_that_is_dead_does_not_repeat_the_message_for_the_others(monkeypatch):
    with Receiver() as server:
        urls = f"json://127.0.0.1:9/ {server.url}"
        monkeypatch.setenv("AIRFLOW_CONN_NOTIFY", json.dumps({"conn_type": "apprise", "password": urls}))
        with pytest.raises(NotSent, match="2 addresses in notify") as error:
            send("notify", "title", "text", failure=True)
    assert isinstance(error.value, AirflowFailException), "Airflow must not retry it"
    assert [(item["title"], item["type"]) for item in server.received] == [("title", "failure")]


def test_airflow_lists_the_layer_as_a_provider_whose_modules_exist():
    from airflow.providers_manager import ProvidersManager

    # Airflow leaves out, with a line in its log, what does not fit its schema.
    provider = ProvidersManager().providers["smart-orchestrator"]
    assert provider.version == version("smart-orchestrator")
    for kind in ("operators", "triggers"):
        for entry in provider.data[kind]:
            for module in entry["python-modules"]:
                assert import_module(module).__name__.startswith("smart_orchestrator.airflow.")
