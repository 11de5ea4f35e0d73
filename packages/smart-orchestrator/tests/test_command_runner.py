"""Runs of a command: started once for each key, recorded with exit code and output, and independent of who started them."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from smart_orchestrator.errors import OptionError, RunsError
from smart_orchestrator.model.grain import key_text, parse_key
from smart_orchestrator.model.run import Failure, RunState
from smart_orchestrator.runners import command
from smart_orchestrator.runners.base import RunHistory
from smart_orchestrator.runners.command import CommandRunner
from testing.lakes import DAY, NEXT
from testing.processes import has_ended

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0
HOUR = dt.datetime(2025, 11, 5, 7, tzinfo=dt.UTC)
# Waits for the file that is its argument, with the key's output before it.
WAIT_FOR = "import os, sys, time\nprint('begun', flush=True)\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.01)"


def python(code, *arguments):
    return [sys.executable, "-I", "-S", "-c", code, *arguments]


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def ended(runner, run):
    """The run when it is no longer in flight."""
    end = time.monotonic() + PATIENCE
    while run.in_flight and time.monotonic() < end:
        runner.wait(0.05)
        [run] = runner.poll([run])
    assert not run.in_flight
    return run


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


def test_a_command_gets_the_key_and_its_span_and_its_output_is_kept(state):
    code = "import sys; print(sys.argv[1:]); print('to stderr', file=sys.stderr)"
    runner = CommandRunner(python(code, "--day={key}", "{start}/{end}", "$(id); {other} {}"), state_dir=state)
    run = runner.start(DAY)
    assert (run.name, run.attempt, run.state, run.ours) == ("2025-11-05.1", 1, RunState.RUNNING, True)
    done = ended(runner, run)
    assert (done.state, done.failure, done.message, done.ours) == (RunState.SUCCEEDED, None, "", True)
    assert done.started_at <= done.ended_at
    output = runner.output(done).read_text().splitlines()
    expected = ["--day=2025-11-05", "2025-11-05T00:00:00Z/2025-11-06T00:00:00Z", "$(id); {other} {}"]
    assert sorted(output) == sorted([str(expected), "to stderr"])
    assert done.url == runner.output(done).as_uri()


def test_an_hour_is_a_key_of_its_own(state):
    code = "import sys; print(*sys.argv[1:])"
    runner = CommandRunner(python(code, "{key}", "{start}", "{end}"), state_dir=state)
    done = ended(runner, runner.start(HOUR))
    assert done.name == "2025-11-05T07.1"
    assert runner.output(done).read_text() == "2025-11-05T07 2025-11-05T07:00:00Z 2025-11-05T08:00:00Z\n"
    assert runner.latest([HOUR]) == {HOUR: runner.poll([runner.recent(1)[0]])[0]}
    assert parse_key(key_text(HOUR)) == HOUR


def test_the_span_of_a_key_can_be_given(state):
    start, end = dt.datetime(2025, 11, 4, 23, tzinfo=dt.UTC), dt.datetime(2025, 11, 5, 23, tzinfo=dt.UTC)
    runner = CommandRunner(
        python("import sys; print(*sys.argv[1:])", "{start}", "{end}"),
        state_dir=state,
        span=lambda _: (start, end),
    )
    done = ended(runner, runner.start(DAY))
    assert runner.output(done).read_text() == "2025-11-04T23:00:00Z 2025-11-05T23:00:00Z\n"


def test_directory_and_variables_of_a_command(state, tmp_path):
    code = "import os; print(os.getcwd(), os.environ['GREETING'])"
    (tmp_path / "there").mkdir()
    runner = CommandRunner(python(code), state_dir=state, cwd=tmp_path / "there", env={"GREETING": "hello"})
    done = ended(runner, runner.start(DAY))
    assert runner.output(done).read_text() == f"{tmp_path}/there hello\n"


def test_the_folder_of_the_runs_may_be_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runner = CommandRunner(python("print('here')"), state_dir="state", cwd="/")
    done = ended(runner, runner.start(DAY))
    assert done.state is RunState.SUCCEEDED
    assert runner.output(done).is_relative_to(tmp_path / "state" / "output")


def test_an_exit_code_is_a_failure_that_names_code_and_output(state):
    runner = CommandRunner(python("import sys; print('why'); sys.exit(3)"), state_dir=state)
    done = ended(runner, runner.start(DAY))
    assert (done.state, done.failure) == (RunState.FAILED, Failure.ERROR)
    assert done.message == f"the command ended with exit code 3; the output is in {runner.output(done)}"
    assert runner.output(done).read_text() == "why\n"
    second = ended(runner, runner.start(DAY))
    assert second.name == "2025-11-05.2"
    assert [run.name for run in runner.recent(5)] == ["2025-11-05.2", "2025-11-05.1"]
    assert isinstance(runner, RunHistory)


def test_a_signal_is_a_failure_that_names_it(state):
    runner = CommandRunner(python("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"), state_dir=state)
    done = ended(runner, runner.start(DAY))
    assert done.state is RunState.FAILED
    assert done.message.startswith("the command was ended by SIGSEGV")


@pytest.mark.parametrize("program", ["no-such-program-here", "/etc/passwd", "nul\0byte"])
def test_a_command_that_cannot_be_started_is_a_failed_run(state, program):
    runner = CommandRunner([program], state_dir=state)
    done = ended(runner, runner.start(DAY))
    assert (done.state, done.failure) == (RunState.FAILED, Failure.ERROR)
    assert done.message.startswith("the command could not be started")


def test_a_command_beyond_its_time_out_is_ended_with_its_children(state, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "GRACE_SECONDS", 0.2)
    # Neither it nor its child obeys SIGTERM.
    code = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child:
    open(sys.argv[1], "w").write(f"{os.getpid()} {child}")
while True: time.sleep(1)
"""
    pids = tmp_path / "pids"
    runner = CommandRunner(python(code, str(pids)), state_dir=state, timeout=1.0)
    done = ended(runner, runner.start(DAY))
    assert done.state is RunState.FAILED
    assert done.message.startswith("the command reached its time-out of 1 s and was ended")
    for pid in pids.read_text().split():
        assert has_ended(int(pid))


