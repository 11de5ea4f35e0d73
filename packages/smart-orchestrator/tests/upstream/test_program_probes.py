"""Probes that run a command or call a function."""

from __future__ import annotations

import datetime as dt
import os
import signal
import sys
import tracemalloc

import pytest

from smart_orchestrator.errors import LakeUnreachable
from smart_orchestrator.model.dataset import Dataset
from smart_orchestrator.project_errors import ConfigError
from smart_orchestrator.upstream.probe import Answer, Presence
from smart_orchestrator.upstream.program_probes import MAX_STDERR_BYTES, CommandProbe, FunctionProbe
from testing.processes import has_ended

DAY = dt.date(2025, 11, 5)
NOW = dt.datetime(2025, 11, 6, 7, 0, tzinfo=dt.UTC)
DATASET = Dataset("orders", "lake", "dt={day:%Y-%m-%d}", adapter="files")


def command_probe(folder, *command, timeout=30.0):
    return CommandProbe(command, DATASET, timeout, folder / "project.toml", "datasets.orders.probe.command")


@pytest.mark.parametrize(
    ("code", "presence"),
    [(0, Presence.LANDED), (1, Presence.NOT_YET), (2, Presence.UNKNOWN), (127, Presence.UNKNOWN)],
)
def test_the_exit_code_says_whether_it_is_there(tmp_path, code, presence):
    script = (
        f"import sys; print('first', file=sys.stderr); print('no disk', file=sys.stderr); sys.exit({code})"
    )
    answer = command_probe(tmp_path, sys.executable, "-c", script).ask(DAY, NOW)

    assert answer.presence is presence
    assert answer.detail == f"exit code {code}" + (": no disk" if presence is Presence.UNKNOWN else "")


def test_a_command_gets_the_key_and_its_span_and_runs_in_the_folder_of_the_file(tmp_path):
    script = "import sys; open('asked', 'w').write(' '.join(sys.argv[1:]))"
    command_probe(tmp_path, sys.executable, "-c", script, "{key}", "{start}", "{end}").ask(DAY, NOW)

    assert (tmp_path / "asked").read_text() == "2025-11-05 2025-11-05T00:00:00Z 2025-11-06T00:00:00Z"


def test_a_command_that_does_not_end_says_nothing(tmp_path):
    answer = command_probe(tmp_path, sys.executable, "-c", "import time; time.sleep(60)", timeout=0.2).ask(
        DAY, NOW
    )

    assert (answer.presence, answer.detail) == (
        Presence.UNKNOWN,
        "the command did not end within 0.2 s",
    )


def test_a_command_that_does_not_end_is_ended_with_the_processes_that_it_started(tmp_path):
    pid_file = tmp_path / "child"
    script = "sleep 600 & echo $! > written; mv written child; wait"
    for timeout in (0.5, 5.0, 50.0):
        answer = command_probe(tmp_path, "sh", "-c", script, timeout=timeout).ask(DAY, NOW)
        assert answer.presence is Presence.UNKNOWN
        if pid_file.exists():
            break

    assert has_ended(int(pid_file.read_text()))


def test_only_the_end_of_the_output_of_a_command_is_kept(tmp_path):
    script = "import sys; sys.stderr.write('x' * 40_000_000 + chr(10) + 'no disk' + chr(10)); sys.exit(2)"
    tracemalloc.start()
    try:
        answer = command_probe(tmp_path, sys.executable, "-c", script).ask(DAY, NOW)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert answer.detail == "exit code 2: no disk"
    assert peak < 8 * MAX_STDERR_BYTES


def test_a_process_that_a_command_leaves_behind_does_not_delay_the_answer(tmp_path):
    script = (
        "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('child', 'w').write(str(child.pid)); print('no disk', file=sys.stderr); sys.exit(2)"
    )
    answer = command_probe(tmp_path, sys.executable, "-c", script, timeout=300.0).ask(DAY, NOW)
    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)

    assert answer.detail == "exit code 2: no disk"


def test_a_command_that_cannot_be_started_is_an_error_of_the_configuration(tmp_path):
    with pytest.raises(ConfigError) as caught:
        command_probe(tmp_path, "no-such-program").ask(DAY, NOW)

    assert "datasets.orders.probe.command" in str(caught.value)


@pytest.mark.parametrize(
    ("result", "presence"),
    [
        (True, Presence.LANDED),
        (False, Presence.NOT_YET),
        (None, Presence.UNKNOWN),
        ("yes", Presence.UNKNOWN),
        (Answer(Presence.LANDED, NOW, '"v1"'), Presence.LANDED),
    ],
)
def test_a_function_returns_whether_it_is_there(result, presence):
    assert FunctionProbe(lambda: lambda _: result).ask(DAY, NOW).presence is presence


def test_a_function_that_fails_says_nothing():
    def fail(_):
        raise RuntimeError("out of\norder")

    answer = FunctionProbe(lambda: fail).ask(DAY, NOW)

    assert (answer.presence, answer.detail) == (Presence.UNKNOWN, "RuntimeError: out of order")


def test_a_function_that_ends_the_program_says_nothing():
    answer = FunctionProbe(lambda: lambda _: sys.exit(3)).ask(DAY, NOW)

    assert (answer.presence, answer.detail) == (Presence.UNKNOWN, "SystemExit: 3")


@pytest.mark.parametrize(
    ("presence", "until", "problem"),
    [
        (Presence.LANDED, NOW.replace(tzinfo=None), "has no time zone"),
        ("perhaps", NOW, "'perhaps' is not a valid Presence"),
    ],
)
def test_an_answer_that_cannot_be_remembered_says_nothing(presence, until, problem):
    answer = FunctionProbe(lambda: lambda _: Answer(presence, until)).ask(DAY, NOW)

    assert answer.presence is Presence.UNKNOWN
    assert problem in answer.detail


def test_an_answer_has_the_types_of_its_fields_whatever_the_function_gives():
    answer = FunctionProbe(lambda: lambda _: Answer("landed", NOW, 7, None)).ask(DAY, NOW)

    assert (answer.presence, answer.etag, answer.url) == (Presence.LANDED, "7", "")


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (LakeUnreachable("s3://lake", "does not answer", "Wait."), False),
        (ConfigError("project.toml", "contact", "is missing", "Add it."), True),
    ],
)
def test_an_error_that_time_does_not_cure_is_raised(error, raised):
    def fail(_):
        raise error

    probe = FunctionProbe(lambda: fail)
    if raised:
        with pytest.raises(ConfigError):
            probe.ask(DAY, NOW)
    else:
        assert probe.ask(DAY, NOW).presence is Presence.UNKNOWN
