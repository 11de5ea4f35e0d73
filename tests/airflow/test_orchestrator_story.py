"""The documented story in a real Airflow: holes are filled by the unchanged pipeline, and analytics run on a whole window.

Each test has a month of its own. `make bench-airflow` measures the wall times.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from smart_orchestrator.adapters.manifest import read_frame
from smart_orchestrator.checking import check
from smart_orchestrator.errors import RunsError
from smart_orchestrator.model.window import Window
from smart_orchestrator.upstream.recheck_store import Change, Recheck, recheck_document
from tests.airflow.orchestrated import (
    ORCHESTRATOR,
    PIPELINE,
    DagRun,
    days_between,
    moment,
    most_at_once,
    runs_of,
    trigger,
)
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import load
from wiki_trends.pipeline import run_day
from wiki_trends.warehouse import open_warehouse


@pytest.fixture
def settings(product):
    return load(environ=product.settings)


def published(settings):
    with open_warehouse(settings.warehouse).reading() as reader:
        return reader.last_run()


def checked(settings, start, end):
    window = Window.between(dt.date.fromisoformat(start), dt.date.fromisoformat(end), dt.date(2026, 1, 1))
    return check(layers(settings).diamond, window)


@pytest.mark.timeout(600)
def test_two_holes_are_filled_and_then_there_is_nothing_to_fill(stack, settings):
    for day in days_between("2025-11-07", "2025-11-09"):
        run_day(dt.date.fromisoformat(day), settings)

    # As it is documented, from the command line.
    conf = '{"as_of": "2025-11-12", "replace_newer": true}'
    done = stack.airflow("dags", "trigger", ORCHESTRATOR, "--run-id", "by-command", "--conf", conf)
    assert done.returncode == 0, done.stderr
    run = DagRun(stack.api, ORCHESTRATOR, "by-command").ended()
    assert run.state == "success", run.logs()

    started = runs_of(stack, PIPELINE, "2025-11-05", "2025-11-09")
    assert sorted(item["dag_run_id"] for item in started) == ["2025-11-05.1", "2025-11-06.1"]
    assert {item["state"] for item in started} == {"success"}
    assert [item["logical_date"] for item in started] == [None, None]
    assert most_at_once(started) == 2
    assert checked(settings, "2025-11-05", "2025-11-09").complete
    assert published(settings).fingerprints.keys() == set(days_between("2025-11-05", "2025-11-09"))
    assert run.tasks == {
        "check_completeness": "success",
        "trigger_missing_data_fetches": "success",
        "wait_for_data_ready": "success",
        "run_analytics": "success",
        "notify": "success",
    }
    _assert_what_users_look_for(run)
    # One deferral covers both days: the task neither polls in its slot nor resumes for each day.
    assert run.log("wait_for_data_ready").count("waiting for 2 dates") == 1
    assert {task["try_number"] for task in run.instances.values()} == {1}

    again = trigger(stack, ORCHESTRATOR, {"as_of": "2025-11-12"}).ended()
    assert again.state == "success", again.logs()
    assert again.tasks["trigger_missing_data_fetches"] == again.tasks["wait_for_data_ready"] == "skipped"
    assert again.tasks["run_analytics"] == "success"
    assert runs_of(stack, PIPELINE, "2025-11-05", "2025-11-09") == started
    assert "nothing has changed since" in again.log("run_analytics")


def _assert_what_users_look_for(run):
    """XComs, lines of the logs, and links."""
    check, start = "check_completeness", "trigger_missing_data_fetches"
    assert run.xcom(check, "missing_dates") == ["2025-11-06", "2025-11-05"]
    assert run.xcom(check, "available_dates") == ["2025-11-09", "2025-11-08", "2025-11-07"]
    assert (run.xcom(check, "coverage_pct"), run.xcom(check, "n_days")) == (60.0, 5)
    assert "expected 5, available 3, missing 2, coverage 60.0 %" in run.log(check)
    assert "lake: s3://lake/diamond" in run.log(check)
    assert "2025-11-05 started (run 2025-11-05.1)" in run.log(start)
    waited = run.log("wait_for_data_ready")
    assert "waiting for 2 dates: 2025-11-05, 2025-11-06" in waited
    assert "2 filled, 0 failed; runs started 2, followed 0\ncoverage 100.0 %" in waited
    analysed = run.log("run_analytics")
    assert "combined records: 4,800" in analysed
    assert "common articles: 508" in analysed
    link = run.links(start)["Pipeline runs"]
    assert "/dags/wiki_trending_pipeline/runs?run_id_pattern=2025-11-05.1%7C2025-11-06.1" in link


@pytest.mark.long
def test_a_foreign_pipeline_is_orchestrated_as_it_is(stack):
    """20 lines that import nothing of ours, write CSV, and commit with an empty `_SUCCESS`."""
    run = trigger(stack, "foreign_orchestrator", {"days": 3, "as_of": "2025-06-12"}).ended()
    assert run.state == "success", run.logs()
    assert run.xcom("run_analytics", "return_value") == {"pages": 6}
    assert len(runs_of(stack, "foreign_pipeline", "2025-06-07", "2025-06-09")) == 3


@pytest.mark.long
def test_the_factory_serves_a_second_lake(stack):
    conf = {"start": "2025-06-01", "end": "2025-06-03", "as_of": "2025-06-10"}
    run = trigger(stack, "orders_orchestrator", conf).ended()
    assert run.state == "success", run.logs()
    assert run.xcom("run_analytics", "return_value") == {"orders": 6}
    assert run.xcom("check_completeness", "n_days") == 3


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_analytics_alone_start_nothing(stack, settings):
    window = {"start": "2025-05-01", "end": "2025-05-03"}
    refused = trigger(stack, "wiki_analytics_trends", window).ended()
    assert refused.state == "failed"
    assert "coverage 0.0 %, missing 2025-05-01, 2025-05-02, 2025-05-03" in refused.log("run_analytics")
    for day in ("2025-05-01", "2025-05-02"):
        assert trigger(stack, PIPELINE, {"target_date": day}).ended().state == "success"
    done = trigger(
        stack, "wiki_analytics_trends", {**window, "min_coverage": 60, "replace_newer": True}
    ).ended()
    assert done.state == "success", done.logs()
    run = published(settings)
    assert [str(day) for day in run.days_used] == ["2025-05-01", "2025-05-02"]
    day = read_frame(layers(settings).diamond, dt.date(2025, 5, 1))
    events = [item["extra"] for item in stack.api.pages("/assets/events", "asset_events")]
    assert {"day": "2025-05-01", "rows": day.height}.items() <= _event_of("2025-05-01", events).items()
    assert [item["state"] for item in runs_of(stack, PIPELINE, "2025-05-01", "2025-05-03")] == ["success"] * 2


@pytest.mark.long
@pytest.mark.timeout(600)
def test_an_old_window_replaces_a_newer_one_only_when_it_is_asked_for(stack, settings):
    for day in days_between("2025-02-10", "2025-02-12"):
        run_day(dt.date.fromisoformat(day), settings)

    def orchestrated(day, **more):
        return trigger(stack, ORCHESTRATOR, {"start": day, "end": day, **more}).ended()

    assert orchestrated("2025-02-10", replace_newer=True).tasks["run_analytics"] == "success"
    old = orchestrated("2025-02-11")
    assert old.tasks["run_analytics"] == "success", "a later window needs no parameter"
    assert orchestrated("2025-02-12").tasks["run_analytics"] == "success"
    events = len(list(stack.api.pages("/assets/events", "asset_events")))

    body = {"dag_run_id": old.run_id, "task_ids": ["run_analytics"], "dry_run": False, "only_failed": False}
    stack.api.post(f"/dags/{ORCHESTRATOR}/clearTaskInstances", body)
    old.until(lambda run: run.tasks["run_analytics"] == "skipped")
    assert old.ended().state == "success"
    assert "ends before the published window, 2025-02-12 .. 2025-02-12" in old.xcom(
        "run_analytics", "skipped"
    )
    assert [str(day) for day in published(settings).days_used] == ["2025-02-12"]
    assert len(list(stack.api.pages("/assets/events", "asset_events"))) == events
    skipped = trigger(stack, "wiki_analytics_trends", {"start": "2025-02-11", "end": "2025-02-11"}).ended()
    assert skipped.tasks["run_analytics"] == "skipped"

    assert orchestrated("2025-02-11", replace_newer=True).tasks["run_analytics"] == "success"
    assert [str(day) for day in published(settings).days_used] == ["2025-02-11"]


def _event_of(day, events):
    return next(extra for extra in events if extra.get("day") == day)


@pytest.mark.long
def test_the_manifest_of_a_day_says_what_all_steps_did(stack, settings):
    run = trigger(stack, PIPELINE, {"target_date": "2025-05-05"}).ended()
    assert run.state == "success", run.logs()
    [day] = checked(settings, "2025-05-05", "2025-05-05").partitions
    assert [step["step"] for step in day.manifest.measured["steps"]] == list(run.tasks)


@pytest.mark.long
def test_without_a_date_the_pipeline_takes_the_newest_day_there_is(stack, settings):
    run = trigger(stack, PIPELINE).ended()
    assert run.state == "success", run.logs()
    newest = moment(run.facts["run_after"]).astimezone(dt.UTC).date() - dt.timedelta(days=3)
    assert checked(settings, str(newest), str(newest)).complete


def test_a_date_that_is_none_fails_the_pipeline_at_once(stack):
    with pytest.raises(RunsError, match="target_date"):
        trigger(stack, PIPELINE, {"target_date": "2025-02-30"})
    run = trigger(stack, PIPELINE, {"target_date": "2099-01-01"}).ended()
    assert run.state == "failed"
    assert run.instances["fetch_top_pages"]["try_number"] == 1
    assert "is not over yet" in run.xcom("fetch_top_pages", "failure")["message"]


def test_a_day_that_is_not_published_is_not_tried_twice(stack):
    run = trigger(stack, PIPELINE, {"target_date": "2024-03-31"}).ended()
    assert run.state == "failed"
    assert run.instances["fetch_top_pages"]["try_number"] == 1
    assert run.xcom("fetch_top_pages", "failure")["failure"] == "NOT_PUBLISHED"


@pytest.mark.timeout(600)
def test_a_restated_day_is_due_again_once(stack, settings):
    days = days_between("2025-06-05", "2025-06-09")
    for day in days:
        run_day(dt.date.fromisoformat(day), replace(settings, deadline=60.0))
    restated = checked(settings, days[0], days[-1]).partitions[2]
    now = dt.datetime.now(tz=dt.UTC)
    recheck = Recheck(now, 1, now, now, Change.MATERIAL, "other views", fingerprint=restated.fingerprint)
    recheck_document(layers(settings).diamond).update(
        lambda memory: memory.with_recheck(restated.day, recheck)
    )
    assert checked(settings, days[0], days[-1]).restated == (restated.day,)

    conf = {"as_of": "2025-06-12", "replace_newer": True}
    first = trigger(stack, ORCHESTRATOR, conf).ended()

    assert first.state == "success", first.logs()
    started = runs_of(stack, PIPELINE, days[0], days[-1])
    assert [item["dag_run_id"] for item in started] == ["2025-06-07.1"]
    pipeline = DagRun(stack.api, PIPELINE, "2025-06-07.1")
    # The day was in bronze, and its lists were fetched again.
    assert pipeline.xcom("fetch_top_pages", "return_value")["counts"] == {}
    assert checked(settings, days[0], days[-1]).restated == ()
    second = trigger(stack, ORCHESTRATOR, conf).ended()
    assert second.tasks["trigger_missing_data_fetches"] == "skipped"
    assert len(runs_of(stack, PIPELINE, days[0], days[-1])) == 1
