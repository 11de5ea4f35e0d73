from __future__ import annotations

import datetime as dt
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_orchestrator.backfilling.reporter import SilentReporter
from smart_orchestrator.checking import check, total_days
from smart_orchestrator.cli.exit_codes import INTERRUPTED, Program
from smart_orchestrator.committing.writer import write_frame
from smart_orchestrator.model.partition import Code, Partition
from smart_orchestrator.model.plan import make_plan
from smart_orchestrator.model.run import Failure, Run, RunState
from smart_orchestrator.model.window import Window
from smart_orchestrator.store.opening import open_lake
from smart_orchestrator.text.reporter import TextReporter, printable
from smart_orchestrator.text.reports import completeness_lines, log_lines, plan_lines
from smart_orchestrator.text.spans import weekday
from testing.lakes import AS_OF, DAY, WINDOW, frame, pages
from wiki_trends.compat.date_report import date_report_lines

CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")
START = dt.datetime(2025, 11, 12, 3, 0, tzinfo=dt.UTC)
RUN = Run(
    "2025-11-05.2",
    DAY,
    2,
    RunState.FAILED,
    failure=Failure.ERROR,
    message="no\x1b[31m rows",
    started_at=START,
    ended_at=START + dt.timedelta(seconds=2),
)
FILLED = Partition(DAY, Code.OK, "3 rows")


@pytest.fixture
def documented():
    """The documented lake: eight days, of which three are among the five of 2025-11-12."""
    dataset = pages("memory://documented")
    for number in (1, 2, 3, 4, 7, 8, 9):
        write_frame(dataset, dt.date(2025, 11, number), frame())
    write_frame(dataset, dt.date(2025, 10, 31), frame())
    return check(dataset, WINDOW), total_days(dataset, open_lake(dataset.lake))


class Terminal(io.StringIO):
    def isatty(self):
        return True


def tell(reporter, completeness):
    reporter.checked(completeness)
    reporter.planned(make_plan(completeness, {}))
    reporter.started(RUN, (0, 2))
    reporter.followed(RUN, (0, 2))
    reporter.failed(RUN, (0, 2), again=True)
    reporter.failed(RUN, (1, 2), again=False)
    reporter.filled(FILLED, RUN, (2, 2))
    reporter.filled(FILLED, None, (2, 2))


def test_the_report_that_users_of_the_documented_system_know(documented):
    completeness, total = documented
    lines = [text for text, _ in date_report_lines(completeness, total, "Fetch them.")]
    assert lines == [
        "Data completeness, 2025-11-05 .. 2025-11-09 (as of 2025-11-12)",
        "Total files in the diamond bucket: 8",
        "Expected dates: 5",
        "Available dates: 3",
        "Missing dates: 2",
        "Coverage: 60.0 %",
        "Available:",
        "  2025-11-09 (Sunday)",
        "  2025-11-08 (Saturday)",
        "  2025-11-07 (Friday)",
        "Missing:",
        "  2025-11-06 (Thursday): nothing is there",
        "  2025-11-05 (Wednesday): nothing is there",
        "Fetch them.",
    ]


@pytest.mark.usefixtures("documented")
def test_a_whole_window_needs_no_hint():
    dataset = pages("memory://documented")
    whole = check(dataset, Window.of_days(3, AS_OF))
    lines = [text for text, _ in date_report_lines(whole, 8, "Fetch them.")]
    assert "Coverage: 100.0 %" in lines
    assert "Missing:" not in lines
    assert "Fetch them." not in lines


def test_a_pipe_gets_plain_lines_without_control_codes(documented):
    stream = io.StringIO()
    tell(TextReporter(stream), documented[0])
    text = stream.getvalue()
    assert not CONTROL.search(text)
    assert text.splitlines() == [
        "pages  2025-11-05 .. 2025-11-09  (5 days, as of 2025-11-12, lag 3)",
        "  5–6 November 2025: 2 days absent, MISSING: nothing is there",
        "  7–9 November 2025: 3 days complete, each 3 rows",
        "expected 5, available 3, missing 2, coverage 60.0 %",
        "plan:",
        "  + 5–6 November 2025: start 2 days, MISSING: nothing is there",
        "[0/2] 2025-11-05 started (run 2025-11-05.2)",
        "[0/2] 2025-11-05 is being run by another process (run 2025-11-05.2): waiting for it",
        "[0/2] 2025-11-05 failed (run 2025-11-05.2, ERROR): no\ufffd[31m rows -- trying again",
        "[1/2] 2025-11-05 failed (run 2025-11-05.2, ERROR): no\ufffd[31m rows -- giving up",
        "[2/2] 2025-11-05 is complete: 3 rows in 2.0 s",
        "[2/2] 2025-11-05 is complete: 3 rows",
    ]


