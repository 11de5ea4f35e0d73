"""One suite for every runner: a Python function, a command, and a DAG behind Airflow's REST API.

The pipeline is the same for all of them. Files in the working folder make a run of a key wait (`hold/KEY`), fail (`fail/KEY`), or
succeed without data (`silent/KEY`).
"""

from __future__ import annotations

import datetime as dt
import threading
import time

import pytest

from smart_orchestrator import AirflowRunner, LocalRunner, Window, backfill, check
from smart_orchestrator.adapters.base import inspect_key
from smart_orchestrator.backfilling.state import Limits
from smart_orchestrator.model.run import Failure, Run, RunState
from smart_orchestrator.runners.airflow_client import AirflowApi
from smart_orchestrator.runners.base import RunHistory
from smart_orchestrator.runners.command import CommandRunner
from testing.airflow_server import DAG_ID, TOKEN, airflow_server
from testing.lakes import DAY, NEXT, plain

PATIENCE = 60.0
LATER = dt.date(2025, 11, 7)
WINDOW = Window.between(DAY, LATER, dt.date(2025, 11, 12), 1)
SCRIPT = """
cd "$2"
echo "$1" >> log
polls=0
while [ -e "hold/$1" ] && [ $polls -lt 6000 ]; do polls=$((polls + 1)); sleep 0.01; done
if [ -e "fail/$1" ]; then exit 3; fi
if [ -e "silent/$1" ]; then exit 0; fi
mkdir -p "lake/orders/dt=$1"
echo one > "lake/orders/dt=$1/part-00000"
: > "lake/orders/dt=$1/_SUCCESS"
"""


class Pipeline:
    """The pipeline, the files that control it, and the runners that start it."""

    def __init__(self, kind, folder, request) -> None:
        self.kind, self.folder = kind, folder
        for name in ("hold", "fail", "silent"):
            (folder / name).mkdir()
        (folder / "etl.sh").write_text(SCRIPT)
        self.dataset = plain(str(folder / "lake"))
        if kind == "airflow":
            self.airflow = request.getfixturevalue("airflow_of")(self.run)

    def run(self, key) -> None:
        """What the script does, as a function."""
        with (self.folder / "log").open("a") as log:
            log.write(f"{key}\n")
        while (self.folder / "hold" / str(key)).exists():
            time.sleep(0.01)
        if (self.folder / "fail" / str(key)).exists():
            message = f"no rows for {key}"
            raise ValueError(message)
        if not (self.folder / "silent" / str(key)).exists():
            partition = self.folder / "lake" / "orders" / f"dt={key}"
            partition.mkdir(parents=True, exist_ok=True)
            (partition / "part-00000").write_text("one\n")
            (partition / "_SUCCESS").touch()

    def runner(self):
        """A runner, as another process would make it."""
        if self.kind == "local":
            return LocalRunner(self.dataset, self.run, self.folder / "state")
        if self.kind == "airflow":
            api = AirflowApi(self.airflow.url, token=TOKEN)
            return AirflowRunner(self.dataset, api, DAG_ID, poll_seconds=0.05)
        return CommandRunner(
            ["/bin/sh", str(self.folder / "etl.sh"), "{key}", str(self.folder)],
            state_dir=self.folder / "state",
            identity="orders",
            is_complete=lambda key: inspect_key(self.dataset, key).available,
        )

    def make(self, how: str, *keys) -> None:
        for key in keys:
            (self.folder / how / str(key)).touch()

    def release(self, *keys) -> None:
        for key in keys:
            (self.folder / "hold" / str(key)).unlink()

    def log(self) -> list[str]:
        path = self.folder / "log"
        return sorted(path.read_text().split()) if path.exists() else []


