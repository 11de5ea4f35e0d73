"""A backfill can be written down between any two steps and taken up by another process."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smart_orchestrator import Limits, Policy, check, make_plan, write_frame
from smart_orchestrator.backfilling.reporter import SilentReporter
from smart_orchestrator.backfilling.state import BackfillState
from smart_orchestrator.errors import LakeUnreachable
from smart_orchestrator.model.run import Run
from smart_orchestrator.store.opening import open_lake
from testing.lakes import WINDOW, frame, pages
from testing.ticking_runs import FAILURES, TickingRuns

DAYS = list(WINDOW)
SCRIPTS = st.dictionaries(
    st.sampled_from(DAYS),
    st.lists(st.sampled_from(["ok", "silent", "lost", *FAILURES]), min_size=1, max_size=3),
)


def begun(dataset, runs, *, policy=None, **limits):
    plan = make_plan(check(dataset, WINDOW, policy=policy), runs.latest(DAYS))
    state = BackfillState(dataset, runs, Limits(**limits), SilentReporter())
    state.plan(plan)
    return state


def carried(state, between):
    """Steps until the end; `between` each two of them."""
    while state.unfinished and not state.hopeless():
        state.start_due()
        state = between(state)
        state.inspect_watched()
        state.runs.wait(0)
        state.poll_runs()
        state = between(state)
    return state.outcome("")


def rewritten(state):
    fresh = BackfillState(state.dataset, state.runs, state.limits, state.reporter)
    return fresh.from_json(json.loads(json.dumps(state.to_json())))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(
    SCRIPTS, st.integers(1, 6), st.integers(1, 3), st.sets(st.sampled_from(DAYS), max_size=2), st.booleans()
)
def test_taken_up_by_another_process_it_comes_to_the_same_end(script, jobs, attempts, foreign, in_process):
    def outcome(between):
        dataset = pages(f"memory://state-{id(script)}-{between.__name__}")
        lake = open_lake(dataset.lake)
        lake.delete([info.key for info in lake.list("")])
        runs = TickingRuns(dataset, script, foreign)
        runs.in_process = in_process
        return carried(begun(dataset, runs, jobs=jobs, attempts=attempts), between)

    def kept(state):
        return state

    assert outcome(rewritten).to_json() == outcome(kept).to_json()


def test_what_happened_in_between_is_seen_at_the_next_look(tmp_path):
    """Written down once, taken up after all runs have ended: as a trigger whose process was killed."""
    dataset = pages(str(tmp_path / "lake"))
    runs = TickingRuns(dataset, {DAYS[1]: ["error"], DAYS[2]: ["silent"]})
    state = begun(dataset, runs, jobs=5, attempts=1, policy=Policy(min_coverage=60))
    state.start_due()
    written = json.dumps(state.to_json())
    runs.wait(0)
    runs.wait(0)
    for _ in range(2):
        later = state.from_json(json.loads(written))
        later.poll_runs()
        outcome = later.outcome()
        assert outcome.filled == (DAYS[0], DAYS[3], DAYS[4])
        assert [(run.day, str(run.failure)) for run in outcome.failed] == [
            (DAYS[1], "ERROR"),
            (DAYS[2], "NO_DATA_AFTER_SUCCESS"),
        ]
        assert [run.day for run in outcome.started] == DAYS


def test_a_lake_that_does_not_answer_leaves_the_run_under_way(tmp_path, monkeypatch):
    dataset = pages(str(tmp_path / "lake"))
    runs = TickingRuns(dataset)
    state = begun(dataset, runs, jobs=5)
    state.start_due()
    runs.wait(0)
    runs.wait(0)

    def gone(*_arguments, **_named):
        raise LakeUnreachable("s3://lake", "no answer", "Wait.")

    with monkeypatch.context() as patched:
        patched.setattr("smart_orchestrator.backfilling.state.inspect_key", gone)
        with pytest.raises(LakeUnreachable):
            state.poll_runs()
    assert (state.awaited, state.filled) == (DAYS, {})
    state.poll_runs()
    assert state.outcome().filled == tuple(DAYS)


def test_a_run_of_somebody_else_that_is_known_as_ours_counts_as_begun(tmp_path):
    """A task that was killed after it had started runs finds them in flight, and knows them by their note."""
    dataset = pages(str(tmp_path / "lake"))
    for day in DAYS[1:]:
        write_frame(dataset, day, frame())
    runs = TickingRuns(dataset, {DAYS[0]: ["error"]})
    runs.start(DAYS[0])
    state = begun(dataset, runs, attempts=1)
    assert carried(state, lambda same: same).failed[0].day == DAYS[0]
    assert runs.attempts == {DAYS[0]: 1}


def test_a_run_is_the_same_after_it_was_written_down(tmp_path):
    dataset = pages(str(tmp_path / "lake"))
    runs = TickingRuns(dataset, {DAYS[0]: ["not published"]})
    runs.start(DAYS[0])
    for _ in range(3):
        [run] = runs.poll(list(runs.runs.values()))
        assert Run.from_json(json.loads(json.dumps(run.to_json()))) == run
        runs.wait(0)
