# ruff: noqa: ARG002 - the methods of protocols
"""A window is made whole as far as it can be, and nothing is waited for in vain."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import replace
from importlib import import_module

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smart_orchestrator import (
    DailyDataset,
    Limits,
    LocalRunner,
    Policy,
    Window,
    backfill,
    check,
    fetch,
    write_frame,
)
from smart_orchestrator.backfilling.reporter import SilentReporter
from smart_orchestrator.errors import (
    LakeUnreachable,
    NotPublished,
    OptionError,
    SourceRefused,
    SourceUnreachable,
    WindowError,
)
from smart_orchestrator.model.partition import Code
from smart_orchestrator.model.run import Failure, RunState
from smart_orchestrator.store.opening import open_lake
from testing.lakes import AS_OF, WINDOW, frame, pages
from testing.ticking_runs import FAILURES, TickingRuns

DAYS = list(WINDOW)


class Told(SilentReporter):
    """Keeps what a console is told."""

    def __init__(self):
        self.lines = []

    def started(self, run, progress):
        self.lines.append(("started", run.day, progress))

    def followed(self, run, progress):
        self.lines.append(("followed", run.day, progress))

    def filled(self, partition, run, progress):
        self.lines.append(("filled", partition.day, progress))

    def failed(self, run, progress, *, again):
        self.lines.append(("failed", run.day, again))


@pytest.fixture
def dataset(tmp_path):
    return pages(str(tmp_path / "lake"))


def carry_out(dataset, runs, *, window=WINDOW, policy=None, reporter=None, **limits):
    chosen = Limits(**({"timeout": 30.0} | limits))
    return backfill(
        dataset, lambda: check(dataset, window, policy=policy), runs, limits=chosen, reporter=reporter
    )


def failures(done):
    return {run.day: run.failure for run in done.outcome.failed}


def test_a_second_daily_dataset_in_ten_lines(tmp_path):
    orders = DailyDataset("orders", str(tmp_path / "lake"), "orders/dt={day:%Y-%m-%d}")

    def make_orders(day):
        write_frame(orders, day, pl.DataFrame({"order": [f"{day}-1", f"{day}-2"], "euros": [12.5, 3.0]}))

    window = Window.of_days(7, as_of=dt.date(2025, 11, 12), lag=1)
    runs = LocalRunner(orders, make_orders, tmp_path / "state")
    done = backfill(orders, lambda: check(orders, window), runs)

    assert done.completeness.ready
    assert (tmp_path / "lake/orders/dt=2025-11-11/_SUCCESS").exists()
    assert pl.read_csv(tmp_path / "lake/orders/*/part-*.csv").height == 14


def test_only_the_missing_days_are_made(dataset):
    for day in DAYS[2:]:
        write_frame(dataset, day, frame())
    runs, told = TickingRuns(dataset), Told()
    done = carry_out(dataset, runs, reporter=told)
    assert done.outcome.filled == (DAYS[0], DAYS[1])
    assert [run.day for run in done.outcome.started] == DAYS[:2]
    assert (done.completeness.ready, done.plan.completeness.ready) == (True, False)
    assert told.lines == [
        ("started", DAYS[0], (0, 2)),
        ("started", DAYS[1], (0, 2)),
        ("filled", DAYS[0], (1, 2)),
        ("filled", DAYS[1], (2, 2)),
    ]
    document = done.to_json()
    assert document["filled"] == ["2025-11-05", "2025-11-06"]
    assert document["runs_started"][0]["run"] == "2025-11-05.1"
    assert (document["failed"], document["abandoned"]) == ([], [])
    assert document["measured"] == {"2025-11-05": {}, "2025-11-06": {}}


def test_a_whole_window_starts_and_asks_nothing(dataset):
    for day in DAYS:
        write_frame(dataset, day, frame())
    runs = TickingRuns(dataset)
    done = carry_out(dataset, runs)
    assert (runs.ticks, runs.runs, done.outcome.started) == (0, {}, ())
    assert done.completeness.ready


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(
    st.dictionaries(
        st.sampled_from(DAYS),
        st.lists(st.sampled_from(["ok", "silent", "lost", *FAILURES]), min_size=1, max_size=4),
    ),
    st.integers(1, 6),
    st.integers(1, 4),
    st.sets(st.sampled_from(DAYS), max_size=2),
)
def test_every_day_ends_filled_or_failed_within_its_limits(script, jobs, attempts, foreign):
    dataset = pages(f"memory://backfill-{id(script)}-{jobs}")
    lake = open_lake(dataset.lake)
    lake.delete([info.key for info in lake.list("")])
    runs = TickingRuns(dataset, script, foreign)
    done = carry_out(dataset, runs, jobs=jobs, attempts=attempts)
    failed = [run.day for run in done.outcome.failed]
    assert sorted((*done.outcome.filled, *failed, *(day for day, _ in done.outcome.abandoned))) == DAYS
    assert done.completeness.available == done.outcome.filled
    assert max(runs.in_flight_counts, default=0) <= jobs
    assert max(Counter(run.day for run in done.outcome.started).values(), default=0) <= attempts


def test_a_day_that_fails_does_not_stop_the_others(dataset):
    done = carry_out(dataset, TickingRuns(dataset, {DAYS[1]: ["error"]}), jobs=1)
    assert done.outcome.filled == (DAYS[0], *DAYS[2:])
    assert failures(done) == {DAYS[1]: Failure.ERROR}
    assert [run.attempt for run in done.outcome.started if run.day == DAYS[1]] == [1, 2, 3]
    assert (done.completeness.missing, done.completeness.ready) == ((DAYS[1],), False)


def test_a_day_that_fails_first_is_tried_again(dataset):
    told = Told()
    done = carry_out(dataset, TickingRuns(dataset, {DAYS[1]: ["error", "ok"]}), reporter=told)
    assert done.completeness.ready
    assert ("failed", DAYS[1], True) in told.lines
    assert done.outcome.failed == ()


@pytest.mark.parametrize("ending", ["not published", "unreachable"])
def test_what_trying_again_cannot_help_is_tried_once(dataset, ending):
    done = carry_out(dataset, TickingRuns(dataset, {DAYS[1]: [ending, "ok"]}))
    assert failures(done) == {DAYS[1]: FAILURES[ending]}
    assert [run.attempt for run in done.outcome.started if run.day == DAYS[1]] == [1]


def test_a_success_without_data_is_a_failure_of_its_own(dataset):
    done = carry_out(dataset, TickingRuns(dataset, {DAYS[1]: ["silent"]}), attempts=2)
    [failed] = done.outcome.failed
    assert (failed.failure, failed.attempt, failed.state) == (
        Failure.NO_DATA_AFTER_SUCCESS,
        2,
        RunState.FAILED,
    )
    assert failed.message == "the run succeeded, but the day is absent (MISSING: nothing is there)"
    assert [run.failure for run in done.outcome.started if run.day == DAYS[1]] == [
        Failure.NO_DATA_AFTER_SUCCESS
    ] * 2


def test_a_run_of_somebody_else_is_followed(dataset):
    runs, told = TickingRuns(dataset, foreign=[DAYS[0]]), Told()
    done = carry_out(dataset, runs, reporter=told)
    assert done.outcome.filled == tuple(DAYS)
    assert [run.day for run in done.outcome.followed] == [DAYS[0]]
    assert [run.state for run in done.outcome.followed] == [RunState.SUCCEEDED]
    assert [run.day for run in done.outcome.started] == DAYS[1:]
    assert ("followed", DAYS[0], (0, 5)) in told.lines


@pytest.mark.parametrize("ending", ["error", "lost", "silent"])
def test_a_followed_run_that_leaves_no_day_is_taken_over(dataset, ending):
    done = carry_out(dataset, TickingRuns(dataset, {DAYS[0]: [ending, "ok"]}, foreign=[DAYS[0]]))
    assert done.completeness.ready
    assert [run.name for run in done.outcome.started if run.day == DAYS[0]] == ["2025-11-05.2"]


def test_followed_runs_take_no_slot(dataset):
    runs = TickingRuns(dataset, foreign=DAYS[:4])
    done = carry_out(dataset, runs, jobs=1)
    assert done.completeness.ready
    assert runs.ticks <= 3


def test_a_hopeless_window_is_not_waited_for(dataset):
    """One day fails for good; another one's run never ends: the window cannot become whole."""
    runs = TickingRuns(dataset, {DAYS[0]: ["never"], DAYS[1]: ["not published"]}, foreign=[DAYS[0]])
    done = carry_out(dataset, runs)
    assert done.outcome.abandoned == ((DAYS[0], "the window can no longer become ready"),)
    assert failures(done) == {DAYS[1]: Failure.NOT_PUBLISHED}
    assert runs.ticks <= 4


