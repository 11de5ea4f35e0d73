"""The states of a backfill: their transitions, and their JSON form, from which another process continues."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smart_orchestrator import Limits, Policy, check, make_plan, write_frame
from smart_orchestrator.backfilling.key_state import KeyState, Phase
from smart_orchestrator.backfilling.reporter import SilentReporter
from smart_orchestrator.backfilling.state import BackfillState
from smart_orchestrator.errors import LakeUnreachable
from smart_orchestrator.model.run import Failure, Run, RunState, run_name
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
    state.load_plan(plan)
    return state


def stepped(state, between):
    """The outcome after all steps, with a call of `between` after each step."""
    while state.is_unfinished and not state.is_goal_unreachable:
        state.start_queued()
        state = between(state)
        state.inspect_watched()
        state.runner.wait(0)
        state.poll_runs()
        state = between(state)
    return state.outcome("")


def restored(state, document=None):
    document = document or state.to_json()
    return BackfillState.from_json(
        json.loads(json.dumps(document)), state.dataset, state.runner, state.limits, state.reporter
    )


@pytest.mark.slow
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
        return stepped(begun(dataset, runs, jobs=jobs, attempts=attempts), between)

    def kept(state):
        return state

    assert outcome(restored).to_json() == outcome(kept).to_json()


def test_what_happened_in_between_is_seen_at_the_next_look(tmp_path):
    """Restored after all runs have ended, as by a trigger whose process was killed."""
    dataset = pages(str(tmp_path / "lake"))
    runs = TickingRuns(dataset, {DAYS[1]: ["error"], DAYS[2]: ["silent"]})
    state = begun(dataset, runs, jobs=5, attempts=1, policy=Policy(min_coverage=60))
    state.start_queued()
    written = json.dumps(state.to_json())
    runs.wait(0)
    runs.wait(0)
    for _ in range(2):
        later = restored(state, json.loads(written))
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
    state.start_queued()
    runs.wait(0)
    runs.wait(0)

    def gone(*_arguments, **_named):
        raise LakeUnreachable("s3://lake", "no answer", "Wait.")

    with monkeypatch.context() as patched:
        patched.setattr("smart_orchestrator.backfilling.state.inspect_key", gone)
        with pytest.raises(LakeUnreachable):
            state.poll_runs()
    assert (state.awaited, state.outcome().filled) == (DAYS, ())
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
    assert stepped(state, lambda same: same).failed[0].day == DAYS[0]
    assert runs.attempts == {DAYS[0]: 1}


def test_a_run_is_the_same_after_it_was_written_down(tmp_path):
    dataset = pages(str(tmp_path / "lake"))
    runs = TickingRuns(dataset, {DAYS[0]: ["not published"]})
    runs.start(DAYS[0])
    for _ in range(3):
        [run] = runs.poll(list(runs.runs.values()))
        assert Run.from_json(json.loads(json.dumps(run.to_json()))) == run
        runs.wait(0)


RUNNING = Run("2025-11-05.1", DAYS[0], 1, RunState.RUNNING, ours=True)
ENDED_RUN = Run("2025-11-05.1", DAYS[0], 1, RunState.FAILED, ours=True, failure=Failure.ERROR)
# The phases that each transition accepts, and the phase that it leads to.
TRANSITIONS = {
    "start": (lambda key: key.start(RUNNING), {Phase.QUEUED}, Phase.RUNNING),
    "retry": (lambda key: key.retry(ENDED_RUN), {Phase.RUNNING}, Phase.QUEUED),
    "fail": (lambda key: key.fail(ENDED_RUN), {Phase.RUNNING}, Phase.FAILED),
    "fill after a run": (lambda key: key.fill(None, ENDED_RUN), {Phase.RUNNING}, Phase.FILLED),
    "fill without a run": (lambda key: key.fill({"rows": 3}), {Phase.WATCHED}, Phase.FILLED),
    "requeue": (lambda key: key.requeue(), {Phase.WATCHED}, Phase.QUEUED),
}


@given(st.sampled_from([Phase.QUEUED, Phase.WATCHED]), st.lists(st.sampled_from(sorted(TRANSITIONS))))
def test_a_key_takes_no_other_transition_than_those_of_its_phase(phase, names):
    key, starts = KeyState(phase), 0
    for name in names:
        transition, accepted, target = TRANSITIONS[name]
        if key.phase not in accepted:
            with pytest.raises(ValueError, match=f"the key is {key.phase}, not"):
                transition(key)
            continue
        key = transition(key)
        starts += name == "start"
        assert (key.phase, key.starts, key.has_ended) == (
            target,
            starts,
            target in (Phase.FILLED, Phase.FAILED),
        )
        assert KeyState.from_json(json.loads(json.dumps(key.to_json()))) == key


class StrictRuns(TickingRuns):
    """Refuses a start of a day whose run is in flight: only another process may have started it."""

    def start(self, day):
        run = self.latest([day]).get(day)
        assert run is None or not run.in_flight or not run.ours, f"{day} was started twice"
        return super().start(day)


STEPS = st.lists(
    st.sampled_from(["start_queued", "poll_runs", "inspect_watched", "wait", "restore"]), max_size=40
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(SCRIPTS, STEPS, st.integers(1, 6), st.integers(1, 3), st.sets(st.sampled_from(DAYS), max_size=2))
def test_in_any_order_of_steps_no_key_is_started_twice_and_every_key_ends(
    script, steps, jobs, attempts, foreign
):
    dataset = pages(f"memory://steps-{id(script)}")
    lake = open_lake(dataset.lake)
    lake.delete([info.key for info in lake.list("")])
    runs = StrictRuns(dataset, script, foreign)
    state = begun(dataset, runs, jobs=jobs, attempts=attempts)
    to_the_end = ["start_queued", "wait", "inspect_watched", "poll_runs"] * (4 * len(DAYS) * attempts)
    for step in (*steps, *to_the_end):
        if step == "wait":
            runs.wait(0)
        elif step == "restore":
            assert restored(state).states == state.states
            state = restored(state)
        else:
            getattr(state, step)()
        assert sum(run.ours for run in state.active) <= jobs
    assert not state.is_unfinished
    assert state.progress() == (len(DAYS), len(DAYS))
    assert all(key.starts <= attempts for key in state.states.values())
    outcome = state.outcome()
    assert sorted((*outcome.filled, *(run.day for run in outcome.failed))) == DAYS


def test_a_document_of_the_first_version_is_continued(tmp_path):
    """Airflow holds one while it is upgraded, in the arguments of the trigger."""
    dataset = pages(str(tmp_path / "lake"))
    runs = TickingRuns(dataset, foreign=DAYS[:1])
    own, lost = (Run(run_name(day, 1), day, 1, RunState.RUNNING, ours=True) for day in DAYS[1:3])
    runs.runs |= {own.name: own}
    lost = Run(lost.name, lost.day, 1, RunState.LOST, ours=True, failure=Failure.LOST)
    followed = runs.latest(DAYS)[DAYS[0]]
    document = {
        "goal": [0, 4.0],
        "queue": [str(DAYS[3])],
        "watched": [],
        "active": [followed.to_json(), own.to_json()],
        "begun": {str(DAYS[1]): 1, str(DAYS[2]): 1},
        "filled": [[str(DAYS[4]), {"rows": 3}]],
        "failed": [lost.to_json()],
        "started": [own.to_json(), lost.to_json()],
        "followed": [followed.to_json()],
        "total": 5,
    }
    state = BackfillState.from_json(document, dataset, runs, Limits(attempts=1), SilentReporter())
    assert (state.progress(), state.queued, state.active) == ((2, 5), [DAYS[3]], [followed, own])
    outcome = stepped(state, lambda same: same)
    assert outcome.filled == (*DAYS[:2], *DAYS[3:])
    assert outcome.measured[DAYS[4]] == {"rows": 3}
    assert (outcome.failed, [run.day for run in outcome.started]) == ((lost,), DAYS[1:4])
    assert [run.day for run in outcome.followed] == [DAYS[0]]
