"""Runs of one machine: known to every process, one a day, and lost at once when their process dies."""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from smart_orchestrator import LocalRunner, backfill, check, commit
from smart_orchestrator.errors import NotPublished, RunsError
from smart_orchestrator.model.run import Failure, RunState
from smart_orchestrator.runners import day_lock
from smart_orchestrator.runners.base import RunHistory
from smart_orchestrator.runners.day_lock import DayLock, LockState
from smart_orchestrator.runners.ledger import Ledger
from smart_orchestrator.runners.local import dataset_identifier
from testing.lakes import DAY, NEXT, WINDOW, plain, version_parts

ROOT = Path(__file__).parents[3]
PATIENCE = 30.0


@pytest.fixture
def dataset(tmp_path):
    return plain(str(tmp_path / "lake"))


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


class BlockedPipeline:
    """A pipeline whose run lasts until the event `go`, and then commits or raises `error`."""

    def __init__(self, dataset, error=None):
        self.dataset = dataset
        self.error = error
        self.began, self.go = threading.Event(), threading.Event()
        self.days = []

    def __call__(self, day):
        self.days.append(day)
        self.began.set()
        assert self.go.wait(PATIENCE)
        if self.error is not None:
            raise self.error
        commit(self.dataset, day, version_parts(1))


def ended(runs, run):
    """The run when it is no longer in flight."""
    end = time.monotonic() + PATIENCE
    while run.in_flight and time.monotonic() < end:
        runs.wait(0.05)
        [run] = runs.poll([run])
    assert not run.in_flight
    return run


def test_a_run_is_seen_by_others_from_start_to_end(dataset, state):
    pipeline = BlockedPipeline(dataset)
    runs, others = (
        LocalRunner(dataset, pipeline, state),
        LocalRunner(dataset, BlockedPipeline(dataset), state),
    )
    assert others.latest([DAY]) == {}
    run = runs.start(DAY)
    assert (run.name, run.attempt, run.state, run.ours) == ("2025-11-05.1", 1, RunState.RUNNING, True)
    seen = others.latest([DAY, NEXT])
    assert (list(seen), seen[DAY].name, seen[DAY].state, seen[DAY].ours) == (
        [DAY],
        run.name,
        RunState.RUNNING,
        False,
    )
    assert others.start(DAY) == seen[DAY]
    pipeline.go.set()
    done = ended(runs, run)
    assert (done.state, done.ours, done.failure, done.message) == (RunState.SUCCEEDED, True, None, "")
    assert done.started_at <= done.ended_at <= dt.datetime.now(tz=dt.UTC)
    assert others.poll([seen[DAY]])[0].state is RunState.SUCCEEDED
    assert others.latest([DAY])[DAY].to_json() | {"started_here": True} == done.to_json()


def test_the_past_lists_what_is_in_flight_first_and_then_the_newest(dataset, state):
    failing = LocalRunner(dataset, BlockedPipeline(dataset, ValueError("no")), state)
    failing._pipeline.go.set()
    ended(failing, failing.start(DAY))
    pipeline = BlockedPipeline(dataset)
    runs = LocalRunner(dataset, pipeline, state)
    assert isinstance(runs, RunHistory)
    running = runs.start(NEXT)
    ended(failing, failing.start(DAY))
    assert [(run.name, run.state) for run in runs.recent(10)] == [
        ("2025-11-06.1", RunState.RUNNING),
        ("2025-11-05.2", RunState.FAILED),
        ("2025-11-05.1", RunState.FAILED),
    ]
    assert [run.name for run in runs.recent(1, DAY)] == ["2025-11-05.2"]
    pipeline.go.set()
    ended(runs, running)
    assert [run.state for run in runs.recent(1, NEXT)] == [RunState.SUCCEEDED]


def test_a_day_that_became_whole_is_not_run_again(dataset, state):
    commit(dataset, DAY, version_parts(1))
    pipeline = BlockedPipeline(dataset)
    run = LocalRunner(dataset, pipeline, state).start(DAY)
    assert (run.state, run.message, run.ours) == (RunState.SUCCEEDED, "the day was already complete", False)
    assert pipeline.days == []


def test_a_whole_day_is_run_when_it_is_forced(dataset, state):
    commit(dataset, DAY, version_parts(2))
    pipeline = BlockedPipeline(dataset)
    pipeline.go.set()
    runs = LocalRunner(dataset, pipeline, state, force=True)
    assert ended(runs, runs.start(DAY)).state is RunState.SUCCEEDED
    assert pipeline.days == [DAY]