def test_our_own_runs_are_waited_for_in_a_hopeless_window(dataset):
    done = carry_out(dataset, TickingRuns(dataset, {DAYS[0]: ["not published"]}), jobs=1)
    assert done.outcome.filled == tuple(DAYS[1:])


def test_runs_elsewhere_are_not_waited_for_in_a_hopeless_window(dataset):
    """Ours, but in another process: they go on there, whether we wait or not."""
    runs = TickingRuns(dataset, {DAYS[0]: ["never"], DAYS[1]: ["not published"]})
    runs.in_process = False
    done = carry_out(dataset, runs, jobs=len(DAYS))
    assert done.outcome.abandoned == ((DAYS[0], "the window can no longer become ready"),)
    assert [run.day for run in done.outcome.started] == DAYS
    assert runs.ticks <= 4


def test_a_window_with_a_day_that_nobody_can_make_is_not_waited_for(dataset):
    write_frame(dataset, DAYS[0], frame())
    lake, key = open_lake(dataset.lake), f"{dataset.key(DAYS[0])}/_SUCCESS"
    lake.put(key, lake.get(key)[0].replace(b'"version": 1', b'"version": 9'))
    runs = TickingRuns(dataset)
    runs.in_process = False
    done = carry_out(dataset, runs, jobs=len(DAYS))
    assert [run.day for run in done.outcome.started] == DAYS[1:]
    assert (runs.ticks, [day for day, _ in done.outcome.abandoned]) == (0, DAYS[1:])


