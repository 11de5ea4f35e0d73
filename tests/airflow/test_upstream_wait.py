"""The wait for the upstream without a running Airflow: what the task decides, and when the trigger fires."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from smart_orchestrator import Column, DailyDataset, OptionError, Window, write_frame
from smart_orchestrator.airflow import orchestrator_dag
from smart_orchestrator.airflow.completeness_page.datasets import OrchestratedDataset, report_of
from smart_orchestrator.airflow.operators import with_late_days_filled
from smart_orchestrator.airflow.orchestration import Orchestration
from smart_orchestrator.airflow.params import Request
from smart_orchestrator.airflow.upstream import UpstreamTrigger, WaitForUpstream
from smart_orchestrator.backfilling.state import Outcome
from smart_orchestrator.model.completeness import Policy
from smart_orchestrator.model.window import today_utc
from smart_orchestrator.project_errors import ConfigError

pytestmark = pytest.mark.usefixtures("same_day")
ROOT = Path(__file__).parents[2]
PROBE = f"{__name__}:has"
LANDED: dict[dt.date, bool | None] = {}
ASKED: list[dt.date] = []


def yesterday():
    return today_utc() - dt.timedelta(days=1)


def has(day):
    """The upstream."""
    ASKED.append(day)
    return LANDED.get(day, False)


def has_no_contact(_day):
    raise ConfigError("wiki-trends.toml", "contact", "is missing", "Set it.")


@pytest.fixture(autouse=True)
def upstream():
    LANDED.clear()
    ASKED.clear()


@pytest.fixture
def made(tmp_path):
    columns = (Column("page", unique=True), Column("views", "integer"))
    dataset = DailyDataset("pages", str(tmp_path), "p_{day:%Y_%m_%d}.csv", columns=columns)
    return Orchestration(dataset, "pipeline", probe=PROBE)


class Run:
    """The context of a task of one run, with its XComs."""

    def __init__(self, run_type="scheduled", conf=None, run_day=None):
        self.values = {}
        run_after = dt.datetime.combine(run_day or today_utc(), dt.time(3), dt.UTC)
        self.context = {
            "dag_run": SimpleNamespace(run_type=run_type, conf=conf or {}, run_after=run_after),
            "params": {"days": 3, **(conf or {})},
            "dag": SimpleNamespace(params=["days", "as_of", "start", "end"]),
            "ti": SimpleNamespace(
                xcom_push=self.push,
                xcom_pull=self.pull,
            ),
        }

    def push(self, key, value):
        self.values[key] = value

    def pull(self, task_ids, key):
        assert task_ids == "wait_for_upstream"
        return self.values.get(key)


def task_of(made):
    return WaitForUpstream(task_id="wait_for_upstream", orchestration=made)


def test_a_scheduled_run_waits_for_yesterday_until_the_outer_bound(made):
    run = Run()
    with pytest.raises(TaskDeferred) as deferred:
        task_of(made).execute(run.context)
    trigger = deferred.value.trigger
    bound = dt.datetime.combine(today_utc() + dt.timedelta(days=2), dt.time(), dt.UTC)
    assert (trigger.day, trigger.until) == (str(yesterday()), bound.isoformat())
    assert [yesterday()] == ASKED
    assert run.values == {}


def test_a_day_that_has_landed_is_not_waited_for_and_the_lag_is_the_same_for_all_tasks(made):
    LANDED[yesterday()] = True
    run, task = Run(), task_of(made)
    task.execute(run.context)
    assert run.values == {"lag": 1}
    assert task.request(run.context).window.last == yesterday()
    run.values["lag"] = 2
    assert task.request(run.context).window.last == yesterday() - dt.timedelta(days=1)


def test_a_run_by_hand_takes_what_is_there(made):
    LANDED[yesterday() - dt.timedelta(days=1)] = True
    run = Run("manual")
    task_of(made).execute(run.context)
    assert run.values == {"lag": 2}


def test_after_the_outer_bound_the_window_ends_on_the_newest_day_that_landed(made):
    run = Run(run_day=today_utc() - dt.timedelta(days=2))
    LANDED[today_utc() - dt.timedelta(days=4)] = True
    task_of(made).execute(run.context)
    assert run.values == {"lag": 2}


def test_a_wrong_request_fails_before_anything_is_asked(made):
    with pytest.raises(AirflowFailException, match="'in_future' is not a parameter"):
        task_of(made).execute(Run(conf={"in_future": 1}).context)
    assert ASKED == []


def fired(trigger, monkeypatch, on_sleep=lambda: None):
    """The event of a trigger, and its pauses. `on_sleep` is called in each pause."""
    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)
        on_sleep()

    monkeypatch.setattr("smart_orchestrator.airflow.upstream.asyncio.sleep", sleep)

    async def first():
        async for event in trigger.run():
            return event.payload
        return None

    return asyncio.run(first()), pauses


def trigger_of(made, until="2099-01-01T00:00:00+00:00"):
    path, arguments = UpstreamTrigger(made.to_json(), str(yesterday()), until).serialize()
    assert path == "smart_orchestrator.airflow.upstream.UpstreamTrigger"
    return UpstreamTrigger(**json.loads(json.dumps(arguments)))


def test_the_trigger_fires_when_another_process_has_seen_the_day(made, monkeypatch):
    sleeps = []

    def learn():
        sleeps.append(1)
        if len(sleeps) == 4:
            [path] = Path(made.dataset.lake).rglob("_upstream/pages.json")
            document = json.loads(path.read_text())
            document["answers"][0]["answer"] = "landed"
            path.write_text(json.dumps(document))

    event, pauses = fired(trigger_of(made), monkeypatch, learn)
    assert event == {"problem": ""}
    assert pauses == [10.0, 60.0, 60.0, 60.0]
    assert [yesterday()] == ASKED, "the answer is valid for half an hour"


def test_the_trigger_fires_when_its_time_is_up(made, monkeypatch):
    event, pauses = fired(trigger_of(made, "2000-01-01T00:00:00+00:00"), monkeypatch)
    assert (event, pauses) == ({"problem": ""}, [10.0])


def test_a_probe_that_can_never_be_asked_ends_the_wait_with_its_reason(made, monkeypatch):
    wrong = Orchestration(made.dataset, "pipeline", probe=f"{__name__}:has_no_contact")
    event, _ = fired(trigger_of(wrong), monkeypatch)
    assert event == {"problem": "wiki-trends.toml: contact: is missing. Set it."}
    run = Run()
    with pytest.raises(AirflowFailException, match="contact: is missing"):
        task_of(wrong).resume(run.context, event)
    assert "contact: is missing" in run.values["problem"]


def test_a_day_that_has_not_landed_is_neither_missing_nor_started(made):
    write_frame(made.dataset, yesterday() - dt.timedelta(days=2), pl.DataFrame({"page": ["A"], "views": [1]}))
    LANDED[yesterday() - dt.timedelta(days=1)] = True
    request = task_of(made).request(Run("manual", {"start": "", "end": ""}).context)
    window = made.check(request).window
    assert (window.lag, window.last) == (2, yesterday() - dt.timedelta(days=1))
    explicit = {"start": str(yesterday() - dt.timedelta(days=2)), "end": str(yesterday())}
    completeness = made.check(task_of(made).request(Run("manual", explicit).context))
    assert (completeness.missing, completeness.not_yet) == (
        (yesterday() - dt.timedelta(days=1),),
        (yesterday(),),
    )


def test_the_page_never_asks(made):
    dataset = OrchestratedDataset(
        "pages_orchestrator", is_paused=False, orchestration=made, params={"days": 3}
    )
    report = report_of(dataset, today_utc(), "", None)
    assert report.completeness.window.last == today_utc() - dt.timedelta(days=3)
    assert ASKED == []


def test_a_day_that_came_while_the_wait_was_given_up_is_told_as_filled(made):
    days = [today_utc() - dt.timedelta(days=number) for number in (6, 5, 4)]
    write_frame(made.dataset, days[0], pl.DataFrame({"page": ["A"], "views": [1]}))
    outcome = Outcome((days[2],), (), (), (), tuple((day, "HTTP 401") for day in days[:2]))
    fixed = Orchestration(made.dataset, "pipeline")
    checked = with_late_days_filled(
        outcome, fixed.check(Request(Window.between(days[0], days[2], today_utc()), Policy()))
    )
    assert checked.filled == (days[0], days[2])
    assert checked.abandoned == ((days[1], "HTTP 401"),)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lag": "auto"}, "needs a probe"),
        ({"lag": 3, "probe": PROBE}, "is fixed, but there is a probe"),
        ({"lag": "auto", "probe": "no function"}, "neither a URL nor a module and a function"),
        ({"lag": "auto", "probe": "https://upstream.example/list"}, "gives different days the same URL"),
    ],
    ids=["no probe", "a fixed lag", "no function", "one URL"],
)
def test_a_probe_that_does_not_fit_is_refused(made, options, message):
    with pytest.raises(OptionError, match=message):
        orchestrator_dag(made.dataset, "pipeline", lambda _: None, **options)


def test_an_automatic_lag_adds_one_task_and_a_run_for_each_day_that_may_be_awaited(made):
    dag = orchestrator_dag(
        made.dataset, "pipeline", lambda _: None, lag="auto", probe="https://up.example/{start:%Y/%m/%d}"
    )
    assert dag.get_task("wait_for_upstream").downstream_task_ids == {"check_completeness"}
    assert (dag.max_active_runs, dag.get_task("run_analytics").orchestration.lag) == (3, 3)
    assert "wait_for_upstream" not in orchestrator_dag(made.dataset, "pipeline", lambda _: None).task_ids


def test_the_setting_makes_the_lag_of_the_wikipedia_dags_automatic(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WIKI_TRENDS_LAG", "auto")
    dags = {path.stem: runpy.run_path(str(path))["dag"] for path in sorted((ROOT / "dags").glob("*.py"))}
    for name in ("wiki_smart_analytics_orchestrator", "wiki_analytics_trends"):
        orchestration = dags[name].get_task("run_analytics").orchestration
        assert orchestration.probe == "wiki_trends.airflow.upstream:ask_wikimedia"
        assert orchestration.watch() is not None
    assert dags["wiki_smart_analytics_orchestrator"].has_task("wait_for_upstream")
    assert dags["wiki_trending_pipeline"].schedule is None