@pytest.mark.parametrize(
    ("error", "failure", "message"),
    [
        (ValueError("bad rows"), Failure.ERROR, "bad rows"),
        (KeyboardInterrupt(), None, None),
        (NotPublished(DAY, "no list"), Failure.NOT_PUBLISHED, "2025-11-05 is not published: no list."),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_how_a_run_failed_and_its_attempts_survive_a_restart(dataset, state, error, failure, message):
    pipeline = BlockedPipeline(dataset, error)
    pipeline.go.set()
    runs = LocalRunner(dataset, pipeline, state)
    run = ended(runs, runs.start(DAY))
    if failure is None:  # The run's thread died: as when its process had.
        assert (run.state, run.failure, run.message) == (
            RunState.LOST,
            Failure.LOST,
            "the process that ran it died",
        )
    else:
        assert (run.state, run.failure) == (RunState.FAILED, failure)
        assert run.message.startswith(message)
    pipeline = BlockedPipeline(dataset)
    pipeline.go.set()
    restarted = LocalRunner(dataset, pipeline, state)
    assert restarted.latest([DAY])[DAY].attempt == 1
    again = restarted.start(DAY)
    assert (again.name, again.attempt) == ("2025-11-05.2", 2)
    assert ended(restarted, again).state is RunState.SUCCEEDED


def test_datasets_share_a_ledger_and_not_their_runs(tmp_path, dataset, state, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pipeline = BlockedPipeline(dataset)
    pipeline.go.set()
    runs = LocalRunner(dataset, pipeline, state)
    ended(runs, runs.start(DAY))
    assert LocalRunner(plain("memory://other"), pipeline, state).latest([DAY]) == {}
    # The same lake, named in another way.
    assert LocalRunner(plain("lake"), pipeline, state).latest([DAY])[DAY].state is RunState.SUCCEEDED


def test_a_lock_without_a_row_is_no_run_and_a_start_waits_for_one_or_the_other(dataset, state, monkeypatch):
    monkeypatch.setattr(day_lock, "RECORD_TIMEOUT_SECONDS", 0.05)
    pipeline = BlockedPipeline(dataset)
    pipeline.go.set()
    runner = LocalRunner(dataset, pipeline, state)
    lock = runner._lock(DAY)
    assert lock.acquire()
    try:
        assert runner.latest([DAY]) == {}
        with pytest.raises(RunsError, match="is held by a process that has recorded no run"):
            runner.start(DAY)
        assert runner.recent(10) == []
    finally:
        lock.release()
    assert ended(runner, runner.start(DAY)).state is RunState.SUCCEEDED


@pytest.mark.parametrize("last", [None, "a run that died"])
def test_a_poll_never_makes_a_start_return_a_run_that_is_not_there(dataset, state, last):
    pipeline = BlockedPipeline(dataset)
    pipeline.go.set()
    runner = LocalRunner(dataset, pipeline, state)
    if last is not None:
        with runner.ledger.connection() as database:
            database.execute(
                "INSERT INTO runs (dataset, day, attempt, state, process, started_at) VALUES (?, ?, 1, 'running', 0, ?)",
                (dataset_identifier(dataset), DAY.isoformat(), "2025-11-05T00:00:00+00:00"),
            )
    # A poll of another process holds the lock, shared, for a moment.
    descriptor = runner._lock(DAY)._try_lock(fcntl.LOCK_SH)
    poll = threading.Timer(day_lock.CHECK_PAUSE_SECONDS, os.close, [descriptor])
    poll.start()
    run = runner.start(DAY)
    poll.join()

    assert (run.attempt, run.ours) == (1 if last is None else 2, True)
    assert run.name in {known.name for known in runner.recent(10)}
    assert ended(runner, run).state is RunState.SUCCEEDED


def test_a_folder_that_cannot_be_used_is_said(dataset, tmp_path):
    (tmp_path / "file").write_text("")
    runs = LocalRunner(dataset, BlockedPipeline(dataset), tmp_path / "file")
    for use in (lambda: runs.latest([DAY]), lambda: runs.start(DAY)):
        with pytest.raises(RunsError, match=r"local runs: .*file.* Make it"):
            use()


@pytest.mark.parametrize(
    "data", [b"not a database, whatever its name says" * 100, b"SQLite format 3\0" + b"\xff" * 4096]
)
def test_a_ledger_that_is_no_database_is_said(tmp_path, data):
    path = tmp_path / "runs.sqlite"
    path.write_bytes(data)
    with pytest.raises(
        RunsError, match=rf"{path} is damaged, or another program wrote it \(.*\)\. Move the file away"
    ):
        Ledger(tmp_path).recall("a")
    assert path.read_bytes() == data


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "CREATE TABLE runs (id INTEGER, athlete TEXT)",
            "its table runs has no column attempt, dataset, day",
        ),
        ("CREATE TABLE songs (id INTEGER)", "it has no table `runs`, but songs"),
    ],
)
def test_nothing_is_written_into_a_database_of_another_program(tmp_path, statement, problem):
    path = tmp_path / "runs.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(statement)
    before = path.read_bytes()
    with pytest.raises(RunsError, match=problem):
        Ledger(tmp_path).remember("a", "1")
    assert path.read_bytes() == before