@pytest.fixture
def airflow_of():
    """Starts an Airflow for a pipeline."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda run: stack.enter_context(airflow_server(run))


@pytest.fixture(params=["local", "command", "airflow"])
def pipeline(request, tmp_path):
    return Pipeline(request.param, tmp_path, request)


@pytest.fixture
def runner(pipeline):
    return pipeline.runner()


def ended(runner, run: Run) -> Run:
    """The run when it is no longer in flight."""
    end = time.monotonic() + PATIENCE
    while run.in_flight and time.monotonic() < end:
        runner.wait(0.02)
        [run] = runner.poll([run])
    assert not run.in_flight
    return run


def test_a_runner_says_how_often_and_how_many(runner):
    assert isinstance(runner, RunHistory)
    assert runner.poll_seconds > 0
    assert runner.in_process in (True, False)
    assert runner.capacity() is None or runner.capacity() >= 1


def test_there_are_no_runs_before_the_first_start(runner):
    assert runner.latest([]) == {}
    assert runner.latest([DAY, NEXT]) == {}
    assert list(runner.recent(10)) == []
    assert runner.poll([]) == []


def test_a_run_in_flight_is_seen_by_other_processes(pipeline, runner):
    pipeline.make("hold", DAY)
    run = runner.start(DAY)
    assert (run.name, run.day, run.attempt, run.ours) == ("2025-11-05.1", DAY, 1, True)
    assert run.in_flight
    seen = pipeline.runner().latest([DAY, NEXT])
    assert list(seen) == [DAY]
    assert (seen[DAY].name, seen[DAY].in_flight, seen[DAY].ours) == (run.name, True, False)
    pipeline.release(DAY)
    ended(runner, run)


def test_a_key_in_flight_is_followed_by_every_process(pipeline, runner):
    pipeline.make("hold", DAY)
    run = runner.start(DAY)
    assert [each.start(DAY).name for each in (runner, pipeline.runner())] == [run.name] * 2
    assert pipeline.runner().start(DAY).ours is False
    pipeline.release(DAY)
    assert ended(runner, run).state is RunState.SUCCEEDED
    assert pipeline.log() == [str(DAY)]


def test_the_end_of_a_run_is_seen_by_every_process(pipeline, runner):
    done = ended(runner, runner.start(DAY))
    assert (done.state, done.failure, done.message, done.ours) == (RunState.SUCCEEDED, None, "", True)
    assert done.started_at <= done.ended_at
    other = pipeline.runner().latest([DAY])[DAY]
    assert (other.name, other.state, other.ours) == (done.name, RunState.SUCCEEDED, False)
    assert inspect_key(pipeline.dataset, DAY).available


def test_polls_keep_the_order_and_who_started(pipeline, runner):
    pipeline.make("hold", DAY, NEXT)
    other = pipeline.runner()
    first, second = runner.start(DAY), other.start(NEXT)
    followed = runner.start(NEXT)
    polled = runner.poll([followed, first])
    assert [(run.day, run.ours) for run in polled] == [(NEXT, False), (DAY, True)]
    pipeline.release(DAY, NEXT)
    ended(runner, first)
    ended(other, second)


def test_a_failed_run_says_so_and_the_next_attempt_has_the_next_number(pipeline, runner):
    pipeline.make("fail", DAY)
    failed = ended(runner, runner.start(DAY))
    assert (failed.state, failed.failure) == (RunState.FAILED, Failure.ERROR)
    assert failed.message
    (pipeline.folder / "fail" / str(DAY)).unlink()
    again = pipeline.runner()
    run = again.start(DAY)
    assert (run.name, run.attempt) == ("2025-11-05.2", 2)
    assert ended(again, run).state is RunState.SUCCEEDED
    assert runner.latest([DAY])[DAY].name == "2025-11-05.2"


def test_a_complete_key_is_not_run_again(pipeline, runner):
    pipeline.run(DAY)
    before = pipeline.log()
    run = runner.start(DAY)
    assert (run.state, run.ours, run.attempt) == (RunState.SUCCEEDED, False, 0)
    assert "already complete" in run.message
    assert pipeline.log() == before
    assert runner.latest([DAY]) == {}


def test_past_runs_are_listed_with_those_in_flight_first(pipeline, runner):
    pipeline.make("fail", DAY)
    ended(runner, runner.start(DAY))
    pipeline.make("hold", NEXT)
    running = runner.start(NEXT)
    ended(runner, runner.start(DAY))
    assert [run.name for run in runner.recent(10)] == ["2025-11-06.1", "2025-11-05.2", "2025-11-05.1"]
    assert [run.name for run in runner.recent(1, DAY)] == ["2025-11-05.2"]
    pipeline.release(NEXT)
    ended(runner, running)


def test_only_the_keys_that_are_asked_for_are_returned(runner):
    for day in (DAY, NEXT, LATER):
        ended(runner, runner.start(day))
    assert set(runner.latest([DAY, LATER])) == {DAY, LATER}
    assert set(runner.latest([NEXT])) == {NEXT}


def test_a_run_survives_its_json_form(runner):
    done = ended(runner, runner.start(DAY))
    assert Run.from_json(done.to_json()) == done


def test_many_that_start_the_same_key_start_it_once(pipeline):
    pipeline.make("hold", DAY)
    runners = [pipeline.runner() for _ in range(8)]
    runs = {}
    threads = [
        threading.Thread(target=lambda n=n, each=each: runs.update({n: each.start(DAY)}))
        for n, each in enumerate(runners)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert {run.name for run in runs.values()} == {"2025-11-05.1"}
    assert sum(run.ours for run in runs.values()) == 1
    pipeline.release(DAY)
    for number, run in runs.items():
        ended(runners[number], run)
    assert pipeline.log() == [str(DAY)]


def test_a_backfill_runs_the_missing_keys_once(pipeline, runner):
    pipeline.run(NEXT)
    done = backfill(pipeline.dataset, lambda: check(pipeline.dataset, WINDOW), runner)
    assert done.completeness.ready
    assert [run.name for run in done.outcome.started] == ["2025-11-05.1", "2025-11-07.1"]
    assert pipeline.log() == [str(DAY), str(NEXT), str(LATER)]


def test_a_backfill_follows_a_run_of_another_process(pipeline, runner):
    pipeline.run(NEXT)
    pipeline.make("hold", DAY)
    other = pipeline.runner()
    run = other.start(DAY)
    threading.Timer(0.1, pipeline.release, [DAY]).start()
    done = backfill(pipeline.dataset, lambda: check(pipeline.dataset, WINDOW), runner)
    assert [run.name for run in done.outcome.followed] == [run.name]
    assert [run.name for run in done.outcome.started] == ["2025-11-07.1"]
    assert done.completeness.ready
    ended(other, run)


def test_success_without_data_is_a_failure(pipeline, runner):
    pipeline.make("silent", DAY)
    window = Window.between(DAY, DAY, dt.date(2025, 11, 12), 1)
    done = backfill(
        pipeline.dataset, lambda: check(pipeline.dataset, window), runner, limits=Limits(attempts=2)
    )
    [failed] = done.outcome.failed
    assert (failed.name, failed.failure) == ("2025-11-05.2", Failure.NO_DATA_AFTER_SUCCESS)
    assert pipeline.log() == [str(DAY)] * 2


def test_failures_are_retried_up_to_the_limit(pipeline, runner):
    pipeline.make("fail", DAY)
    window = Window.between(DAY, DAY, dt.date(2025, 11, 12), 1)
    done = backfill(
        pipeline.dataset, lambda: check(pipeline.dataset, window), runner, limits=Limits(attempts=3)
    )
    assert [run.attempt for run in done.outcome.started] == [1, 2, 3]
    assert [run.failure for run in done.outcome.failed] == [Failure.ERROR]
    assert not done.completeness.ready
