"""Runs that Airflow's schedule will create: which are waited for, and until when."""

from __future__ import annotations

import datetime as dt

import pytest

from smart_orchestrator.model.dataset import DailyDataset
from smart_orchestrator.model.run import Failure, RunState
from smart_orchestrator.runners.airflow import AirflowRunner
from smart_orchestrator.runners.airflow_client import AirflowApi
from smart_orchestrator.runners.airflow_schedule import Schedule, scheduled_time
from testing.scripted_server import Reply, ScriptedServer

LAG = dt.timedelta(days=3)
NOW = dt.datetime(2025, 11, 12, 3, 0, tzinfo=dt.UTC)
AT_FOUR = dt.datetime(2025, 11, 12, 4, 0, tzinfo=dt.UTC)
NEWEST = dt.date(2025, 11, 9)
DAY = dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("next_run_after", "catchup", "day", "expected"),
    [
        (AT_FOUR, False, NEWEST, AT_FOUR),
        (AT_FOUR, False, NEWEST - DAY, None),
        (AT_FOUR, False, NEWEST + DAY, None),
        (AT_FOUR, True, NEWEST + DAY, None),
        (AT_FOUR - 3 * DAY, True, NEWEST - 3 * DAY, AT_FOUR - 3 * DAY),
        (AT_FOUR - 3 * DAY, True, NEWEST - DAY, AT_FOUR - DAY),
        (AT_FOUR - 3 * DAY, True, NEWEST - 4 * DAY, None),
        (AT_FOUR - 3 * DAY, False, NEWEST - DAY, None),
        (AT_FOUR - 300 * DAY, True, NEWEST - DAY, None),
        (None, True, NEWEST, None),
    ],
    ids=[
        "next run",
        "already created",
        "day after next",
        "catchup creates no future run",
        "first of the backlog",
        "second of the backlog",
        "before the backlog",
        "no backlog without catchup",
        "backlog too long",
        "no schedule",
    ],
)
def test_which_run_airflow_will_create(next_run_after, catchup, day, expected):
    assert Schedule(next_run_after, catchup).run_after(day, LAG, NOW) == expected


def test_a_paused_dag_creates_no_run():
    details = {"is_paused": True, "next_dagrun_run_after": AT_FOUR.isoformat(), "catchup": True}
    assert Schedule.of(details) == Schedule(None, catchup=True)
    assert Schedule.of(details | {"is_paused": False}) == Schedule(AT_FOUR, catchup=True)
    assert Schedule.of({"next_dagrun_run_after": None}) == Schedule(None, catchup=False)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("scheduled__2025-11-12T04:00:00+00:00", AT_FOUR),
        ("scheduled__2025-11-12T05:00:00+01:00", AT_FOUR),
        ("scheduled__2025-11-12T04:00:00", None),
        ("scheduled__soon", None),
        ("2025-11-09.1", None),
    ],
)
def test_the_time_in_the_name_of_a_run(name, expected):
    assert scheduled_time(name) == expected


class Pipeline:
    """Airflow with one DAG, which has a schedule and the runs in `runs`."""

    def __init__(self):
        now = dt.datetime.now(tz=dt.UTC).replace(microsecond=0)
        self.next_run_after = now + dt.timedelta(minutes=30)
        self.runs = []
        self.after_request = None

    @property
    def day(self):
        """The day of the next scheduled run."""
        return self.next_run_after.date() - LAG

    def create(self, state="queued"):
        """Create the next run, as Airflow's scheduler does."""
        run = {
            "dag_run_id": f"scheduled__{self.next_run_after.isoformat()}",
            "state": state,
            "conf": {},
            "run_after": self.next_run_after.isoformat(),
            "start_date": None,
            "end_date": None,
        }
        self.runs.append(run)
        self.next_run_after += DAY

    def __call__(self, asked):
        reply = self.answer(asked)
        after, self.after_request = self.after_request, None
        if after is not None:
            after()
        return reply

    def answer(self, asked):
        if asked.path == "/auth/token":
            return Reply({"access_token": "t"}, status=201)
        if asked.path.endswith("/dagRuns"):
            return Reply({"dag_runs": list(self.runs), "total_entries": len(self.runs)})
        dag = {"is_paused": False, "max_active_runs": 4, "catchup": False}
        return Reply(dag | {"next_dagrun_run_after": self.next_run_after.isoformat()})


@pytest.fixture
def pipeline():
    return Pipeline()


@pytest.fixture
def runner(pipeline):
    with ScriptedServer(pipeline) as server:
        api = AirflowApi(server.url, user="me", password="p", timeout=30.0, patience=60.0)
        dataset = DailyDataset("rows", "memory://airflow-schedule", "{day:%Y_%m_%d}.csv")

        def made(wait_for_schedule):
            return AirflowRunner(dataset, api, "pipeline", wait_for_schedule=wait_for_schedule)

        yield made


def test_a_run_that_comes_soon_is_followed_until_airflow_creates_it(runner, pipeline):
    runs = runner(3600)
    [(day, run)] = runs.latest([pipeline.day, pipeline.day - DAY]).items()
    assert (day, run.name) == (pipeline.day, f"scheduled__{pipeline.next_run_after.isoformat()}")
    assert (run.state, run.ours, run.attempt) == (RunState.QUEUED, False, 0)
    assert runs.poll([run]) == [run]
    pipeline.create("running")
    [now] = runs.poll([run])
    assert (now.name, now.state) == (run.name, RunState.RUNNING)
    assert runs.latest([day])[day].name == run.name


def test_a_run_that_airflow_creates_between_two_requests_of_a_poll_is_not_lost(runner, pipeline):
    runs = runner(3600)
    [run] = runs.latest([pipeline.day]).values()
    pipeline.after_request = pipeline.create
    [now] = runs.poll([run])
    assert len(pipeline.runs) == 1
    assert (now.name, now.state, now.failure) == (run.name, RunState.QUEUED, None)


def test_a_scheduled_run_that_was_deleted_is_lost(runner, pipeline):
    runs = runner(3600)
    [run] = runs.latest([pipeline.day]).values()
    pipeline.create()
    pipeline.runs.clear()
    [now] = runs.poll([run])
    assert (now.state, now.failure) == (RunState.LOST, Failure.LOST)


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_a_run_that_comes_late_is_not_waited_for_but_is_known(runner, pipeline, seconds):
    runs = runner(seconds)
    assert runs.latest([pipeline.day]) == {}
    assert runs.scheduled([pipeline.day, pipeline.day - DAY]) == {pipeline.day: pipeline.next_run_after}
