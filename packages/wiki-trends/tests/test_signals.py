"""Deadlines, messages, lineage events and the metrics file of `wiki-trends`."""

from __future__ import annotations

import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from smart_orchestrator.telemetry import lineage_sink
from testing.message_receiver import Receiver
from testing.product import DAYS
from wiki_trends.config.settings import load
from wiki_trends.errors import SettingError

# An import of Apprise, on Python 3.11.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")
AS_OF = ("--as-of", "2025-11-12")


@pytest.fixture
def receiver(place, monkeypatch):
    del place  # It removes the variables of the environment first.
    with Receiver() as server:
        monkeypatch.setenv("WIKI_TRENDS_MESSAGES", f"json://127.0.0.1:1/?token=very-secret {server.url}")
        yield server


@pytest.fixture
def deadline(place, monkeypatch):
    del place
    monkeypatch.setenv("WIKI_TRENDS_FRESH", "06:00 UTC, 2 days")
    monkeypatch.setenv("WIKI_TRENDS_COMPLETE", "3 of 3")


@pytest.mark.usefixtures("deadline")
def test_check_late_judges_each_day_and_stores_nothing_for_another_time(place, receiver):
    place.write_days(*DAYS[:3])
    late = place.run("check", "--late", *AS_OF)

    # As of the start of 12 November, the newest due day is the ninth.
    assert late.code == 1
    assert late.out.splitlines()[0] == "diamond  late: 2 late, 1 recovered, 3 unknown"
    assert "  2025-11-09  late       due 2025-11-11 06:00 UTC: nothing is there" in late.out
    document = place.run("check", "--late", *AS_OF, "--json").json
    states = {item["key"]: item["state"] for item in document["datasets"]["diamond"]["partitions"]}
    assert states["2025-11-07"] == "recovered", "it was written long after its deadline"
    assert states["2025-11-10"] == "unknown", "it is not due yet"
    assert receiver.received == []


@pytest.mark.usefixtures("deadline")
def test_check_late_sends_one_message_for_the_incidents(place, receiver):
    for _ in range(2):
        assert place.run("check", "--late").code == 1

    assert [item["title"] for item in receiver.received] == ["diamond: 3 partitions late"]


def test_check_late_needs_a_deadline(place):
    assert "is empty, so no day has a deadline" in place.run("check", "--late").err


def test_a_run_sends_messages_lineage_and_metrics(place, receiver, monkeypatch, tmp_path):
    target, metrics = tmp_path / "events.jsonl", tmp_path / "wiki.prom"
    transport = {"type": "file", "log_file_path": str(target), "append": True}
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT", json.dumps(transport))
    monkeypatch.setenv("WIKI_TRENDS_METRICS_FILE", str(metrics))
    place.write_days(*DAYS)
    lineage_sink.default_sink.cache_clear()
    try:
        first = place.run("run", *AS_OF)
        assert place.run("run", *AS_OF).code == 0
    finally:
        lineage_sink.default_sink.cache_clear()

    assert first.code == 0
    assert "very-secret" not in first.err + first.out
    assert [item["title"] for item in receiver.received] == [
        "diamond: wiki-trends published",
        "diamond: window ready",
    ], "a second run of the same window publishes and announces nothing"
    events = [json.loads(line) for line in target.read_text().splitlines()]
    assert [event["eventType"] for event in events] == ["START", "COMPLETE"]
    [source] = events[1]["inputs"]
    partitions = source["inputFacets"]["subset"]["inputCondition"]["partitions"]
    assert [partition["dimensions"]["day"] for partition in partitions] == list(DAYS)
    tables = {output["name"].rpartition("/")[2]: output for output in events[1]["outputs"]}
    assert tables["wiki_trends_growth"]["outputFacets"]["outputStatistics"]["rowCount"] >= 1
    values = {
        (sample.name, sample.labels.get("dataset")): sample.value
        for family in text_string_to_metric_families(metrics.read_text())
        for sample in family.samples
    }
    assert values["smart_orchestrator_coverage_ratio", "diamond"] == 1
    assert ("smart_orchestrator_late_partitions", "diamond") not in values, "no day has a deadline"


def test_a_failed_analysis_sends_fail(place, monkeypatch, tmp_path):
    target = tmp_path / "events.jsonl"
    transport = {"type": "file", "log_file_path": str(target), "append": True}
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT", json.dumps(transport))
    place.write_days(*DAYS[:3])
    lineage_sink.default_sink.cache_clear()
    try:
        assert place.run("analyze", *AS_OF).code != 0
    finally:
        lineage_sink.default_sink.cache_clear()

    events = [json.loads(line) for line in target.read_text().splitlines()]
    assert [event["eventType"] for event in events] == ["START", "FAIL"]
    assert "2025-11-08" in events[1]["run"]["facets"]["errorMessage"]["message"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FRESH", "06:00"),
        ("COMPLETE", "8 of 7"),
        ("MESSAGES_ON", "late laet"),
        ("METRICS_FILE", "metrics.txt"),
        ("METRICS_TOKEN", "short"),
    ],
)
def test_an_invalid_setting_is_refused(name, value):
    with pytest.raises(SettingError) as error:
        load(environ={f"WIKI_TRENDS_{name}": value})
    assert ("short" not in str(error.value)) or name != "METRICS_TOKEN"
