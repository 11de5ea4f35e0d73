"""OpenLineage events: they follow the published schemas, have one input for each window, and a sink that is down delays nothing."""

from __future__ import annotations

import datetime as dt
import json
import logging
import socket
import threading
from pathlib import Path

import jsonschema
import pytest
from openlineage.client.serde import Serde
from referencing import Registry, Resource

from smart_orchestrator.model.completeness import Completeness, Policy
from smart_orchestrator.model.dataset import Dataset
from smart_orchestrator.model.partition import Code, Partition
from smart_orchestrator.model.window import Window
from smart_orchestrator.telemetry import lineage, lineage_sink
from smart_orchestrator.telemetry.lineage import LineageRun, Output, dataset_name, run_event
from smart_orchestrator.telemetry.lineage_sink import Sink, is_configured

SCHEMAS = {
    document["$id"]: document
    for document in (
        json.loads(path.read_text())
        for path in sorted((Path(__file__).parent / "openlineage_schemas").glob("*.json"))
    )
}
REGISTRY = Registry().with_resources(
    [(name, Resource.from_contents(document)) for name, document in SCHEMAS.items()]
)
DATASET = Dataset("orders", "s3://shop/lake", "orders/dt={day:%Y-%m-%d}")
NOW = dt.datetime(2025, 11, 12, 3, tzinfo=dt.UTC)


def completeness(days: int = 90, changed: str = "") -> Completeness:
    window = Window.of_days(days, dt.date(2025, 11, 12), 1)
    partitions = [
        Partition(key, Code.OK, "10 rows", fingerprint=f"etag-{key}{changed if key == window.last else ''}")
        for key in window
    ]
    partitions[3] = Partition(partitions[3].day, Code.SHORT, "2 rows, but at least 5 are expected")
    return Completeness("orders", window, tuple(partitions), policy=Policy(min_coverage=90))


def validate(event) -> dict:
    """Validate an event and each of its facets against the schema that it names."""
    document = json.loads(Serde.to_json(event))
    check = jsonschema.Draft202012Validator
    check({"$ref": "https://openlineage.io/spec/2-0-2/OpenLineage.json"}, registry=REGISTRY).validate(
        document
    )
    holders = [document["run"]["facets"], document["job"]["facets"]]
    holders += [item.get(name) or {} for item in document["inputs"] for name in ("facets", "inputFacets")]
    holders += [item.get(name) or {} for item in document["outputs"] for name in ("facets", "outputFacets")]
    facets = [facet for holder in holders for facet in holder.values()]
    for facet in facets:
        assert facet["_schemaURL"].partition("#")[0] in SCHEMAS
        check({"$ref": facet["_schemaURL"]}, registry=REGISTRY).validate(facet)
    assert len(facets) >= 5
    return document


def run_of(check: Completeness, outputs=()) -> LineageRun:
    return LineageRun(
        "daily-report", "shop", "019a7d3c-0000-7000-8000-000000000000", [(DATASET, check)], outputs
    )


@pytest.mark.parametrize("state", ["START", "COMPLETE", "FAIL"])
def test_an_event_follows_the_published_schemas(state):
    outputs = [Output("postgres://db:5432", "shop.public.daily", 12)]
    message = "the command ended with exit code 3" if state == "FAIL" else ""

    document = validate(run_event(run_of(completeness()), state, outputs, message, NOW))

    assert document["eventType"] == state
    assert ("errorMessage" in document["run"]["facets"]) == (state == "FAIL")
    assert document["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 12


def test_the_validation_finds_an_event_that_does_not_follow_the_schemas():
    event = run_event(run_of(completeness()), "START", [], "", NOW)
    event.inputs[0].inputFacets["subset"].inputCondition.type = "partitions"

    with pytest.raises(jsonschema.ValidationError):
        validate(event)


def test_a_window_of_90_days_is_one_input_with_a_subset():
    document = validate(run_event(run_of(completeness()), "START", [], "", NOW))

    [source] = document["inputs"]
    assert (source["namespace"], source["name"]) == ("s3://shop", "lake/orders")
    condition = source["inputFacets"]["subset"]["inputCondition"]
    assert condition["type"] == "partition"
    assert len(condition["partitions"]) == 89, "the partition that cannot be read is not an input"
    assert condition["partitions"][-1] == {
        "dimensions": {"day": "2025-11-11"},
        "identifier": "orders/dt=2025-11-11",
    }


def test_the_assertions_are_the_verdicts():
    document = validate(run_event(run_of(completeness()), "START", [], "", NOW))

    assertions = document["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]
    failed = [item for item in assertions if not item["success"]]
    assert len(assertions) == 91
    assert [(item["name"], item["actual"]) for item in failed] == [("2025-08-17", "invalid (SHORT)")]
    assert assertions[-1]["actual"] == "coverage 98.9 %"


def test_the_version_changes_with_any_fingerprint():
    def version(check):
        document = validate(run_event(run_of(check), "START", [], "", NOW))
        return document["inputs"][0]["facets"]["version"]["datasetVersion"]

    assert version(completeness()) == version(completeness())
    assert version(completeness()) != version(completeness(changed="!"))


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        (Dataset("a", "/srv/lake", "a/dt={day:%Y-%m-%d}"), ("file", "/srv/lake/a")),
        (Dataset("a", "gs://bucket", "{day:%Y-%m-%d}"), ("gs://bucket", "/")),
        (
            Dataset(
                "a",
                "postgresql+psycopg://me:secret@db:5432/shop",
                adapter="sql",
                table="public.orders",
                key_column="day",
            ),
            ("postgres://db:5432", "shop.public.orders"),
        ),
    ],
)
def test_a_dataset_has_the_name_that_the_conventions_define(dataset, name):
    assert dataset_name(dataset) == name


