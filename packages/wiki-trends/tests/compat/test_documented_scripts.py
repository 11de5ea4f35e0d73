"""Test the documented scripts: the dialogue on a terminal, plain text in a pipe, and the exit codes."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from dataclasses import replace

import pexpect
import pytest

from smart_orchestrator.model.window import today_utc
from testing.product import CONTROL_CHARACTERS

AS_OF = ("--as-of", "2025-11-12")
COLOUR = "\x1b["


@pytest.fixture
def two_missing(place, sample_api):
    """A lake with three of the window's five days, and a Wikimedia that has published the two missing days."""
    place.write_days("2025-10-20", "2025-11-07", "2025-11-08", "2025-11-09")
    place.server = sample_api()
    return place


def end_of(terminal):
    terminal.expect(pexpect.EOF)
    text = terminal.before
    terminal.close()
    return terminal.exitstatus, text


def fetched(place):
    return [path for _, path, _ in place.server.requests if "/all-access/" in path]


def test_answering_y_fetches_each_missing_date_and_ends_with_the_analytics(two_missing):
    terminal = two_missing.terminal("check_and_fetch_data.py", *AS_OF)
    for line in (
        "Total files in the diamond bucket: 4",
        "Expected dates: 5",
        "Available dates: 3",
        "Missing dates: 2",
        "Coverage: 60.0 %",
        "2025-11-06: 6 days ago",
        "2025-11-05: 7 days ago",
        r"Fetch these 2 dates now\? \(y/n\) ",
    ):
        terminal.expect(line)
    assert fetched(two_missing) == []
    terminal.sendline("maybe")
    terminal.expect(r"\(y/n\) ")
    terminal.sendline("y")
    code, text = end_of(terminal)
    assert code == 0
    for number, day in ((1, "2025-11-05"), (2, "2025-11-06")):
        told = [line for line in text.splitlines() if f"[{number}/2] {day}" in line]
        assert [word for line in told for word in ("started", "waiting", "done") if word in line] == [
            "started",
            "waiting",
            "done",
        ]
    assert "All dates were fetched; analytics can be run: python run_analytics.py" in text
    assert COLOUR in text
    assert len(fetched(two_missing)) == 2
    assert two_missing.run("check", *AS_OF).code == 0


@pytest.mark.parametrize("answer", ["n\n", "No\n", "\x04"])
def test_anything_but_yes_fetches_nothing(two_missing, answer):
    terminal = two_missing.terminal("check_and_fetch_data.py", *AS_OF)
    terminal.expect(r"\(y/n\) ")
    terminal.send(answer)
    code, text = end_of(terminal)
    assert code == 1
    assert "Nothing was fetched." in text
    assert fetched(two_missing) == []


def test_ctrl_c_at_the_question_ends_in_one_sentence(two_missing):
    terminal = two_missing.terminal("check_and_fetch_data.py", *AS_OF)
    terminal.expect(r"\(y/n\) ")
    terminal.sendintr()
    code, text = end_of(terminal)
    assert code == 130
    assert "interrupted: " in text
    assert "Traceback" not in text
    assert fetched(two_missing) == []


def test_ctrl_c_while_dates_are_fetched_leaves_nothing_half_done_and_says_how_to_go_on(place, sample_api):
    place.write_days("2025-11-07", "2025-11-08", "2025-11-09")
    server = sample_api(latency=0.5)
    terminal = place.terminal("check_and_fetch_data.py", *AS_OF)
    terminal.expect(r"\(y/n\) ")
    terminal.sendline("y")
    terminal.expect(r"\[2/2\] 2025-11-06 waiting")
    terminal.sendintr()
    code, text = end_of(terminal)
    server.options = replace(server.options, latency=0)
    assert code == 130
    assert "Run the same command again to continue." in text
    assert "Traceback" not in text
    assert place.run("check", *AS_OF, "--json").json["missing"] == ["2025-11-05", "2025-11-06"]
    assert place.process("check_and_fetch_data.py", "--auto", *AS_OF).code == 0


