"""Exactly what is sent in each situation, as an HTTP server receives it from Apprise. `docs/messages.md` has the same table.

No Airflow runs here. The operators that analyse and notify, the lake, the texts and the sending are the real ones; the states
of the tasks, and what the tasks before the analytics left, are made by hand.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from smart_orchestrator import Column, DailyDataset, OptionError, Window, check, write_frame
from smart_orchestrator.airflow import Orchestration, RunConsumer
from smart_orchestrator.airflow.messages import not_ready_text
from smart_orchestrator.airflow.notifications import Notify, NotSent, late
from smart_orchestrator.airflow.operators import CheckCompleteness
from smart_orchestrator.backfilling.state import GOAL_UNREACHABLE_REASON, Outcome
from smart_orchestrator.model.freshness import judge, parse_objective, window_to_judge
from smart_orchestrator.model.run import Failure, Run, RunState
from smart_orchestrator.model.signal import Channel
from smart_orchestrator.runners.ledger import Ledger
from smart_orchestrator.telemetry.incidents import IncidentStore
from smart_orchestrator.telemetry.messages import announce_incidents, publish, restated_message
from testing.message_receiver import Receiver
from tests.airflow.message_table import SITUATIONS, markdown
from tests.airflow.variables import StateStore, Variables
from wiki_trends.airflow.consumer import kept_message

# Apprise imports a module that Python 3.13 has not.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
DOCS = Path(__file__).parents[2] / "docs" / "messages.md"
CHECK, START, WAIT, CONSUME = (
    "check_completeness",
    "trigger_missing_data_fetches",
    "wait_for_data_ready",
    "run_analytics",
)
DAYS = [dt.date(2025, 11, 5) + dt.timedelta(days=number) for number in range(5)]
AS_OF = dt.date(2025, 11, 12)
FAILED, HEALTHY = DAYS[1], DAYS[2]
DEAD = "json://127.0.0.1:9/"


def pipeline_run(day, state, **more):
    url = f"https://airflow.example/dags/pages_pipeline/runs/{day}.1"
    return Run(f"{day}.1", day, 1, state, ours=True, url=url, **more)


FAILED_RUN = pipeline_run(
    FAILED, RunState.FAILED, failure=Failure.UNREACHABLE, message="task fetch failed: HTTP 500"
)
FILLED = Outcome((FAILED,), (), (pipeline_run(FAILED, RunState.SUCCEEDED),), ())
ONE_FAILED = Outcome((), (FAILED_RUN,), (FAILED_RUN,), ())
ENDED_EARLY = Outcome(
    (),
    (FAILED_RUN,),
    (FAILED_RUN, pipeline_run(HEALTHY, RunState.RUNNING)),
    (),
    ((HEALTHY, GOAL_UNREACHABLE_REASON),),
)


class OrchestratorRun:
    """One run of an orchestrator: its tasks' states and XComs, and its lake."""

    def __init__(self, folder, monkeypatch, url):
        monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example")
        monkeypatch.setenv("AIRFLOW_CONN_NOTIFY", json.dumps({"conn_type": "apprise", "password": url}))
        self.folder, self.url, self.monkeypatch = folder, url, monkeypatch
        self.run_id = "night"
        (folder / "lake").mkdir()
        columns = (Column("page", unique=True), Column("views", "integer"))
        self.dataset = DailyDataset("pages", str(folder / "lake"), "p_{day:%Y_%m_%d}.csv", columns=columns)
        self.orchestration = Orchestration(self.dataset, "pages_pipeline")
        self.xcoms = {}
        self.stores = {}
        self.states = dict.fromkeys((CHECK, START, WAIT, CONSUME), "skipped")
        self.params = {"as_of": AS_OF.isoformat(), "days": 5}
        monkeypatch.setattr("smart_orchestrator.airflow.notifications.Variable", Variables())

    def context(self, task):
        dag_run = SimpleNamespace(
            dag_id="pages_orchestrator",
            run_id=self.run_id,
            run_type="manual",
            clear_number=0,
            conf=self.params,
            run_after=dt.datetime(2025, 11, 12, 3, tzinfo=dt.UTC),
        )
        ti = SimpleNamespace(
            xcom_push=lambda key, value: self.xcoms.__setitem__((task, key), value),
            xcom_pull=lambda task_ids, key: self.xcoms.get((task_ids, key)),
            get_task_states=lambda run_ids, **_: dict.fromkeys(run_ids, self.states),
        )
        dag = SimpleNamespace(params=["as_of", "days"])
        store = self.stores.setdefault(task, StateStore())
        return {
            "ti": ti,
            "dag_run": dag_run,
            "params": self.params,
            "dag": dag,
            "task_state_store": store,
        }

    def write(self, *days):
        for day in days:
            write_frame(self.dataset, day, pl.DataFrame({"page": ["A"], "views": [1]}))

    def checked(self):
        return check(self.dataset, Window.between(DAYS[0], DAYS[-1], AS_OF))

    def check(self):
        """What the check leaves."""
        completeness = self.checked()
        self.states[CHECK] = "success"
        self.xcoms[CHECK, "window"] = str(completeness.window)
        self.xcoms[CHECK, "coverage_pct"] = completeness.coverage_pct

    def wait(self, outcome):
        """What the wait leaves after this outcome."""
        completeness = self.checked()
        self.states |= {START: "success", WAIT: "success" if completeness.ready else "failed"}
        self.xcoms |= {
            (WAIT, "outcome"): outcome.to_json(),
            (WAIT, "coverage_pct"): completeness.coverage_pct,
        }
        if not completeness.ready:
            self.xcoms[WAIT, "problem"] = not_ready_text(completeness, outcome)
            self.states[CONSUME] = "upstream_failed"

    def analyse(self, consumer=lambda _: {"changed": True}):
        """Execute the task that checks again and calls the consumer."""
        task = RunConsumer(task_id=CONSUME, orchestration=self.orchestration, consumer=consumer)
        try:
            self.xcoms[CONSUME, "return_value"] = task.execute(self.context(CONSUME))
            self.states[CONSUME] = "success"
        except AirflowSkipException:
            self.states[CONSUME] = "skipped"
        except AirflowFailException:
            self.states[CONSUME] = "failed"

    def notify(self, on="always"):
        task = Notify(task_id="notify", dataset_name="pages", notify_conn_id="notify", on=on)
        task.execute(self.context("notify"))