def test_a_key_that_is_in_flight_is_followed_and_not_started_again(state, tmp_path):
    gate = tmp_path / "gate"
    arguments = python(WAIT_FOR, str(gate))
    runner, other = (CommandRunner(arguments, state_dir=state) for _ in range(2))
    run = runner.start(DAY)
    followed = other.start(DAY)
    assert (followed.name, followed.in_flight, followed.ours) == (run.name, True, False)
    assert other.latest([DAY, NEXT]) == {DAY: followed}
    gate.touch()
    assert ended(other, followed).state is RunState.SUCCEEDED
    assert ended(runner, run).ours


def test_runs_of_two_identities_do_not_exclude_each_other(state, tmp_path):
    gate = tmp_path / "gate"
    arguments = python(WAIT_FOR, str(gate))
    first = CommandRunner(arguments, state_dir=state, identity="orders")
    second = CommandRunner(arguments, state_dir=state, identity="customers")
    runs = first.start(DAY), second.start(DAY)
    assert [run.ours for run in runs] == [True, True]
    gate.touch()
    assert ended(first, runs[0]).state is ended(second, runs[1]).state is RunState.SUCCEEDED


def test_a_key_that_is_complete_is_not_run_again(state):
    runner = CommandRunner(python("raise SystemExit(1)"), state_dir=state, is_complete=lambda key: key == DAY)
    run = runner.start(DAY)
    assert (run.state, run.attempt, run.message) == (
        RunState.SUCCEEDED,
        0,
        "the partition was already complete",
    )
    assert ended(runner, runner.start(NEXT)).state is RunState.FAILED


class Starter:
    """A process that starts a run of a command and then waits to be killed."""

    def __init__(self, state, arguments):
        code = (
            "import datetime as dt, sys, time\n"
            "from smart_orchestrator.runners.command import CommandRunner\n"
            "runner = CommandRunner(sys.argv[2:], state_dir=sys.argv[1], identity='orders')\n"
            "print(runner.start(dt.date(2025, 11, 5)).name, flush=True)\n"
            "time.sleep(600)\n"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, str(state), *arguments], stdout=subprocess.PIPE, text=True
        )
        self.run = self.process.stdout.readline().strip()

    def kill(self):
        self.process.kill()
        self.process.communicate()