def test_no_colour_where_the_user_wants_none(two_missing, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = two_missing.terminal("check_and_fetch_data.py", "--days", "3", *AS_OF)
    code, text = end_of(terminal)
    assert code == 0
    assert "\x1b[3" not in text


def test_without_a_terminal_it_only_reports(two_missing):
    ran = two_missing.process("check_and_fetch_data.py", *AS_OF)
    assert ran.code == 1
    assert "Missing dates: 2" in ran.out
    assert "Add --auto to fetch." in ran.out
    assert "(y/n)" not in ran.out
    assert not CONTROL_CHARACTERS.search(ran.out + ran.err)
    assert fetched(two_missing) == []


@pytest.mark.slow
def test_auto_fetches_in_a_pipe_without_control_codes_then_the_analytics_and_the_report(two_missing):
    ran = two_missing.process("check_and_fetch_data.py", "--days", "4", "--auto", *AS_OF)
    assert ran.code == 0
    assert "[1/1] 2025-11-06 done, " in ran.out
    assert "All dates were fetched" in ran.out
    assert two_missing.process("check_and_fetch_data.py", "--days", "4", *AS_OF).code == 0
    refused = two_missing.process("run_analytics.py", *AS_OF)
    assert (refused.code, refused.out) == (1, "")
    assert "coverage 80.0 %, missing: 2025-11-05" in refused.err
    done = two_missing.process("run_analytics.py", "--days", "4", *AS_OF)
    assert done.code == 0
    rows = int(ran.out.partition("2025-11-06 done, ")[2].partition(" row")[0].replace(",", ""))
    assert f"Combined records: {3 * 3 + rows:,}\n" in done.out
    assert "Common articles: " in done.out
    assert "Top growing" in done.out
    shown = two_missing.process("show_analytics_report.py")
    assert shown.code == 0
    assert shown.out.startswith("Trends of 2025-11-06 .. 2025-11-09")
    assert done.out.endswith(shown.out)
    for text in (ran.out, done.out, shown.out, ran.err, done.err, shown.err):
        assert not CONTROL_CHARACTERS.search(text)


def test_a_day_that_never_came_leaves_its_window_open(place, sample_api):
    place.write_days("2025-11-07", "2025-11-08", "2025-11-09")
    sample_api(never=(dt.date(2025, 11, 5),))
    ran = place.process("check_and_fetch_data.py", "--auto", *AS_OF)
    assert ran.code == 1
    assert "[1/2] 2025-11-05 failed (NOT_PUBLISHED): " in ran.out
    assert "[2/2] 2025-11-06 done" in ran.out
    assert "Still missing: 2025-11-05. Coverage: 80.0 %." in ran.out


@pytest.mark.slow
def test_a_date_that_somebody_else_fetches_is_followed_and_not_started_twice(place, sample_api):
    place.write_days("2025-11-07", "2025-11-08", "2025-11-09")
    place.server = sample_api(latency=0.1)
    with place.start("backfill", *AS_OF) as other:
        for line in other.stderr:
            if "[0/2] 2025-11-06 started" in line:
                break
        ran = place.process("check_and_fetch_data.py", "--auto", *AS_OF)
        other.communicate()
        assert other.returncode == 0
    assert ran.code == 0
    assert "[1/2] 2025-11-05 is run by another process, waiting for it (run 2025-11-05.1)" in ran.out
    assert len(fetched(place)) == 2


def test_the_usual_days_are_the_last_that_are_published(place):
    newest = today_utc() - dt.timedelta(days=3)
    place.write_days(*[(newest - dt.timedelta(days=back)).isoformat() for back in range(5)])
    ran = place.process("check_and_fetch_data.py")
    assert ran.code == 0
    assert "Coverage: 100.0 %" in ran.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("check_and_fetch_data.py --days x", "error: --days: 'x' is not a whole number. Give for example 7."),
        ("check_and_fetch_data.py --days 0", "error: --days: '0' is not between 1 and 3660."),
        ("run_analytics.py --days 4000", "error: --days: '4000' is not between 1 and 3660."),
        ("run_analytics.py --as-of 2025-02-30", "error: --as-of: '2025-02-30' is not a day of the calendar."),
        ("check_and_fetch_data.py --day 5", "unrecognized arguments: --day 5"),
        ("show_analytics_report.py 5", "unrecognized arguments: 5"),
    ],
)
def test_bad_options_are_wrong_usage(place, words, says):
    ran = place.process(*words.split())
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err


def test_what_the_scripts_need_and_is_not_there_has_its_exit_code(place, monkeypatch):
    assert place.process("show_analytics_report.py").code == 1
    ran = place.process("check_and_fetch_data.py", "--auto")
    assert ran.code == 2
    assert "Set WIKI_TRENDS_CONTACT" in ran.err
    monkeypatch.setenv("WIKI_TRENDS_RUNNER", "airflow")
    ran = place.process("check_and_fetch_data.py", "--auto")
    assert ran.code == 2
    assert "WIKI_TRENDS_AIRFLOW_USER: '' is not a user with a password, and no token is set." in ran.err


BROKEN = """
import wiki_trends.compat.scripts as scripts
import wiki_trends.jobs.main as main

def broken(*_, **__):
    raise ZeroDivisionError("of http://me:hunter2@host/")

main.checker_of_window = broken
scripts.{function}()
"""


@pytest.mark.parametrize("script", ["check_and_fetch_data", "run_analytics"])
def test_a_fault_names_the_script_and_debug_prints_the_traceback(place, script):
    code = BROKEN.format(function=script)

    def ran(*options):
        command = [sys.executable, "-c", code, *options]
        return subprocess.run(command, cwd=place.folder, capture_output=True, text=True, check=False)

    plain, debugged = ran(), ran("--debug")
    assert (plain.returncode, debugged.returncode) == (4, 4)
    assert f"unexpected error in `python {script}.py`: ZeroDivisionError" in plain.stderr
    assert f"`python {script}.py --debug` with the same options prints the traceback" in plain.stderr
    assert "Traceback" not in plain.stderr
    assert "Traceback" in debugged.stderr
    assert "hunter2" not in plain.stderr + debugged.stderr