def success_with_a_filled_day(run, on="always"):
    run.write(*DAYS)
    run.check()
    run.xcoms[CHECK, "coverage_pct"] = 80.0
    run.wait(FILLED)
    run.analyse()
    run.notify(on)


def success_without_change(run, on="always"):
    run.write(*DAYS)
    run.check()
    run.analyse(lambda _: {"changed": False})
    run.notify(on)


def recovered_without_change(run):
    pipeline_run_failed(run, "change")
    run.write(FAILED)
    for number in (2, 3):
        run.run_id = f"night-{number}"
        run.xcoms.clear()
        run.stores.clear()
        run.states = dict.fromkeys((CHECK, START, WAIT, CONSUME), "skipped")
        success_without_change(run, "change")


def window_not_ready(run):
    run.write(*DAYS[1:])
    run.check()
    run.analyse()
    run.notify()


def pipeline_run_failed(run, on="always"):
    run.write(*(day for day in DAYS if day != FAILED))
    run.check()
    run.wait(ONE_FAILED)
    run.notify(on)


def wait_ended_early(run):
    run.write(*(day for day in DAYS if day not in (FAILED, HEALTHY)))
    run.check()
    run.wait(ENDED_EARLY)
    run.notify()


def deadline_missed(run):
    context = {"dag_run": run.context("none")["dag_run"]}
    asyncio.run(late(context, dataset_name="pages", notify_conn_id="notify", seconds=7200))


def configuration_error(run):
    run.params["dayz"] = 7
    task = CheckCompleteness(task_id=CHECK, orchestration=run.orchestration)
    with pytest.raises(AirflowFailException):
        task.execute(run.context(CHECK))
    run.states = {
        CHECK: "failed",
        START: "upstream_failed",
        WAIT: "upstream_failed",
        CONSUME: "upstream_failed",
    }
    run.notify()


def old_window(run, on="always"):
    def keep_the_newer(completeness):
        raise AirflowSkipException(
            kept_message(completeness.window, dt.date(2025, 11, 10), dt.date(2025, 11, 14))
        )

    run.write(*DAYS)
    run.check()
    run.analyse(keep_the_newer)
    run.notify(on)


def consumer_failed(run):
    def break_down(_):
        raise OptionError("warehouse", "'postgresql://db/pages'", "does not answer", "Start it.")

    run.write(*DAYS)
    run.check()
    run.analyse(break_down)
    run.notify()


