"""DAGs that are scheduled on the product's assets: by asset after each update, and by partition once for each verified day."""

from __future__ import annotations

import time

import pytest

from tests.airflow.orchestrated import PIPELINE, trigger

ON_DIAMOND, ON_TABLES = "on_diamond", "on_tables"
ON_DIAMOND_DAYS, ON_TABLES_DAYS = "on_days_of_diamond", "on_days_of_tables"
CONSUMERS = (ON_DIAMOND, ON_TABLES, ON_DIAMOND_DAYS, ON_TABLES_DAYS)


@pytest.fixture
def runs(stack):
    """The partition keys of the runs of a consumer since the beginning of the test, when there are `count` of them."""
    stack.until_parsed(*CONSUMERS)

    def pause(*, paused):
        for dag_id in CONSUMERS:
            stack.api.request("PATCH", f"/api/v2/dags/{dag_id}", body={"is_paused": paused})

    def listed(dag_id):
        return [
            (item["dag_run_id"], item["partition_key"])
            for item in stack.api.pages(f"/dags/{dag_id}/dagRuns", "dag_runs", order_by="id")
        ]

    before = {dag_id: len(listed(dag_id)) for dag_id in CONSUMERS}

    def since(dag_id, count):
        deadline = time.monotonic() + 60
        while len(keys := [key for _, key in listed(dag_id)[before[dag_id] :]]) < count:
            assert time.monotonic() < deadline, f"{dag_id}: {keys}, expected {count}"
            time.sleep(0.5)
        return keys

    pause(paused=False)
    yield since
    pause(paused=True)


def clear(stack, run, task):
    body = {"dag_run_id": run.run_id, "task_ids": [task], "dry_run": False, "only_failed": False}
    stack.api.post(f"/dags/{run.dag_id}/clearTaskInstances", body | {"reset_dag_runs": True})
    run.until(lambda run: run.instances[task]["try_number"] > 1)
    return run.ended()


@pytest.mark.timeout(600)
def test_each_verified_day_reaches_a_partitioned_consumer_once(stack, runs):
    first, second = "2024-02-05", "2024-02-06"
    made = trigger(stack, PIPELINE, {"target_date": first}).ended()
    assert made.state == "success", made.logs()
    assert runs(ON_DIAMOND, 1) == [None]
    assert runs(ON_DIAMOND_DAYS, 1) == [first]

    # Neither a cleared task nor a second run of the same day announces the day again.
    assert clear(stack, made, "clean_gold_layer").state == "success"
    assert trigger(stack, PIPELINE, {"target_date": first}).ended().state == "success"
    assert trigger(stack, PIPELINE, {"target_date": second}).ended().state == "success"
    assert runs(ON_DIAMOND_DAYS, 2) == [first, second]
    assert runs(ON_DIAMOND, 2)[0] is None

    window = {"start": first, "end": "2024-02-07", "min_coverage": 60, "replace_newer": True}
    for _ in range(2):
        analysed = trigger(stack, "wiki_analytics_trends", window).ended()
        assert analysed.state == "success", analysed.logs()
    assert sorted(runs(ON_TABLES_DAYS, 2)) == [first, second]
    assert runs(ON_TABLES, 1)[0] is None
    extras = [
        event["extra"]
        for event in stack.api.pages("/assets/events", "asset_events")
        if event["source_run_id"] == analysed.run_id
    ]
    assert [(extra["coverage"], extra["window"][:10]) for extra in extras] == [(66.7, first)]
    assert extras[0]["rows"] > 0
