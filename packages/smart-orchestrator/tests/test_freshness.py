"""Deadlines, states and incidents of partitions, over a scripted month and one case at a time."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from smart_orchestrator.model.completeness import Completeness
from smart_orchestrator.model.dataset import Dataset
from smart_orchestrator.model.event import Event
from smart_orchestrator.model.freshness import judge, parse_objective, window_to_judge
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.model.partition import Code, Manifest, Partition
from smart_orchestrator.model.signal import Channel
from smart_orchestrator.runners.ledger import Ledger
from smart_orchestrator.telemetry.incidents import IncidentStore
from smart_orchestrator.telemetry.messages import announce_incidents

DATASET = Dataset("orders", "memory://freshness", "dt={day:%Y-%m-%d}", lag=1)
OBJECTIVE = parse_objective("06:00 UTC, 2 days")

TWO_RECOVERED = (
    "2025-11-24 is available since 2025-11-28 03:00 UTC; it was due 2025-11-26 06:00 UTC\n"
    "2025-11-25 is available since 2025-11-28 03:00 UTC; it was due 2025-11-27 06:00 UTC"
)


def day(number: int) -> dt.date:
    return dt.date(2025, 11, 1) + dt.timedelta(days=number - 1)


def at(number: int, hour: int = 7) -> dt.datetime:
    return dt.datetime.combine(day(number), dt.time(hour), dt.UTC)


class Month:
    """A lake whose partitions arrive as scripted, checked once a day at 07:00 UTC."""

    def __init__(self, tmp_path, objective=OBJECTIVE) -> None:
        self.arrivals: dict[dt.date, dt.datetime] = {}
        self.restated: dict[dt.date, dt.datetime] = {}
        self.waived: dict[dt.date, dt.datetime] = {}
        self.objective = objective
        self.store = IncidentStore(Ledger(tmp_path / "state"))
        self.messages: list[tuple[int, str, str]] = []
        self.channels: list[Channel] = []

    def partition(self, key: dt.date, now: dt.datetime) -> Partition:
        if key in self.arrivals and self.arrivals[key] <= now:
            manifest = Manifest(key, "first", (), 1, (), None, {}, self.arrivals[key])
            if key in self.restated and self.restated[key] <= now:
                return Partition(key, Code.RESTATED, "other views", fingerprint="first", manifest=manifest)
            return Partition(key, Code.OK, "1 row", fingerprint="first", manifest=manifest)
        if key in self.waived and self.waived[key] <= now:
            return Partition(key, Code.WAIVED, "waived: closed", lake_code=Code.MISSING)
        return Partition(key, Code.MISSING, "nothing in the lake")

    def check(self, now: dt.datetime):
        records = self.store.records(DATASET.name)
        window = window_to_judge(DATASET, self.objective, now, records)
        partitions = tuple(self.partition(key, now) for key in window)
        completeness = Completeness(DATASET.name, window, partitions)
        report = judge(DATASET, self.objective, completeness, records, now)
        for message in announce_incidents(report, self.store, self.channels):
            self.messages.append((now.day, message.event.value, message.text))
        return report


def test_a_scripted_month_has_one_message_for_each_incident_and_one_for_its_end(tmp_path):
    month = Month(tmp_path)
    # Partition N is due on day N + 2 at 06:00, and arrives on day N + 1 at 05:00 unless the script says otherwise.
    month.arrivals = {day(n): at(n + 1, 5) for n in range(-10, 29)}
    month.arrivals[day(5)] = at(7, 12)  # late by six hours
    month.arrivals[day(9)] = at(20, 12)  # missing for more than the judged week, then backfilled
    del month.arrivals[day(15)]  # never comes, and is waived
    month.waived[day(15)] = at(22, 12)
    month.restated[day(11)] = at(18, 12)  # restated after it was in time
    month.arrivals[day(24)] = month.arrivals[day(25)] = at(28, 3)  # an outage of two days
    states: dict[int, dict[int, str]] = {}

    for number in range(2, 31):
        report = month.check(at(number))
        states[number] = {p.key.day: p.state.value for p in report.partitions if p.key.month == 11}

    assert month.messages == [
        (7, "late", "2025-11-05 was due 2025-11-07 06:00 UTC: nothing in the lake"),
        (
            8,
            "recovered",
            "2025-11-05 is available since 2025-11-07 12:00 UTC; it was due 2025-11-07 06:00 UTC",
        ),
        (11, "late", "2025-11-09 was due 2025-11-11 06:00 UTC: nothing in the lake"),
        (17, "late", "2025-11-15 was due 2025-11-17 06:00 UTC: nothing in the lake"),
        (19, "restated", "2025-11-11: other views"),
        (
            21,
            "recovered",
            "2025-11-09 is available since 2025-11-20 12:00 UTC; it was due 2025-11-11 06:00 UTC",
        ),
        (
            23,
            "recovered",
            "2025-11-15 is no longer expected; it was due 2025-11-17 06:00 UTC: waived: closed",
        ),
        (26, "late", "2025-11-24 was due 2025-11-26 06:00 UTC: nothing in the lake"),
        (27, "late", "2025-11-25 was due 2025-11-27 06:00 UTC: nothing in the lake"),
        (
            28,
            "recovered",
            TWO_RECOVERED,
        ),
    ]
    table = {
        7: {4: "fresh", 5: "late", 6: "fresh", 7: "unknown"},
        8: {5: "recovered", 6: "fresh", 7: "fresh", 8: "unknown"},
        # The missing partition stays in the report until it is filled, however old it becomes.
        20: {9: "late", 12: "fresh", 15: "late", 18: "fresh"},
        # Filling the old partition does not change the state of the missing one.
        21: {9: "recovered", 15: "late", 19: "fresh"},
        # A restated partition was in time, and stays so.
        18: {11: "fresh"},
        19: {15: "late"},
        23: {15: "unknown", 21: "fresh"},
        27: {24: "late", 25: "late", 26: "fresh"},
        28: {24: "recovered", 25: "recovered", 26: "fresh"},
    }
    for number, expected in table.items():
        assert {key: states[number].get(key) for key in expected} == expected, number
    assert 9 not in states[22], "an old incident leaves the report after its end"


def test_filling_an_old_partition_never_turns_the_newest_green(tmp_path):
    month = Month(tmp_path)
    month.arrivals = {day(n): at(n + 1, 5) for n in range(-10, 8)}
    del month.arrivals[day(3)]
    assert [p.key.day for p in month.check(at(12)).late] == [8, 9, 10]

    month.arrivals[day(3)] = at(12, 9)
    report = month.check(at(12, 10))

    assert [p.key.day for p in report.late] == [8, 9, 10]
    assert not report.met


def test_a_tolerated_partition_is_late_without_an_incident(tmp_path):
    month = Month(tmp_path, parse_objective("06:00 UTC, 2 days", "6 of 7"))
    month.arrivals = {day(n): at(n + 1, 5) for n in range(-10, 29)}
    del month.arrivals[day(5)]
    report = month.check(at(8))

    assert [p.key.day for p in report.late] == [5]
    assert report.met
    assert month.messages == []

    del month.arrivals[day(7)]
    report = month.check(at(9))
    assert not report.met
    assert [(number, event) for number, event, _ in month.messages] == [(9, "late")]


def test_an_old_incident_lets_no_tolerated_partition_begin_another(tmp_path):
    month = Month(tmp_path, parse_objective("06:00 UTC, 2 days", "6 of 7"))
    month.arrivals = {day(n): at(n + 1, 5) for n in range(-10, 29)}
    for late in (5, 6, 16):
        del month.arrivals[day(late)]
    month.check(at(8))
    month.arrivals[day(6)] = at(8, 12)
    month.check(at(9))

    report = month.check(at(18))

    assert ([p.key.day for p in report.late], report.met) == ([5, 16], False)
    assert [(number, event) for number, event, _ in month.messages] == [(8, "late"), (9, "recovered")]


def test_a_partition_that_disappears_again_begins_a_new_incident(tmp_path):
    month = Month(tmp_path)
    month.arrivals = {day(n): at(n + 1, 5) for n in range(-10, 29)}
    month.arrivals[day(5)] = at(7, 12)
    for number in (7, 8):
        month.check(at(number))
    del month.arrivals[day(5)]
    month.check(at(9))
    month.check(at(10))
    month.arrivals[day(5)] = at(10, 12)
    month.check(at(11))

    assert [(number, event) for number, event, _ in month.messages] == [
        (7, "late"),
        (8, "recovered"),
        (9, "late"),
        (11, "recovered"),
    ]


def test_a_partition_that_is_first_checked_after_its_deadline_is_unknown_without_a_write_time():
    window = window_to_judge(DATASET, OBJECTIVE, at(20), {})
    partitions = tuple(Partition(key, Code.OK, "1 row") for key in window)
    completeness = Completeness(DATASET.name, window, partitions)

    report = judge(DATASET, OBJECTIVE, completeness, {}, at(20))

    states = {p.key.day: p.state.value for p in report.partitions}
    assert states == {**dict.fromkeys(range(12, 19), "unknown"), 19: "fresh", 20: "fresh"}
    assert report.met, "an available partition is not late"


def test_a_message_that_no_address_accepts_is_sent_again(tmp_path, monkeypatch):
    month = Month(tmp_path)
    month.arrivals = {day(n): at(n + 1, 5) for n in range(-10, 5)}
    accepted: list[str] = []
    is_up = False

    def deliver(urls, title, *_):
        if is_up:
            accepted.append(title)
        return [] if is_up else [f"address 1 of {len(urls)} (json)"]

    monkeypatch.setattr("smart_orchestrator.telemetry.messages.deliver", deliver)
    month.channels = [Channel("ops", ("json://a",), (Event.LATE, Event.RECOVERED))]

    month.check(at(7))
    is_up = True
    month.check(at(7))
    month.check(at(7))
    assert accepted == ["orders: 2025-11-05 late"]

    # The day is old when it arrives, so only the message that is due keeps it in the report.
    month.arrivals |= {day(n): at(n + 1, 5) for n in range(6, 29)} | {day(5): at(20, 5)}
    is_up = False
    month.check(at(20))
    month.check(at(21))
    is_up = True
    month.check(at(22))
    month.check(at(23))
    assert accepted == ["orders: 2025-11-05 late", "orders: 2025-11-05 recovered"]
    assert not any(record.is_tracked for record in month.store.records(DATASET.name).values())


@pytest.mark.parametrize(
    ("fresh", "grain", "key", "deadline"),
    [
        ("06:00 UTC, 2 days", Grain.DAY, dt.date(2025, 11, 5), "2025-11-07T06:00+00:00"),
        ("06:00 Europe/Berlin, 1 day", Grain.DAY, dt.date(2025, 10, 25), "2025-10-26T05:00+00:00"),
        ("00:00 UTC, 0 days", Grain.WEEK, dt.date(2025, 11, 3), "2025-11-09T00:00+00:00"),
        ("06:00 UTC, 2 days", Grain.MONTH, dt.date(2025, 10, 1), "2025-11-02T06:00+00:00"),
        ("90 minutes", Grain.HOUR, dt.datetime(2025, 11, 5, 7, tzinfo=dt.UTC), "2025-11-05T09:30+00:00"),
        ("2 hours", Grain.DAY, dt.date(2025, 11, 5), "2025-11-06T02:00+00:00"),
    ],
)
def test_the_deadline_counts_from_the_end_of_the_span(fresh, grain, key, deadline):
    assert parse_objective(fresh).deadline(grain, key, dt.UTC) == dt.datetime.fromisoformat(deadline)


@pytest.mark.parametrize(
    ("fresh", "complete", "problem"),
    [
        ("6:00 UTC, 2 days", "", "not a deadline"),
        ("06:00, 2 days", "", "not a deadline"),
        ("06:00 Mars/Base, 2 days", "", "'Mars/Base', which is not UTC"),
        ("06:00 UTC, 900 days", "", "more than 366 days"),
        ("2 days", "", "not a deadline"),
        ("2 hours", "8 of 7", "not between 1 of 1"),
        ("2 hours", "0 of 7", "not between 1 of 1"),
        ("2 hours", "all", "not a number of partitions"),
    ],
)
def test_an_objective_that_cannot_be_is_refused(fresh, complete, problem):
    with pytest.raises(ValueError, match=problem):
        parse_objective(fresh, complete)


def test_every_hour_of_an_hourly_dataset_is_judged():
    dataset = replace(DATASET, grain=Grain.HOUR, key_format="{start:%Y-%m-%d}/{start:%H}")
    now = dt.datetime(2025, 11, 5, 12, 30, tzinfo=dt.UTC)

    window = window_to_judge(dataset, parse_objective("2 hours", "3 of 3"), now, {})

    assert [key.hour for key in window] == [7, 8, 9, 10, 11, 12]
