"""The checks of the hostile hands find what they look for, in records that are written by hand."""

from __future__ import annotations

import datetime as dt
import json
from types import SimpleNamespace

import pytest

from tests.airflow.hostile import __main__ as hostile
from tests.airflow.hostile.checks import days_lost, failures_not_told_once, false_messages, runs_twice
from tests.airflow.hostile.hands import Journal

DAY = "2020-01-05"


@pytest.fixture
def stack(tmp_path):
    (tmp_path / f"hostile-lake/day={DAY}").mkdir(parents=True)
    (tmp_path / f"hostile-lake/day={DAY}/_SUCCESS").touch()
    (tmp_path / "records.jsonl").touch()
    return SimpleNamespace(folder=tmp_path)


def written(stack, *records):
    with (stack.folder / "records.jsonl").open("a") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


def execution(at, run, *, until=None, was_complete=False, number=1):
    began = {"kind": "began", "at": at, "day": DAY, "run": run, "try": number, "was_complete": was_complete}
    ended = {"kind": "ended", "at": until, "day": DAY, "run": run, "try": number, "is_hopeless": False}
    return [began] if until is None else [began, ended]


def told(run, title, text="Problem: the API does not answer.", at=20.0):
    kind = "success" if title.endswith("done") else "failure"
    message = f"{text}\nRun: http://airflow/dags/hostile_orchestrator/runs/{run}"
    return at, {"title": f"hostile: {title}", "message": message, "type": kind}


def test_a_lost_day(stack):
    first = dt.date.fromisoformat(DAY)
    assert days_lost(stack, [(first, first)]) == (1, [])
    assert days_lost(stack, [(first, first + dt.timedelta(days=1))]) == (2, ["2020-01-06 is not in the lake"])
    written(stack, {"kind": "consumed", "at": 1.0, "run": "one", "days": [DAY], "gone": [DAY]})
    assert "which is not there" in days_lost(stack, [(first, first)])[1][0]


@pytest.mark.parametrize(
    ("second", "found"),
    [
        (execution(6.0, "b"), []),
        (execution(3.0, "a", number=2), []),
        (execution(3.0, "b"), [f"{DAY}: the run b began before the run a had ended"]),
        (execution(6.0, "b", was_complete=True), [f"{DAY} was complete when the run b began"]),
    ],
    ids=["after a failure", "a retry", "at the same time", "of a complete day"],
)
def test_a_day_that_is_run_twice(stack, second, found):
    written(stack, *execution(1.0, "a", until=5.0), *second)
    assert runs_twice(stack, set()) == found
    assert runs_twice(stack, {DAY}) == []


def test_a_false_message(stack):
    written(stack, {"kind": "consumed", "at": 10.0, "run": "one", "days": [DAY], "gone": []})
    journal = Journal()
    assert false_messages(stack, [told("one", "analytics done")], journal) == []
    assert len(false_messages(stack, [told("two", "analytics done")], journal)) == 1
    assert len(false_messages(stack, [told("one", "FAILED, nothing was published")], journal)) == 1
    journal.touched["one"] = [15.0]
    assert false_messages(stack, [told("one", "FAILED, nothing was published")], journal) == []


def test_a_failure_that_is_not_told_once_with_its_reason():
    run = {"dag_run_id": "one", "state": "failed"}
    failed = told("one", "FAILED, nothing was published")
    journal = Journal()
    assert failures_not_told_once([run], [failed], journal) == []
    assert failures_not_told_once([run], [], journal) == ["one has failed, and was not told"]
    assert failures_not_told_once([run], [failed] * 2, journal) == [
        "one was told 2 times, and touched 0 times"
    ]
    journal.killed.append(19.0)
    assert failures_not_told_once([run], [failed] * 2, journal) == []
    without = told("one", "FAILED, nothing was published", "Coverage: 80.0 %")
    [found] = failures_not_told_once([run], [without], journal)
    assert "without a reason" in found


@pytest.mark.parametrize(
    ("unended", "expected"),
    [
        ([["a", "b", "c"], ["b", "c"], ["c"], []], []),
        ([["a", "b"], ["b"], ["b"], ["b"]], ["b"]),
    ],
    ids=["a long queue that gets shorter", "a run that hangs"],
)
def test_the_hands_wait_as_long_as_runs_end(monkeypatch, unended, expected):
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now, sleep=lambda _: advance())

    def advance():
        clock.now += hostile.SETTLE_SECONDS - 1

    monkeypatch.setattr(hostile, "time", clock)
    answers = iter(unended)
    hands = SimpleNamespace(unended=lambda: next(answers), heal=lambda: None)
    assert hostile.settle(hands, lambda _: None) == expected