def task_killed(run):
    run.write(*DAYS)
    run.check()
    run.states[CONSUME] = "failed"
    run.notify()


def restated(run):
    changes = [f"{FAILED}: the upstream has other views since 2025-11-11"]
    publish(restated_message("pages", changes), [Channel("team", (run.url,))])


def late_and_recovered(run):
    objective = parse_objective("06:00 UTC, 2 days", "3 of 3")
    store = IncidentStore(Ledger(run.folder / "state"))
    channels = [Channel("team", (run.url,))]

    def judged(now):
        records = store.records("pages")
        window = window_to_judge(run.dataset, objective, now, records)
        report = judge(run.dataset, objective, check(run.dataset, window), records, now)
        announce_incidents(report, store, channels)

    run.write(*DAYS[:3])
    judged(dt.datetime(2025, 11, 10, 7, tzinfo=dt.UTC))
    judged(dt.datetime(2025, 11, 10, 8, tzinfo=dt.UTC))
    run.write(DAYS[3])
    marker = run.folder / "lake" / "p_2025_11_08.csv" / "_SUCCESS"
    manifest = json.loads(marker.read_text()) | {"written_at": "2025-11-10T09:30:00+00:00"}
    marker.write_text(json.dumps(manifest))
    judged(dt.datetime(2025, 11, 10, 10, tzinfo=dt.UTC))
    judged(dt.datetime(2025, 11, 10, 11, tzinfo=dt.UTC))


def dry_run(run):
    run.params["dry_run"] = True
    run.write(*DAYS[1:])
    run.check()
    run.notify()


def dead_address(run):
    addresses = {"conn_type": "apprise", "password": f"{DEAD} {run.url}"}
    run.monkeypatch.setenv("AIRFLOW_CONN_NOTIFY", json.dumps(addresses))
    with pytest.raises(NotSent, match="A service of the 2 addresses in notify did not accept the message"):
        success_without_change(run)


def cleared_then_successful(run):
    pipeline_run_failed(run)
    run.write(FAILED)
    run.wait(FILLED)
    run.analyse()
    run.notify()


ACTIONS = {
    "a missing day was filled": success_with_a_filled_day,
    'a missing day was filled, `notify_on="failure"`': lambda run: success_with_a_filled_day(run, "failure"),
    'a missing day was filled, `notify_on="change"`': lambda run: success_with_a_filled_day(run, "change"),
    "nothing has changed": success_without_change,
    'nothing has changed, `notify_on="failure"`': lambda run: success_without_change(run, "failure"),
    'nothing has changed, `notify_on="change"`': lambda run: success_without_change(run, "change"),
    'a run failed, and nothing has changed in the two runs after it, `notify_on="change"`': recovered_without_change,
    "a day is gone when the analytics check again": window_not_ready,
    "the pipeline run of a day failed": pipeline_run_failed,
    'the pipeline run of a day failed, `notify_on="failure"`': lambda run: pipeline_run_failed(
        run, "failure"
    ),
    "the wait ended early, because the window cannot become complete": wait_ended_early,
    "the run has missed its deadline": deadline_missed,
    "a parameter is wrong": configuration_error,
    "an old window is not published": old_window,
    "the analytics failed": consumer_failed,
    "a task was killed, or marked as failed": task_killed,
    "a day was restated (a channel of `wiki-trends`)": restated,
    "a day is late, and later there; each judged twice": late_and_recovered,
    "a dry run": dry_run,
    "one of two addresses is dead: what the other receives": dead_address,
    "a failed run was cleared, and then succeeded": cleared_then_successful,
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_is_sent(situation, tmp_path, monkeypatch):
    with Receiver() as server:
        ACTIONS[situation](OrchestratorRun(tmp_path, monkeypatch, server.url))
        sent = [(item["type"], item["title"], item["message"]) for item in server.received]
    assert sent == SITUATIONS[situation]


def test_the_docs_have_the_same_table():
    assert SITUATIONS.keys() == ACTIONS.keys()
    assert markdown() in DOCS.read_text()


def test_a_choice_of_runs_that_does_not_exist_is_refused():
    with pytest.raises(OptionError, match="is not a choice of runs"):
        Notify(task_id="notify", dataset_name="pages", notify_conn_id="notify", on="sometimes")
