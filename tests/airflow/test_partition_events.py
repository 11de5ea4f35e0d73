"""Asset events of a checked window without a running Airflow: each verified key once, and one event without a key."""

from __future__ import annotations

import datetime as dt
import threading
from types import SimpleNamespace

import polars as pl
import pytest
from airflow.sdk import Asset, AssetAlias
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import AssetEventsResult, GetAssetEventByAsset
from airflow.sdk.execution_time.context import OutletEventAccessors
from airflow.sdk.execution_time.task_runner import _serialize_outlet_events

from smart_orchestrator import Column, DailyDataset, Window, check, write_frame
from smart_orchestrator.airflow import RunConsumer, emit_partitions, partition_events, partitioned_outlets
from smart_orchestrator.airflow.orchestration import Orchestration
from wiki_trends.airflow.trending_pipeline import DIAMOND, pipeline_dag

ASSET = Asset("pages")
DAYS = [dt.date(2025, 11, 7) + dt.timedelta(days=number) for number in range(3)]


@pytest.fixture
def dataset(tmp_path):
    columns = (Column("page", unique=True), Column("views", "integer"))
    return DailyDataset("pages", str(tmp_path / "lake"), "p_{day:%Y_%m_%d}.csv", columns=columns)


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """The pauses of a task that waits for its turn, which do not last."""
    pauses = []
    monkeypatch.setattr(partition_events, "time", SimpleNamespace(sleep=pauses.append))
    return pauses


class Airflow:
    """The contexts of tasks that share Airflow's state store of assets, and the events that Airflow has recorded."""

    def __init__(self):
        self.stores = {}
        self.events = []
        # The state of each task that is not in "success", by run and task.
        self.states = {}

    def send(self, question):
        """Answer the question of a task for the recorded events of an asset."""
        assert isinstance(question, GetAssetEventByAsset)
        events = [
            event
            for event in self.events
            if event["asset"]["name"] == question.name and event["timestamp"] >= question.after
        ]
        return AssetEventsResult(asset_events=events)

    def record(self, context, *, delay=dt.timedelta()):
        """Record the events of a task that has succeeded, some time after it has emitted them."""
        ti = context["ti"]
        self.events += [
            {
                "id": len(self.events) + number,
                "timestamp": dt.datetime.now(tz=dt.UTC) + delay,
                "asset": {"name": ASSET.name, "uri": ASSET.uri, "group": "asset"},
                "created_dagruns": [],
                "source_dag_id": ti.dag_id,
                "source_run_id": ti.run_id,
                "source_task_id": ti.task_id,
                "source_map_index": ti.map_index,
                "partition_key": key,
            }
            for number, key in enumerate([*emitted(context)[0], None])
        ]

    def context(self, run="one", dag="pages_orchestrator", *, attempt=1, map_index=-1):
        store = self.stores.setdefault(ASSET.name, {})
        accessor = SimpleNamespace(get=store.get, set=store.__setitem__)
        return {
            "outlet_events": OutletEventAccessors(),
            "asset_state_store": {ASSET: accessor},
            "dag_run": SimpleNamespace(run_after=dt.datetime(2025, 11, 20, tzinfo=dt.UTC)),
            "ti": SimpleNamespace(
                dag_id=dag,
                run_id=run,
                task_id="run_analytics",
                try_number=attempt,
                map_index=map_index,
                xcom_push=lambda **_: None,
                get_task_states=lambda run_ids, **_: {
                    run: {"run_analytics": "success"} | self.states.get(run, {}) for run in run_ids
                },
            ),
        }


@pytest.fixture
def airflow(monkeypatch):
    airflow = Airflow()
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", airflow, raising=False)
    return airflow


def write(dataset, days, views=1):
    for day in days:
        frame = pl.DataFrame({"page": ["A", "B"], "views": [views, views]})
        write_frame(dataset, day, frame)


def checked(dataset):
    return check(dataset, Window.between(DAYS[0], DAYS[-1], dt.date(2025, 11, 20)))


def emitted(context):
    """The events as Airflow's API server receives them: the keys, and the number of events without a key."""
    events = list(_serialize_outlet_events(context["outlet_events"]))
    keys = sorted(event["partition_key"] for event in events if event.get("partition_key"))
    return keys, sum(1 for event in events if not event.get("partition_key"))


def test_each_available_day_has_an_event_and_the_window_has_one_without_a_key(dataset, airflow):
    write(dataset, DAYS[1:])
    context = airflow.context()
    assert emit_partitions(context, ASSET, checked(dataset)) == ["2025-11-08", "2025-11-09"]
    assert emitted(context) == (["2025-11-08", "2025-11-09"], 1)
    for event in _serialize_outlet_events(context["outlet_events"]):
        assert event["extra"] == {"window": str(checked(dataset).window), "coverage": 66.7, "rows": 4}
        assert event["dest_asset_key"]["name"] == "pages"