class BrokenClient:
    """A client whose transport fails, or never answers."""

    def __init__(self, *, hangs: bool = False) -> None:
        self.attempts = 0
        self.hangs = hangs
        self.released = threading.Event()

    def emit(self, _event) -> None:
        self.attempts += 1
        if self.hangs:
            self.released.wait()
        else:
            message = "https://key:secret@lineage.example.org refused"
            raise ConnectionError(message)


@pytest.mark.parametrize("hangs", [False, True])
def test_a_sink_that_is_down_is_tried_once_and_reported_once(caplog, hangs):
    client = BrokenClient(hangs=hangs)
    sink = Sink(lambda: client, timeout=0.05)
    event = run_event(run_of(completeness()), "START", [], "", NOW)

    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            sink.send(event)
    client.released.set()

    assert client.attempts == 1
    [record] = caplog.records
    assert ("no answer within 0.05 s" if hangs else "ConnectionError") in record.getMessage()
    assert "secret" not in caplog.text


def test_the_transport_of_the_environment_receives_start_and_complete(tmp_path, monkeypatch):
    target = tmp_path / "events.jsonl"
    transport = {"type": "file", "log_file_path": str(target), "append": True}
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT", json.dumps(transport))
    monkeypatch.setenv("OPENLINEAGE_NAMESPACE", "shop")
    lineage_sink.default_sink.cache_clear()
    try:
        run = LineageRun.start("daily-report", [(DATASET, completeness())])
        run.complete([Output("file", "report", 3)])
    finally:
        lineage_sink.default_sink.cache_clear()

    events = [json.loads(line) for line in target.read_text().splitlines()]
    assert [event["eventType"] for event in events] == ["START", "COMPLETE"]
    assert {event["run"]["runId"] for event in events} == {run.run_id}
    assert {event["job"]["namespace"] for event in events} == {"shop"}


def test_a_server_that_refuses_connections_is_reported_once(monkeypatch, caplog):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    transport = {
        "type": "composite",
        "transports": [
            {"type": "http", "url": f"http://user:secret@127.0.0.1:{port}", "retry": {"total": 1}}
        ],
    }
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT", json.dumps(transport))
    lineage_sink.default_sink.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            run = LineageRun.start("daily-report", [(DATASET, completeness())])
            run.fail("the command ended with exit code 3")
        assert run.sink is not None
        assert run.sink.is_down
    finally:
        lineage_sink.default_sink.cache_clear()

    assert [record.name for record in caplog.records] == [lineage_sink.__name__]
    assert "secret" not in caplog.text


def test_nothing_is_sent_without_a_transport(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not is_configured({"HOME": str(tmp_path)})
    assert not is_configured({"OPENLINEAGE_URL": "http://a", "OPENLINEAGE_DISABLED": "true"})
    assert is_configured({"OPENLINEAGE__TRANSPORT__TYPE": "console"})
    (tmp_path / "openlineage.yml").write_text("transport:\n  type: console\n")
    assert is_configured({})


def test_a_transport_without_the_client_is_reported_and_the_run_goes_on(monkeypatch, caplog):
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:1")
    monkeypatch.setattr(lineage_sink, "find_spec", lambda _: None)
    lineage_sink.default_sink.cache_clear()
    try:
        assert LineageRun.start("daily-report", []).sink is None
        lineage.LineageRun.start("daily-report", []).complete()
    finally:
        lineage_sink.default_sink.cache_clear()

    assert caplog.text.count("smart-orchestrator[openlineage]") == 1