def test_a_terminal_gets_colours_and_the_same_words(documented, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    plain, terminal = io.StringIO(), Terminal()
    tell(TextReporter(plain), documented[0])
    tell(TextReporter(terminal), documented[0])
    assert "\x1b[" in terminal.getvalue()
    assert re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue()) == plain.getvalue()


def test_silence_is_silent(documented, capfd):
    tell(SilentReporter(), documented[0])
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
@given(st.text())
def test_what_a_terminal_would_obey_is_replaced(text):
    shown = printable(text)
    assert len(shown) == len(text)
    assert all(char.isprintable() or char in "\n\t\ufffd" for char in shown)
    assert all(a == b for a, b in zip(shown, text, strict=True) if b.isprintable())


@pytest.mark.parametrize("text", ["\x1b[2J", "a\u202eb", "a\x9bb", "\ud800", "\r", "\u2066"])
def test_controls_and_overrides_of_direction_are_replaced(text):
    assert "\ufffd" in printable(text)


def test_weekdays_are_english_and_computed():
    assert [weekday(day)[:3] for day in WINDOW] == ["Wed", "Thu", "Fri", "Sat", "Sun"]


@pytest.mark.usefixtures("documented")
def test_a_long_window_lists_its_troubles_only():
    dataset = pages("memory://documented")
    long = check(dataset, Window.of_days(60, AS_OF))
    lines = [text for text, _ in completeness_lines(long)]
    assert lines[1:] == [
        "  11 September – 30 October 2025: 50 days absent, MISSING: nothing is there",
        "  5–6 November 2025: 2 days absent, MISSING: nothing is there",
        "expected 60, available 8, missing 52, coverage 13.3 %",
    ]
    shortened = [text for text, _ in completeness_lines(long, most=1)]
    assert shortened[2] == "  … and 2 more days that are not available"
    logged = [text for text, _ in log_lines(long)]
    assert (len(logged), logged[41]) == (43, "  … and 12 more days that are not available")


def test_lag_waivers_warnings_and_strays_are_said():
    kinds = [
        Partition(DAY, Code.WAIVED, "waived: never"),
        Partition(DAY + dt.timedelta(1), Code.WITHIN_LAG, "too settle"),
        Partition(DAY + dt.timedelta(2), Code.UNUSUAL_VOLUME, "half of the usual"),
    ]
    completeness = check(pages("memory://none"), Window.between(DAY, DAY, AS_OF))
    strays = tuple(f"stray_{number:02}/" for number in range(12))
    window = Window.between(DAY, DAY + dt.timedelta(2), AS_OF)
    changed = completeness.__class__("pages", window, tuple(kinds), strays)
    lines = completeness_lines(changed)
    assert ("  Friday 7 November 2025: complete, UNUSUAL_VOLUME: half of the usual", "warn") in lines
    assert ("  Wednesday 5 November 2025: absent, WAIVED: waived: never", "dim") in lines
    assert lines[4] == (
        "expected 1, available 1, missing 0, coverage 100.0 %, within the lag 1, waived 1",
        "good",
    )
    assert lines[5][0] == "stray: stray_00/ is not the key of a day and does not count"
    assert lines[-1][0] == "… and 2 more strays"
    one = completeness_lines(completeness)
    assert one[0][0] == "pages  2025-11-05 .. 2025-11-05  (1 day, as of 2025-11-12, lag 3)"


@pytest.mark.usefixtures("documented")
def test_a_plan_with_nothing_to_do_says_so():
    plan = make_plan(check(pages("memory://documented"), Window.of_days(3, AS_OF)), {})
    assert plan_lines(plan) == [("plan: nothing to do, every day is kept", "good")]
    assert [text for text, _ in plan_lines(plan, every=True)][
        1
    ] == "    7–9 November 2025: keep 3 days, each 3 rows"


def test_a_second_interruption_ends_the_message_about_the_first_one(capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    program = Program("tool", "tool", lines_of_mentioned_commands=interrupt)

    assert program.run(interrupt) == INTERRUPTED
    assert capsys.readouterr().err.startswith("interrupted: ")