def test_a_day_is_announced_once_for_each_version_of_its_data(dataset, airflow):
    write(dataset, DAYS)
    emit_partitions(airflow.context(), ASSET, checked(dataset))
    fingerprints = [partition.fingerprint for partition in checked(dataset).partitions]
    write(dataset, DAYS)  # The same data in new commits.
    assert fingerprints != [partition.fingerprint for partition in checked(dataset).partitions]
    again = airflow.context(run="two")
    assert emit_partitions(again, ASSET, checked(dataset)) == []
    assert emitted(again) == ([], 1)
    write(dataset, DAYS[:1], views=2)
    other = airflow.context(run="three", dag="wiki_analytics_trends")
    assert emit_partitions(other, ASSET, checked(dataset)) == ["2025-11-07"]


def test_a_cleared_task_announces_nothing_again_but_a_retry_of_a_failed_try_does(dataset, airflow):
    write(dataset, DAYS)
    emit_partitions(airflow.context(), ASSET, checked(dataset))
    retry = airflow.context(attempt=2)
    assert emit_partitions(retry, ASSET, checked(dataset)) == [str(day) for day in DAYS]
    airflow.record(retry)
    cleared = airflow.context(attempt=3)
    assert emit_partitions(cleared, ASSET, checked(dataset)) == []
    assert emitted(cleared) == ([], 1)


def test_a_task_that_failed_for_good_announces_its_days_when_it_is_cleared(dataset, airflow):
    write(dataset, DAYS[:1])
    succeeded = airflow.context()
    emit_partitions(succeeded, ASSET, checked(dataset))
    airflow.record(succeeded, delay=dt.timedelta(hours=-1))
    # The events of other tasks and of earlier versions say nothing about the try that failed.
    airflow.record(succeeded | {"ti": airflow.context(run="another")["ti"]})
    write(dataset, DAYS, views=2)
    assert len(emit_partitions(airflow.context(attempt=2), ASSET, checked(dataset))) == 3

    cleared = airflow.context(attempt=3)
    assert emit_partitions(cleared, ASSET, checked(dataset)) == [str(day) for day in DAYS]
    airflow.record(cleared)
    assert emit_partitions(airflow.context(attempt=4), ASSET, checked(dataset)) == []


@pytest.mark.parametrize(
    ("state", "expected"), [("failed", DAYS), ("success", []), ("running", []), ("up_for_retry", [])]
)
def test_days_of_a_task_that_has_failed_for_good_are_announced_by_the_next_run(
    dataset, airflow, state, expected
):
    write(dataset, DAYS)
    emit_partitions(airflow.context(run="killed"), ASSET, checked(dataset))
    airflow.states["killed"] = {"run_analytics": state}
    night = airflow.context(run="next")
    assert emit_partitions(night, ASSET, checked(dataset)) == [str(day) for day in expected]
    assert emitted(night)[0] == [str(day) for day in expected]


def test_a_day_that_airflow_has_recorded_is_not_announced_when_its_run_fails_later(dataset, airflow):
    write(dataset, DAYS)
    emit_partitions(airflow.context(), ASSET, checked(dataset))
    assert emit_partitions(airflow.context(run="two"), ASSET, checked(dataset)) == []
    airflow.states["one"] = {"run_analytics": "failed"}
    assert emit_partitions(airflow.context(run="three"), ASSET, checked(dataset)) == []


def test_a_try_that_checks_two_windows_announces_a_day_once(dataset, airflow):
    write(dataset, DAYS)
    context = airflow.context()
    assert emit_partitions(context, ASSET, checked(dataset)) == [str(day) for day in DAYS]
    assert emit_partitions(context, ASSET, checked(dataset)) == []


def test_the_instances_of_a_mapped_task_announce_a_day_once(dataset, airflow):
    write(dataset, DAYS)
    emit_partitions(airflow.context(map_index=0), ASSET, checked(dataset))
    airflow.states["one"] = {"run_analytics_0": "running"}
    assert emit_partitions(airflow.context(map_index=1), ASSET, checked(dataset)) == []
    airflow.states["one"] = {"run_analytics_0": "failed"}
    days = [str(day) for day in DAYS]
    assert emit_partitions(airflow.context(map_index=2), ASSET, checked(dataset)) == days


def test_an_invalid_day_is_never_announced(dataset, airflow, tmp_path):
    write(dataset, DAYS)
    [part] = (tmp_path / "lake" / "p_2025_11_08.csv").glob("part-*")
    part.write_text("broken")
    assert emit_partitions(airflow.context(), ASSET, checked(dataset)) == ["2025-11-07", "2025-11-09"]