@pytest.mark.parametrize(("code", "state_of_run"), [(0, RunState.SUCCEEDED), (7, RunState.FAILED)])
def test_a_run_survives_the_death_of_its_starter_and_its_end_is_known(state, tmp_path, code, state_of_run):
    gate, log = tmp_path / "gate", tmp_path / "log"
    arguments = python(
        f"open(sys.argv[2], 'a').write('once\\n')\n{WAIT_FOR}\nsys.exit({code})".replace(
            "open(", "import sys; open(", 1
        ),
        str(gate),
        str(log),
    )
    starter = Starter(state, arguments)
    starter.kill()
    runner = CommandRunner(arguments, state_dir=state, identity="orders")
    followed = runner.start(DAY)
    assert (followed.name, followed.in_flight, followed.ours) == (starter.run, True, False)
    gate.touch()
    assert ended(runner, followed).state is state_of_run
    assert log.read_text() == "once\n"


def _supervisor_of(runner, run):
    needle = str(runner.output(run).with_suffix(".json")).encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if needle in (folder / "cmdline").read_bytes():
                return int(folder.name)
        except OSError:
            continue
    raise AssertionError("the supervisor is not running")


def test_a_run_without_its_supervisor_goes_on_and_is_then_lost(state, tmp_path):
    gate = tmp_path / "gate"
    runner = CommandRunner(python(WAIT_FOR, str(gate)), state_dir=state)
    run = runner.start(DAY)
    until(lambda: runner.output(run).read_text() == "begun\n")
    os.kill(_supervisor_of(runner, run), signal.SIGKILL)
    runner.wait(PATIENCE)
    assert runner.poll([run])[0].in_flight
    assert runner.start(DAY).name == run.name
    gate.touch()
    lost = ended(runner, run)
    assert (lost.state, lost.failure) == (RunState.LOST, Failure.LOST)
    assert runner.start(DAY).name == "2025-11-05.2"
    ended(runner, runner.latest([DAY])[DAY])


def test_a_signal_to_the_supervisor_reaches_the_command(state, tmp_path):
    runner = CommandRunner(python(WAIT_FOR, str(tmp_path / "never")), state_dir=state)
    run = runner.start(DAY)
    until(lambda: runner.output(run).read_text() == "begun\n")
    os.kill(_supervisor_of(runner, run), signal.SIGTERM)
    assert ended(runner, run).message.startswith("the command was ended by SIGTERM")


def test_a_record_of_an_older_ledger_does_not_end_a_new_run(state, tmp_path):
    gate = tmp_path / "gate"
    runner = CommandRunner(python(WAIT_FOR, str(gate)), state_dir=state)
    run = runner.start(DAY)
    record = runner.output(run).with_suffix(".json")
    gate.touch()
    ended(runner, run)
    gate.unlink()
    (state / "runs.sqlite").unlink()
    again = CommandRunner(python(WAIT_FOR, str(gate)), state_dir=state)
    run = again.start(DAY)
    assert run.name == "2025-11-05.1"
    assert again.poll([run])[0].in_flight
    gate.touch()
    assert ended(again, run).state is RunState.SUCCEEDED
    record.write_text("{")
    assert again.latest([DAY])[DAY].state is RunState.SUCCEEDED


def test_a_record_that_cannot_be_read_is_an_error_of_the_runs(state, tmp_path):
    gate = tmp_path / "gate"
    runner = CommandRunner(python(WAIT_FOR, str(gate)), state_dir=state)
    run = runner.start(DAY)
    record = runner.output(run).with_suffix(".json")
    record.write_text("{")
    with pytest.raises(RunsError, match=r"cannot be read.*Remove it"):
        runner.poll([run])
    record.unlink()
    gate.touch()
    ended(runner, run)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"command": "python etl.py"}, "is not a list of texts"),
        ({"command": []}, "is not a list of texts"),
        ({"command": ["a", 1]}, "is not a list of texts"),
        ({"jobs": 0}, "jobs: 0 is less than 1"),
        ({"attempts": 0}, "attempts: 0 is less than 1"),
        ({"timeout": 0}, "timeout: 0 is not a number of seconds"),
    ],
)
def test_impossible_options_are_refused(state, options, message):
    with pytest.raises(OptionError, match=message):
        CommandRunner(**({"command": ["true"], "state_dir": state} | options))
