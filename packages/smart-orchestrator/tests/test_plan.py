from __future__ import annotations

import datetime as dt

import pytest

from smart_orchestrator.model.completeness import Completeness, Policy
from smart_orchestrator.model.partition import Code, Partition
from smart_orchestrator.model.plan import Action, due, make_plan
from smart_orchestrator.model.run import Run, RunState, run_name
from smart_orchestrator.model.window import Window

DAY = dt.date(2025, 11, 5)
WINDOW = Window.between(DAY, DAY, dt.date(2025, 11, 12))
NOON = dt.datetime(2025, 11, 12, 12, 0, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


def checked(code, newest_write=None, policy=None):
    partition = Partition(DAY, code, "the reason", newest_write=newest_write)
    return Completeness("pages", WINDOW, (partition,), policy=policy or Policy())


def run(state, *, started=NOON, ended=None):
    return Run(run_name(DAY, 1), DAY, 1, state, started_at=started, ended_at=ended)


WRITING = (Code.STILL_WRITING, NOON)
CASES = {
    "whole": (checked(Code.OK), None, "keep", "the reason"),
    "whole although a run goes on": (checked(Code.OK), run(RunState.RUNNING), "keep", "the reason"),
    "waived": (checked(Code.WAIVED), None, "keep", "the reason"),
    "before the history": (checked(Code.BEYOND_UPSTREAM_HISTORY), None, "keep", "the reason"),
    "not published": (checked(Code.NOT_PUBLISHED), None, "wait", "the reason"),
    "within the lag": (checked(Code.WITHIN_LAG), None, "wait", "the reason"),
    "a newer program's": (checked(Code.NEWER_VERSION), None, "give_up", "the reason"),
    "unusual": (checked(Code.UNUSUAL_VOLUME), None, "keep", "the reason"),
    "unusual, and the policy is strict": (
        checked(Code.UNUSUAL_VOLUME, policy=Policy(strict=True)), None, "start", "UNUSUAL_VOLUME: the reason"
    ),
    "missing": (checked(Code.MISSING), None, "start", "MISSING: the reason"),
    "half-written": (checked(Code.NO_MARKER), None, "start", "NO_MARKER: the reason"),
    "broken": (checked(Code.PART_GONE), run(RunState.SUCCEEDED), "start", "PART_GONE: the reason"),
    "failed before": (checked(Code.MISSING), run(RunState.FAILED), "start", "MISSING: the reason"),
    "queued": (checked(Code.MISSING), run(RunState.QUEUED), "follow", "run 2025-11-05.1 is queued"),
    "running": (checked(*WRITING), run(RunState.RUNNING), "follow", "run 2025-11-05.1 is running"),
    "written by nobody we know": (checked(*WRITING), None, "wait", "being written: the reason"),
    "left by a run that died": (
        checked(*WRITING), run(RunState.LOST, started=NOON - MINUTE), "start", "STILL_WRITING: the reason"
    ),
    "left by a run that failed": (
        checked(*WRITING),
        run(RunState.FAILED, started=NOON - 9 * MINUTE, ended=NOON),
        "start", "STILL_WRITING: the reason",
    ),
    "written after the run ended": (
        checked(*WRITING),
        run(RunState.FAILED, started=NOON - 9 * MINUTE, ended=NOON - 2 * MINUTE),
        "wait", "being written: the reason",
    ),
    "written before the run began": (
        checked(*WRITING), run(RunState.LOST, started=NOON + 2 * MINUTE), "wait", "being written: the reason"
    ),
    "written while nobody knows when the run began": (
        checked(*WRITING), run(RunState.LOST, started=None), "wait", "being written: the reason"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_done_about_a_day_and_why(case):
    found, latest, action, why = CASES[case]
    known = {} if latest is None else {DAY: latest}
    plan = make_plan(found, known)
    [step] = plan.steps
    assert (step.action, step.why) == (Action(action), why)
    assert (step.run is not None) == (action == "follow")
    assert due(found, known) == plan.days(Action.START) == ((DAY,) if action == "start" else ())


def test_a_day_may_be_missing_without_being_due():
    found = checked(*WRITING)
    assert found.missing == (DAY,)
    assert due(found, {}) == ()


def test_the_document_of_a_plan():
    found, latest = CASES["queued"][:2]
    assert make_plan(found, {DAY: latest}).to_json() == {
        "dataset": "pages",
        "as_of": "2025-11-12",
        "window": {"start": "2025-11-05", "end": "2025-11-05", "days": 1, "lag_days": 3},
        "missing": ["2025-11-05"],
        "coverage_pct": 0.0,
        "due": [],
        "days": [
            {
                "day": "2025-11-05",
                "action": "follow",
                "why": "run 2025-11-05.1 is queued",
                "run": "2025-11-05.1",
            }
        ],
    }