def test_a_window_without_an_available_day_announces_nothing(dataset, airflow):
    context = airflow.context()
    assert emit_partitions(context, ASSET, checked(dataset)) == []
    assert emitted(context) == ([], 1)


def test_every_asset_gets_its_alias_once():
    other = Asset("other")
    outlets = partitioned_outlets([ASSET, other, ASSET, AssetAlias("pages_updates")])
    assert outlets == [ASSET, AssetAlias("pages_updates"), other, AssetAlias("other_updates")]
    assert partitioned_outlets(outlets) == outlets


def test_a_consumer_of_ones_own_has_the_alias_too(dataset):
    orchestration = Orchestration(dataset, "pipeline")
    task = RunConsumer(task_id="run", orchestration=orchestration, consumer=lambda _: None, outlets=[ASSET])
    assert task.outlets == [ASSET, AssetAlias("pages_updates")]


def test_no_task_waits_for_a_turn_in_airflow_s_scheduler(dataset):
    orchestration = Orchestration(dataset, "pipeline")
    own = RunConsumer(task_id="run", orchestration=orchestration, consumer=lambda _: None, outlets=[ASSET])
    last = pipeline_dag().get_task("clean_gold_layer")
    assert (own.max_active_tis_per_dag, last.max_active_tis_per_dag) == (None, None)
    assert last.outlets == partitioned_outlets([DIAMOND])


def test_until_the_first_event_is_recorded_another_task_waits(dataset, airflow, monkeypatch):
    write(dataset, DAYS[:1])
    emit_partitions(airflow.context(), ASSET, checked(dataset))
    airflow.states["one"] = {"run_analytics": "running"}
    write(dataset, DAYS[1:])
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 3:
            airflow.states["one"] = {"run_analytics": "success"}

    monkeypatch.setattr(partition_events, "time", SimpleNamespace(sleep=pause))
    assert len(emit_partitions(airflow.context(run="two"), ASSET, checked(dataset))) == 2
    assert len(pauses) == 3
    # From now on, no task waits, whatever becomes of the first one.
    airflow.states["one"] = airflow.states["two"] = {"run_analytics": "running"}
    write(dataset, DAYS, views=2)
    assert len(emit_partitions(airflow.context(run="three"), ASSET, checked(dataset))) == 3
    assert len(pauses) == 3


@pytest.mark.parametrize("state", ["failed", "up_for_retry", "skipped", "removed"])
def test_the_next_task_sends_the_first_event_if_the_first_one_did_not(dataset, airflow, pauses, state):
    write(dataset, DAYS[:1])
    emit_partitions(airflow.context(), ASSET, checked(dataset))
    airflow.states["one"] = {"run_analytics": state}
    write(dataset, DAYS[1:])
    pauses.clear()
    assert "2025-11-09" in emit_partitions(airflow.context(run="two"), ASSET, checked(dataset))
    assert len(pauses) == 1


def test_a_retry_does_not_wait_for_its_own_first_try(dataset, airflow, pauses):
    write(dataset, DAYS)
    airflow.states["one"] = {"run_analytics": "running"}
    emit_partitions(airflow.context(), ASSET, checked(dataset))
    pauses.clear()
    assert len(emit_partitions(airflow.context(attempt=2), ASSET, checked(dataset))) == 3
    assert len(pauses) == 1


def test_of_tasks_that_see_no_first_event_at_the_same_moment_one_goes_on(dataset, airflow, monkeypatch):
    """Every task sees no claim, and then claims. The task with the last claim goes on, and the others wait until it has succeeded."""
    write(dataset, DAYS)
    runs = ["one", "two", "three"]
    airflow.states = {run: {"run_analytics": "running"} for run in runs}
    barrier, waiting, lock = threading.Barrier(3), set(), threading.Lock()
    done = []

    def pause(_seconds):
        name = threading.current_thread().name
        if name not in waiting:
            waiting.add(name)
            barrier.wait(timeout=60)

    monkeypatch.setattr(partition_events, "time", SimpleNamespace(sleep=pause))
    contexts = {run: airflow.context(run=run) for run in runs}

    def emit(run):
        context = contexts[run]
        context["asset_state_store"][ASSET] = SimpleNamespace(get=seen_empty_once(), set=store.__setitem__)
        partition_events._Emissions(context, ASSET).wait_for_first_event()
        with lock:
            done.append(run)
            # No other task has ended its wait before this one has succeeded.
            overlapping = [other for other in done if airflow.states[other]["run_analytics"] == "running"]
            assert overlapping == [run]
            airflow.states[run] = {"run_analytics": "success"}

    store = airflow.stores[ASSET.name]

    def seen_empty_once():
        first = [True]

        def get(key):
            if first:
                first.clear()
                return None
            return store.get(key)

        return get

    threads = [threading.Thread(target=emit, args=(run,), name=run, daemon=True) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(done) == sorted(runs)
