"""Messages, metrics and lineage of the command `smart-orchestrator`, on a lake that others wrote."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import socket
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from smart_orchestrator.config.loading import parse_config
from smart_orchestrator.model.event import Event
from smart_orchestrator.model.signal import Channel, Message
from smart_orchestrator.model.window import today_utc
from smart_orchestrator.project_errors import ConfigError
from smart_orchestrator.telemetry.messages import publish, restated_message
from testing.message_receiver import Receiver

from .any_lake import CONFIG, WINDOW, AnyLake

pytestmark = pytest.mark.usefixtures("same_day")
SIGNALS = """
[messages.ops]
urls_variable = "OPS_URLS"
"""
OBJECTIVE = 'runner = "etl"\nfresh = "00:00 UTC, 2 days"\ncomplete = "3 of 3"\n'


def ago(days: int) -> str:
    return (today_utc() - dt.timedelta(days=days)).isoformat()


@pytest.fixture
def receiver():
    with Receiver() as server:
        yield server


@pytest.fixture
def lake(tmp_path, monkeypatch, receiver):
    """Orders with an objective, and the days two to four days ago without the one of three days ago."""
    monkeypatch.setenv("OPS_URLS", f"json://127.0.0.1:1/?token=very-secret {receiver.url}")
    config = 'metrics_file = "metrics.prom"\n' + CONFIG.replace('runner = "etl"\n', OBJECTIVE) + SIGNALS
    lake = AnyLake(tmp_path, config)
    for days in (2, 4):
        add(lake, days)
    return lake


def add(lake: AnyLake, days: int) -> None:
    shutil.copytree(lake.folder / "source" / "dt=2025-11-05", lake.orders / f"dt={ago(days)}")
    lake.age()


def test_status_late_tells_each_incident_once_although_no_run_failed(lake, receiver):
    first = lake.run("status", "--late", code=1)
    document = lake.json("status", "--late", code=1)

    assert f"  {ago(3)}  late       due {ago(1)} 00:00 UTC: " in first.stdout
    assert [(p["key"], p["state"]) for p in document["datasets"]["orders"]["partitions"]] == [
        (ago(4), "unknown"),
        (ago(3), "late"),
        (ago(2), "unknown"),
        (ago(1), "unknown"),
        (ago(0), "unknown"),
    ]
    assert (document["met"], document["errors"]) == (False, {})
    assert [(item["title"], item["type"]) for item in receiver.received] == [
        (f"orders: {ago(3)} late", "failure")
    ]

    add(lake, 3)
    assert lake.json("status", "--late", code=0)["met"]
    lake.run("status", "--late", "--quiet", code=0)
    assert [item["title"] for item in receiver.received] == [
        f"orders: {ago(3)} late",
        f"orders: {ago(3)} recovered",
    ]


def test_a_dead_address_does_not_stop_the_others_and_is_reported_without_its_secret(lake, receiver):
    done = lake.run("status", "--late", code=1)

    assert len(receiver.received) == 1
    assert "messages.ops: the service of address 1 of 2 (json) did not accept the message" in done.stderr
    assert "very-secret" not in done.stderr + done.stdout


def test_a_look_at_another_time_stores_and_sends_nothing(lake, receiver):
    lake.run("status", "--late", "--as-of", ago(0), code=1)
    assert lake.json("status", "--late", "--as-of", f"{ago(1)}T00", code=1)["datasets"]["orders"][
        "partitions"
    ]
    assert receiver.received == []
    assert "--last" in lake.run("status", "--late", "--last", "3", code=2).stderr


def test_status_late_needs_a_deadline(tmp_path):
    assert "no dataset has a deadline" in AnyLake(tmp_path).run("status", "--late", code=2).stderr


@pytest.mark.slow
def test_a_run_tells_that_the_window_is_ready_and_published(lake, receiver):
    lake.take_away("2025-11-06")
    for window in (WINDOW, (*WINDOW, "--start", "2025-11-07"), WINDOW):
        lake.run("run", "orders", *window, code=0)

    titles = [item["title"] for item in receiver.received]
    assert titles.count("orders: window ready") == 2
    assert titles.count("orders: revenue published") == 3
    assert titles.count(f"orders: {ago(3)} late") == 1


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_metrics_are_valid_and_have_no_label_by_day(lake):
    lake.run("run", "orders", *WINDOW, code=0)
    first = samples((lake.folder / "metrics.prom").read_text())
    lake.run("status", "--late", code=1)
    values = samples((lake.folder / "metrics.prom").read_text())

    assert values["smart_orchestrator_late_partitions", "orders"] == 1
    assert values["smart_orchestrator_freshness_objective_met", "orders"] == 0
    assert values["smart_orchestrator_lateness_seconds", "orders"] >= 86_400
    # The default window is that of the consumer: the last seven days, of which two are available.
    assert values["smart_orchestrator_coverage_ratio", "orders"] == pytest.approx(0.286)
    assert values["smart_orchestrator_missing_partitions", "orders"] == 5
    assert values["smart_orchestrator_oldest_gap_seconds", "orders"] >= 6 * 86_400
    assert values["smart_orchestrator_check_requests", "orders", "list"] >= 1
    assert values.keys() == first.keys(), "the series do not depend on the day or on the run"
    assert not [name for name in values if any(re.search(r"\d{4}-\d{2}", label) for label in name)]


def test_metrics_that_cannot_be_written_do_not_fail_the_run(lake):
    (lake.folder / "metrics.prom").mkdir()

    done = lake.run("run", "orders", *WINDOW, code=0)

    assert "The metrics cannot be written to" in done.stderr


@pytest.mark.slow
def test_the_run_of_a_consumer_sends_lineage(lake, monkeypatch):
    target = lake.folder / "events.jsonl"
    monkeypatch.setenv(
        "OPENLINEAGE__TRANSPORT", json.dumps({"type": "file", "log_file_path": str(target), "append": True})
    )
    lake.run("run", "orders", *WINDOW, code=0)
    (lake.folder / "revenue.py").write_text("raise SystemExit(3)")
    lake.run("run", "orders", *WINDOW, code=1)

    events = [json.loads(line) for line in target.read_text().splitlines()]
    assert [event["eventType"] for event in events] == ["START", "COMPLETE", "START", "FAIL"]
    assert {event["job"]["name"] for event in events} == {"revenue"}
    assert events[3]["run"]["facets"]["errorMessage"]["message"] == "the command ended with exit code 3"
    [source] = events[0]["inputs"]
    assert len(source["inputFacets"]["subset"]["inputCondition"]["partitions"]) == 5


@pytest.mark.slow
def test_a_lineage_service_that_never_answers_is_tried_once(lake, monkeypatch):
    connections = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("OPENLINEAGE_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TRANSPORTS__DEFAULT_HTTP__TIMEOUT", "60")
        monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "composite")
        monkeypatch.setenv(
            "OPENLINEAGE__TRANSPORT__TRANSPORTS__DEFAULT_HTTP__URL",
            f"http://127.0.0.1:{server.getsockname()[1]}",
        )
        monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TRANSPORTS__DEFAULT_HTTP__TYPE", "http")

        def accept():
            while True:
                try:
                    connections.append(server.accept())
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        done = lake.run("run", "orders", *WINDOW, code=0)
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
    for connection, _ in connections:
        connection.close()

    assert len(connections) == 1, "START is tried once, and COMPLETE not at all"
    assert done.stderr.count("OpenLineage: ") == 1
    assert "consumer revenue is done" in done.stderr


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # an import of Apprise, on Python 3.11
def test_a_channel_receives_only_its_events_and_datasets(receiver):
    channel = Channel("ops", (receiver.url,), (Event.RESTATED,), ("orders",))
    restated = restated_message("orders", [f"2025-11-{day:02}: 3 rows" for day in range(1, 13)])

    publish(restated, [channel])
    publish(Message(Event.LATE, "orders", "title", "text"), [channel])
    publish(Message(Event.RESTATED, "customers", "title", "text"), [channel])

    [message] = receiver.received
    assert (message["title"], message["type"]) == ("orders: 12 partitions restated", "warning")
    assert message["message"].endswith("2025-11-10: 3 rows\nand 2 more")


def test_a_variable_without_addresses_is_reported(lake, monkeypatch):
    monkeypatch.delenv("OPS_URLS")

    assert "messages.ops: the environment variable OPS_URLS is not set" in lake.run("status", "--late").stderr


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ('runner = "etl"\nfresh = "06:00"\n', "'06:00' is not a deadline"),
        ('runner = "etl"\ncomplete = "7 of 7"\n', "needs a deadline"),
        ('runner = "etl"\nfresh = "2 hours"\ncomplete = "8 of 7"\n', "'8 of 7' is not between"),
    ],
)
def test_an_invalid_objective_is_refused(tmp_path, change, problem):
    config = CONFIG.replace('runner = "etl"\n', change)

    with pytest.raises(ConfigError, match=problem):
        parse_config(config.encode(), tmp_path / "smart-orchestrator.toml")


@pytest.mark.parametrize(
    ("addition", "problem"),
    [
        ('[messages.ops]\nurls_variable = "A"\non = ["lat"]\n', "Did you mean late"),
        ('[messages.ops]\nurls_variable = "A"\ndatasets = ["order"]\n', "Did you mean orders"),
        ('[messages.ops]\nurls = "json://a"\n', "urls_variable"),
    ],
)
def test_an_invalid_channel_is_refused(tmp_path, addition, problem):
    with pytest.raises(ConfigError, match=problem):
        parse_config((CONFIG + addition).encode(), tmp_path / "smart-orchestrator.toml")


def test_a_metrics_file_must_have_the_name_that_node_exporter_reads(tmp_path):
    with pytest.raises(ConfigError, match=r"does not end in \.prom"):
        parse_config(
            ('metrics_file = "metrics.txt"\n' + CONFIG).encode(), tmp_path / "smart-orchestrator.toml"
        )