def test_a_ledger_of_the_first_version_without_verdicts_is_ours(tmp_path):
    Ledger(tmp_path).remember("a", "1")
    with contextlib.closing(sqlite3.connect(tmp_path / "runs.sqlite")) as database:
        database.execute("DROP TABLE verdicts")
    assert Ledger(tmp_path).recall("a") is None


def test_a_row_that_no_program_of_ours_has_written_is_said(dataset, state):
    runner = LocalRunner(dataset, BlockedPipeline(dataset), state)
    runner._recorded.add(DAY)
    with runner.ledger.connection() as database:
        database.execute("UPDATE runs SET state = 'asleep'")
    for read in (lambda: runner.latest([DAY]), lambda: runner.recent(1)):
        with pytest.raises(RunsError, match="its run of 2025-11-05: 'asleep' is not a valid RunState"):
            read()


def test_a_ledger_remembers(tmp_path):
    assert Ledger(tmp_path).recall("a") is None
    Ledger(tmp_path).remember("a", "1")
    Ledger(tmp_path).remember("a", "2")
    assert Ledger(tmp_path).recall("a") == "2"


class Process:
    """`run_days.py` as a process; its runs stay while the file `hold` exists."""

    def __init__(self, tmp_path, hold):
        self.hold = hold
        command = [sys.executable, str(Path(__file__).with_name("run_days.py"))]
        command += [str(tmp_path / "lake"), str(tmp_path / "state"), str(hold)]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    def days(self):
        log = Path(f"{self.hold}.log")
        return log.read_text().split() if log.exists() else []

    def end(self):
        out, _ = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0
        started, followed, ready = out.split()
        return int(started), int(followed), ready


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_run_whose_process_is_killed_is_noticed_at_once_and_taken_over(tmp_path, dataset, state):
    for day in list(WINDOW)[1:]:
        commit(dataset, day, version_parts(1))
    hold = tmp_path / "hold"
    hold.write_text("")
    other = Process(tmp_path, hold)
    until(other.days)
    pipeline = BlockedPipeline(dataset)
    pipeline.go.set()
    runs = LocalRunner(dataset, pipeline, state)
    running = runs.latest([DAY])[DAY]
    assert running.in_flight
    other.process.kill()
    other.process.communicate()
    [lost] = runs.poll([running])
    assert (lost.state, lost.failure, lost.message) == (
        RunState.LOST,
        Failure.LOST,
        "the process that ran it died",
    )
    assert runs.latest([DAY])[DAY] == lost

    done = backfill(dataset, lambda: check(dataset, WINDOW), runs)
    assert done.completeness.ready
    assert [run.name for run in done.outcome.started] == ["2025-11-05.2"]


def test_processes_that_want_the_same_days_run_each_once(tmp_path):
    hold = tmp_path / "hold"
    hold.write_text("")
    processes = [Process(tmp_path, hold) for _ in range(3)]
    until(lambda: len(processes[0].days()) >= 4)
    hold.unlink()
    sums = [process.end() for process in processes]
    assert sorted(processes[0].days()) == [day.isoformat() for day in WINDOW]
    assert sum(started for started, _, _ in sums) == 5
    assert {ready for _, _, ready in sums} == {"True"}


def test_a_tilde_in_the_folder_of_runs_is_the_home_folder(tmp_path, dataset, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    LocalRunner(dataset, lambda _: None, "~/state").latest([DAY])

    assert (tmp_path / "home" / "state" / "runs.sqlite").exists()
    assert not (tmp_path / "~").exists()


def test_the_folder_of_an_unknown_user_is_an_error_of_the_runs(dataset):
    with pytest.raises(RunsError, match="no-such-user-here"):
        LocalRunner(dataset, lambda _: None, "~no-such-user-here/state")


def test_a_lock_belongs_to_one_run_at_a_time(tmp_path):
    path = tmp_path / "locks" / "2025-11-05.lock"
    lock, other = DayLock(path), DayLock(path)
    assert not other.is_held()
    assert lock.acquire()
    assert (lock.state, other.acquire(), other.state, other.is_held()) == (
        LockState.HELD,
        False,
        LockState.FREE,
        True,
    )
    with pytest.raises(ValueError, match="is HELD, not FREE"):
        lock.acquire()
    lock.release()
    assert (lock.state, other.is_held()) == (LockState.ENDED, False)
    for transition in (lock.acquire, lock.release):
        with pytest.raises(ValueError, match="is ENDED, not"):
            transition()
    with pytest.raises(ValueError, match="is FREE, not HELD"):
        other.release()
    assert other.acquire()
    other.release()


def test_the_polls_of_two_processes_do_not_take_each_other_for_a_run(tmp_path):
    lock = DayLock(tmp_path / "2025-11-05.lock")
    descriptor = lock._try_lock(fcntl.LOCK_SH)
    assert not lock.is_held()
    os.close(descriptor)