def test_a_window_that_can_still_become_ready_is_waited_for(dataset):
    script = {DAYS[0]: ["never"], DAYS[1]: ["not published"]}
    policy = Policy(min_coverage=80)
    done = carry_out(dataset, TickingRuns(dataset, script, foreign=[DAYS[0]]), policy=policy, timeout=0.2)
    assert done.outcome.abandoned == ((DAYS[0], "no end after 0.2 s"),)
    again = TickingRuns(dataset, script, foreign=[DAYS[0]])
    done = carry_out(dataset, again, policy=Policy(min_coverage=60, min_days=5))
    assert done.outcome.abandoned == ((DAYS[0], "the window can no longer become ready"),)


def test_waiting_ends_after_the_time_out(dataset):
    done = carry_out(dataset, TickingRuns(dataset, {DAYS[0]: ["never"]}), jobs=1, timeout=0.05)
    assert done.outcome.abandoned == tuple((day, "no end after 0.05 s") for day in DAYS)
    assert not done.completeness.ready


def half_written(dataset, day):
    open_lake(dataset.lake).put(f"{dataset.key(day)}/part-0.csv", b"x")


def test_a_day_that_somebody_writes_is_watched_until_it_is_there(dataset, monkeypatch):
    monkeypatch.setattr(import_module("smart_orchestrator.backfilling.loop"), "INSPECT_SECONDS", 0.0)
    half_written(dataset, DAYS[0])

    class Arriving(TickingRuns):
        def wait(self, seconds):
            super().wait(seconds)
            if self.ticks == 4:
                write_frame(dataset, DAYS[0], frame())

    done = carry_out(dataset, Arriving(dataset))
    assert done.outcome.filled == tuple(DAYS)
    assert [run.day for run in done.outcome.started] == DAYS[1:]


def test_a_day_that_its_writer_gave_up_is_started(dataset, monkeypatch):
    monkeypatch.setattr(import_module("smart_orchestrator.backfilling.loop"), "INSPECT_SECONDS", 0.0)
    half_written(dataset, DAYS[0])

    class Leaving(TickingRuns):
        def wait(self, seconds):
            super().wait(seconds)
            if self.ticks == 4:
                lake = open_lake(dataset.lake)
                lake.delete([info.key for info in lake.list(dataset.key(DAYS[0]))])

    done = carry_out(dataset, Leaving(dataset))
    assert done.completeness.ready
    assert DAYS[0] in [run.day for run in done.outcome.started]


def test_fetch_runs_exactly_the_days_it_is_given(dataset):
    write_frame(dataset, DAYS[0], frame(1))
    runs = TickingRuns(dataset, {DAYS[2]: ["error", "error", "ok"]})
    outcome = fetch(dataset, [DAYS[2], DAYS[0], DAYS[2]], runs, limits=Limits(timeout=30))
    assert outcome.filled == (DAYS[0], DAYS[2])
    assert runs.attempts == {DAYS[0]: 1, DAYS[2]: 3}
    assert check(dataset, WINDOW)[DAYS[0]].rows == 3


def test_no_run_is_started_for_a_day_before_the_upstreams_history(dataset):
    dataset = replace(dataset, history_start=DAYS[2])
    runner = TickingRuns(dataset)
    done = carry_out(dataset, runner)
    assert (done.completeness.ready, [run.day for run in done.outcome.started]) == (True, DAYS[2:])
    with pytest.raises(
        WindowError, match=f"day: {DAYS[1]} is before {DAYS[2]}, the first that the upstream has"
    ):
        fetch(dataset, [DAYS[3], DAYS[1]], runner)
    assert runner.attempts == dict.fromkeys(DAYS[2:], 1)


