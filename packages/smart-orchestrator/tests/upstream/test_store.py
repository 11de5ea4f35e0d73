"""The history of answers and landings: shared, bounded, and tolerant of foreign content."""

from __future__ import annotations

import datetime as dt
import json
import threading

import pytest

from smart_orchestrator.errors import LakeError
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.store.opening import open_lake
from smart_orchestrator.upstream.probe import Answer, Presence
from smart_orchestrator.upstream.store import MAX_ANSWERS, MAX_DELAYS, AnswerHistory, AnswerStore

DAY = dt.date(2025, 11, 5)
END = dt.datetime(2025, 11, 6, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def store_in(folder):
    return AnswerStore(open_lake(str(folder)), "_upstream/orders.json", Grain.DAY)


def answered(history, presence, at, key=DAY, end=END):
    answer = Answer(
        presence, at + HOUR / 2, '"v1"' if presence is Presence.LANDED else "", "https://u", "HTTP"
    )
    return history.with_answer(key, answer, at, end, lambda _: at + HOUR / 4)


def landed(*steps):
    """The history after answers about one day, each with its time in hours after the end of the day."""
    history = AnswerHistory({})
    for presence, hours in steps:
        history = answered(history, presence, END + hours * HOUR)
    return history


def test_a_landing_is_in_the_middle_of_the_last_answer_without_and_the_first_with_the_key():
    history = landed(
        (Presence.NOT_YET, 10), (Presence.NOT_YET, 12), (Presence.UNKNOWN, 12.5), (Presence.LANDED, 13)
    )

    assert history.delays == (12.5 * 3600,)
    assert history.answers[DAY].etag == '"v1"'


@pytest.mark.parametrize(
    ("steps", "delays"),
    [
        ([(Presence.LANDED, 2)], (3600.0,)),
        ([(Presence.LANDED, 40)], ()),
        ([(Presence.NOT_YET, 1), (Presence.LANDED, 20)], ()),
        ([(Presence.LANDED, 2), (Presence.LANDED, 3)], (3600.0,)),
        ([(Presence.NOT_YET, 1), (Presence.UNKNOWN, 2)], ()),
    ],
)
def test_a_landing_counts_only_if_its_time_is_known_to_six_hours(steps, delays):
    assert landed(*steps).delays == delays


def test_the_next_probe_is_not_before_the_end_of_the_validity():
    known = landed((Presence.NOT_YET, 1)).answers[DAY]

    assert (known.until, known.next_at) == (END + 1.5 * HOUR, END + 1.5 * HOUR)


def test_what_is_stored_is_read_by_another_process(tmp_path):
    history = landed((Presence.NOT_YET, 10), (Presence.LANDED, 11))
    store_in(tmp_path).update(lambda _: history)

    assert store_in(tmp_path).read() == history


def test_the_memory_is_bounded():
    history = AnswerHistory({})
    for number in range(MAX_ANSWERS + 20):
        key = DAY + dt.timedelta(days=number)
        end = END + dt.timedelta(days=number)
        history = answered(history, Presence.LANDED, end + 2 * HOUR, key, end)

    assert len(history.answers) == MAX_ANSWERS
    assert min(history.answers) == DAY + dt.timedelta(days=20)
    assert len(history.delays) == MAX_DELAYS


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"delays": [], "answers": [{}]}',
        b'{"delays": ["x"], "answers": []}',
        b"\xff",
    ],
)
def test_content_of_another_program_counts_as_empty_and_is_replaced(tmp_path, content):
    (tmp_path / "_upstream").mkdir()
    (tmp_path / "_upstream" / "orders.json").write_bytes(content)
    store = store_in(tmp_path)

    assert store.read() == AnswerHistory({})
    store.update(lambda history: answered(history, Presence.NOT_YET, END))
    assert list(store.read().answers) == [DAY]


def test_a_folder_that_cannot_be_used_is_an_error(tmp_path):
    (tmp_path / "state").write_text("a file")
    with pytest.raises(LakeError):
        store_in(tmp_path / "state").read()


def test_a_key_is_reserved_once_until_the_reservation_ends(tmp_path):
    keys = [DAY, DAY + dt.timedelta(days=1)]

    def is_due_at(now):
        return lambda history, key: key not in history.answers or history.answers[key].next_at <= now

    now = END + 24 * HOUR
    assert store_in(tmp_path).reserve(keys, now, is_due_at(now)) == keys
    assert store_in(tmp_path).reserve(keys, now, is_due_at(now)) == []
    later = now + dt.timedelta(minutes=2)
    assert store_in(tmp_path).reserve(keys, later, is_due_at(later)) == keys


def test_of_many_that_reserve_at_once_one_gets_the_key(tmp_path):
    got, start = [], threading.Barrier(8)

    def reserve():
        store = store_in(tmp_path)
        start.wait()
        got.extend(store.reserve([DAY], END, lambda history, key: key not in history.answers))

    threads = [threading.Thread(target=reserve) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert got == [DAY]


def test_many_that_write_at_once_lose_nothing(tmp_path):
    def write(number):
        key = DAY + dt.timedelta(days=number)
        store_in(tmp_path).update(lambda history: answered(history, Presence.NOT_YET, END, key))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(store_in(tmp_path).read().answers) == 8
    assert json.loads((tmp_path / "_upstream" / "orders.json").read_text())["version"] == 1
