"""The freshness task without a running Airflow: each day by its own deadline, one message when an incident begins and one at its end."""

from __future__ import annotations

import datetime as dt
import json
from types import SimpleNamespace

import polars as pl
import pytest

from smart_orchestrator import Column, DailyDataset, OptionError, write_frame
from smart_orchestrator.airflow import CheckFreshness, Orchestration
from smart_orchestrator.model.window import today_utc
from testing.message_receiver import Receiver

# Apprise imports a module that Python 3.13 has not.
pytestmark = [
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
    pytest.mark.usefixtures("same_day"),
]


def ago(days):
    return today_utc() - dt.timedelta(days=days)


@pytest.fixture
def received(monkeypatch):
    with Receiver() as server:
        notify = {"conn_type": "apprise", "password": server.url}
        monkeypatch.setenv("AIRFLOW_CONN_NOTIFY", json.dumps(notify))
        yield server.received


@pytest.fixture
def made(tmp_path):
    columns = (Column("page", unique=True), Column("views", "integer"))
    dataset = DailyDataset("pages", str(tmp_path / "lake"), "p_{day:%Y_%m_%d}.csv", columns=columns)
    (tmp_path / "lake").mkdir()
    return Orchestration(dataset, "pipeline", state=str(tmp_path / "state"))


def write(made, *days):
    for day in days:
        write_frame(made.dataset, day, pl.DataFrame({"page": ["A"], "views": [1]}))


def judged(made, **options):
    """The result of the task, in a run of its own or cleared: a cleared task begins anew, without its XComs."""
    task = CheckFreshness(
        task_id="check_freshness", orchestration=made, fresh="24 hours", complete="3 of 3", **options
    )
    return task.execute({"ti": SimpleNamespace(xcom_push=lambda **_: None)})


def test_one_message_when_a_day_is_late_and_one_when_it_is_there(made, received):
    # Yesterday is not due before tomorrow.
    write(made, ago(4), ago(3))
    report = judged(made)
    assert (report["met"], {p["key"]: p["state"] for p in report["partitions"]}[str(ago(2))]) == (
        False,
        "late",
    )
    [late] = received
    assert (late["title"], late["type"]) == (f"pages: {ago(2)} late", "failure")

    judged(made)
    write(made, ago(30))
    judged(made)
    assert len(received) == 1, "neither a cleared task nor an old day tells it again, or ends it"

    write(made, ago(2))
    assert judged(made)["met"] is True
    judged(made)
    assert [item["title"] for item in received] == [f"pages: {ago(2)} late", f"pages: {ago(2)} recovered"]


def test_a_message_that_no_address_accepts_is_sent_by_the_next_run(made, received, monkeypatch):
    working = json.dumps({"conn_type": "apprise", "password": "json://127.0.0.1:9/"})
    monkeypatch.setenv("AIRFLOW_CONN_DEAD", working)
    judged(made, notify_conn_id="dead")
    assert received == []
    judged(made)
    assert [item["title"] for item in received] == ["pages: 3 partitions late"]


@pytest.mark.parametrize(
    ("options", "state", "message"),
    [
        ({"fresh": "soon"}, "state", "is not a deadline such as"),
        ({"fresh": "2 hours", "complete": "8 of 7"}, "state", "is not between 1 of 1"),
        ({"fresh": "2 hours"}, "", "is empty. Name a folder"),
    ],
    ids=["deadline", "complete", "no state"],
)
def test_an_objective_that_cannot_be_judged_is_refused(made, options, state, message):
    orchestration = Orchestration(made.dataset, "pipeline", state=state)
    with pytest.raises(OptionError, match=message):
        CheckFreshness(task_id="check_freshness", orchestration=orchestration, **options)