def test_fetch_wants_its_own_run_to_have_done_it(dataset):
    write_frame(dataset, DAYS[0], frame(1))
    outcome = fetch(dataset, [DAYS[0]], TickingRuns(dataset, {DAYS[0]: ["error"]}), limits=Limits(attempts=1))
    assert [run.failure for run in outcome.failed] == [Failure.ERROR]


@pytest.mark.parametrize(
    ("error", "failure", "attempts"),
    [
        (ValueError("too short"), Failure.ERROR, 2),
        (ValueError(), Failure.ERROR, 2),
        (NotPublished(DAYS[0], "no such list"), Failure.NOT_PUBLISHED, 1),
        (SourceUnreachable("no answer from the source"), Failure.UNREACHABLE, 1),
        (SourceRefused("no such project"), Failure.REFUSED, 1),
        (LakeUnreachable("s3://lake", "no answer", "Wait."), Failure.UNREACHABLE, 1),
    ],
)
def test_what_a_pipeline_raises_is_the_reason_of_the_failed_day(dataset, tmp_path, error, failure, attempts):
    def pipeline(day):
        if day == DAYS[0]:
            raise error
        write_frame(dataset, day, frame())

    done = carry_out(dataset, LocalRunner(dataset, pipeline, tmp_path / "state"), attempts=2)
    [failed] = done.outcome.failed
    assert (failed.failure, failed.attempt, failed.day) == (failure, attempts, DAYS[0])
    assert failed.message == (str(error) or "ValueError")
    assert done.outcome.filled == tuple(DAYS[1:])


def test_a_newer_programs_day_is_given_up(dataset):
    for day in DAYS:
        write_frame(dataset, day, frame())
    lake, key = open_lake(dataset.lake), f"{dataset.key(DAYS[0])}/_SUCCESS"
    lake.put(key, lake.get(key)[0].replace(b'"version": 1', b'"version": 9'))
    runs = TickingRuns(dataset)
    done = carry_out(dataset, runs)
    assert done.completeness[DAYS[0]].code is Code.NEWER_VERSION
    assert runs.runs == {}


def test_days_within_the_lag_are_not_started(dataset):
    window = Window.between(DAYS[-1], AS_OF, AS_OF)
    done = carry_out(dataset, TickingRuns(dataset), window=window)
    assert [run.day for run in done.outcome.started] == [DAYS[-1]]
    assert (done.completeness.complete, done.completeness.ready) == (True, False)


def test_a_followed_run_that_failed_never_satisfies_a_fetch_though_old_data_are_there(dataset):
    day = DAYS[0]
    write_frame(dataset, day, frame())
    runner = TickingRuns(dataset, {day: ["error", "ok"]}, foreign=[day])

    outcome = fetch(dataset, [day], runner)

    assert [run.day for run in outcome.followed] == [day]
    assert [run.attempt for run in outcome.started] == [2]
    assert outcome.filled == (day,)


def test_a_fetch_whose_runs_all_fail_is_not_filled_by_old_data(dataset):
    day = DAYS[0]
    write_frame(dataset, day, frame())
    runner = TickingRuns(dataset, {day: ["error"]}, foreign=[day])

    outcome = fetch(dataset, [day], runner, limits=Limits(attempts=2))

    assert outcome.filled == ()
    assert [run.day for run in outcome.failed] == [day]
    assert len(outcome.started) == 2


def test_for_a_backfill_the_partition_decides_whoever_made_it(dataset):
    day = DAYS[0]

    class CommittedThenFailed(TickingRuns):
        def _end(self, run):
            write_frame(self.dataset, run.day, frame())
            super()._end(run)

    runner = CommittedThenFailed(dataset, {day: ["error"]}, foreign=[day])
    done = backfill(dataset, lambda: check(dataset, Window(day, DAYS[1], AS_OF)), runner)

    assert done.outcome.filled == (day,)
    assert done.outcome.started == ()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"jobs": 0}, "jobs"),
        ({"jobs": -1}, "jobs"),
        ({"jobs": float("nan")}, "jobs"),
        ({"attempts": 0}, "attempts"),
        ({"timeout": 0.0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
    ],
)
def test_limits_that_let_nothing_be_done_are_refused(options, field):
    with pytest.raises(OptionError) as caught:
        Limits(**options)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"min_coverage": -0.1}, "min_coverage"),
        ({"min_coverage": 100.1}, "min_coverage"),
        ({"min_coverage": float("nan")}, "min_coverage"),
        ({"min_days": -1}, "min_days"),
    ],
)
def test_policies_that_no_window_can_meet_are_refused(options, field):
    with pytest.raises(OptionError) as caught:
        Policy(**options)
    assert caught.value.field == field
