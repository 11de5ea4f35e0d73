"""Test output that cannot be written, and unexpected errors: the exit codes, and the messages that still appear."""

from __future__ import annotations

import subprocess

import pytest

from smart_orchestrator.cli.exit_codes import FAULT
from testing.product import DAYS
from wiki_trends.jobs import main as main_job

AS_OF = ("--as-of", "2025-11-12")


def shell(place, command, words):
    program = " ".join(place.command(*words))
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {program} {command}"],
        cwd=place.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_reader_that_goes_away_leaves_the_exit_code_as_it_is(place):
    place.write_days(*DAYS)
    done = shell(place, "| head -1", ("check", *AS_OF, "--days", "5"))
    assert done.returncode == 0
    assert done.stderr == ""
    assert shell(place, "| head -1", ("check", *AS_OF, "--days", "9")).returncode == 1


@pytest.mark.parametrize("target", [">/dev/full", ">&-"])
@pytest.mark.parametrize("words", [("check", "--json"), ("plan",), ("check", "--calendar")])
def test_output_that_cannot_be_written_is_an_error_in_one_line(place, target, words):
    place.write_days(*DAYS)
    done = shell(place, target, (*words, *AS_OF))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "error: stdout: the output cannot be written" in done.stderr


@pytest.mark.parametrize("script", ["analyze", "run_analytics.py"])
def test_what_was_published_is_said_when_stdout_is_full(place, script):
    place.write_days(*DAYS)
    done = shell(place, ">/dev/full", (script, *AS_OF))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "wiki_trends_timeseries: 15 rows" in done.stderr or "Combined records: 15" in done.stderr
    assert place.run("report", "--json").code == 0


def test_a_closed_stdout_is_not_a_file_of_the_lake(place):
    place.write_days(*DAYS)
    assert shell(place, ">&- 2>&- <&-", ("run", *AS_OF)).returncode == 1
    assert place.run("check", *AS_OF, "--deep").code == 0
    assert place.run("report").code == 0


@pytest.fixture
def broken(place, monkeypatch):
    def fault(*_arguments, **_options):
        raise ZeroDivisionError("line one\nerror: forged http://me:hunter2@host/")

    monkeypatch.setattr(main_job, "checker_of_window", fault)
    return place


def test_an_unexpected_error_is_one_line_with_its_own_exit_code(broken):
    ran = broken.run("check")
    assert ran.code == FAULT == 4
    assert ran.out == ""
    assert ran.err.startswith("error: unexpected error in `wiki-trends check`: ZeroDivisionError")
    assert ran.err.count("\n") == 1
    assert "Report it" in ran.err
    assert "hunter2" not in ran.err


def test_with_json_a_fault_is_one_document(broken):
    ran = broken.run("check", "--json")
    assert ran.code == FAULT
    assert ran.json["error"]["code"] == FAULT
    assert "hunter2" not in ran.out


def test_debug_prints_the_traceback_without_secrets(broken):
    ran = broken.run("--debug", "check")
    assert ran.code == FAULT
    assert "Traceback" in ran.err
    assert "hunter2" not in ran.err
    assert "Traceback" not in broken.run("check").err
